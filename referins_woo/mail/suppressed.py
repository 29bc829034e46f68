"""The account's list of addresses that get no mail: looked through, added to and taken from by hand (E3).

What a person said is not the merchant's to undo: whoever unsubscribed comes back by their own word alone, and who was
erased stays out. A bounce may have been a mistake; a complaint, once taken off, still leaves them unsubscribed.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from referins_woo.commerce.matching import email_key, usable_email
from referins_woo.commerce.models import Contact
from referins_woo.errors import InvalidInput
from referins_woo.mail import consent, suppression
from referins_woo.mail.models import ConsentEvent, Suppression

PAGE: Final = 50
REASONS: Final = {
    "bounced": "Bounced",
    "complained": "Complained",
    "unsubscribed": "Unsubscribed",
    suppression.BLOCKED: "Blocked by hand",
    "erased": "Erased here",
    "erased_in_store": "Erased in the store",
}
KEEPS: Final = {
    "unsubscribed": "Only the person can take this back, on their preference page or by a new consent.",
    "erased": "This person was erased: they stay out.",
    "erased_in_store": "The store erased this person: they stay out.",
}
"""Reasons that nobody here may take off, and why."""
_LONGEST_NOTE: Final = 500


@dataclass(frozen=True, slots=True)
class Listed:
    """One page of the list."""

    rows: Sequence[Suppression]
    total: int
    after: int | None
    """Where the next page begins; None: there is none."""


def page(session: Session, account_id: int, q: str = "", reason: str = "", after: int | None = None) -> Listed:
    """Return a page of the addresses that hold `q`, the newest first."""
    found = _wanted(account_id, q, reason)
    total = session.scalar(select(func.count()).select_from(found.subquery())) or 0
    if after is not None:
        found = found.where(Suppression.id < after)
    rows = session.scalars(found.order_by(Suppression.id.desc()).limit(PAGE + 1)).all()
    return Listed(rows[:PAGE], total, rows[PAGE - 1].id if len(rows) > PAGE else None)


def every(session: Session, account_id: int, q: str = "", reason: str = "") -> Iterator[Suppression]:
    """Yield all of them, for a file."""
    yield from session.scalars(
        _wanted(account_id, q, reason).order_by(Suppression.id.desc()).execution_options(yield_per=500)
    )


def add(session: Session, account_id: int, email: str, note: str) -> str:
    """Block an address by hand; returns it as it is kept. Raises InvalidInput."""
    key = email_key(email)
    if not usable_email(email):
        raise InvalidInput("email", "This is no e-mail address: type it like ana@example.com.")
    had = session.scalar(select(Suppression).where(Suppression.account_id == account_id, Suppression.email_key == key))
    if had is not None and had.reason in suppression.FOR_GOOD:
        raise InvalidInput("email", f"This address is on the list already: {REASONS[had.reason].lower()}.")
    suppression.suppress(session, account_id, email, suppression.BLOCKED, note=_note("note", note))
    return key


def remove(session: Session, row: Suppression, why: str, now: datetime) -> None:
    """Take an address off, for a reason that is kept in its contacts' ledger. Raises InvalidInput."""
    if row.reason in KEEPS:
        raise InvalidInput("why", KEEPS[row.reason])
    why = _note("why", why)
    if not why:
        raise InvalidInput("why", "Say why: it is kept in the ledger of consent.")
    reason = row.reason
    contacts = session.scalars(
        select(Contact).where(Contact.account_id == row.account_id, Contact.email_key == row.email_key)
    ).all()
    if reason == consent.COMPLAINED:
        row.reason, row.note = consent.UNSUBSCRIBED, f"Complained before. {why}"
    else:
        session.delete(row)
    for contact in contacts:
        if contact.consent != reason:
            continue
        state = consent.UNSUBSCRIBED if reason == consent.COMPLAINED else _before(session, contact, reason)
        session.add(
            ConsentEvent(
                account_id=contact.account_id,
                contact_id=contact.id,
                email_key=contact.email_key,
                state=state,
                source="taken off the suppression list",
                wording=why,
                occurred_at=now,
                recorded_at=now,
            )
        )
        contact.consent, contact.consent_at, contact.consent_source = state, now, "taken off the suppression list"
        contact.updated_at = now


def _before(session: Session, contact: Contact, reason: str) -> str:
    """What the contact had said themselves before mail came back; `unknown` where nothing."""
    said = (consent.SUBSCRIBED, consent.UNSUBSCRIBED)
    newest = (
        select(ConsentEvent.state)
        .where(ConsentEvent.contact_id == contact.id, ConsentEvent.applied, ConsentEvent.state.in_(said))
        .order_by(ConsentEvent.occurred_at.desc(), ConsentEvent.id.desc())
        .limit(1)
    )
    return session.scalar(newest) or "unknown"


def _wanted(account_id: int, q: str, reason: str) -> Any:
    found = select(Suppression).where(Suppression.account_id == account_id)
    if q.strip():
        words = email_key(q).replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
        found = found.where(Suppression.email_key.like(f"%{words}%", escape="\\"))
    return found.where(Suppression.reason == reason) if reason in REASONS else found


def _note(field: str, text: str) -> str:
    text = " ".join(text.split())
    if len(text) > _LONGEST_NOTE:
        raise InvalidInput(field, f"At most {_LONGEST_NOTE} characters.")
    return text
