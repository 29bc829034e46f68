"""Writes a backup of a database that is at work: one snapshot, no lock, nobody waits.

SQLite gives the snapshot by reading in its WAL, PostgreSQL by REPEATABLE READ.
"""

from __future__ import annotations

import contextlib
import gzip
import os
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any

from sqlalchemy import Connection, select, text

from referins_woo import __version__, clock
from referins_woo.backup import form
from referins_woo.config import Config
from referins_woo.db import Database
from referins_woo.errors import Final

_BATCH = 1_000


def write(database: Database, config: Config, path: Path, *, force: bool = False) -> dict[str, int]:
    """Write a backup to `path` (readable by its owner only) and return the number of rows per table.

    It stands there whole or not at all. Raises Final where the file is there already and `force` is not given, and
    where it cannot be written.
    """
    if path.exists() and not force:
        raise Final(f"{path} is there already: choose another name, or overwrite it with --force.")
    partial = path.with_name(f".{path.name}.partial")
    try:
        partial.unlink(missing_ok=True)
        with open(os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as out:  # noqa: PTH123 - a mode
            counts = write_to(database, config, out)
            out.flush()
            os.fsync(out.fileno())
        partial.replace(path)
    except OSError as error:
        raise Final(f"The backup could not be written to {path}: {error.strerror or error}.") from None
    finally:
        partial.unlink(missing_ok=True)
    return counts


def write_to(database: Database, config: Config, out: IO[bytes]) -> dict[str, int]:
    """Write a backup to an open file and return the number of rows per table."""
    with _snapshot(database) as connection, gzip.GzipFile(fileobj=out, mode="wb", compresslevel=3, mtime=0) as packed:
        revision = connection.execute(text("SELECT version_num FROM alembic_version")).scalar_one_or_none()
        if revision is None:
            raise Final("The database was never migrated: there is nothing to back up.")
        header = form.Header(
            __version__,
            revision,
            clock.now(),
            connection.dialect.name,
            tuple(form.key_name(key) for key in config.encryption_keys),
        )
        packed.write(form.header_line(header))
        counts: dict[str, int] = {}
        for table in form.tables_of(connection):
            name, columns = str(table.name), [str(column.name) for column in table.columns]
            packed.write(form.line({"table": name, "columns": columns}))
            counts[name] = 0
            wanted: Any = select(*table.columns).execution_options(yield_per=_BATCH)
            for batch in connection.execute(wanted).partitions():
                packed.write(b"".join(form.line(list(row)) for row in batch))
                counts[name] += len(batch)
        packed.write(form.line({"end": counts}))
    return counts


@contextlib.contextmanager
def _snapshot(database: Database) -> Iterator[Connection]:
    """All of the block sees the database as it is at its beginning."""
    options: dict[str, Any] = {"referins_reading": True}
    if not database.is_sqlite:
        options |= {"isolation_level": "REPEATABLE READ", "postgresql_readonly": True}
    with database.engine.connect().execution_options(**options) as connection, connection.begin():
        yield connection
