"""The coupons of the seeded shop."""

from __future__ import annotations

from referins_woo.practice_store.site import Json

BLANK: Json = {
    "code": "",
    "amount": "0.00",
    "status": "publish",
    "discount_type": "fixed_cart",
    "description": "",
    "expires": None,
    "usage_count": 0,
    "individual_use": False,
    "product_ids": [],
    "excluded_product_ids": [],
    "usage_limit": None,
    "usage_limit_per_user": None,
    "limit_usage_to_x_items": None,
    "free_shipping": False,
    "product_categories": [],
    "excluded_product_categories": [],
    "exclude_sale_items": False,
    "minimum_amount": "0.00",
    "maximum_amount": "0.00",
    "email_restrictions": [],
    "used_by": [],
    "meta_data": [],
}
"""What a coupon holds where nothing else is said."""

IDS = {"welcome10": 6, "friends5": 7, "fiver": 8, "freeship": 9}
"""They lie below the first product: posts share one counter."""

_AMOUNTS = {"welcome10": ("percent", "10.00"), "friends5": ("percent", "5.00"), "fiver": ("fixed_cart", "5.00")}


def coupon(record_id: int, born: int) -> Json | None:
    """Return a seeded coupon as a document, or None."""
    code = next((code for code, known in IDS.items() if known == record_id), None)
    if code is None:
        return None
    kind, amount = _AMOUNTS.get(code, ("fixed_cart", "0.00"))
    moment = born - 380 * 86_400 + record_id
    named = {"code": code, "discount_type": kind, "amount": amount, "free_shipping": code == "freeship"}
    return {"id": record_id, **BLANK, **named, "created": moment, "modified": moment}
