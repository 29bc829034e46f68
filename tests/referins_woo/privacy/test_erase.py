"""One person's data: all of it handed out, and all of it erased."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from referins_woo.accounts.models import AuditEntry
from referins_woo.commerce.models import Contact, Order, Transaction
from referins_woo.db import Base, Database
from referins_woo.ingest.models import Delivery
from referins_woo.mail import consent, suppression
from referins_woo.mail.models import Message, MessageEvent
from referins_woo.privacy.erase import erase
from referins_woo.privacy.export import export
from referins_woo.runs.models import Run
from tests.factories.rows import PLACED, Made, account_with_everything

NOW = datetime(2026, 11, 25, 12, 0, tzinfo=UTC)
ADDRESS = "ana@ours.example.com"


@pytest.fixture
def ours(database: Database) -> Made:
    made = account_with_everything(database, "ours@example.com")
    account_with_everything(database, "theirs@example.com")
    with database.unit() as session:
        consent.note(session, _contact(session, made), consent.Word("subscribed", PLACED, "form at the till"), NOW)
        run = session.get_one(Run, made.ids["run_id"])
        run.state = "waiting"
        mail = session.get_one(Message, made.ids["message_id"])
        mail.links, mail.opened_at, mail.clicked_at = [f"https://shop.example.com/pay?for={ADDRESS}"], NOW, NOW
        for kind in ("opened", "clicked", "bounced"):
            session.add(MessageEvent(account_id=made.account_id, message_id=mail.id, kind=kind, at=NOW, detail=ADDRESS))
        store_id = made.ids["store_id"]
        for topic, body, state in (
            ("order.updated", b'{"billing":{"email":"ana@ours.example.com"}}', "done"),
            ("customer.updated", b'{"email":"ana@ours.example.com"}', "received"),
            ("order.created", b'{"billing":{"email":"bo@ours.example.com"}}', "done"),
        ):
            session.add(
                Delivery(
                    account_id=made.account_id,
                    store_id=store_id,
                    topic=topic,
                    body=body,
                    body_sha256=topic,
                    state=state,
                )
            )
    return made


def _contact(session: Session, made: Made) -> Contact:
    return session.get_one(Contact, made.ids["contact_id"])


def _everything(session: Session) -> str:
    """All that the database holds, as text."""
    found: list[Any] = []
    for table in Base.metadata.sorted_tables:
        found += [(table.name, tuple(row)) for row in session.execute(select(table))]
    return repr(found)


def test_an_export_holds_what_every_room_knows(database: Database, ours: Made) -> None:
    with database.reading() as session:
        found = export(session, _contact(session, ours), NOW)
    assert found["contact"]["email"] == ADDRESS
    assert found["orders"][0]["total"] == "147.37"
    assert found["orders"][0]["lines"][0] == {
        "kind": "product",
        "sku": "HOOD-RED",
        "name": "Hoodie",
        "quantity": "2",
        "total": "75.6303",
        "total_tax": "0.00",
    }
    assert [one["amount"] for one in found["orders"][0]["transactions"]] == ["147.37", "-12.34"]
    assert found["emails"][0]["text"] == "Thank you"
    assert [one["kind"] for one in found["emails"][0]["noted"]] == ["opened", "clicked", "bounced"]
    assert found["automations"][0]["steps"][0]["step_key"] == "confirm"
    assert found["consent"][0]["source"] == "form at the till"
    assert found["store_customers"][0]["woo_id"] == 7
    assert "theirs" not in repr(found)


def test_erasing_leaves_nothing_that_names_the_person(database: Database, ours: Made) -> None:
    with database.unit() as session:
        done = erase(session, _contact(session, ours), NOW)
    assert (done.orders, done.messages, done.runs_stopped) == (1, 1, 1)
    with database.reading() as session:
        left = _everything(session)
        waiting = session.scalars(select(Delivery).where(Delivery.state == "received")).one()
        assert left.replace(repr(waiting.body), "").count(ADDRESS) == 0, "but for what is yet to be worked on"
        assert left.count("bo@ours.example.com") == 1, "nobody else is touched"
        assert "ana@theirs.example.com" in left, "nor another account"
        order = session.get_one(Order, ours.ids["order_id"])
        assert (order.total, order.email, order.billing, order.contact_id) == (1_473_700, "", {}, None)
        assert session.scalars(select(Transaction.amount).where(Transaction.order_id == order.id)).all() == [
            1_473_700,
            -123_400,
        ]
        run = session.get_one(Run, ours.ids["run_id"])
        assert (run.state, run.ended_reason, run.contact_id) == ("stopped", "erased", None)
        assert session.get_one(Message, ours.ids["message_id"]).state == "sent", "that a mail was sent stays known"
        mail = session.get_one(Message, ours.ids["message_id"])
        assert (mail.links, mail.opened_at, mail.clicked_at) == (None, None, None)
        assert session.scalars(select(MessageEvent.kind)).all() == ["bounced"], "nothing of what they did is left"
        entry = session.scalars(select(AuditEntry).where(AuditEntry.action == "contact_erased")).one()
        assert ADDRESS not in repr((entry.subject, entry.detail))


def test_a_message_that_waits_is_not_sent(database: Database, ours: Made) -> None:
    with database.unit() as session:
        session.get_one(Message, ours.ids["message_id"]).state = "created"
        erase(session, _contact(session, ours), NOW)
    with database.reading() as session:
        message = session.get_one(Message, ours.ids["message_id"])
        assert (message.state, message.reason, message.to_email) == ("skipped", "erased", "")
        asked = (ours.account_id, ADDRESS.upper(), "transactional")
        assert suppression.reasons(session, [asked]) == {asked: "erased"}


def test_an_address_that_another_contact_uses_too_is_not_suppressed(database: Database, ours: Made) -> None:
    with database.unit() as session:
        session.add(Contact(account_id=ours.account_id, name="Shared", email=ADDRESS, email_key=ADDRESS))
        session.flush()
        erase(session, _contact(session, ours), NOW)
    with database.reading() as session:
        assert suppression.reasons(session, [(ours.account_id, ADDRESS, "transactional")]) == {}
