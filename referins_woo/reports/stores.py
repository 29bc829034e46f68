"""Stores for their pages: those that need a hand first, and what is here of one."""

from __future__ import annotations

from sqlalchemy import case, func, select
from sqlalchemy.orm import Session

from referins_woo.commerce.models import Collection, Order, Product, Transaction
from referins_woo.stores.models import Store


def stores(session: Session, account_id: int) -> list[Store]:
    """Return the account's stores: those that need a hand first, disconnected ones last."""
    rank = case(
        {"needs_reconnect": 0, "mapping_needed": 1, "connecting": 2, "connected": 3}, value=Store.state, else_=9
    )
    return list(session.scalars(select(Store).where(Store.account_id == account_id).order_by(rank, Store.id)))


def kept(session: Session, store_id: int) -> dict[str, int]:
    """Return how many records are here of a store, by kind: what disconnecting keeps or deletes."""
    return {
        name: session.scalar(select(func.count()).select_from(table).where(table.store_id == store_id)) or 0
        for name, table in (
            ("orders", Order),
            ("transactions", Transaction),
            ("products", Product),
            ("collections", Collection),
        )
    }
