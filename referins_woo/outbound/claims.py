"""Claims of calls in the database: a lease on rows that stay `waiting`, taken in turns, and what became of them.

When a holder dies its lease runs out and the call is made again, with the same `webhook-id`: at least once. An endpoint
that failed rests; then one call tries it, and all that waits goes out once it answers again.
"""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from sqlalchemy import Row, exists, literal_column, or_, select, update
from sqlalchemy.orm import Session

from referins_woo import queues
from referins_woo.db import is_postgresql
from referins_woo.outbound.calling import Outcome
from referins_woo.outbound.models import WebhookAttempt, WebhookCall, WebhookEndpoint

LEASE: Final = timedelta(seconds=60)
"""Longer than a call takes."""
PAUSES: Final = (
    *(timedelta(seconds=5), timedelta(minutes=1), timedelta(minutes=5), timedelta(minutes=30), timedelta(hours=2)),
    *(timedelta(hours=hours) for hours in (5, 10, 14, 20, 20)),
)
"""After each failure of a call: three days in all. Then it has failed."""
OLDEST: Final = timedelta(days=3, hours=12)
"""A call that is older is tried once more, and then has failed."""
DISABLED_AFTER: Final = timedelta(days=3)
"""An endpoint that took nothing for so long is switched off."""
AT_ONCE: Final = 4
"""Calls to one endpoint at the same time."""
_FIRST_REST: Final = timedelta(seconds=5)
_LONGEST_REST: Final = timedelta(minutes=5)
_WORDS: Final = {"gone": "It was answered 410: gone.", "failing": "The endpoint had not answered for three days."}

Claimed = Row[Any]
_IS_WAITING = WebhookCall.state == literal_column("'waiting'")
"""Literal, so that both databases see that the partial index applies."""


@dataclass(frozen=True, slots=True)
class _Ready:
    """An endpoint that has calls waiting."""

    id: int
    account_id: int
    failures: int


def any_due(session: Session, now: datetime) -> bool:
    """Whether a call waits that could be made now."""
    return bool(_ready(session, now, limit=1))


def claim(
    session: Session, token: str, now: datetime, limit: int, in_flight: Mapping[int, int], last_account: int
) -> list[Claimed]:
    """Lease up to `limit` due calls and return them with their endpoints' addresses and secrets, accounts in turn.

    `in_flight`: how many calls of which endpoint this process is making.
    """
    ids: list[int] = []
    for endpoint in _in_turns(_ready(session, now), last_account):
        room = (1 if endpoint.failures else AT_ONCE) - in_flight.get(endpoint.id, 0)
        if room <= 0:
            continue
        ids += _due_calls(session, endpoint.id, now, min(room, limit - len(ids)))
        if len(ids) >= limit:
            break
    if not ids:
        return []
    mine = session.scalars(
        update(WebhookCall)
        .where(WebhookCall.id.in_(ids), _IS_WAITING, _is_free(now))
        .values(lease_token=token, lease_until=now + LEASE)
        .returning(WebhookCall.id)
        .execution_options(synchronize_session=False)
    ).all()
    return list(
        session.execute(
            select(
                *(WebhookCall.id, WebhookCall.account_id, WebhookCall.endpoint_id, WebhookCall.webhook_id),
                *(WebhookCall.body, WebhookCall.attempts, WebhookCall.created_at),
                *(WebhookEndpoint.url, WebhookEndpoint.secret_locked),
                *(WebhookEndpoint.previous_secret_locked, WebhookEndpoint.previous_secret_until),
            )
            .join(WebhookEndpoint, WebhookEndpoint.id == WebhookCall.endpoint_id)
            .where(WebhookCall.id.in_(mine))
            .order_by(WebhookCall.id)
        )
    )


def record(session: Session, token: str, call: Claimed, outcome: Outcome, now: datetime) -> None:
    """Write what became of a call, and what that says of its endpoint. Nothing where another worker has it by now."""
    endpoint = session.get_one(WebhookEndpoint, call.endpoint_id, with_for_update=True)
    values: dict[str, Any] = {
        "attempts": WebhookCall.attempts + 1,
        "status": outcome.status,
        "error": outcome.error[:500],
        "lease_until": None,
    }
    if not outcome.error:
        values |= {"state": "delivered", "done_at": now}
    elif outcome.is_gone or call.attempts >= len(PAUSES) or now - call.created_at > OLDEST:
        values |= {"state": "failed", "done_at": now}
    else:
        pause = PAUSES[call.attempts] * random.uniform(0.8, 1.2)  # noqa: S311 - only spreads what failed together
        values["due_at"] = now + max(pause, outcome.wait or timedelta())
    changed = session.execute(
        update(WebhookCall)
        .where(WebhookCall.id == call.id, WebhookCall.lease_token == token, _IS_WAITING)
        .values(values)
        .execution_options(synchronize_session=False)
    )
    if changed.rowcount != 1:  # type: ignore[attr-defined]
        return
    session.add(
        WebhookAttempt(
            call_id=call.id,
            at=now,
            status=outcome.status,
            error=outcome.error[:500],
            milliseconds=outcome.milliseconds,
        )
    )
    if outcome.error:
        _failed(session, endpoint, outcome, now)
    else:
        _answered(session, endpoint, now)


def release(session: Session, token: str, ids: Sequence[int]) -> None:
    """Give back calls that were claimed and not made."""
    session.execute(
        update(WebhookCall)
        .where(WebhookCall.id.in_(ids), WebhookCall.lease_token == token, _IS_WAITING)
        .values(lease_until=None)
        .execution_options(synchronize_session=False)
    )


def _answered(session: Session, endpoint: WebhookEndpoint, now: datetime) -> None:
    endpoint.last_success_at = now
    if endpoint.failures:
        endpoint.failures, endpoint.failing_since, endpoint.rest_until = 0, None, None
        session.execute(
            update(WebhookCall)
            .where(WebhookCall.endpoint_id == endpoint.id, _IS_WAITING, WebhookCall.due_at > now)
            .values(due_at=now)
            .execution_options(synchronize_session=False)
        )


def _failed(session: Session, endpoint: WebhookEndpoint, outcome: Outcome, now: datetime) -> None:
    endpoint.failures += 1
    endpoint.failing_since = endpoint.failing_since or now
    rest = min(_LONGEST_REST, _FIRST_REST * 2 ** min(endpoint.failures - 1, 10))
    endpoint.rest_until = now + max(rest * random.uniform(0.8, 1.2), outcome.wait or timedelta())  # noqa: S311
    if endpoint.state != "enabled":
        return
    if outcome.is_gone:
        _disable(session, endpoint, "gone", now)
    elif now - endpoint.failing_since >= DISABLED_AFTER:
        _disable(session, endpoint, "failing", now)


def _disable(session: Session, endpoint: WebhookEndpoint, reason: str, now: datetime) -> None:
    """Switch an endpoint off; what waits for it has failed, and its owners are told."""
    endpoint.state, endpoint.disabled_reason, endpoint.disabled_at, endpoint.told_at = "disabled", reason, now, None
    session.execute(
        update(WebhookCall)
        .where(WebhookCall.endpoint_id == endpoint.id, _IS_WAITING)
        .values(state="failed", error=_WORDS[reason], done_at=now, lease_until=None)
        .execution_options(synchronize_session=False)
    )
    queues.ring_after_commit(session, "tell_of_webhook", endpoint.id)


def _is_free(now: datetime) -> Any:
    return or_(WebhookCall.lease_until.is_(None), WebhookCall.lease_until <= now)


def _ready(session: Session, now: datetime, limit: int = 500) -> list[_Ready]:
    due = exists().where(
        WebhookCall.endpoint_id == WebhookEndpoint.id, _IS_WAITING, WebhookCall.due_at <= now, _is_free(now)
    )
    rows = session.execute(
        select(WebhookEndpoint.id, WebhookEndpoint.account_id, WebhookEndpoint.failures)
        .where(
            WebhookEndpoint.state == "enabled",
            or_(WebhookEndpoint.rest_until.is_(None), WebhookEndpoint.rest_until <= now),
            due,
        )
        .order_by(WebhookEndpoint.last_success_at, WebhookEndpoint.id)
        .limit(limit)
    )
    return [_Ready(*row) for row in rows]


def _in_turns(ready: list[_Ready], last_account: int) -> list[_Ready]:
    """Return the endpoints with the accounts taking turns, beginning after `last_account`."""
    ranked, seen = [], dict[int, int]()
    for one in ready:
        place = seen[one.account_id] = seen.get(one.account_id, -1) + 1
        ranked.append((place, one.account_id <= last_account, one.account_id, one.id, one))
    return [each[-1] for each in sorted(ranked, key=lambda each: each[:-1])]


def _due_calls(session: Session, endpoint_id: int, now: datetime, limit: int) -> list[int]:
    wanted = (
        select(WebhookCall.id)
        .where(WebhookCall.endpoint_id == endpoint_id, _IS_WAITING, WebhookCall.due_at <= now, _is_free(now))
        .order_by(WebhookCall.due_at, WebhookCall.id)
        .limit(limit)
    )
    if is_postgresql(session):
        wanted = wanted.with_for_update(skip_locked=True)
    return list(session.scalars(wanted))
