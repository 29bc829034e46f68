"""Every row of the reliability matrix has a test of its name, `test_row_17_…`, or stands on a short written list."""

from __future__ import annotations

import re
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]

NOT_BY_NAME: dict[int, str] = {}
"""Rows whose tests have other names, and where they are."""


def _rows(shared: Path) -> set[int]:
    text = (shared / "design" / "reliability.md").read_text()
    text = text.partition("## C. Fault-injection matrix")[2].partition("\n##")[0]
    return {int(number) for number in re.findall(r"^\| (\d+) \|", text, re.MULTILINE)}


def _tested() -> set[int]:
    return {
        int(number)
        for path in (ROOT / "tests").rglob("test_*.py")
        for number in re.findall(r"^def test_row_(\d{2})_", path.read_text(), re.MULTILINE)
    }


def test_every_row_has_a_test_of_its_name_or_is_on_the_written_list(shared: Path) -> None:
    rows = _rows(shared)
    assert len(rows) >= 96
    assert sorted(rows - _tested() - NOT_BY_NAME.keys()) == []
    assert sorted(_tested() - rows) == [], "tests of rows that are not there"


def test_the_written_list_names_only_rows_without_a_test_of_their_name() -> None:
    assert sorted(NOT_BY_NAME.keys() & _tested()) == []
