"""All that is known of one person, for them: one JSON document with every table that holds something (N3)."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date, datetime
from typing import Any, Final

from sqlalchemy import func, or_, select
from sqlalchemy.orm import Session

from referins_woo.commerce import money
from referins_woo.commerce.matching import email_key
from referins_woo.commerce.models import Contact, ContactLink, Order, OrderLine, Transaction
from referins_woo.commerce.upsert import matches
from referins_woo.events.models import Event
from referins_woo.mail import bodies
from referins_woo.mail.models import ConsentEvent, Message, MessageEvent
from referins_woo.runs.models import Automation, Run, RunLog
from referins_woo.stores.models import Store

_CONTACT: Final = (
    *("id", "name", "first_name", "last_name", "email", "phone", "billing", "shipping", "comments", "is_guest"),
    *("consent", "consent_at", "consent_source", "tags", "created_at", "updated_at"),
)
_ORDER: Final = (
    *("number", "woo_id", "status", "woo_status", "payment_state", "currency", "email", "billing", "shipping"),
    *("payment_method_title", "payment_reference", "coupons", "customer_note", "created_via", "placed_at", "paid_at"),
    *("completed_at", "delivery_date", "delivery_status"),
)
_ORDER_MONEY: Final = ("total", "total_tax", "discount_total", "shipping_total", "refunded_total")
_MESSAGE: Final = (
    "to_email",
    "to_name",
    "purpose",
    "subject",
    "state",
    "reason",
    "created_at",
    "sent_at",
)
_CONSENT: Final = ("state", "source", "wording", "occurred_at", "recorded_at", "applied", "email_key")


def export(session: Session, contact: Contact, now: datetime) -> dict[str, Any]:
    """Return everything about `contact` as JSON values: money as decimal strings, times in RFC 3339 and UTC."""
    stores = dict(session.execute(select(Store.id, Store.url).where(Store.account_id == contact.account_id)).all())
    orders = list(
        session.scalars(select(Order).where(Order.contact_id == contact.id).order_by(Order.placed_at, Order.id))
    )
    return {
        "exported_at": _value(now),
        "contact": _fields(contact, _CONTACT),
        "store_customers": [
            {"store": stores.get(link.store_id), **_fields(link, ("woo_id", "username", "role", "gone_at"))}
            for link in session.scalars(select(ContactLink).where(ContactLink.contact_id == contact.id))
        ],
        "merged_contacts": [
            {key: gone.get(key) for key in _CONTACT if key in gone} for gone in matches.merged_into(session, contact.id)
        ],
        "consent": [
            _fields(one, _CONSENT)
            for one in session.scalars(
                select(ConsentEvent).where(ConsentEvent.contact_id == contact.id).order_by(ConsentEvent.id)
            )
        ],
        "orders": [_order(session, order, stores) for order in orders],
        "events": [
            _fields(one, ("kind", "subject", "occurred_at", "state", "reason"))
            for one in session.scalars(
                select(Event)
                .where(Event.account_id == contact.account_id, Event.contact_id == contact.id)
                .order_by(Event.id)
            )
        ],
        "automations": _runs(session, contact, [order.id for order in orders]),
        "emails": [_email(session, one) for one in session.scalars(_messages(contact))],
    }


def _email(session: Session, message: Message) -> dict[str, Any]:
    """One e-mail, and what was noted of it: opened, clicked, came back."""
    known = select(MessageEvent).where(MessageEvent.message_id == message.id).order_by(MessageEvent.id)
    noted = [_fields(one, ("kind", "at", "detail", "machine")) for one in session.scalars(known)]
    body = bodies.shown(message)
    return {**_fields(message, _MESSAGE), "html": body.html, "text": body.text, "noted": noted}


def _messages(contact: Contact) -> Any:
    to_them = [Message.contact_id == contact.id]
    if key := email_key(contact.email):
        to_them.append(func.lower(Message.to_email) == key)
    return (
        select(Message)
        .where(Message.account_id == contact.account_id, Message.purpose != "system", or_(*to_them))
        .order_by(Message.id)
    )


def _order(session: Session, order: Order, stores: dict[int, str]) -> dict[str, Any]:
    lines = session.scalars(select(OrderLine).where(OrderLine.order_id == order.id).order_by(OrderLine.position))
    transactions = session.scalars(
        select(Transaction).where(Transaction.order_id == order.id).order_by(Transaction.occurred_at, Transaction.id)
    )
    return {
        "store": stores.get(order.store_id),
        **_fields(order, _ORDER),
        **{name: money.to_text(getattr(order, name)) for name in _ORDER_MONEY},
        "lines": [
            {
                **_fields(line, ("kind", "sku", "name")),
                "quantity": money.to_text(line.quantity, at_least=0),
                "total": money.to_text(line.total),
                "total_tax": money.to_text(line.total_tax),
            }
            for line in lines
        ],
        "transactions": [
            {
                **_fields(one, ("kind", "currency", "method", "reference", "occurred_at", "reversed_at")),
                "amount": money.to_text(one.amount),
            }
            for one in transactions
        ],
    }


def _runs(session: Session, contact: Contact, order_ids: list[int]) -> list[dict[str, Any]]:
    runs = session.execute(
        select(Run, Automation.name)
        .join(Automation, Automation.id == Run.automation_id)
        .where(Run.account_id == contact.account_id, or_(Run.contact_id == contact.id, Run.order_id.in_(order_ids)))
        .order_by(Run.id)
    ).all()
    logs: dict[int, list[RunLog]] = {}
    for entry in session.scalars(
        select(RunLog).where(RunLog.run_id.in_([run.id for run, _ in runs])).order_by(RunLog.id)
    ):
        logs.setdefault(entry.run_id, []).append(entry)
    return [
        {
            "automation": name,
            **_fields(run, ("state", "ended_reason", "started_at", "ended_at")),
            "steps": [_fields(entry, ("step_key", "at", "outcome", "text", "trace")) for entry in logs.get(run.id, [])],
        }
        for run, name in runs
    ]


def _fields(row: Any, names: Iterable[str]) -> dict[str, Any]:
    return {name: _value(getattr(row, name)) for name in names}


def _value(value: Any) -> Any:
    if isinstance(value, datetime):
        return value.isoformat().replace("+00:00", "Z")
    return value.isoformat() if isinstance(value, date) else value
