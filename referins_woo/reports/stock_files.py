"""Every line of adjustments as a file: the whole ledger of stock, in the order in which it was written."""

from __future__ import annotations

from decimal import Decimal
from typing import Final

from sqlalchemy import select
from sqlalchemy.orm import Session, aliased

from referins_woo.commerce.models import Location, Order, StockAdjustment, StockBatch, StockEntry, StockItem
from referins_woo.commerce.stock import SCALE
from referins_woo.reports.listing import Wanted
from referins_woo.reports.stock import adjustment_conditions

HEADING: Final = (
    *("adjustment", "entered", "location", "kind", "reason", "by", "order", "corrects"),
    *("sku", "quantity", "batch", "received", "expires", "name"),
)
"""What comes after `corrects` goes in again as an adjustment (`commerce.adjusting.lines`)."""
_PIECE: Final = 500


def lines(
    session: Session, account_id: int, wanted: Wanted, after: int = 0, most: int = _PIECE
) -> tuple[list[tuple[object, ...]], int]:
    """Return the lines of the next adjustments behind number `after`, and the number to go on from; 0: no more.

    `wanted`: the search words and filters of the list of adjustments.
    """
    numbers = session.execute(
        select(StockAdjustment.id, StockAdjustment.number)
        .where(*adjustment_conditions(account_id, wanted), StockAdjustment.number > after)
        .order_by(StockAdjustment.number)
        .limit(most)
    ).all()
    corrected = aliased(StockAdjustment)
    rows = session.execute(
        select(StockAdjustment, Location.name, Order.number, corrected.number, StockEntry, StockItem, StockBatch)
        .join(Location, Location.id == StockAdjustment.location_id)
        .join(StockEntry, StockEntry.adjustment_id == StockAdjustment.id)
        .join(StockItem, StockItem.id == StockEntry.item_id)
        .outerjoin(StockBatch, StockBatch.id == StockEntry.batch_id)
        .outerjoin(Order, Order.id == StockAdjustment.order_id)
        .outerjoin(corrected, corrected.id == StockAdjustment.corrects_id)
        .where(StockAdjustment.id.in_([row.id for row in numbers]))
        .order_by(StockAdjustment.number, StockEntry.id)
    )
    found: list[tuple[object, ...]] = [
        (
            *(one.number, one.created_at.astimezone(wanted.zone).isoformat(timespec="seconds"), location, one.kind),
            *(one.reason, one.by, order or "", of or "", item.sku, _plain(entry.quantity)),
            *((batch.number, batch.received_on, batch.expires_on or "") if batch is not None else ("", "", "")),
            item.name,
        )
        for one, location, order, of, entry, item, batch in rows
    ]
    return found, numbers[-1].number if len(numbers) == most else 0


def _plain(quantity: int) -> Decimal:
    value = Decimal(quantity) / SCALE
    return value.quantize(Decimal(1)) if value == value.to_integral_value() else value.normalize()
