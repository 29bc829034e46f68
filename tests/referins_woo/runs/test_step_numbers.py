"""Figures of each step are counted from what the runs wrote down."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import update

from referins_woo.mail.models import Message
from referins_woo.reports import step_numbers

HELLO = [{"kind": "text", "text": "Hello"}]
DOCUMENT: dict[str, Any] = {
    "trigger": "order_submitted",
    "exit_on": ["cancelled"],
    "steps": [
        {
            "id": "large",
            "kind": "split",
            "condition": {"field": "order.total", "operator": "at_least", "value": "100"},
            "yes": [{"id": "team", "kind": "notify", "subject": "Large", "text": "Look"}],
            "no": [
                {"id": "promote", "kind": "send_email", "subject": "A", "body": [{**HELLO[0], "promotional": True}]}
            ],
        },
        {"id": "mail", "kind": "send_email", "subject": "B", "body": HELLO},
        {"id": "wait", "kind": "wait", "period": "2d"},
        {"id": "paid", "kind": "wait_for", "event": "paid", "timeout": "1d"},
    ],
}


def counted(shop: Any, automation_id: int, clock: Any, days: int = 30) -> step_numbers.Numbers:
    """The figures now."""
    with shop.database.reading() as session:
        return step_numbers.numbers(session, automation_id, days, clock.now())


def test_each_step_says_who_came_waits_went_on_and_was_mailed(shop: Any, clock: Any) -> None:
    automation_id = shop.publish(DOCUMENT)
    for number in range(3):
        shop.submitted(email=f"small{number}@example.com", total=500_000)
    early = shop.submitted(email="large@example.com", total=1_500_000)
    shop.work()
    with shop.database.unit() as session:
        session.execute(update(Message).where(Message.to_email != "small0@example.com").values(state="sent"))
        session.execute(update(Message).where(Message.to_email == "small0@example.com").values(state="failed"))
    clock.advance(days=2, minutes=1)
    shop.work()
    shop.submitted(email="late@example.com", total=500_000)
    shop.work()
    clock.advance(hours=1)
    shop.pay(early)
    with shop.database.unit() as session:
        session.execute(update(step_numbers.Run).where(step_numbers.Run.order_id == early).values(due_at=clock.now()))
    shop.work()
    found = counted(shop, automation_id, clock)
    assert (found.entered, found.inside, found.truncated) == (5, 4, False)
    assert found.of("large").outcomes == {"yes": 1, "no": 4}
    assert (found.of("large").share("yes"), found.of("large").share("no")) == (20, 80)
    assert found.of("promote").not_sent == 4, "nobody has subscribed"
    assert (found.of("mail").came, found.of("mail").sent, found.of("mail").not_sent) == (5, 3, 1)
    wait = found.of("wait")
    assert (wait.came, wait.waiting, wait.passed) == (5, 1, 4)
    paid = found.of("paid")
    assert (paid.came, paid.waiting, paid.passed) == (4, 3, 1)
    assert paid.outcomes["yes"] == 1
    assert found.of("gone").came == 0


def test_figures_are_of_the_days_that_are_asked_for_and_bounded(
    shop: Any, clock: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    automation_id = shop.publish(DOCUMENT)
    shop.submitted(email="old@example.com")
    shop.work()
    clock.advance(days=8)
    for number in range(3):
        shop.submitted(email=f"new{number}@example.com")
        shop.work()
        clock.advance(minutes=1)
    assert counted(shop, automation_id, clock, 7).entered == 3
    assert counted(shop, automation_id, clock, 30).entered == 4
    monkeypatch.setattr(step_numbers, "MOST", 2)
    found = counted(shop, automation_id, clock, 30)
    assert (found.entered, found.truncated) == (2, True)
