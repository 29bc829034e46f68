"""The pure engine: decisions a second in one process, trace included, on a definition of eight steps and five filters.

One decision is one call: `matches` (five filters, with the gates' trace) or `advance` (steps, with their log). The
facts are those of an order of three lines. No database, no clock.
"""

from __future__ import annotations

import time
from datetime import UTC, datetime
from typing import Any

from automations import engine
from automations.definition import Definition, parse
from bench import Row

_NAME = "engine"
_NOW = datetime(2026, 11, 25, 12, 0, tzinfo=UTC)
_BODY = [{"kind": "text", "text": "Hello {{ contact.first_name }}"}, {"kind": "order_items"}]
_DOCUMENT: dict[str, Any] = {
    "trigger": "order_submitted",
    "filters": {
        "all": [
            {"field": "order.total", "operator": "at_least", "value": "20"},
            {"field": "order.skus", "operator": "has", "value": "A1, B2"},
            {
                "any": [
                    {"field": "order.shipping_country", "operator": "one_of", "value": "DE, AT, CH"},
                    {"field": "contact.tags", "operator": "has", "value": "vip"},
                ]
            },
            {"field": "order.placed_at", "operator": "in_last", "value": "2d"},
        ]
    },
    "exit_on": ["paid", "cancelled", "refunded", "unsubscribed", "another_order_paid"],
    "settings": {"reentry": "once_in", "reentry_period": "30d"},
    "steps": [
        {"id": "tag", "kind": "add_tag", "tag": "bought"},
        {"id": "mail", "kind": "send_email", "subject": "Hello", "body": _BODY},
        {
            "id": "large",
            "kind": "split",
            "condition": {"field": "order.total", "operator": "at_least", "value": "100"},
            "yes": [{"id": "tell", "kind": "notify", "subject": "Large", "text": "Look"}],
            "no": [{"id": "field", "kind": "update_field", "field": "comments", "value": "small"}],
        },
        {"id": "wait", "kind": "wait", "period": "1h"},
        {"id": "again", "kind": "send_email", "subject": "Again", "body": _BODY},
        {"id": "for", "kind": "wait_for", "event": "completed", "timeout": "2d"},
        {"id": "last", "kind": "send_email", "subject": "Last", "body": _BODY},
    ],
}
_FACTS: dict[str, Any] = {
    "event": {"kind": "order_submitted", "occurred_at": "2026-11-25T12:00:00Z", "age_seconds": 1.0},
    "order": {
        "created_via": "checkout",
        "total": "59.90",
        "woo_status": "pending",
        "payment_state": "unpaid",
        "paid": False,
        "shipping_country": "DE",
        "placed_at": "2026-11-25T11:59:00Z",
        "lines": [
            {"sku": sku, "quantity": "1", "product_id": 7, "collection_ids": [1]} for sku in ("A1", "C", "D", "E")
        ],
    },
    "contact": {"id": 1, "tags": ["new"], "consent": "subscribed", "time_zone": "Europe/Berlin"},
    "store": {"time_zone": "America/New_York", "manage_stock": True, "hold_stock_minutes": None},
    "related": {},
    "entries": {"last_entered_at": None},
}


def run(quick: bool) -> list[Row]:
    """Measure and return the rows."""
    return rows_of(seconds=1.0 if quick else 4.0)


def rows_of(*, seconds: float) -> list[Row]:
    """Take orders through the whole definition for about so many seconds."""
    definition = parse(_DOCUMENT)
    assert isinstance(definition, Definition), definition
    _through(definition)  # what is parsed and kept at first is not what is measured
    decisions, orders, entries = 0, 0, 0
    started = time.process_time()
    while (spent := time.process_time() - started) < seconds:
        made, traced = _through(definition)
        decisions, orders, entries = decisions + made, orders + 1, entries + traced
    return [
        Row(_NAME, "decisions in one process, trace included", decisions / spent, "decisions/s", 20_000),
        Row(_NAME, "orders taken through all of it (8 steps, 5 filters)", orders / spent, "orders/s"),
        Row(_NAME, "lines of trace for each", entries / orders, "lines"),
    ]


def _through(definition: Definition) -> tuple[int, int]:
    """Take one order from its event to the end; returns how many decisions and lines of trace that made."""
    match = engine.matches(definition, _FACTS)
    assert match.passed
    decisions, traced = 1, len(match.trace)
    position, now = engine.start(), _NOW
    while True:
        decision = engine.advance(definition, position, _FACTS, now)
        decisions, traced = decisions + 1, traced + len(decision.log)
        if decision.position is None:
            return decisions, traced
        position, now = decision.position, decision.due_at or now
