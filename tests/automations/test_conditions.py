"""Conditions: tables of what holds, and nothing that can be thrown at them makes them raise."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from automations.compare import OPERATORS
from automations.conditions import FIELDS, evaluate, problems

FACTS: dict[str, Any] = {
    "order": {
        "total": "50.00",
        "currency": "EUR",
        "woo_status": "pending",
        "paid": False,
        "nth_order": 2,
        "payment_method": "bacs",
        "shipping_country": "DE",
        "coupons": ["SUMMER"],
        "lines": [
            {"sku": "007", "product_id": 12, "collection_ids": [3, 4]},
            {"sku": None, "product_id": None, "collection_ids": []},
        ],
    },
    "contact": {"consent": "unknown", "tags": []},
    "store": {"id": 1, "name": "Example Shop"},
}


@pytest.mark.parametrize(
    ("field", "operator", "value", "holds"),
    [
        ("order.total", "is", "50", True),
        ("order.total", "is_not", "50.000", False),
        ("order.total", "greater_than", "50", False),
        ("order.total", "at_least", "50", True),
        ("order.total", "less_than", "50.01", True),
        ("order.total", "at_most", 49, False),
        ("order.nth_order", "is", 2, True),
        ("order.nth_order", "one_of", [1, 2], True),
        ("order.currency", "is", " eur ", True),
        ("order.currency", "is_not", "USD", True),
        ("order.payment_method", "one_of", "cod, bacs", True),
        ("order.woo_status", "contains", "END", True),
        ("order.paid", "is_false", None, True),
        ("order.paid", "is_true", None, False),
        ("order.coupons", "has", "summer", True),
        ("order.coupons", "has_not", "winter", True),
        ("order.skus", "has", "007", True),
        ("order.skus", "has", "7", False),
        ("order.product_ids", "has", "12", True),
        ("order.collection_ids", "has", ["4"], True),
        ("contact.tags", "is_empty", None, True),
        ("contact.email", "is_empty", None, False),
        ("order.billing_country", "is_empty", None, True),
        ("store.id", "is", 1, True),
    ],
)
def test_what_holds(field: str, operator: str, value: Any, holds: bool) -> None:
    verdict = evaluate({"field": field, "operator": operator, "value": value}, FACTS)
    assert verdict.passed is holds
    assert len(verdict.trace) == 1


@pytest.mark.parametrize(
    ("order", "condition", "reason"),
    [
        ({}, {"field": "order.total", "operator": "at_least", "value": "1"}, "no value"),
        ({}, {"field": "order.coupons", "operator": "has_not", "value": "X"}, "no value"),
        ({"coupons": "X"}, {"field": "order.coupons", "operator": "has_not", "value": "Y"}, "cannot be compared"),
        ({"total": "1,50"}, {"field": "order.total", "operator": "is_not", "value": "1"}, "cannot be compared"),
        ({"paid": "no"}, {"field": "order.paid", "operator": "is_false"}, "cannot be compared"),
        ({"total": "1"}, {"field": "order.total", "operator": "at_least", "value": "much"}, "cannot be compared"),
        ({"total": "1"}, {"field": "order.total", "operator": "has", "value": "1"}, "unknown field or operator"),
        ({"total": "1"}, {"field": "order.weight", "operator": "is", "value": "1"}, "unknown field or operator"),
    ],
)
def test_what_is_missing_or_of_another_type_is_no_with_its_reason(
    order: dict[str, Any], condition: dict[str, Any], reason: str
) -> None:
    verdict = evaluate(condition, {"order": order})
    assert not verdict.passed
    assert verdict.trace[0]["reason"].startswith(reason)


def test_groups_nest_and_every_condition_is_in_the_trace() -> None:
    yes = {"field": "order.currency", "operator": "is", "value": "EUR"}
    no = {"field": "order.currency", "operator": "is", "value": "USD"}
    verdict = evaluate({"all": [yes, {"any": [no, yes]}]}, FACTS)
    assert verdict.passed
    assert [entry["passed"] for entry in verdict.trace] == [True, False, True]
    assert not evaluate({"all": [yes, {"any": [no, no]}]}, FACTS).passed
    assert evaluate({}, FACTS).passed
    assert evaluate({"any": []}, FACTS).passed


@pytest.mark.parametrize(
    ("condition", "field"),
    [
        ({"field": "order.totl", "operator": "is", "value": "1"}, "field"),
        ({"field": "order.total", "operator": "has", "value": "1"}, "operator"),
        ({"field": "order.total", "operator": "is", "value": "much"}, "value"),
        ({"field": "order.total", "operator": "is", "value": ""}, "value"),
        ({"field": "order.total", "operator": "is", "value": True}, "value"),
        ({"field": "order.currency", "operator": "one_of", "value": ["EUR", {}]}, "value"),
        ({"field": "order.currency", "operator": "one_of", "value": []}, "value"),
        ({"field": "order.currency", "operator": "is", "vlaue": "EUR"}, "vlaue"),
        ({"all": [], "any": []}, "any"),
        ({"all": 5}, "all"),
        ([1], "filters"),
    ],
)
def test_what_could_not_be_evaluated_is_a_problem(condition: Any, field: str) -> None:
    found = problems(condition)
    assert field in [problem.field for problem in found]
    assert all(problem.message and problem.remedy for problem in found)


anything = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=5)),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(st.text(max_size=5), inner, max_size=3)),
    max_leaves=6,
)
loose = st.fixed_dictionaries(
    {},
    optional={
        "field": st.one_of(st.sampled_from(sorted(FIELDS)), anything),
        "operator": st.one_of(st.sampled_from(sorted(OPERATORS)), anything),
        "value": anything,
        "all": anything,
        "any": st.lists(anything, max_size=2),
    },
)
loose_facts = st.fixed_dictionaries(
    {},
    optional={
        "order": st.one_of(
            anything, st.fixed_dictionaries({"total": anything, "lines": anything, "coupons": anything})
        ),
        "contact": anything,
    },
)


@given(st.one_of(loose, anything), loose_facts)
def test_nothing_makes_them_raise(condition: Any, facts: Any) -> None:
    verdict = evaluate(condition, facts)
    assert isinstance(verdict.passed, bool)
    assert isinstance(problems(condition), list)
