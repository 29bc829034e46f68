"""Decides about one contact as a customer of one store: ticks, user names, mapping by id, conflicts (W1-W4)."""

from __future__ import annotations

from datetime import datetime
from typing import Final

from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from referins_woo import clock
from referins_woo.accounts import audit
from referins_woo.commerce import mapping
from referins_woo.commerce.models import Contact, ContactLink, CustomerMapping
from referins_woo.commerce.records import CustomerRecord, Unreadable
from referins_woo.commerce.upsert import links
from referins_woo.customer_mapping import taken_back
from referins_woo.errors import InvalidInput
from referins_woo.process import Process
from referins_woo.stores.door import open_store
from referins_woo.stores.models import Store

LARGEST_ID: Final = 2**53


def row_of(session: Session, store: Store, contact_id: int, now: datetime) -> CustomerMapping:
    """Return what was said about a contact in a store, made where nothing was."""
    row = session.scalar(
        select(CustomerMapping).where(CustomerMapping.store_id == store.id, CustomerMapping.contact_id == contact_id)
    )
    if row is None:
        row = CustomerMapping(
            account_id=store.account_id, store_id=store.id, contact_id=contact_id, updated_at=now, is_ticked=False
        )
        row.username = row.state = row.reason = row.evidence = row.mapped_by = row.told_over = ""
        row.before = {}
        row.with_email = row.overwrite = False
        session.add(row)
        session.flush()
    return row


def change(
    session: Session,
    store: Store,
    contact: Contact,
    now: datetime,
    *,
    ticked: bool | None = None,
    username: str | None = None,
    with_email: bool | None = None,
) -> bool:
    """Keep what somebody says of a contact; None leaves a thing as it is. Returns whether anything changed.

    Raises InvalidInput for a user name that WooCommerce would refuse, or that cannot change any more.
    """
    row = session.scalar(
        select(CustomerMapping).where(CustomerMapping.store_id == store.id, CustomerMapping.contact_id == contact.id)
    )
    before = (row.is_ticked, row.username, row.with_email) if row is not None else (False, "", False)
    after = (
        before[0] if ticked is None else ticked,
        before[1] if username is None else username.strip(),
        before[2] if with_email is None else with_email,
    )
    if after == before:
        return False
    if after[1] != before[1]:
        _check_username(session, store.id, contact.id, after[1])
    row = row or row_of(session, store, contact.id, now)
    row.is_ticked, row.username, row.with_email, row.updated_at = *after, now
    if after[1] != before[1] and row.reason == "username":
        settle(row)
    if after[0] != before[0]:
        audit.record(
            session,
            store.account_id,
            "customer_ticked" if row.is_ticked else "customer_unticked",
            f"contact {contact.id} in {store.url}",
        )
    return True


def _check_username(session: Session, store_id: int, contact_id: int, username: str) -> None:
    fault = mapping.username_fault(username)
    if not fault and links.link_of(session, store_id, contact_id) is not None:
        fault = "This contact is a customer already: WooCommerce never changes a user name later."
    if fault:
        raise InvalidInput("username", fault)


def map_to(process: Process, store_id: int, contact_id: int, woo_id: int, now: datetime) -> None:
    """Make a contact the customer `woo_id` of a store, after a look at that customer (W4).

    Raises InvalidInput where it is not there, has another role or is mapped elsewhere, and what the door raises.
    """
    if not 0 < woo_id < LARGEST_ID:
        raise InvalidInput("webstore_id", "A Webstore ID is a whole number above 0.")
    customer = must_be_mappable(woo_id, open_store(process, store_id).customer(woo_id))
    with process.database.unit() as session:
        store, contact = session.get_one(Store, store_id), session.get(Contact, contact_id)
        if contact is None or contact.account_id != store.account_id:
            raise InvalidInput("contact_id", "This contact is no longer here.")
        map_customer(session, store, contact, customer, now)


def must_be_mappable(woo_id: int, customer: CustomerRecord | Unreadable | None) -> CustomerRecord:
    """Return a customer whom a contact may be, as the store answered it. Raises InvalidInput."""
    if customer is None:
        raise InvalidInput("webstore_id", f"There is no customer {woo_id} in this store.")
    if not isinstance(customer, CustomerRecord):
        raise InvalidInput("webstore_id", f"Customer {woo_id} cannot be read: {customer.reason}.")
    if customer.role not in mapping.ROLES:
        raise InvalidInput(
            "webstore_id",
            f"User {woo_id} has the role {customer.role or 'none'}: only customers and subscribers can be mapped.",
        )
    return customer


def map_customer(session: Session, store: Store, contact: Contact, customer: CustomerRecord, now: datetime) -> None:
    """Make a contact that customer of a store: somebody said so. Raises InvalidInput where one of them is mapped."""
    row = row_of(session, store, contact.id, now)
    before = taken_back.kept(row, contact)
    try:
        links.link(session, store.id, contact, customer)
    except links.LinkedElsewhere as error:
        raise InvalidInput("webstore_id", str(error)) from None
    settle(row)
    if not row.mapped_by:
        row.before = before
    row.mapped_by, row.batch, row.updated_at = "typed", None, now
    audit.record(session, store.account_id, "customer_mapped", f"contact {contact.id} to customer {customer.woo_id}")


def unmap(session: Session, store: Store, contact: Contact, now: datetime) -> None:
    """Take back a mapping that was made here; the customer stays in WooCommerce as it is.

    Raises InvalidInput for one that came with the store's own records: the next pull would bring it again.
    """
    link = links.link_of(session, store.id, contact.id)
    row = row_of(session, store, contact.id, now)
    if link is None or not row.mapped_by:
        raise InvalidInput("webstore_id", "Only a mapping that was made here can be taken back.")
    session.execute(delete(ContactLink).where(ContactLink.id == link.id).execution_options(synchronize_session=False))
    settle(row)
    taken_back.guest_again(session, [row])
    row.mapped_by, row.batch, row.before, row.updated_at = "", None, {}, now
    audit.record(session, store.account_id, "customer_unmapped", f"contact {contact.id} from customer {link.woo_id}")


def settle(row: CustomerMapping) -> None:
    """Nothing is suggested or in conflict any more."""
    row.state = row.reason = row.evidence = ""
    row.offered_woo_id = None
    row.overwrite = False


def ignore(session: Session, store: Store, contact: Contact, now: datetime) -> None:
    """Leave a suggestion or a conflict alone: names do not suggest this contact again."""
    row = row_of(session, store, contact.id, now)
    settle(row)
    row.reason, row.updated_at = "ignored", now


def believe(session: Session, store: Store, contact: Contact) -> None:
    """Let the next look at the contact's customer give it all of WooCommerce's values: none of ours wait any more."""
    link = links.link_of(session, store.id, contact.id)
    if link is not None:
        link.pulled = link.content_hash = ""
        row_of(session, store, contact.id, clock.now()).with_email = False


def overwrite(session: Session, store: Store, contact: Contact, now: datetime) -> None:
    """Send what is known here with the next push, although WooCommerce shows something newer.

    Raises InvalidInput where nothing of the kind is asked.
    """
    row = row_of(session, store, contact.id, now)
    if row.reason != "changed_there":
        raise InvalidInput("state", "This contact is in no such conflict any more.")
    settle(row)
    row.overwrite, row.updated_at = True, now
    audit.record(session, store.account_id, "customer_overwritten", f"contact {contact.id} in {store.url}")
