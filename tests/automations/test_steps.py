"""The steps: what each does, in tables, with the time, the zone and the facts given."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from automations import engine
from automations.definition import Definition, parse
from automations.effects import CallWebhook, ChangeTag, Notify, SendEmail, UpdateField

NOW = datetime(2026, 11, 25, 12, 0, tzinfo=UTC)  # a Wednesday
BODY = [{"kind": "text", "text": "Hello"}]
MAIL = {"id": "mail", "kind": "send_email", "subject": "S", "body": BODY}
PROMO = {**MAIL, "id": "promo", "body": [{**BODY[0], "promotional": True}]}


def definition(*steps: dict[str, Any], **parts: Any) -> Definition:
    """An automation of these steps."""
    parsed = parse({"trigger": "order_submitted", "steps": list(steps), **parts})
    assert isinstance(parsed, Definition), parsed
    return parsed


def told(**parts: Any) -> dict[str, Any]:
    """Facts of an unpaid order of a subscribed contact in Berlin; the store is in New York."""
    return {
        "order": {"paid": False, "woo_status": "pending", "total": "10.00"},
        "contact": {"id": 1, "tags": ["new"], "consent": "subscribed", "time_zone": "Europe/Berlin"},
        "store": {"time_zone": "America/New_York"},
        "related": {},
        **parts,
    }


def first(step: dict[str, Any], facts: dict[str, Any] | None = None, **parts: Any) -> engine.Decision:
    """What a run does that begins with this step and then sends an e-mail."""
    return engine.advance(definition(step, MAIL, **parts), engine.start(), facts or told(), NOW)


@pytest.mark.parametrize(
    ("settings", "hours"),
    [
        ({"time": "09:00"}, 2),  # New York: it is 07:00
        ({"time": "07:00"}, 0),
        ({"time": "06:59"}, 23 + 59 / 60),
        ({"time": "09:00", "zone": "contact"}, 20),  # Berlin: it is 13:00
        ({"weekdays": ["fri"]}, 2 * 24 + 2),
        ({"weekdays": ["wed"], "time": "07:00"}, 0),
        ({"weekdays": ["wed"], "time": "06:00"}, 7 * 24 - 1),
        ({"date": "2026-12-01"}, 6 * 24 + 2),
        ({"date": "2026-11-25", "time": "18:00"}, 11),
        ({"date": "2020-01-01"}, 0),
    ],
)
def test_wait_until_a_time_of_day_a_weekday_or_a_date(settings: dict[str, Any], hours: float) -> None:
    decision = first({"id": "w", "kind": "wait_until", **settings})
    assert decision.state == "waiting"
    assert decision.due_at == NOW + timedelta(hours=hours)


def test_wait_until_keeps_the_time_of_day_when_the_clocks_change() -> None:
    step = {"id": "w", "kind": "wait_until", "date": "2027-03-29", "time": "09:00", "zone": "contact"}
    assert first(step).due_at == datetime(2027, 3, 29, 7, 0, tzinfo=UTC)


def wait_for(event: str = "paid", **more: Any) -> dict[str, Any]:
    """A wait for an event with an e-mail on each way."""
    ways = {"yes": [{**MAIL, "id": "came"}], "no": [{**MAIL, "id": "late"}]}
    return {"id": "w", "kind": "wait_for", "event": event, "timeout": "2d", **ways, **more}


def test_wait_for_an_event_goes_on_at_once_when_it_comes() -> None:
    made = definition(wait_for())
    begun = engine.advance(made, engine.start(), told(), NOW)
    assert (begun.state, begun.due_at) == ("waiting", NOW + timedelta(days=2))
    assert begun.position is not None
    later = NOW + timedelta(hours=1)
    same = engine.advance(made, begun.position, told(), later)
    assert (same.state, same.position, same.log) == ("waiting", begun.position, ())
    came = engine.advance(made, begun.position, told(order={"paid": True}), later)
    assert [effect.step_id for effect in came.effects] == ["came"]
    assert came.log[0].outcome == "yes"


def test_wait_for_an_event_goes_the_other_way_when_the_time_is_up() -> None:
    made = definition(wait_for())
    begun = engine.advance(made, engine.start(), told(), NOW)
    assert begun.position is not None
    late = engine.advance(made, begun.position, told(), NOW + timedelta(days=2))
    assert [effect.step_id for effect in late.effects] == ["late"]
    assert late.log[0].text == "The time is up."


@pytest.mark.parametrize(
    ("event", "more", "facts"),
    [
        ("paid", {}, {"order": {"paid": True}}),
        ("completed", {}, {"order": {"woo_status": "completed"}}),
        ("cancelled", {}, {"order": {"woo_status": "cancelled"}}),
        ("refunded", {}, {"order": {"payment_state": "refunded"}}),
        ("another_order_placed", {}, {"related": {"another_order_placed": True}}),
        ("unsubscribed", {}, {"contact": {"consent": "unsubscribed"}}),
        ("tag", {"tags": ["NEW"]}, {}),
    ],
)
def test_what_has_happened_already_is_not_waited_for(event: str, more: dict[str, Any], facts: dict[str, Any]) -> None:
    decision = engine.advance(definition(wait_for(event, **more)), engine.start(), told(**facts), NOW)
    assert [effect.step_id for effect in decision.effects] == ["came"]


def test_a_tag_is_given_once_and_the_steps_after_it_see_it() -> None:
    split = {
        "id": "split",
        "kind": "split",
        "condition": {"field": "contact.tags", "operator": "has", "value": "vip"},
        "yes": [MAIL],
    }
    made = definition({"id": "tag", "kind": "add_tag", "tag": "VIP"}, split)
    decision = engine.advance(made, engine.start(), told(), NOW)
    assert decision.effects[0] == ChangeTag("tag", "VIP", True)
    assert [effect.step_id for effect in decision.effects] == ["tag", "mail"]
    has_it = told(contact={"id": 1, "tags": ["vip"]})
    again = engine.advance(made, engine.start(), has_it, NOW)
    assert [effect.step_id for effect in again.effects] == ["mail"]
    assert again.log[0].outcome == "skipped"


def test_a_tag_is_taken_away_where_it_is() -> None:
    step = {"id": "tag", "kind": "remove_tag", "tag": "New"}
    assert first(step).effects[0] == ChangeTag("tag", "New", False)
    assert first({**step, "tag": "old"}).log[0].text == "The contact has no tag “old”."


def test_the_tag_that_ends_the_automation_ends_it_where_it_is_given() -> None:
    decision = first({"id": "tag", "kind": "add_tag", "tag": "done"}, exit_on=["tag"], exit_tags=["Done"])
    assert (decision.state, decision.ended_reason) == ("exited", "tag")
    assert [effect.step_id for effect in decision.effects] == ["tag"]


@pytest.mark.parametrize("kind", ["add_tag", "remove_tag", "update_field"])
def test_without_a_contact_nothing_of_it_is_changed_and_the_run_goes_on(kind: str) -> None:
    settings = {"field": "phone", "value": "1"} if kind == "update_field" else {"tag": "x"}
    decision = first({"id": "s", "kind": kind, **settings}, told(contact={}))
    assert [effect.step_id for effect in decision.effects] == ["mail"]
    assert decision.log[0].text == "Nothing done: the order has no contact."


def test_fields_notes_and_webhooks_are_asked_for() -> None:
    steps = [
        {"id": "f", "kind": "update_field", "field": "comments", "value": "{{ order.number }}", "how": "append"},
        {"id": "n", "kind": "notify", "subject": "Order {{ order.number }}", "text": "Look", "to": "owners"},
        {"id": "c", "kind": "call_webhook", "url": "https://example.com/hook"},
    ]
    decision = engine.advance(definition(*steps), engine.start(), told(), NOW)
    assert decision.effects == (
        UpdateField("f", "comments", "{{ order.number }}", "append"),
        Notify("n", "Order {{ order.number }}", "Look", True),
        CallWebhook("c", "https://example.com/hook"),
    )
    assert [taken.outcome for taken in decision.log] == ["done", "done", "done", "end"]


def test_a_step_that_is_switched_off_is_passed_by_and_may_be_half_done() -> None:
    off = {"id": "x", "kind": "split", "disabled": True, "yes": [{"id": "y", "kind": "send_email"}]}
    made = parse({"trigger": "order_submitted", "steps": [{**off, "condition": {"field": "nonsense"}}, MAIL]})
    assert isinstance(made, Definition)
    assert [one.step_key for one in engine.advance(made, engine.start(), told(), NOW).log] == ["x", "mail", "end"]
    decision = first({"id": "x", "kind": "send_email", "disabled": True})
    assert [effect.step_id for effect in decision.effects] == ["mail"]
    assert decision.log[0].text == "Left out: the step is switched off."


def test_a_split_may_read_the_order_anew_first() -> None:
    condition = {"field": "order.paid", "operator": "is_true"}
    made = definition({"id": "s", "kind": "split", "reread": True, "condition": condition, "yes": [MAIL]})
    asks = engine.advance(made, engine.start(), told(), NOW)
    assert (asks.state, asks.position) == ("rereading", {"step": "s", "phase": "reread"})
    assert asks.position is not None
    goes = engine.advance(made, asks.position, told(order={"paid": True}), NOW, reread_at=NOW)
    assert [effect.step_id for effect in goes.effects] == ["mail"]


# Quiet hours and caps: marketing only.

QUIET = {"quiet_from": "12:00", "quiet_to": "14:30"}


def test_marketing_waits_for_the_end_of_quiet_hours_in_the_contacts_zone() -> None:
    facts = told(rules=QUIET)  # in Berlin it is 13:00
    made = definition(PROMO)
    held = engine.advance(made, engine.start(), facts, NOW)
    assert (held.state, held.due_at, held.effects) == ("waiting", NOW + timedelta(minutes=90), ())
    assert held.log[0].outcome == "delayed" and "Europe/Berlin" in held.log[0].text
    assert held.position is not None and held.due_at is not None
    same = engine.advance(made, held.position, facts, NOW + timedelta(minutes=5))
    assert (same.due_at, same.log) == (held.due_at, ())
    goes = engine.advance(made, held.position, facts, held.due_at)
    assert [effect.step_id for effect in goes.effects] == ["promo"]
    assert isinstance(goes.effects[0], SendEmail) and goes.effects[0].reminder


def test_quiet_hours_are_the_stores_where_the_contact_has_no_country() -> None:
    facts = told(rules=QUIET, contact={"id": 1, "consent": "subscribed"})  # in New York it is 07:00
    assert [effect.step_id for effect in engine.advance(definition(PROMO), engine.start(), facts, NOW).effects]


def test_quiet_hours_may_pass_midnight() -> None:
    facts = told(rules={"quiet_from": "13:00", "quiet_to": "08:00"})
    decision = engine.advance(definition(PROMO), engine.start(), facts, NOW)
    assert decision.due_at == NOW + timedelta(hours=19)


def test_transactional_confirmations_are_exempt_from_quiet_hours() -> None:
    assert [effect.step_id for effect in first(MAIL | {"id": "m"}, told(rules=QUIET)).effects] == ["m", "mail"]


def test_an_automation_may_have_its_own_quiet_hours_or_none() -> None:
    own = {"quiet_hours": "own", "quiet_from": "12:30", "quiet_to": "13:30"}
    assert engine.advance(definition(PROMO, settings=own), engine.start(), told(), NOW).state == "waiting"
    none = definition(PROMO, settings={"quiet_hours": "off"})
    assert engine.advance(none, engine.start(), told(rules=QUIET), NOW).state == "done"


def test_who_has_not_subscribed_waits_for_nothing() -> None:
    facts = told(rules=QUIET, contact={"id": 1, "consent": "unknown"})
    assert engine.advance(definition(PROMO), engine.start(), facts, NOW).state == "done"


def capped(action: str, *hours_ago: float) -> dict[str, Any]:
    """Facts of a contact that got marketing e-mails so long ago; two in 16 hours are enough."""
    sent = [(NOW - timedelta(hours=hours)).isoformat() for hours in hours_ago]
    rules = {"cap_messages": 2, "cap_hours": 16, "cap_action": action}
    return told(rules=rules, sent={"marketing_at": sent})


def test_a_cap_across_automations_leaves_an_email_out_and_says_why() -> None:
    decision = engine.advance(definition(PROMO, MAIL), engine.start(), capped("skip", 1, 2), NOW)
    assert [effect.step_id for effect in decision.effects] == ["mail"]
    assert decision.log[0].outcome == "skipped"
    assert decision.log[0].text == (
        "Left out: the contact got 2 marketing e-mails in the last 16 hours, and 2 are enough."
    )
    assert engine.advance(definition(PROMO), engine.start(), capped("skip", 1, 17), NOW).effects


def test_a_cap_across_automations_puts_an_email_off_until_there_is_room() -> None:
    decision = engine.advance(definition(PROMO), engine.start(), capped("delay", 1, 2, 3), NOW)
    assert (decision.state, decision.due_at) == ("waiting", NOW + timedelta(hours=14))


def test_an_automation_may_choose_for_itself_what_a_cap_does() -> None:
    for choice, state in (("skip", "done"), ("delay", "waiting"), ("ignore", "done")):
        made = definition(PROMO, settings={"on_cap": choice})
        other = "delay" if choice == "skip" else "skip"
        decision = engine.advance(made, engine.start(), capped(other, 1, 2), NOW)
        assert (decision.state, bool(decision.effects)) == (state, choice == "ignore")


def test_two_marketing_emails_in_a_row_count_each_other() -> None:
    decision = engine.advance(definition(PROMO, {**PROMO, "id": "more"}), engine.start(), capped("skip", 1), NOW)
    assert [effect.step_id for effect in decision.effects] == ["promo"]


def test_a_skipped_wait_is_over_at_once_whatever_it_is() -> None:
    made = definition({"id": "w", "kind": "wait", "period": "2d"}, MAIL)
    begun = engine.advance(made, engine.start(), told(), NOW)
    assert begun.position is not None
    skipped = engine.skip_wait(begun.position, NOW)
    assert skipped is not None
    assert engine.advance(made, skipped, told(), NOW).effects
    held = engine.advance(definition(PROMO), engine.start(), told(rules=QUIET), NOW)
    assert held.position is not None
    skipped = engine.skip_wait(held.position, NOW)
    assert skipped is not None
    assert engine.advance(definition(PROMO), skipped, told(rules=QUIET), NOW).effects
    assert engine.skip_wait({"step": "x", "phase": "reread"}, NOW) is None
