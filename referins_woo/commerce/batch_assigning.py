"""What orders took when no batch was left is given one that came in later (O9)."""

from __future__ import annotations

from collections import defaultdict
from datetime import datetime

from sqlalchemy import ColumnElement, func, select
from sqlalchemy.orm import Session

from referins_woo.commerce import batch_book, batches
from referins_woo.commerce.models import StockAdjustment, StockEntry, StockItem
from referins_woo.commerce.upsert.bulk import among


def unassigned(session: Session, item: StockItem) -> tuple[int, int]:
    """Return how much of tracked goods orders took without a batch, and how many orders."""
    if not item.is_batched:
        return 0, 0
    per_order = (
        select(func.sum(StockEntry.quantity).label("quantity"))
        .join(StockAdjustment, StockAdjustment.id == StockEntry.adjustment_id)
        .where(*_without_a_batch(item))
        .group_by(StockAdjustment.order_id)
        .having(func.sum(StockEntry.quantity) < 0)
        .subquery()
    )
    quantity, orders = session.execute(
        select(func.sum(per_order.c.quantity), func.count()).select_from(per_order)
    ).one()
    return -int(quantity or 0), int(orders)


def _without_a_batch(item: StockItem) -> tuple[ColumnElement[bool], ...]:
    """The entries by which orders took tracked goods, or brought them back, without a batch."""
    return (
        StockEntry.item_id == item.id,
        StockEntry.batch_id.is_(None),
        StockAdjustment.order_id.is_not(None),
        StockAdjustment.created_at >= item.batched_at,
    )


def assign(session: Session, item: StockItem, now: datetime, by: str) -> int:
    """Give what waits for a batch to batches that hold some now, oldest first; returns how much.

    Entries of the orders' own adjustments are split: nothing on hand changes. Callers hold the account's lock.
    """
    if not item.is_batched:
        return 0
    entries = session.execute(
        select(StockEntry, StockAdjustment)
        .join(StockAdjustment, StockAdjustment.id == StockEntry.adjustment_id)
        .where(*_without_a_batch(item))
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
