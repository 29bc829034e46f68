"""What a mapping that was made here changed, so that taking it back gives row and contact back as they were (W5).

Kept with the row of the mapping as long as it is mapped, and its contact is here.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any, Final

from sqlalchemy import select
from sqlalchemy.orm import Session

from referins_woo.commerce import mapping
from referins_woo.commerce.matching import email_key, name_key
from referins_woo.commerce.models import Contact, ContactLink, CustomerMapping
from referins_woo.commerce.upsert.bulk import among
from referins_woo.commerce.upsert.links import fields_of

_ROW: Final = ("is_ticked", "username", "with_email", "overwrite", "state", "reason", "evidence", "offered_woo_id")
_CONTACT: Final = ("name", "first_name", "last_name", "email", "phone", "billing", "shipping")


def kept(row: CustomerMapping, contact: Contact) -> dict[str, Any]:
    """Return what is kept of a row and its contact before they are mapped."""
    return {
        "row": {column: getattr(row, column) for column in _ROW},
        "contact": {column: getattr(contact, column) for column in _CONTACT},
        "is_guest": contact.is_guest,
    }


def give_back(session: Session, rows: Sequence[CustomerMapping], pulled: Mapping[int, str], now: datetime) -> list[int]:
    """Give rows and contacts back as they were; returns the contacts that changed. The links are away by now.

    `pulled`: the marks of each contact's link. What somebody typed since stays; so does the tick of a row of which
    nothing was kept.
    """
    contacts = _contacts(session, rows)
    changed = guest_again(session, rows)
    for row in rows:
        for column, value in row.before.get("row", {}).items():
            setattr(row, column, value)
        contact, before = contacts.get(row.contact_id), row.before.get("contact")
        if contact is not None and before and _take_fields_back(contact, before, pulled.get(row.contact_id, "")):
            contact.updated_at = now
            changed.add(contact.id)
        row.before = {}
    return sorted(changed)


def guest_again(session: Session, rows: Iterable[CustomerMapping]) -> set[int]:
    """Let contacts be guests again that were, and are customers of no store any more; returns their numbers."""
    ids = [row.contact_id for row in rows if row.before.get("is_guest")]
    linked = set(session.scalars(select(ContactLink.contact_id).where(among(session, ContactLink.contact_id, ids))))
    guests = set(ids) - linked
    for contact in session.scalars(select(Contact).where(among(session, Contact.id, sorted(guests)))):
        contact.is_guest = True
    return guests


def _contacts(session: Session, rows: Sequence[CustomerMapping]) -> dict[int, Contact]:
    ids = [row.contact_id for row in rows]
    found = select(Contact).where(among(session, Contact.id, ids)).execution_options(populate_existing=True)
    return {one.id: one for one in session.scalars(found)}


def _take_fields_back(contact: Contact, before: Mapping[str, Any], pulled: str) -> bool:
    was = mapping.flat(
        *(before["first_name"], before["last_name"], before["email"], before["phone"]),
        *(before["billing"], before["shipping"]),
    )
    fields = mapping.given_back(was, fields_of(contact), pulled)
    stays = set(mapping.FIELDS) - set(fields)
    values = {column: getattr(contact, column) for column in _CONTACT}
    if not {"first_name", "last_name"} & {one for one in stays if _differs(one, was, contact)}:
        values |= {column: before[column] for column in ("name", "first_name", "last_name")}
    for column, field in (("email", "email"), ("phone", "billing.phone")):
        if field in fields:
            values[column] = before[column]
    for group in ("billing", "shipping"):
        if not any(_differs(one, was, contact) for one in stays if one.startswith(f"{group}.")):
            values[group] = before[group]
        else:
            lines = {one.partition(".")[2]: value for one, value in fields.items() if one.startswith(f"{group}.")}
            values[group] = {**values[group], **lines}
    if all(getattr(contact, column) == value for column, value in values.items()):
        return False
    for column, value in values.items():
        setattr(contact, column, value)
    contact.name_key, contact.email_key = name_key(contact.name), email_key(contact.email)
    return True


def _differs(field: str, was: Mapping[str, str], contact: Contact) -> bool:
    return fields_of(contact).get(field, "") != was.get(field, "")
