"""The content of an e-mail changed block by block, in columns too; what is not there is said."""

from __future__ import annotations

from typing import Any

import pytest

from automations import block_editing as editing
from automations.editing import NoSuchPlace

BODY: list[Any] = [
    {"kind": "heading", "text": "A"},
    {"kind": "columns", "left": [{"kind": "text", "text": "L"}, {"kind": "divider"}], "right": []},
]


def kinds(body: list[Any]) -> list[str]:
    return [one["kind"] for one in body]


def test_blocks_are_added_copied_moved_and_removed() -> None:
    body, place = editing.add(BODY, "text")
    assert (kinds(body), place) == (["heading", "columns", "text"], "2")
    body, place = editing.move(body, place, "up")
    assert (kinds(body), place) == (["heading", "text", "columns"], "1")
    body, place = editing.duplicate(body, "0")
    assert (kinds(body), place) == (["heading", "heading", "text", "columns"], "1")
    body, place = editing.move_to(body, "3", 0)
    assert (kinds(body), place) == (["columns", "heading", "heading", "text"], "0")
    assert kinds(editing.remove(body, "1")) == ["columns", "heading", "text"]
    assert kinds(BODY) == ["heading", "columns"], "nothing is changed in place"


def test_columns_hold_blocks_of_their_own() -> None:
    body, place = editing.add(BODY, "text", "1.right")
    assert place == "1.right.0"
    assert editing.block_at(body, place) == {"kind": "text"}
    body, place = editing.move(body, "1.left.1", "up")
    assert (kinds(body[1]["left"]), place) == (["divider", "text"], "1.left.0")
    assert kinds(editing.remove(body, "1.left.0")[1]["left"]) == ["text"]
    assert editing.add(BODY, "columns")[0][2] == {"kind": "columns", "left": [], "right": []}


def test_at_the_ends_a_block_stays() -> None:
    assert editing.move(BODY, "0", "up") == (BODY, "0")
    assert editing.move(BODY, "1", "down") == (BODY, "1")


@pytest.mark.parametrize(
    "place", ["2", "-1", "", "x", "0.left.0", "1.left.9", "1.middle.0", "1.left.0.left.0", "9.left.0", "²"]
)
def test_what_is_not_there_is_said(place: str) -> None:
    with pytest.raises(NoSuchPlace):
        editing.remove(BODY, place)


@pytest.mark.parametrize(
    ("kind", "column"), [("banner", ""), ("columns", "1.left"), ("code", "1.left"), ("text", "0.left")]
)
def test_what_cannot_stand_there_is_not_added(kind: str, column: str) -> None:
    with pytest.raises(NoSuchPlace):
        editing.add(BODY, kind, column)
