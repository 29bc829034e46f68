"""Repeatable chance: the same seed, kind and number give the same throws, in any order of asking."""

from __future__ import annotations

from collections.abc import Sequence
from hashlib import blake2b
from typing import TypeVar

T = TypeVar("T")


class Dice:
    """A few throws for one record, cheap enough to make a million records on demand."""

    __slots__ = ("_left",)

    def __init__(self, seed: int, kind: str, number: int) -> None:
        digest = blake2b(f"{seed}:{kind}:{number}".encode(), digest_size=48).digest()
        self._left = int.from_bytes(digest, "big")

    def below(self, sides: int) -> int:
        """Return a number from 0 to `sides` - 1."""
        self._left, thrown = divmod(self._left, sides)
        return thrown

    def pick(self, choices: Sequence[T]) -> T:
        """Return one of `choices`."""
        return choices[self.below(len(choices))]

    def text(self, length: int) -> str:
        """Return a word of `length` hexadecimal digits."""
        return f"{self.below(16**length):0{length}x}"
