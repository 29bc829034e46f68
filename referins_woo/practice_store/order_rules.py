"""What happens to an order: made, paid, moved to a status, refunded, trashed, restored; and who is told."""

from __future__ import annotations

import secrets
from typing import Any

from referins_woo.practice_store import money, stock
from referins_woo.practice_store.checks import whole
from referins_woo.practice_store.order_body import fill
from referins_woo.practice_store.order_lines import refund_line
from referins_woo.practice_store.rest_errors import RestError
from referins_woo.practice_store.seed.people import empty_address
from referins_woo.practice_store.shop import Shop
from referins_woo.practice_store.site import Json

PAYABLE = ("pending", "failed", "on-hold", "cancelled", "checkout-draft")


def blank(shop: Shop, via: str) -> Json:
    """Return a new, empty, pending order that is not kept yet."""
    moment = shop.now()
    return {
        "id": shop.new_id("order"),
        "parent_id": 0,
        "status": "pending",
        "currency": shop.site.currency,
        "prices_include_tax": False,
        "created": moment,
        "modified": moment,
        "paid": None,
        "completed": None,
        "customer_id": 0,
        "order_key": f"wc_order_{secrets.token_hex(7)[:13]}",
        "billing": empty_address(billing=True),
        "shipping": empty_address(billing=False),
        "payment_method": "",
        "payment_method_title": "",
        "transaction_id": "",
        "customer_ip_address": "",
        "customer_user_agent": "",
        "created_via": via,
        "customer_note": "",
        "meta_data": [],
        "line_items": [],
        "shipping_lines": [],
        "fee_lines": [],
        "coupon_lines": [],
        "tax_lines": [],
        "refunds": [],
        "needs_processing": False,
        **dict.fromkeys(
            ("discount_total", "discount_tax", "shipping_total", "shipping_tax", "cart_tax", "total", "total_tax"),
            "0.00",
        ),
    }


def create(shop: Shop, body: Json, via: str, *, checkout: str = "", created: int | None = None) -> Json:
    """Make an order and tell it.

    `set_paid` pays at once. `checkout` "block" tells `order.updated` before `order.created`, as the block checkout
    does (fact 82). `created` dates it back, in seconds.
    """
    with shop.lock:
        doc = blank(shop, via)
        fill(shop, doc, body)
        status = body.get("status") or "pending"
        if created is not None:
            doc["created"] = doc["modified"] = created
        shop.save("order", doc, touch=False)
        topics = ["order.created", "order.updated"]
        for topic in reversed(topics) if checkout == "block" else topics:
            shop.news.tell(topic, doc["id"])
        if body.get("set_paid") is True:
            return pay(shop, doc["id"], transaction_id=str(body.get("transaction_id") or ""))
        if status != "pending":
            _move(shop, doc, status, sells=False)
        shop.save("order", doc, touch=False)
        return doc


def update(shop: Shop, record_id: int, body: Json) -> Json:
    """Change an order by a REST body; every save counts and is told, an empty one too (facts 31 and 83)."""
    with shop.lock:
        doc = _copy(shop, record_id)
        fill(shop, doc, body)
        status = body.get("status")
        if status and status != doc["status"]:
            _move(shop, doc, status)
        if body.get("set_paid") is True and doc["status"] in ("pending", "failed") and doc["total"] != "0.00":
            _pay(shop, doc, str(body.get("transaction_id") or ""))
        return _saved(shop, doc)


def pay(shop: Shop, record_id: int, *, transaction_id: str = "") -> Json:
    """Pay an order in full; it then is processing, or completed where nothing is to be sent or on delivery."""
    with shop.lock:
        doc = _copy(shop, record_id)
        _pay(shop, doc, transaction_id)
        return _saved(shop, doc)


def set_status(shop: Shop, record_id: int, status: str) -> Json:
    """Move an order to a status."""
    return update(shop, record_id, {"status": status})


def trash(shop: Shop, record_id: int) -> Json:
    """Put an order into the trash; returns it as it was (fact 30)."""
    with shop.lock:
        before = _copy(shop, record_id)
        doc = dict(before)
        meta = [
            {"id": shop.new_id("meta"), "key": "_wp_trash_meta_status", "value": f"wc-{doc['status']}"},
            {"id": shop.new_id("meta"), "key": "_wp_trash_meta_time", "value": str(shop.now())},
        ]
        doc |= {"status": "trash", "meta_data": [*doc["meta_data"], *meta]}
        shop.save("order", doc)
        alike = () if shop.site.version.order_tables else ("coupon.deleted", "product.deleted")
        for topic in (*alike, "order.deleted"):  # posts are deleted alike, whatever they are (fact 85)
            shop.news.tell(topic, record_id)
        return before


def restore(shop: Shop, record_id: int) -> Json:
    """Take an order out of the trash; `order.restored` is told, not `order.updated` (fact 84)."""
    with shop.lock:
        doc = _copy(shop, record_id)
        kept = next((row["value"] for row in doc["meta_data"] if row["key"] == "_wp_trash_meta_status"), "wc-pending")
        doc["meta_data"] = [row for row in doc["meta_data"] if not str(row["key"]).startswith("_wp_trash")]
        doc["status"] = str(kept).removeprefix("wc-")
        shop.save("order", doc)
        shop.news.tell("order.restored", record_id)
        return doc


def erase(shop: Shop, record_id: int) -> Json:
    """Delete an order for good, its refunds too; nobody is told (fact 84)."""
    with shop.lock:
        doc = _copy(shop, record_id)
        for row in doc["refunds"]:
            shop.remove("refund", row["id"])
        shop.remove("order", record_id)
        return doc


def refund(shop: Shop, record_id: int, body: Json) -> Json:
    """Refund a part of an order, or all that is left; the full one turns it to refunded (fact 41).

    Errors are HTTP 500 with a code, as recorded (fact 42).
    """
    with shop.lock:
        doc = shop.get("order", record_id)
        if doc is None:
            raise RestError(500, "woocommerce_rest_invalid_order_id", "Invalid order ID.", 404)
        doc = dict(doc)
        lines = _refund_lines(shop, doc, body.get("line_items"))
        given = body.get("amount")
        taken = -sum(money.cents(line["total"]) + money.cents(line["total_tax"]) for line in lines)
        amount = money.cents(given) if given not in (None, "") else taken
        left = left_of(doc)
        if amount < 0 or amount > left or (amount and not left):
            raise RestError(500, "woocommerce_rest_cannot_create_order_refund", "Invalid refund amount.", 500)
        if body.get("api_refund", True) and doc["payment_method"] not in ("stripe", "ppcp-gateway"):
            raise RestError(
                *(500, "woocommerce_rest_cannot_create_order_refund"),
                *("The payment gateway for this order does not exist.", 500),
            )
        full = amount == left and amount > 0
        said = taken if lines and given is None else given
        made = _keep_refund(shop, doc, amount, str(body.get("reason") or ""), lines, full=full, given=said)
        if amount == left and amount > 0 and doc["status"] != "refunded":
            doc["status"] = "refunded"
            shop.news.tell("action.woocommerce_order_status_refunded", record_id)
        _saved(shop, doc)
        return made


def left_of(doc: Json) -> int:
    """Return what is not refunded of an order, in cents."""
    return money.cents(doc["total"]) + sum(money.cents(row["total"]) for row in doc["refunds"])


def _copy(shop: Shop, record_id: int) -> Json:
    doc = shop.get("order", record_id)
    if doc is None:
        raise RestError(404, "woocommerce_rest_shop_order_invalid_id", "Invalid ID.")
    return dict(doc)


def _saved(shop: Shop, doc: Json) -> Json:
    shop.save("order", doc)
    shop.news.tell("order.updated", doc["id"])
    return doc


def _pay(shop: Shop, doc: Json, transaction_id: str) -> None:
    """Do what `payment_complete` does."""
    if doc["status"] not in PAYABLE and doc["status"] != "trash":
        return
    doc["paid"] = doc["paid"] or shop.now()
    doc["transaction_id"] = transaction_id or doc["transaction_id"]
    on_delivery = doc["payment_method"] == "cod"
    _move(shop, doc, "processing" if doc["needs_processing"] and not on_delivery else "completed")
    shop.news.tell("action.woocommerce_payment_complete", doc["id"])


def _move(shop: Shop, doc: Json, status: str, *, sells: bool = True) -> None:
    """Change the status with what follows from it: dates, stock, a refund entry, the customer's first payment.

    An order that is made with a status does not count as a sale of its products, as recorded (`sells` false).
    """
    if status == doc["status"]:
        return
    doc["status"] = status
    moment = shop.now()
    paid_by = "completed" if doc["payment_method"] == "cod" or not doc["needs_processing"] else "processing"
    if doc["paid"] is None and (status == paid_by or (status == "completed" and paid_by == "processing")):
        doc["paid"] = moment
    if status == "completed":
        doc["completed"] = moment
    if status in ("processing", "completed", "on-hold"):
        stock.take(shop, doc)
        if sells:
            stock.count_sale(shop, doc)
    elif status in ("cancelled", "pending"):
        stock.give_back(shop, doc)
    if status == "refunded":
        left = left_of(doc)
        if left > 0:
            _keep_refund(shop, doc, left, "Order fully refunded.", [], full=True)
    shop.news.tell(f"action.woocommerce_order_status_{status}", doc["id"])
    if status in ("processing", "completed") and doc["customer_id"]:
        user = shop.get("customer", doc["customer_id"])
        if user is not None and not user["is_paying_customer"]:
            shop.save("customer", {**user, "is_paying_customer": True})
            shop.news.tell("customer.updated", user["id"])


def _keep_refund(
    shop: Shop, doc: Json, amount: int, reason: str, lines: list[Json], *, full: bool, given: object = ""
) -> Json:
    made: Json = {
        "id": shop.new_id("refund"),
        "parent_id": doc["id"],
        "created": shop.now(),
        "modified": shop.now(),
        "amount": "" if given is None else money.text(amount),
        "reason": reason,
        "refunded_by": 1,
        "refunded_payment": False,
        "meta_data": [{"id": shop.new_id("meta"), "key": "_refund_type", "value": "full" if full else "partial"}],
        "line_items": lines,
    }
    shop.save("refund", made)
    tax = sum(money.cents(line["total_tax"]) for line in lines)
    row = {"id": made["id"], "reason": reason, "total": f"-{money.text(amount)}", "total_tax": money.text(tax)}
    doc["refunds"] = sorted([*doc["refunds"], row], key=lambda one: (-_made(shop, one["id"]), one["id"]))
    return made


def _made(shop: Shop, refund_id: int) -> int:
    made = shop.get("refund", refund_id)
    return int(made["created"]) if made else 0


def _refund_lines(shop: Shop, doc: Json, rows: Any) -> list[Json]:
    made = []
    for row in rows if isinstance(rows, list) else []:
        line = next((line for line in doc["line_items"] if line["id"] == row.get("id")), None)
        if line is None:
            continue
        taken = refund_line(shop.new_id("item"), line, whole(row.get("quantity")))
        if "refund_total" in row:
            total = money.text(-money.cents(row["refund_total"]))
            taken |= {"total": total, "subtotal": total}
            taken["price"] = money.unit_price(abs(money.cents(total)), taken["quantity"])
            if "refund_tax" not in row:
                taken |= {"total_tax": "0.00", "subtotal_tax": "0.00", "taxes": []}
        made.append(taken)
    return made
