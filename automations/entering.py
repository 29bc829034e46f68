"""Whether an event starts an automation: its gates, each with the value that it saw. Pure."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from automations import conditions
from automations.definition import Definition
from automations.triggers import STATUS_WORDS, TRIGGERS

Gate = dict[str, Any]
"""{"gate": name, "passed": bool, "value": what was seen}, and "wanted" or "reason" where they say more."""

_AMOUNT = conditions.prepare({"field": "order.total", "operator": "greater_than", "value": "0"})


@dataclass(frozen=True, slots=True)
class Match:
    """Whether an event starts the automation, with every gate that was looked at."""

    passed: bool
    trace: list[Gate] = field(default_factory=list)


def matches(definition: Definition, facts: Any) -> Match:
    """Return whether an event with these facts starts the automation: all gates are looked at, whatever one says.

    They are: the trigger's own settings, the source of the order, an amount, the filters, lateness, re-entry. "In the
    last 30 days" counts back from the event. The trigger's own lateness limit is kept where events are recorded. A
    limit of the automation's own needs `event.age_seconds`, one of re-entry needs `entries`: where they are not told,
    nobody enters, and the gate says why.
    """
    trigger = TRIGGERS[definition.trigger]
    order = facts.get("order") or {}
    source = order.get("created_via", "")
    gates: list[Gate] = [*_of_trigger(definition, facts)] if definition.trigger_settings else []
    gates.append({"gate": "source", "value": source, "passed": source not in definition.excluded_sources})
    if trigger.needs_amount and "order.total" not in _filtered(definition):
        above = conditions.evaluate(_AMOUNT, facts).passed
        gates.append({"gate": "amount", "value": order.get("total"), "passed": above})
    verdict = conditions.evaluate(definition.who, facts, _occurred(facts))
    filters: list[Gate] = [{"gate": "filter", **entry} for entry in verdict.trace]
    limits = [gate for gate in (_lateness(definition, facts), _reentry(definition, facts)) if gate is not None]
    passed = verdict.passed and all(gate["passed"] for gate in gates) and all(gate["passed"] for gate in limits)
    return Match(passed, [*gates, *filters, *limits])


def status_fits(wanted: list[str], raw: Any, mapped: Any) -> bool:
    """Whether one of the statuses `wanted` is the raw status or, with a capital, ours; none wanted fits all."""
    return not wanted or any((one == mapped) if one in STATUS_WORDS else (one == raw) for one in wanted)


def _of_trigger(definition: Definition, facts: Any) -> list[Gate]:
    wanted, event = definition.trigger_settings, facts.get("event") or {}
    gates = []
    for side in ("from", "to"):
        if wanted.get(side):
            seen = event.get(f"{side}_status")
            fits = status_fits(wanted[side], seen, event.get(f"{side}_mapped"))
            gates.append({"gate": f"status_{side}", "value": seen, "wanted": wanted[side], "passed": fits})
    if wanted.get("refund", "any") != "any":
        kind = (facts.get("refund") or {}).get("kind")
        gates.append({"gate": "refund", "value": kind, "wanted": wanted["refund"], "passed": kind == wanted["refund"]})
    return gates


def _filtered(definition: Definition) -> set[Any]:
    return {one.get("field") for one in conditions.walk(definition.filters)}


def _occurred(facts: Any) -> datetime | None:
    happened = (facts.get("event") or {}).get("occurred_at")
    try:
        return datetime.fromisoformat(happened) if happened else None
    except (TypeError, ValueError):
        return None


def _lateness(definition: Definition, facts: Any) -> Gate | None:
    limit = definition.lateness_limit
    if limit >= TRIGGERS[definition.trigger].lateness_limit:
        return None
    event = facts.get("event") or {}
    age = event.get("age_seconds")
    gate = {"gate": "lateness", "value": age, "wanted": limit.total_seconds()}
    if event.get("released"):
        return {**gate, "passed": True, "reason": "released by hand"}
    if age is None:
        return {**gate, "passed": False, "reason": "the age of the event is not known"}
    return {**gate, "passed": age <= limit.total_seconds()}


def _reentry(definition: Definition, facts: Any) -> Gate | None:
    period = definition.reentry
    if period == timedelta(0):
        return None
    entries, happened = facts.get("entries"), (facts.get("event") or {}).get("occurred_at")
    if entries is None or happened is None:
        reason = "it is not known when the contact entered before"
        return {"gate": "reentry", "value": None, "passed": False, "reason": reason}
    last = entries.get("last_entered_at")
    gate = {"gate": "reentry", "value": last}
    if last is None:
        return {**gate, "passed": True}
    if period is None:
        return {**gate, "passed": False, "reason": "the contact was in it before"}
    return {**gate, "passed": datetime.fromisoformat(happened) - datetime.fromisoformat(last) >= period}
