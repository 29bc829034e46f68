"""Tells webhooks what became of e-mails. Sending is the busiest loop there is: who wants to know is asked per batch."""

from __future__ import annotations

from sqlalchemy.orm import Session

from referins_woo.mail.models import Message
from referins_woo.outbound import outbox

_TYPES = {"sent": "message.sent", "failed": "message.failed"}


def tell(session: Session, message_id: int, state: str, listening: dict[int, dict[str, list[int]]]) -> None:
    """Tell what became of a message, in the unit that writes it down; `listening`: `outbox.wanted` by account."""
    event_type = _TYPES.get(state, "")
    if not any(event_type in wanted for wanted in listening.values()):
        return
    message = session.get(Message, message_id, populate_existing=True)
    endpoints = listening.get(message.account_id, {}).get(event_type) if message is not None else None
    if message is None or not endpoints or message.state != state or message.purpose == "system":
        return
    outbox.put(
        session,
        message.account_id,
        event_type,
        f"message:{message.id}:{state}",
        {
            "message": {
                "id": message.id,
                "run_id": message.run_id,
                "contact_id": message.contact_id,
                "purpose": message.purpose,
                "subject": message.subject[:500],
                "state": message.state,
                "reason": message.reason[:500] or None,
            }
        },
        occurred_at=message.sent_at,
        contact_id=message.contact_id,
        endpoints=endpoints,
    )
