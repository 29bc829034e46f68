"""Products that meet the rules, with their variations, and the categories that they name (P1-P4)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from functools import partial
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from referins_woo import clock
from referins_woo.commerce.models import Collection, Product
from referins_woo.commerce.records import CategoryRecord, ProductRecord, Unreadable
from referins_woo.commerce.upsert.bulk import among, lock_account
from referins_woo.commerce.upsert.collections import upsert_collections
from referins_woo.commerce.upsert.products import upsert_products
from referins_woo.ingest.elements.batch import Batch, Element, Job, Outcome, Write, ask_for, piece_by_piece
from referins_woo.ingest.set_aside import SetAside, no_imported_product, unreadable
from referins_woo.ingest.walk import Position, Step, walk
from referins_woo.stores.door import ITS_OWN_FAULT, Faltered

_ASKED = 3
"""How often variations are asked for before their product is set aside: a moment's trouble is no broken record."""


def batches(job: Job, cursor: dict[str, Any]) -> Iterator[Batch]:
    """Walk all products; variable ones bring their variations."""
    store = job.door.store

    def whole(offset: int, per_page: int) -> Any:
        return job.door.products(offset=offset, per_page=per_page)

    position = Position(cursor.get("last_id", 0), cursor.get("offset", 0))
    fetch = piece_by_piece(job, whole, "Product", job.door.product, position)
    with ThreadPoolExecutor(max(1, store.connections), thread_name_prefix="variations") as pool:
        for step in walk(fetch, position, per_page=store.page_size, connections=store.connections):
            readable = [row for row in step.rows if isinstance(row, ProductRecord)]
            complete = list(pool.map(partial(_complete, job), readable))
            cursor = {"last_id": step.position.last_id, "offset": step.position.offset}
            yield Batch(partial(_write, job, step, complete), cursor, step.total)


def _complete(job: Job, product: ProductRecord) -> ProductRecord | Unreadable:
    """Return the product with its variations; after a failure, one whose variations the store cannot show is named."""
    for _ in range(_ASKED if job.careful else 1):
        try:
            return job.door.with_variants(product)
        except Faltered as error:
            if not job.careful or error.status not in ITS_OWN_FAULT:
                raise
        job.door.probe()
    reason = "The store answers with an error whenever it is asked for this product's variations"
    return Unreadable(product.woo_id, product.name, "store_fails", reason)


def _count(job: Job) -> int | None:
    return job.door.count("products")


def _ids(job: Job, offset: int, per_page: int) -> Any:
    return job.door.ids("products", offset=offset, per_page=per_page)


def _known(session: Session, job: Job, ids: Sequence[int]) -> set[int]:
    here = select(Product.woo_id).where(Product.store_id == job.store.id, among(session, Product.woo_id, ids))
    return set(session.execute(here).scalars())


def _again(job: Job, ids: Sequence[int]) -> Write:
    """Ask for products by their ids, with their variations."""

    def several(part: Sequence[int]) -> Any:
        page = job.door.products(include=part)
        return zip(page.ids, page.rows, strict=True)

    careful = replace(job, careful=True)
    asked = ask_for(job.door, ids, several, None, "Product")
    complete = [_complete(careful, row) for row in asked.rows(ProductRecord)]
    step: Step[Any] = Step(list(asked.found.values()), list(asked.found), Position(), None)
    return partial(_write, job, step, complete)


def _write(job: Job, step: Step[Any], complete: Sequence[ProductRecord | Unreadable], session: Session) -> Outcome:
    store = job.door.store
    lock_account(session, store.account_id)
    products = [row for row in complete if isinstance(row, ProductRecord)]
    changes = upsert_products(session, store.account_id, store.id, store.currency, products, clock.now())
    skipped = [
        SetAside(product.woo_id, product.name, "skipped", reason.code, reason.text)
        for product, reason in changes.skipped
    ]
    failed = [unreadable(row) for row in (*step.rows, *complete) if isinstance(row, Unreadable)]
    parts = [unreadable(part) for product in products for part in product.unreadable]
    read = [variant.woo_id for product in products for variant in product.variants]
    return Outcome(len(changes.by_woo_id), list(changes.by_woo_id), skipped + failed, parts, {"variations": read})


def collection_batches(job: Job, cursor: dict[str, Any]) -> Iterator[Batch]:
    """Walk all categories; those that an imported product names itself become collections (P4)."""
    store = job.door.store

    def whole(offset: int, per_page: int) -> Any:
        return job.door.categories(offset=offset, per_page=per_page)

    position = Position(cursor.get("last_id", 0), cursor.get("offset", 0))
    fetch = piece_by_piece(job, whole, "Category", job.door.category, position)
    for step in walk(fetch, position, per_page=store.page_size, connections=store.connections):
        cursor = {"last_id": step.position.last_id, "offset": step.position.offset}
        yield Batch(partial(_write_collections, job, step), cursor, step.total)


def _count_categories(job: Job) -> int | None:
    return job.door.count("products/categories")


def _category_ids(job: Job, offset: int, per_page: int) -> Any:
    return job.door.ids("products/categories", offset=offset, per_page=per_page)


def _known_collections(session: Session, job: Job, ids: Sequence[int]) -> set[int]:
    here = select(Collection.woo_id).where(Collection.store_id == job.store.id, among(session, Collection.woo_id, ids))
    return set(session.execute(here).scalars())


def _categories_again(job: Job, ids: Sequence[int]) -> Write:
    """Ask for categories by their ids."""

    def several(part: Sequence[int]) -> Any:
        page = job.door.categories(include=part)
        return zip(page.ids, page.rows, strict=True)

    asked = ask_for(job.door, ids, several, job.door.category, "Category")
    return partial(_write_collections, job, Step(list(asked.found.values()), list(asked.found), Position(), None))


def _write_collections(job: Job, step: Step[Any], session: Session) -> Outcome:
    store = job.door.store
    lock_account(session, store.account_id)
    readable = [row for row in step.rows if isinstance(row, CategoryRecord)]
    kept, skipped = upsert_collections(session, store.account_id, store.id, readable, clock.now())
    left_out = {category.woo_id for category in skipped}
    set_aside = [no_imported_product(category) for category in skipped]
    failed = [unreadable(row) for row in step.rows if isinstance(row, Unreadable)]
    came_in = [category.woo_id for category in readable if category.woo_id not in left_out]
    return Outcome(len(kept), came_in, set_aside + failed)


ELEMENT = Element(batches, _count, _ids, _known, _again)
COLLECTIONS = Element(collection_batches, _count_categories, _category_ids, _known_collections, _categories_again)
