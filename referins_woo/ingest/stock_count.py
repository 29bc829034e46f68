"""The opening count of a store: once its import has ended and it is caught up with (K1)."""

from __future__ import annotations

from datetime import timedelta

from sqlalchemy import ColumnElement, select
from sqlalchemy.orm import Session

from referins_woo import clock
from referins_woo.commerce import locations, stock_opening
from referins_woo.commerce.upsert.bulk import lock_account
from referins_woo.ingest import catch_up
from referins_woo.ingest.models import Import
from referins_woo.process import Process
from referins_woo.stores.models import Store, StoreLog


def due() -> ColumnElement[bool]:
    """Return the condition on stores that are to be counted now."""
    imported = select(Import.id).where(Import.store_id == Store.id, Import.state == "done").exists()
    at_work = (
        select(Import.id)
        .where(Import.store_id == Store.id, Import.state.in_(("waiting", "running", "paused")))
        .exists()
    )
    return (
        Store.import_stock
        & Store.stock_counted_at.is_(None)
        & (Store.state == "connected")
        & Store.location_id.is_not(None)
        & imported
        & ~at_work
    )


def count(process: Process, store_id: int) -> bool:
    """Catch up with a store and count it; returns whether there is more to catch up with first.

    Orders are swept before products: what an order took meanwhile is in the quantities that are read after it. Raises
    what the door raises.
    """
    if not _is_due(process, store_id):
        return False
    swept = catch_up.sweep(process, store_id)
    if swept is None or swept.more:
        return swept is not None
    with process.database.unit() as session:
        store = session.get_one(Store, store_id)
        lock_account(session, store.account_id)
        session.refresh(store, with_for_update=True)
        if session.scalar(select(Store.id).where(Store.id == store_id, due())) is not None:
            _count(session, store)
    return False


def _is_due(process: Process, store_id: int) -> bool:
    with process.database.reading() as session:
        return session.scalar(select(Store.id).where(Store.id == store_id, due())) is not None


def _count(session: Session, store: Store) -> None:
    now = clock.now()
    location = locations.own(session, store.account_id, store.location_id or 0)
    if location is None:
        return
    stock_opening.mend_keys(session, store.id)
    lines = stock_opening.proposal(session, store.id, location)
    at = now + timedelta(seconds=store.clock_skew_seconds)
    made = stock_opening.count_first(session, location, lines, store.name or store.url, "Referins", now, at)
    store.stock_counted_at = now
    before = sum(one.counted is not None for one in lines)
    text = f"Opening stock: {len(lines) - before:,} counted at {location.name}"
    text += f" by adjustment {made.number}" if made is not None else ""
    text += f"; {before:,} were counted there before, and stay as they are" if before else ""
    session.add(StoreLog(account_id=store.account_id, store_id=store.id, at=now, kind="stock_counted", text=f"{text}."))
