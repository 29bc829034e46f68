"""What an e-mail would know of a real order: the facts for a preview. Reads only."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any, Final

from sqlalchemy import select
from sqlalchemy.orm import Session

from automations.blocks import conditions_of
from automations.conditions import walk
from automations.triggers import TRIGGERS
from referins_woo.commerce.models import Contact, Order
from referins_woo.runs.facts import Occasion, facts_of
from referins_woo.runs.gather import gather
from referins_woo.runs.occasions import happenings

_LONG_AGO: Final = timedelta(days=3_650)
_REFUND: Final = {"amount": "9.90", "reason": "Arrived broken", "occurred_at": "2026-11-21T10:00:00Z"}


def facts_for(
    session: Session, account_id: int, trigger: str, body: Any, order_id: int, now: datetime
) -> dict[str, Any] | None:
    """Return the facts of an order after `trigger`, less those that it does not supply; None: no such order.

    A refund that never happened is made up, so that its e-mail can be looked at.
    """
    order = session.scalar(select(Order).where(Order.id == order_id, Order.account_id == account_id))
    if order is None:
        return None
    recorded = happenings(session, account_id, trigger, now - _LONG_AGO, 1, order_id=order_id)
    occasion = recorded[-1].occasion if recorded else Occasion(trigger, now)
    asks = frozenset(str(one.get("field")) for each in conditions_of(body) for one in walk(each))
    facts = dict(facts_of(gather(session, [order_id], [order.store_id], asks), order_id, order.store_id, occasion))
    supplied = TRIGGERS[trigger].facts
    if "refund" in supplied and not facts.get("refund"):
        facts["refund"] = {**_REFUND, "currency": order.currency}
    return {name: value for name, value in facts.items() if name in supplied}


def recent_orders(session: Session, account_id: int, most: int = 20) -> list[tuple[int, str, str]]:
    """Return (id, number, name) of the newest orders: what a preview is offered for."""
    rows = session.execute(
        select(Order.id, Order.number, Contact.name)
        .join(Contact, Contact.id == Order.contact_id, isouter=True)
        .where(Order.account_id == account_id, Order.gone_at.is_(None))
        .order_by(Order.placed_at.desc(), Order.id.desc())
        .limit(most)
    )
    return [(row.id, row.number, row.name or "") for row in rows]


def newest_order(session: Session, account_id: int, contact_id: int) -> int | None:
    """Return the newest order of a contact."""
    mine = (Order.account_id == account_id, Order.contact_id == contact_id)
    wanted = select(Order.id).where(*mine).order_by(Order.placed_at.desc(), Order.id.desc()).limit(1)
    return session.scalar(wanted)
