"""Links between a contact and a customer of a store that are made here, not by the rules of matching (W2, W4, W5)."""

from __future__ import annotations

from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from referins_woo.commerce import mapping
from referins_woo.commerce.models import Contact, ContactLink
from referins_woo.commerce.records import CustomerRecord
from referins_woo.commerce.upsert.bulk import lock_account
from referins_woo.errors import Final as FinalError


class LinkedElsewhere(FinalError):
    """The customer is another contact already, or the contact another customer."""


def fields_of(contact: Any) -> dict[str, str]:
    """Return the fields of a contact, or of a row with its columns, as they compare with a customer's."""
    return mapping.flat(
        *(contact.first_name, contact.last_name, contact.email, contact.phone), *(contact.billing, contact.shipping)
    )


def link_of(session: Session, store_id: int, contact_id: int) -> ContactLink | None:
    """Return the customer that a contact is in a store; of several the oldest; none that is gone there."""
    return session.scalar(
        select(ContactLink)
        .where(ContactLink.store_id == store_id, ContactLink.contact_id == contact_id, ContactLink.gone_at.is_(None))
        .order_by(ContactLink.id)
        .limit(1)
    )


def link(session: Session, store_id: int, contact: Contact, customer: CustomerRecord) -> ContactLink:
    """Make a contact that customer of a store; Woo's values come with the next pull (M4). Raises LinkedElsewhere."""
    lock_account(session, contact.account_id)
    mine = link_of(session, store_id, contact.id)
    if mine is not None and mine.woo_id != customer.woo_id:
        raise LinkedElsewhere(
            f"This contact is customer {mine.woo_id} of the store already: take that mapping back first."
        )
    taken = session.scalar(
        select(ContactLink).where(ContactLink.store_id == store_id, ContactLink.woo_id == customer.woo_id)
    )
    if taken is not None and taken.contact_id != contact.id:
        raise LinkedElsewhere(f"Customer {customer.woo_id} is mapped to contact {taken.contact_id} already.")
    if taken is None:
        taken = ContactLink(
            account_id=contact.account_id, store_id=store_id, woo_id=customer.woo_id, contact_id=contact.id
        )
        session.add(taken)
    taken.username, taken.role, taken.gone_at = customer.username, customer.role, None
    if not taken.pulled:
        taken.pulled = mapping.first_marks(fields_of(contact), mapping.flat_record(customer))
    contact.is_guest = False
    session.flush()
    return taken
