"""Every table whose rows belong to a contact: they follow it into another one, and back."""

from __future__ import annotations

from typing import Any, Final

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from referins_woo.commerce.models import ContactLink, ContactLog, CustomerMapping, Order
from referins_woo.commerce.upsert.bulk import among
from referins_woo.events.models import Event
from referins_woo.mail.models import ConsentEvent, Message
from referins_woo.outbound.models import WebhookCall
from referins_woo.runs.models import Run

MOVED: Final[tuple[Any, ...]] = (
    *(ContactLink, ContactLog, CustomerMapping, Order, ConsentEvent, Message, Event, Run, WebhookCall),
)
"""A house test asks that every table with a `contact_id` stands here."""
_OF_ORDERS: Final[tuple[Any, ...]] = (Event, Run)
_QUIET = {"synchronize_session": False}


def move(session: Session, account_id: int, from_id: int, to_id: int) -> dict[str, list[int]]:
    """Give all rows of a contact to another; returns table → their numbers."""
    moved = {}
    for model in MOVED:
        theirs = [model.account_id == account_id, model.contact_id == from_id]
        if model is CustomerMapping:
            # One contact has one say in each store: where both had one, that of the contact that stays counts.
            theirs.append(model.store_id.not_in(_stores_said(session, to_id)))
        moved[model.__tablename__] = list(session.scalars(select(model.id).where(*theirs).order_by(model.id)))
        session.execute(update(model).where(*theirs).values(contact_id=to_id).execution_options(**_QUIET))
    return moved


def _stores_said(session: Session, contact_id: int) -> list[int]:
    return list(session.scalars(select(CustomerMapping.store_id).where(CustomerMapping.contact_id == contact_id)))


def move_back(session: Session, moved: dict[str, list[int]], from_id: int, to_id: int) -> None:
    """Give rows that moved back, as far as they are still there."""
    for model in MOVED:
        _give(session, model, moved.get(model.__tablename__, []), from_id, to_id)


def move_later_orders(session: Session, moved: dict[str, list[int]], from_id: int, to_id: int) -> None:
    """Give along what the customers whose links move back ordered since the merge, with all that it started."""
    links = session.scalars(select(ContactLink).where(among(session, ContactLink.id, moved.get("contact_links", []))))
    for link in links:
        orders = session.scalars(
            select(Order.id).where(
                Order.store_id == link.store_id, Order.woo_customer_id == link.woo_id, Order.contact_id == from_id
            )
        ).all()
        runs = session.scalars(select(Run.id).where(among(session, Run.order_id, orders))).all()
        _give(session, Order, orders, from_id, to_id)
        for model in _OF_ORDERS:
            of_them = session.scalars(select(model.id).where(among(session, model.order_id, orders))).all()
            _give(session, model, of_them, from_id, to_id)
        mails = session.scalars(select(Message.id).where(among(session, Message.run_id, runs))).all()
        _give(session, Message, mails, from_id, to_id)


def _give(session: Session, model: Any, ids: Any, from_id: int, to_id: int) -> None:
    if ids:
        session.execute(
            update(model)
            .where(among(session, model.id, ids), model.contact_id == from_id)
            .values(contact_id=to_id)
            .execution_options(**_QUIET)
        )
