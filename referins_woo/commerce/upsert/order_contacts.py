"""Whose orders these are: finds or makes the contact of each new order (M1-M6, S4)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from referins_woo.commerce.erasure import erased_customers
from referins_woo.commerce.matching import email_key
from referins_woo.commerce.models import Contact, StoreMapping
from referins_woo.commerce.records import CustomerRecord, OrderRecord
from referins_woo.commerce.upsert.contacts import (
    contacts_for_guests,
    customer_from_order,
    linked_contacts,
    upsert_customers,
)


def resolve_contacts(
    session: Session,
    account_id: int,
    store_id: int,
    records: Sequence[OrderRecord],
    customers: Mapping[int, CustomerRecord | None],
    now: datetime,
) -> dict[int, int | None]:
    """Return Woo order id → contact id for new orders, creating contacts as the rules say (M1-M6)."""
    registered = {record.woo_customer_id for record in records} - {0}
    erased = erased_customers(session, store_id, customers) - registered
    fetched = [found for woo_id, found in customers.items() if found is not None and woo_id not in erased]
    upsert_customers(session, account_id, store_id, fetched, now)
    links = linked_contacts(session, store_id, registered)
    # Billing serves only where the customer itself answered 404 (M4).
    orphans = {
        record.woo_customer_id: customer_from_order(record)
        for record in sorted(records, key=lambda one: one.woo_id, reverse=True)
        if record.woo_customer_id and record.woo_customer_id not in links
    }
    if orphans:
        made = upsert_customers(session, account_id, store_id, list(orphans.values()), now)
        links.update(made.by_woo_id)
    guests = [record for record in records if record.woo_customer_id == 0]
    default = _guests_contact(session, account_id, store_id) if guests else None
    by_email = contacts_for_guests(session, account_id, store_id, guests, now)
    contacts: dict[int, int | None] = {}
    for record in records:
        if record.woo_customer_id:
            contacts[record.woo_id] = links.get(record.woo_customer_id)
        else:
            contacts[record.woo_id] = default or by_email.get(email_key(record.email))
    return contacts


def _guests_contact(session: Session, account_id: int, store_id: int) -> int | None:
    """Return the contact that all guest orders of the store are given to; None where there is none (W7)."""
    return session.scalar(
        select(StoreMapping.guest_contact_id)
        .join(Contact, Contact.id == StoreMapping.guest_contact_id)
        .where(StoreMapping.store_id == store_id, Contact.account_id == account_id)
    )
