"""What customers do at the checkout, and what an owner and a payment provider do with an order afterwards."""

from __future__ import annotations

from collections.abc import Callable
from html import unescape
from typing import Any

from referins_woo.practice_store import customers, money, order_rules
from referins_woo.practice_store.checks import whole
from referins_woo.practice_store.rest_errors import RestError
from referins_woo.practice_store.shop import Shop
from referins_woo.practice_store.site import Json

PAYMENTS = {
    "card": ("Card, paid at once", "stripe", "Credit card"),
    "card-pending": ("Card, payment left open", "stripe", "Credit card"),
    "card-failed": ("Card, payment fails", "stripe", "Credit card"),
    "bacs": ("Bank transfer", "bacs", "Direct bank transfer"),
    "cod": ("Cash on delivery", "cod", "Cash on delivery"),
}
"""Ways to pay at the checkout: label, WooCommerce's method and its title."""


def buy(shop: Shop, form: dict[str, str]) -> int:
    """Put through a checkout: as guest, as a new customer or as a known one; returns the order's id.

    Raises RestError with a sentence for what cannot be.
    """
    payment = form.get("payment", "card")
    _, method, title = PAYMENTS.get(payment, PAYMENTS["card"])
    buyer = form.get("buyer", "guest")
    first, last, email = (form.get(name, "").strip() for name in ("first_name", "last_name", "email"))
    user: Json | None = None
    if buyer.isdigit():
        user = shop.get("customer", int(buyer))
        if user is not None:
            first, last = first or unescape(user["first_name"]), last or unescape(user["last_name"])
            email = email or user["email"]
    if not email:
        raise RestError(400, "missing_email", "Please enter an e-mail address.")
    address = {"address_1": "8 Warren Street", "city": "Hudson", "state": "NY", "postcode": "12534", "country": "US"}
    billing = {**address, "first_name": first, "last_name": last, "email": email}
    billing["phone"] = form.get("phone", "").strip()
    if buyer == "new":
        given = {"email": email, "first_name": first, "last_name": last, "billing": billing}
        user = customers.register_user(shop, given)
    line: Json = {"product_id": whole(form.get("product")), "quantity": max(whole(form.get("quantity"), 1), 1)}
    if form.get("variation", "").isdigit():
        line["variation_id"] = int(form["variation"])
    body: Json = {
        "billing": billing,
        "shipping": {name: value for name, value in billing.items() if name != "email"},
        "line_items": [line],
        "shipping_lines": [{"method_id": "flat_rate", "method_title": "Flat rate", "total": "7.50"}],
        "payment_method": method,
        "payment_method_title": title,
        "customer_id": user["id"] if user else 0,
        "customer_note": form.get("note", "").strip(),
        "meta_data": [{"key": "_wc_order_attribution_source_type", "value": "typein"}],
    }
    status = {"bacs": "on-hold", "cod": "processing", "card-failed": "failed"}.get(payment, "pending")
    classic = payment == "cod"
    doc = order_rules.create(
        shop,
        {**body, "status": status},
        "checkout" if classic else "store-api",
        checkout="classic" if classic else "block",
    )
    if payment == "card":
        order_rules.pay(shop, doc["id"], transaction_id=f"txn_{doc['id']}")
    return int(doc["id"])


def refund_rest(shop: Shop, order_id: int) -> None:
    """Refund what is left of an order."""
    doc = shop.get("order", order_id) or {"total": "0", "refunds": []}
    left = order_rules.left_of(doc)
    if left > 0:
        order_rules.refund(shop, order_id, {"amount": money.text(left), "api_refund": False})


ACTIONS: dict[str, Callable[[Shop, int], Any]] = {
    "pay": lambda shop, order_id: order_rules.pay(shop, order_id, transaction_id=f"txn_{order_id}"),
    "cancel": lambda shop, order_id: order_rules.set_status(shop, order_id, "cancelled"),
    "complete": lambda shop, order_id: order_rules.set_status(shop, order_id, "completed"),
    "refund": refund_rest,
    "trash": order_rules.trash,
    "restore": order_rules.restore,
}
"""What the buttons of an order do."""
