"""Products, variations and categories in our words (P1-P4)."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from referins_woo.commerce.records import CategoryRecord, ProductRecord, Raw, Unreadable, VariantRecord
from referins_woo.stores.translate.fields import (
    fingerprint,
    items,
    label,
    moment,
    needed_amount,
    number,
    own_id,
    read_record,
    short,
    text,
)

LONGEST_SKU = 200
_LONGEST_NAME = 500


def product(raw: Any) -> ProductRecord | Unreadable:
    """Return a product of any type, its variants left empty; a variation read at /products/ID keeps its parent."""
    return read_record(_product, raw, "Product")


def variant(raw: Any, parent_sku: str = "", product_id: int = 0) -> VariantRecord | Unreadable:
    """Return a variation. One without a SKU answers with its parent's (fact 53): equal to `parent_sku` is none.

    `product_id`: of which product it was asked, where the row does not say.
    """
    return read_record(lambda raw: _variant(raw, parent_sku, product_id), raw, "Variation")


def category(raw: Any) -> CategoryRecord | Unreadable:
    """Return a category, whether a row of /products/categories or as named by a product."""
    return read_record(_category, raw, "Category")


def _product(raw: Raw) -> ProductRecord:
    get = raw.get
    woo_id = own_id(raw)
    named_here = [category(each) for each in items(get("categories"))]
    categories = tuple(each for each in named_here if isinstance(each, CategoryRecord))
    kept = (
        woo_id,
        text(get("type")),
        text(get("status")),
        label(get("name"))[:_LONGEST_NAME],
        text(get("slug")),
        short(get("sku"), LONGEST_SKU),
        _price(get("price")),
        text(get("permalink")),
        _image(raw),
        _manages_stock(get("manage_stock")) == "yes",
        _stock(get("stock_quantity")),
        text(get("stock_status")),
        text(get("backorders")),
    )
    variation_ids = tuple(number(each) for each in items(get("variations")))
    parent_id = number(get("parent_id"))
    named = tuple((each.woo_id, each.name, each.slug) for each in categories)
    return ProductRecord(
        *kept,
        categories,
        variation_ids,
        moment(get("date_modified_gmt")),
        fingerprint((kept, named, variation_ids, parent_id)),
        parent_id=parent_id,
        unreadable=tuple(
            replace(each, element="collections", parent_woo_id=woo_id)
            for each in named_here
            if isinstance(each, Unreadable) and each.woo_id
        ),
    )


def _variant(raw: Raw, parent_sku: str, product_id: int) -> VariantRecord:
    get = raw.get
    sku = short(get("sku"), LONGEST_SKU)
    kept = (
        own_id(raw),
        number(get("parent_id")) or product_id,
        text(get("status")),
        "" if sku == parent_sku else sku,
        _price(get("price")),
        tuple((label(each.get("name")), label(each.get("option"))) for each in items(get("attributes"))),
        _manages_stock(get("manage_stock")),
        _stock(get("stock_quantity")),
        text(get("stock_status")),
        number(get("menu_order")),
    )
    return VariantRecord(*kept, moment(get("date_modified_gmt")), fingerprint(kept))


def _category(raw: Raw) -> CategoryRecord:
    kept = (own_id(raw), label(raw.get("name")), text(raw.get("slug")))
    fingerprint(kept)
    return CategoryRecord(*kept)


def _price(value: Any) -> int | None:
    """No price is "" (fact 22); a free product has "0"."""
    return None if value is None or value == "" else needed_amount(value, "price")


def _manages_stock(value: Any) -> str:
    """`yes`, `no`, or `parent` for a variation that draws on its parent's stock (fact 24)."""
    if value == "parent":
        return "parent"
    return "yes" if value is True else "no"


def _stock(value: Any) -> int | None:
    return None if value is None or value == "" else needed_amount(value, "stock_quantity") // 10_000


def _image(raw: Raw) -> str:
    """The first of a product's pictures, or a variation's only one."""
    pictures = items(raw.get("images"))
    first = pictures[0] if pictures else raw.get("image")
    return text(first.get("src")) if isinstance(first, dict) else ""
