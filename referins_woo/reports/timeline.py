"""What happened, newest first: to one order, and around one contact."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from sqlalchemy import select
from sqlalchemy.orm import Session

from referins_woo.commerce.models import Contact, ContactLog, Order, Transaction
from referins_woo.events.models import Event
from referins_woo.mail import suppression
from referins_woo.mail.models import ConsentEvent, Message
from referins_woo.runs.models import Automation, Run

MOST: Final = 60
"""Entries of a contact's timeline; its lists have the rest."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One thing that happened."""

    at: datetime
    kind: str
    """What it looks like: `placed`, `paid`, `refund`, `status`, `trigger`, `held_back`, `mail`, `run`, `tag`, …"""
    words: str
    more: str = ""
    of: str = ""
    """What it leads to: `order`, `message` or `run`."""
    id: int = 0
    amount: int | None = None
    currency: str = ""


EVENTS: Final = {
    "order_submitted": "Order Submitted",
    "payment_received": "Payment Received",
    "order_status_changed": "Order Status Changed",
    "order_completed": "Order Completed",
    "order_refunded": "Order Refunded",
}
HELD_BACK: Final = {
    "too_late": "It reached us later than automations allow.",
    "switch_off": "This trigger was switched off for the store.",
    "before_t0": "It happened before the store was connected.",
    "already_cancelled": "The order was cancelled already.",
}
"""Why an event started no automation."""

_MESSAGES: Final = {
    "created": "is on its way",
    "sending": "is being sent",
    "sent": "sent",
    "failed": "could not be sent",
    "unknown": "perhaps sent",
    "skipped": "was not sent",
}
_CONSENT: Final = {
    "subscribed": "Subscribed to marketing",
    "unsubscribed": "Unsubscribed from marketing",
    "bounced": "Their mailbox refuses e-mails",
    "complained": "Reported an e-mail as spam",
}
_LOG: Final = {"tag_added": "Tagged “{}”", "tag_removed": "Lost the tag “{}”"}


def of_order(
    order: Order,
    events: Sequence[Event],
    transactions: Sequence[Transaction],
    runs: Sequence[tuple[Run, str]],
    messages: Sequence[Message],
) -> list[Entry]:
    """Return all that we know of an order's life."""
    found = [Entry(order.placed_at, "placed", "Placed", order.created_via)]
    found += [_of_event(event) for event in events]
    for one in transactions:
        word = "Payment" if one.kind == "payment" else "Refund"
        kind = "paid" if one.kind == "payment" else "refund"
        found.append(
            Entry(one.occurred_at, kind, word, one.method or one.reference, amount=one.amount, currency=one.currency)
        )
        if one.reversed_at is not None:
            found.append(Entry(one.reversed_at, "refund", f"{word} taken back in WooCommerce"))
    known = {event.kind for event in events}
    if order.completed_at is not None and "order_completed" not in known:
        found.append(Entry(order.completed_at, "status", "Completed in WooCommerce"))
    if order.gone_at is not None:
        found.append(Entry(order.gone_at, "gone", "No longer in WooCommerce"))
    found += _of_runs(runs)
    found += [_of_message(message) for message in messages]
    return _newest_first(found)


def of_contact(session: Session, contact: Contact) -> list[Entry]:
    """Return the newest things around a contact: orders, e-mails, runs, tags, consent."""
    orders = session.scalars(
        select(Order).where(Order.contact_id == contact.id).order_by(Order.placed_at.desc()).limit(MOST)
    )
    messages = session.scalars(
        select(Message)
        .where(Message.account_id == contact.account_id, Message.contact_id == contact.id, Message.purpose != "system")
        .order_by(Message.id.desc())
        .limit(MOST)
    )
    runs = session.execute(
        select(Run, Automation.name)
        .join(Automation, Automation.id == Run.automation_id)
        .where(Run.contact_id == contact.id, Run.account_id == contact.account_id)
        .order_by(Run.id.desc())
        .limit(MOST)
    )
    log = session.scalars(
        select(ContactLog).where(ContactLog.contact_id == contact.id).order_by(ContactLog.id.desc()).limit(MOST)
    )
    consent = session.scalars(
        select(ConsentEvent).where(ConsentEvent.contact_id == contact.id).order_by(ConsentEvent.id.desc()).limit(MOST)
    )
    found = [
        Entry(
            one.placed_at,
            "placed",
            f"Order #{one.number}",
            one.status.lower(),
            of="order",
            id=one.id,
            amount=one.total,
            currency=one.currency,
        )
        for one in orders
    ]
    found += [_of_message(message) for message in messages]
    found += _of_runs([(run, name) for run, name in runs])
    found += [Entry(one.at, "tag", _LOG.get(one.kind, "{}").format(one.text), one.source) for one in log]
    found += [Entry(one.occurred_at, "consent", _CONSENT.get(one.state, one.state), one.source) for one in consent]
    found.append(Entry(contact.created_at, "added", "Added here"))
    return _newest_first(found)[:MOST]


def _of_event(event: Event) -> Entry:
    name = EVENTS.get(event.kind, event.kind)
    if event.kind == "order_status_changed":
        words = f"Status: {event.data.get('from', '?')} → {event.data.get('to', '?')}"
        return Entry(event.occurred_at, "status", words)
    if event.state == "suppressed":
        return Entry(
            event.occurred_at, "held_back", f"{name}: started nothing", HELD_BACK.get(event.reason, event.reason)
        )
    more = "let through by hand" if event.state == "released" else ""
    return Entry(event.occurred_at, "trigger", name, more)


def _of_runs(runs: Sequence[tuple[Run, str]]) -> Iterator[Entry]:
    for run, name in runs:
        yield Entry(run.started_at, "run", f"Entered “{name}”", of="run", id=run.id)
        if run.ended_at is not None:
            words = {"done": "Finished", "failed": "Failed in", "stopped": "Stopped in"}.get(run.state, "Left")
            yield Entry(
                run.ended_at, "failed" if run.state == "failed" else "ended", f"{words} “{name}”", of="run", id=run.id
            )


def _of_message(message: Message) -> Entry:
    subject = message.subject or message.template.get("subject") or "E-mail"
    more = _MESSAGES.get(message.state, message.state)
    if message.clicked_at or message.opened_at:
        more += ", clicked" if message.clicked_at else ", opened"
    at = message.sent_at or message.created_at
    kind = "mail" if message.state == "sent" else "mail_not"
    # The mail room's codes have sentences of their own; what a server said follows the state.
    said = suppression.WORDS.get(message.reason) or (f"{more}: {message.reason}" if message.reason else more)
    return Entry(at, kind, subject, said, of="message", id=message.id)


def _newest_first(entries: list[Entry]) -> list[Entry]:
    return sorted(entries, key=lambda one: one.at)[::-1]  # at one moment, what is told last came last
