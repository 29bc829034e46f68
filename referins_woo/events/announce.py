"""Tells webhooks of what happened to orders: of the events that start automations, fired or released, and no others."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from referins_woo.commerce import money
from referins_woo.commerce.models import Order
from referins_woo.events.models import Event
from referins_woo.outbound import outbox
from referins_woo.outbound.catalogue import type_of_event


def announce(session: Session, account_id: int, event_ids: Collection[int]) -> None:
    """Put the events, as far as they are there and someone wants them, into the outbox of webhooks, in this unit."""
    wanted = outbox.wanted(session, account_id) if event_ids else {}
    if not wanted:
        return
    rows = session.execute(
        select(Event, Order)
        .outerjoin(Order, Order.id == Event.order_id)
        .where(Event.id.in_(event_ids), Event.account_id == account_id, Event.state.in_(("fired", "released")))
        .order_by(Event.id)
        .execution_options(populate_existing=True)
    ).all()
    for event, order in rows:
        event_type = type_of_event(event.kind)
        endpoints = wanted.get(event_type)
        if endpoints:
            outbox.put(
                session,
                account_id,
                event_type,
                f"event:{event.id}",
                _described(event, order),
                occurred_at=event.occurred_at,
                contact_id=event.contact_id,
                endpoints=endpoints,
            )


def _described(event: Event, order: Order | None) -> dict[str, Any]:
    data: dict[str, Any] = {
        "event_id": event.id,
        "store_id": event.store_id,
        "occurred_at": outbox.time_of(event.occurred_at),
        "order": _order(event, order),
        "contact_id": event.contact_id,
    }
    return data | ({"detail": event.data} if event.data else {})


def _order(event: Event, order: Order | None) -> dict[str, Any]:
    if order is None:
        return {"woo_id": event.subject}
    return {
        "id": order.id,
        "woo_id": order.woo_id,
        "number": order.number,
        "status": order.status,
        "woo_status": order.woo_status,
        "payment_state": order.payment_state,
        "currency": order.currency,
        "total": money.to_text(order.total),
        "refunded_total": money.to_text(order.refunded_total),
        "placed_at": outbox.time_of(order.placed_at),
        "paid_at": outbox.time_of(order.paid_at),
    }
