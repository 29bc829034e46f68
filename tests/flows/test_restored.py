"""A backup is restored: what came since comes in again, and nobody gets an e-mail twice (row 74)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import select

from referins_woo import queues
from referins_woo.backup import aftermath, dump, restore
from referins_woo.commerce.models import Order
from referins_woo.events import release
from referins_woo.events.models import Event
from referins_woo.mail.models import Message
from referins_woo.process import Process
from referins_woo.runs import automations
from referins_woo.runs.models import Run, RunLog
from tests.conftest import ClockHand
from tests.services.house import House, house


@pytest.fixture
def restored(running: Process, bells: queues.MemoryBells, clock: ClockHand) -> Iterator[House]:
    with house(running, bells) as made:
        clock.advance(seconds=5)
        yield made


def test_row_74_a_restored_older_backup_repeats_no_email(restored: House, clock: ClockHand, tmp_path: Path) -> None:
    it, file = restored, tmp_path / "referins.backup"
    with it.process.database.unit() as session:
        reminder = automations.create_from_recipe(session, it.account_id, "pending_payment_reminder")
        session.flush()
        automations.publish(session, reminder.id, it.account_id, None)
    clock.advance(seconds=2)
    before = it.sell()  # its reminder falls due between the backup and the restore
    it.post(before, "order.created")
    it.work()
    clock.advance(minutes=19)
    late = it.sell()  # its reminder falls due after the restore
    it.post(late, "order.created")
    it.work()
    with it.process.database.unit() as session:  # on its way when the backup is taken
        session.add(
            Message(
                account_id=it.account_id, once_key="on its way", purpose="system", to_email="olga@shop.example",
                template={"email": "reconnect"}, facts={}, state="created",
            )
        )  # fmt: skip
    dump.write(it.process.database, it.process.config, file)
    clock.advance(minutes=13)
    since = it.sell(paid=True)
    it.post(since, "order.created")
    it.work()
    mailed = [(mail.to_email, mail.subject) for mail in it.sink.mails]
    told = Counter(subject for _, subject in mailed)
    assert told["Your order 1011 is waiting for its payment"] == 1, mailed
    assert len(mailed) == 6, mailed  # three confirmations, a reminder, a thank-you, and what was on its way
    clock.advance(minutes=8)

    done = restore.restore(it.process, file, force=True)
    assert (done.held.runs, done.held.events, done.held.messages) == (1, 0, 1)
    assert it.sink.mails and not [row for row in it.read(Order.woo_id) if row.woo_id == since], "it is gone"
    it.work()
    clock.advance(minutes=6)
    it.work()

    assert [(mail.to_email, mail.subject) for mail in it.sink.mails] == mailed, "nothing was sent twice"
    assert {row.woo_id for row in it.read(Order.woo_id)} >= {before, late, since}, "the sweep has filled the gap"
    events = {(row.kind, row.subject): (row.state, row.reason) for row in it.read(*Event.__table__.columns)}
    assert events["order_submitted", since] == events["payment_received", since] == ("suppressed", "restored")
    assert events["order_submitted", before] == ("fired", "")
    held = [row for row in it.read(*Run.__table__.columns) if row.state == "held"]
    assert [row.ended_reason for row in held] == ["restored"]
    assert any(row.outcome == "held" and "restored" in row.text for row in it.read(RunLog.outcome, RunLog.text))
    assert Counter(row.state for row in it.read(Message.state))["unknown"] == 1

    clock.advance(minutes=10)  # the reminder that was not yet due
    it.work()
    assert len(it.sink.mails) == len(mailed) + 1

    with it.process.database.unit() as session:
        automations.pause(session, reminder.id, it.account_id)
        automations.resume(session, reminder.id, it.account_id)
    it.work()
    assert len(it.sink.mails) == len(mailed) + 1, "a pause lets go of what a pause held, not of this"

    # What is new goes out as ever, and a person may release what is held.
    new = it.sell()
    it.post(new, "order.created")
    it.work()
    assert len(it.sink.mails) == len(mailed) + 2
    wanted = Event.subject == since, Event.kind == "payment_received"
    with it.process.database.reading() as session:
        event_id = session.scalars(select(Event.id).where(*wanted)).one()
    with it.process.database.unit() as session:
        assert release.release(session, it.account_id, event_id)
        assert not release.release(session, it.account_id, event_id)
    it.work()
    assert len(it.sink.mails) == len(mailed) + 3


def test_what_is_held_is_listed_and_given_up_or_let_go(restored: House, clock: ClockHand, tmp_path: Path) -> None:
    it, file = restored, tmp_path / "referins.backup"
    woo_id = it.sell()
    it.post(woo_id)
    with it.process.database.unit() as session:
        session.add(
            Event(
                account_id=it.account_id, store_id=it.store_id, kind="order_submitted", subject=99_999,
                occurred_at=clock.now(),
            )
        )  # fmt: skip
    dump.write(it.process.database, it.process.config, file)
    held = restore.restore(it.process, file, force=True).held
    assert held.events >= 1
    with it.process.database.reading() as session:
        runs, events = aftermath.held(session)
    assert (len(runs), len(events)) == (held.runs, held.events)
    with it.process.database.unit() as session:
        assert aftermath.drop(session).events == held.events
    with it.process.database.reading() as session:
        assert aftermath.held(session) == ([], [])
    restore.restore(it.process, file, force=True)
    with it.process.database.unit() as session:
        aftermath.release(session)
    assert {row.state for row in it.read(Event.state)} == {"released"}


def test_a_move_holds_nothing(restored: House, clock: ClockHand, tmp_path: Path) -> None:
    it, file = restored, tmp_path / "referins.backup"
    woo_id = it.sell(paid=True)
    it.post(woo_id)
    dump.write(it.process.database, it.process.config, file)
    restore.restore(it.process, file, force=True, moved=True)
    it.work()
    it.check()
