"""Units without a session: whole or not at all, on both databases."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from sqlalchemy import bindparam, select, update
from sqlalchemy.exc import DBAPIError

from referins_woo.alone import Unit
from referins_woo.commerce.upsert.bulk import table_of
from referins_woo.db import Database
from referins_woo.mail.models import Message

_T = table_of(Message)
AT = datetime(2026, 12, 1, 9, 30, 15, 250_000, tzinfo=UTC)
BEFORE = (
    update(_T)
    .where(_T.c.id == bindparam("b_before"))
    .values(state="sent", sent_at=bindparam("b_at"), lease_until=None, links=bindparam("b_links"))
)
LAST = (
    update(_T)
    .where(_T.c.id == bindparam("b_id"), _T.c.state == "created")
    .values(state="sending", to_email=bindparam("b_to"), lease_until=bindparam("b_at"))
)
BOTH = Unit(BEFORE, LAST)


def _nothing() -> None:
    """Nothing waits."""


@pytest.fixture
def ids(database: Database) -> list[int]:
    """Two messages."""
    with database.unit() as session:
        rows = [
            Message(account_id=1, once_key=key, purpose="system", to_email="a@example.com", template={}, facts={})
            for key in ("first", "second")
        ]
        session.add_all(rows)
        session.flush()
        return [row.id for row in rows]


def _rows(database: Database) -> list[Message]:
    with database.reading() as session:
        return list(session.scalars(select(Message).order_by(Message.id)))


def test_all_of_a_unit_is_made_and_the_last_one_counts(database: Database, ids: list[int]) -> None:
    waited: list[int] = []
    given = {
        "b_before": ids[0],
        "b_id": ids[1],
        "b_at": AT,
        "b_links": ["https://a.example/?ü"],
        "b_to": "b@example.com",
    }
    with database.alone() as alone:
        assert alone.make(BOTH, given, lambda: waited.append(1)) == 1
        assert alone.make(BOTH, given, _nothing) == 0, "it is no longer `created`"
    assert waited == [1]
    first, second = _rows(database)
    assert (first.state, first.sent_at, first.lease_until, first.links) == ("sent", AT, None, ["https://a.example/?ü"])
    assert (second.state, second.to_email, second.lease_until) == ("sending", "b@example.com", AT)


def test_nothing_of_a_unit_is_made_where_a_part_is_refused_and_the_next_one_is(
    database: Database, ids: list[int]
) -> None:
    given = {"b_before": ids[0], "b_id": ids[1], "b_at": AT, "b_links": None, "b_to": None}
    with database.alone() as alone:
        with pytest.raises(DBAPIError):
            alone.make(BOTH, given, _nothing)
        assert [row.state for row in _rows(database)] == ["created"] * 2
        assert alone.make(BOTH, given | {"b_to": "c@example.com"}, _nothing) == 1
    first, second = _rows(database)
    assert (first.state, first.links) == ("sent", None)
    assert second.to_email == "c@example.com"


def test_a_unit_that_is_broken_off_leaves_nothing_and_holds_nobody(database: Database, ids: list[int]) -> None:
    class Stopped(BaseException):
        pass

    def stop() -> None:
        raise Stopped

    given = {"b_before": ids[0], "b_id": ids[1], "b_at": AT, "b_links": [], "b_to": "b@example.com"}
    with database.alone() as alone, pytest.raises(Stopped):
        alone.make(BOTH, given, stop)
    assert [row.state for row in _rows(database)] == ["created"] * 2
    with database.unit() as session:
        session.get_one(Message, ids[0]).state = "skipped"
