"""Batches for the pages of goods and of orders (O9)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from sqlalchemy import ColumnElement, func, select
from sqlalchemy.orm import Session

from referins_woo.commerce import batch_assigning, batch_book, batches
from referins_woo.commerce.models import StockBatch, StockEntry, StockItem
from referins_woo.commerce.upsert.bulk import among


@dataclass(frozen=True, slots=True)
class Part:
    """A quantity of a batch."""

    batch: StockBatch
    quantity: int
    is_expired: bool


@dataclass(frozen=True, slots=True)
class Card:
    """The batches of tracked goods at a location; their quantities and what is without one come to what is on hand."""

    parts: list[Part]
    """Those that hold some, first in first."""
    used_up: int
    without: int
    """On hand without a batch; below zero where orders took more than batches held."""
    unassigned: int
    """What orders took, since the goods are tracked, while no batch held any."""
    orders: int
    """How many orders did."""

    @property
    def can_assign(self) -> bool:
        """Whether some of what is unassigned can be given a batch."""
        return self.unassigned > 0 and any(part.quantity > 0 for part in self.parts)


@dataclass(frozen=True, slots=True)
class OfOrder:
    """Which batches the goods of an order came from."""

    quantity: int
    parts: list[Part]
    unassigned: int


def card(session: Session, item: StockItem, on_hand: int, today: date) -> Card | None:
    """Return the batches of goods; None where they are not tracked."""
    if not item.is_batched:
        return None
    held = list(batch_book.holding(session, {item.id}).get(item.id, {}).values())
    unassigned, orders = batch_assigning.unassigned(session, item)
    return Card(
        parts=[_part(one.batch, one.quantity, today) for one in held if one.quantity],
        used_up=sum(not one.quantity for one in held),
        without=on_hand - sum(one.quantity for one in held),
        unassigned=unassigned,
        orders=orders,
    )


def holds_expired(account_id: int, today: date) -> ColumnElement[bool]:
    """Return the condition on an account's goods that some batch holds whose last good day is over."""
    held = (
        select(StockBatch.item_id)
        .join(StockEntry, StockEntry.batch_id == StockBatch.id)
        .where(StockBatch.account_id == account_id, StockBatch.expires_on < today)
        .group_by(StockBatch.id, StockBatch.item_id)
        .having(func.sum(StockEntry.quantity) > 0)
        .subquery()
    )
    return StockItem.id.in_(select(held.c.item_id))


def of_order(session: Session, order_id: int, today: date) -> dict[str, OfOrder]:
    """Return by stock key what an order took of tracked goods."""
    taken = batch_book.of_orders(session, [order_id])
    if not taken:
        return {}
    item_ids = sorted(item_id for _, item_id in taken)
    items = {one.id: one for one in session.scalars(select(StockItem).where(among(session, StockItem.id, item_ids)))}
    wanted = sorted(batch_id for one in taken.values() for batch_id, _ in one.of)
    named = {one.id: one for one in session.scalars(select(StockBatch).where(among(session, StockBatch.id, wanted)))}
    found: dict[str, OfOrder] = {}
    for (_, item_id), one in taken.items():
        parts = [_part(named[batch_id], quantity, today) for batch_id, quantity in one.of]
        total = one.unassigned + sum(part.quantity for part in parts)
        if items[item_id].is_batched and total:
            found[items[item_id].stock_key] = OfOrder(total, parts, one.unassigned)
    return found


def _part(batch: StockBatch, quantity: int, today: date) -> Part:
    return Part(batch, quantity, batches.is_expired(batch.expires_on, today))
