"""Brings a database to the newest schema."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from alembic import command
from alembic.config import Config as AlembicConfig
from sqlalchemy import Connection
from sqlalchemy.exc import IntegrityError

from referins_woo.db import Database
from referins_woo.paths import migrations_dir


def upgrade(database: Database, revision: str = "head") -> None:
    """Run all migrations up to `revision`, in one transaction where the database can."""
    with database.write_lock(), migrating(database) as connection:
        upgrade_within(connection, revision)


def upgrade_within(connection: Connection, revision: str = "head") -> None:
    """Do the same in the caller's transaction."""
    config = _config()
    config.attributes["connection"] = connection
    command.upgrade(config, revision)


def downgrade(database: Database, revision: str) -> None:
    """Run the migrations backwards to `revision` (`base` removes everything)."""
    with database.write_lock(), migrating(database) as connection:
        config = _config()
        config.attributes["connection"] = connection
        command.downgrade(config, revision)


@contextmanager
def migrating(database: Database) -> Iterator[Connection]:
    """A transaction in which SQLite may write a table anew although rows of others refer to it.

    It cannot drop one while it watches foreign keys, and that is switched outside of transactions only. So they are
    looked at once, at the end. Raises IntegrityError where something refers to what is gone.
    """
    with database.engine.connect() as connection:
        if connection.dialect.name != "sqlite":
            with connection.begin():
                yield connection
            return
        raw: Any = connection.connection.driver_connection
        raw.execute("PRAGMA foreign_keys=OFF")
        try:
            with connection.begin():
                yield connection
                if lost := connection.exec_driver_sql("PRAGMA foreign_key_check").fetchone():
                    raise IntegrityError("foreign_key_check", None, ValueError(f"{lost[0]} refers to {lost[2]}"))
        finally:
            raw.execute("PRAGMA foreign_keys=ON")


def _config() -> AlembicConfig:
    config = AlembicConfig()
    config.set_main_option("script_location", str(migrations_dir()).replace("%", "%%"))
    return config
