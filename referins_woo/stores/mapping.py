"""Which location a store's orders go to (C11, L1), and what becomes of its stores when a location goes (L2)."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from referins_woo import queues
from referins_woo.accounts import audit
from referins_woo.commerce import locations
from referins_woo.commerce.models import Location
from referins_woo.commerce.upsert.bulk import lock_account
from referins_woo.errors import InvalidInput
from referins_woo.stores import stock_switch
from referins_woo.stores.models import Store, StoreLog

_OTHER_PLACE = "Its quantities are left to WooCommerce until you have seen what another location would change."


def choose(session: Session, store: Store, location_id: int, now: datetime) -> bool:
    """Map a store to a location of its account; returns whether that is another one now.

    Later orders go there, earlier ones stay. A store that waited for a location is connected again, and all that came
    meanwhile is picked up: what is late by then is told by the lateness rule. Raises InvalidInput.
    """
    lock_account(session, store.account_id)
    session.refresh(store, with_for_update=True)
    location = locations.own(session, store.account_id, location_id)
    if location is None:
        raise InvalidInput("location", "There is no such location.")
    is_other = store.location_id != location.id
    store.location_id = location.id
    if is_other:
        stock_switch.turn_off(session, store, now, f"{_OTHER_PLACE} Its location is {location.name} now.")
    if is_other and store.state != "connecting":  # the wizard's steps are no changes yet
        audit.record(session, store.account_id, "store_settings_changed", store.url, location=location.name)
        _log(session, store, now, f"Later orders go to the location {location.name}.")
    if store.state == "mapping_needed":
        store.state = "connected"
        queues.ring_after_commit(session, "drain_deliveries", store.id)
        queues.ring_after_commit(session, "catch_up", store.id)
    return is_other


def stores_of(session: Session, location: Location) -> Sequence[Store]:
    """Return the stores whose orders go to a location, but those that are disconnected."""
    return session.scalars(
        select(Store)
        .where(Store.account_id == location.account_id, Store.location_id == location.id, Store.state != "disconnected")
        .order_by(Store.id)
    ).all()


def delete(session: Session, location: Location, now: datetime) -> int:
    """Delete a location; returns how many stores need another one now.

    Their deliveries are kept, no order is made of them and no automation starts, until somebody chooses. Orders
    that are here keep naming it. Where it was the default, the oldest of the others becomes that. Raises
    InvalidInput for the last one.
    """
    lock_account(session, location.account_id)
    session.refresh(location, with_for_update=True)
    others = [one for one in locations.of_account(session, location.account_id) if one.id != location.id]
    if not others:
        raise InvalidInput("location", "An account has one location at least: add another before you delete this one.")
    if location.deleted_at is not None:
        return 0
    if location.is_default:
        locations.make_default(session, min(others, key=lambda one: one.id))
        session.refresh(location)
    location.deleted_at = now
    mapped = session.scalars(
        select(Store).where(Store.account_id == location.account_id, Store.location_id == location.id).with_for_update()
    ).all()
    waiting = 0
    for store in mapped:
        store.location_id = None
        stock_switch.turn_off(session, store, now, f"{_OTHER_PLACE} {location.name} was deleted.")
        if store.state in ("disconnected", "connecting"):
            continue
        waiting += 1
        if store.state == "connected":
            store.state = "mapping_needed"
        _log(session, store, now, f"The location {location.name} was deleted: orders wait until another is chosen.")
    audit.record(
        session, location.account_id, "location_deleted", location.name, stores=[store.url for store in mapped]
    )
    session.flush()
    return waiting


def _log(session: Session, store: Store, now: datetime, text: str) -> None:
    session.add(StoreLog(account_id=store.account_id, store_id=store.id, at=now, kind="location", text=text))
