"""Puts a backup into a database, in one transaction: it is there whole, with all that follows from it, or not at all.

What was done after the backup was taken must not be done again: `aftermath` holds it for a person.
"""

from __future__ import annotations

import contextlib
import fcntl
import gzip
import time
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO, Final, cast

import orjson
import psycopg
from sqlalchemy import JSON, Connection, MetaData, Table, inspect, select, text
from sqlalchemy.exc import DBAPIError, SQLAlchemyError
from sqlalchemy.orm import Session

from referins_woo import clock, lease, migrate, relock, schema
from referins_woo.backup import aftermath, form
from referins_woo.backup.form import BadBackup, Header
from referins_woo.db import Database
from referins_woo.errors import Final as FinalError
from referins_woo.lease import Lease
from referins_woo.process import Process

_BATCH: Final = 1_000
_LOCK_SECONDS: Final = 15


class Refused(FinalError):
    """The backup was not restored, and nothing was changed; the message says what to do first."""


@dataclass(frozen=True, slots=True)
class Restored:
    """What was put in, and what waits for a person."""

    header: Header
    counts: dict[str, int]
    held: aftermath.Held


def restore(process: Process, path: Path, *, force: bool = False, moved: bool = False) -> Restored:
    """Restore the backup at `path`; raises BadBackup and Refused with a sentence, and then nothing was changed.

    `force`: overwrite what is in the database. `moved`: nothing ran since the backup was taken, so nothing is held.
    """
    header, counts = examine(path)
    if header.revision not in schema.known():
        raise BadBackup(
            f"The backup was made by version {header.version} (schema {header.revision}), which is newer than this one:"
            " install that version, or a later one."
        )
    database = process.database
    _must_stand_still(process)
    try:
        with database.write_lock(), migrate.migrating(database) as connection:
            _make_room(connection, force=force)
            migrate.upgrade_within(connection, header.revision)
            with gzip.open(path) as source:
                source.readline()
                _load(connection, cast(BinaryIO, source))
            _must_unlock(connection, process.config.encryption_keys)
            migrate.upgrade_within(connection)
            with Session(connection) as session:
                held = aftermath.settle(session, header.taken_at, clock.now(), moved=moved)
                session.flush()
    except (DBAPIError, psycopg.Error) as error:
        why = error.orig if isinstance(error, DBAPIError) else error
        raise Refused(f"The database refused the backup, and nothing was changed: {why}") from error
    return Restored(header, counts, held)


def examine(path: Path) -> tuple[Header, dict[str, int]]:
    """Read a backup to its end and return its header and the rows per table; raises BadBackup where it is not whole."""
    try:
        with gzip.open(path) as source:
            header = form.read_header(source.readline())
            found: dict[str, int] = {}
            table, end = "", None
            for kind, value in form.rows(cast(BinaryIO, source)):
                if kind == "table":
                    table = value["table"]
                    found[table] = 0
                elif kind == "row":
                    found[table] += 1
                else:
                    end = value
    except OSError as error:
        raise BadBackup(f"{path} cannot be read: {error.strerror or error}.") from None
    except (EOFError, zlib.error, ValueError, LookupError):
        raise BadBackup(f"{path} is damaged or was cut short: nothing was changed.") from None
    if end != found:
        raise BadBackup(f"{path} does not hold the rows that it says it holds: nothing was changed.")
    return header, found


def _must_stand_still(process: Process) -> None:
    """Refuse while something runs on this database: it would go on with what is no longer there."""
    lock = process.config.data_dir / "supervisor.lock"
    if lock.exists() and not _is_free(lock):
        raise Refused("Referins is running: stop bin/start first.")
    deadline = time.monotonic() + lease.CLOCK_SECONDS + 1
    while _clock_works(process.database):
        if time.monotonic() > deadline:
            raise Refused("Referins is running: stop web, workers and clock first.")
        time.sleep(0.5)


def _is_free(lock: Path) -> bool:
    with lock.open("a") as opened, contextlib.suppress(OSError):
        fcntl.flock(opened, fcntl.LOCK_EX | fcntl.LOCK_NB)
        return True
    return False


def _clock_works(database: Database) -> bool:
    try:
        with database.reading() as session:
            until = session.execute(select(Lease.until).where(Lease.name == lease.CLOCK)).scalar_one_or_none()
    except SQLAlchemyError:  # an empty database has no leases
        return False
    return until is not None and until > clock.now()


def _make_room(connection: Connection, *, force: bool) -> None:
    names = set(inspect(connection).get_table_names())
    if "accounts" in names and not force and connection.execute(text("SELECT 1 FROM accounts LIMIT 1")).first():
        raise Refused("The database is not empty: everything in it would be lost. Say --force if that is meant.")
    if connection.dialect.name == "postgresql":
        connection.execute(text(f"SET LOCAL lock_timeout = '{_LOCK_SECONDS}s'"))
        names_sql = ", ".join(f'"{name}"' for name in sorted(names))
        if names:
            connection.execute(text(f"DROP TABLE {names_sql} CASCADE"))
        return
    for table in reversed(_all_tables(connection)):
        table.drop(connection)


def _all_tables(connection: Connection) -> list[Table]:
    from_database = MetaData()
    from_database.reflect(connection)
    return from_database.sorted_tables


def _load(connection: Connection, source: BinaryIO) -> None:
    tables = {table.name: table for table in form.tables_of(connection)}
    for name, columns, rows in _by_table(source):
        table = tables.get(name)
        if table is None:
            raise BadBackup(f"The backup holds a table {name!r} that its schema does not know.")
        unknown = set(columns) - set(table.columns.keys())
        if unknown:
            raise BadBackup(f"The backup holds columns of {name!r} that its schema does not know: {sorted(unknown)}.")
        _fill(connection, table, columns, rows)
    if connection.dialect.name == "postgresql":
        for table in tables.values():
            _count_on(connection, table)


def _by_table(source: BinaryIO) -> Iterator[tuple[str, list[str], Iterator[list[Any]]]]:
    """Give each table with its rows, which must be taken before the next table is asked for."""
    lines = form.rows(source)
    kind, value = next(lines)
    while kind == "table":
        following: list[tuple[str, Any]] = []

        def rows(following: list[tuple[str, Any]] = following) -> Iterator[list[Any]]:
            for kind, value in lines:
                if kind != "row":
                    following.append((kind, value))
                    return
                yield value

        yield value["table"], value["columns"], rows()
        kind, value = following[0]


def _fill(connection: Connection, table: Table, columns: list[str], rows: Iterator[list[Any]]) -> None:
    turns = [form.to_value(table.columns[name]) for name in columns]
    if connection.dialect.name == "postgresql":
        _copy(connection, table, columns, turns, rows)
        return
    batch: list[dict[str, Any]] = []
    for row in rows:
        values = (
            value if turn is None or value is None else turn(value) for turn, value in zip(turns, row, strict=True)
        )
        batch.append(dict(zip(columns, values, strict=True)))
        if len(batch) == _BATCH:
            connection.execute(table.insert(), batch)
            batch = []
    if batch:
        connection.execute(table.insert(), batch)


def _copy(
    connection: Connection,
    table: Table,
    columns: list[str],
    turns: list[Callable[[Any], Any] | None],
    rows: Iterator[list[Any]],
) -> None:
    """Fill a table of PostgreSQL by COPY: five times as fast as by INSERT."""
    turns = [
        (lambda value: orjson.dumps(value).decode()) if isinstance(table.columns[name].type, JSON) else turn
        for name, turn in zip(columns, turns, strict=True)
    ]
    names = ", ".join(f'"{name}"' for name in columns)
    cursor = cast(Any, connection.connection.cursor())
    with cursor, cursor.copy(f'COPY "{table.name}" ({names}) FROM STDIN') as into:
        for row in rows:
            into.write_row(
                [
                    value if turn is None or value is None else turn(value)
                    for turn, value in zip(turns, row, strict=True)
                ]
            )


def _count_on(connection: Connection, table: Table) -> None:
    """Let PostgreSQL's sequence go on behind the highest key (SQLite does so by itself)."""
    if "id" in table.columns:
        connection.execute(
            text(
                f'SELECT setval(seq, (SELECT coalesce(max(id), 0) + 1 FROM "{table.name}"), false) '  # noqa: S608
                f"FROM pg_get_serial_sequence('\"{table.name}\"', 'id') AS seq WHERE seq IS NOT NULL"
            )
        )


def _must_unlock(connection: Connection, keys: tuple[str, ...]) -> None:
    """Refuse a backup whose secrets none of our keys opens: its stores would be lost without a word."""
    with Session(connection) as session:
        if relock.census(session, keys).unreadable:
            raise Refused(
                "The stores' keys in this backup were locked with a key that is not in ENCRYPTION_KEYS: add the keys of"
                " the installation it was taken from behind yours, parted by commas."
            )
