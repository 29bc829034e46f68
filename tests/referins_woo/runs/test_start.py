"""Events start runs: once, in the automations that were live when they occurred, unless they come too late."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from referins_woo.runs import automations, exits, start
from referins_woo.runs.models import Automation, AutomationVersion

REMINDER = "pending_payment_reminder"


def test_it_mails_the_order_confirmation_once_when_the_sweep_repeats(shop: Any) -> None:
    shop.live("order_confirmation")
    shop.submitted()
    shop.work()
    shop.work()
    [message] = shop.messages()
    assert (message.to_email, message.to_name) == ("ada@example.com", "Ada Billing")
    assert message.purpose == "transactional"
    assert message.from_name == "Ada's Shop"
    assert message.facts["order"]["total"] == "59.90"
    assert message.facts["order"]["lines"][0]["quantity"] == "1.5"
    [run] = shop.runs()
    assert (run.state, run.ended_reason) == ("done", "finished")
    assert [row.step_key for row in shop.log(run.id)] == ["entry", "confirm", "end"]
    assert message.once_key == f"run:{run.id}:confirm"


def test_a_second_event_of_the_same_order_does_not_enter_again(shop: Any) -> None:
    shop.live("order_confirmation")
    order_id = shop.submitted()
    shop.work()
    event = shop.events()[0]
    with shop.database.unit() as session:
        session.get_one(type(event), event.id).handed_over_at = None
    shop.work()
    assert len(shop.runs()) == 1
    assert len(shop.messages()) == 1
    assert shop.runs()[0].order_id == order_id


def test_a_second_order_of_a_contact_enters_while_the_first_waits(shop: Any) -> None:
    shop.live(REMINDER)
    shop.submitted()
    shop.submitted()
    shop.work()
    assert [run.state for run in shop.runs()] == ["waiting", "waiting"]


def test_it_starts_only_for_events_after_it_was_published(shop: Any, clock: Any) -> None:
    shop.submitted()
    clock.advance(seconds=5)
    shop.live("order_confirmation")
    shop.work()
    assert shop.runs() == []
    [event] = shop.events()
    assert event.handed_over_at is not None
    assert event.data["considered"][0]["outcome"] == "published_later"


@pytest.mark.parametrize(("skew", "entered"), [(-3_600, 1), (3_600, 0)])
def test_publish_time_and_event_time_are_compared_through_the_stores_clock(
    shop: Any, clock: Any, skew: int, entered: int
) -> None:
    """The event says the same instant as ours when published; with the store's clock behind, it happened after."""
    shop.skew(skew)
    shop.live("order_confirmation")
    order_id = shop.order()
    shop.event(order_id, occurred_at=clock.now())
    shop.work()
    assert len(shop.runs()) == entered


def test_an_event_in_the_second_of_publishing_counts_as_after(shop: Any, clock: Any) -> None:
    shop.live("order_confirmation")
    order_id = shop.order()
    shop.event(order_id, occurred_at=clock.now().replace(microsecond=0))
    shop.work()
    assert len(shop.runs()) == 1


def test_a_late_event_starts_nothing_and_says_why(shop: Any, clock: Any) -> None:
    shop.live("order_confirmation")
    shop.submitted()
    clock.advance(hours=24, seconds=1)
    shop.work()
    assert shop.runs() == []
    [event] = shop.events()
    assert (event.state, event.reason) == ("suppressed", "too_late")


def test_a_released_event_starts_although_it_is_late_and_its_mail_may_leave(shop: Any, clock: Any) -> None:
    shop.live("order_confirmation")
    order_id = shop.order()
    shop.event(order_id, state="released")
    clock.advance(days=3)
    shop.work()
    [message] = shop.messages()
    assert message.not_after is None


def test_lateness_is_measured_on_the_stores_clock(shop: Any, clock: Any) -> None:
    shop.skew(7_200)
    shop.live("order_confirmation")
    order_id = shop.order()
    occurred = clock.now() + timedelta(hours=2)
    shop.event(order_id, occurred_at=occurred)
    clock.advance(hours=23)
    shop.work()
    [message] = shop.messages()
    assert message.not_after == occurred + timedelta(hours=22)


def test_an_old_event_keeps_the_version_that_was_live_when_it_occurred(shop: Any, clock: Any) -> None:
    automation_id = shop.live("order_confirmation")
    clock.advance(seconds=10)
    shop.submitted()
    clock.advance(seconds=10)
    with shop.database.unit() as session:
        automation = automations.get(session, automation_id, shop.account_id)
        draft = {**automation.draft, "filters": {"field": "order.total", "operator": "greater_than", "value": "1000"}}
        automations.save_draft(session, automation_id, shop.account_id, revision=1, definition=draft)
        automations.publish(session, automation_id, shop.account_id, None)
    shop.work()
    clock.advance(seconds=10)
    shop.submitted()
    shop.work()
    assert len(shop.runs()) == 1
    filtered = shop.events()[1].data["considered"][0]
    assert filtered["outcome"] == "filtered"
    assert filtered["gates"][-1]["passed"] is False


def test_orders_that_come_from_subscriptions_do_not_enter_by_default(shop: Any) -> None:
    shop.live("order_confirmation")
    shop.submitted(created_via="subscription")
    shop.work()
    assert shop.runs() == []


def test_a_thank_you_needs_an_amount_and_works_without_a_kept_transaction(shop: Any) -> None:
    shop.live("payment_thank_you")
    shop.pay(shop.order())
    shop.pay(shop.order(total=0))
    shop.work()
    [message] = shop.messages()
    assert message.facts["transaction"]["amount"] == "59.90"


def test_other_accounts_automations_are_not_considered(shop: Any) -> None:
    automation_id = shop.live("order_confirmation")
    with shop.database.unit() as session:
        from_other = Automation(account_id=shop.account_id, name="x", trigger="order_submitted", draft={})
        session.add(from_other)
        session.flush()
        with pytest.raises(automations.NoSuchAutomation):
            automations.pause(session, automation_id, shop.account_id + 1)


def test_many_events_are_one_batch_with_one_run_each(shop: Any) -> None:
    shop.live("order_confirmation")
    shop.live(REMINDER)
    for number in range(start.BATCH + 20):
        shop.submitted(email=f"buyer{number}@example.com")
    shop.work()
    assert len(shop.messages()) == start.BATCH + 20
    assert len(shop.runs()) == 2 * (start.BATCH + 20)


def test_looking_again_makes_only_waiting_runs_of_these_orders_due(shop: Any, clock: Any) -> None:
    shop.live(REMINDER)
    first, second = shop.submitted(), shop.submitted(email="bob@example.com")
    shop.work()
    with shop.database.unit() as session:
        assert exits.look_again(session, [first]) == 1
    due = {run.order_id: run.due_at for run in shop.runs()}
    assert due[first] <= clock.now() < due[second]
    shop.work()
    assert {run.state for run in shop.runs()} == {"waiting"}
    assert min(run.due_at for run in shop.runs()) > clock.now()


@pytest.mark.parametrize(
    ("limits", "runs"),
    [
        ({}, 3),
        ({"reentry": "once"}, 1),
        ({"reentry": "once_in", "reentry_period": "1h"}, 1),
        ({"lateness_limit": "6h"}, 3),
    ],
)
def test_a_contact_enters_as_often_as_the_automation_allows(shop: Any, limits: dict[str, str], runs: int) -> None:
    automation_id = shop.live("order_confirmation")
    with shop.database.unit() as session:
        version = session.query(AutomationVersion).filter_by(automation_id=automation_id).one()
        version.definition = {**version.definition, "settings": limits}
    for _ in range(3):
        shop.submitted()
    shop.work()
    assert len(shop.runs()) == runs


def test_runs_are_keyed_by_order_by_change_of_status_and_by_refund(shop: Any) -> None:
    mail = {"id": "m", "kind": "send_email", "subject": "S", "body": [{"kind": "text", "text": "Hello"}]}
    for trigger in ("order_submitted", "order_status_changed", "order_refunded"):
        shop.publish({"trigger": trigger, "steps": [mail]}, trigger)
    order_id = shop.submitted()
    changes = ("pending>on-hold@2026-11-25T10:00:00Z", "on-hold>pending@2026-11-25T11:00:00Z")
    for change in changes:
        before, after = change.partition("@")[0].split(">")
        shop.event(order_id, "order_status_changed", occurrence=change, data={"from": before, "to": after})
    for refund in ("7", "8"):
        shop.event(
            order_id, "order_refunded", occurrence=refund, data={"refund": {"id": int(refund), "amount": "1.00"}}
        )
    shop.work()
    order = f"order:{shop.store_id}:101"
    keys = sorted(run.entry_key for run in shop.runs())
    assert keys == sorted([order, *(f"{order}:{one}" for one in (*changes, "7", "8"))])
    assert len(shop.messages()) == 5


def test_an_email_about_an_order_goes_to_its_own_address_and_marketing_to_the_contacts(shop: Any) -> None:
    order_id = shop.order()
    shop.contact(consent="subscribed")
    shop.change(order_id, email="work@example.com", email_key="work@example.com")
    body = [{"kind": "text", "text": "Hello"}]
    promoting = [{**body[0], "promotional": True}]
    about = {"id": "about", "kind": "send_email", "subject": "S", "body": body}
    shop.publish({"trigger": "order_submitted", "steps": [about, {**about, "id": "more", "body": promoting}]})
    shop.event(order_id)
    shop.work()
    sent = [(message.purpose, message.to_email) for message in shop.messages()]
    assert sent == [("transactional", "work@example.com"), ("marketing", "ada@example.com")]


def test_marketing_to_who_has_not_subscribed_is_blocked_and_the_run_goes_on(shop: Any) -> None:
    body = [{"kind": "text", "text": "Hello", "promotional": True}]
    steps = [
        {"id": "promote", "kind": "send_email", "subject": "S", "body": body},
        {"id": "tag", "kind": "add_tag", "tag": "asked"},
    ]
    shop.publish({"trigger": "order_submitted", "steps": steps})
    shop.submitted()
    shop.work()
    [run] = shop.runs()
    assert (run.state, shop.messages()) == ("done", [])
    assert [entry.outcome for entry in shop.log(run.id)] == ["entered", "blocked", "done", "end"]
