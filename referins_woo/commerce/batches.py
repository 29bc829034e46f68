"""Arithmetic of batches: which goods are taken from, and to which they go back (O9). Pure.

Quantities are integers in 1/10,000. One law holds: what the batches of some goods hold and what is there without a
batch come to what is on hand. Taking splits a quantity, first in, first out; putting back is its exact inverse, so
that taking five and putting two back ends where taking three does.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Final

from referins_woo.errors import InvalidInput

LONGEST_NUMBER: Final = 100

Split = dict[int | None, int]
"""Batch (None: without one) → how much of a quantity."""


@dataclass(frozen=True, slots=True)
class Named:
    """A batch as people name it. A day that is not given stays what it is; of a new batch, it is today, or none."""

    number: str
    received_on: date | None = None
    expires_on: date | None = None


def name(
    number: str, received_on: date | None, expires_on: date | None, field: str = "batch", where: str = ""
) -> Named:
    """Return the batch of this number, trimmed. Raises InvalidInput."""
    trimmed = number.strip()
    if not trimmed:
        raise InvalidInput(field, f"{where}Give the number of the batch.")
    if len(trimmed) > LONGEST_NUMBER or not trimmed.isprintable():
        raise InvalidInput(field, f"{where}The number of a batch has at most {LONGEST_NUMBER} printable characters.")
    return Named(trimmed, received_on, expires_on)


def day(text: str, field: str = "lines", where: str = "") -> date | None:
    """Return the day that somebody typed, None where nothing was. Raises InvalidInput."""
    typed = text.strip()
    if not typed:
        return None
    try:
        found = date.fromisoformat(typed)
        if found.isoformat() == typed:
            return found
    except ValueError:
        pass
    raise InvalidInput(field, f"{where}{typed[:20]!r} is no day: give it like 2026-12-04.")


def is_expired(expires_on: date | None, today: date) -> bool:
    """Whether a batch is past its last good day. It is taken from all the same: that is for people to decide."""
    return expires_on is not None and expires_on < today


def take(quantity: int, left: Iterable[tuple[int, int]]) -> Split:
    """Split a quantity that leaves over batches: (batch, what it holds), first in first; the rest is without one.

    No batch falls below zero by it.
    """
    split: Split = {}
    rest = quantity
    for batch_id, holds in left:
        if rest <= 0:
            break
        if (part := min(rest, holds)) > 0:
            split[batch_id] = part
            rest -= part
    if rest > 0:
        split[None] = rest
    return split


def put_back(quantity: int, unassigned: int, taken: Sequence[tuple[int, int]]) -> Split:
    """Split a quantity that comes back of an order: the inverse of taking.

    What was never assigned comes back first, then what batches gave, the last one first: `taken` is (batch, how much is
    still out) in the order in which they gave it. More than was taken comes back without a batch.
    """
    split: Split = {}
    rest = quantity
    parts = [(None, unassigned), *reversed(taken)]
    for batch_id, out in parts:
        if rest <= 0:
            break
        if (part := min(rest, out)) > 0:
            split[batch_id] = part
            rest -= part
    if rest > 0:
        split[None] = split.get(None, 0) + rest
    return split


@dataclass(frozen=True, slots=True)
class Moved:
    """What an entry without a batch gives to batches, by `assign`."""

    entry: int
    to: dict[int, int]


def assign(waiting: Sequence[tuple[int, int]], left: Mapping[int, int]) -> list[Moved]:
    """Give (entry, how much of it waits for a batch), oldest first, what batches hold now, first in first.

    `left`: batch → what it holds, first in first. Nothing on hand changes, and doing it twice changes nothing more.
    """
    holds = dict(left)
    moved: list[Moved] = []
    for entry, quantity in waiting:
        to = {batch_id: part for batch_id, part in take(quantity, holds.items()).items() if batch_id is not None}
        for batch_id, part in to.items():
            holds[batch_id] -= part
        if to:
            moved.append(Moved(entry, to))
    return moved
