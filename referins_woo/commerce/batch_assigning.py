"""What orders took when no batch was left is given one that came in later (O9)."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection
from datetime import datetime
from typing import Final

from sqlalchemy import ColumnElement, Select, func, select
from sqlalchemy.orm import Session

from referins_woo.commerce import batch_book, batches
from referins_woo.commerce.models import StockAdjustment, StockEntry, StockItem
from referins_woo.commerce.upsert.bulk import among


def unassigned(session: Session, item: StockItem) -> tuple[int, int]:
    """Return how much of tracked goods orders took without a batch, and how many orders."""
    return unassigned_of(session, [item.id]).get(item.id, (0, 0))


def unassigned_of(session: Session, item_ids: Collection[int]) -> dict[int, tuple[int, int]]:
    """Return the same by item, for those of which orders took any without a batch."""
    waiting = _per_order().where(among(session, StockEntry.item_id, item_ids)).subquery()
    rows = session.execute(
        select(waiting.c.item_id, func.sum(waiting.c.quantity), func.count()).group_by(waiting.c.item_id)
    )
    return {item_id: (-int(quantity), int(orders)) for item_id, quantity, orders in rows}


def waits(account_id: int) -> ColumnElement[bool]:
    """Return the condition on an account's goods of which orders took some without a batch."""
    waiting = _per_order().where(StockEntry.account_id == account_id).subquery()
    return StockItem.id.in_(select(waiting.c.item_id))


def _per_order() -> Select[int, int]:
    """Return (item, quantity) for each order that took tracked goods without a batch, less what it brought back."""
    return (
        select(StockEntry.item_id, func.sum(StockEntry.quantity).label("quantity"))
        .join(StockAdjustment, StockAdjustment.id == StockEntry.adjustment_id)
        .join(StockItem, StockItem.id == StockEntry.item_id)
        .where(StockItem.batched_at.is_not(None), *_WITHOUT_A_BATCH)
        .group_by(StockEntry.item_id, StockAdjustment.order_id)
        .having(func.sum(StockEntry.quantity) < 0)
    )


_WITHOUT_A_BATCH: Final[tuple[ColumnElement[bool], ...]] = (
    StockEntry.batch_id.is_(None),
    StockAdjustment.order_id.is_not(None),
    StockAdjustment.created_at >= StockItem.batched_at,
)
"""Of entries: an order took tracked goods, or brought them back, without a batch."""


def assign(session: Session, item: StockItem, now: datetime, by: str) -> int:
    """Give what waits for a batch to batches that hold some now, oldest first; returns how much.

    Entries of the orders' own adjustments are split: nothing on hand changes. Callers hold the account's lock.
    """
    if not item.is_batched:
        return 0
    entries = session.execute(
        select(StockEntry, StockAdjustment)
        .join(StockAdjustment, StockAdjustment.id == StockEntry.adjustment_id)
        .join(StockItem, StockItem.id == StockEntry.item_id)
        .where(StockEntry.item_id == item.id, *_WITHOUT_A_BATCH)
        .order_by(StockAdjustment.number)
    ).all()
    out: dict[int | None, int] = defaultdict(int)
    for entry, adjustment in entries:
        out[adjustment.order_id] -= entry.quantity
    waiting = []
    for entry, adjustment in entries:
        part = min(-entry.quantity, out[adjustment.order_id])  # less what came back since
        if part > 0:
            out[adjustment.order_id] -= part
            waiting.append((entry.id, part))
    left = batch_book.holding(session, {item.id}).get(item.id, {})
    moved = batches.assign(waiting, {batch_id: held.quantity for batch_id, held in left.items()})
    of = {entry.id: (entry, adjustment) for entry, adjustment in entries}
    named = {
        (one.adjustment_id, one.batch_id): one
        for one in session.scalars(
            select(StockEntry).where(
                StockEntry.item_id == item.id,
                StockEntry.batch_id.is_not(None),
                among(session, StockEntry.adjustment_id, sorted({of[one.entry][1].id for one in moved})),
            )
        )
    }
    for one in moved:
        entry, adjustment = of[one.entry]
        for batch_id, part in one.to.items():
            given = named.get((adjustment.id, batch_id))
            if given is None:
                given = StockEntry(
                    account_id=item.account_id,
                    adjustment_id=adjustment.id,
                    item_id=item.id,
                    batch_id=batch_id,
                    quantity=0,
                )
                session.add(given)
            given.quantity -= part
            entry.quantity += part
        adjustment.edited_at, adjustment.edited_by = now, by[:320]
        if entry.quantity == 0:
            session.delete(entry)
    session.flush()
    return sum(part for one in moved for part in one.to.values())
