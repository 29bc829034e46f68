"""Live changes of products, their variations and categories (P1-P5, S6)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from sqlalchemy.orm import Session

from referins_woo import clock
from referins_woo.commerce.models import Product
from referins_woo.commerce.records import CategoryRecord, ProductRecord, VariantRecord
from referins_woo.commerce.upsert.bulk import lock_account
from referins_woo.commerce.upsert.collections import upsert_collections
from referins_woo.commerce.upsert.products import ProductChanges, update_variants, upsert_products
from referins_woo.events.observe import InUnit
from referins_woo.ingest import set_aside
from referins_woo.ingest.gone import mark as mark_gone
from referins_woo.ingest.set_aside import SetAside
from referins_woo.process import Process
from referins_woo.stores.door import Door


def take_products(
    process: Process,
    door: Door,
    products: Sequence[ProductRecord],
    variations: Mapping[int, int] | None = None,
    *,
    in_unit: InUnit | None = None,
) -> None:
    """Take products in; `variations` are ids of variations that changed, with their product's id where known.

    A variation's change is followed by reading its product's variations anew. Categories that products name become
    collections at once where collections are synced.
    """
    store = door.store
    complete = {product.woo_id: door.with_variants(product) for product in products}
    for parent_id in sorted(_parents(process, door, variations or {}) - complete.keys()):
        parent = door.product(parent_id)
        if isinstance(parent, ProductRecord):
            complete[parent_id] = door.with_variants(parent)
    with process.database.unit() as session:
        lock_account(session, store.account_id)
        write_products(session, door, list(complete.values()))
        if in_unit is not None:
            in_unit(session)


def write_products(session: Session, door: Door, products: Sequence[ProductRecord]) -> ProductChanges:
    """Write products and what follows from them, in the caller's unit."""
    store, now = door.store, clock.now()
    changes = upsert_products(session, store.account_id, store.id, store.currency, products, now)
    if store.sync_collections:
        named: dict[int, CategoryRecord] = {}
        for product in products:
            if product.woo_id in changes.by_woo_id:
                named.update({category.woo_id: category for category in product.categories})
        if named:
            upsert_collections(session, store.account_id, store.id, list(named.values()), now)
    entries = [
        SetAside(product.woo_id, product.name, "skipped", reason.code, reason.text)
        for product, reason in changes.skipped
    ]
    set_aside.note(session, store.account_id, store.id, None, "products", entries, now)
    set_aside.clear(session, store.id, "products", changes.by_woo_id.keys())
    return changes


def take_variants(process: Process, door: Door, variants: Sequence[VariantRecord]) -> None:
    """Take variations in that a sweep found; products whose variations came or went are read anew."""
    store = door.store
    with process.database.unit() as session:
        lock_account(session, store.account_id)
        reread = update_variants(session, store.id, variants, clock.now())
    products = [door.product(woo_id) for woo_id in reread]
    found = [product for product in products if isinstance(product, ProductRecord)]
    if found:
        take_products(process, door, found)


def confirm_gone_products(process: Process, door: Door, woo_ids: set[int]) -> None:
    """Ask for each product that is said to be deleted: gone or trashed ones are marked, others taken in (S5)."""
    gone, found = [], []
    for woo_id in sorted(woo_ids):
        product = door.product(woo_id)
        if product is None or (isinstance(product, ProductRecord) and product.status == "trash"):
            gone.append(woo_id)
        elif isinstance(product, ProductRecord):
            found.append(product)
    if found:
        take_products(process, door, found)
    if gone:
        with process.database.unit() as session:
            mark_gone(session, door.store.id, gone, model=Product)


def _parents(process: Process, door: Door, variations: Mapping[int, int]) -> set[int]:
    parents = {parent for parent in variations.values() if parent}
    for variation_id in (one for one, parent in variations.items() if not parent):
        variation = door.product(variation_id)  # variations can be read as products (fact 54)
        if isinstance(variation, ProductRecord) and variation.parent_id:
            parents.add(variation.parent_id)
    return parents
