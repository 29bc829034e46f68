"""Fetches single records again because somebody asks (S7): exactly these, whatever sweeps and webhooks have seen.

They come in by the doors of live work: newest wins, history starts nothing, what happened fires once. 404 of one record
is that record gone, marked as any deletion is (S5), and says nothing about the keys; the same answer for all of them is
confirmed by the door as ever. Nothing is deleted here.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, Final

from sqlalchemy import select
from sqlalchemy.orm import Session

from referins_woo import clock
from referins_woo.commerce.models import Collection as Shelf
from referins_woo.commerce.models import ContactLink, Order, Product, Variant
from referins_woo.commerce.records import CategoryRecord, CustomerRecord, OrderRecord, ProductRecord, Unreadable
from referins_woo.commerce.upsert.bulk import among, lock_account
from referins_woo.commerce.upsert.collections import upsert_collections
from referins_woo.errors import Final as FinalError
from referins_woo.events import observe
from referins_woo.ingest import catalogue, gone, people
from referins_woo.ingest.elements.batch import ask_for
from referins_woo.process import Process
from referins_woo.stores.door import Door, open_store

AT_ONCE: Final = 50
"""Records of one call: one request where the store shows them all."""

OUTCOMES: Final = ("changed", "unchanged", "trashed", "gone", "unreadable", "switched_off")
"""What may become of a record: it changed here, or not; it lies in WooCommerce's trash, or is gone; the store shows it
in no way that can be read; its element is not synced with the store."""


class NoLocation(FinalError):
    """The store's orders have no place yet (L2)."""


@dataclass(frozen=True, slots=True)
class _Kind:
    """How records of one element are asked for, taken in and marked as gone."""

    word: str
    several: Callable[[Door, Sequence[int]], Any]
    single: Callable[[Door, int], Any]
    take: Callable[[Process, Door, list[Any]], object]
    leave: Callable[[Session, int, Collection[int]], None]
    """(session, store, ids): the store has these no more."""
    here: Callable[[Session, int, Sequence[int]], Mapping[int, Any]]
    """What is here of them, in a form that differs when anything in it does."""
    switch: str
    record: type[Any]


def fetch(process: Process, store_id: int, element: str, woo_ids: Sequence[int]) -> dict[int, str]:
    """Ask a store for records that are here, by their Woo ids; returns what became of each, a word of `OUTCOMES`.

    Raises what the door raises, and NoLocation; what came in by then stays.
    """
    kind = _KINDS[element]
    door = open_store(process, store_id)
    if door.store.needs_location:
        raise NoLocation("The store needs a location before its records come in.")
    if not getattr(door.store, kind.switch):
        return dict.fromkeys(woo_ids, "switched_off")
    with process.database.reading() as session:
        before = kind.here(session, store_id, woo_ids)
    asked = ask_for(door, woo_ids, partial(kind.several, door), partial(kind.single, door), kind.word)
    trashed = {woo_id for woo_id, row in asked.found.items() if _is_trashed(row)}
    missing = set(woo_ids) - asked.found.keys()
    left = missing | (trashed if element == "products" else set())
    rows = [row for row in asked.rows(kind.record) if row.woo_id not in left]
    if rows:
        kind.take(process, door, rows)
    if left:
        with process.database.unit() as session:
            kind.leave(session, store_id, left)
    with process.database.reading() as session:
        after = kind.here(session, store_id, woo_ids)
    return {
        woo_id: "gone"
        if woo_id in missing
        else "unreadable"
        if isinstance(asked.found[woo_id], Unreadable)
        else "trashed"
        if woo_id in trashed
        else "unchanged"
        if before.get(woo_id) == after.get(woo_id)
        else "changed"
        for woo_id in woo_ids
    }


def _is_trashed(row: Any) -> bool:
    return isinstance(row, (OrderRecord, ProductRecord)) and row.status == "trash"


def _listed(page: Any) -> Any:
    return zip(page.ids, page.rows, strict=True)


def _take_orders(process: Process, door: Door, rows: list[OrderRecord]) -> None:
    observe.take_orders(process, door, rows, fetched=True)


def _orders_gone(session: Session, store_id: int, woo_ids: Collection[int]) -> None:
    observe.note_gone(session, store_id, list(woo_ids), clock.now())


def _orders_here(session: Session, store_id: int, woo_ids: Sequence[int]) -> Mapping[int, Any]:
    rows = session.execute(
        select(Order.woo_id, Order.content_hash, Order.modified_at, Order.gone_at, Order.in_trash).where(
            Order.store_id == store_id, among(session, Order.woo_id, woo_ids)
        )
    )
    return {row.woo_id: tuple(row) for row in rows}


def _products_here(session: Session, store_id: int, woo_ids: Sequence[int]) -> Mapping[int, Any]:
    found = session.execute(
        select(Product.id, Product.woo_id, Product.content_hash, Product.gone_at).where(
            Product.store_id == store_id, among(session, Product.woo_id, woo_ids)
        )
    ).all()
    variants = session.execute(
        select(Variant.product_id, Variant.woo_id, Variant.content_hash, Variant.gone_at)
        .where(among(session, Variant.product_id, [row.id for row in found]))
        .order_by(Variant.woo_id)
    ).all()
    return {row.woo_id: (tuple(row), [tuple(one) for one in variants if one.product_id == row.id]) for row in found}


def _contacts_here(session: Session, store_id: int, woo_ids: Sequence[int]) -> Mapping[int, Any]:
    rows = session.execute(
        select(ContactLink.woo_id, ContactLink.content_hash, ContactLink.gone_at).where(
            ContactLink.store_id == store_id, among(session, ContactLink.woo_id, woo_ids)
        )
    )
    return {row.woo_id: tuple(row) for row in rows}


def _take_collections(process: Process, door: Door, rows: list[CategoryRecord]) -> None:
    store = door.store
    with process.database.unit() as session:
        lock_account(session, store.account_id)
        upsert_collections(session, store.account_id, store.id, rows, clock.now())


def _collections_here(session: Session, store_id: int, woo_ids: Sequence[int]) -> Mapping[int, Any]:
    rows = session.execute(
        select(Shelf.woo_id, Shelf.name, Shelf.slug, Shelf.gone_at).where(
            Shelf.store_id == store_id, among(session, Shelf.woo_id, woo_ids)
        )
    )
    return {row.woo_id: tuple(row) for row in rows}


_KINDS: Final[Mapping[str, _Kind]] = {
    "orders": _Kind(
        word="Order",
        several=lambda door, ids: _listed(door.orders(include=ids)),
        single=lambda door, woo_id: door.order(woo_id),
        take=_take_orders,
        leave=_orders_gone,
        here=_orders_here,
        switch="sync_orders",
        record=OrderRecord,
    ),
    "products": _Kind(
        word="Product",
        several=lambda door, ids: _listed(door.products(include=ids)),
        single=lambda door, woo_id: door.product(woo_id),
        take=catalogue.take_products,
        leave=partial(gone.mark, model=Product),
        here=_products_here,
        switch="sync_products",
        record=ProductRecord,
    ),
    "contacts": _Kind(
        word="Customer",
        several=lambda door, ids: _listed(door.customers("all", include=ids)),
        single=lambda door, woo_id: door.customer(woo_id),
        take=people.take_customers,
        leave=partial(gone.mark, model=ContactLink),
        here=_contacts_here,
        switch="sync_contacts",
        record=CustomerRecord,
    ),
    "collections": _Kind(
        word="Category",
        several=lambda door, ids: _listed(door.categories(include=ids)),
        single=lambda door, woo_id: door.category(woo_id),
        take=_take_collections,
        leave=partial(gone.mark, model=Shelf),
        here=_collections_here,
        switch="sync_collections",
        record=CategoryRecord,
    ),
}
