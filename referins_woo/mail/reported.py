"""What providers and mail servers report of a message after it was sent: one place where it takes effect (E3)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Final

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from referins_woo.commerce.matching import email_key
from referins_woo.db import insert
from referins_woo.mail import consent
from referins_woo.mail.consent import Word
from referins_woo.mail.models import Message, MessageEvent

DELIVERED: Final = "delivered"
DELAYED: Final = "delayed"
KINDS: Final = (DELIVERED, DELAYED, consent.BOUNCED, consent.COMPLAINED, consent.UNSUBSCRIBED)

_SOURCES: Final = {
    consent.BOUNCED: "bounce",
    consent.COMPLAINED: "complaint to the mail provider",
    consent.UNSUBSCRIBED: "unsubscribed at the mail provider",
}


@dataclass(frozen=True, slots=True)
class Report:
    """One thing that is said of one message."""

    kind: str
    said: str = ""
    event_key: str | None = None
    """Names it, where who reports may say it again."""


def message_of(session: Session, message_ids: tuple[str, ...]) -> Message | None:
    """Return the message of ours with one of these Message-IDs (`<id.…@domain>`); None: it is none of ours."""
    numbers = [int(number) for one in message_ids if (number := one[1:].partition(".")[0]).isdigit()]
    if not numbers:
        return None
    found = select(Message).where(Message.id.in_(numbers), Message.rfc_message_id.in_(message_ids))
    return session.scalars(found.order_by(Message.id)).first()


def note(session: Session, message: Message, report: Report, now: datetime) -> bool:
    """Write a report down and let it take effect; False: it was told before, or its person was erased.

    An address that bounced or complained gets no more mail; of whom a message that nobody knew the fate of arrived,
    it is known now that it was sent.
    """
    if report.kind not in KINDS:
        raise ValueError(f"{report.kind!r} is nothing that is reported")
    if not message.to_email:
        return False
    added = session.execute(
        insert(session, MessageEvent)
        .values(
            account_id=message.account_id,
            message_id=message.id,
            kind=report.kind,
            at=now,
            detail=report.said,
            machine="",
            event_key=report.event_key,
        )
        .on_conflict_do_nothing(index_elements=["message_id", "event_key"])
        .returning(MessageEvent.id)
    ).scalar_one_or_none()
    if added is None:
        return False
    if report.kind != DELAYED:
        session.execute(
            update(Message)
            .where(Message.id == message.id, Message.state == "unknown")
            .values(state="sent", reason="", sent_at=now)
            .execution_options(synchronize_session=False)
        )
    source = _SOURCES.get(report.kind)
    if source is not None and message.purpose != "system":
        word = Word(report.kind, now, source, report.said)
        consent.note_address(session, message.account_id, message.to_email, word, now)
    return True


def is_for(message: Message, addresses: frozenset[str]) -> bool:
    """Whether a report about these addresses (as they compare) is about this message's."""
    return email_key(message.to_email) in addresses
