"""Products and collections for their lists and pages."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import ColumnElement, func, or_, select
from sqlalchemy.orm import Session

from referins_woo.commerce.models import Collection, CollectionProduct, Product, Variant
from referins_woo.reports.listing import Kind, Wanted, contains, in_order
from referins_woo.stores.models import Store

PRODUCT_SORTS = {"name": Product.name, "price": Product.price, "changed": Product.modified_at}
COLLECTION_SORTS = {"name": Collection.name}


@dataclass(frozen=True, slots=True)
class ProductRow:
    """A line of the list."""

    product: Product
    store_name: str
    variants: int


@dataclass(frozen=True, slots=True)
class ProductPage:
    """All that the page of one product shows."""

    product: Product
    store: Store
    variants: list[Variant]
    collections: list[Collection]


@dataclass(frozen=True, slots=True)
class CollectionRow:
    """A line of the list."""

    collection: Collection
    store: Store
    products: int


def product_conditions(account_id: int, wanted: Wanted) -> list[ColumnElement[bool]]:
    """Return the conditions of the products' search words and filters."""
    found: list[ColumnElement[bool]] = [Product.account_id == account_id]
    if wanted.get("type"):
        found.append(Product.type == wanted.get("type"))
    if wanted.get("online"):
        found.append(Product.include_in_online_store.is_(wanted.get("online") == "yes"))
    if wanted.get("stock"):
        found.append(Product.stock_status == wanted.get("stock"))
    if wanted.get("wc"):
        is_gone = Product.gone_at.is_not(None)
        found.append(is_gone if wanted.get("wc") == "gone" else Product.woo_status == wanted.get("wc"))
    if (store_id := wanted.number("store")) is not None:
        found.append(Product.store_id == store_id)
    if (collection_id := wanted.number("collection")) is not None:
        found.append(Product.id.in_(_product_ids_of(collection_id, account_id)))
    if wanted.q:
        with_sku = select(Variant.product_id).where(Variant.account_id == account_id, contains(Variant.sku, wanted.q))
        found.append(
            or_(
                contains(Product.name, wanted.q),
                contains(Product.sku, wanted.q),
                Product.id.in_(with_sku),
            )
        )
    return found


def _product_rows(session: Session, ids: Sequence[int]) -> list[ProductRow]:
    counts = dict(
        session.execute(
            select(Variant.product_id, func.count())
            .where(Variant.product_id.in_(ids), Variant.gone_at.is_(None))
            .group_by(Variant.product_id)
        ).all()
    )
    rows = {
        product.id: ProductRow(product, name or url, counts.get(product.id, 0))
        for product, name, url in session.execute(
            select(Product, Store.name, Store.url).join(Store, Store.id == Product.store_id).where(Product.id.in_(ids))
        )
    }
    return in_order(ids, rows)


PRODUCTS = Kind(Product, PRODUCT_SORTS, product_conditions, _product_rows)


def _product_ids_of(collection_id: int, account_id: int):  # type: ignore[no-untyped-def]
    """A select of the products that name the collection's category; they are of the collection's own store."""
    return (
        select(CollectionProduct.product_id)
        .join(Product, Product.id == CollectionProduct.product_id)
        .join(
            Collection,
            (Collection.woo_id == CollectionProduct.woo_category_id) & (Collection.store_id == Product.store_id),
        )
        .where(Collection.id == collection_id, Collection.account_id == account_id)
    )


def product_page(session: Session, product: Product) -> ProductPage:
    """Return all that the page of `product` shows."""
    return ProductPage(
        product=product,
        store=session.get_one(Store, product.store_id),
        variants=list(
            session.scalars(
                select(Variant).where(Variant.product_id == product.id).order_by(Variant.position, Variant.id)
            )
        ),
        collections=list(
            session.scalars(
                select(Collection)
                .join(CollectionProduct, CollectionProduct.woo_category_id == Collection.woo_id)
                .where(CollectionProduct.product_id == product.id, Collection.store_id == product.store_id)
                .order_by(Collection.name)
            )
        ),
    )


def collection_conditions(account_id: int, wanted: Wanted) -> list[ColumnElement[bool]]:
    """Return the conditions of the collections' search words and filters."""
    found: list[ColumnElement[bool]] = [Collection.account_id == account_id]
    if (store_id := wanted.number("store")) is not None:
        found.append(Collection.store_id == store_id)
    if wanted.q:
        found.append(
            or_(
                contains(Collection.name, wanted.q),
                contains(Collection.slug, wanted.q),
            )
        )
    return found


def _collection_rows(session: Session, ids: Sequence[int]) -> list[CollectionRow]:
    found = session.execute(
        select(Collection, Store).join(Store, Store.id == Collection.store_id).where(Collection.id.in_(ids))
    ).all()
    counts: dict[tuple[int, int], int] = {}
    for store_id in {store.id for _, store in found}:
        # Which products are the store's is asked once, of an index: a join reads each product's whole row.
        counted = session.execute(
            select(CollectionProduct.woo_category_id, func.count())
            .where(
                CollectionProduct.woo_category_id.in_([one.woo_id for one, store in found if store.id == store_id]),
                CollectionProduct.product_id.in_(select(Product.id).where(Product.store_id == store_id)),
            )
            .group_by(CollectionProduct.woo_category_id)
        )
        counts |= {(store_id, woo_id): count for woo_id, count in counted}
    rows = {
        collection.id: CollectionRow(collection, store, counts.get((store.id, collection.woo_id), 0))
        for collection, store in found
    }
    return in_order(ids, rows)


COLLECTIONS = Kind(Collection, COLLECTION_SORTS, collection_conditions, _collection_rows)
