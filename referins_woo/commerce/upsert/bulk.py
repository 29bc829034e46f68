"""Many rows with few statements, by the methods that measured fastest on each database.

SQLite: `executemany` on the driver's cursor with positional rows. PostgreSQL: all rows as one JSON parameter that
`jsonb_to_recordset` unfolds (psycopg spends half of its time splitting long VALUES lists: 4,400 rows/s against
25,000); rows with bytes one by one in a pipeline, since JSON would double them. Keys are drawn beforehand, so that no
statement needs RETURNING and children know their parents.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
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
    table = table_of(model)
    if is_postgresql(session) and not _has_bytes(table, columns):
        statement = _postgresql_insert(table, columns, conflict, update, where)
        result = session.execute(statement, {"rows": _payload(columns, rows)})
        return cast(int, result.rowcount)  # type: ignore[attr-defined]
    cursor = session.connection().connection.cursor()
    try:
        mark = "%s" if is_postgresql(session) else "?"
        adapted = rows if is_postgresql(session) else _adapted(table, columns, rows)
        cursor.executemany(_plain_insert(table, columns, conflict, update, where, mark), adapted)
        return cursor.rowcount
    finally:
        cursor.close()


def update_rows(session: Session, model: type[DeclarativeBase], columns: tuple[str, ...], rows: Sequence[Row]) -> None:
    """Set `columns[1:]` of the rows whose key is `columns[0]`; each row gives the key first."""
    if not rows:
        return
    table = table_of(model)
    if is_postgresql(session):
        session.execute(_postgresql_update(table, columns), {"rows": _payload(columns, rows)})
        return
    cursor = session.connection().connection.cursor()
    try:
        sets = ", ".join(f"{column} = ?" for column in columns[1:])
        statement = f"UPDATE {table.name} SET {sets} WHERE {columns[0]} = ?"  # noqa: S608
        turned = [(*row[1:], row[0]) for row in _adapted(table, columns, rows)]
        cursor.executemany(statement, turned)
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


def _payload(columns: tuple[str, ...], rows: Sequence[Row]) -> str:
    return orjson.dumps([dict(zip(columns, row, strict=True)) for row in rows], default=str).decode()


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
def _has_bytes(table: Table, columns: tuple[str, ...]) -> bool:
    return any(isinstance(table.c[name].type, LargeBinary) for name in columns)


@lru_cache(maxsize=64)
def _plain_insert(
    table: Table, columns: tuple[str, ...], conflict: tuple[str, ...], update: tuple[str, ...], where: str, mark: str
) -> str:
    marks = ", ".join([mark] * len(columns))
    statement = f"INSERT INTO {table.name} ({', '.join(columns)}) VALUES ({marks})"  # noqa: S608
    return statement + _on_conflict(conflict, update, where)


@lru_cache(maxsize=64)
def _postgresql_insert(
    table: Table, columns: tuple[str, ...], conflict: tuple[str, ...], update: tuple[str, ...], where: str
) -> Any:
    names = ", ".join(columns)
    statement = f"INSERT INTO {table.name} ({names}) SELECT {names} FROM {_recordset(table, columns)}"  # noqa: S608
    return text(statement + _on_conflict(conflict, update, where))


@lru_cache(maxsize=64)
def _postgresql_update(table: Table, columns: tuple[str, ...]) -> Any:
    sets = ", ".join(f"{column} = x.{column}" for column in columns[1:])
    return text(
        f"UPDATE {table.name} SET {sets} FROM {_recordset(table, columns)} "  # noqa: S608
        f"WHERE {table.name}.{columns[0]} = x.{columns[0]}"
    )


def _recordset(table: Table, columns: tuple[str, ...]) -> str:
    dialect = postgresql.dialect()  # type: ignore[no-untyped-call]
    typed = ", ".join(f"{name} {table.c[name].type.compile(dialect=dialect)}" for name in columns)
    return f"jsonb_to_recordset(CAST(:rows AS jsonb)) AS x({typed})"


def _on_conflict(conflict: tuple[str, ...], update: tuple[str, ...], where: str) -> str:
    if not conflict:
        return ""
    target = f" ON CONFLICT ({', '.join(conflict)}){f' WHERE {where}' if where else ''} DO "
    if not update:
        return target + "NOTHING"
    return target + "UPDATE SET " + ", ".join(f"{column} = excluded.{column}" for column in update)
