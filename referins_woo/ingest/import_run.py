"""Works on an import, page by page: rows, cursor and counts are committed in one transaction.

So after a kill -9 it goes on where it was. Where the walk of an element has ended, the store's own count is compared
with what was looked at, and a difference is looked into by ids alone: what is missing here is asked for (I6).
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Final

import structlog
from sqlalchemy import select, update
from sqlalchemy.orm import Session

from referins_woo import clock, lease, queues
from referins_woo.db import is_postgresql
from referins_woo.errors import Final as FinalError
from referins_woo.errors import LeaseLost, RetryLater, StoreMustReconnect
from referins_woo.ingest import finished, page_size, set_aside, watermarks
from referins_woo.ingest.comparing import Comparison, compare
from referins_woo.ingest.elements import again
from referins_woo.ingest.elements.batch import Batch, Job, Limits
from referins_woo.ingest.elements.table import ELEMENTS
from referins_woo.ingest.importing import lease_name
from referins_woo.ingest.models import Import, ImportElement
from referins_woo.process import Process
from referins_woo.stores.door import open_store
from referins_woo.stores.models import Store

log = structlog.get_logger(__name__)

_SLICE_SECONDS = 20.0
_LEASE_SECONDS = 150.0
BACK_OFF_SECONDS: Final = (5, 15, 30, 60, 120, 300)


class _UnplacedError(Exception):
    """The store's orders have no place to go (L2)."""


class _Stopped(Exception):
    """Somebody paused or cancelled the import, or disconnected the store."""


def run(process: Process, import_id: int) -> bool:
    """Work on an import for up to 20 s; returns whether there is more to do at once."""
    with process.database.unit() as session:
        row = session.get(Import, import_id)
        if row is None or row.state not in ("waiting", "running"):
            return False
        if row.retry_at is not None and row.retry_at > clock.now():
            return False
        name, holder = lease_name(row.store_id), lease.new_holder()
        fence = lease.acquire(session, name, holder, _LEASE_SECONDS)
        if fence is None:
            return False
        row.state, row.retry_at = "running", None
        row.heartbeat_at = row.heartbeat_at or clock.now()
        is_first, row.started_at = row.started_at is None, row.started_at or clock.now()
        hold = _Hold(import_id, row.store_id, name, fence)
        try_larger_pages = page_size.grow(session, row.store_id, clock.now())
        careful = row.retries > 0 or try_larger_pages
        limits = Limits(row.contacts_scope, row.since, tuple(row.statuses))
        is_retry = row.kind == "retry"
    try:
        return _work(process, hold, limits, is_retry=is_retry, is_first=is_first, careful=careful)
    except (_Stopped, LeaseLost):
        return False
    except _UnplacedError:
        _wait(process, import_id, "Paused: choose a location for the store's orders.", None)
        return False
    except StoreMustReconnect as error:
        _wait(process, import_id, f"Paused: reconnect your store. {error}", None)
        return False
    except RetryLater as error:
        _retry(process, import_id, error)
        return False
    except FinalError as error:
        _fail(process, import_id, str(error))
        return False
    finally:
        with process.database.unit() as session:
            lease.release(session, name, fence)


@dataclass(frozen=True, slots=True)
class _Hold:
    """The right to write for an import: renewed inside each of its transactions."""

    import_id: int
    store_id: int
    lease_name: str
    fence: int

    def check(self, session: Session) -> None:
        """Raise LeaseLost or _Stopped when this worker must not write any more."""
        lease.renew(session, self.lease_name, self.fence, _LEASE_SECONDS)
        if is_postgresql(session):
            # Whoever disconnects the store waits for this page, and the next one sees that it is gone.
            session.execute(
                select(Store.id).where(Store.id == self.store_id).with_for_update(key_share=True, read=True)
            )
        alive = session.execute(
            update(Import)
            .where(
                Import.id == self.import_id,
                Import.state == "running",
                select(Store.id).where(Store.id == Import.store_id, Store.state != "disconnected").exists(),
            )
            .values(heartbeat_at=clock.now())
            .execution_options(synchronize_session=False)
        )
        if alive.rowcount != 1:  # type: ignore[attr-defined]
            raise _Stopped


def _work(process: Process, hold: _Hold, limits: Limits, *, is_retry: bool, is_first: bool, careful: bool) -> bool:
    door = open_store(process, hold.store_id)
    if door.store.needs_location:
        raise _UnplacedError
    with process.database.reading() as session:
        elements = _elements(session, hold.import_id)
    job = Job(process, door, hold.import_id, frozenset(row.element for row in elements), careful, limits)
    if is_first and not is_retry:
        _count_ahead(job, elements, hold)
    until = time.monotonic() + _SLICE_SECONDS
    for element in elements:
        if element.state == "done":
            continue
        _begin(process, element, hold)
        if not _walk(job, element, hold, until, is_retry=is_retry):
            return True
    _finish(process, hold, is_retry=is_retry)
    return False


def _count_ahead(job: Job, elements: Sequence[ImportElement], hold: _Hold) -> None:
    """Ask what there is before anything comes in: the page shows where the import goes."""
    with ThreadPoolExecutor(max(1, job.store.connections), thread_name_prefix="counts") as pool:
        asked = {
            row.id: pool.submit(ELEMENTS[row.element].count, job) for row in elements if row.element != "transactions"
        }
        counts = {element_id: count.result() for element_id, count in asked.items()}
    with job.process.database.unit() as session:
        hold.check(session)
        for element_id, count in counts.items():
            _set(session, element_id, total=count)


def _walk(job: Job, element: ImportElement, hold: _Hold, until: float, *, is_retry: bool) -> bool:
    """Work on one element; returns whether it is done."""
    with job.process.database.reading() as session:
        relisted = set_aside.is_listed(session, job.store.id, element.element, job.import_id)
        parts = element.element == "products" and set_aside.is_listed(session, job.store.id, "variations", None)
    clearing = _Clearing(relisted or is_retry, parts or is_retry)
    if is_retry:
        batches = again.batches(job, element.element, dict(element.cursor))
    elif element.state == "checking":
        batches = iter(())
    else:
        batches = ELEMENTS[element.element].walk(job, dict(element.cursor))
    if not _take(job, element, batches, hold, until, clearing):
        return False
    if is_retry:
        _finish_element(job.process, element, None, hold)
        return True
    if element.state != "checking":
        with job.process.database.unit() as session:
            hold.check(session)
            _set(session, element.id, state="checking", cursor={})
        element.state, element.cursor = "checking", {}
    with job.process.database.reading() as session:
        row = session.get_one(ImportElement, element.id)
    comparison = compare(job, row)
    if not _take(job, element, comparison.batches(), hold, until, clearing):
        return False
    _finish_element(job.process, element, comparison, hold)
    return True


@dataclass(frozen=True, slots=True)
class _Clearing:
    """Whether earlier imports set records of the element, or parts of them, aside: what comes in leaves the list."""

    records: bool
    parts: bool


def _take(
    job: Job, element: ImportElement, batches: Iterator[Batch], hold: _Hold, until: float, clearing: _Clearing
) -> bool:
    """Write batches until they end or the time is up; returns whether they ended."""
    began = time.monotonic()
    try:
        for batch in batches:
            now = time.monotonic()
            _commit(job, element, batch, hold, clearing, int((now - began) * 1000))
            began = now
            if time.monotonic() > until:
                return False
    finally:
        close = getattr(batches, "close", None)
        if close is not None:
            close()
    return True


def _commit(job: Job, element: ImportElement, batch: Batch, hold: _Hold, clearing: _Clearing, spent_ms: int) -> None:
    """Write a batch, its cursor and its counts."""
    store, now = job.store, clock.now()
    with job.process.database.unit() as session:
        hold.check(session)
        # Only a page that came in ends a row of failures: the back-off grows, and the next try is a careful one.
        session.execute(
            update(Import)
            .where(Import.id == job.import_id)
            .values(retries=0, note="", retry_at=None)
            .execution_options(synchronize_session=False)
        )
        outcome = batch.write(session)
        failed = sum(entry.kind == "failed" for entry in outcome.set_aside)
        values: dict[str, Any] = {
            "cursor": batch.cursor,
            "done": ImportElement.done + outcome.done,
            "skipped": ImportElement.skipped + len(outcome.set_aside) - failed,
            "failed": ImportElement.failed + failed,
            "active_ms": ImportElement.active_ms + spent_ms,
        }
        if batch.total is not None:
            values["total"] = batch.total
        if batch.fills:
            values["filled"] = ImportElement.filled + outcome.done + len(outcome.set_aside)
        _set(session, element.id, **values)
        name = element.element
        if outcome.set_aside or outcome.parts:
            entries = [*outcome.set_aside, *outcome.parts]
            set_aside.note(session, store.account_id, store.id, job.import_id, name, entries, now)
        if clearing.records:
            set_aside.clear(session, store.id, name, outcome.came_in)
        for part, woo_ids in outcome.parts_in.items() if clearing.parts else ():
            set_aside.clear(session, store.id, part, woo_ids)


def _begin(process: Process, element: ImportElement, hold: _Hold) -> None:
    if element.state != "waiting":
        return
    with process.database.unit() as session:
        hold.check(session)
        _set(session, element.id, state="running", started_at=clock.now())


def _finish_element(process: Process, element: ImportElement, comparison: Comparison | None, hold: _Hold) -> None:
    with process.database.unit() as session:
        hold.check(session)
        row = session.get_one(ImportElement, element.id)
        # The walk has seen the end of the list: what was counted is the total, whatever a header said.
        row.state, row.total, row.finished_at = "done", row.done + row.skipped + row.failed, clock.now()
        row.cursor = {}
        if comparison is not None and comparison.woo_count is not None:
            row.woo_count, row.checked_at = comparison.woo_count, clock.now()


def _finish(process: Process, hold: _Hold, *, is_retry: bool) -> None:
    """End the import; the catch-up starts at T0 again, because what raced the import may be due events."""
    with process.database.unit() as session:
        hold.check(session)
        row = session.get_one(Import, hold.import_id)
        row.state, row.note, row.finished_at = "done", "", clock.now()
        watermarks.begin_again(session, row.store_id, ("orders", "products", "variations"))
        elements = _elements(session, row.id)
        finished.note(session, row, elements)
        if not is_retry:
            finished.tell(session, process.config, row, elements)
        queues.ring_after_commit(session, "catch_up", row.store_id)
        queues.ring_after_commit(session, "count_stock", row.store_id)


def _retry(process: Process, import_id: int, error: RetryLater) -> None:
    with process.database.reading() as session:
        retries = session.execute(select(Import.retries).where(Import.id == import_id)).scalar_one()
    seconds = max(error.after_seconds or 0.0, BACK_OFF_SECONDS[min(retries, len(BACK_OFF_SECONDS) - 1)])
    _wait(process, import_id, str(error), clock.now() + timedelta(seconds=seconds))


def _wait(process: Process, import_id: int, note: str, retry_at: Any) -> None:
    with process.database.unit() as session:
        _stop(session, import_id, state="waiting", note=note, retry_at=retry_at, retries=Import.retries + 1)


def _fail(process: Process, import_id: int, note: str) -> None:
    with process.database.unit() as session:
        _stop(session, import_id, state="failed", note=note, finished_at=clock.now())


def _stop(session: Session, import_id: int, **values: Any) -> None:
    session.execute(
        update(Import)
        .where(Import.id == import_id, Import.state == "running")
        .values(values)
        .execution_options(synchronize_session=False)
    )


def _set(session: Session, element_id: int, **values: Any) -> None:
    session.execute(
        update(ImportElement)
        .where(ImportElement.id == element_id)
        .values(values)
        .execution_options(synchronize_session=False)
    )


def _elements(session: Session, import_id: int) -> Sequence[ImportElement]:
    query = select(ImportElement).where(ImportElement.import_id == import_id).order_by(ImportElement.position)
    return session.execute(query).scalars().all()
