"""Products, their variations, and the categories that became collections."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import select

from referins_woo.commerce.models import Collection, Product, Variant
from referins_woo.commerce.records import ProductRecord
from referins_woo.commerce.upsert.bulk import among
from referins_woo.ingest import catalogue, set_aside
from referins_woo.ingest.reconcile.comparison import PACK, Comparison, packs
from referins_woo.stores.door import NotSupported


def products(it: Comparison) -> bool:
    """What has gone is marked; what is missing is fetched where products are synced."""
    here = (Product.gone_at.is_(None), Product.woo_status != "trash")
    for found in it.walk("products", Product, here):
        if found.missing:
            catalogue.confirm_gone_products(it.process, it.door, set(found.missing))
            it.count_gone(Product, found.missing, "gone products")
        if it.imported["products"] and it.store.sync_products:
            _fetch(it, it.not_known(found.unknown, "products", Product))
        it.forget_set_aside("products", found)
    return it.ended


def _fetch(it: Comparison, woo_ids: Sequence[int]) -> None:
    for pack in packs(woo_ids):
        rows = it.door.products(include=pack, per_page=PACK).rows
        records = [row for row in rows if isinstance(row, ProductRecord)]
        if records:
            catalogue.take_products(it.process, it.door, records, in_unit=it.hold)
            with it.process.database.reading() as session:
                left_out = set_aside.noted(session, it.store.id, "products", woo_ids)
            it.found("missing products", len(records) - len(left_out))


def variations(it: Comparison) -> bool:
    """A variation that has gone is found by reading its product anew."""
    if not it.store.sync_products:
        return True
    try:
        for found in it.walk("variations", Variant, (Variant.gone_at.is_(None),)):
            read = [it.door.product(woo_id) for woo_id in _parents(it, found.missing)]
            readable = [product for product in read if isinstance(product, ProductRecord)]
            if readable:
                catalogue.take_products(it.process, it.door, readable, in_unit=it.hold)
    except NotSupported:
        return True
    return it.ended


def _parents(it: Comparison, variation_ids: Sequence[int]) -> list[int]:
    if not variation_ids:
        return []
    query = select(Product.woo_id).join(Variant, Variant.product_id == Product.id)
    query = query.where(Variant.store_id == it.store.id, Product.gone_at.is_(None))
    with it.process.database.reading() as session:
        return sorted(session.scalars(query.where(among(session, Variant.woo_id, variation_ids)).distinct()))


def collections(it: Comparison) -> bool:
    """A category that has gone is marked."""
    for found in it.walk("products/categories", Collection, (Collection.gone_at.is_(None),)):
        gone = [woo_id for woo_id in found.missing if it.door.category(woo_id) is None]
        it.mark_gone(Collection, gone, "gone collections")
        it.forget_set_aside("collections", found)
    return it.ended
