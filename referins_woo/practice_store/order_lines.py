"""Lines of orders and refunds, and the totals that follow from them."""

from __future__ import annotations

from dataclasses import dataclass

from referins_woo.practice_store.money import rounded, short, text, unit_price
from referins_woo.practice_store.site import Json
from referins_woo.practice_store.taxes import Rate, Rates, split

REDUCED = "_reduced_stock"


@dataclass(frozen=True, slots=True)
class Sellable:
    """Something that can stand in an order line. `cents` is the price of one."""

    product_id: int
    variation_id: int
    name: str
    parent_name: str | None
    sku: str
    cents: int
    tax_class: str
    meta: tuple[tuple[str, str, str], ...]
    image: Json
    virtual: bool
    global_unique_id: str = ""
    keeps_stock: bool = False
    """Its own, or its product's."""


def order_line(
    item_id: int, thing: Sellable, quantity: int, subtotal: int, total: int, rates: tuple[Rate, ...]
) -> Json:
    """Return an order line; `subtotal` and `total` are cents without tax, for the whole quantity."""
    before, after = split(subtotal, rates), split(total, rates)
    return {
        "id": item_id,
        "name": f"{thing.parent_name} - {thing.name}" if thing.parent_name else thing.name,
        "product_id": thing.product_id,
        "variation_id": thing.variation_id,
        "quantity": quantity,
        "tax_class": thing.tax_class,
        "subtotal": text(subtotal),
        "subtotal_tax": text(sum(before)),
        "total": text(total),
        "total_tax": text(sum(after)),
        "taxes": [
            {"id": rate.id, "total": text(now), "subtotal": text(was)}
            for rate, now, was in zip(rates, after, before, strict=True)
        ],
        "meta_data": [
            {"id": item_id * 4 + place, "key": key, "value": value, "display_key": label, "display_value": shown}
            for place, (key, value, label, shown) in enumerate(
                (key, value, label, value.replace("-", " ").capitalize()) for key, value, label in thing.meta
            )
        ],
        "sku": thing.sku,
        "global_unique_id": thing.global_unique_id,
        "price": unit_price(total, quantity),
        "image": thing.image,
        "parent_name": thing.parent_name,
    }


def reduced_stock(row_id: int, quantity: int) -> Json:
    """Return the row of a line's meta data that says how much stock the line took (fact 83)."""
    shown = str(quantity)
    return {"id": row_id, "key": REDUCED, "value": shown, "display_key": REDUCED, "display_value": shown}


def shipping_line(item_id: int, cents: int, rates: tuple[Rate, ...]) -> Json:
    """Return a shipping line; `cents` without tax."""
    rates = tuple(rate for rate in rates if rate.shipping)
    shares = split(cents, rates)
    return {
        "id": item_id,
        "method_title": "Flat rate" if cents else "Free shipping",
        "method_id": "flat_rate" if cents else "free_shipping",
        "instance_id": "1",
        "total": text(cents),
        "total_tax": text(sum(shares)),
        "taxes": [
            {"id": rate.id, "total": text(share), "subtotal": ""} for rate, share in zip(rates, shares, strict=True)
        ],
        "tax_status": "taxable",
        "meta_data": [],
    }


def fee_line(item_id: int, name: str, cents: int, rates: tuple[Rate, ...]) -> Json:
    """Return a fee line; `cents` may be negative."""
    shares = split(cents, rates)
    return {
        "id": item_id,
        "name": name,
        "tax_class": "",
        "tax_status": "taxable",
        "amount": "",
        "total": text(cents),
        "total_tax": text(sum(shares)),
        "taxes": [
            {"id": rate.id, "total": text(share), "subtotal": ""} for rate, share in zip(rates, shares, strict=True)
        ],
        "meta_data": [],
    }


def coupon_line(item_id: int, coupon_id: int, code: str, kind: str, amount: float, cents: int, tax: int = 0) -> Json:
    """Return a coupon line; `cents` and `tax` are what it took off."""
    info = f'[{coupon_id},"{code}","{kind}",{amount}]'
    return {
        "id": item_id,
        "code": code,
        "discount": short(cents),
        "discount_tax": short(tax),
        "meta_data": [
            {
                "id": item_id * 4,
                "key": "coupon_info",
                "value": info,
                "display_key": "coupon_info",
                "display_value": info,
            }
        ],
        "discount_type": kind,
        "nominal_amount": amount,
        "free_shipping": False,
    }


def tax_lines(first_id: int, rates: Rates, doc: Json) -> list[Json]:
    """Return one tax line per rate that applies, summed over lines, fees and shipping."""
    made = []
    rows = [*doc["line_items"], *doc["fee_lines"], *doc["shipping_lines"]]
    used = {tax["id"] for row in rows for tax in row["taxes"]}
    for place, rate in enumerate(rate for rate in rates.table if rate.id in used):
        goods = _taken(rate.id, doc["line_items"]) + _taken(rate.id, doc["fee_lines"])
        made.append(
            {
                "id": first_id + place,
                "rate_code": rate.code,
                "rate_id": rate.id,
                "label": rate.label,
                "compound": False,
                "tax_total": text(goods),
                "shipping_tax_total": text(_taken(rate.id, doc["shipping_lines"])),
                "rate_percent": rate.percent,
                "meta_data": [],
            }
        )
    return made


def _taken(rate_id: int, rows: list[Json]) -> int:
    return sum(round(float(tax["total"]) * 100) for row in rows for tax in row["taxes"] if tax["id"] == rate_id)


def total_up(doc: Json) -> None:
    """Write the totals of an order from its lines."""
    lines, fees, carriage = doc["line_items"], doc["fee_lines"], doc["shipping_lines"]
    goods, before = sum_of(lines, "total"), sum_of(lines, "subtotal")
    goods_tax, before_tax = sum_of(lines, "total_tax"), sum_of(lines, "subtotal_tax")
    fee, fee_tax = sum_of(fees, "total"), sum_of(fees, "total_tax")
    shipping, shipping_tax = sum_of(carriage, "total"), sum_of(carriage, "total_tax")
    doc["discount_total"] = text(before - goods)
    doc["discount_tax"] = text(before_tax - goods_tax)
    doc["shipping_total"] = text(shipping)
    doc["shipping_tax"] = text(shipping_tax)
    doc["cart_tax"] = text(goods_tax + fee_tax)
    doc["total"] = text(goods + fee + shipping + goods_tax + fee_tax + shipping_tax)
    doc["total_tax"] = text(goods_tax + fee_tax + shipping_tax)


def sum_of(rows: list[Json], name: str) -> int:
    """Return the sum of one amount over all rows, in cents."""
    return sum(round(float(row[name]) * 100) for row in rows)


def refund_line(item_id: int, line: Json, quantity: int) -> Json:
    """Return the line of a refund that takes back `quantity` of an order line."""
    whole = line["quantity"] or 1

    def share(amount: str) -> int:
        return -rounded(round(float(amount) * 100) * quantity, whole)

    total, tax = share(line["total"]), share(line["total_tax"])
    return {
        **line,
        "id": item_id,
        "quantity": -quantity,
        "subtotal": text(total),
        "subtotal_tax": text(tax),
        "total": text(total),
        "total_tax": text(tax),
        "taxes": [
            {"id": row["id"], "total": text(share(row["total"])), "subtotal": text(share(row["total"]))}
            for row in line["taxes"]
        ],
        "meta_data": [
            {
                "id": item_id * 4,
                "key": "_refunded_item_id",
                "value": str(line["id"]),
                "display_key": "_refunded_item_id",
                "display_value": str(line["id"]),
            }
        ],
    }
