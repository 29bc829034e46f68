"""Categories that some imported product names itself become collections (P4)."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from referins_woo.commerce.models import Collection, CollectionProduct, Product
from referins_woo.commerce.records import CategoryRecord
from referins_woo.commerce.upsert.bulk import insert_rows, new_ids, update_rows

_COLLECTION = ("id", "account_id", "store_id", "woo_id", "name", "slug", "gone_at", "created_at", "updated_at")


def named_categories(session: Session, store_id: int) -> dict[int, CategoryRecord]:
    """Return the categories that the store's imported products name, as the products spell them."""
    rows = session.execute(
        select(CollectionProduct.woo_category_id, CollectionProduct.name, CollectionProduct.slug)
        .join(Product, Product.id == CollectionProduct.product_id)
        .where(Product.store_id == store_id)
        .distinct()
    )
    return {woo_id: CategoryRecord(woo_id, name, slug) for woo_id, name, slug in rows}


def upsert_collections(
    session: Session, account_id: int, store_id: int, categories: Sequence[CategoryRecord], now: datetime
) -> tuple[list[int], list[CategoryRecord]]:
    """Write the categories that an imported product names, and those that are here already.

    Returns our ids of what is in the mirror now, and the categories set aside because no imported product names them.
    """
    by_id = {category.woo_id: category for category in categories}
    named = set(
        session.execute(
            select(CollectionProduct.woo_category_id)
            .join(Product, Product.id == CollectionProduct.product_id)
            .where(Product.store_id == store_id, CollectionProduct.woo_category_id.in_(by_id))
            .distinct()
        ).scalars()
    )
    existing = {
        row.woo_id: row
        for row in session.execute(
            select(Collection.id, Collection.woo_id, Collection.name, Collection.slug, Collection.gone_at).where(
                Collection.store_id == store_id, Collection.woo_id.in_(by_id)
            )
        )
    }
    fresh = [category for woo_id, category in by_id.items() if woo_id in named and woo_id not in existing]
    rows: list[list[Any]] = [
        [key, account_id, store_id, category.woo_id, category.name, category.slug, None, now, now]
        for key, category in zip(new_ids(session, Collection, len(fresh)), fresh, strict=True)
    ]
    insert_rows(session, Collection, _COLLECTION, rows)
    changed = [
        [row.id, by_id[woo_id].name, by_id[woo_id].slug, None, now]
        for woo_id, row in existing.items()
        if (row.name, row.slug, row.gone_at) != (by_id[woo_id].name, by_id[woo_id].slug, None)
    ]
    update_rows(session, Collection, ("id", "name", "slug", "gone_at", "updated_at"), changed)
    kept = [row[0] for row in rows] + [row.id for row in existing.values()]
    skipped = [category for woo_id, category in by_id.items() if woo_id not in named and woo_id not in existing]
    return kept, skipped
