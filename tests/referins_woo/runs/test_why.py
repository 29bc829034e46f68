"""Why an automation did or did not send, gate by gate, from what was recorded at the time."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import update

from referins_woo.commerce.models import Order
from referins_woo.mail.models import Message
from referins_woo.reports import why
from referins_woo.runs import automations

MAIL = {"id": "m", "kind": "send_email", "subject": "S", "body": [{"kind": "text", "text": "Hello"}]}
DOCUMENT: dict[str, Any] = {
    "trigger": "order_submitted",
    "filters": {"field": "order.total", "operator": "at_least", "value": "20"},
    "steps": [MAIL],
}


def answer(shop: Any, order_id: int) -> why.Answer:
    """The answer of the only automation."""
    with shop.database.reading() as session:
        [found] = why.why(session, session.get_one(Order, order_id))
        return found


def test_what_was_sent_shows_every_gate_that_it_passed(shop: Any) -> None:
    shop.publish(DOCUMENT)
    order_id = shop.submitted()
    shop.work()
    assert answer(shop, order_id).outcome == "sending"
    with shop.database.unit() as session:
        session.execute(update(Message).values(state="sent", subject="Hello Ada"))
    found = answer(shop, order_id)
    assert (found.outcome, found.reason) == ("sent", "")
    assert [gate.gate for gate in found.gates] == ["event", "live", "source", "order.total", "entered", "e-mail m"]
    assert found.gates[3].reason == "Total is at least 20: it is 59.90."


def test_a_filter_that_did_not_pass_is_named_with_the_value_that_it_saw(shop: Any) -> None:
    shop.publish(DOCUMENT)
    order_id = shop.submitted(total=100_000)
    shop.work()
    shop.change(order_id, total=900_000)  # what it is later does not matter
    found = answer(shop, order_id)
    assert (found.outcome, found.reason) == ("filtered", "Total is at least 20: it is 10.00.")


def test_an_automation_that_was_not_live_or_published_later_says_so(shop: Any, clock: Any) -> None:
    before = shop.submitted()
    shop.work()
    clock.advance(seconds=5)
    automation_id = shop.publish(DOCUMENT)
    assert answer(shop, before).outcome == "not_live"
    with shop.database.unit() as session:
        automations.finish(session, automation_id, shop.account_id)
    after = shop.submitted(email="bob@example.com")
    shop.work()
    assert answer(shop, after).outcome == "not_live"


@pytest.mark.parametrize(
    ("reason", "words"),
    [
        ("too_late", "later than automations allow"),
        ("switch_off", "switched off"),
        ("before_t0", "before the store was connected"),
        ("already_cancelled", "cancelled already"),
    ],
)
def test_why_names_the_reason_of_suppression_and_that_no_email_is_no_event_yet(
    shop: Any, clock: Any, reason: str, words: str
) -> None:
    shop.publish(DOCUMENT)
    order_id = shop.order()
    shop.event(order_id, state="suppressed", reason=reason, handed_over_at=clock.now())
    found = answer(shop, order_id)
    assert found.outcome == "suppressed" and words in found.reason
    without = shop.order(email="", observed=True)
    assert answer(shop, without).reason == "The order has no e-mail address that can be used yet."


def test_orders_without_the_event_say_what_it_waits_for(shop: Any) -> None:
    shop.publish({"trigger": "payment_received", "steps": [MAIL]})
    unpaid, imported = shop.order(observed=True), shop.order(observed=False)
    assert answer(shop, unpaid).reason == "The order is not paid."
    assert answer(shop, imported).reason == "The order came by an import: history starts nothing."


def test_a_run_that_ended_waits_or_was_blocked_says_why(shop: Any, clock: Any) -> None:
    wait = {"id": "w", "kind": "wait", "period": "1d"}
    shop.publish({"trigger": "order_submitted", "steps": [wait, MAIL], "exit_on": ["paid"]})
    order_id = shop.submitted()
    shop.work()
    assert answer(shop, order_id).outcome == "waiting" and "It waits until" in answer(shop, order_id).reason
    shop.pay(order_id)
    shop.work()
    found = answer(shop, order_id)
    assert (found.outcome, found.reason) == ("ended", "It ended: the order is paid.")


def test_a_mail_that_the_mail_room_kept_back_says_why(shop: Any) -> None:
    shop.publish(DOCUMENT)
    order_id = shop.submitted()
    shop.work()
    with shop.database.unit() as session:
        session.execute(update(Message).values(state="skipped", reason="bounced"))
    found = answer(shop, order_id)
    assert (found.outcome, found.reason) == ("blocked", "Not sent: e-mails to this address came back.")


def test_a_contact_is_told_of_the_order_that_came_furthest(shop: Any, clock: Any) -> None:
    shop.publish(DOCUMENT)
    good = shop.submitted()
    clock.advance(minutes=1)
    shop.submitted(total=10_000)
    shop.work()
    with shop.database.reading() as session:
        contact = session.get_one(Order, good).contact_id
        [found] = why.why_contact(session, session.get_one(why.Contact, contact))
    assert (found.order_id, found.outcome) == (good, "sending")


def test_orders_are_found_by_number_woo_id_and_email_of_this_account_only(shop: Any) -> None:
    order_id = shop.order(number="WC-9")
    with shop.database.reading() as session:
        for words in ("WC-9", "#WC-9", "101", " ADA@example.com"):
            assert [one.id for one in why.find_orders(session, shop.account_id, words)] == [order_id]
        assert why.find_orders(session, shop.account_id + 1, "WC-9") == []
        assert why.find_orders(session, shop.account_id, "  ") == []
