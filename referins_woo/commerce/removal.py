"""Deleting an order here: it leaves a tombstone, so that no import, webhook or sweep brings it back (O2)."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import delete
from sqlalchemy.orm import Session

from referins_woo.commerce import order_stock
from referins_woo.commerce.models import Order, Tombstone
from referins_woo.commerce.upsert.bulk import lock_account
from referins_woo.db import insert


def delete_order(session: Session, order: Order, now: datetime, by: str) -> None:
    """Delete the order with its lines and transactions; the tombstone is written in the same transaction.

    What it still holds of the stock leaves our books: WooCommerce goes on holding it.
    """
    lock_account(session, order.account_id)
    order_stock.let_go(session, order, now, by)
    session.execute(
        insert(session, Tombstone)
        .values(account_id=order.account_id, store_id=order.store_id, woo_id=order.woo_id, created_at=now)
        .on_conflict_do_nothing(index_elements=["store_id", "woo_id"])
    )
    session.execute(delete(Order).where(Order.id == order.id).execution_options(synchronize_session=False))
    session.expunge(order)
