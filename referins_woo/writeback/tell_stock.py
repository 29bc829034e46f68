"""Tells one store the quantities that it is to show, and finds those that somebody changed there (K2–K4).

Goods are looked at a hundred at a time just before they are told; who shows something else than our books expect is
told nothing: first the store's orders are swept and it is looked at again, then it waits for somebody's decision. One
worker at a time does this for a store: it holds a lease and renews it in each of its transactions. What is being sent
is committed before it is, so that after a crash, or a lost answer, a look at the store settles whether it arrived.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Final

import structlog
from sqlalchemy import true, update
from sqlalchemy.orm import Session

from referins_woo import clock, lease
from referins_woo.commerce import stock, store_shelf
from referins_woo.commerce.models import StoreStock
from referins_woo.commerce.upsert.bulk import insert_rows, new_ids, update_rows
from referins_woo.errors import Final as FinalError
from referins_woo.errors import LeaseLost, RetryLater, StoreMustReconnect
from referins_woo.process import Process
from referins_woo.stores.connection import can_write
from referins_woo.stores.door import Door, open_store
from referins_woo.stores.door.shelf import Looked, Told
from referins_woo.stores.models import Store, StoreLog
from referins_woo.writeback import stock_answers, stock_due
from referins_woo.writeback.models import StoreWrite
from referins_woo.writeback.outbox import STOCK_SET
from referins_woo.writeback.stock_answers import woo_id

log = structlog.get_logger(__name__)

DRAIN_SECONDS: Final = 20.0
_LEASE_SECONDS: Final = 300.0
_LOOKS: Final = 3
"""How often goods that sell while they are looked at are looked at again; then they wait for a while."""
_WRITE: Final = (
    *("id", "account_id", "store_id", "kind", "subject", "revision", "label"),
    *("body", "expected", "answer", "state", "error", "attempts", "due_at", "by", "created_at", "asked_at"),
)

Sweep = Callable[[], bool]
"""Catches up with the store; returns whether that is done (False: there is more, or another worker is at it)."""


def tell(process: Process, store_id: int, sweep: Sweep) -> bool:
    """Compare and tell what is due of a store's goods, for some seconds; returns whether more may be left.

    `sweep` is called before anything is told, and again where the store shows something unexpected. Raises what the
    door raises.
    """
    name, holder = f"stock:{store_id}", lease.new_holder()
    with process.database.unit() as session:
        fence = lease.acquire(session, name, holder, _LEASE_SECONDS)
        if fence is None:
            return False
        for table, extra in ((StoreStock, true()), (StoreWrite, StoreWrite.kind == STOCK_SET)):
            session.execute(
                update(table)
                .where(table.store_id == store_id, table.state == "sending", extra)
                .values(state="unknown")
                .execution_options(synchronize_session=False)
            )
    try:
        return _Teller(process, store_id, sweep, name, fence).run()
    except LeaseLost:
        return False
    finally:
        with process.database.unit() as session:
            lease.release(session, name, fence)


@dataclass(frozen=True, slots=True)
class _Sending:
    """A quantity on its way: our row, the row of its write, and the pieces."""

    row_id: int
    write_id: int
    pieces: int


@dataclass(frozen=True, slots=True)
class _Flight:
    """What was sent of one batch, and what did not agree with our books (Woo id → row)."""

    product: int
    sending: Mapping[int, _Sending]
    odd: Mapping[int, int]
    seen: dict[int, tuple[int, int]]
    told: Future[Told] | None
    """None: nothing was to be sent."""
    looked_at: datetime


class _Teller:
    def __init__(self, process: Process, store_id: int, sweep: Sweep, name: str, fence: int) -> None:
        self._process, self._store_id, self._sweep = process, store_id, sweep
        self._name, self._fence = name, fence
        self._changed = 0

    def run(self) -> bool:
        until = time.monotonic() + DRAIN_SECONDS
        with self._unit() as session:
            plan = stock_due.plan(session, self._store_id, clock.now())
        if plan is None:
            return False
        if plan.due:
            if not self._sweep():
                return True
            door = open_store(self._process, self._store_id)
            try:
                if not self._batches(door, plan.due, until):
                    return True
            finally:
                self._tell_of_changes()
        with self._unit() as session:
            return stock_due.ended(session, self._store_id, plan, clock.now())

    def _batches(self, door: Door, due: Sequence[tuple[int, int, int]], until: float) -> bool:
        """Work through what is due; returns whether all of it was.

        One thing at a time is asked of the store, by a thread of its own: the next look and the last write are on their
        way while we compare and write down.
        """
        coming: deque[tuple[int, dict[int, int], Future[Looked]]] = deque()
        under_way: deque[_Flight] = deque()
        waiting = stock_answers.batches(due)
        depth = 2 if door.store.connections > 1 else 1
        with ThreadPoolExecutor(1, thread_name_prefix="shelf") as shelf:
            try:
                while time.monotonic() < until:
                    while len(coming) < depth and (batch := next(waiting, None)) is not None:
                        coming.append((*batch, shelf.submit(door.shelf.look, batch[0], list(batch[1]))))
                    if not coming:
                        break
                    product, ids, looked = coming.popleft()
                    under_way.append(self._pass(door, product, ids, looked.result(), {}, shelf))
                    if len(under_way) == depth:
                        self._land(door, under_way.popleft())
            finally:
                self._land_all(door, under_way)
        return not coming

    def _land_all(self, door: Door, under_way: deque[_Flight]) -> None:
        """Take in what was on its way, whatever comes of one of them."""
        with ExitStack() as each:
            for flight in reversed(under_way):
                each.callback(self._land, door, flight)

    def _pass(
        self,
        door: Door,
        product: int,
        ids: Mapping[int, int],
        looked: Looked,
        seen: dict[int, tuple[int, int]],
        shelf: ThreadPoolExecutor,
    ) -> _Flight:
        """Send those of some goods (Woo id → row) that agree with our books and whose figure is another."""
        with self._unit() as session:
            agreed, odd = self._compare(session, ids, looked, seen)
            sending = self._begin(session, agreed, looked.date) if can_write(door.store.state) else {}
        wanted = {woo_id: one.pieces for woo_id, one in sending.items()}
        told = shelf.submit(door.shelf.tell, product, wanted) if wanted else None
        return _Flight(product, sending, odd, seen, told, looked.date)

    def _land(self, door: Door, flight: _Flight) -> None:
        """Take in the answers, and look again at what did not agree with our books."""
        if flight.told is not None:
            try:
                told = flight.told.result()
            except (RetryLater, StoreMustReconnect) as error:
                is_lost = isinstance(error, StoreMustReconnect)
                self._end(flight.sending, None, stock_answers.NO_KEY if is_lost else stock_answers.NO_ANSWER)
                raise
            except FinalError as error:
                refused = dict.fromkeys(flight.sending, f"WooCommerce refused it: {error}")
                told = Told(refused, flight.looked_at)
            self._end(flight.sending, told)
        odd = flight.odd
        with ThreadPoolExecutor(1) as shelf:
            for _ in range(_LOOKS if odd else 0):
                if not odd or not self._sweep():
                    return
                looked = door.shelf.look(flight.product, list(odd))
                again = self._pass(door, flight.product, odd, looked, flight.seen, shelf)
                odd = again.odd
                self._land(door, replace(again, odd={}))

    def _compare(
        self, session: Session, ids: Mapping[int, int], looked: Looked, seen: dict[int, tuple[int, int]]
    ) -> tuple[list[StoreStock], dict[int, int]]:
        """Take in what the store shows; returns what agrees with our books, and what does not (Woo id → row).

        `seen` keeps what did not agree before the store's orders were swept: row → (what was shown, what expected).
        Where both are the same after the sweep, no sale explains it: somebody has changed the quantity there.
        """
        now = clock.now()
        terms = stock_due.terms_of(session, self._store_id)
        agreed: list[StoreStock] = []
        odd: dict[int, int] = {}
        failed: list[StoreStock] = []
        for row in store_shelf.rows_of(session, self._store_id, ids.values()):
            row.looked_at = now
            found = looked.shown.get(woo_id(row))
            if row.error == store_shelf.TWICE:
                continue
            if found is None or not found.is_managed or found.quantity is None:
                row.state, row.error = "failed", stock_answers.GONE if found is None else stock_answers.NOT_MANAGED
                row.drift, row.sent = 0, None
                failed.append(row)
                continue
            quantity, row.backorders = found.quantity * stock.SCALE, found.backorders
            if stock_answers.accept(session, row, quantity, asked=terms is not None and terms.pushes):
                stock_answers.settle(session, row, quantity, now)
                store_shelf.agree(row, quantity, looked.date, now)
                row.state, row.error = "in_step", ""
                agreed.append(row)
            elif seen.get(row.id) == (quantity, row.expected):
                self._changed += row.state != "changed"
                stock_answers.settle(session, row, quantity, now)
                row.state, row.drift, row.error, row.sent = "changed", quantity - row.expected, "", None
                row.agreed_at = looked.date.replace(microsecond=0)  # orders before are in what is shown
            else:
                row.revision = stock_due.UNSETTLED  # it stays due if the sweep cannot be had now
                seen[row.id] = quantity, row.expected
                odd[woo_id(row)] = row.id
        if terms is not None:
            for line in store_shelf.lines(session, terms.terms, failed):
                line.row.revision = line.item.revision  # tried again when there is another figure
        return agreed, odd

    def _begin(self, session: Session, rows: Sequence[StoreStock], looked_at: datetime) -> dict[int, _Sending]:
        """Write down what is being sent, which is committed just before it is; by Woo id."""
        terms = stock_due.terms_of(session, self._store_id)
        if terms is None or not terms.pushes:
            return {}
        told = []
        for line in store_shelf.lines(session, terms.terms, rows):
            line.row.revision = line.item.revision
            if line.target != line.row.expected:
                told.append(line)
        now, sending = clock.now(), {}
        writes = []
        for line, write_id in zip(told, new_ids(session, StoreWrite, len(told)), strict=True):
            row, pieces = line.row, line.target // stock.SCALE
            row.pushes += 1
            writes.append(
                [
                    *(write_id, row.account_id, row.store_id, STOCK_SET, woo_id(row), row.pushes, row.label),
                    *({"stock_quantity": pieces}, line.arithmetic(), {}, "sending", "", 1, now, stock_due.BY, now, now),
                ]
            )
            row.state, row.sent, row.sent_from, row.sent_until = "sending", line.target, looked_at, None
            sending[woo_id(row)] = _Sending(row.id, write_id, pieces)
        insert_rows(session, StoreWrite, _WRITE, writes)
        return sending

    def _end(self, sending: Mapping[int, _Sending], told: Told | None, no_answer: str = "") -> None:
        """Take in the answers; None: none came, as `no_answer` says, and a look settles it."""
        now = clock.now()
        with self._unit() as session:
            writes = []
            for row in store_shelf.rows_of(session, self._store_id, [one.row_id for one in sending.values()]):
                sent = sending[woo_id(row)]
                state, words = "unknown", no_answer
                if told is not None:
                    state, words = stock_answers.outcome(row, sent.pieces, told.answers.get(woo_id(row)), told.date)
                row.state = "in_step" if state == "done" else state
                row.error = "" if state == "done" else words
                writes.append([sent.write_id, state, row.error, None if state == "unknown" else now])
            update_rows(session, StoreWrite, ("id", "state", "error", "done_at"), writes)
        log.info("stock told", store_id=self._store_id, goods=len(sending), answered=told is not None)

    def _tell_of_changes(self) -> None:
        if not self._changed:
            return
        goods = "quantity was" if self._changed == 1 else "quantities were"
        text = f"{self._changed:,} {goods} changed in WooCommerce: take over or overwrite them under Stock."
        with self._unit() as session:
            store = session.get_one(Store, self._store_id)
            made = StoreLog(
                account_id=store.account_id, store_id=store.id, at=clock.now(), kind="stock_changed", text=text
            )
            session.add(made)
        self._changed = 0

    def _unit(self) -> Any:
        return stock_due.unit(self._process, self._store_id, self._name, self._fence, _LEASE_SECONDS)
