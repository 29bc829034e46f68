"""Tells one store the quantities that it is to show, and finds those that somebody changed there (K2–K4).

Goods are looked at a hundred at a time just before they are told; who shows something else than our books expect is
told nothing: first the store's orders are swept and it is looked at again, then it waits for somebody's decision. One
worker at a time does this for a store: it holds a lease and renews it in each of its transactions. What is being sent
is committed before it is, so that after a crash, or a lost answer, a look at the store settles whether it arrived.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from datetime import datetime
from itertools import groupby
from typing import Any, Final

import structlog
from sqlalchemy import true, update
from sqlalchemy.orm import Session

from referins_woo import clock, lease
from referins_woo.commerce import stock, store_books, store_shelf
from referins_woo.commerce.models import StoreStock
from referins_woo.commerce.store_shelf import Line
from referins_woo.errors import Final as FinalError
from referins_woo.errors import LeaseLost, RetryLater
from referins_woo.process import Process
from referins_woo.stores.connection import can_write
from referins_woo.stores.door import Door, open_store
from referins_woo.stores.door.shelf import MOST, Shown
from referins_woo.stores.models import Store, StoreLog
from referins_woo.writeback import stock_due
from referins_woo.writeback.models import StoreWrite
from referins_woo.writeback.outbox import STOCK_SET

log = structlog.get_logger(__name__)

DRAIN_SECONDS: Final = 20.0
_LEASE_SECONDS: Final = 300.0
GONE: Final = "It is no longer in WooCommerce."
NOT_MANAGED: Final = "WooCommerce does not manage the stock of it: tick “Manage stock” there, or leave it out."
NO_ANSWER: Final = "No answer came; a look at the store settles it."

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
            for product, ids in _batches(plan.due):
                if time.monotonic() > until:
                    self._tell_of_changes()
                    return True
                self._batch(door, product, ids)
            self._tell_of_changes()
        with self._unit() as session:
            return stock_due.ended(session, self._store_id, plan, clock.now())

    def _batch(self, door: Door, product: int, ids: Mapping[int, int]) -> None:
        """Look at some goods (Woo id → row), and tell those whose figure is another."""
        looked = door.shelf.look(product, list(ids))
        agreed, odd = self._compare(ids, looked.shown, looked.date, last=False)
        if odd and self._sweep():
            again = {woo_id: row_id for woo_id, row_id in ids.items() if row_id in odd}
            looked_again = door.shelf.look(product, list(again))
            agreed |= self._compare(again, looked_again.shown, looked_again.date, last=True)[0]
        if not can_write(door.store.state):
            return
        wanted = self._begin(agreed, looked.date)
        if not wanted:
            return
        try:
            told = door.shelf.tell(product, wanted)
        except RetryLater:
            self._end(ids, wanted, None, None)
            raise
        except FinalError as error:
            self._end(ids, wanted, dict.fromkeys(wanted, f"WooCommerce refused it: {error}"), None)
        else:
            self._end(ids, wanted, told.answers, told.date)

    def _compare(
        self, ids: Mapping[int, int], shown: Mapping[int, Shown], at: datetime, *, last: bool
    ) -> tuple[set[int], set[int]]:
        """Take in what the store shows; returns the rows that agree with our books, and those that do not.

        `last`: the store's orders were swept since, so somebody else has changed those.
        """
        now = clock.now()
        agreed: set[int] = set()
        odd: set[int] = set()
        failed: list[StoreStock] = []
        with self._unit() as session:
            terms = stock_due.terms_of(session, self._store_id)
            for row in store_shelf.rows_of(session, self._store_id, ids.values()):
                row.looked_at = now
                found = shown.get(row.woo_variation_id or row.woo_product_id)
                if row.error == store_shelf.TWICE:
                    continue
                if found is None or not found.is_managed or found.quantity is None:
                    row.state, row.error = "failed", GONE if found is None else NOT_MANAGED
                    row.drift, row.sent = 0, None
                    failed.append(row)
                    continue
                quantity, row.backorders = found.quantity * stock.SCALE, found.backorders
                if _accept(session, row, quantity, asked=terms is not None and terms.pushes):
                    self._settle(session, row, quantity)
                    store_shelf.agree(row, quantity, at, now)
                    row.state, row.error = "in_step", ""
                    agreed.add(row.id)
                elif last:
                    self._changed += row.state != "changed"
                    row.state, row.drift, row.error = "changed", quantity - row.expected, ""
                    self._settle(session, row, quantity)
                    row.sent = None
                else:
                    row.revision = -1  # it stays due if the sweep cannot be had now
                    odd.add(row.id)
            if terms is not None:
                for line in store_shelf.lines(session, terms.terms, failed):
                    line.row.revision = line.item.revision  # tried again when there is another figure
        return agreed, odd

    def _settle(self, session: Session, row: StoreStock, quantity: int) -> None:
        """End the write whose answer was lost, by what the store shows."""
        if row.state == "unknown":
            arrived = row.sent is not None and quantity == row.sent
            session.execute(
                update(StoreWrite)
                .where(
                    *(StoreWrite.store_id == row.store_id, StoreWrite.kind == STOCK_SET),
                    StoreWrite.subject == (row.woo_variation_id or row.woo_product_id),
                    StoreWrite.state == "unknown",
                )
                .values(
                    state="done" if arrived else "failed",
                    error="" if arrived else "It did not arrive.",
                    done_at=clock.now(),
                )
                .execution_options(synchronize_session=False)
            )

    def _begin(self, ids: Collection[int], looked_at: datetime) -> dict[int, int]:
        """Commit what is being sent, just before it is; returns Woo id → pieces."""
        now, wanted = clock.now(), {}
        with self._unit() as session:
            terms = stock_due.terms_of(session, self._store_id)
            if terms is None or not terms.pushes:
                return {}
            rows = [row for row in store_shelf.rows_of(session, self._store_id, ids) if row.state == "in_step"]
            for line in store_shelf.lines(session, terms.terms, rows):
                row = line.row
                row.revision = line.item.revision
                if line.target == row.expected or row.agreed_at is None:
                    continue
                session.add(_write(line, terms.by, now))
                row.pushes += 1
                row.state, row.sent, row.sent_from, row.sent_until = "sending", line.target, looked_at, None
                wanted[row.woo_variation_id or row.woo_product_id] = line.target // stock.SCALE
        return wanted

    def _end(
        self,
        ids: Mapping[int, int],
        wanted: Mapping[int, int],
        answers: Mapping[int, Shown | str] | None,
        at: datetime | None,
    ) -> None:
        """Take in the answers; None: none came, and a look settles it."""
        now = clock.now()
        with self._unit() as session:
            rows = store_shelf.rows_of(session, self._store_id, [ids[woo_id] for woo_id in wanted])
            ended = []
            for row in rows:
                woo_id = row.woo_variation_id or row.woo_product_id
                state, words = "unknown", NO_ANSWER
                if answers is not None:
                    state, words = _outcome(row, wanted[woo_id], answers.get(woo_id), at)
                row.state = {"done": "in_step"}.get(state, state)
                row.error = "" if state == "done" else words
                ended.append((woo_id, row.pushes, state, words))
            for woo_id, revision, state, words in ended:
                session.execute(
                    update(StoreWrite)
                    .where(
                        *(StoreWrite.store_id == self._store_id, StoreWrite.kind == STOCK_SET),
                        *(StoreWrite.subject == woo_id, StoreWrite.revision == revision),
                    )
                    .values(state=state, error=words, done_at=None if state == "unknown" else now)
                    .execution_options(synchronize_session=False)
                )
        log.info("stock told", store_id=self._store_id, goods=len(wanted), answered=answers is not None)

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


def _accept(session: Session, row: StoreStock, quantity: int, *, asked: bool) -> bool:
    """Whether our books go on from what the store shows.

    Before the store is told anything (`asked` false), and at the first look at goods, it is simply taken for true.
    """
    if not asked or row.agreed_at is None or quantity == row.expected:
        return True
    if row.sent is not None and quantity == row.sent:
        return True
    return stock.explained(quantity - row.expected, store_books.sold_while_sending(session, row))


def _outcome(row: StoreStock, pieces: int, answer: Shown | str | None, at: datetime | None) -> tuple[str, str]:
    """Take in one answer; returns the state and the words of the write.

    Orders that came in meanwhile have lowered what was sent, too: they stay lowered.
    """
    if isinstance(answer, str):
        row.sent = None
        return "failed", answer if answer.endswith(".") else f"{answer}."
    if answer is None or answer.quantity is None:
        row.sent = None
        return "failed", NOT_MANAGED if answer is not None else "WooCommerce's answer left it out."
    sold = pieces * stock.SCALE - (row.sent if row.sent is not None else pieces * stock.SCALE)
    row.expected, row.sent, row.sent_until = answer.quantity * stock.SCALE - sold, None, at
    if not answer.is_managed:
        return "failed", NOT_MANAGED
    if answer.quantity != pieces:
        return "failed", f"WooCommerce answered, but shows {answer.quantity}."
    return "done", ""


def _write(line: Line, by: str, now: datetime) -> StoreWrite:
    row = line.row
    return StoreWrite(
        account_id=row.account_id,
        store_id=row.store_id,
        kind=STOCK_SET,
        subject=row.woo_variation_id or row.woo_product_id,
        revision=row.pushes + 1,
        label=row.label,
        body={"stock_quantity": line.target // stock.SCALE},
        expected=line.arithmetic(),
        state="sending",
        attempts=1,
        due_at=now,
        created_at=now,
        asked_at=now,
        by=by,
    )


def _batches(due: Sequence[tuple[int, int, int]]) -> Iterator[tuple[int, dict[int, int]]]:
    """Yield (product, Woo id → row) of at most a hundred: products together, variations by their product.

    `due`: (row, product, variation) each.
    """
    ordered = sorted(due, key=lambda one: (one[1] if one[2] else 0, one[2] or one[1]))
    for product, group in groupby(ordered, key=lambda one: one[1] if one[2] else 0):
        listed = [(variation or of, row) for row, of, variation in group]
        for start in range(0, len(listed), MOST):
            yield product, dict(listed[start : start + MOST])
