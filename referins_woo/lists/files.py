"""CSV text: no cell that a spreadsheet would run as a formula, times with their offset, a mark for Excel if wanted."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Sequence
from datetime import tzinfo
from typing import Any, Final

from referins_woo.lists.columns import Column, written

MARK: Final = "\ufeff"
"""Tells Excel that the text is UTF-8."""
_STARTS_A_FORMULA: Final = ("=", "+", "-", "@", "\t", "\r")


def harmless(value: object) -> str:
    """Return the text of a cell; one that begins like a formula gets an apostrophe in front."""
    text = "" if value is None else str(value)
    return "'" + text if text.startswith(_STARTS_A_FORMULA) else text


def lines(rows: Iterable[Sequence[object]]) -> str:
    """Return rows of cells as CSV. Numbers stay numbers; text is made harmless."""
    buffer = io.StringIO()
    writer = csv.writer(buffer)
    for row in rows:
        writer.writerow([harmless(cell) if isinstance(cell, str) else cell for cell in row])
    return buffer.getvalue()


def headings(columns: Sequence[Column]) -> str:
    """Return the first line of a list's file."""
    return lines([[heading for column in columns for heading, _ in column.cells]])


def of_rows(columns: Sequence[Column], rows: Iterable[Any], zone: tzinfo) -> str:
    """Return rows of a list as CSV."""
    return lines([written(cell(row), zone) for column in columns for _, cell in column.cells] for row in rows)
