"""What an order was at a moment of its past, as far as events and its own times tell (for rehearsals). Pure.

Recorded events say the status of their moment. Of an order without events the usual way is supposed: pending (on hold
with bank transfer, processing with cash on delivery), processing once paid, completed once completed, and what it is
now since it was last changed. Tags and consent are not known of the past: they count as they are now.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Final

from automations.facts import Facts
from referins_woo.commerce import money
from referins_woo.commerce.order_rules import mapped_status
from referins_woo.runs.exits import RELATED_WITHIN
from referins_woo.runs.gather import Row

_AT_FIRST: Final = {"bacs": "on-hold", "cheque": "on-hold", "cod": "processing"}


@dataclass(frozen=True, slots=True)
class Sister:
    """Another order, as far as it matters to this one."""

    order_id: int
    store_id: int
    email_key: str
    contact_id: int | None
    placed_at: datetime
    paid_at: datetime | None
    off_since: datetime | None
    """Since when it is cancelled, failed or in the trash; None: it is not."""
    currency: str
    net: int
    """Total without refunds, in 1/10,000."""

    def counts(self, at: datetime) -> bool:
        """Whether it had been placed by then, and was neither cancelled, failed nor in the trash."""
        return self.placed_at <= at and (self.off_since is None or at < self.off_since)


@dataclass(frozen=True, slots=True)
class Past:
    """One order over time."""

    order: Row
    statuses: tuple[tuple[datetime, str], ...]
    """(since when, Woo status), oldest first."""
    refunds: tuple[tuple[datetime, int], ...]
    related: tuple[Sister, ...]
    """Of the same store and e-mail, placed within two hours."""
    others: tuple[Sister, ...]
    """Of the same contact, itself included."""
    moments: tuple[datetime, ...] = field(default=())
    """When something happened that a waiting run would be woken for, oldest first."""

    def next_moment(self, after: datetime) -> datetime | None:
        """Return the first moment after one; None: nothing happened any more."""
        place = bisect_right(self.moments, after)
        return self.moments[place] if place < len(self.moments) else None

    def rewind(self, facts: Facts, at: datetime, *, with_history: bool) -> Facts:
        """Return `facts`, which tell the present, as they were `at` a moment."""
        told: dict[str, Any] = {**facts, "order": self._order_at(facts["order"], at)}
        if not told["order"]["paid"]:
            told["transaction"] = None
        placed = self.order["placed_at"]
        told["related"] = {
            "another_order_paid_within_2h": any(one.paid_at is not None and one.paid_at <= at for one in self.related),
            "another_order_placed": any(placed < one.placed_at and one.counts(at) for one in self.others),
        }
        if with_history and "contact" in facts:
            told["contact"] = {**facts["contact"], **self._history_at(at)}
        return told  # type: ignore[return-value]

    def _order_at(self, present: Mapping[str, Any], at: datetime) -> dict[str, Any]:
        order = self.order
        status = self.statuses[0][1]
        for since, word in self.statuses:
            if since <= at:
                status = word
        paid_at = paid_time(order)
        paid = paid_at is not None and paid_at <= at
        refunded = sum(amount for when, amount in self.refunds if when <= at)
        state = "paid" if paid else "unpaid"
        if status == "refunded" or (refunded and refunded >= order["total"]):
            state = "refunded"
        elif paid and refunded:
            state = "partially_refunded"
        told = {
            **present,
            "woo_status": status,
            "status": mapped_status(status),
            "payment_state": state,
            "paid": paid,
            "gone": order["gone_at"] is not None and order["gone_at"] <= at,
            "in_trash": order["in_trash"] and at >= (order["modified_at"] or at),
        }
        for name, when in (("paid_at", order["paid_at"]), ("completed_at", order["completed_at"])):
            if when is not None and when > at:
                told.pop(name, None)
        return told

    def _history_at(self, at: datetime) -> dict[str, Any]:
        placed = [one for one in self.others if one.counts(at)]
        if not placed:
            return {}
        paid = [one for one in placed if one.paid_at is not None and one.paid_at <= at]
        spent = sum(one.net for one in paid if one.currency == self.order["currency"])
        last = max(one.placed_at for one in placed)
        return {
            "orders_count": len(placed),
            "total_spent": money.to_text(spent),
            "last_order_at": last.isoformat().replace("+00:00", "Z"),
        }


def paid_time(order: Row) -> datetime | None:
    """Return when an order (a row of the mirror) was paid, None while it is not."""
    if order["paid_at"] is not None:
        return order["paid_at"]  # type: ignore[no-any-return]
    if order["payment_state"] != "unpaid" and order["completed_at"] is not None:
        return order["completed_at"]  # type: ignore[no-any-return]
    return None


def past_of(
    order: Row,
    events: Sequence[tuple[datetime, str]],
    refunds: Sequence[tuple[datetime, int]],
    sisters: Sequence[Sister],
    skew: timedelta,
) -> Past:
    """Return the past of an order.

    `events`: (when, Woo status) as recorded; `sisters`: orders of its e-mail or contact. Times of the store are put on
    our clock by taking its skew off.
    """
    related = tuple(
        one
        for one in sisters
        if one.order_id != order["id"]
        and one.store_id == order["store_id"]
        and one.email_key == order["email_key"] != ""
        and abs(one.placed_at - order["placed_at"]) <= RELATED_WITHIN
    )
    others = tuple(one for one in sisters if order["contact_id"] is not None and one.contact_id == order["contact_id"])
    statuses = _statuses(order, events)
    when = {at for at, _ in statuses} | {at for at, _ in refunds}
    when |= {at for at in (order["paid_at"], order["completed_at"], order["gone_at"]) if at is not None}
    when |= {one.paid_at for one in related if one.paid_at is not None} | {one.placed_at for one in others}
    moments = tuple(sorted(at - skew for at in when))
    return Past(order, statuses, tuple(sorted(refunds)), related, others, moments)


def _statuses(order: Row, events: Sequence[tuple[datetime, str]]) -> tuple[tuple[datetime, str], ...]:
    points = sorted(events)
    if not points:
        points = [(order["placed_at"], _AT_FIRST.get(order["payment_method"], "pending"))]
        if order["paid_at"] is not None:
            points.append((order["paid_at"], "processing"))
        if order["completed_at"] is not None:
            points.append((order["completed_at"], "completed"))
    if points[-1][1] != order["woo_status"]:
        points.append((max(order["modified_at"] or points[-1][0], points[-1][0]), order["woo_status"]))
    return tuple(points)
