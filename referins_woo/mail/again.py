"""Sending an e-mail again by hand: what failed surely was not sent, what is unknown may arrive twice."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any, Final

from sqlalchemy import update
from sqlalchemy.orm import Session

from referins_woo import queues
from referins_woo.errors import Final as FinalError
from referins_woo.mail import suppression
from referins_woo.mail.models import Message

LATEST: Final = timedelta(days=7)
"""What was written longer ago is no longer true."""
STATES: Final = ("failed", "unknown")


def why_not(session: Session, message: Message, now: datetime) -> str:
    """Return why an e-mail cannot be sent again, as a sentence; "" where it can."""
    if message.state not in STATES:
        return "Only an e-mail that failed, or that was perhaps sent, can be sent again."
    if message.purpose == "system":
        return "E-mails from us are asked for anew where they were asked for."
    if not message.template:
        return "Its text is no longer kept."
    if now - message.created_at > LATEST:
        return f"It was written more than {LATEST.days} days ago."
    asked = (message.account_id, message.to_email, message.purpose)
    return suppression.WORDS.get(suppression.reasons(session, [asked]).get(asked, ""), "")


def send_again(session: Session, message: Message, now: datetime) -> None:
    """Put an e-mail back into the outbox, with the Message-ID that it had. Raises FinalError where it cannot be."""
    why = why_not(session, message, now)
    if why:
        raise FinalError(why)
    changed: Any = session.execute(
        update(Message)
        .where(Message.id == message.id, Message.state.in_(STATES))
        .values(state="created", reason="", attempts=0, due_at=now, not_after=None, lease_until=None, lease_token="")
        .execution_options(synchronize_session=False)
    )
    if changed.rowcount != 1:
        raise FinalError("It is being sent already.")
    queues.ring_after_commit(session, "send_messages")
