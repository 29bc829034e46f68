"""Random definitions against a plain reading of them: the engine takes the same steps, however often it is stopped."""

from __future__ import annotations

import contextlib
import json
from datetime import UTC, datetime, timedelta
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from automations import engine
from automations.definition import Definition, Step, parse

NOW = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)
BODY = [{"kind": "text", "text": "Hello"}]

leaves = st.one_of(
    st.builds(
        lambda reread, unless: {"kind": "send_email", "subject": "S", "body": BODY, "reread": reread, **unless},
        st.booleans(),
        st.sampled_from([{}, {}, {"unless": "store_cancels_unpaid"}]),
    ),
    st.builds(
        lambda half, unless: {"kind": "wait", "period": "2h", "at_most_half_of_hold_stock": half, **unless},
        st.booleans(),
        st.sampled_from([{}, {}, {"unless": "store_cancels_unpaid"}]),
    ),
    st.sampled_from([{"kind": "send_email", "subject": "S", "body": BODY}] * 4 + [{"kind": "exit"}]),
)
conditions = st.sampled_from(
    [
        {"field": "order.total", "operator": "greater_than", "value": "5"},
        {"field": "order.total", "operator": "greater_than", "value": "50"},
        {"field": "contact.tags", "operator": "has", "value": "vip"},
    ]
)
trees = st.recursive(
    st.lists(leaves, max_size=4),
    lambda inner: st.lists(
        st.one_of(
            leaves,
            st.fixed_dictionaries(
                {"kind": st.just("split"), "condition": conditions}, optional={"yes": inner, "no": inner}
            ),
        ),
        max_size=4,
    ),
    max_leaves=15,
).filter(bool)


def parsed(tree: list[dict[str, Any]], exit_on: list[str]) -> Definition:
    """The tree as a definition, its steps numbered."""
    numbers = iter(range(1_000))

    def numbered(steps: list[dict[str, Any]]) -> list[dict[str, Any]]:
        return [
            {**step, "id": f"s{next(numbers)}", **{way: numbered(step[way]) for way in ("yes", "no") if way in step}}
            for step in steps
        ]

    definition = parse({"trigger": "order_submitted", "steps": numbered(tree), "exit_on": exit_on})
    assert isinstance(definition, Definition), definition
    return definition


def told(hold: int | None, *, paid: bool = False) -> dict[str, Any]:
    """Facts of an order whose total is 10."""
    store = {"manage_stock": True, "hold_stock_minutes": hold}
    return {"order": {"total": "10.00", "paid": paid}, "store": store, "contact": {"tags": []}, "related": {}}


class _Ends(Exception):
    """An exit step was read."""


def plainly(definition: Definition, hold: int | None) -> tuple[list[str], timedelta]:
    """The e-mails that a plain reading of the definition sends, and how long it waits in all."""
    sent: list[str] = []
    waited = timedelta(0)

    def read(steps: tuple[Step, ...]) -> None:
        nonlocal waited
        for step in steps:
            if step.settings.get("unless") and hold:
                continue
            if step.kind == "send_email":
                sent.append(step.id)
            elif step.kind == "wait":
                half = step.settings.get("at_most_half_of_hold_stock") and hold
                waited += min(timedelta(hours=2), timedelta(minutes=hold or 0) / 2) if half else timedelta(hours=2)
            elif step.kind == "split":
                read(step.branches["yes" if step.settings["condition"].get("value") == "5" else "no"])
            else:
                raise _Ends

    with contextlib.suppress(_Ends):
        read(definition.steps)
    return sent, waited


@settings(max_examples=300, deadline=None)
@given(trees, st.sampled_from([None, 0, 60, 600]), st.booleans())
def test_it_takes_the_steps_that_a_plain_reading_takes(
    tree: list[dict[str, Any]], hold: int | None, looks_early: bool
) -> None:
    definition = parsed(tree, [])
    now, position, sent, taken = NOW, engine.start(), [], []
    for _ in range(200):
        decision = engine.advance(definition, position, told(hold), now)
        if decision.state == "rereading":
            sent += [effect.step_id for effect in decision.effects]
            taken += [one.step_key for one in decision.log]
            assert decision.position is not None
            position = json.loads(json.dumps(decision.position))
            decision = engine.advance(definition, position, told(hold), now, reread_at=now)
            assert decision.state != "rereading" or decision.position != position
        sent += [effect.step_id for effect in decision.effects]
        taken += [one.step_key for one in decision.log]
        if decision.position is None:
            break
        position = json.loads(json.dumps(decision.position))
        if decision.due_at is not None:
            if looks_early:
                early = engine.advance(definition, position, told(hold), decision.due_at - timedelta(seconds=1))
                assert (early.due_at, early.position, early.effects, early.log) == (decision.due_at, position, (), ())
            now = decision.due_at
    else:
        raise AssertionError("the run does not end")
    assert (sent, now - NOW) == plainly(definition, hold)
    assert len(taken) == len(set(taken))


@settings(max_examples=150, deadline=None)
@given(trees, st.integers(0, 12))
def test_nothing_is_sent_from_any_position_once_an_exit_condition_holds(tree: list[dict[str, Any]], stops: int) -> None:
    definition = parsed(tree, ["paid"])
    now, position = NOW, engine.start()
    for _ in range(stops):
        decision = engine.advance(definition, position, told(None), now, reread_at=now)
        if decision.position is None:
            return
        position, now = decision.position, decision.due_at or now
    ended = engine.advance(definition, position, told(None, paid=True), now, reread_at=now)
    assert (ended.state, ended.ended_reason, ended.effects, ended.position) == ("exited", "paid", (), None)
