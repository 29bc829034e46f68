"""Writes deliveries with group commit: whatever waits is one transaction, and one bell a store.

Many threads that each commit into one SQLite file wait for each other in the busy handler (p99 300 ms measured); one
writer that takes all that is there commits less often and answers within ten. PostgreSQL gains as well.
"""

from __future__ import annotations

import queue
import threading
import time
from concurrent.futures import Future
from contextlib import ExitStack, suppress
from typing import Any, Final

import structlog
from sqlalchemy import select
from sqlalchemy.exc import DBAPIError, SQLAlchemyError
from sqlalchemy.orm import Session

from referins_woo import queues
from referins_woo.alone import Alone
from referins_woo.commerce.upsert.bulk import insert_by
from referins_woo.db import Database
from referins_woo.ingest.models import Delivery

log = structlog.get_logger(__name__)

COLUMNS = (
    *("account_id", "store_id", "topic", "woo_webhook_id", "woo_delivery_id", "source", "body", "body_sha256"),
    *("state", "reason", "error", "attempts", "received_at", "done_at"),
)
_MOST = 500
_TRIES = 3
_BUSY_SECONDS = 0.005
_IDLE_SECONDS = 0.5
"""So long the connection is kept for the next delivery."""
_COMPANY_SECONDS = 0.0015
"""Where one delivery follows the other, a commit waits so long for more: it costs more than what is in it."""
_PASSING: Final = frozenset({"40001", "40P01"})
"""PostgreSQL's codes for a serialization failure and a deadlock."""
_UNDONE_KEY = ("store_id", "topic", "body_sha256")
UNDONE = "state = 'received'"
"""Deliveries that are not drained yet: the condition of their unique key."""


_Waiting = tuple[list[Any], Future[None]]


class Intake:
    """One writing thread for the deliveries of this process; started with the first delivery (after any fork)."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._waiting: queue.SimpleQueue[_Waiting] = queue.SimpleQueue()
        self._start = threading.Lock()
        self._thread: threading.Thread | None = None
        self._line = ExitStack()
        self._alone: Alone | None = None
        """Its connection, while there is something to do: taking one for each batch costs a tenth of all."""

    def store(self, row: list[Any], timeout: float = 10.0) -> None:
        """Store one delivery (values in the order of COLUMNS); returns when it is durable.

        Raises the database's error, or TimeoutError: then it was not stored, and must not be answered with 200.
        """
        self._ensure_thread()
        done: Future[None] = Future()
        self._waiting.put((row, done))
        done.result(timeout)

    def _ensure_thread(self) -> None:
        if self._thread is None or not self._thread.is_alive():
            with self._start:
                if self._thread is None or not self._thread.is_alive():
                    self._thread = threading.Thread(target=self._write_forever, name="intake", daemon=True)
                    self._thread.start()

    def _write_forever(self) -> None:
        wrote_at = -_BUSY_SECONDS
        while True:
            try:
                batch = [self._waiting.get(timeout=None if self._alone is None else _IDLE_SECONDS)]
            except queue.Empty:
                self._hang_up()
                continue
            if time.monotonic() - wrote_at < _BUSY_SECONDS:
                time.sleep(_COMPANY_SECONDS)
            try:
                self._write_surely(batch)
            except (SQLAlchemyError, OSError, ValueError) as error:
                for _, done in batch:
                    done.set_exception(error)
            else:
                for _, done in batch:
                    done.set_result(None)
            wrote_at = time.monotonic()

    def _write_surely(self, batch: list[_Waiting]) -> None:
        """Write with a new connection where the old one broke. A commit whose answer was lost is not made twice."""
        for attempt in range(_TRIES):
            try:
                if self._alone is None:
                    self._alone = self._line.enter_context(self._database.alone())
                self._write(self._alone, batch, again=attempt > 0)
                return
            except DBAPIError as error:
                self._hang_up()
                if attempt == _TRIES - 1 or not _may_pass(error):
                    raise
                log.warning("deliveries are written again", rows=len(batch), error=type(error.orig).__name__)

    def _hang_up(self) -> None:
        self._alone = None
        with suppress(SQLAlchemyError):
            self._line.close()

    def _write(self, alone: Alone, batch: list[_Waiting], *, again: bool) -> None:
        """Write `batch`, with what came while the right to write was waited for: it is added to it."""
        with alone.changing() as cursor:
            while len(batch) < _MOST:
                try:
                    batch.append(self._waiting.get_nowait())
                except queue.Empty:
                    break
            rows = [row for row, _ in batch]
            # The same body twice while undone is one delivery; twice in one batch as well.
            unique = {(row[1], row[2], row[7]): row for row in rows}
            if again:
                with self._database.looking() as session:
                    for key in _there(session, rows):
                        unique.pop(key, None)
            if unique:
                insert_by(cursor, Delivery, COLUMNS, list(unique.values()), conflict=_UNDONE_KEY, where=UNDONE)
        for store_id in {row[1] for row in unique.values() if row[8] == "received"}:
            queues.ring("drain_deliveries", store_id)


def _may_pass(error: DBAPIError) -> bool:
    return error.connection_invalidated or getattr(error.orig, "sqlstate", None) in _PASSING


def _there(session: Session, rows: list[list[Any]]) -> set[tuple[Any, Any, Any]]:
    """Return the keys of those rows that an earlier try has stored after all: drained meanwhile, none is undone."""
    newest = (
        select(Delivery.store_id, Delivery.topic, Delivery.body_sha256, Delivery.received_at)
        .where(Delivery.account_id.in_({row[0] for row in rows}))
        .order_by(Delivery.id.desc())
        .limit(_MOST * 4)
    )
    stored = {tuple(row) for row in session.execute(newest)}
    return {(row[1], row[2], row[7]) for row in rows if (row[1], row[2], row[7], row[12]) in stored}
