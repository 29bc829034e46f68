"""What erased people leave behind, and that they stay erased when a store sends them again (N3, M10, row 95).

An order that was placed before its person was erased keeps its money, lines and country; what names the person is
taken out before it reaches the mirror. An order placed later is a new dealing: it comes in whole.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any, Final

from sqlalchemy import bindparam, exists, literal, select, update
from sqlalchemy.orm import Session

from referins_woo.commerce.matching import ERASED_EMAIL, email_key, erased_key
from referins_woo.commerce.models import Contact, ContactLink, ErasedAddress, ErasedCustomer, Order
from referins_woo.commerce.records import Address, OrderRecord
from referins_woo.commerce.upsert.bulk import among, insert_rows, table_of
from referins_woo.conditions import one_of

_ADDRESSES, _CUSTOMERS = table_of(ErasedAddress).c, table_of(ErasedCustomer).c
_ANY_ERASED: Final = select(literal(1)).where(
    exists().where(_ADDRESSES.account_id == bindparam("account_id"))
    | exists().where(_CUSTOMERS.account_id == bindparam("account_id"))
)
_ERASED_CUSTOMERS: Final = select(_CUSTOMERS.woo_id, _CUSTOMERS.erased_at).where(
    _CUSTOMERS.store_id == bindparam("store_id"), one_of(_CUSTOMERS.woo_id, "woo_ids")
)


def remember(
    session: Session, account_id: int, emails: Iterable[str], customers: Iterable[tuple[int, int]], now: datetime
) -> None:
    """Keep hashes of the addresses and the (store id, Woo id) pairs of a person who is being erased."""
    hashes = {erased_key(account_id, email) for email in emails if email_key(email)}
    insert_rows(
        session,
        ErasedAddress,
        ("account_id", "email_hash", "erased_at"),
        [[account_id, one, now] for one in sorted(hashes)],
        conflict=("account_id", "email_hash"),
        update=("erased_at",),
    )
    insert_rows(
        session,
        ErasedCustomer,
        ("account_id", "store_id", "woo_id", "erased_at"),
        [[account_id, store_id, woo_id, now] for store_id, woo_id in sorted(set(customers))],
        conflict=("store_id", "woo_id"),
        update=("erased_at",),
    )


def without_erased(
    session: Session, account_id: int, store_id: int, records: Sequence[OrderRecord]
) -> list[OrderRecord]:
    """Return `records`; those that an erased person placed before the erasure no longer name anybody."""
    if not records or not _any_erased(session, account_id):
        return list(records)
    hashes = {erased_key(account_id, record.email) for record in records if record.email}
    addresses = _times(
        session,
        select(ErasedAddress.email_hash, ErasedAddress.erased_at).where(
            ErasedAddress.account_id == account_id, ErasedAddress.email_hash.in_(hashes)
        ),
    )
    ids = {record.woo_customer_id for record in records} - {0}
    customers = _times(session, _ERASED_CUSTOMERS, store_id=store_id, woo_ids=ids)

    def personal(record: OrderRecord) -> bool:
        at = addresses.get(erased_key(account_id, record.email)) if record.email else None
        also = customers.get(record.woo_customer_id)
        return (at is not None and record.placed_at <= at) or (also is not None and record.placed_at <= also)

    return [anonymous(record) if personal(record) else record for record in records]


def anonymous(record: OrderRecord) -> OrderRecord:
    """Return the order without its person. Its hash stays: the same order does not look changed when it comes again."""
    return replace(
        record,
        email="",
        billing=_country(record.billing),
        shipping=_country(record.shipping),
        woo_customer_id=0,
        customer_note="",
        payment_reference="",
        payment_url="",
        order_key="",
    )


def erased_customers(session: Session, store_id: int, woo_ids: Iterable[int]) -> set[int]:
    """Return which of the store's customers were erased here: their lists and edits no longer bring them in."""
    wanted = set(woo_ids) - {0}
    if not wanted:
        return set()
    return set(_times(session, _ERASED_CUSTOMERS, store_id=store_id, woo_ids=wanted))


def erased_and_away(session: Session, store_id: int, woo_ids: Iterable[int]) -> set[int]:
    """Return which customers were erased here and have not come back since by an order of theirs."""
    erased = erased_customers(session, store_id, woo_ids)
    if not erased:
        return erased
    back = select(ContactLink.woo_id).where(ContactLink.store_id == store_id, ContactLink.woo_id.in_(erased))
    return erased - set(session.scalars(back))


def anonymise_orders(session: Session, contact_id: int) -> int:
    """Take a contact's person out of the orders that are stored; returns how many there were."""
    rows = session.execute(select(Order.id, Order.billing, Order.shipping).where(Order.contact_id == contact_id)).all()
    for row in rows:
        session.execute(
            update(Order)
            .where(Order.id == row.id)
            .values(
                email="",
                email_key="",
                billing=_country(row.billing),
                shipping=_country(row.shipping),
                woo_customer_id=0,
                contact_id=None,
                customer_note="",
                payment_reference="",
                payment_url="",
                order_key="",
            )
            .execution_options(synchronize_session=False)
        )
    return len(rows)


def erased_in_store(records: Iterable[OrderRecord]) -> set[int]:
    """Return the Woo ids of orders that the store's own eraser has emptied (M10)."""
    return {record.woo_id for record in records if email_key(record.email) == ERASED_EMAIL}


def note_erased_in_store(session: Session, contact_ids: Iterable[int], now: datetime) -> list[str]:
    """Mark contacts whose data a store has erased, for their page to offer the same here; returns their addresses."""
    changed = session.execute(
        update(Contact)
        .where(among(session, Contact.id, contact_ids), Contact.erased_in_store_at.is_(None))
        .values(erased_in_store_at=now)
        .returning(Contact.email)
        .execution_options(synchronize_session=False)
    )
    return [email for email in changed.scalars() if email]


def _any_erased(session: Session, account_id: int) -> bool:
    return session.execute(_ANY_ERASED, {"account_id": account_id}).first() is not None


def _times(session: Session, query: Any, **given: Any) -> dict[Any, datetime]:
    return dict(session.execute(query, given).all())


def _country(address: Address) -> Address:
    """Taxes are reported by country; it names nobody."""
    return {"country": address["country"]} if address.get("country") else {}
