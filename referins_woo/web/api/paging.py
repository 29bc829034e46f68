"""Lists of the API: rows by id, `?limit=` (at most 500) and `?cursor=`; the answer names the next cursor.

By id a list stays whole while rows come and go: nothing is shown twice, nothing that was there at the start is missed.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Callable, Sequence
from typing import Any, TypeVar

from flask import Response
from sqlalchemy import ColumnElement, select
from sqlalchemy.orm import Session

from referins_woo.errors import InvalidInput
from referins_woo.web.api import answers
from referins_woo.web.api.documents import Document, ListOf, Page

_Row = TypeVar("_Row")
_Shown = TypeVar("_Shown", bound=Document)


def rows(
    session: Session,
    table: type[_Row],
    conditions: Sequence[ColumnElement[bool]],
    query: ListOf,
    show: Callable[[Sequence[_Row]], list[_Shown]],
) -> Response:
    """Answer one page of `table`; `show` turns its rows into documents, in their order."""
    model: Any = table
    after = _after(query.cursor)
    found = session.scalars(
        select(model).where(*conditions, model.id > after).order_by(model.id).limit(query.limit + 1)
    ).all()
    page = found[: query.limit]
    cursor = _cursor(page[-1].id) if len(found) > query.limit else None
    return answers.answer(Page.model_construct(data=show(page), next_cursor=cursor))


def cut(found: Sequence[_Row], query: ListOf, show: Callable[[_Row], Document]) -> Response:
    """Answer one page of a short list that is here whole, in an order of its own; rows have an `id`."""
    ids: list[int] = [row.id for row in found]  # type: ignore[attr-defined]
    after = _after(query.cursor)
    begin = ids.index(after) + 1 if after in ids else 0
    page = found[begin : begin + query.limit]
    more = begin + query.limit < len(found)
    cursor = _cursor(ids[begin + len(page) - 1]) if more else None
    return answers.answer(Page.model_construct(data=[show(row) for row in page], next_cursor=cursor))


def equals(query: ListOf, **columns: Any) -> list[ColumnElement[bool]]:
    """Return a condition for each filter that was given: `equals(query, store_id=Order.store_id)`."""
    wanted = ((column, getattr(query, name)) for name, column in columns.items())
    return [column == value for column, value in wanted if value is not None]


def since(query: Any, column: Any) -> list[ColumnElement[bool]]:
    """Return the condition of `updated_since`, where it was given."""
    return [] if query.updated_since is None else [column >= query.updated_since]


def _cursor(row_id: int) -> str:
    return base64.urlsafe_b64encode(f"id:{row_id}".encode()).decode().rstrip("=")


def _after(text: str | None) -> int:
    if not text:
        return 0
    try:
        kind, _, number = base64.b64decode(text + "=" * (-len(text) % 4), b"-_", validate=True).decode().partition(":")
        if kind != "id" or not number.isascii() or not number.isdigit() or len(number) > 18:
            raise ValueError
        return int(number)
    except (ValueError, binascii.Error):
        raise InvalidInput("cursor", "This cursor is none of ours: take next_cursor of the page before.") from None
