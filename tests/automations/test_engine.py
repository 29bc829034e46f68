"""The engine decides, and only decides: tables of what a run does next, and random definitions on random paths."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from automations import engine, recipes
from automations.definition import Definition, parse
from automations.engine import Decision

NOW = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)
BODY = [{"kind": "text", "text": "Hello"}]


def facts(**order: Any) -> dict[str, Any]:
    """Facts of an unpaid, pending order."""
    base = {
        "paid": False,
        "woo_status": "pending",
        "payment_state": "unpaid",
        "total": "10.00",
        "created_via": "checkout",
    }
    return {"order": base | order, "store": {"manage_stock": True, "hold_stock_minutes": None}, "related": {}}


def definition_of(document: dict[str, Any]) -> Definition:
    """The parsed document; fails with its problems."""
    parsed = parse(document)
    assert isinstance(parsed, Definition), parsed
    return parsed


def recipe(key: str) -> Definition:
    """The definition of a recipe."""
    found = recipes.recipe(key)
    assert found is not None
    return definition_of(found.definition)


def test_the_confirmation_sends_at_once_and_ends() -> None:
    decision = engine.advance(recipe("order_confirmation"), engine.start(), facts(), NOW)
    assert [effect.step_id for effect in decision.effects] == ["confirm"]
    assert (decision.state, decision.ended_reason) == ("done", "finished")


def test_the_reminder_waits_an_hour_rereads_and_sends() -> None:
    definition = recipe("pending_payment_reminder")
    first = engine.advance(definition, engine.start(), facts(), NOW)
    assert (first.state, first.due_at, first.effects) == ("waiting", NOW + timedelta(hours=1), ())
    assert first.position is not None
    early = engine.advance(definition, first.position, facts(), NOW + timedelta(minutes=5))
    assert (early.state, early.due_at, early.log) == ("waiting", first.due_at, ())
    later = NOW + timedelta(hours=1)
    second = engine.advance(definition, first.position, facts(), later)
    assert (second.state, second.effects) == ("rereading", ())
    assert second.position is not None
    third = engine.advance(definition, second.position, facts(), later, reread_at=later)
    assert [(effect.step_id, effect.reminder) for effect in third.effects] == [("remind", True)]
    assert (third.state, third.due_at) == ("waiting", later + timedelta(hours=24))


def test_a_stale_reread_is_asked_for_again() -> None:
    definition = recipe("pending_payment_reminder")
    position = {"step": "remind", "phase": "reread"}
    decision = engine.advance(definition, position, facts(), NOW, reread_at=NOW - timedelta(minutes=6))
    assert (decision.state, decision.effects) == ("rereading", ())


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"paid": True}, "paid"),
        ({"woo_status": "cancelled"}, "cancelled"),
        ({"woo_status": "completed"}, "completed"),
        ({"woo_status": "refunded"}, "refunded"),
        ({"woo_status": "on-hold"}, "on_hold"),
        ({"in_trash": True}, "trashed"),
        ({"gone": True}, "gone"),
    ],
)
def test_the_reminder_ends_when_there_is_nothing_to_remind_of(change: dict[str, Any], reason: str) -> None:
    position = {"step": "wait_first", "phase": "waiting", "until": (NOW + timedelta(hours=1)).isoformat()}
    decision = engine.advance(recipe("pending_payment_reminder"), position, facts(**change), NOW)
    assert (decision.state, decision.ended_reason, decision.effects) == ("exited", reason, ())


def test_the_reminder_ends_when_another_order_of_that_email_is_paid() -> None:
    told = facts() | {"related": {"another_order_paid_within_2h": True}}
    assert (
        engine.advance(recipe("pending_payment_reminder"), engine.start(), told, NOW).ended_reason
        == "another_order_paid"
    )


def test_a_failed_payment_goes_on_waiting() -> None:
    position = {"step": "wait_first", "phase": "waiting", "until": (NOW + timedelta(hours=1)).isoformat()}
    decision = engine.advance(recipe("pending_payment_reminder"), position, facts(woo_status="failed"), NOW)
    assert decision.state == "waiting"


@pytest.mark.parametrize(("minutes", "wait"), [(60, 30), (20, 10), (600, 60)])
def test_where_the_store_cancels_unpaid_orders_one_mail_goes_after_half_of_that_time(minutes: int, wait: int) -> None:
    definition = recipe("pending_payment_reminder")
    told = facts() | {"store": {"manage_stock": True, "hold_stock_minutes": minutes}}
    first = engine.advance(definition, engine.start(), told, NOW)
    assert first.due_at == NOW + timedelta(minutes=wait)
    last = engine.advance(definition, {"step": "remind", "phase": "reread"}, told, NOW, reread_at=NOW)
    assert [effect.step_id for effect in last.effects] == ["remind"]
    assert [(taken.step_key, taken.outcome) for taken in last.log] == [
        ("remind", "sent"),
        ("wait_last", "left_out"),
        ("remind_last", "left_out"),
        ("end", "end"),
    ]


@pytest.mark.parametrize(
    ("key", "order", "passed"),
    [
        ("order_confirmation", {}, True),
        ("order_confirmation", {"created_via": "subscription"}, False),
        ("payment_thank_you", {"paid": True}, True),
        ("payment_thank_you", {"paid": True, "total": "0.00"}, False),
        ("pending_payment_reminder", {}, True),
        ("pending_payment_reminder", {"woo_status": "on-hold"}, False),
        ("pending_payment_reminder", {"paid": True}, False),
    ],
)
def test_who_goes_through(key: str, order: dict[str, Any], passed: bool) -> None:
    assert engine.matches(recipe(key), facts(**order)).passed is passed


def test_what_is_wrong_is_named_with_its_place_and_a_remedy() -> None:
    step = {"id": "a", "kind": "send_email", "subject": "Hi {{ order.nubmer }}", "body": BODY}
    problems = parse({"trigger": "order_submitted", "steps": [step, {"id": "a", "kind": "wait", "period": "soon"}]})
    assert isinstance(problems, list)
    assert [(one.path, one.field) for one in problems] == [("steps[0]", "subject"), ("steps[1]", "id")]
    assert problems[0].remedy == "Did you mean {{ order.number }}?"


# Random definitions through random events.

conditions = st.sampled_from(
    [
        {"field": "order.paid", "operator": "is_true"},
        {"field": "order.total", "operator": "greater_than", "value": "5"},
        {"field": "contact.tags", "operator": "has", "value": "vip"},
        {"any": []},
    ]
)
leaves = st.one_of(
    st.fixed_dictionaries({"kind": st.just("send_email"), "subject": st.just("S"), "body": st.just(BODY)}),
    st.fixed_dictionaries(
        {"kind": st.just("send_email"), "subject": st.just("R"), "body": st.just(BODY), "reread": st.just(True)}
    ),
    st.fixed_dictionaries({"kind": st.just("wait"), "period": st.sampled_from(["5m", "1h", "1d"])}),
    st.fixed_dictionaries({"kind": st.just("exit")}),
)
trees = st.recursive(
    st.lists(leaves, min_size=1, max_size=4),
    lambda inner: st.lists(
        st.one_of(
            leaves,
            st.fixed_dictionaries({"kind": st.just("split"), "condition": conditions, "yes": inner, "no": inner}),
        ),
        min_size=1,
        max_size=4,
    ),
    max_leaves=12,
)


def numbered(steps: list[dict[str, Any]], counter: list[int]) -> list[dict[str, Any]]:
    """Give every step its own id."""
    result = []
    for step in steps:
        counter[0] += 1
        own = f"s{counter[0]}"
        branches = {name: numbered(step[name], counter) for name in ("yes", "no") if name in step}
        result.append({**step, **branches, "id": own})
    return result


@settings(max_examples=300, deadline=None)
@given(
    trees,
    st.lists(st.tuples(st.integers(0, 3 * 24 * 60), st.booleans(), st.booleans()), min_size=1, max_size=30),
    st.booleans(),
)
def test_no_step_is_taken_twice_and_nothing_is_sent_after_an_exit(
    tree: list[dict[str, Any]], looks: list[tuple[int, bool, bool]], ends_on_paid: bool
) -> None:
    exit_on = ["paid"] if ends_on_paid else []
    document = {"trigger": "order_submitted", "steps": numbered(tree, [0]), "exit_on": exit_on}
    definition = definition_of(document)
    now, paid, sent, position, taken = NOW, False, [], engine.start(), []
    decision: Decision | None = None
    reread_at = None
    for minutes, pays, rereads in looks:
        now += timedelta(minutes=minutes)
        paid = paid or pays
        reread_at = now if rereads else reread_at
        decision = engine.advance(definition, position, facts(paid=paid), now, reread_at=reread_at)
        assert decision == engine.advance(definition, position, facts(paid=paid), now, reread_at=reread_at)
        if paid and ends_on_paid:
            assert decision.state == "exited"
            assert not decision.effects
        sent += [effect.step_id for effect in decision.effects]
        taken += [one.step_key for one in decision.log if one.outcome != "rereads"]
        if decision.state in ("done", "exited"):
            assert decision.position is None
            break
        assert decision.position is not None
        position = decision.position
    assert len(sent) == len(set(sent))
    assert len(taken) == len(set(taken))
