"""Sales orders: which statuses make one, and what is changed of one here; nothing of it travels (O3, O7)."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date, datetime, timedelta
from typing import Final

from sqlalchemy import update
from sqlalchemy.orm import Session

from referins_woo.commerce.models import Order
from referins_woo.errors import InvalidInput

LATEST: Final = timedelta(days=3_660)
"""After the order was placed."""
_LONGEST_STATUS: Final = 60


def chosen_statuses(given: Iterable[str]) -> list[str]:
    """Return raw statuses as they are kept: without `wc-`, each once. Raises InvalidInput."""
    found = list(dict.fromkeys(one.strip().lower().removeprefix("wc-") for one in given if one.strip()))
    if any(len(one) > _LONGEST_STATUS or not one.replace("-", "").replace("_", "").isalnum() for one in found):
        raise InvalidInput("sales", "A status is a word as WooCommerce has it, like processing or on-hold.")
    return found


def take_in(session: Session, store_id: int, statuses: Iterable[str], now: datetime) -> int:
    """Make sales orders of those that stand in one of the statuses now; none ever stops being one."""
    entered = session.execute(
        update(Order)
        .where(Order.store_id == store_id, Order.woo_status.in_(list(statuses)), Order.sales_at.is_(None))
        .values(sales_at=now, updated_at=now)
        .returning(Order.id)
        .execution_options(synchronize_session=False)
    )
    return len(entered.all())


def set_delivery_date(session: Session, order: Order, day: date, now: datetime) -> bool:
    """Set the day of delivery; returns whether it is another one now. Raises InvalidInput."""
    placed = order.placed_at.date()
    if not placed - timedelta(days=1) <= day <= placed + LATEST:
        raise InvalidInput("delivery_date", "The delivery date lies between the day of the order and ten years later.")
    if day == order.delivery_date:
        return False
    order.delivery_date, order.updated_at = day, now
    return True
