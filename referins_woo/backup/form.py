"""The form of a backup: gzip of JSON lines.

A header; for each table a line with its name and columns, then a line per row; at the end the number of rows per table.
A file without its end was cut short. Values are JSON; times are ISO 8601 in UTC, bytes base64. Tables are taken from
the database, not from today's models, so that a backup fits the schema it was made of.

Neither SECRET_KEY nor ENCRYPTION_KEYS is in it: stores' keys stay locked. `keys` names the keys by a hash.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any, BinaryIO, Final

import orjson
from sqlalchemy import JSON, Boolean, Column, Date, DateTime, LargeBinary, MetaData, Numeric, Table
from sqlalchemy.dialects.postgresql import JSONB

from referins_woo.errors import Final as FinalError

FORM: Final = 1
LEFT_OUT: Final = frozenset({"alembic_version", "leases"})
"""The first is the header's `revision`; who held what has no meaning in a copy."""


class BadBackup(FinalError):
    """The file cannot be restored; the message says why."""


@dataclass(frozen=True, slots=True)
class Header:
    """What a backup says of itself."""

    version: str
    revision: str
    """Of the schema."""
    taken_at: datetime
    database: str
    keys: tuple[str, ...]


def key_name(key: str) -> str:
    """Return what a key is called in a header: it names the key and tells nothing of it."""
    return hashlib.sha256(b"referins encryption key " + key.encode()).hexdigest()[:12]


def header_line(header: Header) -> bytes:
    """Return the first line of a file."""
    return line(
        {
            "referins_backup": FORM,
            "version": header.version,
            "revision": header.revision,
            "taken_at": header.taken_at.astimezone(UTC).isoformat(),
            "database": header.database,
            "keys": header.keys,
        }
    )


def read_header(first: bytes) -> Header:
    """Read the first line of a file."""
    try:
        found = orjson.loads(first)
        form = found["referins_backup"]
    except (orjson.JSONDecodeError, KeyError, TypeError):
        raise BadBackup("This is no backup of Referins.") from None
    if form != FORM:
        raise BadBackup(
            f"The backup has form {form}; this version reads form {FORM}. Restore it with the version it names"
        )
    return Header(
        found["version"],
        found["revision"],
        datetime.fromisoformat(found["taken_at"]),
        found["database"],
        tuple(found["keys"]),
    )


def line(value: Any) -> bytes:
    """Return `value` as one line of JSON."""
    return orjson.dumps(value, default=_plain, option=orjson.OPT_APPEND_NEWLINE)


def tables_of(connection: Any) -> list[Table]:
    """Return the tables of the database that a backup holds, those that others point to first."""
    metadata = MetaData()
    metadata.reflect(connection)
    for table in metadata.tables.values():
        for column in table.columns:
            if isinstance(column.type, JSON):  # as ours: no value is NULL, not JSON's null
                column.type = (JSONB if isinstance(column.type, JSONB) else JSON)(none_as_null=True)
    return [table for table in metadata.sorted_tables if table.name not in LEFT_OUT]


def to_value(column: Column[Any]) -> Callable[[Any], Any] | None:
    """Return what turns a column's JSON into what SQLAlchemy takes; None where nothing needs to be done."""
    kind = column.type
    if isinstance(kind, DateTime):
        zoned = bool(kind.timezone)
        return lambda text: _time(text, zoned=zoned)
    if isinstance(kind, Date):
        return date.fromisoformat
    if isinstance(kind, LargeBinary):
        return base64.b64decode
    if isinstance(kind, Numeric) and kind.asdecimal:
        return Decimal
    if isinstance(kind, Boolean):
        return bool
    return None


def rows(source: BinaryIO) -> Iterator[tuple[str, Any]]:
    """Read the lines after the header: ("table", {table, columns}), ("row", values), at last ("end", counts).

    Raises BadBackup where the end is missing.
    """
    for raw in source:
        found = orjson.loads(raw)
        if isinstance(found, list):
            yield "row", found
        elif "table" in found:
            yield "table", found
        else:
            yield "end", found["end"]
            return
    raise BadBackup("The backup ends before its end: it was cut short.")


def _plain(value: Any) -> Any:
    if isinstance(value, bytes | memoryview):
        return base64.b64encode(value).decode()
    if isinstance(value, Decimal):
        return str(value)
    raise TypeError(f"{type(value)} in a database")


def _time(text: str, *, zoned: bool) -> datetime:
    found = datetime.fromisoformat(text)
    found = found.replace(tzinfo=UTC) if found.tzinfo is None else found.astimezone(UTC)
    return found if zoned else found.replace(tzinfo=None)
