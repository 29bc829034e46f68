"""Says what was delivered of an order here; what completes it goes to the store (O8, O10)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from sqlalchemy import select
from sqlalchemy.orm import Session

from referins_woo.accounts import audit
from referins_woo.commerce import fulfilment, locations, order_stock
from referins_woo.commerce.models import Order, OrderLine
from referins_woo.commerce.upsert.bulk import lock_account
from referins_woo.errors import Final as FinalError
from referins_woo.errors import InvalidInput
from referins_woo.writeback import outbox
from referins_woo.writeback.models import StoreWrite

MARKS_PAID: Final = (
    "This marks the order paid in WooCommerce, where it is {status} now, and WooCommerce tells the customer that it is "
    "completed. Confirm that."
)


class NotConfirmed(FinalError):
    """Delivered would mark an unpaid order paid in WooCommerce: nothing was done, somebody must say so first."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """What somebody says of an order's delivery; None leaves a thing as it is."""

    state: str | None = None
    lines: Mapping[int, int] | None = None
    """Our line → quantity delivered in all, in 1/10,000."""
    ship_from: int | None = None
    confirmed: bool = False
    """That it becomes paid in WooCommerce."""


@dataclass(frozen=True, slots=True)
class Done:
    """What came of it."""

    state: str
    write: StoreWrite | None
    """On its way to the store; None: nothing is sent."""
    words: str


def fulfil(session: Session, order: Order, wanted: Wanted, now: datetime, who: str) -> Done:
    """Keep what was delivered; Delivered completes the order in WooCommerce, anything less sends nothing.

    Raises InvalidInput, and NotConfirmed; then nothing was kept.
    """
    session.flush()
    lock_account(session, order.account_id)
    session.refresh(order, with_for_update=True)
    was_at = order.location_id
    lines = list(session.scalars(select(OrderLine).where(OrderLine.order_id == order.id, OrderLine.kind == "product")))
    ordered = {line.id: line.quantity for line in lines}
    delivered = {line.id: line.quantity_delivered for line in lines}
    before = order.delivery_status
    if wanted.state is None and wanted.lines is None:
        after, state = delivered, before
    else:
        after = fulfilment.quantities(ordered, delivered, wanted.state, wanted.lines)
        goods = any(quantity > 0 for quantity in ordered.values())
        state = (
            fulfilment.state_of((ordered[line], after[line]) for line in ordered) if goods else wanted.state or before
        )
    ship_from = _ship_from(session, order, wanted.ship_from)
    becomes_delivered = state == fulfilment.DELIVERED and before != fulfilment.DELIVERED
    act = fulfilment.completes(order.woo_status, is_away=order.in_trash or order.gone_at is not None)
    if becomes_delivered and act == fulfilment.ASKS and not wanted.confirmed:
        raise NotConfirmed(MARKS_PAID.format(status=order.woo_status))
    for line in lines:
        line.quantity_delivered = after[line.id]
    order.delivery_status, order.location_id, order.updated_at = state, ship_from, now
    session.flush()
    order_stock.settle(session, [order.id], {}, now, who, {order.id: was_at})
    write, words = None, "Kept here. Nothing is sent to WooCommerce."
    if becomes_delivered and act in (fulfilment.SENDS, fulfilment.ASKS):
        write, words = outbox.complete_order(session, order, now, who), "WooCommerce is told to complete the order."
    elif becomes_delivered and act == fulfilment.NEVER:
        words = f"Kept here. WooCommerce is not told: the order is {_standing(order)} there."
    elif becomes_delivered:
        words = "Kept here. In WooCommerce the order is completed already."
    elif before == fulfilment.DELIVERED and state != before:
        taken = outbox.take_back(session, order, now)
        words = (
            "Kept here, and WooCommerce is not told any more." if taken else "Kept here. WooCommerce stays as it is."
        )
    audit.record(session, order.account_id, "order_fulfilled", f"{order.number}: {state.replace('_', ' ')}")
    return Done(state, write, words)


def _ship_from(session: Session, order: Order, location_id: int | None) -> int | None:
    if location_id is None or location_id == order.location_id:
        return order.location_id
    if locations.own(session, order.account_id, location_id) is None:
        raise InvalidInput("ship_from", f"There is no location {location_id} in this account.")
    return location_id


def _standing(order: Order) -> str:
    if order.gone_at is not None:
        return "no longer"
    return "in the trash" if order.in_trash else order.woo_status
