"""One comparison of all of a store's ids: when it is due, its parts in order, and what is written at its end."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from typing import Final

from referins_woo import clock, lease
from referins_woo.ingest.reconcile import catalogue, orders, people, transactions
from referins_woo.ingest.reconcile.comparison import LEASE_SECONDS, Comparison
from referins_woo.process import Process
from referins_woo.stores import facts
from referins_woo.stores.door import open_store

EVERY: Final = timedelta(hours=20)
AT_LATEST: Final = timedelta(hours=30)
QUIET_HOURS: Final = range(2, 6)
"""By the store's own clock."""
_SLICE_SECONDS: Final = 20.0


def _facts(it: Comparison) -> bool:
    """Who the store is: it may have changed its zone, its currency, its address."""
    facts.refresh(it.process, it.door)
    return True


_PARTS: Final[Mapping[str, Callable[[Comparison], bool]]] = {
    "facts": _facts,
    "orders": orders.all_of_them,
    "trash": orders.in_trash,
    "new orders": orders.in_scope,
    "products": catalogue.products,
    "variations": catalogue.variations,
    "contacts": people.contacts,
    "collections": catalogue.collections,
    "transactions": transactions.transactions,
}
"""Each returns whether it came to its end before the time was up."""


def is_due(last: datetime | None, connected_at: datetime | None, zone_name: str, now: datetime) -> bool:
    """Whether a store's ids are to be compared: once a night by its own clock, or when that was missed. Pure."""
    since = last or connected_at
    if since is None:
        return False
    age = now - since
    return age >= AT_LATEST or (age >= EVERY and now.astimezone(clock.zone(zone_name)).hour in QUIET_HOURS)


def reconcile(process: Process, store_id: int, seconds: float = _SLICE_SECONDS) -> bool:
    """Compare ids for some seconds; returns whether there is more. Raises what the door raises."""
    name, holder = f"reconcile:{store_id}", lease.new_holder()
    with process.database.unit() as session:
        fence = lease.acquire(session, name, holder, LEASE_SECONDS)
    if fence is None:
        return False
    try:
        door = open_store(process, store_id)
        if door.store.needs_location:
            return False
        return not _work(Comparison(process, door, name, fence, time.monotonic() + seconds))
    finally:
        with process.database.unit() as session:
            lease.release(session, name, fence)


def _work(it: Comparison) -> bool:
    """Work through the parts in order; returns whether the last one is done."""
    done = it.done
    for name, part in _PARTS.items():
        if name in done:
            continue
        if not part(it):
            return False
        done.append(name)
        it.next_part(done)
    it.end()
    return True
