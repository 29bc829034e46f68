"""What recipients do with the links below a marketing e-mail: no more of it, or some again (E3, RFC 8058)."""

from __future__ import annotations

from datetime import datetime
from typing import Final

from sqlalchemy import select
from sqlalchemy.orm import Session

from referins_woo.mail import consent
from referins_woo.mail.consent import Word
from referins_woo.mail.models import Message, MessageEvent

_LONGEST_TOKEN: Final = 40


def message_of(session: Session, token: str) -> Message | None:
    """Return the message whose links carry `token`; None where there is none, or its person was erased."""
    if not token or len(token) > _LONGEST_TOKEN:
        return None
    found = session.scalar(select(Message).where(Message.link_token == token))
    return found if found is not None and found.to_email else None


def is_subscribed(session: Session, message: Message) -> bool:
    """Whether the recipient gets marketing of this account now."""
    return consent.is_subscribed(session, message.account_id, message.to_email)


def unsubscribe(session: Session, message: Message, now: datetime, source: str) -> None:
    """No more marketing of this account to this address; effective from the commit on, also for what waits."""
    word = Word(consent.UNSUBSCRIBED, now, source)
    consent.note_address(session, message.account_id, message.to_email, word, now)
    session.add(MessageEvent(account_id=message.account_id, message_id=message.id, kind="unsubscribed", at=now))


def subscribe_again(session: Session, message: Message, now: datetime, wording: str) -> None:
    """The recipient wants marketing of this account after all, and said so on our page."""
    word = Word(consent.SUBSCRIBED, now, "preference page", wording)
    consent.note_address(session, message.account_id, message.to_email, word, now)
    session.add(MessageEvent(account_id=message.account_id, message_id=message.id, kind="subscribed", at=now))
