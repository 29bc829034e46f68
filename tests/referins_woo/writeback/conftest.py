"""A shop that answers with recorded exchanges, and an order of its store that is known here."""

from __future__ import annotations

from datetime import UTC, date, datetime

import pytest

import referins_woo.writeback.jobs  # noqa: F401  (answers the bells)
from referins_woo.commerce.models import Order, OrderLine
from referins_woo.process import Process
from tests.referins_woo.stores.conftest import account_id, read_store, ready, shop, store_id

__all__ = ["account_id", "order_id", "read_store", "ready", "shop", "store_id"]

PLACED = datetime(2026, 11, 20, 14, 3, 11, tzinfo=UTC)


@pytest.fixture
def order_id(ready: Process, store_id: int, account_id: int) -> int:
    """Order 4812 in processing, paid, with two of one thing."""
    with ready.database.unit() as session:
        order = Order(
            account_id=account_id,
            store_id=store_id,
            woo_id=4812,
            number="4812",
            status="Pending",
            woo_status="processing",
            payment_state="paid",
            currency="EUR",
            total=1_473_700,
            placed_at=PLACED,
            paid_at=PLACED,
            delivery_date=date(2026, 12, 4),
            content_hash="x",
            observed=True,
        )
        session.add(order)
        session.flush()
        session.add(
            OrderLine(
                order_id=order.id,
                account_id=account_id,
                kind="product",
                woo_line_id=1,
                position=0,
                quantity=20_000,
                price_per_unit=1,
                total=1,
            )
        )
        return order.id
