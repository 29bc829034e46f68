"""Products with their variants, and the categories that they name (P1-P5, S6)."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import delete, select, update
from sqlalchemy.orm import Session

from referins_woo.commerce.catalogue_rules import Reason, own_sku, reason_to_skip, variants_to_keep
from referins_woo.commerce.models import CollectionProduct, Product, Variant
from referins_woo.commerce.records import ProductRecord, VariantRecord
from referins_woo.commerce.upsert.bulk import insert_rows, new_ids, update_rows

_PRODUCT = (
    *("id", "account_id", "store_id", "woo_id", "type", "woo_status", "name", "slug", "sku", "price", "currency"),
    *("permalink", "image_url", "include_in_online_store", "switched_off_here", "manage_stock", "stock_quantity"),
    *("stock_status", "backorders", "modified_at", "gone_at", "content_hash", "created_at", "updated_at"),
)
_PRODUCT_CHANGE = (
    *("id", "type", "woo_status", "name", "slug", "sku", "price", "permalink", "image_url", "include_in_online_store"),
    *("manage_stock", "stock_quantity", "stock_status", "backorders", "modified_at", "gone_at", "content_hash"),
    "updated_at",
)
_VARIANT = (
    *("id", "account_id", "store_id", "product_id", "woo_id", "position", "sku", "price", "attributes"),
    *("manage_stock", "stock_quantity", "stock_status", "modified_at", "gone_at", "content_hash"),
)
_VARIANT_UPDATE = _VARIANT[3:4] + _VARIANT[5:]


@dataclass(slots=True)
class ProductChanges:
    """What a page of products changed."""

    by_woo_id: dict[int, int] = field(default_factory=dict)
    """Woo id → our id of every product that is in the mirror now."""
    created: list[int] = field(default_factory=list)
    updated: list[int] = field(default_factory=list)
    skipped: list[tuple[ProductRecord, Reason]] = field(default_factory=list)


def upsert_products(
    session: Session, account_id: int, store_id: int, currency: str, products: Sequence[ProductRecord], now: datetime
) -> ProductChanges:
    """Write products that meet the rule or are here already; the others come back with their reason.

    What stops meeting the rule stays, with "Include in online store" off while unpublished (P1, P2, P5).
    """
    changes = ProductChanges()
    newest = {product.woo_id: product for product in products}
    existing = {
        row.woo_id: row
        for row in session.execute(
            select(
                *(Product.id, Product.woo_id, Product.content_hash, Product.modified_at, Product.switched_off_here),
                *(Product.include_in_online_store, Product.gone_at, Product.woo_status, Product.price),
            ).where(Product.store_id == store_id, Product.woo_id.in_(newest))
        )
    }
    fresh = []
    changed: list[list[Any]] = []
    kept: list[tuple[int, ProductRecord]] = []
    for product in newest.values():
        row = existing.get(product.woo_id)
        reason = reason_to_skip(product)
        if row is None:
            if reason is not None:
                changes.skipped.append((product, reason))
            else:
                fresh.append(product)
            continue
        changes.by_woo_id[product.woo_id] = row.id
        kept.append((row.id, product))
        if row.content_hash != product.content_hash or row.gone_at is not None:
            changed.append(_changed_row(row, product, now))
            changes.updated.append(row.id)
    for product_id, product in zip(new_ids(session, Product, len(fresh)), fresh, strict=True):
        changes.by_woo_id[product.woo_id] = product_id
        changes.created.append(product_id)
        kept.append((product_id, product))
    insert_rows(
        session,
        Product,
        _PRODUCT,
        [_new_row(changes.by_woo_id[one.woo_id], account_id, store_id, currency, one, now) for one in fresh],
    )
    update_rows(session, Product, _PRODUCT_CHANGE, changed)
    _write_variants(session, account_id, store_id, kept, now)
    _write_categories(session, kept)
    return changes


def update_variants(session: Session, store_id: int, variants: Iterable[VariantRecord], now: datetime) -> list[int]:
    """Change variants that are here already (a change reaches us under the variation's id alone, fact 86).

    Returns the Woo ids of products whose variations must be read anew: a variation unknown here, or one that came or
    went by its status or price.
    """
    by_id = {variant.woo_id: variant for variant in variants}
    rows = session.execute(
        select(Variant.id, Variant.woo_id, Variant.content_hash, Product.sku, Variant.gone_at)
        .join(Product, Product.id == Variant.product_id)
        .where(Variant.store_id == store_id, Variant.woo_id.in_(by_id))
    ).all()
    reread = {by_id[woo_id].woo_product_id for woo_id in by_id.keys() - {row.woo_id for row in rows}}
    for row in rows:
        variant = by_id[row.woo_id]
        if variant.status != "publish" or not variant.price or row.gone_at is not None:
            reread.add(variant.woo_product_id)
        elif variant.content_hash != row.content_hash:
            session.execute(
                update(Variant)
                .where(Variant.id == row.id)
                .values(
                    sku=own_sku(variant, row.sku),
                    price=variant.price,
                    attributes=_attributes(variant),
                    manage_stock=variant.manage_stock,
                    stock_quantity=variant.stock_quantity,
                    stock_status=variant.stock_status,
                    modified_at=variant.modified_at,
                    content_hash=variant.content_hash,
                )
                .execution_options(synchronize_session=False)
            )
    known = set(
        session.execute(
            select(Product.woo_id).where(Product.store_id == store_id, Product.woo_id.in_(reread))
        ).scalars()
    )
    return sorted(known)


def _new_row(
    product_id: int, account_id: int, store_id: int, currency: str, product: ProductRecord, now: datetime
) -> list[Any]:
    return [
        *(product_id, account_id, store_id, product.woo_id, product.type, product.status, product.name, product.slug),
        *(product.sku, _price(product), currency, product.permalink, product.image_url, True, False),
        *(product.manage_stock, product.stock_quantity, product.stock_status, product.backorders),
        *(product.modified_at, None, product.content_hash, now, now),
    ]


def _changed_row(row: Any, product: ProductRecord, now: datetime) -> list[Any]:
    # Unpublishing switches "Include in online store" off, republishing does not switch it on (P2).
    include = row.include_in_online_store and product.status == "publish" and not row.switched_off_here
    return [
        *(row.id, product.type, product.status, product.name, product.slug, product.sku),
        *(_price(product) or row.price, product.permalink, product.image_url, include, product.manage_stock),
        *(product.stock_quantity, product.stock_status, product.backorders, product.modified_at, None),
        *(product.content_hash, now),
    ]


def _price(product: ProductRecord) -> int:
    """The product's price; of a variable one the lowest of its variants, as Woo shows it."""
    if product.price:
        return product.price
    prices = [variant.price for variant in variants_to_keep(product) if variant.price]
    return min(prices, default=0)


def _attributes(variant: VariantRecord) -> list[dict[str, str]]:
    return [{"name": name, "option": option} for name, option in variant.attributes]


def _write_variants(
    session: Session, account_id: int, store_id: int, kept: list[tuple[int, ProductRecord]], now: datetime
) -> None:
    variable = [(product_id, product) for product_id, product in kept if product.type == "variable"]
    wanted = [
        (product_id, product.sku, variant) for product_id, product in variable for variant in variants_to_keep(product)
    ]
    if not variable:
        return
    known = {
        row.woo_id: row
        for row in session.execute(
            select(Variant.id, Variant.woo_id, Variant.product_id, Variant.content_hash, Variant.gone_at).where(
                Variant.store_id == store_id, Variant.product_id.in_([product_id for product_id, _ in variable])
            )
        )
    }
    fresh_ids = iter(new_ids(session, Variant, sum(variant.woo_id not in known for _, _, variant in wanted)))
    rows = []
    for product_id, parent_sku, variant in wanted:
        row = known.pop(variant.woo_id, None)
        if row is not None and row.content_hash == variant.content_hash and row.gone_at is None:
            continue
        rows.append(
            [
                *(row.id if row is not None else next(fresh_ids), account_id, store_id, product_id, variant.woo_id),
                *(variant.position, own_sku(variant, parent_sku), variant.price, _attributes(variant)),
                *(variant.manage_stock, variant.stock_quantity, variant.stock_status, variant.modified_at),
                *(None, variant.content_hash),
            ]
        )
    insert_rows(session, Variant, _VARIANT, rows, conflict=("store_id", "woo_id"), update=_VARIANT_UPDATE)
    # A variation that the store no longer shows stays, marked: deletions do not travel (S5). Where the variations
    # were not read at all nothing is known about them.
    read = {product_id for product_id, product in variable if product.variants}
    gone = [row.id for row in known.values() if row.product_id in read and row.gone_at is None]
    if gone:
        session.execute(
            update(Variant).where(Variant.id.in_(gone)).values(gone_at=now).execution_options(synchronize_session=False)
        )


def _write_categories(session: Session, kept: list[tuple[int, ProductRecord]]) -> None:
    ids = [product_id for product_id, _ in kept]
    if not ids:
        return
    columns = (CollectionProduct.product_id, CollectionProduct.woo_category_id, CollectionProduct.name)
    before = {(row[0], row[1]): row[2] for row in session.execute(select(*columns).where(columns[0].in_(ids)))}
    wanted = {
        (product_id, category.woo_id): category for product_id, product in kept for category in product.categories
    }
    stale = before.keys() - wanted.keys()
    for product_id, category_id in stale:
        session.execute(
            delete(CollectionProduct).where(
                CollectionProduct.product_id == product_id, CollectionProduct.woo_category_id == category_id
            )
        )
    rows = [
        [product_id, category_id, category.name, category.slug]
        for (product_id, category_id), category in wanted.items()
        if before.get((product_id, category_id)) != category.name
    ]
    insert_rows(
        session,
        CollectionProduct,
        ("product_id", "woo_category_id", "name", "slug"),
        rows,
        conflict=("product_id", "woo_category_id"),
        update=("name", "slug"),
    )
