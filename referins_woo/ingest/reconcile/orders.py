"""Orders: all of them, those in the trash, and those that an import was limited to."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import partial
from typing import Any, Final

from sqlalchemy import select
from sqlalchemy.orm import Session

from referins_woo import clock
from referins_woo.commerce.models import Order, Tombstone
from referins_woo.commerce.records import OrderRecord
from referins_woo.commerce.upsert.bulk import update_rows
from referins_woo.events import observe
from referins_woo.ingest import counts, set_aside
from referins_woo.ingest.elements.batch import ask_for
from referins_woo.ingest.live import confirm_gone_orders
from referins_woo.ingest.reconcile.comparison import PACK, Comparison, Difference, packs

_IN_TRASH: Final = {"statuses": ("trash",)}


def all_of_them(it: Comparison) -> bool:
    """What has gone is marked; what is missing is fetched, unless the import was limited."""
    here = (Order.gone_at.is_(None), Order.in_trash.is_(False))
    fills = it.store.sync_orders and not _scope(it).is_narrow
    for found in it.walk("orders", Order, here):
        if found.missing:
            confirm_gone_orders(it.process, it.door, set(found.missing))
            it.count_gone(Order, found.missing, "gone orders")
        _tombs(it, found)
        it.forget_set_aside("orders", found)
        if fills:
            _fetch(it, found)
    return it.ended


def in_scope(it: Comparison) -> bool:
    """With a limit to what is imported only what lies within it can be missing."""
    scope = _scope(it)
    if not scope.is_narrow or not it.store.sync_orders:
        return True
    asked = {"after": scope.after, "statuses": scope.statuses or None}
    for found in it.walk("orders", Order, (), asked):
        _fetch(it, found)
    return it.ended


def in_trash(it: Comparison) -> bool:
    """What lay in the trash and is not there any more has been deleted for good, or restored."""
    for found in it.walk("orders", Order, (Order.in_trash.is_(True), Order.gone_at.is_(None)), _IN_TRASH):
        if found.missing:
            confirm_gone_orders(it.process, it.door, set(found.missing))
            it.count_gone(Order, found.missing, "gone orders")
    return it.ended


def _scope(it: Comparison) -> counts.Scope:
    return counts.order_scope(it.store, imported=it.imported["orders"])


def _fetch(it: Comparison, found: Difference) -> None:
    """Fetch what is missing or could not be read; a draft is nobody's order yet, and is listed as such (28)."""
    wanted = it.not_known(found.unknown, "orders", Order, Tombstone) + it.unreadable(found.listed, "orders")
    for pack in packs(wanted):
        asked = ask_for(it.door, pack, partial(_several, it), None, "Order")
        records = asked.rows(OrderRecord)
        drafts = [set_aside.draft(record) for record in records if record.is_draft]
        it.set_aside("orders", [*drafts, *asked.failed])
        orders = [record for record in records if not record.is_draft]
        if orders:
            observe.take_orders(it.process, it.door, orders, fetched=True, in_unit=partial(_taken, it, orders))
            it.found("missing orders", len({order.woo_id for order in orders} & set(found.unknown)))


def _taken(it: Comparison, orders: Sequence[OrderRecord], session: Session) -> None:
    """What could not be read before and now could is no longer set aside."""
    it.hold(session)
    set_aside.clear_failed(session, it.store.id, "orders", [order.woo_id for order in orders])


def _several(it: Comparison, woo_ids: Sequence[int]) -> Iterable[tuple[int, Any]]:
    page = it.door.orders(include=woo_ids, per_page=PACK)
    return zip(page.ids, page.rows, strict=True)


def _tombs(it: Comparison, found: Difference) -> None:
    """Orders deleted here that the store has, or has no more: the ledger leaves out those that it has."""
    inside = Tombstone.store_id == it.store.id, Tombstone.woo_id > found.low, Tombstone.woo_id <= found.high
    with it.process.database.reading() as session:
        tombs = session.execute(select(Tombstone.id, Tombstone.woo_id, Tombstone.gone_at).where(*inside)).all()
    listed, now = set(found.unknown), clock.now()
    changed = [
        [tomb.id, None if tomb.woo_id in listed else now]
        for tomb in tombs
        if (tomb.woo_id in listed) is (tomb.gone_at is not None)
    ]
    if changed:
        with it.process.database.unit() as session:
            it.hold(session)
            update_rows(session, Tombstone, ("id", "gone_at"), changed)
