"""What is kept for how long: removed when old, never what must stay, and never in a way that blocks."""

from __future__ import annotations

import dataclasses
import time
from datetime import timedelta

import pytest
from sqlalchemy import func, insert, select, update

from referins_woo import process, queues
from referins_woo.accounts.models import AuditEntry
from referins_woo.db import Database
from referins_woo.events.models import Event
from referins_woo.ingest.models import Delivery
from referins_woo.mail.models import DevMail, Message, MessageEvent
from referins_woo.process import Process
from referins_woo.retention import enforce, jobs
from referins_woo.retention.models import RetentionMark
from referins_woo.retention.rules import RULES
from referins_woo.runs.models import Run, RunLog
from referins_woo.stores.models import StoreLog
from tests.conftest import ClockHand
from tests.factories.rows import Made, account_with_everything


@pytest.fixture
def made(running: Process, clock: ClockHand) -> Made:
    """An account with one row of each kind, made now; its run ended now."""
    made = account_with_everything(running.database, "ours@example.com")
    with running.database.unit() as session:
        session.execute(update(Run).values(ended_at=clock.now()))
        session.add(StoreLog(account_id=made.account_id, store_id=made.ids["store_id"], kind="swept", text="Swept."))
        session.add(AuditEntry(account_id=made.account_id, action="x", who="ours@example.com", via="browser"))
        bounce = MessageEvent(account_id=made.account_id, message_id=made.ids["message_id"], kind="bounced")
        bounce.detail = "550 No such user: ana@ours.example.com"
        session.add(bounce)
    return made


def enforce_all(running: Process) -> None:
    while enforce.enforce(running.database, running.config.kept, time.monotonic() + 60):
        pass


def count(database: Database, model: type) -> int:
    with database.reading() as session:
        return session.scalar(select(func.count()).select_from(model)) or 0


def left(database: Database) -> set[str]:
    """What is there still, of what goes."""
    kinds: dict[str, type] = {
        "delivery": Delivery,
        "log": StoreLog,
        "trace": RunLog,
        "dev mail": DevMail,
        "audit": AuditEntry,
    }
    found = {name for name, model in kinds.items() if count(database, model)}
    with database.reading() as session:
        if session.scalars(select(Message.html)).one():
            found.add("body")
        if session.scalars(select(MessageEvent.detail)).one():
            found.add("server's words")
    return found


EVERYTHING = {"delivery", "log", "trace", "dev mail", "body", "server's words", "audit"}


def test_each_kind_goes_when_its_time_is_over_and_not_before(running: Process, made: Made, clock: ClockHand) -> None:
    days = 0
    for day, gone in (
        (29, set()),
        (31, {"delivery"}),
        (89, {"delivery"}),
        (91, {"delivery", "log", "dev mail", "body", "server's words"}),
        (364, {"delivery", "log", "dev mail", "body", "server's words"}),
        (366, EVERYTHING - {"audit"}),
        (731, EVERYTHING),
    ):
        clock.advance(days=day - days)
        days = day
        enforce_all(running)
        assert left(running.database) == EVERYTHING - gone, day
    assert count(running.database, Message) == count(running.database, Run) == count(running.database, Event) == 1
    assert count(running.database, MessageEvent) == 1, "that it bounced stays"
    with running.database.reading() as session:
        message = session.scalars(select(Message)).one()
    assert (message.html, message.text, message.template, message.facts) == (None, None, {}, {})
    assert (message.to_email, message.subject) == ("ana@ours.example.com", "We have your order WC-4812")


def test_zero_days_keep_for_ever(running: Process, made: Made, clock: ClockHand) -> None:
    kept = dataclasses.replace(running.config.kept, deliveries=0, message_bodies=0)
    clock.advance(days=5_000)
    enforce.enforce(running.database, kept, time.monotonic() + 60)
    assert left(running.database) == {"delivery", "body", "server's words", "dev mail"}


def test_what_is_not_ready_stays_and_is_taken_once_it_is(running: Process, made: Made, clock: ClockHand) -> None:
    """An undone delivery, a run that waits, a message that was not sent."""
    with running.database.unit() as session:
        session.execute(update(Delivery).values(state="received"))
        session.execute(update(Run).values(ended_at=None, state="waiting"))
        session.execute(update(Message).values(state="created"))
        session.execute(
            insert(Delivery).values(
                account_id=made.account_id, store_id=made.ids["store_id"], topic="order.updated", body=b"{}",
                body_sha256="another", state="done", received_at=clock.now(),
            )
        )  # fmt: skip
    clock.advance(days=400)
    enforce_all(running)
    assert left(running.database) == {"delivery", "trace", "body", "audit"}
    assert count(running.database, Delivery) == 1, "the one behind it has gone all the same"
    with running.database.unit() as session:
        session.execute(update(Delivery).values(state="done"))
        session.execute(update(Run).values(ended_at=clock.now(), state="done"))
        session.execute(update(Message).values(state="sent"))
    clock.advance(days=1)
    enforce_all(running)
    assert left(running.database) == {"trace", "audit"}, "its run ended yesterday"
    clock.advance(days=366)
    enforce_all(running)
    assert left(running.database) == set()


def test_many_rows_go_in_small_units_while_others_write(
    running: Process, made: Made, clock: ClockHand, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(enforce, "BATCH", 20)
    rows = [
        {
            "account_id": made.account_id,
            "store_id": made.ids["store_id"],
            "topic": "order.updated",
            "body": b"{}",
            "body_sha256": f"{number}",
            "state": "done",
            "received_at": clock.now(),
        }
        for number in range(105)
    ]
    with running.database.unit() as session:
        session.execute(insert(Delivery), rows)
    clock.advance(days=31)
    units = 0
    original = running.database.unit

    def counted():  # type: ignore[no-untyped-def]
        nonlocal units
        units += 1
        return original()

    monkeypatch.setattr(running.database, "unit", counted)
    assert enforce.enforce(running.database, running.config.kept, time.monotonic()), "no time: something is left"
    assert count(running.database, Delivery) == 106
    enforce_all(running)
    assert count(running.database, Delivery) == 0
    assert units > 106 / 20
    with running.database.reading() as session:
        mark = session.get_one(RetentionMark, "deliveries")
    assert mark.removed == 106 and mark.pass_ended_at is not None


def test_a_killed_pass_is_done_again_and_one_works_at_a_time(running: Process, made: Made, clock: ClockHand) -> None:
    clock.advance(days=31)
    with running.database.unit() as session:
        enforce._begin(session, RULES[0])
        assert RULES[0] in enforce.due_rules(session, running.config.kept, clock.now())
        enforce.lease.acquire(session, "retention", "1-elsewhere", 60)
    assert not enforce.enforce(running.database, running.config.kept, time.monotonic() + 60)
    assert "delivery" in left(running.database), "another worker has the lease"
    clock.advance(seconds=61)
    enforce_all(running)
    assert "delivery" not in left(running.database)


def test_it_is_rung_for_once_a_night(running: Process, bells: queues.MemoryBells, clock: ClockHand) -> None:
    clock.set(clock.now().replace(hour=1, minute=0) + timedelta(days=1))
    jobs.ring_at_night()
    assert bells.drain() == 1, "never done before"
    jobs.ring_at_night()
    clock.advance(hours=1, minutes=20)
    jobs.ring_at_night()
    assert bells.drain() == 0, "twenty past two: the night has not begun"
    clock.advance(minutes=15)
    jobs.ring_at_night()
    jobs.ring_at_night()
    assert bells.drain() == 1
    clock.advance(hours=20)
    jobs.ring_at_night()
    assert bells.drain() == 0


def test_every_rule_names_a_setting_and_a_growing_key() -> None:
    process.use(None)
    names = [rule.name for rule in RULES]
    assert len(set(names)) == len(names)
    for rule in RULES:
        assert rule.setting in enforce.Kept.__slots__
        assert rule.time.class_ is rule.model
