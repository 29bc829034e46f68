"""The audit log: who, when, from where, what (N6)."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from sqlalchemy import select

from referins_woo.accounts import audit, users
from referins_woo.accounts.models import AuditEntry, Membership
from referins_woo.db import Database
from tests.conftest import ClockHand

PASSWORD = "correct horse battery"
ROOT = Path(__file__).resolve().parents[3]


def test_an_entry_says_who_when_from_where_and_what(database: Database, clock: ClockHand) -> None:
    audit.act_as(audit.Actor("ana@example.com", "browser", 7, "192.0.2.1"))
    try:
        with database.unit() as session:
            audit.record(session, 3, "store_connected", "https://shop.example.com", elements=["orders"])
    finally:
        audit.act_as(None)
    with database.unit() as session:
        audit.record(session, 3, "store_disconnected", "https://shop.example.com")
    with database.reading() as session:
        by_ana, by_itself = session.scalars(select(AuditEntry).order_by(AuditEntry.id)).all()
    assert (by_ana.account_id, by_ana.who, by_ana.via, by_ana.user_id, by_ana.ip) == (
        3,
        "ana@example.com",
        "browser",
        7,
        "192.0.2.1",
    )
    assert (by_ana.action, by_ana.subject, by_ana.detail) == (
        "store_connected",
        "https://shop.example.com",
        {"elements": ["orders"]},
    )
    assert abs((by_ana.at - clock.now()).total_seconds()) < 60
    assert (by_itself.who, by_itself.via, by_itself.user_id, by_itself.detail) == (
        "Referins",
        "application",
        None,
        None,
    )


def test_it_is_written_with_what_it_tells_of_or_not_at_all(database: Database) -> None:
    with pytest.raises(RuntimeError), database.unit() as session:
        audit.record(session, 3, "store_connected")
        raise RuntimeError
    with database.reading() as session:
        assert session.scalars(select(AuditEntry)).all() == []


def test_an_action_that_nobody_declared_is_refused(database: Database) -> None:
    with pytest.raises(LookupError, match="ACTIONS"), database.unit() as session:
        audit.record(session, 3, "stor_connected")


def test_what_concerns_a_person_is_told_to_each_of_their_accounts(database: Database) -> None:
    with database.unit() as session:
        ana = users.create_user(session, "ana@example.com", PASSWORD)
        bo = users.create_user(session, "bo@example.com", PASSWORD)
        other = users.accounts_of(session, bo.id)[0].id
        session.add(Membership(account_id=other, user_id=ana.id, role="member"))
        session.flush()
        audit.record_for_user(session, ana.id, "password_changed")
        told = set(session.scalars(select(AuditEntry.account_id).where(AuditEntry.action == "password_changed")))
        assert told == {account.id for account in users.accounts_of(session, ana.id)}
        assert len(told) == 2


def test_every_action_that_the_sources_record_is_declared_and_has_a_group() -> None:
    recorded = set()
    for path in (ROOT / "referins_woo").rglob("*.py"):
        recorded |= set(re.findall(r"audit\.record(?:_for_user)?\(\s*[^\"]*?\"(\w+)\"", path.read_text()))
    assert recorded <= set(audit.ACTIONS)
    assert {action.group for action in audit.ACTIONS.values()} == set(audit.GROUPS)
