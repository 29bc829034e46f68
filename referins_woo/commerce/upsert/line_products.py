"""Which product of its own store an order's line is (O4)."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any, Final

from sqlalchemy import bindparam, select
from sqlalchemy.orm import Session

from referins_woo.commerce import stock
from referins_woo.commerce.models import Product, Variant
from referins_woo.commerce.records import LineRecord, OrderRecord
from referins_woo.commerce.upsert.bulk import table_of
from referins_woo.conditions import one_of

_MOST_REMEMBERED: Final = 100_000

Found = tuple[int, int | None]
"""(product id, variant id or None), ids of ours."""

_P, _V = table_of(Product).c, table_of(Variant).c
_PRODUCTS: Final = select(_P.id, _P.id.label("product_id"), _P.woo_id, _P.sku, _P.woo_id.label("parent_woo_id")).where(
    _P.store_id == bindparam("store_id")
)
_VARIANTS: Final = (
    select(
        *(_V.id, _V.product_id, _V.woo_id, _V.sku, _V.manage_stock),
        *(_P.woo_id.label("parent_woo_id"), _P.sku.label("parent_sku")),
    )
    .join(table_of(Product), _P.id == _V.product_id)
    .where(_V.store_id == bindparam("store_id"))
)
_PRODUCTS_BY_SKU, _PRODUCTS_BY_ID = (
    _PRODUCTS.where(one_of(_P.sku, "wanted")),
    _PRODUCTS.where(one_of(_P.woo_id, "wanted")),
)
_VARIANTS_BY_SKU, _VARIANTS_BY_ID = (
    _VARIANTS.where(one_of(_V.sku, "wanted")),
    _VARIANTS.where(one_of(_V.woo_id, "wanted")),
)


@dataclass(slots=True)
class LineProducts:
    """The store's products that some lines may be: by SKU where it is unique there, and by Woo's ids."""

    by_sku: dict[str, Found | None] = field(default_factory=dict)
    """None: several share that SKU."""
    by_product: dict[int, int] = field(default_factory=dict)
    by_variation: dict[int, Found] = field(default_factory=dict)
    stock_keys: dict[Found, str] = field(default_factory=dict)
    """By what the goods are counted; a variation that draws on its product's stock is counted as that."""
    _asked: set[str | int] = field(default_factory=set)
    """SKUs, product ids, and variation ids (as negative numbers) that were looked for."""

    def learn(self, session: Session, store_id: int, orders: Iterable[OrderRecord]) -> None:
        """Read what the lines of `orders` may be and was not looked for yet."""
        if len(self._asked) > _MOST_REMEMBERED:
            self.forget()
        lines = [line for order in orders for line in order.lines if line.kind == "product"]
        skus = {line.sku for line in lines} - self._asked - {""}
        products = {line.woo_product_id for line in lines} - self._asked - {0}
        variations = {line.woo_variation_id for line in lines if -line.woo_variation_id not in self._asked} - {0}
        self._asked |= skus | products | {-one for one in variations}
        for statement, wanted, is_variant in (
            (_PRODUCTS_BY_SKU, skus, False),
            (_PRODUCTS_BY_ID, products, False),
            (_VARIANTS_BY_SKU, skus, True),
            (_VARIANTS_BY_ID, variations, True),
        ):
            if wanted:
                for row in session.execute(statement, {"store_id": store_id, "wanted": wanted}):
                    self._note(row, store_id, wanted=skus, is_variant=is_variant, by_sku=wanted is skus)

    def forget(self) -> None:
        """Start anew: products have come or changed."""
        self.by_sku.clear()
        self.by_product.clear()
        self.by_variation.clear()
        self.stock_keys.clear()
        self._asked.clear()

    def _note(self, row: Any, store_id: int, *, wanted: set[str], is_variant: bool, by_sku: bool) -> None:
        found: Found = (row.product_id, row.id if is_variant else None)
        own = (row.sku, store_id, row.parent_woo_id, row.woo_id if is_variant else 0)
        if is_variant:
            self.by_variation[row.woo_id] = found
            own = (row.parent_sku, store_id, row.parent_woo_id, 0) if row.manage_stock == "parent" else own
        else:
            self.by_product[row.woo_id] = row.id
        self.stock_keys[found] = stock.key_of(*own)
        if by_sku and row.sku in wanted:
            self.by_sku[row.sku] = None if row.sku in self.by_sku else found

    def find(self, line: LineRecord) -> Found | None:
        """Return the line's product: a SKU exact and unique in the store, then (product id, variation id)."""
        found = self.by_sku.get(line.sku) if line.sku else None
        variation = self.by_variation.get(line.woo_variation_id) if line.woo_variation_id else None
        if found is not None:
            if found[1] is None and variation is not None and variation[0] == found[0]:
                return variation  # a variation without a SKU of its own shows its parent's
            return found
        if variation is not None:
            return variation
        product = self.by_product.get(line.woo_product_id) if line.woo_product_id else None
        return None if product is None else (product, None)

    def stock_key(self, store_id: int, line: LineRecord, found: Found | None) -> str:
        """Return by what a line's goods are counted; those that are no product here by what the line says itself."""
        if line.kind != "product":
            return ""
        own = self.stock_keys.get(found) if found is not None else None
        return own or stock.key_of(line.sku, store_id, line.woo_product_id, line.woo_variation_id)


def unknown_products(found: LineProducts, orders: Iterable[OrderRecord]) -> set[int]:
    """Return the Woo ids of products that lines name and the mirror does not have."""
    return {
        line.woo_product_id
        for order in orders
        for line in order.lines
        if line.kind == "product" and line.woo_product_id and found.find(line) is None
    }
