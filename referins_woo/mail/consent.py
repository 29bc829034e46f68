"""What contacts allow: a ledger of dated words with their source, and the state that follows from it (M10, E3).

Consent is raised by evidence alone: somebody's word, with its time and where it was said. An import from a store never
comes here. An older word never overrules a newer one, and a complaint or a bounce is lifted only by a newer "yes".
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from referins_woo.commerce.matching import email_key
from referins_woo.commerce.models import Contact
from referins_woo.errors import InvalidInput
from referins_woo.mail import suppression
from referins_woo.mail.models import ConsentEvent, Suppression
from referins_woo.outbound.contacts import tell_unsubscribed

SUBSCRIBED: Final = "subscribed"
UNSUBSCRIBED: Final = "unsubscribed"
BOUNCED: Final = "bounced"
COMPLAINED: Final = "complained"
STATES: Final = (SUBSCRIBED, UNSUBSCRIBED, BOUNCED, COMPLAINED)
_STOPS: Final = (BOUNCED, COMPLAINED)
_CLOCKS_DIFFER: Final = timedelta(minutes=5)
_LONGEST_SOURCE: Final = 100
_LONGEST_WORDING: Final = 2_000


@dataclass(frozen=True, slots=True)
class Word:
    """What was said about marketing: by the contact, or by a mail provider about the address."""

    state: str
    at: datetime
    source: str
    wording: str = ""


def checked(word: Word, now: datetime) -> Word:
    """Return `word` with blanks trimmed. Raises InvalidInput for what is no evidence: no source, a time to come."""
    if word.state not in STATES:
        raise InvalidInput("consent", f"Consent is one of {', '.join(STATES)}, not {word.state!r}.")
    source = " ".join(word.source.split())
    if not source:
        raise InvalidInput("consent_source", "Say where the consent was given, like “newsletter form in the shop”.")
    if len(source) > _LONGEST_SOURCE:
        raise InvalidInput("consent_source", f"The source is longer than {_LONGEST_SOURCE} characters: shorten it.")
    if word.at > now + _CLOCKS_DIFFER:
        raise InvalidInput("consent_at", "The time of the consent lies in the future: give the time when it was given.")
    return Word(word.state, word.at, source, word.wording.strip()[:_LONGEST_WORDING])


def wins(state: str, at: datetime, held: str, held_at: datetime | None) -> bool:
    """Whether a word said `at` changes what holds since `held_at`. Pure."""
    if held_at is not None and at < held_at:
        return False
    if state == UNSUBSCRIBED and held in _STOPS:
        return False  # they stop more
    return state != held or held_at is None or at > held_at


def note(session: Session, contact: Contact, word: Word, now: datetime, *, tell: bool = True) -> bool:
    """Write `word` into the ledger and apply it where it is the newest; returns whether it was applied.

    `tell`: webhooks are told of who unsubscribed (files of contacts tell nobody).

    `subscribed` takes the address off the account's suppressions, but for people who were erased or blocked by hand.
    Raises InvalidInput for a word that is no evidence.
    """
    word = checked(word, now)
    applied = wins(word.state, word.at, contact.consent, contact.consent_at)
    session.add(
        ConsentEvent(
            account_id=contact.account_id,
            contact_id=contact.id,
            email_key=contact.email_key,
            state=word.state,
            source=word.source,
            wording=word.wording,
            occurred_at=word.at,
            recorded_at=now,
            applied=applied,
        )
    )
    if not applied:
        return False
    contact.consent, contact.consent_at, contact.consent_source = word.state, word.at, word.source
    contact.updated_at = now
    if tell and word.state in (UNSUBSCRIBED, COMPLAINED):
        tell_unsubscribed(session, contact, word.source, word.at)
    if not contact.email_key:
        return True
    if word.state == SUBSCRIBED:
        session.execute(
            delete(Suppression).where(
                Suppression.account_id == contact.account_id,
                Suppression.email_key == contact.email_key,
                Suppression.reason != suppression.BLOCKED,
            )
        )
    else:
        suppression.suppress(session, contact.account_id, contact.email, word.state, _note(word))
    return True


def note_address(session: Session, account_id: int, email: str, word: Word, now: datetime) -> int:
    """Apply `word` to every contact of the account with that address, and to the address itself where it stops mail.

    Returns how many contacts heard it. Raises InvalidInput for a word that is no evidence.
    """
    word = checked(word, now)
    key = email_key(email)
    contacts = session.scalars(select(Contact).where(Contact.account_id == account_id, Contact.email_key == key)).all()
    for contact in contacts:
        note(session, contact, word, now)
    if word.state != SUBSCRIBED and key:
        suppression.suppress(session, account_id, email, word.state, _note(word))
    return len(contacts)


def _note(word: Word) -> str:
    """What the list of suppressed addresses says beside an address."""
    return f"{word.source}: {word.wording}"[:_LONGEST_WORDING] if word.wording else word.source


def is_subscribed(session: Session, account_id: int, email: str) -> bool:
    """Whether a contact with that address is subscribed, and nothing keeps the address out of marketing."""
    asked = (account_id, email, "marketing")
    return asked not in suppression.reasons(session, [asked])


def history(session: Session, account_id: int, contact_id: int) -> list[ConsentEvent]:
    """Return all that was said by and of a contact, newest first."""
    found = select(ConsentEvent).where(ConsentEvent.account_id == account_id, ConsentEvent.contact_id == contact_id)
    return list(session.scalars(found.order_by(ConsentEvent.occurred_at.desc(), ConsentEvent.id.desc())))
