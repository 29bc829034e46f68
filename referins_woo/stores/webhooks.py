"""Our webhooks in a store: made, checked and healed (S3).

A store switches a webhook off after seven failures in a row and tells nobody; switched on again it goes off at the
next failure (77). So what is not active is made anew and the old one deleted, and what may have been missed is swept.
A webhook is known as ours by its delivery address: one that was made just before a crash is found again. The new one
is made before the old one goes: two deliveries of one change are one, none would be a loss.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from referins_woo import clock, lease, queues
from referins_woo.crypto import Vault, new_webhook_secret
from referins_woo.process import Process
from referins_woo.stores import links
from referins_woo.stores.door import Door, HookRecord, open_store
from referins_woo.stores.models import Store, StoreLog, Webhook
from referins_woo.stores.view import StoreView

ORDER_TOPICS: Final = ("order.created", "order.updated", "order.deleted", "order.restored")
PRODUCT_TOPICS: Final = ("product.created", "product.updated", "product.deleted", "product.restored")
CUSTOMER_TOPICS: Final = ("customer.created", "customer.updated")
SILENCED: Final = "silenced"
"""A webhook whose owner lost his rights: the store sends an error in place of the thing (81)."""
OLD_SECRET_LIFE: Final = timedelta(hours=24)
_LEASE_SECONDS: Final = 300.0
_MANY: Final = 4
"""So many webhooks with one fault are counted in the log, not named."""


@dataclass(frozen=True, slots=True)
class Known:
    """A webhook that we wrote down. `good`: nothing that we know speaks against it."""

    woo_id: int
    good: bool


@dataclass(frozen=True, slots=True)
class Plan:
    """What is to be done about the webhooks that a store lists."""

    keep: tuple[HookRecord, ...]
    make: tuple[str, ...]
    drop: tuple[HookRecord, ...]
    faults: tuple[str, ...]
    """What was wrong, in words: "order.updated was disabled"."""


def wanted_topics(store: StoreView) -> tuple[str, ...]:
    """Return the topics whose elements or triggers are switched on; none where Woo cannot reach us (C14)."""
    if store.sweep_only:
        return ()
    topics: tuple[str, ...] = ()
    if store.sync_orders or store.sync_transactions or store.sync_order_submitted or store.sync_payment_received:
        topics += ORDER_TOPICS
    if store.sync_products or store.sync_collections:
        topics += PRODUCT_TOPICS
    if store.sync_contacts:
        topics += CUSTOMER_TOPICS
    return topics


def heal(process: Process, store_id: int) -> None:
    """Make the store's webhooks what they should be. Raises what the door raises.

    Run twice it changes nothing; two at once are kept apart by a lease.
    """
    holder = lease.new_holder()
    with process.database.unit() as session:
        fence = lease.acquire(session, f"webhooks:{store_id}", holder, _LEASE_SECONDS)
    if fence is None:
        return
    try:
        _heal(process, open_store(process, store_id))
    finally:
        with process.database.unit() as session:
            lease.release(session, f"webhooks:{store_id}", fence)


def _heal(process: Process, door: Door) -> None:
    store, topics = door.store, wanted_topics(door.store)
    address = links.hook_url(process.config, store.hook_token)
    with process.database.reading() as session:
        rows = session.scalars(select(Webhook).where(Webhook.store_id == store.id)).all()
        secret = process.vault.unlock(session.get_one(Store, store.id).hook_secret_locked)
    if not topics and not rows:
        return
    known = [Known(row.woo_id, _is_good(row, store)) for row in rows]
    plan = plan_for(door.webhooks(), topics, address, known)
    made: list[HookRecord] = []
    for topic in plan.make:
        made.append(door.create_webhook(name=f"Referins – {topic}", topic=topic, delivery_url=address, secret=secret))
        _note_made(process, store, made[-1])
    for hook in plan.drop:
        door.delete_webhook(hook.woo_id)
    _note_checked(process, store, plan, [*plan.keep, *made], had_some=bool(rows))


def plan_for(listed: Sequence[HookRecord], topics: tuple[str, ...], address: str, known: Sequence[Known]) -> Plan:
    """Return what makes one active webhook of each topic, with the right address and secret. Pure.

    One at our address that we did not write down was made before a crash, or by an earlier connection with another
    secret: it is made anew.
    """
    good = {one.woo_id for one in known if one.good}
    ours_once = {one.woo_id for one in known}
    keep: dict[str, HookRecord] = {}
    drop: list[HookRecord] = []
    faults: list[str] = []
    for hook in sorted(listed, key=lambda one: one.woo_id):
        if hook.delivery_url != address and hook.woo_id not in ours_once:
            continue
        fault = _fault_of(hook, topics, address, good, ours_once, keep)
        if fault is None:
            keep[hook.topic] = hook
        else:
            drop.append(hook)
            if hook.topic in topics:
                faults.append(f"{hook.topic} {fault}")
    make = tuple(topic for topic in topics if topic not in keep)
    seen = {hook.topic for hook in drop}
    faults += [f"{topic} was missing" for topic in make if topic not in seen]
    return Plan(tuple(keep.values()), make, tuple(drop), tuple(faults))


def _fault_of(
    hook: HookRecord,
    topics: tuple[str, ...],
    address: str,
    good: set[int],
    ours: set[int],
    keep: dict[str, HookRecord],
) -> str | None:
    if hook.topic not in topics:
        return "is not needed"
    if hook.status != "active":
        return f"was {hook.status}"
    if hook.delivery_url != address:
        return "led to another address"
    if hook.topic in keep:
        return "was there twice"
    if hook.woo_id not in ours:
        return "was not known here"
    return None if hook.woo_id in good else "belonged to older keys or an older secret"


def _is_good(row: Webhook, store: StoreView) -> bool:
    made = row.made_at
    renewed = store.hooks_renewed_at is None or (made is not None and made >= store.hooks_renewed_at)
    # Deliveries signed with another secret: somebody changed it in the shop, and the list does not show it.
    refused = store.refused_at is not None and (made is None or made < store.refused_at)
    return row.status != SILENCED and renewed and not refused


def renew_secret(store: Store, vault: Vault, now: datetime) -> None:
    """Give a store a new secret for its webhooks; the old one is accepted for a day. They are made anew by `heal`."""
    store.previous_hook_secret_locked, store.previous_hook_secret_until = (
        store.hook_secret_locked,
        now + OLD_SECRET_LIFE,
    )
    store.hook_secret_locked, store.hooks_renewed_at = vault.lock(new_webhook_secret()), now


def send_test(process: Process, store_id: int) -> float | None:
    """Have the store call us, and return after how many seconds it did; None where no call came.

    A webhook that is created sends a ping before its creation is answered (75); this one is deleted at once. Raises
    what the door raises.
    """
    door = open_store(process, store_id, force=True)
    address = links.hook_url(process.config, door.store.hook_token)
    with process.database.reading() as session:
        secret = process.vault.unlock(session.get_one(Store, store_id).hook_secret_locked)
    began = time.monotonic()
    made = door.create_webhook(name="Referins – test", topic="order.restored", delivery_url=address, secret=secret)
    seconds = time.monotonic() - began
    door.delete_webhook(made.woo_id)
    with process.database.reading() as session:
        came = session.scalar(select(Store.last_ping_id).where(Store.id == store_id)) == made.woo_id
    return seconds if came else None


def remove_all(process: Process, door: Door) -> int:
    """Delete our webhooks from the store; returns how many. Raises what the door raises."""
    address = links.hook_url(process.config, door.store.hook_token)
    with process.database.reading() as session:
        known = set(session.scalars(select(Webhook.woo_id).where(Webhook.store_id == door.store.id)))
    ours = [hook for hook in door.webhooks() if hook.delivery_url == address or hook.woo_id in known]
    for hook in ours:
        door.delete_webhook(hook.woo_id)
    return len(ours)


def accepted_secrets(vault: Vault, store: Store, now: datetime) -> list[str]:
    """Return the secrets with which a delivery of `store` may be signed: its own, and the previous one for a day."""
    locked = [store.hook_secret_locked]
    until = store.previous_hook_secret_until
    if store.previous_hook_secret_locked and until is not None and now < until:
        locked.append(store.previous_hook_secret_locked)
    return [vault.unlock(each) for each in locked]


def _note_made(process: Process, store: StoreView, made: HookRecord) -> None:
    now = clock.now()
    with process.database.unit() as session:
        row = Webhook(store_id=store.id, woo_id=made.woo_id, topic=made.topic, status=made.status, made_at=now)
        row.checked_at = now
        session.add(row)


def _note_checked(
    process: Process, store: StoreView, plan: Plan, there: Sequence[HookRecord], *, had_some: bool
) -> None:
    now = clock.now()
    statuses = {hook.woo_id: hook.status for hook in there}
    with process.database.unit() as session:
        session.execute(delete(Webhook).where(Webhook.store_id == store.id, Webhook.woo_id.not_in(list(statuses))))
        for row in session.scalars(select(Webhook).where(Webhook.store_id == store.id)):
            row.status, row.checked_at = statuses[row.woo_id], now
        if had_some and plan.faults:
            _log_healed(session, store, plan.faults, now)
            # What they did not tell meanwhile is looked for.
            queues.ring_after_commit(session, "catch_up", store.id)


def _log_healed(session: Session, store: StoreView, faults: tuple[str, ...], now: datetime) -> None:
    by_fault: dict[str, list[str]] = {}
    for each in sorted(faults):
        topic, _, fault = each.partition(" ")
        by_fault.setdefault(fault, []).append(topic)
    words = [f"{', '.join(names) if len(names) < _MANY else len(names)} {fault}" for fault, names in by_fault.items()]
    text = f"Webhooks made anew: {'; '.join(words)}."
    session.add(StoreLog(account_id=store.account_id, store_id=store.id, at=now, kind="webhooks_healed", text=text))
