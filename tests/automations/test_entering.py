"""Who enters: sources, amount, filters, lateness and re-entry, each a gate in the trace."""

from __future__ import annotations

from typing import Any

import pytest

from automations import engine
from automations.definition import Definition, parse


def definition(trigger: str = "order_submitted", **parts: Any) -> Definition:
    """An automation with one e-mail."""
    mail = {"id": "mail", "kind": "send_email", "subject": "S", "body": [{"kind": "text", "text": "Hello"}]}
    parsed = parse({"trigger": trigger, "steps": [mail], **parts})
    assert isinstance(parsed, Definition), parsed
    return parsed


def facts(event: dict[str, Any] | None = None, **more: Any) -> dict[str, Any]:
    """Facts of an order from the checkout."""
    happened = {"kind": "order_submitted", "occurred_at": "2026-11-21T12:00:00Z", **(event or {})}
    return {"order": {"created_via": "checkout", "total": "10.00"}, "event": happened, **more}


def failed(match: engine.Match) -> list[str]:
    """Names of the gates that did not let it through; none exactly when it passed."""
    names = [gate["gate"] for gate in match.trace if not gate["passed"]]
    assert match.passed is not bool(names)
    return names


@pytest.mark.parametrize("source", ["checkout", "rest-api", "admin", "store-api", ""])
def test_every_source_but_subscription_enters(source: str) -> None:
    told = facts() | {"order": {"created_via": source, "total": "1"}}
    assert failed(engine.matches(definition(), told)) == []


def test_the_sources_are_the_merchants_choice() -> None:
    told = facts() | {"order": {"created_via": "subscription", "total": "1"}}
    assert failed(engine.matches(definition(), told)) == ["source"]
    assert failed(engine.matches(definition(excluded_sources=[]), told)) == []


@pytest.mark.parametrize(("total", "gates"), [("0.01", []), ("0.00", ["amount"]), (None, ["amount"])])
def test_a_payment_needs_an_amount(total: str | None, gates: list[str]) -> None:
    told = facts() | {"order": {"created_via": "checkout", "total": total}}
    assert failed(engine.matches(definition("payment_received"), told)) == gates


def test_a_filter_on_the_total_replaces_the_amount() -> None:
    told = facts() | {"order": {"created_via": "checkout", "total": "0.00"}}
    free = {"any": [{"field": "order.total", "operator": "at_most", "value": "0"}]}
    assert failed(engine.matches(definition("payment_received", filters=free), told)) == []


@pytest.mark.parametrize(
    ("event", "gates"),
    [
        ({"age_seconds": 3600}, []),
        ({"age_seconds": 3601}, ["lateness"]),
        ({}, ["lateness"]),
        ({"age_seconds": 3601, "released": True}, []),
    ],
)
def test_an_own_lateness_limit_is_kept(event: dict[str, Any], gates: list[str]) -> None:
    assert failed(engine.matches(definition(settings={"lateness_limit": "1h"}), facts(event))) == gates


def test_without_an_own_limit_lateness_is_left_to_where_events_are_recorded() -> None:
    assert failed(engine.matches(definition(), facts({"age_seconds": 90_000}))) == []


@pytest.mark.parametrize(
    ("settings", "last", "gates"),
    [
        ({"reentry": "once"}, None, []),
        ({"reentry": "once"}, "2020-01-01T00:00:00Z", ["reentry"]),
        ({"reentry": "once_in", "reentry_period": "30d"}, "2026-10-22T12:00:00Z", []),
        ({"reentry": "once_in", "reentry_period": "30d"}, "2026-10-22T12:00:01Z", ["reentry"]),
        ({"reentry": "always"}, "2026-11-21T11:59:59Z", []),
    ],
)
def test_reentry_is_limited_by_the_time_of_the_last_entry(
    settings: dict[str, Any], last: str | None, gates: list[str]
) -> None:
    told = facts(entries={"last_entered_at": last})
    assert failed(engine.matches(definition(settings=settings), told)) == gates


def test_a_limit_that_cannot_be_checked_lets_nobody_in_and_says_why() -> None:
    match = engine.matches(definition(settings={"reentry": "once"}), facts())
    assert failed(match) == ["reentry"]
    assert match.trace[-1]["reason"] == "it is not known when the contact entered before"


@pytest.mark.parametrize(
    ("wanted", "gates"),
    [
        ({}, []),
        ({"from": ["on-hold"]}, []),
        ({"from": ["pending"]}, ["status_from"]),
        ({"from": ["Pending"], "to": ["Completed"]}, []),
        ({"to": ["completed"]}, []),
        ({"to": ["Cancelled", "completed"]}, []),
        ({"from": ["on-hold"], "to": ["processing"]}, ["status_to"]),
    ],
)
def test_statuses_are_compared_raw_or_mapped(wanted: dict[str, Any], gates: list[str]) -> None:
    event = {"from_status": "on-hold", "from_mapped": "Pending", "to_status": "completed", "to_mapped": "Completed"}
    made = definition("order_status_changed", trigger_settings=wanted)
    assert failed(engine.matches(made, facts(event))) == gates


@pytest.mark.parametrize(
    ("wanted", "kind", "gates"),
    [("any", "full", []), ("full", "full", []), ("partial", "full", ["refund"]), ("full", "partial", ["refund"])],
)
def test_a_refund_in_full_or_in_part_is_the_triggers_choice(wanted: str, kind: str, gates: list[str]) -> None:
    made = definition("order_refunded", trigger_settings={"refund": wanted})
    assert failed(engine.matches(made, facts(refund={"kind": kind, "amount": "5.00"}))) == gates
