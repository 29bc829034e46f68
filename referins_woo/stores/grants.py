"""WooCommerce's own permission page: a merchant goes there, keys come back by a POST, and are tried before they count.

The POST is answered at once and the keys lie locked in the grant until a job tries them: a shop on a host with one
PHP worker waits for our answer before it can answer us. The POST carries no signature; the unguessable state in its
address binds it to one store (95). The same link may bring several pairs (98): the first accepted one counts.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from sqlalchemy import func, select, update
from sqlalchemy.orm import Session

from referins_woo import clock, lease, queues
from referins_woo.accounts import audit
from referins_woo.crypto import new_token
from referins_woo.errors import Final as FinalError
from referins_woo.errors import InvalidInput, RetryLater
from referins_woo.process import Process
from referins_woo.stores import connect, links
from referins_woo.stores.models import Grant, Store
from referins_woo.woo import authorize

APP_NAME: Final = "Referins"
LIFE: Final = timedelta(hours=2)
TRY_FOR: Final = timedelta(minutes=15)
"""How long keys that arrived are tried against a store that does not answer."""
_LEASE_SECONDS: Final = 150.0


@dataclass(frozen=True, slots=True)
class GrantStatus:
    """How far a grant has come, for the page that waits for it.

    `result`: `waiting` (nobody approved yet), `received` (the keys are being tried), `accepted`, `failed`, `refused`,
    `expired`. `error` is a sentence.
    """

    store_id: int
    account_id: int
    purpose: str
    result: str
    error: str
    since: datetime


def start(session: Session, process: Process, store: Store, *, purpose: str = "connect", url: str = "") -> str:
    """Return the address of the permission page for `store` (C5). Raises InvalidInput where Woo cannot answer us (C14).

    `purpose` is `connect` or `reconnect`: who comes back is led on accordingly. `url`: where the store is now, if it
    has moved.
    """
    if not links.reaches_us(process.config, url or store.url):
        raise InvalidInput("url", links.why_unreached(process.config))
    now = clock.now()
    grant = Grant(
        state_token=new_token(),
        account_id=store.account_id,
        store_id=store.id,
        purpose=purpose,
        url=url,
        created_at=now,
        expires_at=now + LIFE,
    )
    session.add(grant)
    session.flush()
    # Who asks is known now; the keys come to us later, from the store.
    audit.record(session, store.account_id, "store_permission_asked", url or store.url, purpose=purpose)
    return authorize.permission_url(
        url or store.url,
        app_name=APP_NAME,
        state=grant.state_token,
        return_url=links.return_url(process.config, grant.state_token),
        callback_url=links.callback_url(process.config, grant.state_token),
    )


def receive(process: Process, state: str, document: Any) -> int:
    """Take the keys that a store posted and return the status to answer with.

    200: they are kept for trying, or a pair was accepted before. 404: nobody waits for them, and 400: they are no keys;
    both make the store take its keys back (96).
    """
    now = clock.now()
    with process.database.unit() as session:
        grant = session.scalar(select(Grant).where(Grant.state_token == state).with_for_update())
        if grant is None or (grant.expires_at <= now and grant.result != "accepted"):
            return 404
        if grant.result in ("received", "accepted"):
            return 200
        try:
            granted = authorize.parse_callback(document)
        except FinalError:
            return 400
        if granted.state != state:  # keys that somebody granted for another address
            return 400
        grant.key_locked = process.vault.lock(granted.key)
        grant.secret_locked = process.vault.lock(granted.secret)
        grant.permissions = granted.permissions[:12]
        grant.result, grant.error = "received", ""
        queues.ring_after_commit(session, "try_grant", grant.id)
    return 200


def refuse(session: Session, state: str) -> None:
    """The merchant came back without approving: every choice stays, another try is open (C5)."""
    session.execute(
        update(Grant)
        .where(Grant.state_token == state, Grant.result == "waiting")
        .values(result="refused", error="Access was not approved in WooCommerce. Your choices are kept: try again.")
    )


def status(session: Session, state: str) -> GrantStatus | None:
    """Return how far the grant with this state has come; None where there is none."""
    grant = session.scalar(select(Grant).where(Grant.state_token == state))
    return _status(grant) if grant is not None else None


def newest_of(session: Session, store_ids: Sequence[int]) -> dict[int, GrantStatus]:
    """Return how far the last grant of each of these stores has come; stores without any are left out."""
    newest = select(func.max(Grant.id)).where(Grant.store_id.in_(store_ids)).group_by(Grant.store_id)
    return {grant.store_id: _status(grant) for grant in session.scalars(select(Grant).where(Grant.id.in_(newest)))}


def _status(grant: Grant) -> GrantStatus:
    result, error = grant.result, grant.error
    if result == "waiting" and grant.expires_at <= clock.now():
        result, error = "expired", "WooCommerce never sent the keys. Try again, or type keys in by hand."
    return GrantStatus(grant.store_id, grant.account_id, grant.purpose, result, error, grant.created_at)


def try_one(process: Process, grant_id: int) -> connect.Accepted | None:
    """Try the keys of a grant, once; returns what was accepted, None where nothing was left to do or it failed.

    The outcome stands in the grant. A store that does not answer is tried again by the sweep, for a while.
    """
    holder = lease.new_holder()
    with process.database.unit() as session:
        grant = session.get(Grant, grant_id)
        if grant is None or grant.result != "received" or not grant.key_locked or not grant.secret_locked:
            return None
        fence = lease.acquire(session, f"grant:{grant_id}", holder, _LEASE_SECONDS)
        store_id, received, locked = grant.store_id, grant.created_at, (grant.key_locked, grant.secret_locked)
        url = grant.url
    if fence is None:
        return None
    key, secret = (process.vault.unlock(each) for each in locked)
    accepted, result, error = None, "accepted", ""
    try:
        accepted = connect.accept_keys(process, store_id, key, secret, url)
    except RetryLater as fault:
        still = clock.now() < received + LIFE + TRY_FOR
        result, error = ("received" if still else "failed"), str(fault)
    except FinalError as fault:
        result, error = "failed", str(fault)
    with process.database.unit() as session:
        grant = session.get_one(Grant, grant_id, with_for_update=True)
        grant.result, grant.error = result, error
        if result != "received":
            grant.key_locked = grant.secret_locked = None
        lease.release(session, f"grant:{grant_id}", fence)
    return accepted


def untried(session: Session) -> list[int]:
    """Return the grants whose keys wait to be tried: the sweep rings for them."""
    return list(session.scalars(select(Grant.id).where(Grant.result == "received").order_by(Grant.id)))
