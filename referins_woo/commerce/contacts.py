"""Contacts as people write them: made and changed one at a time, by a page or by the API. What stores say: `upsert`."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from referins_woo.commerce import tags
from referins_woo.commerce.matching import email_key, erased_key, name_key, usable_email
from referins_woo.commerce.models import Contact, ErasedAddress
from referins_woo.commerce.upsert.bulk import lock_account, new_ids
from referins_woo.errors import Final as FinalError
from referins_woo.errors import InvalidInput


@dataclass(frozen=True, slots=True)
class Fields:
    """What is given; None leaves a field as it is."""

    name: str | None = None
    first_name: str | None = None
    last_name: str | None = None
    email: str | None = None
    phone: str | None = None
    tags: list[str] | None = None


class EmailTaken(FinalError):
    """The account has a contact with this e-mail already."""

    def __init__(self, contact_id: int) -> None:
        super().__init__(f"Contact {contact_id} has this e-mail already: change that one instead.")
        self.contact_id = contact_id


def create(session: Session, account_id: int, fields: Fields, now: datetime) -> Contact:
    """Make a contact. Raises InvalidInput, or EmailTaken."""
    (contact_id,) = new_ids(session, Contact, 1)
    contact = Contact(id=contact_id, account_id=account_id, created_at=now, updated_at=now, tags=[], consent="unknown")
    contact.name = contact.first_name = contact.last_name = contact.email = contact.phone = ""
    contact.name_key = contact.email_key = ""
    _apply(session, contact, fields)
    if not (contact.name or contact.email or contact.phone):
        raise InvalidInput("email", "Give at least an e-mail, a name or a phone number.")
    session.add(contact)
    session.flush()
    return contact


def change(session: Session, contact: Contact, fields: Fields, now: datetime, source: str = "API") -> list[str]:
    """Change a contact, by `source`; return the names of what differs now. Raises InvalidInput or EmailTaken."""
    names = ("name", "first_name", "last_name", "email", "phone", "tags")
    before = {name: getattr(contact, name) for name in names}
    _apply(session, contact, fields)
    changed = [name for name in names if getattr(contact, name) != before[name]]
    if changed:
        contact.updated_at = now
    if "tags" in changed:
        tags.note(session, contact, before["tags"], now, source)
    return changed


def _apply(session: Session, contact: Contact, fields: Fields) -> None:
    if fields.first_name is not None or fields.last_name is not None:
        contact.first_name = contact.first_name if fields.first_name is None else fields.first_name
        contact.last_name = contact.last_name if fields.last_name is None else fields.last_name
        contact.name = f"{contact.first_name} {contact.last_name}".strip()
    elif fields.name is not None and fields.name != contact.name:
        # The last word is taken for the family name: what e-mails greet by is the rest.
        first, _, last = fields.name.rpartition(" ")
        contact.first_name, contact.last_name = (first, last) if first else (last, "")
        contact.name = fields.name
    contact.name_key = name_key(contact.name)
    if fields.email is not None and fields.email != contact.email:
        _set_email(session, contact, fields.email)
    if fields.phone is not None:
        contact.phone = fields.phone
    if fields.tags is not None:
        contact.tags = _tags(fields.tags)


def _set_email(session: Session, contact: Contact, email: str) -> None:
    if email and not usable_email(email):
        raise InvalidInput("email", "This is not an e-mail address that mail can be sent to.")
    key = email_key(email)
    if key and key != contact.email_key:
        lock_account(session, contact.account_id)
        with session.no_autoflush:
            taken = session.scalar(
                select(Contact.id)
                .where(Contact.account_id == contact.account_id, Contact.email_key == key, Contact.id != contact.id)
                .order_by(Contact.id)
                .limit(1)
            )
            erased = session.scalar(
                select(ErasedAddress.id).where(
                    ErasedAddress.account_id == contact.account_id,
                    ErasedAddress.email_hash == erased_key(contact.account_id, email),
                )
            )
        if taken is not None:
            raise EmailTaken(taken)
        if erased is not None:
            raise InvalidInput("email", "The data of the person with this e-mail was erased: they do not come back.")
    contact.email, contact.email_key = email, key


def _tags(wanted: list[str]) -> list[str]:
    found: dict[str, str] = {}
    for text in wanted:
        tag = " ".join(text.split())
        if not tag or len(tag) > tags.LONGEST or "," in tag:
            raise InvalidInput("tags", f"A tag has 1 to {tags.LONGEST} characters and no comma.")
        found.setdefault(tag.casefold(), tag)
    if len(found) > tags.MOST:
        raise InvalidInput("tags", f"A contact has at most {tags.MOST} tags.")
    return list(found.values())
