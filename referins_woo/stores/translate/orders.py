"""Orders and refunds in our words (O4, O5, T2)."""

from __future__ import annotations

from typing import Any

from referins_woo.commerce import pricing
from referins_woo.commerce.records import LineRecord, OrderRecord, Raw, RefundRecord, Unreadable
from referins_woo.stores.translate.catalogue import LONGEST_SKU
from referins_woo.stores.translate.fields import (
    BadField,
    address,
    amount,
    fingerprint,
    items,
    label,
    moment,
    needed_amount,
    needed_moment,
    number,
    own_id,
    quantity,
    read_record,
    short,
    text,
)

_ONE_UNIT = 10_000
_LONGEST_NUMBER = 100
_Rates = dict[int, tuple[int, bool]]
_LineFields = tuple[str, int, int, str, str, int, int, int, int, int, int, int, int]


def order(raw: Any) -> OrderRecord | Unreadable:
    """Return an order, or why it cannot be read: no id, no creation time, no total, a broken amount."""
    return read_record(_order, raw, "Order")


def refund(raw: Any, order_woo_id: int = 0) -> RefundRecord | Unreadable:
    """Return a refund. `order_woo_id`: of which order it was asked; `GET orders/ID/refunds` does not repeat it."""
    return read_record(lambda raw: _refund(raw, order_woo_id), raw, "Refund")


def _order(raw: Raw) -> OrderRecord:
    get = raw.get
    woo_id = own_id(raw)
    billing, shipping = address(get("billing")), address(get("shipping"))
    rates = _rates(get("tax_lines"))
    lines: list[_LineFields] = []
    for each in items(get("line_items")):
        lines.append(_goods(each, len(lines), rates))
    for each in items(get("shipping_lines")):
        lines.append(_extra("shipping", each, each.get("method_title"), len(lines), rates))
    for each in items(get("fee_lines")):
        lines.append(_extra("fee", each, each.get("name"), len(lines), rates))
    status = text(get("status")).removeprefix("wc-")
    placed_at = needed_moment(get("date_created_gmt"), "date_created_gmt")
    kept = (
        woo_id,
        short(get("number"), _LONGEST_NUMBER) or str(woo_id),
        text(get("order_key")),
        status,
        text(get("currency")),
        needed_amount(get("total"), "total"),
        amount(get("total_tax"), "total_tax"),
        amount(get("discount_total"), "discount_total"),
        amount(get("shipping_total"), "shipping_total"),
        get("prices_include_tax") is True,
        number(get("customer_id")),
        billing.get("email", ""),
        billing,
        shipping,
        text(get("payment_method")),
        text(get("payment_method_title")),
        text(get("transaction_id")),
        text(get("created_via")),
        text(get("customer_note")),
        text(get("payment_url")),
        tuple(text(each.get("code")) for each in items(get("coupon_lines"))),
        tuple(
            (number(each.get("id")), abs(amount(each.get("total"), "refunds.total"))) for each in items(get("refunds"))
        ),
        placed_at,
    )
    paid_at, completed_at = moment(get("date_paid_gmt")), moment(get("date_completed_gmt"))
    # Not in the hash: the time of the last save, which moves without a change (fact 31), and the local date, which
    # moves when the shop changes its time zone (fact 12).
    content_hash = fingerprint((kept, paid_at, completed_at, lines))
    return OrderRecord(
        *kept,
        text(get("date_created")),
        moment(get("date_modified_gmt")),
        paid_at,
        completed_at,
        tuple(LineRecord(*line) for line in lines),
        content_hash,
    )


def _goods(raw: Raw, position: int, rates: _Rates) -> _LineFields:
    """Return the fields of a product's row in LineRecord's order."""
    get = raw.get
    count = quantity(get("quantity"), "line_items.quantity")
    total = amount(get("total"), "line_items.total")
    price = get("price")
    try:
        per_unit = pricing.unit_price(price, count, total)
    except (ValueError, TypeError):
        raise BadField("bad_amount", "line_items.price", price) from None
    meta = get("meta_data")
    return (
        "product",
        number(get("id")),
        position,
        label(get("name")),
        short(get("sku"), LONGEST_SKU),
        number(get("product_id")),
        number(get("variation_id")),
        count,
        per_unit,
        total,
        amount(get("total_tax"), "line_items.total_tax"),
        _rate(get("taxes"), rates),
        _reduced_stock(meta) if meta else 0,
    )


def _extra(kind: str, raw: Raw, name: Any, position: int, rates: _Rates) -> _LineFields:
    """Return the fields of a shipping or fee row: one unit at its own net total, which may be negative."""
    get = raw.get
    total = amount(get("total"), f"{kind}_lines.total")
    return (
        kind,
        number(get("id")),
        position,
        label(name),
        "",
        0,
        0,
        _ONE_UNIT,
        total * 100,
        total,
        amount(get("total_tax"), f"{kind}_lines.total_tax"),
        _rate(get("taxes"), rates),
        0,
    )


def _rates(tax_lines: Any) -> _Rates:
    if not tax_lines:
        return {}
    return {
        number(each.get("rate_id")): (_percent(each.get("rate_percent")), each.get("compound") is True)
        for each in items(tax_lines)
    }


def _percent(value: Any) -> int:
    if value is None or value == "":
        return 0
    try:
        return pricing.scaled(value, pricing.RATE_PLACES)
    except (ValueError, TypeError):
        raise BadField("bad_amount", "tax_lines.rate_percent", value) from None


def _rate(taxes: Any, rates: _Rates) -> int:
    """A rate counts for a row if the row's `taxes` hold a total for it, be it zero."""
    if not taxes:
        return 0
    counting = []
    for each in items(taxes):
        total = each.get("total")
        if total is not None and total != "":
            rate = rates.get(number(each.get("id")))
            if rate is not None:
                counting.append(rate)
    return pricing.tax_rate(counting)


def _reduced_stock(meta: Any) -> int:
    """How much of the row the store has taken from stock, in 1/10,000; a plugin's nonsense counts as nothing."""
    for each in items(meta):
        if each.get("key") == "_reduced_stock":
            try:
                return quantity(each.get("value"), "_reduced_stock")
            except BadField:
                return 0
    return 0


def _refund(raw: Raw, order_woo_id: int) -> RefundRecord:
    record = RefundRecord(
        woo_id=own_id(raw),
        woo_order_id=number(raw.get("parent_id")) or order_woo_id,
        amount=abs(amount(raw.get("amount"), "amount")),
        reason=text(raw.get("reason")),
        occurred_at=needed_moment(raw.get("date_created_gmt"), "date_created_gmt"),
    )
    fingerprint((record.reason,))
    return record
