"""Migrated, empty databases for benchmarks: SQLite files, and a real PostgreSQL that is as durable as in production."""

from __future__ import annotations

import contextlib
import tempfile
from collections.abc import Iterator
from pathlib import Path

from referins_woo import migrate
from referins_woo.db import Database
from tests.services.postgres import Postgres

_TEMPLATE = "bench_template"
_NAME = "bench"


class Databases:
    """Hands out empty databases; an earlier one of the same kind is gone then."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._postgres: Postgres | None = None

    def fresh(self, kind: str) -> str:
        """Return the URL of an empty database of `kind`, `sqlite` or `postgresql`."""
        return self._sqlite() if kind == "sqlite" else self._postgresql()

    def close(self) -> None:
        """End the PostgreSQL server, if one was started."""
        if self._postgres is not None:
            self._postgres.stop()

    def _sqlite(self) -> str:
        for old in self._folder.glob("bench.sqlite3*"):
            old.unlink()
        url = f"sqlite:///{self._folder / 'bench.sqlite3'}"
        _migrate(url)
        return url

    def _postgresql(self) -> str:
        if self._postgres is None:
            self._postgres = Postgres(durable=True)
            _migrate(self._postgres.create(_TEMPLATE))
        self._postgres.drop(_NAME)
        return self._postgres.create(_NAME, _TEMPLATE)


@contextlib.contextmanager
def databases() -> Iterator[Databases]:
    """Databases in a temporary folder, removed at the end."""
    with tempfile.TemporaryDirectory(prefix="referins-bench-") as folder:
        handing_out = Databases(Path(folder))
        try:
            yield handing_out
        finally:
            handing_out.close()


def analyze(database: Database) -> None:
    """Let the planner know how much there is by now, as servers find out by themselves after a while."""
    with database.unit() as session:
        session.connection().exec_driver_sql("ANALYZE")


def _migrate(url: str) -> None:
    database = Database(url)
    migrate.upgrade(database)
    database.dispose()
