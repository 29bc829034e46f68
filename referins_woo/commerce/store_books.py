"""What each store shows of goods by our books: its own orders lower it, whatever else changes it was not us (K2, K4).

Callers hold the account's lock (`bulk.lock_account`).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from typing import Final

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from referins_woo.commerce.models import Order, OrderLine, StoreStock
from referins_woo.commerce.upsert.bulk import among, update_rows

_SECOND: Final = timedelta(seconds=2)
"""Orders and answers are dated in whole seconds."""


def follow(session: Session, store_id: int, taken: Mapping[str, int]) -> None:
    """Let what a store is expected to show follow what its orders took (or, below zero, put back), by key."""
    moved = {key: quantity for key, quantity in taken.items() if quantity}
    _lower(session, store_id, {key: [(None, quantity)] for key, quantity in moved.items()})


def follow_new(session: Session, store_id: int, rows: Iterable[tuple[str, datetime, int]]) -> None:
    """The same for rows of orders that were never seen before: (key, when placed, quantity) each.

    What was placed before we last agreed with the store is in that number.
    """
    by_key: dict[str, list[tuple[datetime | None, int]]] = defaultdict(list)
    for key, placed_at, quantity in rows:
        by_key[key].append((placed_at, quantity))
    _lower(session, store_id, by_key)


def _lower(session: Session, store_id: int, taken: Mapping[str, list[tuple[datetime | None, int]]]) -> None:
    if not taken:
        return
    table = StoreStock
    rows = session.execute(
        select(table.id, table.stock_key, table.expected, table.sent, table.agreed_at).where(
            table.store_id == store_id, among(session, table.stock_key, sorted(taken))
        )
    ).all()
    lowered = []
    for row in rows:
        since = row.agreed_at
        by = sum(many for placed, many in taken[row.stock_key] if None in (placed, since) or placed >= since)
        if by:
            lowered.append([row.id, row.expected - by, None if row.sent is None else row.sent - by])
    update_rows(session, StoreStock, ("id", "expected", "sent"), lowered)


def sold_while_sending(session: Session, row: StoreStock) -> int:
    """Return what the store's orders took of goods while it was last told a quantity: that may be written over."""
    if row.sent_from is None or row.sent_until is None:
        return 0
    held = session.scalar(
        select(func.sum(OrderLine.reduced_stock))
        .join(Order, Order.id == OrderLine.order_id)
        .where(
            OrderLine.account_id == row.account_id,
            OrderLine.stock_key == row.stock_key,
            OrderLine.reduced_stock > OrderLine.stock_taken,
            Order.store_id == row.store_id,
            Order.modified_at >= row.sent_from - _SECOND,
            Order.modified_at <= row.sent_until + _SECOND,
        )
    )
    return int(held or 0)
