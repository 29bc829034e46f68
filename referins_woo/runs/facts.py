"""What the engine is told about one order, put together from rows of the mirror. Pure: values in, values out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, cast

from automations.facts import ContactFacts, EventFacts, Facts, LineFacts, OrderFacts, RefundFacts
from automations.triggers import TRIGGERS
from referins_woo.commerce import money
from referins_woo.commerce.matching import usable_email
from referins_woo.commerce.order_rules import mapped_status
from referins_woo.mail import samples
from referins_woo.runs.gather import Gathered, Row
from referins_woo.runs.zones import zone_of_country


@dataclass(frozen=True, slots=True)
class Occasion:
    """The event that a run began with."""

    kind: str
    occurred_at: datetime
    released: bool = False
    """A merchant let it through although it was too late: then lateness no longer counts."""
    data: Mapping[str, Any] = field(default_factory=dict)
    """What the event says of itself: `from` and `to`, or the `refund`."""


def facts_of(gathered: Gathered, order_id: int | None, store_id: int | None, occasion: Occasion) -> Facts:
    """Return what the engine is told about one order after an event; an order no longer here is `gone`."""
    order = gathered.orders.get(order_id) if order_id is not None else None
    store = gathered.stores.get(store_id) if store_id is not None else None
    facts: Facts = {"event": _event(occasion), "store": _store(store)}
    if store is not None and store["account_id"] in gathered.rules:
        facts["rules"] = gathered.rules[store["account_id"]]
    if order is None:
        return {**facts, "order": {"gone": True}}
    contact = gathered.contacts.get(order["contact_id"])
    if contact is not None:
        facts["contact"] = _contact(gathered, contact, order, store["time_zone"] if store is not None else "")
        facts["sent"] = {"marketing_at": gathered.marketing_at.get(contact["id"], [])}
    facts["order"] = gathered.told.get(order["id"]) or gathered.told.setdefault(order["id"], _order(gathered, order))
    facts["transaction"] = _transaction(gathered.payments.get(order["id"]), order)
    if isinstance(occasion.data.get("refund"), dict):
        facts["refund"] = cast("RefundFacts", occasion.data["refund"])
    last = gathered.last_placed.get(order["contact_id"])
    facts["related"] = {
        "another_order_paid_within_2h": order["id"] in gathered.related_paid,
        "another_order_placed": last is not None and last > order["placed_at"],
    }
    return facts


def sample_facts(key: str, occasion: Occasion) -> Facts:
    """Return the facts of a made-up order to which `occasion` happens now."""
    moment = _time(occasion.occurred_at)
    facts = samples.after(key, occasion.kind, TRIGGERS[occasion.kind].facts)
    facts["order"] |= {"placed_at": moment} | ({"paid_at": moment} if facts["order"]["paid"] else {})
    return {**facts, "event": _event(occasion)}  # type: ignore[typeddict-item]


def _event(occasion: Occasion) -> EventFacts:
    facts: EventFacts = {"kind": occasion.kind, "occurred_at": _time(occasion.occurred_at)}
    before, after = occasion.data.get("from"), occasion.data.get("to")
    if isinstance(before, str) and isinstance(after, str):
        facts["from_status"], facts["to_status"] = before, after
        facts["from_mapped"], facts["to_mapped"] = mapped_status(before), mapped_status(after)
    return facts


def address_of(gathered: Gathered, order_id: int | None) -> tuple[str, str]:
    """Return e-mail and name for a mail about an order: its billing e-mail, else its account's (triggers.md, Consent).

    The e-mail is empty where there is none.
    """
    order = gathered.orders.get(order_id) if order_id is not None else None
    if order is None:
        return "", ""
    contact = gathered.contacts.get(order["contact_id"])
    billing = order["billing"] or {}
    billed = f"{billing.get('first_name', '')} {billing.get('last_name', '')}".strip()
    if usable_email(order["email"]):
        return order["email"], billed or (contact["name"] if contact is not None else "")
    if contact is not None and usable_email(contact["email"]):
        return contact["email"], contact["name"] or billed
    return "", billed


def _store(store: Row | None) -> dict[str, Any]:
    if store is None:
        return {}
    return {
        **{name: store[name] for name in ("id", "url", "time_zone", "currency", "manage_stock", "hold_stock_minutes")},
        "name": store["name"] or store["url"].partition("://")[2],
        "price_decimals": store["price_decimals"],
    }


def _contact(gathered: Gathered, contact: Row, order: Row, store_zone: str) -> ContactFacts:
    country = (contact["billing"] or {}).get("country", "") or (order["billing"] or {}).get("country", "")
    facts: ContactFacts = {
        "id": contact["id"],
        "first_name": contact["first_name"],
        "last_name": contact["last_name"],
        "name": contact["name"],
        "email": contact["email"],
        "phone": contact["phone"],
        "consent": contact["consent"],
        "tags": list(contact["tags"] or ()),
        "country": (contact["billing"] or {}).get("country", ""),
        "comments": contact["comments"],
    }
    if country and (named := zone_of_country(country, store_zone)):
        facts["time_zone"] = named
    if contact["id"] in gathered.orders_count:
        facts["orders_count"] = gathered.orders_count[contact["id"]]
        facts["total_spent"] = money.to_text(gathered.spent.get((contact["id"], order["currency"]), 0))
        facts["last_order_at"] = _time(gathered.last_placed[contact["id"]])
    return facts


def _order(gathered: Gathered, order: Row) -> OrderFacts:
    billing, shipping = order["billing"] or {}, order["shipping"] or {}
    facts: OrderFacts = {
        "id": order["id"],
        "woo_id": order["woo_id"],
        "number": order["number"],
        "woo_status": order["woo_status"],
        "status": order["status"],
        "payment_state": order["payment_state"],
        "paid": order["paid_at"] is not None or order["payment_state"] in ("paid", "partially_refunded"),
        "in_trash": order["in_trash"],
        "gone": order["gone_at"] is not None,
        "total": money.to_text(order["total"]),
        "total_tax": money.to_text(order["total_tax"]),
        "shipping_total": money.to_text(order["shipping_total"]),
        "discount_total": money.to_text(order["discount_total"]),
        "currency": order["currency"],
        "created_via": order["created_via"],
        "email": order["email"],
        "is_guest": order["woo_customer_id"] == 0,
        "lines": [
            _line(line, gathered.collections)
            for line in gathered.lines.get(order["id"], ())
            if line["kind"] == "product"
        ],
        "fees": [
            {"name": line["name"], "total": money.to_text(line["total"])}
            for line in gathered.lines.get(order["id"], ())
            if line["kind"] == "fee"
        ],
        "coupons": [str(coupon) for coupon in order["coupons"] or ()],
        "payment_method": order["payment_method"],
        "payment_method_title": order["payment_method_title"],
        "pay_link": order["payment_url"],
        "placed_at": _time(order["placed_at"]),
        "billing": billing,
        "shipping": shipping,
        "billing_country": billing.get("country", ""),
        "shipping_country": shipping.get("country", "") or billing.get("country", ""),
        "customer_note": order["customer_note"],
    }
    for name in ("paid_at", "completed_at"):
        if order[name] is not None:
            facts[name] = _time(order[name])
    if order["id"] in gathered.nth:
        facts["nth_order"] = gathered.nth[order["id"]]
    return facts


def _line(line: Row, collections: Mapping[int, list[int]]) -> LineFacts:
    return {
        "sku": line["sku"],
        "name": line["name"],
        "quantity": money.to_text(line["quantity"], at_least=0),
        "price": money.to_text(line["price_per_unit"], money.UNIT_PRICE_SCALE),
        "total": money.to_text(line["total"]),
        "product_id": line["product_id"],
        "collection_ids": collections.get(line["product_id"], []),
        "url": line["permalink"] or "",
        "image_url": line["image_url"] or "",
    }


def _transaction(payment: Row | None, order: Row) -> dict[str, Any] | None:
    """The payment; where transactions are not kept (T3), what T1 would have made of the order."""
    if payment is not None:
        amount, reference, occurred = payment["amount"], payment["reference"], payment["occurred_at"]
        return _payment_facts(amount, payment["currency"], payment["method"], reference, occurred)
    occurred = order["paid_at"] or (order["completed_at"] if order["payment_state"] != "unpaid" else None)
    if occurred is None:
        return None
    reference = order["payment_reference"] or order["number"]
    return _payment_facts(order["total"], order["currency"], order["payment_method_title"], reference, occurred)


def _payment_facts(amount: int, currency: str, method: str, reference: str, occurred: datetime) -> dict[str, Any]:
    return {
        "amount": money.to_text(amount),
        "currency": currency,
        "method": method,
        "reference": reference,
        "occurred_at": _time(occurred),
    }


def _time(moment: datetime) -> str:
    return (moment if moment.tzinfo is UTC else moment.astimezone(UTC)).isoformat()[: -len("+00:00")] + "Z"
