"""The body of a request laid over an order: addresses, lines, coupons, meta data, and the totals anew."""

from __future__ import annotations

from typing import Any

from referins_woo.practice_store import coupons, money, stock
from referins_woo.practice_store.checks import merge_meta, whole
from referins_woo.practice_store.order_lines import (
    coupon_line,
    fee_line,
    order_line,
    shipping_line,
    sum_of,
    tax_lines,
    total_up,
)
from referins_woo.practice_store.product_views import price_of
from referins_woo.practice_store.rest_errors import RestError
from referins_woo.practice_store.seed.world import sellable
from referins_woo.practice_store.shop import Shop
from referins_woo.practice_store.site import Json
from referins_woo.practice_store.taxes import Rate, split


def fill(shop: Shop, doc: Json, body: Json) -> None:
    """Lay the fields of a request over an order: addresses merge, lines change by id, others replace."""
    for name in ("currency", "customer_note", "payment_method", "payment_method_title", "transaction_id", "parent_id"):
        if name in body:
            doc[name] = body[name]
    if body.get("customer_id"):
        user = shop.get("customer", whole(body["customer_id"]))
        if user is None:
            raise RestError(400, "woocommerce_rest_invalid_customer_id", "Customer ID is invalid.")
        doc["customer_id"] = user["id"]
        doc["billing"] = {**doc["billing"], "email": doc["billing"]["email"] or user["email"]}
    for side in ("billing", "shipping"):
        if isinstance(body.get(side), dict):
            doc[side] = doc[side] | {name: str(body[side][name]) for name in doc[side] if name in body[side]}
    if "meta_data" in body:
        doc["meta_data"] = merge_meta(doc["meta_data"], body["meta_data"], lambda: shop.new_id("meta"))
    changed = False
    for name, make in (("line_items", _line), ("shipping_lines", _shipping), ("fee_lines", _fee)):
        if name in body:
            changed = True
            doc[name] = _merged(shop, doc, name, body[name], make)
    taken: list[tuple[Json, int, int]] = []
    if "coupon_lines" in body:
        changed = True
        taken = _coupons(shop, doc, body["coupon_lines"])
    if changed:
        count_up(shop, doc)
    for coupon, off, tax in taken:
        amount = float(coupon["amount"])
        whole_amount = int(amount) if amount == int(amount) else amount
        named = (coupon["id"], coupon["code"], coupon["discount_type"], whole_amount)
        doc["coupon_lines"] = [*doc["coupon_lines"], coupon_line(shop.new_id("item"), *named, off, tax)]


def place_of(doc: Json) -> tuple[str, str]:
    """Return country and state by which an order is taxed: where it is sent, else who pays."""
    side = doc["shipping"] if doc["shipping"].get("country") else doc["billing"]
    return side["country"], side["state"]


def _rates(shop: Shop, doc: Json, tax_class: str = "") -> tuple[Rate, ...]:
    return shop.rates.found(*place_of(doc), tax_class)


def count_up(shop: Shop, doc: Json) -> None:
    """Write taxes and totals anew."""
    known = {row["rate_id"]: row["id"] for row in doc["tax_lines"]}
    made = tax_lines(0, shop.rates, doc)
    doc["tax_lines"] = [{**row, "id": known.get(row["rate_id"]) or shop.new_id("item")} for row in made]
    total_up(doc)
    doc["needs_processing"] = any(_tangible(shop, line) for line in doc["line_items"])


def _merged(shop: Shop, doc: Json, name: str, rows: Any, make: Any) -> list[Json]:
    """Lay given lines over the known ones: by id they change or, with a null, go; without an id they are new."""
    lines: list[Json] = list(doc[name])
    for row in rows if isinstance(rows, list) else []:
        if not row.get("id"):
            lines.append(make(shop, doc, row, None))
            continue
        place = next((place for place, line in enumerate(lines) if line["id"] == row["id"]), None)
        if place is None:
            raise RestError(
                400, "woocommerce_rest_invalid_item_id", "Order item ID provided is not associated with order."
            )
        gone = any(key in row and row[key] is None for key in ("product_id", "method_id", "name", "quantity"))
        gone = gone or row.get("quantity") == 0
        lines[place] = stock.adjust(shop, lines[place], 0) if gone and name == "line_items" else lines[place]
        lines[place : place + 1] = [] if gone else [make(shop, doc, row, lines[place])]
    return lines


def _line(shop: Shop, doc: Json, row: Json, known: Json | None) -> Json:
    """Make or change an order line; an unknown product makes an empty one (fact 35)."""
    if known is not None:
        return _changed(shop, doc, row, known)
    thing, parent = _thing(shop, row)
    quantity = whole(row.get("quantity"), 1)
    if thing is None:
        empty = {"id": 0, "name": str(row.get("name", "")), "picture": "", "sku": "", "attributes": []}
        nothing = sellable("", empty, None, 0)
        made = order_line(shop.new_id("item"), nothing, quantity, 0, 0, _rates(shop, doc))
        made |= {"sku": None, "global_unique_id": None, "image": {"id": 0, "src": ""}}
        given: Json = {name: money.text(money.cents(row[name])) for name in ("subtotal", "total") if name in row}
        return {**made, **given, "price": money.unit_price(money.cents(made["total"]), quantity)}
    one = money.cents(price_of(shop, thing) or "0")
    subtotal = money.cents(row["subtotal"]) if "subtotal" in row else one * quantity
    total = money.cents(row["total"]) if "total" in row else subtotal
    sold = sellable(shop.site.home, {"attributes": [], "sku": "", "name": "", **thing}, parent, one)
    line = order_line(shop.new_id("item"), sold, quantity, subtotal, total, _rates(shop, doc, sold.tax_class))
    if "name" in row:
        line["name"] = str(row["name"])
    return line


def _changed(shop: Shop, doc: Json, row: Json, known: Json) -> Json:
    """Return a known line with what the request says; another quantity leaves its amounts, unless they are given."""
    quantity = whole(row.get("quantity"), known["quantity"])
    subtotal = money.cents(row.get("subtotal", known["subtotal"]))
    total = money.cents(row.get("total", known["total"]))
    rates = _rates(shop, doc, known["tax_class"])
    before, after = split(subtotal, rates), split(total, rates)
    if quantity != known["quantity"]:
        known = stock.adjust(shop, known, quantity)
    return {
        **known,
        "quantity": quantity,
        "subtotal": money.text(subtotal),
        "subtotal_tax": money.text(sum(before)),
        "total": money.text(total),
        "total_tax": money.text(sum(after)),
        "taxes": [
            {"id": rate.id, "total": money.text(now), "subtotal": money.text(was)}
            for rate, now, was in zip(rates, after, before, strict=True)
        ],
        "price": money.unit_price(total, quantity),
    }


def _thing(shop: Shop, row: Json) -> tuple[Json | None, Json | None]:
    """Return the product or variation a line is about, and the variation's parent."""
    variation = shop.get("variation", whole(row.get("variation_id")))
    if variation is not None:
        return variation, shop.get("product", variation["parent_id"])
    if row.get("product_id"):
        return shop.get("product", whole(row["product_id"])), None
    if row.get("sku"):
        every = [*shop.world.product_ids, *shop.changed("product")]
        found = (doc for i in every if (doc := shop.get("product", i)) and doc["sku"].lower() == row["sku"].lower())
        return next(found, None), None
    return None, None


def _tangible(shop: Shop, line: Json) -> bool:
    kind, record_id = ("variation", line["variation_id"]) if line["variation_id"] else ("product", line["product_id"])
    thing = shop.get(kind, record_id)
    return thing is not None and not thing.get("virtual")


def _shipping(shop: Shop, doc: Json, row: Json, known: Json | None) -> Json:
    cents = money.cents(row.get("total", known["total"] if known else "0"))
    item_id = known["id"] if known else shop.new_id("item")
    made = shipping_line(item_id, cents, _rates(shop, doc))
    made["instance_id"] = known["instance_id"] if known else ""
    return made | {name: row[name] for name in ("method_id", "method_title") if name in row}


def _fee(shop: Shop, doc: Json, row: Json, known: Json | None) -> Json:
    cents = money.cents(row.get("total", known["total"] if known else "0"))
    name = str(row.get("name", known["name"] if known else ""))
    item_id = known["id"] if known else shop.new_id("item")
    return fee_line(item_id, name, cents, _rates(shop, doc))


def _coupons(shop: Shop, doc: Json, rows: Any) -> list[tuple[Json, int, int]]:
    """Take coupons off the lines; returns each with what it took and the tax of that.

    An unknown code is refused, the draft order stays (fact 35).
    """
    taken = []
    for row in rows if isinstance(rows, list) else []:
        code = str(row.get("code", "")).lower()
        coupon = coupons.by_code(shop, code)
        if coupon is None:
            shop.save("order", {**doc, "status": "checkout-draft"}, touch=False)
            raise RestError(
                *(400, "woocommerce_rest_invalid_coupon"),
                f"Coupon &quot;{code}&quot; cannot be applied because it does not exist.",
                {"status": 400, "new_draft_order_id": doc["id"]},
            )
        amount = money.cents(coupon["amount"])
        left = min(amount, sum_of(doc["line_items"], "total"))
        before = sum_of(doc["line_items"], "total_tax")
        off = 0
        lines = []
        for line in doc["line_items"]:
            total = money.cents(line["total"])
            percent = coupon["discount_type"] == "percent"
            part = money.rounded(total * amount, 10_000) if percent else min(left, total)
            left -= part
            off += part
            lines.append(_changed(shop, doc, {"total": money.text(total - part)}, line))
        doc["line_items"] = lines
        taken.append((coupon, off, before - sum_of(lines, "total_tax")))
    return taken
