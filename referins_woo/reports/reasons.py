"""Reasons in words: what a gate asked and saw, why nothing happened, why a run ended."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from automations.compare import OPERATORS
from automations.conditions import FIELDS
from automations.steps import EXIT_CONDITIONS
from automations.triggers import TRIGGERS
from referins_woo.commerce.matching import usable_email
from referins_woo.commerce.models import Order


def of_gate(gate: dict[str, Any]) -> str:
    """Return what a gate of entering asked and saw, in words."""
    name, passed, value = gate.get("gate"), gate.get("passed"), gate.get("value")
    if name in ("filter", None):
        return _filter_words(gate)
    if name == "source":
        return f"Created via {value or 'an unknown source'}{'' if passed else ', which the automation leaves out'}."
    if name == "amount":
        return "The total is above zero." if passed else f"The total is {value}: free orders do not start it."
    if name in ("status_from", "status_to"):
        side = "before" if name == "status_from" else "after"
        return f"The status {side} is {value}; wanted: {', '.join(gate.get('wanted') or ())}."
    if name == "refund":
        return f"The refund is {value}; wanted: {gate.get('wanted')}."
    if name == "lateness":
        hours = f"{value / 3600:.1f} h" if isinstance(value, int | float) else "unknown"
        return f"The event was {hours} old; {(gate.get('wanted') or 0) / 3600:.1f} h are borne."
    if name == "reentry":
        return gate.get("reason") or ("It may enter." if passed else f"The contact entered before, on {value}.")
    return str(gate.get("reason") or name)


def of_end(reason: str) -> str:
    """Return why a run ended."""
    if reason in EXIT_CONDITIONS:
        return f"It ended: {EXIT_CONDITIONS[reason][:1].lower()}{EXIT_CONDITIONS[reason][1:]}."
    words = {
        "stopped_by_hand": "It was stopped by hand.",
        "new_version": "It was stopped when a new version was published.",
        "store_disconnected": "The store was disconnected.",
        "step_removed": "The step that it stood at is gone.",
        "erased": "The person was erased.",
    }
    return words.get(reason, f"It ended: {reason}.")


def of_no_event(trigger: str, order: Order, since: datetime | None) -> str:
    """Return why an order has no event of a trigger; `since` is T0 of its store."""
    label = TRIGGERS[trigger].label if trigger in TRIGGERS else trigger
    if not order.observed:
        return "The order came by an import: history starts nothing."
    if trigger == "order_submitted":
        if since is not None and order.placed_at < since:
            return "The order was placed before the store was connected."
        if not usable_email(order.email):
            return "The order has no e-mail address that can be used yet."
        if order.woo_status in ("cancelled", "failed", "refunded"):
            return f"The order is {order.woo_status}; it starts when it becomes a real order."
    if trigger == "payment_received":
        if order.payment_state == "unpaid":
            return "The order is not paid."
        if since is not None and (order.paid_at or order.placed_at) < since:
            return "The order was paid before the store was connected."
    if trigger == "order_completed":
        if order.woo_status != "completed":
            return f"The order is not completed; it is {order.woo_status}."
        if since is not None and order.completed_at is not None and order.completed_at < since:
            return "The order was completed before the store was connected."
    if trigger == "order_refunded":
        return "Nothing was refunded since the store was connected."
    if trigger == "order_status_changed":
        return "No change of the status was seen since the store was connected."
    return f"{label} has not been recorded."


def _filter_words(gate: dict[str, Any]) -> str:
    known, operator = FIELDS.get(gate.get("field", "")), OPERATORS.get(gate.get("operator", ""))
    if known is None or operator is None:
        return str(gate.get("reason") or "A filter that is not known.")
    wanted = gate.get("wanted")
    shown = ", ".join(map(str, wanted)) if isinstance(wanted, list) else "" if wanted is None else str(wanted)
    value = gate.get("value")
    seen = (
        ", ".join(map(str, value)) if isinstance(value, list) else str(value) if value not in (None, "") else "nothing"
    )
    asked = f"{known.label} {operator.label} {shown}".strip()
    because = f" ({gate['reason']})" if gate.get("reason") else ""
    return f"{asked}: it is {seen or 'nothing'}{because}."
