"""Stock and its adjustments for their lists and pages (K1, K2)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from sqlalchemy import ColumnElement, func, or_, select
from sqlalchemy.orm import Session

from referins_woo import clock
from referins_woo.commerce import batch_assigning, ledger
from referins_woo.commerce.models import Location, Order, OrderLine, StockAdjustment, StockBatch, StockEntry, StockItem
from referins_woo.commerce.stock import Figures
from referins_woo.reports import batches
from referins_woo.reports.listing import Kind, Wanted, contains, days, in_order

STOCK_SORTS = {"sku": StockItem.sku, "name": StockItem.name}
ADJUSTMENT_SORTS = {"number": StockAdjustment.number}
KIND_WORDS = {"by_hand": "By hand", "opening": "Opening stock", "order": "Order", "correction": "Correction"}
BATCH_WORDS = {
    "tracked": "Tracked",
    "unassigned": "Not assigned to a batch",
    "expired": "Expired ones on hand",
    "no": "Not tracked",
}
_MOST_SHOWN = 200


@dataclass(frozen=True, slots=True)
class StockRow:
    """Goods at a location, and what there is of them."""

    item: StockItem
    location: Location
    figures: Figures
    unassigned: int
    """Of goods whose batches are tracked: what orders took while no batch held any."""


@dataclass(frozen=True, slots=True)
class AdjustmentRow:
    """An adjustment, and how much it changes in all."""

    adjustment: StockAdjustment
    location: Location
    lines: int
    quantity: int


@dataclass(frozen=True, slots=True)
class LineRow:
    """A line of an adjustment, with its goods and its batch."""

    entry: StockEntry
    item: StockItem
    batch: StockBatch | None
    quantity: int
    """What was entered, and what corrections made of it since."""


@dataclass(frozen=True, slots=True)
class StockPage:
    """All that the page of some goods at a location shows."""

    item: StockItem
    location: Location
    figures: Figures
    batches: batches.Card | None
    """None where they are not tracked."""
    entries: list[tuple[StockEntry, StockAdjustment, StockBatch | None]]
    """Newest first."""
    held: list[tuple[Order, int]]
    """Orders that hold some of them, and how much."""


def stock_conditions(account_id: int, wanted: Wanted) -> list[ColumnElement[bool]]:
    """Return the conditions of the search words and filters of the list of stock."""
    found: list[ColumnElement[bool]] = [StockItem.account_id == account_id]
    if (location_id := wanted.number("location")) is not None:
        found.append(StockItem.location_id == location_id)
    if wanted.q:
        found.append(or_(contains(StockItem.sku, wanted.q), contains(StockItem.name, wanted.q)))
    if wanted.get("stock"):
        counted = (
            select(func.coalesce(func.sum(StockEntry.quantity), 0))
            .where(StockEntry.item_id == StockItem.id)
            .scalar_subquery()
        )
        found.append(counted <= 0 if wanted.get("stock") == "none" else counted > 0)
    if (of_batches := wanted.get("batches")) in BATCH_WORDS:
        found.append(StockItem.batched_at.is_(None) if of_batches == "no" else StockItem.batched_at.is_not(None))
        if of_batches == "unassigned":
            found.append(batch_assigning.waits(account_id))
        elif of_batches == "expired":
            found.append(batches.holds_expired(account_id, clock.now().astimezone(wanted.zone).date()))
    return found


def _stock_rows(session: Session, ids: Sequence[int]) -> list[StockRow]:
    found = session.execute(
        select(StockItem, Location).join(Location, Location.id == StockItem.location_id).where(StockItem.id.in_(ids))
    ).all()
    figures = ledger.figures(session, [item for item, _ in found])
    waiting = batch_assigning.unassigned_of(session, [item.id for item, _ in found if item.is_batched])
    rows = {
        item.id: StockRow(item, location, figures[item.id], waiting.get(item.id, (0, 0))[0]) for item, location in found
    }
    return in_order(ids, rows)


def adjustment_conditions(account_id: int, wanted: Wanted) -> list[ColumnElement[bool]]:
    """Return the conditions of the search words and filters of the list of adjustments."""
    found: list[ColumnElement[bool]] = [
        StockAdjustment.account_id == account_id,
        *days(StockAdjustment.created_at, wanted),
    ]
    if (location_id := wanted.number("location")) is not None:
        found.append(StockAdjustment.location_id == location_id)
    if wanted.get("kind") in KIND_WORDS:
        found.append(StockAdjustment.kind == wanted.get("kind"))
    if wanted.q:
        of_goods = (
            select(StockEntry.adjustment_id)
            .join(StockItem, StockItem.id == StockEntry.item_id)
            .where(StockItem.account_id == account_id, contains(StockItem.sku, wanted.q))
        )
        found.append(
            or_(
                contains(StockAdjustment.reason, wanted.q),
                contains(StockAdjustment.by, wanted.q),
                StockAdjustment.id.in_(of_goods),
            )
        )
    return found


def _adjustment_rows(session: Session, ids: Sequence[int]) -> list[AdjustmentRow]:
    summed = (
        select(StockEntry.adjustment_id, func.count().label("lines"), func.sum(StockEntry.quantity).label("quantity"))
        .where(StockEntry.adjustment_id.in_(ids))
        .group_by(StockEntry.adjustment_id)
        .subquery()
    )
    rows = session.execute(
        select(StockAdjustment, Location, summed.c.lines, summed.c.quantity)
        .join(Location, Location.id == StockAdjustment.location_id)
        .outerjoin(summed, summed.c.adjustment_id == StockAdjustment.id)
        .where(StockAdjustment.id.in_(ids))
    )
    return in_order(
        ids,
        {
            one.id: AdjustmentRow(one, location, int(lines or 0), int(quantity or 0))
            for one, location, lines, quantity in rows
        },
    )


def stock_page(session: Session, item: StockItem, today: date) -> StockPage:
    """Return what the page of goods at a location shows; of long histories the newest."""
    entries = session.execute(
        select(StockEntry, StockAdjustment, StockBatch)
        .join(StockAdjustment, StockAdjustment.id == StockEntry.adjustment_id)
        .outerjoin(StockBatch, StockBatch.id == StockEntry.batch_id)
        .where(StockEntry.item_id == item.id)
        .order_by(StockAdjustment.number.desc(), StockEntry.id)
        .limit(_MOST_SHOWN)
    )
    holds = func.sum(OrderLine.reduced_stock - OrderLine.stock_taken)
    held = session.execute(
        select(OrderLine.order_id, holds)
        .join(Order, Order.id == OrderLine.order_id)
        .where(
            OrderLine.account_id == item.account_id,
            OrderLine.stock_key == item.stock_key,
            OrderLine.reduced_stock > OrderLine.stock_taken,
            Order.location_id == item.location_id,
        )
        .group_by(OrderLine.order_id)
        .order_by(OrderLine.order_id.desc())
        .limit(_MOST_SHOWN)
    ).all()
    orders = {
        one.id: one for one in session.scalars(select(Order).where(Order.id.in_([order_id for order_id, _ in held])))
    }
    figures = ledger.figures(session, [item])[item.id]
    return StockPage(
        item=item,
        location=session.get_one(Location, item.location_id),
        figures=figures,
        batches=batches.card(session, item, figures.on_hand, today),
        entries=[(entry, adjustment, batch) for entry, adjustment, batch in entries],
        held=[(orders[order_id], int(quantity)) for order_id, quantity in held],
    )


def lines_of(session: Session, adjustment: StockAdjustment) -> list[LineRow]:
    """Return the lines of an adjustment with their goods and batches, by SKU."""
    rows = session.execute(
        select(StockEntry, StockItem, StockBatch)
        .join(StockItem, StockItem.id == StockEntry.item_id)
        .outerjoin(StockBatch, StockBatch.id == StockEntry.batch_id)
        .where(StockEntry.adjustment_id == adjustment.id)
        .order_by(StockItem.sku, StockItem.id, StockEntry.id)
    )
    since = ledger.corrected(session, [adjustment.id])
    return [
        LineRow(entry, item, batch, entry.quantity + since.get((adjustment.id, item.id, entry.batch_id), 0))
        for entry, item, batch in rows
    ]


def corrections_of(
    session: Session, adjustment: StockAdjustment
) -> tuple[StockAdjustment | None, list[StockAdjustment]]:
    """Return which adjustment this one corrects, and which correct it, oldest first."""
    by = session.scalars(
        select(StockAdjustment).where(StockAdjustment.corrects_id == adjustment.id).order_by(StockAdjustment.number)
    )
    of = session.get(StockAdjustment, adjustment.corrects_id) if adjustment.corrects_id is not None else None
    return of, list(by)


STOCK = Kind(StockItem, STOCK_SORTS, stock_conditions, _stock_rows)
ADJUSTMENTS = Kind(StockAdjustment, ADJUSTMENT_SORTS, adjustment_conditions, _adjustment_rows)
