"""What a list is asked for, and how a page of it is found quickly.

Ids first, rows after: ids come from an index alone; only the 25 rows that are shown are read whole. A page that its
neighbour names (`after`, `before`) is found at its place in the index: page 4,000 costs what page 1 does.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from typing import Any, Generic, TypeVar

import orjson
from sqlalchemy import ColumnElement, Select, and_, func, literal, or_, select, tuple_
from sqlalchemy.orm import Session

from referins_woo.db import UtcDateTime

_Row = TypeVar("_Row")


@dataclass(frozen=True, slots=True)
class Wanted:
    """One page of a list: search words, filters, order, which page of what size."""

    q: str = ""
    sort: str = ""
    descending: bool = False
    page: int = 1
    size: int = 25
    after: str = ""
    """The mark of the row before the page; `page` then only numbers it."""
    before: str = ""
    """The mark of the row behind the page."""
    filters: Mapping[str, str] = field(default_factory=dict)
    zone: tzinfo = UTC
    """In which the days of date filters begin."""

    def get(self, key: str) -> str:
        """The value of a filter, empty when it is not set."""
        return self.filters.get(key, "")

    def number(self, key: str) -> int | None:
        """The value of a filter that is an id; None when it is not set or none."""
        text = self.get(key)
        return int(text) if text.isascii() and text.isdigit() and len(text) <= 18 else None


@dataclass(frozen=True, slots=True)
class Found(Generic[_Row]):
    """The rows of that page, how many there are in all, and the marks of the first and the last of them."""

    rows: list[_Row]
    total: int
    first: str = ""
    last: str = ""


@dataclass(frozen=True, slots=True)
class Kind(Generic[_Row]):
    """What a list is of: its table, what may be asked of it, and how its rows are gathered."""

    table: Any
    sorts: Mapping[str, Any]
    """Columns by the name that addresses use."""
    conditions: Callable[[int, Wanted], list[ColumnElement[bool]]]
    """(account id, what is wanted): of no other account, ever."""
    rows: Callable[[Session, Sequence[int]], list[_Row]]
    """The rows with these ids, in their order."""

    def count(self, session: Session, account_id: int, wanted: Wanted) -> int:
        """Return how many rows meet the search words and filters."""
        conditions = self.conditions(account_id, wanted)
        return session.scalar(select(func.count()).select_from(self.table).where(*conditions)) or 0

    def counts(self, session: Session, account_id: int, wanted: Sequence[Wanted]) -> list[int]:
        """Return how many rows meet each of them, in one pass over the account's rows."""
        counted = [func.count().filter(*self.conditions(account_id, one)) for one in wanted]
        statement = select(*counted).select_from(self.table).where(*self.conditions(account_id, Wanted()))
        return [int(count) for count in session.execute(statement).one()]

    def find(self, session: Session, account_id: int, wanted: Wanted) -> Found[_Row]:
        """Return the wanted page."""
        total = None
        if wanted.q and not wanted.after and not wanted.before:
            # Searching looks at every row: page and count in one go.
            found = session.execute(self._statement(account_id, wanted).add_columns(func.count().over())).all()
            marks = [(row[0], row[1]) for row in found]
            if found or wanted.page == 1:
                total = int(found[0][2]) if found else 0
        else:
            marks = self._page(session, account_id, wanted)
        rows = self.rows(session, [row_id for row_id, _ in marks])
        if total is None:
            total = self.count(session, account_id, wanted)
        if not marks:
            return Found(rows, total)
        return Found(rows, total, _mark(*marks[0]), _mark(*marks[-1]))

    def find_few(self, session: Session, account_id: int, wanted: Wanted) -> list[_Row]:
        """Return the wanted page without counting all that match."""
        return self.rows(session, [row_id for row_id, _ in self._page(session, account_id, wanted)])

    def ids(self, account_id: int, wanted: Wanted) -> Select[tuple[int]]:
        """Return a select of the ids of all rows that meet the search words and filters."""
        statement: Select[tuple[int]] = select(self.table.id).where(*self.conditions(account_id, wanted))
        return statement

    def pages(self, session: Session, account_id: int, wanted: Wanted) -> Iterator[tuple[list[_Row], str]]:
        """Yield all rows in the wanted order, a page at a time, each with the mark to go on from."""
        while True:
            marks = self._page(session, account_id, wanted)
            if not marks:
                return
            mark = _mark(*marks[-1])
            yield self.rows(session, [row_id for row_id, _ in marks]), mark
            if len(marks) < wanted.size:
                return
            wanted = replace(wanted, after=mark)

    def _page(self, session: Session, account_id: int, wanted: Wanted) -> list[tuple[int, Any]]:
        """Return (id, value of the sorted column) of the page's rows, in order."""
        found = [(row_id, value) for row_id, value in session.execute(self._statement(account_id, wanted))]
        turned = wanted.before and not wanted.after and _read_mark(wanted.before, self.sorts[wanted.sort])
        return found[::-1] if turned else found

    def _statement(self, account_id: int, wanted: Wanted) -> Select[Any]:
        """The select of a page's ids and sorted values; of a page before a mark it is turned round."""
        column = self.sorts[wanted.sort]
        where = self.conditions(account_id, wanted)
        at = _read_mark(wanted.after or wanted.before, column)
        backwards = at is not None and not wanted.after
        statement: Select[Any] = select(self.table.id, column).where(*where).limit(wanted.size)
        descending = wanted.descending != backwards
        if at is not None:
            statement = statement.where(_past(self.table.id, column, at, descending, nulls_last=not backwards))
        elif wanted.page > 1:
            statement = statement.offset((wanted.page - 1) * wanted.size)
        order = [column.desc(), self.table.id.desc()] if descending else [column.asc(), self.table.id.asc()]
        if _may_be_null(column):
            order[0] = order[0].nulls_first() if backwards else order[0].nulls_last()
        return statement.order_by(*order)


def _may_be_null(column: Any) -> bool:
    return bool(getattr(column, "nullable", False) or getattr(getattr(column, "property", None), "nullable", False))


def _past(key: Any, column: Any, at: tuple[int, Any], descending: bool, *, nulls_last: bool) -> ColumnElement[bool]:
    """A condition: the row comes later than `at` in this order. Rows without a value stand at one end."""
    row_id, value = at
    later_id = key < row_id if descending else key > row_id
    if not _may_be_null(column):
        mine, theirs = tuple_(column, key), tuple_(literal(value, column.type), literal(row_id, key.type))
        past: ColumnElement[bool] = mine < theirs if descending else mine > theirs
        return past
    if value is None:
        same = and_(column.is_(None), later_id)
        return same if nulls_last else or_(same, column.is_not(None))
    later = or_(column < value if descending else column > value, and_(column == value, later_id))
    return or_(later, column.is_(None)) if nulls_last else later


def _mark(row_id: int, value: Any) -> str:
    """Write a row's place in an order so that it fits into an address."""
    text = orjson.dumps([row_id, value.isoformat() if isinstance(value, datetime) else value])
    return base64.urlsafe_b64encode(text).decode().rstrip("=")


def _read_mark(mark: str, column: Any) -> tuple[int, Any] | None:
    """Read it back; what is none places nothing."""
    if not mark:
        return None
    try:
        row_id, value = orjson.loads(base64.urlsafe_b64decode(mark + "=" * (-len(mark) % 4)))
        if isinstance(column.type, UtcDateTime):
            value = datetime.fromisoformat(value).astimezone(UTC) if value is not None else None
        elif value is not None and not isinstance(value, column.type.python_type):
            return None
    except (binascii.Error, ValueError, TypeError):
        return None
    return (row_id, value) if isinstance(row_id, int) and abs(row_id) < 2**63 else None


def in_order(ids: Sequence[int], rows: Mapping[int, _Row]) -> list[_Row]:
    """Return the rows in the order of their ids."""
    return [rows[row_id] for row_id in ids if row_id in rows]


def contains(column: Any, text: str) -> ColumnElement[bool]:
    """A condition: the column has `text` somewhere, in capitals or not. The signs % and _ are what was typed.

    SQLite folds A to Z only; the text in small letters beside it finds "café" for CAFÉ there too.
    """
    found: ColumnElement[bool] = column.icontains(text, autoescape=True)
    if text.isascii():
        return found
    also: ColumnElement[bool] = column.icontains(text.lower(), autoescape=True)
    return or_(found, also)


def has_key(column: Any, key: str) -> ColumnElement[bool]:
    """A condition: a column of keys, folded by `commerce.matching` as `key` is, has it somewhere."""
    found: ColumnElement[bool] = column.contains(key, autoescape=True)
    return found


def days(column: Any, wanted: Wanted, first: str = "from", last: str = "to") -> list[ColumnElement[bool]]:
    """Conditions of a filter by days, both included; what is no date filters nothing."""
    conditions: list[ColumnElement[bool]] = []
    begin, end = _midnight(wanted.get(first), wanted.zone), _midnight(wanted.get(last), wanted.zone)
    if begin is not None:
        conditions.append(column >= begin)
    if end is not None:
        conditions.append(column < end + timedelta(days=1))
    return conditions


def _midnight(text: str, zone: tzinfo) -> datetime | None:
    try:
        return datetime.combine(date.fromisoformat(text), time(), zone).astimezone(UTC)
    except ValueError:
        return None
