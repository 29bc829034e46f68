"""What a store's word of its customers does not undo (W3): changes of ticked contacts that wait for a push, or that it
was just told. Of everybody else WooCommerce's values stand (M4)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any, Final

from sqlalchemy import bindparam, or_, select
from sqlalchemy.orm import Session

from referins_woo.commerce import mapping
from referins_woo.commerce.mapping import Pull
from referins_woo.commerce.models import ContactLink, CustomerMapping, StoreMapping
from referins_woo.commerce.records import CustomerRecord
from referins_woo.commerce.upsert.bulk import table_of
from referins_woo.commerce.upsert.links import fields_of
from referins_woo.conditions import one_of

OLDER_LOOKS: Final = timedelta(minutes=5)
"""How long after a change was told a page or a delivery may still arrive that was written before it."""
_M, _L = table_of(CustomerMapping).c, table_of(ContactLink).c
_SAID: Final = (
    select(
        *(_M.contact_id, _M.is_ticked, _M.with_email, _M.told_at, _M.told_over),
        *(table_of(StoreMapping).c.pushes, _L.pulled),
    )
    .join_from(table_of(CustomerMapping), table_of(ContactLink), _L.contact_id == _M.contact_id)
    .outerjoin(table_of(StoreMapping), table_of(StoreMapping).c.store_id == _M.store_id)
    .where(
        _M.store_id == bindparam("store_id"),
        one_of(_M.contact_id, "contact_ids"),
        or_(_M.is_ticked.is_(True), _M.told_at > bindparam("since")),
        _L.store_id == bindparam("store_id"),
        _L.pulled != "",
    )
    .order_by(_L.id.desc())
)


def pulls(
    session: Session, store_id: int, touched: Mapping[int, CustomerRecord], contacts: Mapping[int, Any], now: datetime
) -> dict[int, Pull]:
    """Return by contact what a look at its customer leaves alone; nothing for those that have no changes of their own.

    `touched`: contact → customer; `contacts`: rows with their columns.
    """
    since = now - OLDER_LOOKS
    said = session.execute(_SAID, {"store_id": store_id, "contact_ids": list(touched), "since": since})
    found = {}
    for one in said:
        is_new = one.told_at is not None and one.told_at > since
        pull = mapping.pull(
            fields_of(contacts[one.contact_id]),
            mapping.flat_record(touched[one.contact_id]),
            one.pulled,
            waits=one.is_ticked and one.pushes is not False,
            with_email=one.with_email,
            told_over=one.told_over if is_new else "",
        )
        if pull.stay:
            found[one.contact_id] = pull
    return found


def left_alone(customer: CustomerRecord, contact: Any, stay: frozenset[str]) -> CustomerRecord:
    """Return a customer's record with the contact's own values in the fields that stay as they are here."""
    names = ("first_name", "last_name", "email")
    own: dict[str, Any] = {field: getattr(contact, field) for field in names if field in stay}
    if "billing.phone" in stay:
        own["phone"] = contact.phone
    for group in ("billing", "shipping"):
        lines = {field.partition(".")[2] for field in stay if field.startswith(f"{group}.")}
        if lines:
            kept = {line: getattr(contact, group).get(line, "") for line in lines}
            own[group] = {**getattr(customer, group), **kept}
    return replace(customer, **own)
