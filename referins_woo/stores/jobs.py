"""Jobs of the stores room, and the sweeps that ring for what was left lying. Shells: each does one call of the room."""

from __future__ import annotations

import structlog
from sqlalchemy import select

from referins_woo import clock, process, queues
from referins_woo.errors import Final, RetryLater, StoreMustReconnect
from referins_woo.stores import connect, connection, disconnect, grants, reconnect, webhooks
from referins_woo.stores.door import open_store
from referins_woo.stores.models import Store

log = structlog.get_logger(__name__)


@queues.job("try_grant")
def try_grant(grant_id: int) -> None:
    """Try the keys that came from WooCommerce's permission page."""
    grants.try_one(process.current(), grant_id)


@queues.job("heal_webhooks")
def heal_webhooks(store_id: int) -> None:
    """Make a store's webhooks what they should be."""
    try:
        webhooks.heal(process.current(), store_id)
    except (RetryLater, StoreMustReconnect, Final) as error:
        log.info("webhooks not healed", store_id=store_id, reason=str(error))


@queues.job("probe_store")
def probe_store(store_id: int) -> None:
    """Look again at a store under suspicion, or, once it is lost, whether its keys work again."""
    current = process.current()
    try:
        with current.database.reading() as session:
            store = session.get(Store, store_id)
            is_lost = store is not None and store.state == "needs_reconnect"
        if is_lost:
            connect.try_stored_keys(current, store_id)
        else:
            open_store(current, store_id).probe()
    except (RetryLater, StoreMustReconnect, Final) as error:
        log.info("store probed", store_id=store_id, outcome=str(error))


@queues.job("disconnect_store")
def disconnect_store(store_id: int) -> None:
    """Delete the data of a store that was disconnected so, for some seconds; others have their turn in between."""
    if disconnect.delete_data_of(process.current(), store_id):
        queues.ring("disconnect_store", store_id)


def ring_for_suspects() -> None:
    """Ring for stores whose refusal waits to be confirmed (every 5 s: X1 gives a minute for it all)."""
    with process.current().database.reading() as session:
        due = session.scalars(
            select(Store.id).where(
                Store.state.in_(connection.LIVE_STATES), Store.suspect_cause != "", Store.retry_after <= clock.now()
            )
        ).all()
    for store_id in due:
        queues.ring("probe_store", store_id)


def ring_for_grants() -> None:
    """Ring for keys that arrived and were not tried to an end."""
    with process.current().database.reading() as session:
        waiting = grants.untried(session)
    for grant_id in waiting:
        queues.ring("try_grant", grant_id)


def ring_for_deletions() -> None:
    """Ring for stores whose data are not deleted to an end: the bell was lost, the worker killed."""
    with process.current().database.reading() as session:
        left = disconnect.deleting(session)
    for store_id in left:
        queues.ring("disconnect_store", store_id)


def ring_for_webhooks() -> None:
    """Ring for the webhooks of every live store; a store without any (sweep only) is cheap."""
    with process.current().database.reading() as session:
        live = session.scalars(select(Store.id).where(Store.state.in_(connection.LIVE_STATES))).all()
    for store_id in live:
        queues.ring("heal_webhooks", store_id)


def ring_for_mended() -> None:
    """Ring for lost stores whose cause may mend itself: the firewall opened, the plugin is on again."""
    mending = [cause.key for cause in connection.CAUSES.values() if cause.mends_itself]
    with process.current().database.reading() as session:
        lost = session.scalars(select(Store.id).where(Store.state == "needs_reconnect", Store.cause.in_(mending))).all()
    for store_id in lost:
        queues.ring("probe_store", store_id)


def remind() -> None:
    """Put the reminders for stores that still wait to be reconnected (X1)."""
    current = process.current()
    with current.database.unit() as session:
        reconnect.remind(session, current.config, clock.now())
