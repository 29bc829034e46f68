"""What was delivered, and what Delivered means in WooCommerce: every branch, pure (O8)."""

from __future__ import annotations

import pytest

from referins_woo.commerce.fulfilment import completes, quantities, state_of
from referins_woo.errors import InvalidInput


@pytest.mark.parametrize(
    ("status", "is_away", "act"),
    [
        ("processing", False, "sends"),
        ("shipped", False, "sends"),
        ("pending", False, "asks"),
        ("on-hold", False, "asks"),
        ("completed", False, "is_so"),
        ("cancelled", False, "never"),
        ("failed", False, "never"),
        ("refunded", False, "never"),
        ("trash", False, "never"),
        ("checkout-draft", False, "never"),
        ("processing", True, "never"),
        ("completed", True, "never"),
    ],
)
def test_what_delivered_means_in_each_status(status: str, is_away: bool, act: str) -> None:
    assert completes(status, is_away=is_away) == act


@pytest.mark.parametrize(
    ("lines", "state"),
    [
        ([], "not_delivered"),
        ([(2, 0), (1, 0)], "not_delivered"),
        ([(2, 1), (1, 0)], "partially_delivered"),
        ([(2, 2), (1, 0)], "partially_delivered"),
        ([(2, 2), (1, 1)], "delivered"),
        ([(2, 2), (0, 0)], "delivered"),
        ([(0, 0)], "not_delivered"),
    ],
)
def test_what_the_lines_come_to(lines: list[tuple[int, int]], state: str) -> None:
    assert state_of(lines) == state


ORDERED, NOTHING = {1: 20_000, 2: 10_000}, {1: 0, 2: 0}


@pytest.mark.parametrize(
    ("delivered", "wanted", "given", "expected"),
    [
        (NOTHING, "delivered", None, ORDERED),
        (ORDERED, "not_delivered", None, NOTHING),
        (NOTHING, None, {1: 5_000}, {1: 5_000, 2: 0}),
        ({1: 5_000, 2: 0}, None, {2: 10_000}, {1: 5_000, 2: 10_000}),
        (NOTHING, "partially_delivered", {1: 10_000}, {1: 10_000, 2: 0}),
        (NOTHING, "delivered", ORDERED, ORDERED),
        ({1: 5_000, 2: 0}, "partially_delivered", None, {1: 5_000, 2: 0}),
    ],
)
def test_what_somebody_says_becomes_quantities(
    delivered: dict[int, int], wanted: str | None, given: dict[int, int] | None, expected: dict[int, int]
) -> None:
    assert quantities(ORDERED, delivered, wanted, given) == expected


@pytest.mark.parametrize(
    ("wanted", "given", "field"),
    [
        (None, {3: 1}, "lines"),
        (None, {1: -1}, "lines"),
        (None, {1: 20_001}, "lines"),
        ("delivered", {1: 20_000}, "delivery_status"),
        ("not_delivered", {1: 1}, "delivery_status"),
        ("partially_delivered", None, "delivery_status"),
    ],
)
def test_what_does_not_fit_is_refused(wanted: str | None, given: dict[int, int] | None, field: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        quantities(ORDERED, NOTHING, wanted, given)
    assert refused.value.field == field


def test_an_order_without_goods_is_delivered_by_its_state_alone() -> None:
    assert quantities({}, {}, "delivered", None) == {}
