"""The opening count of a store: once its import has ended and it is caught up with (K1).

Where goods were counted at its location before, for another store or by hand, or where somebody asked to see it first,
nothing is written before it was looked at: the count waits, with both numbers, until somebody confirms it.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, select
from sqlalchemy.orm import Session

from referins_woo import clock, queues
from referins_woo.accounts import audit
from referins_woo.commerce import ledger, locations, stock_opening
from referins_woo.commerce.upsert.bulk import lock_account
from referins_woo.errors import InvalidInput
from referins_woo.ingest import catch_up
from referins_woo.ingest.models import Import
from referins_woo.process import Process
from referins_woo.stores.models import Store, StoreLog


def ask(session: Session, store: Store) -> bool:
    """Have a store counted, and shown before anything is written; returns whether that is news. Raises InvalidInput."""
    if store.state != "connected":
        raise InvalidInput("opening", "Only a connected store can be counted.")
    if store.import_stock:
        return False
    store.import_stock = store.stock_shown_first = True
    audit.record(session, store.account_id, "store_settings_changed", store.url, opening_stock="yes")
    queues.ring_after_commit(session, "count_stock", store.id)
    return True


def confirm(session: Session, store: Store, typed: Mapping[str, tuple[int, int]], who: str) -> None:
    """Have the count written as it is shown, but for what was typed: key → (as shown, as it is to be), in 1/10,000.

    It is written in a moment, once the store is caught up with: what is sold meanwhile is in it. Raises InvalidInput.
    """
    if store.stock_proposed_at is None or store.stock_counted_at is not None:
        raise InvalidInput("opening", "No opening stock waits to be confirmed.")
    if any(abs(wanted) > ledger.LARGEST for _, wanted in typed.values()):
        raise InvalidInput("lines", "A quantity is at most 1,000,000,000.")
    changes = {key: wanted - shown for key, (shown, wanted) in typed.items() if wanted != shown}
    store.stock_choices = {"by": who[:320], "changes": changes}
    audit.record(session, store.account_id, "opening_stock_confirmed", store.url, changed=len(changes))
    queues.ring_after_commit(session, "count_stock", store.id)


def leave(session: Session, store: Store) -> None:
    """Do not count it: nothing is written, and it can be asked for again. Raises InvalidInput."""
    if store.stock_proposed_at is None or store.stock_choices is not None:
        raise InvalidInput("opening", "No opening stock waits to be confirmed.")
    store.import_stock = store.stock_shown_first = store.push_when_counted = False
    store.stock_proposed_at = None
    audit.record(session, store.account_id, "store_settings_changed", store.url, opening_stock="no")


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
        & (Store.stock_proposed_at.is_(None) | Store.stock_choices.is_not(None))
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
    before = sum(one.counted is not None for one in lines)
    if store.stock_choices is None and (store.stock_shown_first or before):
        store.stock_proposed_at = now
        were = f"; {before:,} were counted at {location.name} before" if before else ""
        _log(
            session,
            store,
            now,
            "stock",
            f"The opening stock waits under Stock to be confirmed: {len(lines):,} goods{were}.",
        )
        return
    chosen = store.stock_choices or {}
    by, choices = chosen.get("by", "Referins"), chosen.get("changes", {})
    at = now + timedelta(seconds=store.clock_skew_seconds)
    made = stock_opening.count_first(session, location, lines, store.id, store.name or store.url, by, now, at, choices)
    store.stock_counted_at, store.stock_proposed_at, store.stock_choices = now, None, None
    text = f"Opening stock: {len(lines) - before:,} counted at {location.name}"
    text += f" by adjustment {made.number}" if made is not None else ""
    changed = sum(one.counted is not None and bool(choices.get(one.key)) for one in lines)
    text += f"; {before:,} were counted there before, {changed:,} of them changed" if before else ""
    _log(session, store, now, "stock_counted", f"{text}.")
    if store.push_when_counted:
        _keep_from_here(session, store, now, is_first=not before and not _is_shared(session, store))


def _keep_from_here(session: Session, store: Store, now: datetime, *, is_first: bool) -> None:
    """Have the store compared; its quantities are kept from here by that, where the count was made of its own.

    Else the dry run may show changes, and waits for somebody to see them.
    """
    store.stock_asked_at = now
    queues.ring_after_commit(session, "push_stock", store.id)
    if not is_first:
        store.push_when_counted = False
        text = "Goods were counted at its location before: look at the dry run under Stock, and turn it on there."
        _log(session, store, now, "stock", text)


def _is_shared(session: Session, store: Store) -> bool:
    """Whether another store was counted at its location before."""
    other = select(Store.id).where(
        *(Store.account_id == store.account_id, Store.id != store.id),
        *(Store.location_id == store.location_id, Store.stock_counted_at.is_not(None)),
    )
    return session.scalar(other.limit(1)) is not None


def _log(session: Session, store: Store, now: datetime, kind: str, text: str) -> None:
    session.add(StoreLog(account_id=store.account_id, store_id=store.id, at=now, kind=kind, text=text))
