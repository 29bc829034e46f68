"""Units of work over one kept connection, and several values as one parameter; on both databases."""

from __future__ import annotations

import os
import threading
from select import select as select_ready

import pytest
from sqlalchemy import func, select

from referins_woo import db
from referins_woo.accounts.models import Account
from referins_woo.commerce.upsert.bulk import table_of
from referins_woo.conditions import one_of
from referins_woo.db import Database

_T = table_of(Account).c
_NAMED = select(_T.name).where(one_of(_T.name, "names")).order_by(_T.name)
_NUMBERED = select(_T.name).where(one_of(_T.id, "ids")).order_by(_T.name)


def names(database: Database) -> list[str]:
    with database.reading() as session:
        return list(session.scalars(select(Account.name).order_by(Account.id)))


def test_units_over_one_connection_stand_for_themselves(database: Database) -> None:
    rung: list[str] = []
    with database.units() as unit:
        with unit() as session:
            session.add(Account(name="Ada"))
            db.after_commit(session, lambda: rung.append("Ada"))
        assert names(database) == ["Ada"]
        with pytest.raises(ZeroDivisionError), unit() as session:
            session.add(Account(name="Nobody"))
            db.after_commit(session, lambda: rung.append("Nobody"))
            raise ZeroDivisionError
        with unit() as session:
            session.add(Account(name="Bob"))
    assert names(database) == ["Ada", "Bob"]
    assert rung == ["Ada"]


def test_nobody_is_kept_from_writing_between_two_units(database: Database) -> None:
    with database.units() as unit:
        with unit() as session:
            session.add(Account(name="Ada"))
        with database.unit() as other:
            other.add(Account(name="Bob"))
        with unit() as session:
            assert session.scalar(select(func.count()).select_from(Account)) == 2


@pytest.mark.parametrize("wanted", [[], ["Ada"], ["Ada", 'O\'Neil "x" \\ é 日本 {,}', "nobody"]])
def test_one_of_several_values(database: Database, wanted: list[str]) -> None:
    with database.unit() as session:
        made = [Account(name=name) for name in ("Ada", "Bob", 'O\'Neil "x" \\ é 日本 {,}')]
        session.add_all(made)
    with database.reading() as session:
        expected = sorted(name for name in wanted if name != "nobody")
        assert list(session.scalars(_NAMED, {"names": wanted})) == expected
        ids = {account.id for account in made if account.name in wanted}
        assert list(session.scalars(_NUMBERED, {"ids": ids})) == expected


def test_one_of_is_answered_from_an_index(database: Database) -> None:
    with database.reading() as session:
        if db.is_postgresql(session):
            return
        compiled = str(_NUMBERED.compile(dialect=session.get_bind().dialect))
        plan = session.connection().exec_driver_sql(f"EXPLAIN QUERY PLAN {compiled}", ("[1,2]",)).all()
    assert any("USING INTEGER PRIMARY KEY" in row[-1] for row in plan), plan


@pytest.mark.parametrize("backend", ["sqlite"])
def test_who_was_forked_waits_for_its_turn_to_write(database: Database) -> None:
    """What is open is shared over a fork, and a lock on it would be both processes' own."""
    with database.unit() as session:
        session.add(Account(name="Ada"))
    told, tell = os.pipe()
    with database.write_lock():
        child = os.fork()
        if not child:
            database._thread_lock = threading.Lock()  # the parent's thread, which holds it, is not here
            with database.write_lock():
                os.write(tell, b"mine")
            os._exit(0)
        assert select_ready([told], [], [], 0.3)[0] == [], "the parent writes"
    assert select_ready([told], [], [], 20)[0] == [told]
    assert os.waitpid(child, 0)[1] == 0
    os.close(told)
    os.close(tell)
