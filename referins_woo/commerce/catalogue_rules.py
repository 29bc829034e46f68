"""Which products import, and which of their variations become variants (P1-P3). Pure."""

from __future__ import annotations

from dataclasses import dataclass

from referins_woo.commerce.records import ProductRecord, VariantRecord

IMPORTED_TYPES = frozenset({"simple", "variable"})


@dataclass(frozen=True, slots=True)
class Reason:
    """Why a record was set aside: a code for machines, a sentence for people."""

    code: str
    text: str


def reason_to_skip(product: ProductRecord) -> Reason | None:
    """Return why `product` does not import, or None when it does; the rules are looked at in the order of P1.

    A variable product must come with its variations.
    """
    if product.type not in IMPORTED_TYPES:
        return Reason("type_not_supported", f"{product.type.capitalize()} product: type not supported")
    if product.status != "publish":
        return Reason("not_published", f"Not published: its status is {product.status}")
    if product.type == "variable":
        published = [variant for variant in product.variants if variant.status == "publish"]
        if not published:
            return Reason("no_variants", "Variable product without a published variation")
        if not any(variant.price for variant in published):
            return Reason("no_price", "No published variation has a price above zero")
        return None
    if not product.price:
        return Reason("no_price", "The price is zero or empty")
    return None


def variants_to_keep(product: ProductRecord) -> tuple[VariantRecord, ...]:
    """Return the published, priced variations (P3), in Woo's order."""
    return tuple(variant for variant in product.variants if variant.status == "publish" and variant.price)


def own_sku(variant: VariantRecord, parent_sku: str) -> str:
    """Return the variant's SKU; one equal to its parent's counts as none (P3, fact 53)."""
    return "" if variant.sku == parent_sku else variant.sku
