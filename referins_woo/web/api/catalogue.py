"""Products with their variants, and collections."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from typing import Annotated, Any, Literal

from flask import Response
from pydantic import Field
from sqlalchemy import select
from sqlalchemy.orm import Session

from referins_woo.commerce import models as tables
from referins_woo.web import scope
from referins_woo.web.api import answers, paging
from referins_woo.web.api.bearer import account_id, api
from referins_woo.web.api.contract import operation
from referins_woo.web.api.documents import (
    Document,
    Id,
    ListOf,
    Money,
    Page,
    Shown,
    Time,
    WantedId,
    WantedNumber,
    WantedText,
    WantedTime,
    WooId,
    documents_of,
)
from referins_woo.web.api.paging import since

OnHand = Annotated[int | None, Field(validation_alias="stock_quantity", description="Pieces.", examples=[25])]


class Variant(Document):
    """One choice of a product that has several."""

    id: Id
    woo_id: WooId
    sku: Annotated[str, Field(examples=["HOOD-RED"])]
    price: Money
    attributes: Annotated[list[Any], Field(examples=[[{"name": "Colour", "option": "Red"}]])]
    on_hand: OnHand
    gone_at: Time | None


class Product(Document):
    """A product of a store."""

    id: Id
    store_id: Id
    woo_id: WooId
    type: Annotated[str, Field(examples=["variable"])]
    name: Annotated[str, Field(examples=["Hoodie"])]
    sku: Annotated[str, Field(examples=["HOOD"])]
    price: Money
    currency: Annotated[str, Field(examples=["EUR"])]
    woo_status: Annotated[str, Field(examples=["publish"])]
    include_in_online_store: bool
    gone_at: Time | None
    collection_ids: list[Id]
    on_hand: OnHand
    variants: list[Variant]


class ProductFilters(ListOf):
    """Which products."""

    store_id: WantedId | None = None
    woo_id: WantedNumber | None = None
    sku: WantedText | None = None
    type: Literal["simple", "variable", "grouped", "external"] | None = None
    updated_since: WantedTime | None = None


@api.get("/products")
@operation(Page[Product], tag="Catalogue")
def list_products(query: ProductFilters) -> Response:
    """List products

    With their variants and the collections that they are in.
    """
    with scope.reading() as session:
        table = tables.Product
        conditions = [
            table.account_id == account_id(),
            *paging.equals(query, store_id=table.store_id, woo_id=table.woo_id, sku=table.sku, type=table.type),
            *since(query, table.updated_at),
        ]
        return paging.rows(session, table, conditions, query, lambda rows: _products(session, rows))


@api.get("/products/<int:product_id>")
@operation(Product, tag="Catalogue")
def get_product(product_id: int) -> Response:
    """Read a product"""
    with scope.reading() as session:
        found = scope.own_of(session, tables.Product, product_id, account_id())
        return answers.answer(_products(session, [found])[0])


def _products(session: Session, rows: Sequence[tables.Product]) -> list[Product]:
    ids = [row.id for row in rows]
    variants: dict[int, list[tables.Variant]] = defaultdict(list)
    for variant in session.scalars(
        select(tables.Variant)
        .where(tables.Variant.product_id.in_(ids))
        .order_by(tables.Variant.position, tables.Variant.id)
    ):
        variants[variant.product_id].append(variant)
    collections: dict[int, list[int]] = defaultdict(list)
    belongs, collection = tables.CollectionProduct, tables.Collection
    for product_id, collection_id in session.execute(
        select(tables.Product.id, collection.id)
        .join(belongs, belongs.product_id == tables.Product.id)
        .join(
            collection,
            (collection.woo_id == belongs.woo_category_id) & (collection.store_id == tables.Product.store_id),
        )
        .where(tables.Product.id.in_(ids))
        .order_by(collection.id)
    ):
        collections[product_id].append(collection_id)
    return [
        Product.model_validate(Shown(row, variants=variants[row.id], collection_ids=collections[row.id]))
        for row in rows
    ]


class Collection(Document):
    """A collection: a product category of a store."""

    id: Id
    store_id: Id
    woo_id: WooId
    name: Annotated[str, Field(examples=["Hoodies"])]
    slug: Annotated[str, Field(examples=["hoodies"])]
    gone_at: Time | None


class CollectionFilters(ListOf):
    """Which collections."""

    store_id: WantedId | None = None
    woo_id: WantedNumber | None = None


@api.get("/collections")
@operation(Page[Collection], tag="Catalogue")
def list_collections(query: CollectionFilters) -> Response:
    """List collections"""
    with scope.reading() as session:
        table = tables.Collection
        conditions = [
            table.account_id == account_id(),
            *paging.equals(query, store_id=table.store_id, woo_id=table.woo_id),
        ]
        return paging.rows(session, table, conditions, query, documents_of(Collection))
