"""Changes to the content of an e-mail, each the body as it is afterwards: blocks added, moved, copied, taken away.

A place is named like "3" or, in a column, "3.left.0". What is there may be half done; what is not there raises
`editing.NoSuchPlace`. Nothing is changed in place.
"""

from __future__ import annotations

import copy
from typing import Any, Final

from automations.blocks import BLOCKS, CODE, SIDES
from automations.editing import NoSuchPlace

Body = list[Any]
_GONE: Final = "There is no such block any more."
_FRESH: Final[dict[str, dict[str, Any]]] = {"columns": {"left": [], "right": []}, CODE: {"language": "mjml"}}
WAYS: Final = ("up", "down")


def add(body: Body, kind: str, column: str = "", at: int | None = None) -> tuple[Body, str]:
    """Return the body with an empty block of `kind`, and its place.

    It stands at the end, or before the block `at`; `column` ("3.left") names the column, empty: the whole e-mail.
    """
    if kind not in BLOCKS or (column and kind in ("columns", CODE)):
        raise NoSuchPlace("There is no such block to add here.")
    changed = copy.deepcopy(body)
    held = _column(changed, column)
    index = len(held) if at is None else max(0, min(at, len(held)))
    held.insert(index, {"kind": kind, **copy.deepcopy(_FRESH.get(kind, {}))})
    return changed, f"{column}.{index}" if column else str(index)


def remove(body: Body, place: str) -> Body:
    """Return the body without the block."""
    changed = copy.deepcopy(body)
    held, index, _ = _find(changed, place)
    del held[index]
    return changed


def duplicate(body: Body, place: str) -> tuple[Body, str]:
    """Return the body with the block twice, and the place of the second."""
    changed = copy.deepcopy(body)
    held, index, column = _find(changed, place)
    held.insert(index + 1, copy.deepcopy(held[index]))
    return changed, f"{column}{index + 1}"


def move(body: Body, place: str, way: str) -> tuple[Body, str]:
    """Return the body with the block one place up or down, and its place; at the end of its list it stays."""
    _, index, column = _find(body, place)
    return move_to(body, place, index + (1 if way == "down" else -1)) if way in WAYS else (body, f"{column}{index}")


def move_to(body: Body, place: str, index: int) -> tuple[Body, str]:
    """Return the body with the block at `index` of its own list, and its place."""
    changed = copy.deepcopy(body)
    held, now, column = _find(changed, place)
    wanted = max(0, min(index, len(held) - 1))
    held.insert(wanted, held.pop(now))
    return changed, f"{column}{wanted}"


def block_at(body: Body, place: str) -> dict[str, Any]:
    """Return the block at a place."""
    held, index, _ = _find(body, place)
    block: dict[str, Any] = held[index]
    return block


def _find(body: Body, place: str) -> tuple[Body, int, str]:
    """Return the list that holds the block, its index there, and what its place begins with."""
    column, _, number = place.rpartition(".")
    held = _column(body, column)
    if not (number.isascii() and number.isdigit() and len(number) < 6 and int(number) < len(held)):
        raise NoSuchPlace(_GONE)
    return held, int(number), f"{column}." if column else ""


def _column(body: Body, column: str) -> Body:
    if not column:
        return body
    place, _, side = column.rpartition(".")
    if side not in SIDES or "." in place:
        raise NoSuchPlace(_GONE)
    held, index, _ = _find(body, place)
    block = held[index]
    if not isinstance(block, dict) or block.get("kind") != "columns":
        raise NoSuchPlace(_GONE)
    if not isinstance(block.get(side), list):
        block[side] = []
    found: Body = block[side]
    return found
