"""Transactions: the payments of the orders that are here, then the refunds of the store (T1, T2)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import partial
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from referins_woo import clock
from referins_woo.commerce.models import Order, Transaction
from referins_woo.commerce.records import RefundRecord, Unreadable
from referins_woo.commerce.upsert.bulk import among, lock_account
from referins_woo.commerce.upsert.transactions import payable, record_payments, record_refunds
from referins_woo.ingest.elements.batch import Batch, Element, Job, Outcome, Write, ask_for, piece_by_piece
from referins_woo.ingest.set_aside import SetAside, unreadable
from referins_woo.ingest.walk import Position, walk
from referins_woo.stores.door import Faltered, NotSupported

_BATCH = 2000
REASONS = {
    "zero_amount": "A refund of nothing",
    "order_not_here": "Its order is not imported",
    "order_without_payment": "Its order was never paid",
}
_PHASES = ("payments", "refunds", "refunds_by_order")


def batches(job: Job, cursor: dict[str, Any]) -> Iterator[Batch]:
    """Payments come from the orders here; refunds from the list of all refunds, or order by order without one."""
    phase = cursor.get("phase", "payments")
    payments = _count_payments(job)
    if phase == "payments":
        yield from _payments(job, cursor, payments)
        cursor = {"phase": "refunds"}
    if cursor.get("phase") == "refunds":
        try:
            yield from _refunds(job, cursor, payments)
        except NotSupported:
            cursor = {"phase": "refunds_by_order"}
        else:
            return
    yield from _refunds_by_order(job, cursor, payments)


def _count(job: Job) -> int | None:
    """Payments of the orders here, and refunds there: so the ledger counts, too."""
    refunds = job.door.count("refunds")
    return None if refunds is None else _count_payments(job) + refunds


def _ids(job: Job, offset: int, per_page: int) -> Any:
    return job.door.ids("refunds", offset=offset, per_page=per_page)


def _known(session: Session, job: Job, ids: Sequence[int]) -> set[int]:
    here = select(Transaction.woo_refund_id).where(
        Transaction.store_id == job.store.id,
        Transaction.kind == "refund",
        among(session, Transaction.woo_refund_id, ids),
    )
    return set(session.execute(here).scalars())


def _again(job: Job, ids: Sequence[int]) -> Write:
    """Ask for refunds by their ids; a store that knows no such question is walked."""
    wanted = set(ids)

    def several(part: Sequence[int]) -> Any:
        page = job.door.refunds(include=part)
        if not set(page.ids) <= set(part):
            raise NotSupported("The store gives refunds without regard to their ids.")
        return zip(page.ids, page.rows, strict=True)

    try:
        rows = list(ask_for(job.door, ids, several, None, "Refund").found.values())
    except NotSupported:
        rows = [
            row
            for batch in walk(lambda offset, size: job.door.refunds(offset=offset, per_page=size), Position())
            for woo_id, row in zip(batch.ids, batch.rows, strict=True)
            if woo_id in wanted
        ]
    return partial(_write_refunds, job, rows)


def _count_payments(job: Job) -> int:
    with job.process.database.reading() as session:
        return _payments_due(session, job)


def _payments_due(session: Session, job: Job) -> int:
    query = select(func.count()).select_from(Order).where(Order.store_id == job.door.store.id, payable())
    return session.execute(query).scalar_one()


def _payments(job: Job, cursor: dict[str, Any], total: int) -> Iterator[Batch]:
    """Make what the walk of the orders did not make beside them, then count them all."""
    last, made = int(cursor.get("order", 0)), int(cursor.get("made", 0))
    while True:
        with job.process.database.reading() as session:
            paid = select(Transaction.id).where(Transaction.order_id == Order.id, Transaction.kind == "payment")
            query = (
                select(Order.id)
                .where(Order.store_id == job.door.store.id, Order.id > last, payable(), ~paid.exists())
                .order_by(Order.id)
                .limit(_BATCH)
            )
            ids = list(session.execute(query).scalars())
        if not ids:
            break
        last, made = ids[-1], made + len(ids)
        yield Batch(
            partial(_write_payments, job, ids), {"phase": "payments", "order": last, "made": made}, max(total, made)
        )
    yield Batch(partial(_count_others, job, made), {"phase": "refunds"}, total)


def _write_payments(job: Job, order_ids: Sequence[int], session: Session) -> Outcome:
    lock_account(session, job.door.store.account_id)
    record_payments(session, order_ids, clock.now())
    return Outcome(done=len(order_ids))


def _count_others(job: Job, made: int, session: Session) -> Outcome:
    """Count the payments that came with their orders, or were there before."""
    return Outcome(done=max(0, _payments_due(session, job) - made))


def _refunds(job: Job, cursor: dict[str, Any], payments: int) -> Iterator[Batch]:
    def whole(offset: int, per_page: int) -> Any:
        return job.door.refunds(offset=offset, per_page=per_page)

    def single(woo_id: int) -> object:
        try:
            return job.door.refunds(include=[woo_id])
        except Faltered:  # there is no address of one refund alone: a list of one is believed the second time
            return job.door.refunds(include=[woo_id])

    store = job.door.store
    position = Position(cursor.get("last_id", 0), cursor.get("offset", 0))
    fetch = piece_by_piece(job, whole, "Refund", single, position)
    for step in walk(fetch, position, per_page=store.page_size, connections=store.connections):
        after = {"phase": "refunds", "last_id": step.position.last_id, "offset": step.position.offset}
        total = None if step.total is None else payments + step.total
        yield Batch(partial(_write_refunds, job, step.rows), after, total)


def _refunds_by_order(job: Job, cursor: dict[str, Any], payments: int) -> Iterator[Batch]:
    last = int(cursor.get("order", 0))
    while True:
        with job.process.database.reading() as session:
            query = (
                select(Order.id, Order.woo_id)
                .where(Order.store_id == job.door.store.id, Order.id > last, Order.refunded_total > 0)
                .order_by(Order.id)
                .limit(20)
            )
            orders = session.execute(query).all()
        if not orders:
            return
        rows = [refund for order in orders for refund in job.door.refunds_of(order.woo_id)]
        last = orders[-1].id
        yield Batch(partial(_write_refunds, job, rows), {"phase": "refunds_by_order", "order": last}, None)


def _write_refunds(job: Job, rows: Sequence[RefundRecord | Unreadable], session: Session) -> Outcome:
    store = job.door.store
    lock_account(session, store.account_id)
    refunds = [row for row in rows if isinstance(row, RefundRecord)]
    skipped = record_refunds(session, store.id, refunds, clock.now())
    left_out = {refund.woo_id for refund, _ in skipped}
    came_in = [refund.woo_id for refund in refunds if refund.woo_id not in left_out]
    set_aside = [
        SetAside(
            *(refund.woo_id, f"Refund of order {refund.woo_order_id}", "skipped", code, REASONS[code]),
            parent_woo_id=refund.woo_order_id,
        )
        for refund, code in skipped
    ]
    failed = [unreadable(row) for row in rows if isinstance(row, Unreadable)]
    return Outcome(len(came_in), came_in, set_aside + failed)


ELEMENT = Element(batches, _count, _ids, _known, _again, besides=_count_payments)
