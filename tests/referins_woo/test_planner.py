"""PostgreSQL's planner is told of tables that have grown; SQLite's needs no telling."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from sqlalchemy import text

from referins_woo import planner
from referins_woo.db import Database
from referins_woo.process import Process
from tests.services.inside import wait_until

_KNOWN = text("SELECT reltuples FROM pg_class WHERE oid = 'grown'::regclass")
_CHANGED = text("SELECT n_mod_since_analyze FROM pg_stat_user_tables WHERE relname = 'grown'")
_NOW = text("SELECT pg_stat_force_next_flush()")


@pytest.fixture(autouse=True)
def grown(database: Database) -> Iterator[None]:
    """A table of this test alone: what other tests did to theirs is counted up to a second later."""
    with database.unit() as session:
        session.execute(text("CREATE TABLE grown (id INTEGER PRIMARY KEY, kind INTEGER, body TEXT)"))
        session.execute(text("CREATE INDEX grown_kind ON grown (kind)"))
    yield
    with database.unit() as session:
        session.execute(text("DROP TABLE grown"))


def _add(database: Database, count: int) -> None:
    with database.unit() as session:
        first = session.execute(text("SELECT count(*) FROM grown")).scalar_one()
        rows = [{"id": first + n, "kind": n % 3, "body": f"Body {n}"} for n in range(count)]
        session.execute(text("INSERT INTO grown VALUES (:id, :kind, :body)"), rows)
        if not database.is_sqlite:
            session.execute(_NOW)


def _known(database: Database) -> float:
    with database.reading() as session:
        return float(session.scalar(_KNOWN) or 0)


@pytest.mark.parametrize("backend", ["postgresql"])
def test_a_table_is_looked_at_again_once_it_holds_several_times_as_much(running: Process, database: Database) -> None:
    def known_after_a_look(wanted: float) -> bool:
        planner.look_again()
        return _known(database) == wanted

    _add(database, 400)
    wait_until(lambda: known_after_a_look(400), 20, "it was not looked at")
    _add(database, 100)
    for _ in range(3):
        assert known_after_a_look(400), "a quarter more changes no plan"
    _add(database, 2_000)
    wait_until(lambda: known_after_a_look(2_500), 20, "it was not looked at again")
    with database.reading() as session:
        assert session.scalar(_CHANGED) == 0, "else rows that change often would have it looked at for ever"


@pytest.mark.parametrize("backend", ["postgresql"])
def test_a_table_that_somebody_else_holds_is_left_for_the_next_time(running: Process, database: Database) -> None:
    _add(database, 400)
    with database.unit() as session:
        session.execute(text("LOCK TABLE grown IN SHARE UPDATE EXCLUSIVE MODE"))
        planner.look_again()
        assert _known(database) <= 0
    planner.look_again()


@pytest.mark.parametrize("backend", ["sqlite"])
def test_sqlite_is_left_alone(running: Process, database: Database) -> None:
    _add(database, 400)
    planner.look_again()
    with database.reading() as session:
        assert session.scalar(text("SELECT count(*) FROM sqlite_master WHERE name = 'sqlite_stat1'")) == 0
