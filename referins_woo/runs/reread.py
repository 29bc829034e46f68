"""Reads orders live from their store before a reminder: claim, commit, read through the door, observe, decide.

The claim is a lease with a token; no database connection is held while the store is asked. Where the store cannot be
reached the reminder waits, it never guesses; what the mirror knows by then may still end the run.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from time import monotonic
from typing import Any, Final

import structlog
from sqlalchemy import Row, select
from sqlalchemy.orm import Session

from referins_woo import clock, lease
from referins_woo.commerce.models import Order
from referins_woo.commerce.records import OrderRecord, Unreadable
from referins_woo.errors import Final as FinalError
from referins_woo.errors import RetryLater, StoreMustReconnect
from referins_woo.events import observe
from referins_woo.process import Process
from referins_woo.runs import claims
from referins_woo.runs.advance import Reading, advance_runs
from referins_woo.runs.automations import settle_finishing
from referins_woo.runs.failures import note_failure
from referins_woo.runs.models import Run
from referins_woo.stores.door import Door, open_store
from referins_woo.stores.models import Store

log = structlog.get_logger(__name__)

BATCH: Final = 40
_LEASE_SECONDS: Final = 300
"""Longer than the slice in which reads begin and the longest that one read may take."""
_READ_SECONDS: Final = 20
_STORES_AT_ONCE: Final = 4
_TOGETHER: Final = 3
"""Attempts after which a run is read apart from the others."""
_RECONNECT_PAUSE: Final = timedelta(minutes=5)

OpenStore = Callable[[Process, int], Door]


@dataclass(slots=True)
class _Found:
    """What the store said about the orders of a batch, by Woo id."""

    orders: dict[int, OrderRecord] = field(default_factory=dict)
    gone: set[int] = field(default_factory=set)
    unread: dict[int, str] = field(default_factory=dict)
    """Why an order could not be read, in words."""
    wait: timedelta | None = None
    """How long the store wants to be left alone."""


def reread_batch(process: Process, *, limit: int = BATCH, opened: OpenStore = open_store) -> int:
    """Re-read the orders of up to `limit` due runs and advance those; returns how many were claimed."""
    token = lease.new_holder()
    with process.database.unit() as session:
        runs = claims.lease_rereads(session, clock.now(), token, _LEASE_SECONDS, limit)
        woo_ids = _woo_ids(session, runs)
    if not runs:
        return 0
    groups = _groups(runs)
    with ThreadPoolExecutor(min(_STORES_AT_ONCE, len(groups)), "reread") as pool:
        asked = [pool.submit(_reread_store, process, group, woo_ids, token, opened) for group in groups]
    unexpected = [(group, error) for group, one in zip(groups, asked, strict=True) if (error := one.exception())]
    for group, error in unexpected:
        if not isinstance(error, Exception):
            raise error
        log.error("re-read failed", runs=[run.id for run in group], exc_info=error)
        if len(group) == 1:
            note_failure(process.database, group[0].id, error)
    return len(runs)


def _groups(runs: Sequence[Row[Any]]) -> list[list[Row[Any]]]:
    """Runs of one store together; one that failed before by itself, so that it spoils nobody else's."""
    groups: dict[tuple[int, int], list[Row[Any]]] = defaultdict(list)
    for run in runs:
        groups[run.store_id, run.id if run.attempts > _TOGETHER else 0].append(run)
    return list(groups.values())


def _reread_store(
    process: Process, runs: Sequence[Row[Any]], woo_ids: dict[int, int], token: str, opened: OpenStore
) -> None:
    """Read the orders of one store's runs and advance them; never raises for a store that cannot be read."""
    store_id = runs[0].store_id
    ids = [run.id for run in runs]
    attempts = max(run.attempts for run in runs)
    try:
        door = opened(process, store_id)
        if door.store.needs_location:
            _postpone(process, ids, token, "The store needs a location.", _RECONNECT_PAUSE)
            return
        read_at = clock.now()
        found = _read(door, sorted({woo_ids[run.order_id] for run in runs if run.order_id in woo_ids}))
        if found.orders:
            observe.take_orders(process, door, list(found.orders.values()), fetched=True)
    except RetryLater as error:
        _postpone(process, ids, token, str(error), _pause(attempts, error.after_seconds))
        return
    except StoreMustReconnect as error:
        _postpone(process, ids, token, str(error), _RECONNECT_PAUSE)
        return
    except FinalError as error:
        _stop_or_postpone(process, store_id, ids, token, str(error), _pause(attempts, None))
        return
    unread = {run.id: found.unread[woo_ids[run.order_id]] for run in runs if woo_ids.get(run.order_id) in found.unread}
    with process.database.unit() as session:
        now = clock.now()
        observe.note_gone(session, store_id, sorted(found.gone), now)
        read = claims.still_leased(session, [run_id for run_id in ids if run_id not in unread], token, now)
        advance_runs(session, read, now, Reading(read_at, now))
    if unread:
        pause = max(_pause(attempts, None), found.wait or timedelta(0))
        _postpone(process, list(unread), token, next(iter(unread.values())), pause)


def _read(door: Door, woo_ids: Sequence[int]) -> _Found:
    """Ask the store for each order by itself, several at once as far as it bears; a failing store is asked no more."""
    found = _Found()
    until = monotonic() + _READ_SECONDS
    failed: list[RetryLater | StoreMustReconnect] = []

    def ask(woo_id: int) -> tuple[int, OrderRecord | Unreadable | str | None]:
        if failed:
            return woo_id, str(failed[0])
        if monotonic() > until:
            return woo_id, "The store answers slowly."
        try:
            return woo_id, door.order(woo_id)
        except (RetryLater, StoreMustReconnect) as error:
            failed.append(error)
            return woo_id, str(error)

    with ThreadPoolExecutor(max(1, min(door.store.connections, len(woo_ids))), "reread-order") as pool:
        for woo_id, answer in pool.map(ask, woo_ids):
            if answer is None:
                found.gone.add(woo_id)
            elif isinstance(answer, OrderRecord):
                found.orders[woo_id] = answer
            else:
                found.unread[woo_id] = answer if isinstance(answer, str) else answer.reason
    if failed and isinstance(failed[0], RetryLater):
        found.wait = timedelta(seconds=failed[0].after_seconds or 0)
    elif failed:
        found.wait = _RECONNECT_PAUSE
    return found


def _postpone(process: Process, run_ids: Sequence[int], token: str, why: str, pause: timedelta) -> None:
    """Let the runs wait for `pause`; those that what is known by now ends do end."""
    log.info("re-read postponed", runs=len(run_ids), why=why, seconds=pause.total_seconds())
    with process.database.unit() as session:
        now = clock.now()
        runs = claims.still_leased(session, run_ids, token, now)
        advance_runs(session, runs, now, Reading(None, now + pause, why))


def _stop_or_postpone(
    process: Process, store_id: int, run_ids: Sequence[int], token: str, why: str, pause: timedelta
) -> None:
    """Stop the runs of a store that was disconnected; whatever else is final about it may be mended by a person."""
    with process.database.unit() as session:
        state = session.scalar(select(Store.state).where(Store.id == store_id))
        if state in (None, "disconnected"):
            now = clock.now()
            runs = claims.still_leased(session, run_ids, token, now)
            over: dict[str, Any] = {"state": "stopped", "ended_reason": "store_disconnected", "ended_at": now}
            over |= {"due_at": None, "lease_until": None, "lease_token": ""}
            claims.update_runs(session, [{"id": run.id, **over} for run in runs])
            settle_finishing(session, sorted({run.automation_id for run in runs}))
            return
    _postpone(process, run_ids, token, why, pause)


def _pause(attempts: int, asked_seconds: float | None) -> timedelta:
    """30 s, doubled with each attempt up to half an hour; longer where the store asked for more."""
    return timedelta(seconds=max(asked_seconds or 0, min(30 * 2 ** min(max(attempts - 1, 0), 6), 1_800)))


def _woo_ids(session: Session, runs: Sequence[Row[Any]]) -> dict[int, int]:
    """Return our order id → Woo id."""
    ids = {run.order_id for run in runs if run.order_id is not None}
    rows = session.execute(select(Order.id, Order.woo_id).where(Order.id.in_(ids)))
    return dict(rows.all())


def rereads_due(session: Session, now: datetime) -> bool:
    """Whether a run waits for its order to be read anew; a lease that ended counts."""
    wanted = select(Run.id).where(claims.reread_due(now)).limit(1)
    return session.scalar(wanted) is not None
