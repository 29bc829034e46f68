"""Customers and guests become contacts (M1-M8), a page at a time."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final

from sqlalchemy import bindparam, func, select, update
from sqlalchemy.orm import Session

from referins_woo.commerce import mapping, matching
from referins_woo.commerce.mapping import Pull
from referins_woo.commerce.matching import Candidate, email_key, name_key
from referins_woo.commerce.models import Contact, ContactLink, CustomerMapping, Order
from referins_woo.commerce.records import Address, CustomerRecord, OrderRecord
from referins_woo.commerce.upsert.bulk import among, insert_rows, new_ids, table_of, update_rows
from referins_woo.commerce.upsert.matches import Pair, ask_about, made_for_guests, pairs_of
from referins_woo.commerce.upsert.pulled import left_alone, pulls
from referins_woo.conditions import one_of, owned

_CONTACT = (
    *("id", "account_id", "name", "name_key", "first_name", "last_name", "email", "email_key", "phone"),
    *("billing", "shipping", "comments", "is_guest", "consent", "consent_source", "tags", "created_at", "updated_at"),
)
_CHANGE = (
    *("id", "name", "name_key", "first_name", "last_name", "email", "email_key", "phone", "billing", "shipping"),
    *("is_guest", "updated_at"),
)
_LINK = (
    *("id", "account_id", "store_id", "woo_id", "contact_id", "username", "role", "content_hash", "pulled"),
    *("listed_in", "gone_at"),
)

_C, _L, _M = table_of(Contact).c, table_of(ContactLink).c, table_of(CustomerMapping).c
_LINKS: Final = select(_L.woo_id, _L.contact_id, _L.content_hash, _L.gone_at).where(
    _L.store_id == bindparam("store_id"), one_of(_L.woo_id, "woo_ids")
)
_OF_EMAIL, _OF_NAME = (
    select(column, _C.id, _C.email_key.label("email"))
    .where(owned(_C.account_id, "account_id"), one_of(column, "keys"))
    .order_by(_C.id)
    for column in (_C.email_key, _C.name_key)
)
_SUGGEST_NO_MORE: Final = (
    update(table_of(CustomerMapping))
    .where(owned(_M.store_id, "b_store"), _M.state != "", one_of(_M.contact_id, "b_contacts"))
    .values(state="", reason="", evidence="", offered_woo_id=None)
)


@dataclass(slots=True)
class ContactChanges:
    """What a page of people changed."""

    by_woo_id: dict[int, int] = field(default_factory=dict)
    """Woo customer id → contact id."""
    created: list[int] = field(default_factory=list)
    updated: list[int] = field(default_factory=list)
    pairs: list[Pair] = field(default_factory=list)
    """Who may be whom: asked about at the match desk (M5, M9)."""


def linked_contacts(session: Session, store_id: int, woo_ids: Iterable[int]) -> dict[int, int]:
    """Return Woo customer id → contact id for the ids that are linked; 0 is never an id (M3)."""
    wanted = [woo_id for woo_id in woo_ids if woo_id]
    if not wanted:
        return {}
    links = session.execute(_LINKS, {"store_id": store_id, "woo_ids": wanted})
    return {link.woo_id: link.contact_id for link in links}


def upsert_customers(
    session: Session, account_id: int, store_id: int, customers: Sequence[CustomerRecord], now: datetime
) -> ContactChanges:
    """Match each customer by (store, id), then e-mail, then name; overwrite with Woo's values, or create (M3-M7).

    An empty Woo value never erases a filled field (M4). Consent is never touched (I3).
    """
    changes = ContactChanges()
    unique = {customer.woo_id: customer for customer in customers if customer.woo_id}
    if not unique:
        return changes
    links = {link.woo_id: link for link in session.execute(_LINKS, {"store_id": store_id, "woo_ids": unique})}
    unlinked = [customer for woo_id, customer in unique.items() if woo_id not in links]
    people = People(session, account_id, unlinked)
    new_links: list[list[Any]] = []
    fresh: dict[int, list[Any]] = {}
    touched: dict[int, CustomerRecord] = {}
    contact_ids = iter(new_ids(session, Contact, len(unlinked)))
    for customer in unique.values():
        link = links.get(customer.woo_id)
        if link is not None:
            contact_id = link.contact_id
        else:
            match = people.match(customer)
            contact_id = match.contact_id if match.contact_id is not None else next(contact_ids)
            if match.contact_id is None:
                fresh[contact_id] = _new_row(contact_id, account_id, customer, now)
                people.add(contact_id, customer)
                changes.created.append(contact_id)
                changes.pairs += pairs_of(match, contact_id)
            new_links.append([account_id, store_id, customer, contact_id])
        changes.by_woo_id[customer.woo_id] = contact_id
        if contact_id not in fresh or link is not None:
            touched[contact_id] = customer
    insert_rows(session, Contact, _CONTACT, list(fresh.values()))
    ask_about(session, account_id, store_id, changes.pairs, now)
    changes.updated, left = _overwrite(session, store_id, touched, now)
    _write_links(session, store_id, new_links, unique, links, left)
    return changes


def contacts_for_guests(
    session: Session, account_id: int, store_id: int, orders: Sequence[OrderRecord], now: datetime
) -> dict[str, int]:
    """Return e-mail key → contact id for guest orders, creating contacts for unknown e-mails (M2, M5).

    A contact that exists is never changed by a guest order; a new one takes the fields of its oldest order given.
    """
    by_key: dict[str, OrderRecord] = {}
    # Oldest is lowest by id, as imports walk: by date it would depend on which orders came in one batch.
    for order in sorted(orders, key=lambda one: one.woo_id):
        if matching.usable_email(order.email):
            by_key.setdefault(email_key(order.email), order)
    if not by_key:
        return {}
    candidates = _by_email(session, account_id, by_key)
    several = [key for key, found in candidates.items() if len(found) > 1]
    earlier = made_for_guests(session, store_id, several) | _earlier_guest_contacts(session, store_id, several)
    found: dict[str, int] = {}
    to_create: dict[str, matching.Match] = {}
    for key in by_key:
        match = matching.match_guest(candidates.get(key, ()), earlier.get(key))
        if match.contact_id is None:
            to_create[key] = match
        else:
            found[key] = match.contact_id
    rows = []
    pairs: list[Pair] = []
    for contact_id, key in zip(new_ids(session, Contact, len(to_create)), to_create, strict=True):
        rows.append(_guest_row(contact_id, account_id, by_key[key], now))
        pairs += pairs_of(to_create[key], contact_id)
        found[key] = contact_id
    insert_rows(session, Contact, _CONTACT, rows)
    ask_about(session, account_id, store_id, pairs, now, from_guest=True)
    return found


def customer_from_order(order: OrderRecord) -> CustomerRecord:
    """Return what an order tells of its registered customer: used only when the customer itself answers 404 (M4)."""
    return CustomerRecord(
        woo_id=order.woo_customer_id,
        email=order.email,
        first_name=order.billing.get("first_name", ""),
        last_name=order.billing.get("last_name", ""),
        username="",
        role="",
        phone=order.billing.get("phone", ""),
        billing=order.billing,
        shipping=order.shipping,
        content_hash="",
    )


class People:
    """The account's contacts that customers of this page might be, with those made on the way."""

    def __init__(self, session: Session, account_id: int, customers: Sequence[CustomerRecord]) -> None:
        keys = {email_key(customer.email) for customer in customers} - {""}
        self._by_email: dict[str, list[Candidate]] = defaultdict(list, _by_email(session, account_id, keys))
        names = {name_key(customer.name) for customer in customers if email_key(customer.email) not in self._by_email}
        self._by_name: dict[str, list[Candidate]] = defaultdict(list, _by_name(session, account_id, names - {""}))

    def match(self, customer: CustomerRecord) -> matching.Match:
        """Return who a customer is among them (M3)."""
        email, name = email_key(customer.email), name_key(customer.name)
        return matching.match_customer(email, name, self._by_email.get(email, ()), self._by_name.get(name, ()))

    def add(self, contact_id: int, customer: CustomerRecord) -> None:
        """Let the rows that follow see the contact that this one makes."""
        candidate = Candidate(contact_id, email_key(customer.email))
        if candidate.email_key:
            self._by_email[candidate.email_key].append(candidate)
        if name := name_key(customer.name):
            self._by_name[name].append(candidate)


def _by_email(session: Session, account_id: int, keys: Iterable[str]) -> dict[str, list[Candidate]]:
    return _candidates(session, _OF_EMAIL, account_id, keys)


def _by_name(session: Session, account_id: int, keys: Iterable[str]) -> dict[str, list[Candidate]]:
    return _candidates(session, _OF_NAME, account_id, keys)


def _candidates(session: Session, wanted_of: Any, account_id: int, keys: Iterable[str]) -> dict[str, list[Candidate]]:
    wanted = list(keys)
    found: dict[str, list[Candidate]] = {}
    if not wanted:
        return found
    for key, contact_id, email in session.execute(wanted_of, {"account_id": account_id, "keys": wanted}):
        found.setdefault(key, []).append(Candidate(contact_id, email))
    return found


def _earlier_guest_contacts(session: Session, store_id: int, keys: list[str]) -> dict[str, int]:
    if not keys:
        return {}
    newest = (
        select(Order.email_key, func.max(Order.id).label("id"))
        .where(
            Order.store_id == store_id,
            Order.email_key.in_(keys),
            Order.woo_customer_id == 0,
            Order.contact_id.is_not(None),
        )
        .group_by(Order.email_key)
        .subquery()
    )
    rows = session.execute(select(newest.c.email_key, Order.contact_id).join(Order, Order.id == newest.c.id))
    return {key: contact_id for key, contact_id in rows if contact_id is not None}


def _new_row(contact_id: int, account_id: int, customer: CustomerRecord, now: datetime) -> list[Any]:
    name = customer.name
    return [
        *(contact_id, account_id, name, name_key(name), customer.first_name, customer.last_name),
        *(customer.email, email_key(customer.email), customer.phone, customer.billing, customer.shipping),
        *("", False, "unknown", "", [], now, now),
    ]


def _guest_row(contact_id: int, account_id: int, order: OrderRecord, now: datetime) -> list[Any]:
    first, last = order.billing.get("first_name", ""), order.billing.get("last_name", "")
    name = f"{first} {last}".strip()
    return [
        *(contact_id, account_id, name, name_key(name), first, last, order.email.strip(), email_key(order.email)),
        *(order.billing.get("phone", ""), order.billing, order.shipping),
        *("", True, "unknown", "", [], now, now),
    ]


def _overwrite(
    session: Session, store_id: int, touched: dict[int, CustomerRecord], now: datetime
) -> tuple[list[int], dict[int, Pull]]:
    """Return the contacts that changed, and what was left alone of them (by customer) because it waits to be told."""
    if not touched:
        return [], {}
    found = session.execute(
        select(
            *(Contact.id, Contact.name, Contact.first_name, Contact.last_name, Contact.email, Contact.phone),
            *(Contact.billing, Contact.shipping, Contact.is_guest),
        ).where(among(session, Contact.id, touched))
    )
    contacts = {row.id: row for row in found}
    left = pulls(session, store_id, touched, contacts, now)
    rows = []
    for row in contacts.values():
        customer = touched[row.id]
        if row.id in left:
            customer = left_alone(customer, row, left[row.id].stay)
        first, last, name = row.first_name, row.last_name, row.name
        if customer.name:
            first, last, name = customer.first_name, customer.last_name, customer.name
        email, phone = customer.email or row.email, customer.phone or row.phone
        billing, shipping = _filled(row.billing, customer.billing), _filled(row.shipping, customer.shipping)
        before = (
            row.name,
            row.first_name,
            row.last_name,
            row.email,
            row.phone,
            row.billing,
            row.shipping,
            row.is_guest,
        )
        if before != (name, first, last, email, phone, billing, shipping, False):
            rows.append(
                [
                    row.id,
                    name,
                    name_key(name),
                    first,
                    last,
                    email,
                    email_key(email),
                    phone,
                    billing,
                    shipping,
                    False,
                    now,
                ]
            )
    update_rows(session, Contact, _CHANGE, rows)
    return [row[0] for row in rows], {touched[contact_id].woo_id: pull for contact_id, pull in left.items()}


def _filled(before: Address, after: Address) -> Address:
    """Woo's values over ours; a value that Woo leaves empty stays (M4)."""
    return {**before, **after} if before else after


def _write_links(
    session: Session,
    store_id: int,
    new_links: list[list[Any]],
    customers: dict[int, CustomerRecord],
    links: dict[int, Any],
    left: dict[int, Pull],
) -> None:
    ids = new_ids(session, ContactLink, len(new_links))
    rows = [
        [
            link_id,
            account,
            store,
            customer.woo_id,
            contact,
            customer.username,
            customer.role,
            customer.content_hash,
            _marks(customer),
            0,
            None,
        ]
        for link_id, (account, store, customer, contact) in zip(ids, new_links, strict=True)
    ]
    insert_rows(session, ContactLink, _LINK, rows)
    if rows:
        # Who is a customer now is suggested to nobody, and a customer's own e-mail is no taken one.
        session.execute(_SUGGEST_NO_MORE, {"b_store": store_id, "b_contacts": [row[4] for row in rows]})
    for woo_id, link in links.items():
        customer, alone = customers[woo_id], left.get(woo_id)
        if alone is not None and alone.is_stale:
            continue  # it was read before the store took our change: the next look is another one
        if customer.content_hash and (customer.content_hash != link.content_hash or link.gone_at is not None):
            session.query(ContactLink).filter(ContactLink.store_id == store_id, ContactLink.woo_id == woo_id).update(
                {
                    "content_hash": customer.content_hash,
                    "pulled": alone.pulled if alone is not None else _marks(customer),
                    "role": customer.role,
                    "username": customer.username,
                    "gone_at": None,
                },
                synchronize_session=False,
            )


def _marks(customer: CustomerRecord) -> str:
    """What an order's billing says of its customer is no look at the customer."""
    return mapping.marks(mapping.flat_record(customer)) if customer.content_hash else ""
