"""Which orders a trigger would have been for, and when: events as they were recorded, else what the order itself says.

Orders from before the store was connected have no events: of these a change of status is not known, everything else is
taken from their own times.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from sqlalchemy import ColumnElement, Row, select
from sqlalchemy.orm import Session

from referins_woo.commerce import money
from referins_woo.commerce.matching import usable_email
from referins_woo.commerce.models import Order, Transaction
from referins_woo.events.detect import COMPLETED, ORDER_SUBMITTED, PAYMENT_RECEIVED, REFUNDED, STATUS_CHANGED
from referins_woo.events.models import Event
from referins_woo.runs.facts import Occasion

_ENDED: Final = ("cancelled", "failed", "refunded")


@dataclass(frozen=True, slots=True)
class Happening:
    """An occasion of one order."""

    order_id: int
    store_id: int
    occasion: Occasion


def happenings(
    session: Session,
    account_id: int,
    trigger: str,
    since: datetime,
    limit: int,
    *,
    order_id: int | None = None,
    although: Collection[str] = (),
) -> list[Happening]:
    """Return the newest `limit` occasions of a trigger since a time, oldest first.

    `order_id`: of this order only; `although`: reasons of suppression that do not matter to the caller.
    """
    mine: list[ColumnElement[bool]] = [Event.account_id == account_id, Event.kind == trigger]
    of_order: list[ColumnElement[bool]] = [Order.account_id == account_id]
    if order_id is not None:
        mine.append(Event.order_id == order_id)
        of_order.append(Order.id == order_id)
    recorded = session.execute(
        select(Event.order_id, Event.store_id, Event.kind, Event.occurred_at, Event.state, Event.reason, Event.data)
        .join(Order, Order.id == Event.order_id)
        .where(*mine, Event.occurred_at >= since)
        .order_by(Event.occurred_at.desc(), Event.id.desc())
        .limit(limit)
    )
    found = [
        Happening(
            row.order_id,
            row.store_id,
            Occasion(row.kind, row.occurred_at, row.state == "released", row.data or {}),
        )
        for row in recorded
        if row.state in ("fired", "released") or row.reason in although
    ]
    found += _from_orders(session, trigger, of_order, since, limit)
    found.sort(key=lambda one: (one.occasion.occurred_at, one.order_id))
    return found[-limit:]


def _from_orders(
    session: Session, trigger: str, mine: list[ColumnElement[bool]], since: datetime, limit: int
) -> list[Happening]:
    """Occasions of orders that have no event of this kind: history that was imported."""
    has_event = (
        select(Event.id)
        .where(Event.store_id == Order.store_id, Event.subject == Order.woo_id, Event.kind == trigger)
        .exists()
    )
    if trigger == REFUNDED:
        return _refunds(session, mine, since, limit)
    if trigger == STATUS_CHANGED:
        return []
    when: Any = {ORDER_SUBMITTED: Order.placed_at, PAYMENT_RECEIVED: Order.paid_at, COMPLETED: Order.completed_at}
    columns = (Order.id, Order.store_id, Order.email, when[trigger].label("at"))
    wanted = select(*columns).where(*mine, when[trigger] >= since, ~has_event)
    wanted = wanted.where(Order.woo_status == "completed" if trigger == COMPLETED else Order.woo_status.not_in(_ENDED))
    rows = session.execute(wanted.order_by(when[trigger].desc(), Order.id.desc()).limit(limit))
    return [
        Happening(row.id, row.store_id, Occasion(trigger, row.at))
        for row in rows
        if trigger != ORDER_SUBMITTED or usable_email(row.email)
    ]


def _refunds(session: Session, mine: list[ColumnElement[bool]], since: datetime, limit: int) -> list[Happening]:
    rows = session.execute(
        select(
            Transaction.order_id,
            Transaction.store_id,
            Transaction.woo_refund_id,
            Transaction.occurred_at,
            Transaction.amount,
            Order.refunds,
            Order.total,
            Order.woo_id,
        )
        .join(Order, Order.id == Transaction.order_id)
        .where(*mine, Transaction.kind == "refund", Transaction.occurred_at >= since)
        .order_by(Transaction.occurred_at.desc())
        .limit(limit)
    ).all()
    ids = {row.woo_id for row in rows}
    known = set(
        session.execute(
            select(Event.store_id, Event.subject, Event.occurrence).where(
                Event.kind == REFUNDED, Event.subject.in_(ids)
            )
        ).all()
    )
    return [
        Happening(row.order_id, row.store_id, Occasion(REFUNDED, row.occurred_at, data={"refund": _refund(row)}))
        for row in rows
        if (row.store_id, row.woo_id, str(row.woo_refund_id)) not in {tuple(one) for one in known}
    ]


def _refund(row: Row[Any]) -> dict[str, Any]:
    so_far = sum(amount for refund_id, amount in row.refunds or () if refund_id <= row.woo_refund_id)
    return {
        "id": row.woo_refund_id,
        "amount": money.to_text(-row.amount),
        "kind": "full" if so_far >= row.total else "partial",
        "reason": "",
        "occurred_at": row.occurred_at.isoformat().replace("+00:00", "Z"),
    }


def windows(found: list[Happening], size: int) -> Iterator[list[Happening]]:
    """Yield them in parts."""
    for start in range(0, len(found), size):
        yield found[start : start + size]
