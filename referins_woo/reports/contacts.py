"""Contacts for their list and their page."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from sqlalchemy import ColumnElement, and_, func, or_, select
from sqlalchemy.orm import Session

from referins_woo.commerce import matching, tags
from referins_woo.commerce.models import Contact, ContactLink, Order
from referins_woo.mail.models import Suppression
from referins_woo.reports.listing import Kind, Wanted, contains, days, has_key, in_order
from referins_woo.reports.orders import OrderRow, orders_of_contact
from referins_woo.reports.runs import OPEN_STATES
from referins_woo.reports.timeline import Entry, of_contact
from referins_woo.runs.models import Automation, Run
from referins_woo.stores.models import Store

SORTS = {"name": Contact.name_key, "created": Contact.created_at, "email": Contact.email_key}


KINDS: Final = {"customer": "Registered", "guest": "Guest", "other": "In no store"}
"""What a contact is to the stores; `other`: made here, taken from a file, or of a store that was disconnected."""


@dataclass(frozen=True, slots=True)
class ContactRow:
    """A line of the list."""

    contact: Contact
    kind: str
    """One of KINDS."""
    orders: int
    last_order_at: datetime | None


@dataclass(frozen=True, slots=True)
class ContactPage:
    """All that the page of one contact shows."""

    contact: Contact
    links: list[tuple[ContactLink, Store]]
    orders: list[OrderRow]
    order_count: int
    spent: list[tuple[str, int]]
    """Per currency: what paid orders came to, less refunds."""
    last_order_at: datetime | None
    open_runs: list[tuple[Run, str]]
    """Each with the name of its automation."""
    suppressed: str
    """Why no mail goes to the address; empty: it does."""
    timeline: list[Entry]


def conditions(account_id: int, wanted: Wanted) -> list[ColumnElement[bool]]:
    """Return the conditions of the list's search words and filters."""
    found: list[ColumnElement[bool]] = [Contact.account_id == account_id, *days(Contact.created_at, wanted)]
    if wanted.get("kind"):
        found.append(_is_kind(wanted.get("kind")))
    if wanted.get("consent"):
        found.append(Contact.consent == wanted.get("consent"))
    if wanted.get("tag"):
        # Asked of the index that has the tags: whatever the order of the list, no wide row is passed.
        tagged = select(Contact.id).where(Contact.account_id == account_id, tags.has(wanted.get("tag")))
        found.append(Contact.id.in_(tagged.correlate(None)))
    if (store_id := wanted.number("store")) is not None:
        found.append(
            or_(
                Contact.id.in_(select(ContactLink.contact_id).where(ContactLink.store_id == store_id)),
                Contact.id.in_(select(Order.contact_id).where(Order.store_id == store_id)),
            )
        )
    if wanted.q:
        found.append(
            or_(
                has_key(Contact.email_key, matching.email_key(wanted.q)),
                has_key(Contact.name_key, matching.name_key(wanted.q)),
                contains(Contact.phone, wanted.q),
            )
        )
    return found


def _is_kind(kind: str) -> ColumnElement[bool]:
    if kind == "guest":
        return Contact.is_guest.is_(True)
    registered = select(ContactLink.id).where(ContactLink.contact_id == Contact.id).exists()
    return and_(Contact.is_guest.is_(False), registered if kind == "customer" else ~registered)


def _rows(session: Session, ids: Sequence[int]) -> list[ContactRow]:
    orders = {
        contact_id: (count, last)
        for contact_id, count, last in session.execute(
            select(Order.contact_id, func.count(), func.max(Order.placed_at))
            .where(Order.contact_id.in_(ids))
            .group_by(Order.contact_id)
        )
    }
    linked = set(session.scalars(select(ContactLink.contact_id).where(ContactLink.contact_id.in_(ids))))
    rows = {
        contact.id: ContactRow(
            contact,
            "guest" if contact.is_guest else "customer" if contact.id in linked else "other",
            *orders.get(contact.id, (0, None)),
        )
        for contact in session.scalars(select(Contact).where(Contact.id.in_(ids)))
    }
    return in_order(ids, rows)


CONTACTS = Kind(Contact, SORTS, conditions, _rows)


def contact_page(session: Session, contact: Contact) -> ContactPage:
    """Return all that the page of `contact` shows."""
    links = session.execute(
        select(ContactLink, Store)
        .join(Store, Store.id == ContactLink.store_id)
        .where(ContactLink.contact_id == contact.id)
        .order_by(ContactLink.id)
    )
    open_runs = session.execute(
        select(Run, Automation.name)
        .join(Automation, Automation.id == Run.automation_id)
        .where(Run.contact_id == contact.id, Run.account_id == contact.account_id, Run.state.in_(OPEN_STATES))
        .order_by(Run.id.desc())
        .limit(20)
    )
    suppressed = session.scalar(
        select(Suppression.reason).where(
            Suppression.account_id == contact.account_id, Suppression.email_key == contact.email_key
        )
    )
    count, last_order_at = session.execute(
        select(func.count(), func.max(Order.placed_at)).where(Order.contact_id == contact.id)
    ).one()
    spent = session.execute(
        select(Order.currency, func.sum(Order.total - Order.refunded_total))
        .where(Order.contact_id == contact.id, Order.payment_state != "unpaid")
        .group_by(Order.currency)
        .order_by(Order.currency)
    )
    return ContactPage(
        contact=contact,
        links=[(link, store) for link, store in links],
        orders=orders_of_contact(session, contact.id, limit=10),
        order_count=count,
        spent=[(currency, int(amount)) for currency, amount in spent],
        last_order_at=last_order_at,
        open_runs=[(run, name) for run, name in open_runs],
        suppressed=suppressed or "",
        timeline=of_contact(session, contact),
    )
