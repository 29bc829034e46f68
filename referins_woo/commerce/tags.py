"""Tags of contacts: words that merchants and automations sort people by.

A tag is kept as it was first typed and compares without regard to capitals; each change leaves a line in the
contact's log, with who made it.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Final

import orjson
from sqlalchemy import ColumnElement, Text, cast, select
from sqlalchemy.orm import Session

from referins_woo.commerce.models import Contact, ContactLog
from referins_woo.errors import InvalidInput

LONGEST: Final = 60
MOST: Final = 100
"""Tags of one contact."""


def clean(text: str) -> str:
    """Return a tag as it is kept. Raises InvalidInput for what is none."""
    tag = " ".join(text.replace("\x00", "").split())
    if not tag:
        raise InvalidInput("tag", "Type a tag, for example “wholesale”.")
    if len(tag) > LONGEST:
        raise InvalidInput("tag", f"A tag has at most {LONGEST} characters; this one has {len(tag)}.")
    if "," in tag:
        raise InvalidInput("tag", "A comma parts tags in files: leave it out of the tag.")
    return tag


def add(session: Session, contacts: Sequence[Contact], tag: str, now: datetime, source: str) -> list[int]:
    """Give the tag to those who lack it; returns their ids. `source` says who did it, for the log."""
    changed = []
    for contact in contacts:
        if _find(contact, tag) is None and len(contact.tags) < MOST:
            contact.tags = [*contact.tags, tag]
            _log(session, contact, "tag_added", tag, now, source)
            changed.append(contact.id)
    return changed


def remove(session: Session, contacts: Sequence[Contact], tag: str, now: datetime, source: str) -> list[int]:
    """Take the tag from those who have it; returns their ids."""
    changed = []
    for contact in contacts:
        kept = _find(contact, tag)
        if kept is not None:
            contact.tags = [one for one in contact.tags if one != kept]
            _log(session, contact, "tag_removed", kept, now, source)
            changed.append(contact.id)
    return changed


def note(session: Session, contact: Contact, before: Sequence[str], now: datetime, source: str) -> None:
    """Log how the contact's tags differ from those before, where somebody wrote them all anew."""
    old = {tag.casefold() for tag in before}
    new = {tag.casefold() for tag in contact.tags}
    for tag in contact.tags:
        if tag.casefold() not in old:
            _log(session, contact, "tag_added", tag, now, source)
    for tag in before:
        if tag.casefold() not in new:
            _log(session, contact, "tag_removed", tag, now, source)


def has(tag: str) -> ColumnElement[bool]:
    """A condition: the contact has the tag, in capitals or not.

    The list is compared as its JSON text: in it a whole element stands between bare quotes, an inner quote never does.
    """
    found: ColumnElement[bool] = cast(Contact.tags, Text).icontains(orjson.dumps(tag).decode(), autoescape=True)
    return found


def used(session: Session, account_id: int, newest: int = 1_000) -> list[str]:
    """Return the tags that the newest contacts have, to choose from."""
    lists = session.scalars(
        select(Contact.tags).where(Contact.account_id == account_id).order_by(Contact.created_at.desc()).limit(newest)
    )
    return sorted({tag for tags in lists for tag in tags}, key=str.casefold)


def _find(contact: Contact, tag: str) -> str | None:
    """The tag as the contact has it."""
    return next((one for one in contact.tags if one.casefold() == tag.casefold()), None)


def _log(session: Session, contact: Contact, kind: str, tag: str, now: datetime, source: str) -> None:
    contact.updated_at = now
    session.add(
        ContactLog(account_id=contact.account_id, contact_id=contact.id, at=now, kind=kind, text=tag, source=source)
    )
