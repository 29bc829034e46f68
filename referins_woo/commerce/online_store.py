"""The switch "Include in Online Store" of a product (P2)."""

from __future__ import annotations

from datetime import datetime

from referins_woo.commerce.models import Product
from referins_woo.errors import InvalidInput


def include(product: Product, wanted: bool, now: datetime) -> None:
    """Switch it as the merchant says. Their "off" survives syncs (`switched_off_here`).

    Raises InvalidInput when it is switched on for a product that is not published or no longer in WooCommerce.
    """
    if wanted and (reason := why_not(product)):
        raise InvalidInput("include", reason)
    product.include_in_online_store = wanted
    product.switched_off_here = not wanted
    product.updated_at = now


def why_not(product: Product) -> str:
    """Return why the product cannot be in the online store; empty when it can."""
    if product.gone_at is not None:
        return "This product is no longer in WooCommerce."
    if product.woo_status != "publish":
        return f"Only published products can be in the online store; this one is “{product.woo_status}” in WooCommerce."
    return ""
