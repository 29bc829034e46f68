"""Migrations: they run from zero, say what the models say, and can be taken back."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, MetaData, Table, func, insert, inspect, select, text
from sqlalchemy.exc import IntegrityError
from sqlalchemy.schema import SchemaItem
from sqlalchemy.types import NullType

from referins_woo import migrate, schema
from referins_woo.commerce.models import StockBatch, StockEntry
from referins_woo.db import Base, Database
from referins_woo.paths import migrations_dir
from tests.factories.rows import account_with_everything


@pytest.fixture
def empty_database(backend: str, request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Database]:
    if backend == "sqlite":
        opened = Database(f"sqlite:///{tmp_path / 'empty.sqlite3'}")
        yield opened
        opened.dispose()
        return
    server = request.getfixturevalue("postgres")
    opened = Database(server.create("referins_empty", "template0"))
    yield opened
    opened.dispose()
    server.drop("referins_empty")


def test_the_chain_from_zero_gives_what_the_models_say(empty_database: Database) -> None:
    assert not schema.is_current(empty_database)
    migrate.upgrade(empty_database)
    assert schema.is_current(empty_database)
    with empty_database.reading() as session:
        options = {"compare_type": True, "include_object": partial(_is_of_dialect, session.get_bind().dialect.name)}
        context = MigrationContext.configure(session.connection(), opts=options)
        assert compare_metadata(context, Base.metadata) == []


def _is_of_dialect(dialect: str, thing: SchemaItem, _name: str | None, _type: str, _reflected: bool, _to: Any) -> bool:
    """Whether the database should have it: some indexes of the models are for one kind of database only."""
    only = getattr(thing, "_ddl_if", None)
    return only is None or only.dialect == dialect


def test_the_files_are_called_as_their_revisions() -> None:
    config = Config()
    config.set_main_option("script_location", str(migrations_dir()))
    scripts = list(ScriptDirectory.from_config(config).walk_revisions())
    assert [script.revision for script in reversed(scripts)] == schema.known()


def test_the_chain_can_be_taken_back_and_run_again(empty_database: Database) -> None:
    migrate.upgrade(empty_database)
    migrate.downgrade(empty_database, "base")
    assert set(inspect(empty_database.engine).get_table_names()) <= {"alembic_version"}
    migrate.upgrade(empty_database)
    assert schema.is_current(empty_database)


@pytest.mark.parametrize("backend", ["sqlite"])  # PostgreSQL watches all the time
def test_what_refers_to_what_is_gone_stops_a_migration(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    def forget(connection: Connection, revision: str) -> None:
        connection.exec_driver_sql("INSERT INTO orders_of_nobody VALUES (1, 99)")

    with database.engine.begin() as connection:
        connection.exec_driver_sql(
            "CREATE TABLE orders_of_nobody (id INTEGER, store_id INTEGER REFERENCES stores (id))"
        )
    monkeypatch.setattr(migrate, "upgrade_within", forget)
    with pytest.raises(IntegrityError, match="orders_of_nobody refers to stores"):
        migrate.upgrade(database)
    with database.engine.connect() as connection:
        assert connection.exec_driver_sql("SELECT count(*) FROM orders_of_nobody").scalar() == 0
        assert connection.exec_driver_sql("PRAGMA foreign_keys").scalar() == 1


def test_running_them_again_changes_nothing(database: Database) -> None:
    migrate.upgrade(database)
    assert schema.is_current(database)


def test_what_is_stored_is_carried_from_the_first_schema_to_the_newest(empty_database: Database) -> None:
    """Every table of the first schema has a row, and rows refer to one another as they do in use."""
    migrate.upgrade(empty_database, "0001")
    tables = MetaData()
    tables.reflect(empty_database.engine)
    kept = [table for table in tables.sorted_tables if table.name != "alembic_version"]
    with empty_database.engine.begin() as connection:
        for table in kept:
            connection.execute(insert(table).values(_filled(table)))
    migrate.upgrade(empty_database)
    newest = set(inspect(empty_database.engine).get_table_names())
    with empty_database.engine.connect() as connection:
        for table in kept:
            if table.name in newest:
                assert connection.scalar(select(func.count()).select_from(text(table.name))) == 1, table.name


def test_rows_go_down_the_chain_and_up_again(database: Database) -> None:
    """What refers to a table that is written anew neither hinders that nor goes along."""
    account_with_everything(database, "ours@example.com")
    tables = ("accounts", "users", "stores", "contacts", "orders", "order_lines", "transactions", "products", "runs")

    def counts() -> dict[str, int]:
        with database.reading() as session:
            return {name: session.scalar(text(f"SELECT count(*) FROM {name}")) or 0 for name in tables}

    before = counts()
    assert all(before.values())
    migrate.downgrade(database, "0001")
    assert counts() == before
    migrate.upgrade(database)
    assert counts() == before


def test_lines_that_are_split_over_batches_become_one_again(database: Database) -> None:
    made = account_with_everything(database, "ours@example.com")
    item_id, mine = made.ids["item_id"], made.account_id
    with database.unit() as session:
        batch = StockBatch(account_id=mine, item_id=item_id, number="A", received_on=_NOW.date())
        session.add(batch)
        session.flush()
        own = {"account_id": mine, "adjustment_id": made.ids["adjustment_id"], "item_id": item_id}
        session.add(StockEntry(**own, batch_id=batch.id, quantity=30_000))

    def lines() -> list[int]:
        with database.reading() as session:
            found = text("SELECT quantity FROM stock_entries WHERE item_id = :item ORDER BY id")
            return list(session.execute(found, {"item": item_id}).scalars())

    assert lines() == [250_000, 30_000]
    migrate.downgrade(database, "0025")
    assert lines() == [280_000], "what is on hand stays"
    migrate.upgrade(database)
    assert lines() == [280_000]


def _filled(table: Table) -> dict[str, Any]:
    values: dict[str, Any] = {}
    for column in table.columns:
        if not column.foreign_keys and (column.nullable or column.server_default is not None) and column.name != "id":
            continue
        kind = "" if isinstance(column.type, NullType) else column.type.python_type.__name__
        values[column.name] = {
            "int": 1,
            "bool": False,
            "datetime": _NOW,
            "date": _NOW.date(),
            "bytes": b"x",
            "dict": {},
        }.get(kind, "1")
    return values


_NOW = datetime(2026, 11, 25, tzinfo=UTC)
