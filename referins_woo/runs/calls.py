"""Sends the calls of webhooks that steps asked for: signed by Standard Webhooks, and again until they are taken.

A call is claimed by a lease and committed before the address is asked, so no connection to the database waits for it.
The receiver may get a call twice (an answer may be lost); `webhook-id` is the same each time, that is what it is for.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from typing import Any, Final

import orjson
import structlog
from sqlalchemy import literal_column, or_, select, update
from sqlalchemy.orm import Session

from referins_woo import clock, lease
from referins_woo.config import Config
from referins_woo.db import insert
from referins_woo.outbound import calling, signing
from referins_woo.process import Process
from referins_woo.runs.models import Rules, RunCall

log = structlog.get_logger(__name__)

PAUSES: Final = tuple(timedelta(seconds=one) for one in (5, 60, 5 * 60, 30 * 60, 2 * 3600, 5 * 3600, 10 * 3600))
"""How long after each failure it is tried again; after the last it is given up."""
_BATCH: Final = 20
_AT_ONCE: Final = 5
_LEASE: Final = timedelta(minutes=5)
_LONGEST_ERROR: Final = 300


def send_batch(current: Process) -> int:
    """Send up to a batch of due calls; returns how many were claimed."""
    token = lease.new_holder()
    with current.database.unit() as session:
        now = clock.now()
        claimed = _claim(session, token, now)
        secret = {account_id: signing_secret(session, current, account_id) for account_id in _accounts(claimed)}
    if not claimed:
        return 0
    with ThreadPoolExecutor(min(_AT_ONCE, len(claimed)), "call-webhook") as pool:
        answers = list(pool.map(lambda call: _send(current.config, call, secret[call.account_id]), claimed))
    with current.database.unit() as session:
        for call, (status, error) in zip(claimed, answers, strict=True):
            _record(session, token, call, status, error)
    return len(claimed)


def signing_secret(session: Session, current: Process, account_id: int) -> str:
    """Return what the account's calls are signed with (`whsec_…`); made when it is first asked for."""
    wanted = select(Rules.call_secret_locked).where(Rules.account_id == account_id)
    locked = session.scalar(wanted)
    if locked is None:
        made = current.vault.lock(signing.new_secret())
        statement = insert(session, Rules).values(account_id=account_id, call_secret_locked=made)
        session.execute(
            statement.on_conflict_do_update(
                index_elements=["account_id"],
                set_={"call_secret_locked": made},
                where=Rules.call_secret_locked.is_(None),
            )
        )
        locked = session.scalar(wanted)
    return current.vault.unlock(str(locked))


def calls_due(session: Session, now: datetime) -> bool:
    """Whether a call waits that nobody is sending."""
    return session.scalar(select(RunCall.id).where(*_due(now)).limit(1)) is not None


def _due(now: datetime) -> tuple[Any, ...]:
    # Literal, so that both databases see that the partial index applies.
    free = or_(RunCall.lease_until.is_(None), RunCall.lease_until <= now)
    return RunCall.state == literal_column("'waiting'"), RunCall.due_at <= now, free


def _claim(session: Session, token: str, now: datetime) -> list[Any]:
    ids = session.scalars(
        select(RunCall.id)
        .where(*_due(now))
        .order_by(RunCall.due_at, RunCall.id)
        .limit(_BATCH)
        .with_for_update(skip_locked=True)
    ).all()
    if not ids:
        return []
    return list(
        session.execute(
            update(RunCall)
            .where(RunCall.id.in_(ids))
            .values(lease_token=token, lease_until=now + _LEASE, attempts=RunCall.attempts + 1)
            .returning(
                *(RunCall.id, RunCall.account_id, RunCall.run_id, RunCall.step_id, RunCall.url, RunCall.payload),
                *(RunCall.attempts, RunCall.created_at),
            )
            .execution_options(synchronize_session=False)
        )
    )


def _accounts(claimed: list[Any]) -> set[int]:
    return {call.account_id for call in claimed}


def _send(config: Config, call: Any, secret: str) -> tuple[int | None, str]:
    """Return the status and, where the call was not taken, why."""
    document = {**call.payload, "timestamp": call.created_at.isoformat().replace("+00:00", "Z")}
    body = orjson.dumps(document).decode()
    outcome = calling.call(config, call.url, [secret], f"msg_{call.run_id}_{call.step_id}", body)
    return outcome.status, outcome.error


def _record(session: Session, token: str, call: Any, status: int | None, error: str) -> None:
    now = clock.now()
    values: dict[str, Any] = {"status": status, "error": error[:_LONGEST_ERROR], "lease_until": None}
    if not error:
        values |= {"state": "done", "done_at": now}
    elif status == calling.GONE or call.attempts > len(PAUSES):
        values |= {"state": "failed", "done_at": now}
    else:
        values["due_at"] = now + PAUSES[call.attempts - 1]
    session.execute(
        update(RunCall)
        .where(RunCall.id == call.id, RunCall.lease_token == token, RunCall.state == "waiting")
        .values(values)
        .execution_options(synchronize_session=False)
    )
    if error:
        log.info("webhook of an automation not taken", call_id=call.id, attempts=call.attempts, why=error)
