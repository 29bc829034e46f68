"""Runs go on when they are due, end when something ends them, and do each step once, whatever dies."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import update

from referins_woo.runs import automations, effects, jobs
from referins_woo.runs.failures import MOST_ATTEMPTS
from referins_woo.runs.models import Run
from referins_woo.stores.models import Store

REMINDER = "pending_payment_reminder"


def test_an_order_gets_its_mail_once_wherever_the_worker_is_killed(shop: Any, killed_at: Any) -> None:
    shop.live("order_confirmation")
    statement = 0
    while True:
        statement += 1
        shop.submitted(email=f"buyer{statement}@example.com")
        with killed_at(statement) as attempt:
            jobs.start_runs()
        shop.work()
        assert len(shop.messages()) == statement, f"killed at statement {statement}"
        if not attempt.killed:
            break
    assert statement > 20
    assert [run.state for run in shop.runs()] == ["done"] * statement
    assert len({message.once_key for message in shop.messages()}) == statement


def test_a_payment_ends_the_waiting_reminder_at_once(shop: Any) -> None:
    shop.live(REMINDER)
    order_id = shop.submitted()
    shop.work()
    [run] = shop.runs()
    assert run.state == "waiting"
    shop.pay(order_id)
    shop.work()
    [run] = shop.runs()
    assert (run.state, run.ended_reason) == ("exited", "paid")
    assert run.due_at is None
    assert shop.log(run.id)[-1].trace[0]["payment_state"] == "paid"


def test_a_paid_sister_order_of_the_same_email_ends_the_reminder(shop: Any, clock: Any) -> None:
    shop.live(REMINDER)
    shop.submitted()
    shop.work()
    clock.advance(minutes=10)
    shop.pay(shop.order())
    shop.work()
    assert [(run.state, run.ended_reason) for run in shop.runs()] == [("exited", "another_order_paid")]


def test_a_paid_order_of_another_day_does_not_end_it(shop: Any, clock: Any) -> None:
    shop.live(REMINDER)
    shop.submitted()
    shop.work()
    shop.pay(shop.order(placed_at=clock.now() - timedelta(hours=2, seconds=10)))
    shop.work()
    assert [run.state for run in shop.runs()] == ["waiting"]


@pytest.mark.parametrize(
    ("columns", "reason"),
    [
        ({"woo_status": "cancelled"}, "cancelled"),
        ({"woo_status": "refunded", "payment_state": "refunded"}, "refunded"),
        ({"woo_status": "completed"}, "completed"),
        ({"woo_status": "on-hold"}, "on_hold"),
        ({"in_trash": True}, "trashed"),
    ],
)
def test_when_the_wait_ends_the_exit_conditions_come_first(
    shop: Any, clock: Any, columns: dict[str, Any], reason: str
) -> None:
    shop.live(REMINDER)
    order_id = shop.submitted()
    shop.work()
    shop.change(order_id, **columns)
    clock.advance(hours=1, seconds=1)
    shop.work()
    assert [(run.state, run.ended_reason) for run in shop.runs()] == [("exited", reason)]
    assert shop.messages() == []


def test_a_failed_order_goes_on_to_its_live_read(shop: Any, clock: Any) -> None:
    shop.live(REMINDER)
    order_id = shop.submitted()
    shop.work()
    shop.change(order_id, woo_status="failed")
    clock.advance(hours=1, seconds=1)
    shop.work()
    [run] = shop.runs()
    assert run.state == "rereading"
    assert shop.messages() == []


def test_the_first_reminder_comes_after_half_of_the_stores_time_limit(shop: Any, clock: Any) -> None:
    with shop.database.unit() as session:
        session.execute(update(Store).values(manage_stock=True, hold_stock_minutes=60))
    shop.live(REMINDER)
    started = clock.now()
    shop.submitted()
    shop.work()
    [run] = shop.runs()
    assert timedelta(minutes=30) <= run.due_at - started < timedelta(minutes=31)


def test_a_deleted_order_ends_its_run_as_gone(shop: Any, clock: Any) -> None:
    shop.live(REMINDER)
    order_id = shop.submitted()
    shop.work()
    with shop.database.unit() as session:
        session.execute(update(Run).values(order_id=order_id + 1_000))
    clock.advance(hours=2)
    shop.work()
    assert [(run.state, run.ended_reason) for run in shop.runs()] == [("exited", "gone")]


def test_pausing_holds_what_is_due_and_what_comes_and_resuming_lets_it_go_on(shop: Any, clock: Any) -> None:
    reminder, confirmation = shop.live(REMINDER), shop.live("order_confirmation")
    shop.submitted()
    shop.work()
    with shop.database.unit() as session:
        automations.pause(session, reminder, shop.account_id)
        automations.pause(session, confirmation, shop.account_id)
    shop.submitted(email="bob@example.com")
    clock.advance(hours=1, seconds=1)
    shop.work()
    assert [run.state for run in shop.runs()] == ["held", "done", "held", "held"]
    assert len(shop.messages()) == 1
    with shop.database.unit() as session:
        automations.resume(session, reminder, shop.account_id)
        automations.resume(session, confirmation, shop.account_id)
    shop.work()
    assert [run.state for run in shop.runs()] == ["rereading", "done", "waiting", "done"]
    assert [message.to_email for message in shop.messages()] == ["ada@example.com", "bob@example.com"]


def test_a_mail_without_any_address_is_blocked_and_the_run_goes_on(shop: Any) -> None:
    shop.live("order_confirmation")
    shop.submitted(email="")
    shop.work()
    [run] = shop.runs()
    assert run.state == "done"
    blocked = shop.log(run.id)[1]
    assert (blocked.outcome, blocked.trace) == ("blocked", [{"reason": "no_address"}])
    assert shop.messages() == []


def test_an_order_without_billing_email_is_mailed_to_its_account(shop: Any) -> None:
    shop.order()
    shop.live("order_confirmation")
    order_id = shop.order(woo_customer_id=7)
    shop.change(order_id, email="", email_key="")
    shop.event(order_id)
    shop.work()
    assert [message.to_email for message in shop.messages()] == ["ada@example.com"]


def test_one_run_that_cannot_go_on_holds_up_no_other_and_is_given_up_in_words(
    shop: Any, clock: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    shop.live("order_confirmation")
    add = effects.Sending.add

    def add_or_stumble(sending: Any, run: Any, effect: Any, mail: Any, facts: Any) -> None:
        if mail.to_email == "bad@example.com":
            raise ValueError("a mistake of the program")
        add(sending, run, effect, mail, facts)

    monkeypatch.setattr(effects.Sending, "add", add_or_stumble)
    for email in ("ada@example.com", "bad@example.com", "bob@example.com"):
        shop.submitted(email=email)
    shop.work()
    assert [message.to_email for message in shop.messages()] == ["ada@example.com", "bob@example.com"]
    for _ in range(MOST_ATTEMPTS):
        clock.advance(hours=1)
        shop.work()
    bad = shop.runs()[1]
    assert (bad.state, bad.ended_reason, bad.attempts) == ("failed", "error: ValueError", MOST_ATTEMPTS)
    assert shop.log(bad.id)[-1].text == "Given up."
