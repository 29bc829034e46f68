"""Puts events into the outbox of webhooks: a row for each endpoint that wants them, in the caller's transaction.

Call it where the thing happens, in the unit in which it is written down: neither is then there without the other.
An import of history never comes here.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any, Final

import orjson
from sqlalchemy import select
from sqlalchemy.orm import Session

from referins_woo import clock, queues
from referins_woo.conditions import one_of
from referins_woo.db import insert
from referins_woo.outbound.calling import LARGEST_BODY
from referins_woo.outbound.catalogue import EVENT_TYPES, TEST, TEST_DATA
from referins_woo.outbound.models import WebhookCall, WebhookEndpoint

_T: Final = WebhookEndpoint.__table__.c
_ENABLED: Final = select(_T.account_id, _T.id, _T.event_types).where(
    one_of(_T.account_id, "account_ids"), _T.state == "enabled"
)


def wanted(session: Session, account_id: int) -> dict[str, list[int]]:
    """Return which types of event the account's endpoints want, and which endpoints: {} for most accounts."""
    return wanted_by(session, [account_id]).get(account_id, {})


def wanted_by(session: Session, account_ids: Iterable[int]) -> dict[int, dict[str, list[int]]]:
    """Return the same for several accounts, in one query."""
    found: dict[int, dict[str, list[int]]] = {}
    for account_id, endpoint_id, types in session.execute(_ENABLED, {"account_ids": set(account_ids)}):
        for event_type in types:
            found.setdefault(account_id, {}).setdefault(event_type, []).append(endpoint_id)
    return found


def put(
    session: Session,
    account_id: int,
    event_type: str,
    once_key: str,
    data: dict[str, Any],
    *,
    occurred_at: datetime | None = None,
    contact_id: int | None = None,
    endpoints: Iterable[int] | None = None,
) -> int:
    """Put an event for each endpoint that wants it, once each by `once_key`; returns for how many.

    `endpoints`: from `wanted`, where the caller has asked already. Raises LookupError for a type that is in no
    catalogue, ValueError for data larger than a body may be.
    """
    if event_type not in EVENT_TYPES and event_type != TEST:
        raise LookupError(f"there is no type {event_type!r} in referins_woo.outbound.catalogue.EVENT_TYPES")
    chosen = wanted(session, account_id).get(event_type, []) if endpoints is None else list(endpoints)
    if not chosen:
        return 0
    now = clock.now()
    body = _body(event_type, occurred_at or now, data)
    rows = [
        {
            "account_id": account_id,
            "endpoint_id": endpoint_id,
            "once_key": once_key,
            "event_type": event_type,
            "webhook_id": webhook_id(account_id, once_key),
            "contact_id": contact_id,
            "body": body,
            "state": "waiting",
            "attempts": 0,
            "due_at": now,
            "lease_token": "",
            "error": "",
            "created_at": now,
        }
        for endpoint_id in chosen
    ]
    session.execute(
        insert(session, WebhookCall).values(rows).on_conflict_do_nothing(index_elements=["endpoint_id", "once_key"])
    )
    queues.ring_after_commit(session, "send_calls")
    return len(rows)


def put_test(session: Session, endpoint: WebhookEndpoint) -> None:
    """Put a call that tells nothing but that the endpoint is reached."""
    now = clock.now()
    put(session, endpoint.account_id, TEST, f"test:{now.timestamp()}", TEST_DATA, endpoints=[endpoint.id])


def webhook_id(account_id: int, once_key: str) -> str:
    """Return the name of a message: the same at every attempt, and should its row ever be made again."""
    return "msg_" + hashlib.sha256(f"{account_id}:{once_key}".encode()).hexdigest()[:32]


def time_of(value: datetime | None) -> str | None:
    """Return a time as bodies write it."""
    return None if value is None else value.astimezone(UTC).isoformat().replace("+00:00", "Z")


def _body(event_type: str, at: datetime, data: dict[str, Any]) -> str:
    body = orjson.dumps({"type": event_type, "timestamp": time_of(at), "data": data})
    if len(body) > LARGEST_BODY:
        raise ValueError(f"the body of a {event_type} webhook would be {len(body)} bytes")
    return body.decode()
