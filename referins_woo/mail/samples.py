"""Facts for previews: an everyday order, and those at which e-mails break. Values only; nobody of them exists."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any, Final

_SHOP: Final = "https://shop.example.com"
_LINES: Final = (
    ("Mug & saucer, stoneware", "MUG-2", "2", "16.00", "32.00"),
    ("Poster “North Sea”, 50 × 70 cm", "POST-N", "1", "18.00", "18.00"),
    ("Spoon", "", "1", "5.00", "5.00"),
)


def usual() -> dict[str, Any]:
    """Return the facts of an ordinary order: three products, paid by card, in euros."""
    return {
        "event": {"kind": "order_submitted", "occurred_at": "2026-11-21T10:30:00Z"},
        "contact": {
            "id": 1,
            "first_name": "Ada",
            "last_name": "Example",
            "name": "Ada Example",
            "email": "ada@example.com",
            "phone": "+49 30 1234567",
            "consent": "subscribed",
            "tags": ["vip"],
            "country": "DE",
            "orders_count": 3,
        },
        "order": {
            "id": 1,
            "number": "1042",
            "woo_status": "processing",
            "status": "Pending",
            "payment_state": "paid",
            "paid": True,
            "total": "59.90",
            "total_tax": "9.56",
            "shipping_total": "4.90",
            "discount_total": "0.00",
            "currency": "EUR",
            "lines": [_line(*one) for one in _LINES],
            "fees": [],
            "coupons": [],
            "payment_method": "stripe",
            "payment_method_title": "Credit card",
            "pay_link": f"{_SHOP}/checkout/order-pay/1042/?pay_for_order=true&key=wc_order_x",
            "placed_at": "2026-11-21T10:30:00Z",
            "paid_at": "2026-11-21T10:31:00Z",
            "billing": _address("Ada", "Example", "1 Example Street", "Exampletown"),
            "shipping": _address("Ada", "Example", "1 Example Street", "Exampletown"),
            "billing_country": "DE",
            "shipping_country": "DE",
            "customer_note": "Please ring twice",
            "nth_order": 3,
        },
        "transaction": {
            "amount": "59.90",
            "currency": "EUR",
            "method": "Credit card",
            "reference": "ch_1",
            "occurred_at": "2026-11-21T10:31:00Z",
        },
        "refund": {
            "amount": "9.90",
            "currency": "EUR",
            "reason": "Arrived broken",
            "occurred_at": "2026-11-25T09:00:00Z",
        },
        "store": {"name": "Example Shop", "url": _SHOP, "time_zone": "Europe/Berlin", "currency": "EUR"},
        "related": {"another_order_paid_within_2h": False, "another_order_placed": False},
    }


def _no_first_name() -> dict[str, Any]:
    facts = usual()
    facts["contact"] |= {"first_name": "", "last_name": "", "name": ""}
    facts["order"]["billing"] = _address("", "", "1 Example Street", "Exampletown")
    facts["order"] |= {"customer_note": "", "is_guest": True}
    return facts


def _many_lines() -> dict[str, Any]:
    facts = usual()
    name = "Hand-thrown bowl in reactive glaze, number {}, with a name as long as merchants like to write them"
    facts["order"]["lines"] = [
        _line(name.format(n), f"BOWL-{n:03}", str(n % 4 + 1), "12.00", "48.00") for n in range(1, 31)
    ]
    facts["order"] |= {"total": "1449.56", "total_tax": "231.44", "discount_total": "20.00", "coupons": ["WELCOME"]}
    facts["order"]["fees"] = [{"name": "Gift wrap", "total": "9.56"}]
    facts["transaction"]["amount"] = "1449.56"
    return facts


def _right_to_left() -> dict[str, Any]:
    facts = usual()
    facts["store"] |= {"name": "متجر المثال", "locale": "ar_EG", "currency": "EGP", "time_zone": "Africa/Cairo"}
    facts["contact"] |= {"first_name": "ليلى", "last_name": "حسن", "name": "ليلى حسن", "country": "EG"}
    facts["order"] |= {
        "currency": "EGP",
        "payment_method_title": "الدفع عند الاستلام",
        "customer_note": "من فضلك اتصل أولاً",
    }
    facts["order"]["billing"] = _address("ليلى", "حسن", "١٢ شارع النيل", "القاهرة", "EG")
    names = ("كوب فخاري", "ملصق بحر الشمال", "ملعقة")
    facts["order"]["lines"] = [_line(name, *one[1:]) for name, one in zip(names, _LINES, strict=True)]
    facts["transaction"] |= {"currency": "EGP", "method": "الدفع عند الاستلام"}
    facts["refund"]["currency"] = "EGP"
    return facts


def _free() -> dict[str, Any]:
    facts = usual()
    facts["order"]["lines"] = [_line("Sample of our tea", "TEA-0", "1", "0.00", "0.00")]
    nothing = dict.fromkeys(("total", "total_tax", "shipping_total", "discount_total"), "0.00")
    facts["order"] |= {**nothing, "payment_method": "", "payment_method_title": "", "pay_link": "", "customer_note": ""}
    facts["transaction"]["amount"] = "0.00"
    return facts


def _in_yen() -> dict[str, Any]:
    return _in_currency("JPY", {"total": "12800", "total_tax": "1164", "shipping_total": "600"}, "4066")


def _in_dinars() -> dict[str, Any]:
    return _in_currency("KWD", {"total": "18.125", "total_tax": "0.000", "shipping_total": "1.250"}, "5.625")


def _in_currency(currency: str, sums: dict[str, str], price: str) -> dict[str, Any]:
    facts = usual()
    facts["order"] |= {**sums, "currency": currency}
    facts["order"]["lines"] = [
        {**line, "price": price, "total": price, "quantity": "1"} for line in facts["order"]["lines"]
    ]
    facts["transaction"] |= {"currency": currency, "amount": sums["total"]}
    facts["refund"] |= {"currency": currency, "amount": price}
    facts["store"]["currency"] = currency
    return facts


SAMPLES: Final[dict[str, tuple[str, Callable[[], dict[str, Any]]]]] = {
    "usual": ("An ordinary order", usual),
    "no_name": ("Without a first name", _no_first_name),
    "many_lines": ("30 products", _many_lines),
    "right_to_left": ("Right to left (Arabic)", _right_to_left),
    "free": ("A free order", _free),
    "yen": ("Yen: no decimals", _in_yen),
    "dinar": ("Dinar: three decimals", _in_dinars),
}
"""Key → label and what makes the facts."""


def facts_of(key: str, supplied: frozenset[str]) -> dict[str, Any]:
    """Return the facts of a sample, less those that a trigger does not supply."""
    label_and_maker = SAMPLES.get(key) or SAMPLES["usual"]
    return {name: value for name, value in copy.deepcopy(label_and_maker[1]()).items() if name in supplied}


_AFTER: Final[dict[str, dict[str, Any]]] = {
    "order_submitted": {"woo_status": "pending", "status": "Pending", "payment_state": "unpaid", "paid": False},
    "order_status_changed": {"woo_status": "failed", "status": "Cancelled", "payment_state": "unpaid", "paid": False},
    "order_completed": {"woo_status": "completed", "status": "Completed"},
    "order_refunded": {"payment_state": "partially_refunded"},
}
"""What an order is when a trigger has just happened to it; without a line it is as the sample says."""


def after(key: str, trigger: str, supplied: frozenset[str]) -> dict[str, Any]:
    """Return the facts of a sample as they are when `trigger` has just happened to it."""
    facts = facts_of(key, supplied)
    order = {**facts["order"], **_AFTER.get(trigger, {})}
    if not order["paid"]:
        order.pop("paid_at", None)
        facts.pop("transaction", None)
    return {**facts, "order": order}


def _line(name: str, sku: str, quantity: str, price: str, total: str) -> dict[str, Any]:
    return {
        "name": name,
        "sku": sku,
        "quantity": quantity,
        "price": price,
        "total": total,
        "product_id": None,
        "collection_ids": [],
        "url": f"{_SHOP}/product/{sku.lower() or 'spoon'}",
        "image_url": "",
    }


def _address(first: str, last: str, street: str, city: str, country: str = "DE") -> dict[str, str]:
    return {
        "first_name": first,
        "last_name": last,
        "company": "",
        "address_1": street,
        "address_2": "",
        "postcode": "12345",
        "city": city,
        "country": country,
    }
