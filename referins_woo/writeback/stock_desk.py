"""What people decide about a store's quantities: on and off, its terms, and what was changed in WooCommerce (K0–K4)."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from referins_woo import queues
from referins_woo.accounts import audit
from referins_woo.commerce import ledger, locations, store_shelf
from referins_woo.commerce.ledger import Goods
from referins_woo.commerce.models import StockAdjustment, StoreStock
from referins_woo.commerce.upsert.bulk import among, lock_account
from referins_woo.errors import InvalidInput
from referins_woo.stores import stock_switch
from referins_woo.stores.connection import LIVE_STATES
from referins_woo.stores.models import Store
from referins_woo.writeback import stock_due

MOST_BUFFER = 1_000_000


def compare(session: Session, store: Store, now: datetime) -> None:
    """Have all quantities of a store compared: the dry run shows what that finds (K4). Raises InvalidInput."""
    _can_push(store)
    store.stock_asked_at = now
    queues.ring_after_commit(session, "push_stock", store.id)


def turn_on(session: Session, store: Store, now: datetime) -> None:
    """Keep the store's quantities from here (K0). Raises InvalidInput where it was not compared, or cannot be written.

    Somebody has seen the dry run by now.
    """
    _can_push(store)
    if store.stock_checked_at is None or stock_due.is_comparing(store):
        raise InvalidInput("push_stock", "Look at the dry run first: it shows what would change in WooCommerce.")
    if store.push_stock:
        return
    stock_switch.turn_on(session, store, now)
    stock_due.look_again(session, store.id)
    queues.ring_after_commit(session, "push_stock", store.id)


def turn_off(session: Session, store: Store, now: datetime) -> None:
    """Leave the store's quantities to WooCommerce again; what they are stays as it is there."""
    lock_account(session, store.account_id)
    stock_switch.turn_off(session, store, now, "Its quantities are left to WooCommerce.")


def set_terms(
    session: Session, store: Store, now: datetime, *, buffer: int | None = None, all_commitments: bool | None = None
) -> bool:
    """Change by what the store is told; None leaves a thing as it is. Returns whether something changed.

    Raises InvalidInput.
    """
    if buffer is not None and not 0 <= buffer <= MOST_BUFFER:
        raise InvalidInput("stock_buffer", f"Give a whole number from 0 to {MOST_BUFFER:,}.")
    before = store.stock_buffer, store.stock_all_commitments
    store.stock_buffer = before[0] if buffer is None else buffer
    store.stock_all_commitments = before[1] if all_commitments is None else all_commitments
    if (store.stock_buffer, store.stock_all_commitments) == before:
        return False
    others = "all stores" if store.stock_all_commitments else "this store"
    text = f"Buffer {store.stock_buffer:,}; what orders of {others} hold is not offered."
    stock_switch.note(session, store, now, text)
    stock_due.look_again(session, store.id)
    queues.ring_after_commit(session, "push_stock", store.id)
    return True


def take_over(
    session: Session, store: Store, ids: Collection[int] | None, now: datetime, who: str
) -> tuple[int, StockAdjustment | None]:
    """Believe what WooCommerce shows of changed goods (by row; None: all): one adjustment makes it so here.

    Other stores are told of it. Returns of how many goods that is decided, and the adjustment; None where our books
    show the same already, or nothing waits any more.
    """
    lock_account(session, store.account_id)
    told = stock_due.terms_of(session, store.id)
    rows = _changed(session, store, ids)
    location = locations.own(session, store.account_id, told.terms.location_id) if told is not None else None
    if told is None or location is None or not rows:
        return 0, None
    changes: dict[Goods, int] = {}
    for line in store_shelf.lines(session, told.terms, rows):
        shown = line.row.expected + line.row.drift
        wanted = shown + line.figures.committed + told.terms.buffer
        if wanted != line.figures.on_hand:
            goods = Goods(line.item.stock_key, line.item.sku, line.item.name)
            changes[goods] = wanted - line.figures.on_hand
    _agree(rows)
    if not changes:
        return len(rows), None
    made = ledger.adjust(
        session,
        location,
        changes,
        kind=ledger.BY_HAND,
        reason=f"Taken over from WooCommerce, {store.name or store.url}",
        by=who,
        now=now,
    )
    audit.record(session, store.account_id, "stock_adjusted", f"Adjustment {made.number}", location=location.name)
    return len(rows), made


def overwrite(session: Session, store: Store, ids: Collection[int] | None, now: datetime) -> int:
    """Tell the store its quantities all the same, where they were changed there (by row; None: all); returns how many.

    Whatever is changed there again before that, is shown again.
    """
    lock_account(session, store.account_id)
    rows = _changed(session, store, ids)
    _agree(rows)
    if rows:
        audit.record(session, store.account_id, "stock_overwritten", store.url, goods=len(rows))
        queues.ring_after_commit(session, "push_stock", store.id)
    return len(rows)


def try_again(session: Session, store: Store, ids: Collection[int] | None) -> int:
    """Tell the store again what it did not take (by row; None: all); returns how many."""
    lock_account(session, store.account_id)
    wanted = (
        *(StoreStock.store_id == store.id, StoreStock.state == "failed", StoreStock.error != store_shelf.TWICE),
        *(() if ids is None else (among(session, StoreStock.id, sorted(ids)),)),
    )
    rows = session.scalars(select(StoreStock).where(*wanted)).all()
    for row in rows:
        row.state, row.revision, row.error = "in_step", -1, ""
    if rows:
        queues.ring_after_commit(session, "push_stock", store.id)
    return len(rows)


def counts(session: Session, store_id: int) -> dict[str, int]:
    """Return how many goods of a store are in which state."""
    rows = session.execute(
        select(StoreStock.state, func.count()).where(StoreStock.store_id == store_id).group_by(StoreStock.state)
    )
    return {row[0]: row[1] for row in rows}


def _changed(session: Session, store: Store, ids: Collection[int] | None) -> list[StoreStock]:
    wanted = (
        *(StoreStock.store_id == store.id, StoreStock.state == "changed"),
        *(() if ids is None else (among(session, StoreStock.id, sorted(ids)),)),
    )
    return list(session.scalars(select(StoreStock).where(*wanted).order_by(StoreStock.id)))


def _agree(rows: Collection[StoreStock]) -> None:
    """Expect from now on what the store showed when it was last looked at, and what its orders took since."""
    for row in rows:
        row.expected, row.drift = row.expected + row.drift, 0
        row.state, row.error, row.revision = "in_step", "", -1


def _can_push(store: Store) -> None:
    if store.state == "needs_reconnect" and store.cause == "read_only_key":
        raise InvalidInput(
            "push_stock", "The store's key may only read: give it the permission Read/Write in WooCommerce first."
        )
    if store.state not in LIVE_STATES:
        raise InvalidInput("push_stock", "The store is not connected: connect it first.")
    if store.location_id is None:
        raise InvalidInput("push_stock", "The store has no location: choose one first.")
