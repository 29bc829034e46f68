"""Asking people whom a file calls subscribed whether they are: one e-mail, and their answer is the consent (E3).

Opening the link changes nothing, because scanners open all of them; a click on its page does.
"""

from __future__ import annotations

import secrets
from datetime import datetime
from typing import Final

from sqlalchemy import select
from sqlalchemy.orm import Session

from referins_woo.commerce.models import Contact
from referins_woo.mail import consent, outbox, permission, suppression
from referins_woo.mail.consent import Word
from referins_woo.mail.models import ConsentEvent, Message, MessageEvent

WORDING: Final = "Send me e-mails with news and offers from {sender}"
_KEY: Final = "confirm:"


def ask(
    session: Session, contact: Contact, *, asked_by: str, sender: str, address: str, source: str, public_url: str
) -> bool:
    """Ask once for each `asked_by` (a file); False: they are not asked, because they have said something already."""
    if contact.consent not in ("unknown", "") or not contact.email:
        return False
    said = select(ConsentEvent.id).where(
        ConsentEvent.account_id == contact.account_id, ConsentEvent.email_key == contact.email_key
    )
    asked = (contact.account_id, contact.email, "marketing")
    stops = suppression.reasons(session, [asked]).get(asked, "")
    if stops not in ("", suppression.NO_CONSENT) or session.scalar(said.limit(1)) is not None:
        return False
    token = secrets.token_urlsafe(24)
    facts = {"sender": sender, "address": address, "source": source, "link": f"{public_url}/confirm/{token}"}
    put = outbox.put(
        session,
        outbox.Letter(
            account_id=contact.account_id,
            once_key=f"{_KEY}{asked_by}:{contact.id}"[:120],
            purpose="transactional",
            to_email=contact.email,
            to_name=contact.name,
            from_name=sender,
            contact_id=contact.id,
            template={"email": "confirm_subscription"},
            facts=facts,
        ),
        link_token=token,
        bulk=True,
    )
    return put is not None


def question_of(session: Session, token: str) -> Message | None:
    """Return the e-mail that asked, by the token in its link; None where there is none, or its person was erased."""
    found = permission.message_of(session, token)
    return found if found is not None and found.once_key.startswith(_KEY) else None


def confirm(session: Session, message: Message, now: datetime) -> None:
    """They said yes; said twice it is the same."""
    if permission.is_subscribed(session, message):
        return
    word = Word(consent.SUBSCRIBED, now, "confirmed by e-mail", WORDING.format(sender=message.from_name))
    consent.note_address(session, message.account_id, message.to_email, word, now)
    session.add(MessageEvent(account_id=message.account_id, message_id=message.id, kind="subscribed", at=now))
