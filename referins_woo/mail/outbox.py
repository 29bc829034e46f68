"""Puts messages into the outbox: a row, once, and a bell after the commit."""

from __future__ import annotations

import secrets
from datetime import datetime
from typing import Any, Final

from sqlalchemy.orm import Session

from referins_woo import clock, queues
from referins_woo.db import insert
from referins_woo.mail.models import BULK, URGENT, Message

PERSONAL: Final = 0
"""In place of an account: e-mails to a person who signs in. No account's lists show them."""


def put(
    session: Session,
    *,
    account_id: int,
    once_key: str,
    purpose: str,
    to_email: str,
    template: dict[str, Any],
    facts: dict[str, Any],
    to_name: str = "",
    from_name: str = "",
    reply_to: str = "",
    store_id: int | None = None,
    run_id: int | None = None,
    contact_id: int | None = None,
    due_at: datetime | None = None,
    not_after: datetime | None = None,
    footer: dict[str, Any] | None = None,
    automation_id: int | None = None,
    step_id: str = "",
    campaign: str = "",
    link_token: str | None = None,
    bulk: bool = False,
) -> int | None:
    """Put one message; returns its id, or None where its once key exists already.

    `footer`: who writes ({"sender", "address"}), for marketing. `campaign`: what `utm_campaign` says in its
    links. `link_token`: where its text holds it. `bulk`: it may wait behind what orders brought
    about, as marketing does.
    """
    row = {name: value for name, value in locals().items() if name not in ("session", "due_at", "bulk")}
    row["link_token"] = None if purpose == "system" else link_token or secrets.token_urlsafe(24)
    row["lane"] = BULK if bulk or purpose == "marketing" else URGENT
    statement = insert(session, Message).values(**row, due_at=due_at or clock.now())
    message_id: int | None = session.execute(
        statement.on_conflict_do_nothing(index_elements=["account_id", "once_key"]).returning(Message.id)
    ).scalar_one_or_none()
    if message_id is not None:
        queues.ring_after_commit(session, "send_messages")
    return message_id
