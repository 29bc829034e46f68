"""What an order's raw status and money mean in our words (O1, T1), and its delivery date (O4). Pure."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, timedelta

from referins_woo.commerce.records import OrderRecord

_STATUS = {"completed": "Completed", "refunded": "Completed", "cancelled": "Cancelled", "failed": "Cancelled"}
DELIVERY_DAYS = 14


@dataclass(frozen=True, slots=True)
class SalesRule:
    """Which orders of a store become sales orders (O3)."""

    statuses: frozenset[str]
    """The store's choice, raw ones of WooCommerce."""
    live_since: datetime | None = None
    """T0, where live work looks; None: an import looks, and only the status of now counts."""

    def takes(self, order: OrderRecord) -> bool:
        """Whether the order is one now.

        Live, a completed one placed after T0 counts too: it may have passed a chosen status between two looks.
        """
        if order.status in self.statuses:
            return True
        passed = self.live_since is not None and bool(self.statuses)
        return (
            passed
            and order.status == "completed"
            and self.live_since is not None
            and (order.placed_at >= self.live_since)
        )


def mapped_status(woo_status: str) -> str:
    """Return `Completed`, `Cancelled` or `Pending` (also for statuses that plugins made up)."""
    return _STATUS.get(woo_status, "Pending")


def is_paid(order: OrderRecord) -> bool:
    """Whether the order counts as paid: a paid date, or completed without one (T1)."""
    return order.paid_at is not None or order.status == "completed"


def paid_time(order: OrderRecord) -> datetime | None:
    """Return when the order was paid, or None while it is not (triggers.md, Payment Received)."""
    if order.paid_at is not None:
        return order.paid_at
    if order.status == "completed":
        return order.completed_at or order.modified_at or order.placed_at
    return None


def payment_state(order: OrderRecord) -> str:
    """Return `unpaid`, `paid`, `partially_refunded` or `refunded`."""
    refunded = order.refunded_total
    if order.status == "refunded" or (refunded and refunded >= order.total):
        return "refunded"
    if not is_paid(order):
        return "unpaid"
    return "partially_refunded" if refunded else "paid"


def delivery_date(order: OrderRecord) -> date:
    """Return the store-local day of creation plus 14 days (O4)."""
    try:
        placed = date.fromisoformat(order.placed_local[:10])
    except ValueError:  # a plugin took the local date away: the day in UTC is the best that is known
        placed = order.placed_at.date()
    return placed + timedelta(days=DELIVERY_DAYS)
