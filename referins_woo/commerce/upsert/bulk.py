"""Many rows with few statements, by the methods that measured fastest on each database.

SQLite: `executemany` on the driver's cursor with positional rows. PostgreSQL: all rows as one JSON parameter that
`jsonb_to_recordset` unfolds (psycopg spends half of its time splitting long VALUES lists: 4,400 rows/s against
25,000), and columns of bytes, which JSON would double, as an array each. Keys are drawn beforehand, so that few
statements need RETURNING and children know their parents.
"""

from __future__ import annotations

import contextlib
import sqlite3
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import UTC, date, datetime
from functools import lru_cache
from typing import Any, cast

import orjson
from sqlalchemy import JSON, ColumnElement, Date, LargeBinary, Table, any_, func, literal, literal_column, select, text
from sqlalchemy.dialects import postgresql
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.orm import DeclarativeBase, Session

from referins_woo.commerce.models import Contact, ContactMerge
from referins_woo.db import UtcDateTime, is_postgresql

Row = Sequence[Any]


def table_of(model: type[DeclarativeBase]) -> Table:
    """Return the table of a model."""
    return cast(Table, model.__table__)


def lock_account(session: Session, account_id: int) -> None:
    """Let only one unit at a time write an account's mirror (SQLite has one writer anyway).

    Two writers could otherwise both find no contact for an e-mail and both make one.
    """
    if is_postgresql(session):
        session.execute(text("SELECT pg_advisory_xact_lock(7201, :account)"), {"account": account_id % 2**31})


def among(session: Session, column: Any, values: Iterable[Any]) -> ColumnElement[bool]:
    """Return the condition that `column` is one of `values`, as one parameter whatever their number.

    A parameter for each, as IN has them, cost a fifth of an import in building statements.
    """
    wanted = list(values)
    if is_postgresql(session):
        return cast("ColumnElement[bool]", column == any_(literal(wanted, ARRAY(column.type))))
    listed: Any = select(literal_column("value")).select_from(func.json_each(orjson.dumps(wanted).decode()))
    return cast("ColumnElement[bool]", column.in_(listed))


def new_ids(session: Session, model: type[DeclarativeBase], count: int) -> range | list[int]:
    """Draw `count` fresh keys for `model`'s table."""
    if count == 0:
        return []
    table = table_of(model)
    if is_postgresql(session):
        draw = text(f"SELECT nextval('{table.name}_id_seq') FROM generate_series(1, :count)")  # noqa: S608
        return list(session.execute(draw, {"count": count}).scalars())
    # One writer holds the database: nobody else can take these before the unit ends.
    highest = session.execute(_highest(model)).scalar_one()
    return range(highest + 1, highest + 1 + count)


@lru_cache(maxsize=64)
def _highest(model: type[DeclarativeBase]) -> Any:
    """Return the statement for the highest key that a row of the model's table ever had.

    Undoing a merge gives a contact its number back (PostgreSQL's sequence never counts back by itself).
    """
    used = select(func.coalesce(func.max(table_of(model).c.id), 0).label("highest"))
    if model is not Contact:
        return used
    given_away = select(func.coalesce(func.max(table_of(ContactMerge).c.gone_id), 0).label("highest"))
    return select(func.max(literal_column("highest"))).select_from(used.union_all(given_away).subquery())


def insert_rows(
    session: Session,
    model: type[DeclarativeBase],
    columns: tuple[str, ...],
    rows: Sequence[Row],
    *,
    conflict: tuple[str, ...] = (),
    update: tuple[str, ...] = (),
    where: str = "",
) -> int:
    """Insert `rows` (values in the order of `columns`) into `model`'s table; returns how many rows were written.

    With `conflict` (the columns of a unique key) rows that exist are left alone, or get the columns in `update`;
    `where` is the condition of that key's index where it is a partial one.
    Rows must not repeat a key: PostgreSQL refuses to change one row twice.
    """
    if not rows:
        return 0
    with _cursor(session) as cursor:
        insert_by(cursor, model, columns, rows, conflict=conflict, update=update, where=where)
        return cast(int, cursor.rowcount)


def insert_by(
    cursor: Any,
    model: type[DeclarativeBase],
    columns: tuple[str, ...],
    rows: Sequence[Row],
    *,
    conflict: tuple[str, ...] = (),
    update: tuple[str, ...] = (),
    where: str = "",
) -> None:
    """Do what `insert_rows` does by a cursor of the driver: on PostgreSQL by one statement, however many they are."""
    table, ending = table_of(model), _on_conflict(conflict, update, where)
    if isinstance(cursor, sqlite3.Cursor):
        cursor.executemany(_plain_insert(table, columns, "?") + ending, _adapted(table, columns, rows))
    elif len(rows) == 1 and _bytes_of(table, columns):  # as most deliveries come: to fold one up costs a quarter more
        cursor.execute(_plain_insert(table, columns, "%s") + ending, rows[0])
    else:
        cursor.execute(_unfolding_insert(table, columns) + ending, _folded(table, columns, rows))


def insert_new_rows(
    session: Session,
    model: type[DeclarativeBase],
    columns: tuple[str, ...],
    rows: Sequence[Row],
    *,
    conflict: tuple[str, ...],
    returning: tuple[str, ...],
) -> Sequence[Row]:
    """Insert those of `rows` whose unique key `conflict` is new; returns the columns `returning` of each, in any order.

    They are numbers or texts: they come as the driver has them.
    """
    if not rows:
        return []
    table, ending = table_of(model), f"{_on_conflict(conflict, (), '')} RETURNING {', '.join(returning)}"
    with _cursor(session) as cursor:
        if not isinstance(cursor, sqlite3.Cursor):
            cursor.execute(_unfolding_insert(table, columns) + ending, _folded(table, columns, rows))
            return cast("Sequence[Row]", cursor.fetchall())
        statement, found = _plain_insert(table, columns, "?") + ending, []
        for row in _adapted(table, columns, rows):
            found += cursor.execute(statement, row).fetchall()
        return found


def update_rows(session: Session, model: type[DeclarativeBase], columns: tuple[str, ...], rows: Sequence[Row]) -> None:
    """Set `columns[1:]` of the rows whose key is `columns[0]`; each row gives the key first."""
    if not rows:
        return
    table = table_of(model)
    with _cursor(session) as cursor:
        if not isinstance(cursor, sqlite3.Cursor):
            cursor.execute(_unfolding_update(table, columns), _folded(table, columns, rows))
            return
        sets = ", ".join(f"{column} = ?" for column in columns[1:])
        statement = f"UPDATE {table.name} SET {sets} WHERE {columns[0]} = ?"  # noqa: S608
        cursor.executemany(statement, [(*row[1:], row[0]) for row in _adapted(table, columns, rows)])


@contextlib.contextmanager
def _cursor(session: Session) -> Iterator[Any]:
    """The driver's own cursor, in the unit of `session`."""
    cursor = session.connection().connection.cursor()
    try:
        yield cursor
    finally:
        cursor.close()


def _adapted(table: Table, columns: tuple[str, ...], rows: Sequence[Row]) -> Sequence[Row]:
    """Return `rows` as SQLite's driver wants: times and JSON as text (by column: half the cost of by row)."""
    converters = _converters(table, columns)
    if not converters:
        return rows
    by_column: list[Iterable[Any]] = list(zip(*rows, strict=True))
    for position, convert in converters:
        by_column[position] = [None if value is None else convert(value) for value in by_column[position]]
    return list(zip(*by_column, strict=True))


def _folded(table: Table, columns: tuple[str, ...], rows: Sequence[Row]) -> list[Any]:
    """Return the parameters of rows that `_recordset` unfolds."""
    places = _bytes_of(table, columns)
    if not places:
        return [orjson.dumps([dict(zip(columns, row, strict=True)) for row in rows], default=str).decode()]
    names = [(place, name) for place, name in enumerate(columns) if place not in places]
    folded = orjson.dumps([{name: row[place] for place, name in names} for row in rows], default=str).decode()
    return [folded, *([row[place] for row in rows] for place in places)]


def _sqlite_time(value: datetime) -> str:
    # The format in which SQLAlchemy's DateTime writes and compares.
    if value.tzinfo is not UTC:
        value = value.astimezone(UTC)
    return value.isoformat(" ", "microseconds")[:26]


def _sqlite_json(value: Any) -> str:
    return orjson.dumps(value).decode()


def _sqlite_date(value: date) -> str:
    return value.isoformat()


@lru_cache(maxsize=64)
def _converters(table: Table, columns: tuple[str, ...]) -> tuple[tuple[int, Callable[[Any], Any]], ...]:
    found: list[tuple[int, Callable[[Any], Any]]] = []
    for position, name in enumerate(columns):
        kind = table.c[name].type
        if isinstance(kind, UtcDateTime):
            found.append((position, _sqlite_time))
        elif isinstance(kind, JSON):
            found.append((position, _sqlite_json))
        elif isinstance(kind, Date):
            found.append((position, _sqlite_date))
    return tuple(found)


@lru_cache(maxsize=64)
def _bytes_of(table: Table, columns: tuple[str, ...]) -> tuple[int, ...]:
    return tuple(place for place, name in enumerate(columns) if isinstance(table.c[name].type, LargeBinary))


@lru_cache(maxsize=64)
def _plain_insert(table: Table, columns: tuple[str, ...], mark: str) -> str:
    marks = ", ".join([mark] * len(columns))
    return f"INSERT INTO {table.name} ({', '.join(columns)}) VALUES ({marks})"  # noqa: S608


@lru_cache(maxsize=64)
def _unfolding_insert(table: Table, columns: tuple[str, ...]) -> str:
    names = ", ".join(columns)
    return f"INSERT INTO {table.name} ({names}) SELECT {names} FROM {_recordset(table, columns)}"  # noqa: S608


@lru_cache(maxsize=64)
def _unfolding_update(table: Table, columns: tuple[str, ...]) -> str:
    sets = ", ".join(f"{column} = x.{column}" for column in columns[1:])
    return (
        f"UPDATE {table.name} SET {sets} FROM {_recordset(table, columns)} "  # noqa: S608
        f"WHERE {table.name}.{columns[0]} = x.{columns[0]}"
    )


def _recordset(table: Table, columns: tuple[str, ...]) -> str:
    dialect = postgresql.dialect()  # type: ignore[no-untyped-call]
    places = _bytes_of(table, columns)
    folded = [name for place, name in enumerate(columns) if place not in places]
    typed = ", ".join(f"{name} {table.c[name].type.compile(dialect=dialect)}" for name in folded)
    arrays = ", unnest(CAST(%b AS bytea[]))" * len(places)  # as they are: text would double them
    names = ", ".join([*folded, *(columns[place] for place in places)])
    return f"ROWS FROM (jsonb_to_recordset(CAST(%s AS jsonb)) AS ({typed}){arrays}) AS x({names})"


def _on_conflict(conflict: tuple[str, ...], update: tuple[str, ...], where: str) -> str:
    if not conflict:
        return ""
    target = f" ON CONFLICT ({', '.join(conflict)}){f' WHERE {where}' if where else ''} DO "
    if not update:
        return target + "NOTHING"
    return target + "UPDATE SET " + ", ".join(f"{column} = excluded.{column}" for column in update)
