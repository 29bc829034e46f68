"""Exit conditions: each holds for what it names, and ends only runs of automations that chose it."""

from __future__ import annotations

from typing import Any

import pytest

from automations.steps import EXIT_CONDITIONS, holding

HOLDS: list[tuple[str, dict[str, Any]]] = [
    ("paid", {"order": {"paid": True}}),
    ("cancelled", {"order": {"woo_status": "cancelled"}}),
    ("refunded", {"order": {"woo_status": "refunded"}}),
    ("refunded", {"order": {"payment_state": "refunded"}}),
    ("completed", {"order": {"woo_status": "completed"}}),
    ("on_hold", {"order": {"woo_status": "on-hold"}}),
    ("trashed", {"order": {"in_trash": True}}),
    ("gone", {"order": {"gone": True}}),
    ("another_order_paid", {"related": {"another_order_paid_within_2h": True}}),
    ("another_order_placed", {"related": {"another_order_placed": True}}),
    ("unsubscribed", {"contact": {"consent": "unsubscribed"}}),
    ("tag", {"contact": {"tags": ["new", " VIP "]}}),
]


@pytest.mark.parametrize(("name", "facts"), HOLDS)
def test_it_ends_only_runs_that_chose_it(name: str, facts: dict[str, Any]) -> None:
    everything, vip = frozenset(EXIT_CONDITIONS), frozenset({"vip"})
    assert holding(frozenset({name}), vip, facts) == name
    assert holding(everything, vip, facts) == name
    assert holding(everything - {name}, vip, facts) is None
    assert holding(frozenset(), vip, facts) is None


def test_every_exit_condition_has_a_case() -> None:
    assert {name for name, _ in HOLDS} == set(EXIT_CONDITIONS)


@pytest.mark.parametrize(
    "facts",
    [
        {},
        {"order": None, "contact": None, "related": None},
        {"order": {"woo_status": "failed", "payment_state": "unpaid", "paid": False}},
        {"order": {"woo_status": "processing", "payment_state": "partially_refunded"}},
        {"contact": {"consent": "unknown"}},
        {"contact": {"tags": ["gold", None, 5]}},
        {"contact": {"tags": "vip"}},
    ],
)
def test_none_holds_where_nothing_says_so(facts: dict[str, Any]) -> None:
    assert holding(frozenset(EXIT_CONDITIONS), frozenset({"vip"}), facts) is None
