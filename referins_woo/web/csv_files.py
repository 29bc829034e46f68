"""CSV answers: UTF-8 with a mark for Excel, streamed, and no cell that a spreadsheet would run as a formula."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import chain, islice

from flask import Response

from referins_woo.lists import files

_AT_ONCE = 200
"""Rows of one piece."""


def answer(name: str, header: Sequence[str], rows: Iterable[Sequence[object]]) -> Response:
    """Return a download of `rows`; they are read while they are sent."""
    return streamed(name, chain([files.MARK], _pieces(chain([header], rows))))


def _pieces(rows: Iterator[Sequence[object]]) -> Iterator[str]:
    while some := list(islice(rows, _AT_ONCE)):
        yield files.lines(some)


def streamed(name: str, pieces: Iterable[str] | Iterator[bytes]) -> Response:
    """Return a download of text that comes in pieces."""
    response = Response(pieces, mimetype="text/csv")
    response.headers["Content-Disposition"] = f'attachment; filename="{name}"'
    return response
