"""Puts messages into the outbox: a row, once, and a bell after the commit."""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from dataclasses import dataclass, fields
from datetime import datetime
from operator import attrgetter
from typing import Any, Final

from sqlalchemy.orm import Session

from referins_woo import clock, queues
from referins_woo.commerce.upsert.bulk import insert_rows
from referins_woo.db import insert
from referins_woo.mail.models import BULK, URGENT, Message

PERSONAL: Final = 0
"""In place of an account: e-mails to a person who signs in. No account's lists show them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Letter:
    """A message as its writer gives it."""

    account_id: int
    once_key: str
    purpose: str
    to_email: str
    template: dict[str, Any]
    facts: dict[str, Any]
    to_name: str = ""
    from_name: str = ""
    reply_to: str = ""
    store_id: int | None = None
    run_id: int | None = None
    contact_id: int | None = None
    not_after: datetime | None = None
    footer: dict[str, Any] | None = None
    """Who writes ({"sender", "address"}), for marketing."""
    automation_id: int | None = None
    step_id: str = ""
    campaign: str = ""
    """What `utm_campaign` says in its links."""


_GIVEN: Final = tuple(field.name for field in fields(Letter))
_values: Final = attrgetter(*_GIVEN)
_COLUMNS: Final = (
    *_GIVEN,
    *("link_token", "lane", "due_at", "created_at", "state", "reason", "attempts", "subject", "lease_token"),
    *("rfc_message_id", "provider_reply", "measured"),
)


def put_all(session: Session, letters: Sequence[Letter]) -> None:
    """Put messages that are due now, each once by its once key."""
    if not letters:
        return
    now = clock.now()
    rows = [
        (*_values(one), _token(one.purpose), _lane(one.purpose), now, now, "created", "", 0, "", "", "", "", False)
        for one in letters
    ]
    insert_rows(session, Message, _COLUMNS, rows, conflict=("account_id", "once_key"))
    queues.ring_after_commit(session, "send_messages")


def put(
    session: Session,
    letter: Letter,
    *,
    due_at: datetime | None = None,
    link_token: str | None = None,
    bulk: bool = False,
) -> int | None:
    """Put one message; returns its id, or None where its once key exists already.

    `link_token`: where its text holds it. `bulk`: it may wait behind what orders brought about, as marketing does.
    """
    row = dict(zip(_GIVEN, _values(letter), strict=True))
    row["link_token"] = link_token or _token(letter.purpose)
    row["lane"] = BULK if bulk else _lane(letter.purpose)
    statement = insert(session, Message).values(**row, due_at=due_at or clock.now())
    message_id: int | None = session.execute(
        statement.on_conflict_do_nothing(index_elements=["account_id", "once_key"]).returning(Message.id)
    ).scalar_one_or_none()
    if message_id is not None:
        queues.ring_after_commit(session, "send_messages")
    return message_id


def _token(purpose: str) -> str | None:
    return None if purpose == "system" else secrets.token_urlsafe(24)


def _lane(purpose: str) -> int:
    return BULK if purpose == "marketing" else URGENT
