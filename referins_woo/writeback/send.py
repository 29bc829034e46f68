"""Sends changes to one store: each is looked at there, sent alone, and believed only as the answer shows it.

One worker at a time sends to a store: it holds a lease and renews it in each of its transactions, so that one that
slept past its time writes nothing. No transaction is open while the store is asked.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from typing import Any, Final

import structlog
from sqlalchemy import select, update

from referins_woo import clock, lease, queues
from referins_woo.commerce.records import OrderRecord
from referins_woo.errors import Final as FinalError
from referins_woo.errors import LeaseLost, RetryLater, StoreMustReconnect
from referins_woo.process import Process
from referins_woo.stores.connection import can_write, words_for
from referins_woo.stores.door import Door, open_store
from referins_woo.stores.door.line import Faltered, GoneRecord
from referins_woo.writeback import customers, verdict
from referins_woo.writeback.models import StoreWrite
from referins_woo.writeback.outbox import CUSTOMERS, STOCK_SET

log = structlog.get_logger(__name__)

DRAIN_SECONDS: Final = 20.0
_LEASE_SECONDS: Final = 300.0
"""Longer than one change takes: a look and a write, each with its deadline and its probes."""
LOOK_AGAIN: Final = timedelta(seconds=30)
"""After a change whose answer was lost: the store may still be at it."""
GIVES_UP_AFTER: Final = timedelta(days=3)
_GONE: Final = "The order is no longer in WooCommerce."


class _StopError(Exception):
    """Nothing more can be sent to the store now."""


def push(process: Process, store_id: int) -> bool:
    """Send what is due to a store, for some seconds; returns whether more may be left."""
    name, holder = f"writes:{store_id}", lease.new_holder()
    with process.database.unit() as session:
        fence = lease.acquire(session, name, holder, _LEASE_SECONDS)
        if fence is None:
            return False
        # Nobody else sends to this store: what is being sent was left by a worker that died.
        session.execute(
            update(StoreWrite)
            .where(StoreWrite.store_id == store_id, StoreWrite.state == "sending", StoreWrite.kind != STOCK_SET)
            .values(state="unknown", error="The sender died before the answer came.", due_at=clock.now())
            .execution_options(synchronize_session=False)
        )
    pusher = _Pusher(process, store_id, name, fence)
    more = False
    try:
        more = pusher.run()
    except LeaseLost:
        return False
    except _StopError:
        pass
    with process.database.unit() as session:
        lease.release(session, name, fence)
    return more


class _Pusher:
    def __init__(self, process: Process, store_id: int, name: str, fence: int) -> None:
        self._process, self._store_id, self._name, self._fence = process, store_id, name, fence

    def run(self) -> bool:
        until = time.monotonic() + DRAIN_SECONDS
        due = self._due()
        if not due:
            return False
        try:
            door = open_store(self._process, self._store_id)
        except RetryLater as error:
            self._postpone(due, str(error), error.after_seconds)
            return False
        except StoreMustReconnect as error:
            self._hold(due, error)
            return False
        except FinalError as error:
            for write_id in due:
                self._end(write_id, "failed", str(error))
            return False
        if not can_write(door.store.state):
            self._hold(due, StoreMustReconnect(words_for(door.store.cause).sentence, door.store.cause))
            return False
        for write_id in due:
            if time.monotonic() > until:
                return True
            self._one(door, write_id)
        return bool(self._due())

    def _one(self, door: Door, write_id: int) -> None:
        with self._process.database.reading() as session:
            write = session.get_one(StoreWrite, write_id)
        if write.kind in CUSTOMERS:
            self._customer(door, write)
            return
        try:
            with self._stops_at_trouble(write_id):
                order = door.order(write.subject)
        except FinalError as error:
            self._end(write_id, "failed", str(error))
            return
        if order is not None and not isinstance(order, OrderRecord):
            self._end(write_id, "failed", f"The order cannot be read: {order.reason}.")
            return
        found = verdict.judge(write.body, write.expected, order)
        if found.act == verdict.SEND:
            self._send(door, write)
        elif found.act == verdict.DONE and order is not None:
            self._end(write_id, "done", "" if write.state == "unknown" else found.words, _fingerprint(order))
        else:
            self._end(write_id, "refused", found.words)

    def _customer(self, door: Door, write: StoreWrite) -> None:
        attempt = customers.Attempt(self._process, door, write, lambda: self._begin(write.id))
        try:
            with self._stops_at_trouble(write.id, lambda: attempt.begun):
                end = attempt.run()
        except FinalError as error:
            end = customers.End("failed", f"WooCommerce refused it: {error}")
            customers.note(self._process, write, end)
        if end is not None:
            self._end(write.id, end.state, end.words, end.answer)

    def _send(self, door: Door, write: StoreWrite) -> None:
        if not self._begin(write.id):
            return  # taken back while we looked
        try:
            with self._stops_at_trouble(write.id, lambda: True):
                answer = door.set_order_status(write.subject, write.body["status"])
        except GoneRecord:
            self._end(write.id, "refused", _GONE)
            return
        except FinalError as error:
            self._end(write.id, "failed", f"WooCommerce refused it: {error}")
            return
        if not isinstance(answer, OrderRecord) or answer.woo_id != write.subject:
            self._postpone([write.id], "The answer was no order.", None, "unknown")
        elif answer.status != write.body["status"]:
            self._end(write.id, "failed", f"WooCommerce answered, but the order shows “{answer.status}”.")
        else:
            self._end(write.id, "done", "", _fingerprint(answer))

    @contextmanager
    def _stops_at_trouble(self, write_id: int, begun: Callable[[], bool] = lambda: False) -> Iterator[None]:
        """Keep the write for later, and raise _StopError, where the store cannot be asked now.

        `begun`: whether the change itself was on its way, so that it may have happened without an answer.
        """
        try:
            yield
        except Faltered as error:
            # 429 comes before anything is done; after anything else it may have happened.
            state = "waiting" if error.status == 429 else "unknown"
            self._postpone([write_id], str(error), error.after_seconds, state if begun() else "")
            raise _StopError from error
        except RetryLater as error:
            self._postpone([write_id], str(error), error.after_seconds)
            raise _StopError from error
        except StoreMustReconnect as error:
            self._hold([write_id], error)
            raise _StopError from error

    def _due(self) -> list[int]:
        with self._process.database.reading() as session:
            return list(
                session.scalars(
                    select(StoreWrite.id)
                    .where(
                        StoreWrite.store_id == self._store_id,
                        StoreWrite.state.in_(("waiting", "unknown")),
                        StoreWrite.kind != STOCK_SET,
                        StoreWrite.due_at <= clock.now(),
                    )
                    .order_by(StoreWrite.due_at, StoreWrite.id)
                    .limit(200)
                )
            )

    def _begin(self, write_id: int) -> bool:
        """Commit that it is being sent, just before it is: after a crash a look at the store settles it."""
        with self._process.database.unit() as session:
            lease.renew(session, self._name, self._fence, _LEASE_SECONDS)
            begun: Any = session.execute(
                update(StoreWrite)
                .where(StoreWrite.id == write_id, StoreWrite.state.in_(("waiting", "unknown")))
                .values(state="sending", attempts=StoreWrite.attempts + 1)
                .execution_options(synchronize_session=False)
            )
        return bool(begun.rowcount == 1)

    def _end(self, write_id: int, state: str, words: str, answer: dict[str, Any] | None = None) -> None:
        self._change([write_id], state=state, error=words, answer=answer or {}, done_at=clock.now())
        log.info("change for a store", store_id=self._store_id, write_id=write_id, state=state)
        if state == "done":
            # The mirror learns of it by the echo; where webhooks are late or none, by a sweep now.
            queues.ring("catch_up", self._store_id)

    def _hold(self, ids: list[int], error: StoreMustReconnect) -> None:
        words = f"Held until the store is reconnected. {error}"
        self._change(ids, state="waiting", error=words, due_at=clock.now() + timedelta(minutes=1))

    def _postpone(self, ids: list[int], words: str, seconds: float | None, state: str = "") -> None:
        now = clock.now()
        pause = max(timedelta(seconds=seconds or 0), LOOK_AGAIN if state == "unknown" else timedelta(seconds=5))
        self._change(ids, error=words, due_at=now + pause, **({"state": state} if state else {}))
        self._give_up(ids, now)

    def _give_up(self, ids: list[int], now: datetime) -> None:
        words = "The store could not be reached for three days."
        with self._process.database.unit() as session:
            session.execute(
                update(StoreWrite)
                .where(
                    StoreWrite.id.in_(ids), StoreWrite.state == "waiting", StoreWrite.asked_at < now - GIVES_UP_AFTER
                )
                .values(state="failed", error=words, done_at=now)
                .execution_options(synchronize_session=False)
            )

    def _change(self, ids: list[int], **values: Any) -> None:
        open_ones = StoreWrite.state.in_(("waiting", "sending", "unknown"))
        with self._process.database.unit() as session:
            lease.renew(session, self._name, self._fence, _LEASE_SECONDS)
            session.execute(
                update(StoreWrite)
                .where(StoreWrite.id.in_(ids), open_ones)
                .values(**values)
                .execution_options(synchronize_session=False)
            )


def _fingerprint(order: OrderRecord) -> dict[str, Any]:
    modified = order.modified_at.isoformat() if order.modified_at else None
    return {"id": order.woo_id, "status": order.status, "date_modified_gmt": modified}
