"""Lists of names on the command line, parted by commas; an unknown one is wrong usage (exit code 2)."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

import click


class Names(click.ParamType[tuple[str, ...]]):
    """Names of a known set; without one, any."""

    name = "names"

    def __init__(self, known: Collection[str] = ()) -> None:
        self._known = tuple(known)

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> tuple[str, ...]:
        """Read the list."""
        if isinstance(value, tuple):
            return value
        names = tuple(part.strip() for part in str(value).split(",") if part.strip())
        for name in names:
            if self._known and name not in self._known:
                self.fail(f"there is no {name!r}: choose from {', '.join(self._known)}", param, ctx)
        return names
