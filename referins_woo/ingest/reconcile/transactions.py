"""Payments that orders here are due, and refunds that are not here."""

from __future__ import annotations

from typing import Any

from sqlalchemy import select

from referins_woo import clock
from referins_woo.commerce.models import Order
from referins_woo.commerce.upsert.bulk import lock_account
from referins_woo.commerce.upsert.transactions import payable, record_payments, record_refunds
from referins_woo.ingest import counts, set_aside
from referins_woo.ingest.elements.transactions import REASONS
from referins_woo.ingest.models import Watermark
from referins_woo.ingest.reconcile.comparison import Comparison
from referins_woo.ingest.set_aside import SetAside
from referins_woo.ingest.walk import Position, walk
from referins_woo.stores.door import NotSupported


def transactions(it: Comparison) -> bool:
    """Payments are made up from the orders; all refunds are read where the ledger does not add up."""
    store, now = it.store, clock.now()
    if not store.sync_transactions or not it.imported["transactions"]:
        return True
    with it.process.database.unit() as session:
        it.hold(session)
        lock_account(session, store.account_id)
        due = select(Order.id).where(Order.store_id == store.id, payable(), ~counts.has_payment())
        record_payments(session, list(session.scalars(due)), now)
    if not _is_off(it):
        return True

    def fetch(offset: int, per_page: int) -> Any:
        return it.door.refunds(offset=offset, per_page=per_page)

    try:
        for step in walk(fetch, Position(), per_page=store.page_size):
            refunds = [row for row in step.rows if not hasattr(row, "reason_code")]
            with it.process.database.unit() as session:
                it.hold(session)
                lock_account(session, store.account_id)
                skipped = record_refunds(session, store.id, refunds, now)
                entries = [
                    SetAside(one.woo_id, f"Refund of order {one.woo_order_id}", "skipped", code, REASONS[code])
                    for one, code in skipped
                ]
                set_aside.note(session, store.account_id, store.id, None, "transactions", entries, now)
    except NotSupported:
        pass
    return True


def _is_off(it: Comparison) -> bool:
    query = select(Watermark).where(Watermark.store_id == it.store.id, Watermark.element == "transactions")
    with it.process.database.reading() as session:
        row = session.scalar(query)
    return row is None or row.woo_count != row.here_count + row.skipped_count + row.failed_count
