"""Endpoints of webhooks: made, changed, switched off and on, their secrets changed. Every call is scoped by account."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Final

from sqlalchemy import func, select, update
from sqlalchemy.orm import Session

from referins_woo import queues
from referins_woo.config import Config
from referins_woo.crypto import Vault
from referins_woo.errors import Final as FinalError
from referins_woo.errors import InvalidInput
from referins_woo.outbound import address, signing
from referins_woo.outbound.catalogue import EVENT_TYPES
from referins_woo.outbound.models import WebhookAttempt, WebhookCall, WebhookEndpoint

MOST: Final = 20
"""Endpoints of one account."""
LONGEST_DESCRIPTION: Final = 200
BOTH_SIGN: Final = timedelta(hours=24)
"""After a change of the secret, the previous one signs too for so long."""


def create(
    session: Session,
    config: Config,
    vault: Vault,
    account_id: int,
    url: str,
    event_types: Sequence[str],
    description: str,
    now: datetime,
) -> WebhookEndpoint:
    """Make an endpoint with a new secret. Raises InvalidInput."""
    there = session.scalar(
        select(func.count()).select_from(WebhookEndpoint).where(WebhookEndpoint.account_id == account_id)
    )
    if (there or 0) >= MOST:
        raise InvalidInput("url", f"An account has at most {MOST} endpoints: delete one first.")
    made = WebhookEndpoint(
        account_id=account_id,
        url=address.checked(url, config),
        description=_description(description),
        event_types=_types(event_types),
        state="enabled",
        secret_locked=vault.lock(signing.new_secret()),
        failures=0,
        created_at=now,
        updated_at=now,
    )
    session.add(made)
    session.flush()
    return made


def change(
    endpoint: WebhookEndpoint,
    config: Config,
    now: datetime,
    *,
    url: str | None = None,
    event_types: Sequence[str] | None = None,
    description: str | None = None,
) -> None:
    """Change what is given. A new address begins with a clean record. Raises InvalidInput."""
    if url is not None and (checked := address.checked(url, config)) != endpoint.url:
        endpoint.url = checked
        _forgive(endpoint)
    if event_types is not None:
        endpoint.event_types = _types(event_types)
    if description is not None:
        endpoint.description = _description(description)
    endpoint.updated_at = now


def disable(endpoint: WebhookEndpoint, now: datetime) -> None:
    """Switch an endpoint off by hand: nothing new is put for it; what waits stays until it is switched on."""
    if endpoint.state == "enabled":
        endpoint.state, endpoint.disabled_reason, endpoint.disabled_at = "disabled", "by_hand", now
        endpoint.updated_at = now


def enable(session: Session, endpoint: WebhookEndpoint, now: datetime) -> None:
    """Switch an endpoint on, with a clean record; what waited goes out."""
    if endpoint.state == "enabled":
        return
    endpoint.state, endpoint.disabled_reason, endpoint.disabled_at, endpoint.told_at = "enabled", "", None, None
    _forgive(endpoint)
    endpoint.updated_at = now
    queues.ring_after_commit(session, "send_calls")


def rotate_secret(endpoint: WebhookEndpoint, vault: Vault, now: datetime) -> None:
    """Make a new secret; for a day calls are signed by both, so that the receiver can change over in peace."""
    endpoint.previous_secret_locked, endpoint.previous_secret_until = endpoint.secret_locked, now + BOTH_SIGN
    endpoint.secret_locked = vault.lock(signing.new_secret())
    endpoint.updated_at = now


def retry(session: Session, call: WebhookCall, now: datetime) -> None:
    """Make a call again now, whatever became of it. Raises Final where its endpoint is switched off."""
    endpoint = session.get_one(WebhookEndpoint, call.endpoint_id)
    if endpoint.state != "enabled":
        raise FinalError("This endpoint is switched off: switch it on first.")
    endpoint.rest_until = None
    session.execute(
        update(WebhookCall)
        .where(WebhookCall.id == call.id)
        .values(state="waiting", attempts=0, due_at=now, done_at=None, lease_until=None)
        .execution_options(synchronize_session=False)
    )
    queues.ring_after_commit(session, "send_calls")


def retry_failed(session: Session, endpoint: WebhookEndpoint, now: datetime) -> int:
    """Make all failed calls of an endpoint again; returns how many. Raises Final where it is switched off."""
    if endpoint.state != "enabled":
        raise FinalError("This endpoint is switched off: switch it on first.")
    endpoint.rest_until = None
    changed = session.execute(
        update(WebhookCall)
        .where(WebhookCall.endpoint_id == endpoint.id, WebhookCall.state == "failed")
        .values(state="waiting", attempts=0, due_at=now, done_at=None, lease_until=None)
        .execution_options(synchronize_session=False)
    )
    queues.ring_after_commit(session, "send_calls")
    return int(changed.rowcount)  # type: ignore[attr-defined]


def attempts_of(session: Session, call_id: int) -> list[WebhookAttempt]:
    """Return the attempts of a call, newest first."""
    return list(
        session.scalars(
            select(WebhookAttempt).where(WebhookAttempt.call_id == call_id).order_by(WebhookAttempt.id.desc())
        )
    )


def _forgive(endpoint: WebhookEndpoint) -> None:
    endpoint.failures, endpoint.failing_since, endpoint.rest_until = 0, None, None


def _types(wanted: Sequence[str]) -> list[str]:
    unknown = sorted(set(wanted) - set(EVENT_TYPES))
    if unknown:
        raise InvalidInput("event_types", f"There is no event {unknown[0]!r}: choose among {', '.join(EVENT_TYPES)}.")
    if not wanted:
        raise InvalidInput("event_types", "Choose at least one event.")
    return [name for name in EVENT_TYPES if name in wanted]


def _description(text: str) -> str:
    trimmed = " ".join(text.replace("\x00", "").split())
    if len(trimmed) > LONGEST_DESCRIPTION:
        raise InvalidInput("description", f"The description has at most {LONGEST_DESCRIPTION} characters.")
    return trimmed
