"""What makes a sales order (O3), and what is changed of one (O7)."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import pytest
from sqlalchemy import select

from referins_woo.commerce import sales
from referins_woo.commerce.models import Order
from referins_woo.commerce.order_rules import SalesRule
from referins_woo.errors import InvalidInput
from referins_woo.process import Process
from tests.factories.rows import PLACED, account_with_everything
from tests.referins_woo.events.test_detect import order as order_record

T0 = datetime(2026, 11, 25, 8, tzinfo=UTC)
BEFORE, AFTER = T0 - timedelta(days=1), T0 + timedelta(hours=1)
PROCESSING = frozenset({"processing"})


@pytest.mark.parametrize(
    ("statuses", "live_since", "status", "placed_at", "taken"),
    [
        (PROCESSING, None, "processing", BEFORE, True),
        (PROCESSING, None, "completed", AFTER, False),  # an import: by the status of now
        (PROCESSING, T0, "processing", BEFORE, True),
        (PROCESSING, T0, "completed", AFTER, True),  # passed between two looks
        (PROCESSING, T0, "completed", T0, True),
        (PROCESSING, T0, "completed", BEFORE, False),
        (PROCESSING, T0, "on-hold", AFTER, False),
        (PROCESSING, T0, "refunded", AFTER, False),
        (frozenset({"shipped", "on-hold"}), T0, "shipped", AFTER, True),
        (frozenset(), T0, "completed", AFTER, False),
    ],
)
def test_which_orders_become_sales_orders(
    statuses: frozenset[str], live_since: datetime | None, status: str, placed_at: datetime, taken: bool
) -> None:
    assert SalesRule(statuses, live_since).takes(order_record(status=status, placed_at=placed_at)) is taken


def test_statuses_are_words_without_their_prefix_each_once() -> None:
    assert sales.chosen_statuses(["wc-Processing", "processing", " on-hold ", ""]) == ["processing", "on-hold"]
    for wrong in ("two words", "a" * 61, "a/b"):
        with pytest.raises(InvalidInput):
            sales.chosen_statuses([wrong])


def test_choosing_a_status_takes_in_who_stands_in_it_now_and_nobody_leaves(running: Process) -> None:
    ours = account_with_everything(running.database, "ours@example.com")
    theirs = account_with_everything(running.database, "theirs@example.com")
    with running.database.unit() as session:
        assert sales.take_in(session, ours.ids["store_id"], ["on-hold"], T0) == 1
        assert sales.take_in(session, ours.ids["store_id"], ["processing"], AFTER) == 0
    with running.database.reading() as session:
        assert session.get_one(Order, ours.ids["order_id"]).sales_at == T0
        assert session.scalar(select(Order.sales_at).where(Order.id == theirs.ids["order_id"])) is None


def test_the_delivery_date_is_changed_within_reason(running: Process) -> None:
    ours = account_with_everything(running.database, "ours@example.com")
    with running.database.unit() as session:
        order = session.get_one(Order, ours.ids["order_id"])
        assert sales.set_delivery_date(session, order, date(2026, 12, 24), T0) is True
        assert sales.set_delivery_date(session, order, date(2026, 12, 24), T0) is False
        for wrong in (PLACED.date() - timedelta(days=2), PLACED.date() + timedelta(days=4_000)):
            with pytest.raises(InvalidInput):
                sales.set_delivery_date(session, order, wrong, T0)
        assert order.delivery_date == date(2026, 12, 24)
