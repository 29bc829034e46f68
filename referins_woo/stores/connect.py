"""Connecting a store: from an address and choices, through keys that were tried, to a store that lives.

An address becomes a pending store (`connecting`); keys come by hand or from WooCommerce's permission page (`grants`),
are tried, and only then kept. A shop that this account had before gets its old row back, so nothing doubles (C9).
The import is started by whoever called: this room never reaches `ingest`.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import delete, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from referins_woo import clock, queues
from referins_woo.accounts import audit
from referins_woo.accounts.models import Account
from referins_woo.commerce import locations
from referins_woo.crypto import new_token, new_webhook_secret
from referins_woo.errors import Final, InvalidInput
from referins_woo.process import Process
from referins_woo.stores import choices as chosen
from referins_woo.stores import connection, links, reconnect, settings, webhooks
from referins_woo.stores.address import StoreAddress, normalise_url
from referins_woo.stores.choices import Choices
from referins_woo.stores.keys import KeysRefused, Probe, try_keys
from referins_woo.stores.models import Grant, Store, StoreLog
from referins_woo.stores.preflight import Preflight, Problem, preflight

__all__ = [
    "Accepted",
    "Choices",
    "KeysRefused",
    "Preflight",
    "Probe",
    "Problem",
    "StoreAddress",
    "accept_keys",
    "create_pending_store",
    "find_again",
    "forget_pending",
    "normalise_url",
    "preflight",
    "save_choices",
    "take_facts",
    "try_keys",
    "try_stored_keys",
]

_IS_CONNECTED = "This store is connected already: the same store cannot be connected twice."


@dataclass(frozen=True, slots=True)
class Accepted:
    """Keys were accepted. `store_id` may be another than the pending one: a shop known before has its row back."""

    store_id: int
    state: str
    is_repair: bool
    """The connection was mended, its T0 kept: catch up, import nothing anew (X4)."""


def create_pending_store(
    session: Session,
    process: Process,
    account_id: int,
    url: str,
    choices: Choices | None = None,
    *,
    location_id: int | None = None,
) -> Store:
    """Return a store of the account waiting for keys, with the merchant's choices; an unfinished one is used again.

    Without `choices` those made before are kept: by whoever left before the end, or disconnected the store. `url` is
    that of a passed preflight. Raises InvalidInput for unknown choices or a foreign location.
    """
    if location_id is not None and locations.own(session, account_id, location_id) is None:
        raise InvalidInput("location", "There is no such location.")
    store = session.scalar(
        select(Store).where(Store.account_id == account_id, Store.url == url, Store.state == "connecting").limit(1)
    )
    if store is None:
        store = Store(
            account_id=account_id,
            url=url,
            hook_token=new_token(),
            hook_secret_locked=process.vault.lock(new_webhook_secret()),
            state="connecting",
            clock_skew_seconds=0,
        )
        session.add(store)
        before = _disconnected(session, account_id, url)
        if before is not None:
            store.location_id, store.time_zone, store.name = before.location_id, before.time_zone, before.name
        if choices is None:
            choices = Choices() if before is None else chosen.choices_of(before)
    if location_id is not None:
        store.location_id = location_id
    if choices is not None:
        chosen.apply(session, store, choices, clock.now())
    session.flush()
    return store


def forget_pending(session: Session, store: Store) -> None:
    """Forget a store that was never connected. Keys that still arrive for it find nobody (96)."""
    if store.state != "connecting":
        raise InvalidInput("store", "This store is connected: disconnect it instead.")
    session.execute(delete(Grant).where(Grant.store_id == store.id))
    session.execute(delete(StoreLog).where(StoreLog.store_id == store.id))
    session.delete(store)


def _disconnected(session: Session, account_id: int, url: str) -> Store | None:
    """Return the newest store that the account once had at this address."""
    return session.scalar(
        select(Store)
        .where(Store.account_id == account_id, Store.url == url, Store.state == "disconnected")
        .order_by(Store.id.desc())
        .limit(1)
    )


def find_again(process: Process, typed: str) -> str:
    """Return the address at which a store that has moved answers. Raises InvalidInput with a sentence."""
    address = normalise_url(typed, process.config)
    seen = preflight(process, address.url)
    if seen.problem is not None:
        raise InvalidInput("url", seen.problem.sentence)
    return seen.url


def save_choices(session: Session, store: Store, choices: Choices) -> None:
    """Change a store's settings (C8). Raises InvalidInput."""
    chosen.apply(session, store, choices, clock.now())
    if store.state != "connecting":  # the wizard's steps are no changes yet
        audit.record(session, store.account_id, "store_settings_changed", store.url, sync=sorted(choices.sync))


def accept_keys(process: Process, store_id: int, key: str, secret: str, url: str = "") -> Accepted:
    """Try keys for a store and keep them: encrypted, its state set, its webhooks rung for.

    `url`: where the store is now, if it has moved; that it is the same store is seen from its identity. Raises
    InvalidInput with a sentence where they are refused, belong to another store, or the store is connected already;
    RetryLater where the store is in trouble; Final where there is no such store.
    """
    with process.database.reading() as session:
        store = session.get(Store, store_id)
        if store is None:
            raise Final("This store is not here any more.")
        url = url or store.url
    probe = try_keys(process, url, key, secret)
    try:
        with process.database.unit() as session:
            return keep(session, process, store_id, probe)
    except IntegrityError as error:  # connected a moment ago, by another grant or browser
        raise InvalidInput("url", _IS_CONNECTED) from error


def try_stored_keys(process: Process, store_id: int, url: str = "") -> Accepted:
    """Try the keys that a lost store still has ("Test again"): its cause may be mended. Raises as accept_keys.

    `url`: where the store is now. A site that moves takes its keys along.
    """
    with process.database.reading() as session:
        store = session.get(Store, store_id)
        if store is None or not store.key_locked or not store.secret_locked:
            raise Final("There are no keys to try: reconnect the store.")
        locked = store.key_locked, store.secret_locked
    key, secret = (process.vault.unlock(each) for each in locked)
    return accept_keys(process, store_id, key, secret, url)


def keep(session: Session, process: Process, store_id: int, probe: Probe) -> Accepted:
    """Write accepted keys to their store, in the caller's transaction. Raises InvalidInput."""
    now = clock.now()
    store = session.get(Store, store_id, with_for_update=True)
    if store is None:
        raise Final("This store is not here any more.")
    was_lost = store.state == "needs_reconnect"
    is_repair = was_lost or store.state in connection.LIVE_STATES
    _must_be_same(store, probe)
    if is_repair:
        _repair(session, process, store, probe, now)
    else:
        store = _known_row(session, store, probe, now)
    store.identity = probe.facts.identity
    store.key_locked, store.secret_locked = process.vault.lock(probe.key), process.vault.lock(probe.secret)
    store.key_tail, store.auth_mode = probe.key[-4:], probe.auth_mode
    store.sweep_only = not links.reaches_us(process.config, store.url)
    store.clock_skew_seconds = probe.skew_seconds
    take_facts(store, probe.facts)
    store.other_site, store.other_site_at = "", None
    if not is_repair:
        store.live_since, store.history_order_ids = probe.date, list(probe.history_order_ids)
        store.submitted_on_since = store.payment_on_since = None
        store.hook_secret_locked, store.previous_hook_secret_locked = process.vault.lock(new_webhook_secret()), None
        store.connected_at, store.disconnected_at = now, None
        _set_up_account(session, store)
    if store.location_id is None and not is_repair:  # whose location was deleted is asked which it shall be (L2)
        store.location_id = _only_location(session, store.account_id)
    store.state = connection.state_with_keys(store.location_id)
    _forget_trouble(store)
    store.facts_at = now
    if not is_repair:
        session.add(
            StoreLog(account_id=store.account_id, store_id=store.id, at=now, kind="connected", text="Connected.")
        )
    session.flush()
    act = "store_reconnected" if was_lost else "store_keys_changed" if is_repair else "store_connected"
    audit.record(session, store.account_id, act, store.url, key=f"…{store.key_tail}")
    queues.ring_after_commit(session, "heal_webhooks", store.id)
    return Accepted(store.id, store.state, is_repair)


def _repair(session: Session, process: Process, store: Store, probe: Probe, now: datetime) -> None:
    """Mend a store that is known: new keys, or its old ones that work again; what it missed is caught up (X4)."""
    same_keys = store.key_locked is not None and process.vault.unlock(store.key_locked) == probe.key
    text = "Connected again: its keys work again." if same_keys else f"Reconnected with the key …{probe.key[-4:]}."
    if same_keys:
        store.mended_at = now
    else:
        # The webhooks belong to whoever held the old keys: without rights he sends error bodies (81).
        webhooks.renew_secret(store, process.vault, now)
        store.mended_at = None
    if probe.url != store.url:
        text += f" It has moved from {store.url} to {probe.url}."
        store.url = probe.url
    session.add(StoreLog(account_id=store.account_id, store_id=store.id, at=now, kind="reconnected", text=text))
    # With a key that may only read nothing was missed.
    could_read = connection.can_read(store.state, store.cause)
    reconnect.begin_catching_up(session, store, now if could_read else store.cause_since or now)


def _must_be_same(store: Store, probe: Probe) -> None:
    if store.identity and not settings.same_identity(store.identity, probe.facts.identity):
        raise InvalidInput(
            "key", "These keys belong to another store than the one that was connected here. Connect it by itself."
        )


def _known_row(session: Session, pending: Store, probe: Probe, now: datetime) -> Store:
    """Return the row for the shop: that of an earlier connection (with the choices made now), or the pending one."""
    same = [
        store
        for store in session.scalars(
            select(Store)
            .where(Store.account_id == pending.account_id, Store.id != pending.id, Store.identity.is_not(None))
            .order_by(Store.id.desc())
            .with_for_update()
        )
        if settings.same_identity(store.identity or "", probe.facts.identity)
    ]
    for store in same:
        if store.state == "disconnected":
            if store.deleting_since is not None:
                raise InvalidInput(
                    "url", "The data of this store's earlier connection are still being deleted. Try again in a while."
                )
            continue
        if store.home_url and store.home_url != probe.facts.home_url:
            raise InvalidInput("url", f"This is a copy of {store.home_url}, which is connected already.")
        raise InvalidInput("url", _IS_CONNECTED)
    if not same:
        return pending
    known = same[0]
    known.time_zone = pending.time_zone
    chosen.apply(session, known, chosen.choices_of(pending), now)
    known.url = pending.url
    known.location_id = pending.location_id or known.location_id
    session.execute(update(Grant).where(Grant.store_id == pending.id).values(store_id=known.id))
    session.delete(pending)
    session.flush()
    return known


def take_facts(store: Store, facts: settings.StoreFacts) -> None:
    """Write what a store says about itself."""
    store.name = facts.name[:200] or store.name
    store.home_url = facts.home_url[:500]
    store.woo_version = facts.woo_version
    store.currency, store.price_decimals = facts.currency, facts.price_decimals
    chosen.take_time_zone(store, facts.time_zone)
    store.manage_stock, store.hold_stock_minutes = facts.manage_stock, facts.hold_stock_minutes


def _forget_trouble(store: Store) -> None:
    store.cause, store.cause_detail, store.cause_since = "ok", "", None
    store.suspect_cause, store.suspect_since, store.suspect_probes = "", None, 0
    store.failures, store.failing_since, store.retry_after = 0, None, None


def _set_up_account(session: Session, store: Store) -> None:
    # Base currency and time zone come from the first connected store (N6).
    account = session.get_one(Account, store.account_id)
    account.base_currency = account.base_currency or store.currency or None
    account.time_zone = account.time_zone or store.time_zone


def _only_location(session: Session, account_id: int) -> int | None:
    found = locations.of_account(session, account_id)
    return found[0].id if len(found) == 1 else None
