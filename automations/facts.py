"""What the engine is told about an order when it decides. Values only; times are RFC 3339, money decimal strings."""

from __future__ import annotations

from typing import Any, TypedDict


class ContactFacts(TypedDict, total=False):
    """The contact of the order, if it has one."""

    id: int
    first_name: str
    last_name: str
    name: str
    email: str
    phone: str
    consent: str
    tags: list[str]
    country: str
    time_zone: str
    """Of the billing country; absent where it is not known."""
    comments: str
    orders_count: int
    """With the two below only where a condition asks: all orders of the contact, cancelled and failed ones apart."""
    total_spent: str
    """On paid orders in this order's currency, refunds taken off."""
    last_order_at: str


class LineFacts(TypedDict, total=False):
    """A product row of the order."""

    sku: str
    name: str
    quantity: str
    price: str
    total: str
    product_id: int | None
    collection_ids: list[int]
    url: str
    image_url: str


class OrderFacts(TypedDict, total=False):
    """The order as the mirror holds it at this moment."""

    id: int
    woo_id: int
    number: str
    woo_status: str
    status: str
    payment_state: str
    paid: bool
    in_trash: bool
    gone: bool
    total: str
    total_tax: str
    shipping_total: str
    discount_total: str
    currency: str
    created_via: str
    email: str
    is_guest: bool
    nth_order: int
    lines: list[LineFacts]
    fees: list[dict[str, str]]
    """Rows that are neither goods nor shipping, negative ones too: {"name", "total"}."""
    coupons: list[str]
    payment_method: str
    payment_method_title: str
    pay_link: str
    placed_at: str
    paid_at: str
    completed_at: str
    billing: dict[str, str]
    shipping: dict[str, str]
    billing_country: str
    shipping_country: str
    customer_note: str


class EventFacts(TypedDict, total=False):
    """What happened, and when, on the store's clock."""

    kind: str
    occurred_at: str
    age_seconds: float
    """On the store's clock, 0 for the future; asked for by automations with a lateness limit of their own."""
    released: bool
    """Somebody let it through by hand: lateness no longer counts."""
    from_status: str
    """With the three below only for a status that changed: WooCommerce's word, and ours."""
    to_status: str
    from_mapped: str
    to_mapped: str


class RefundFacts(TypedDict, total=False):
    """The refund that happened."""

    id: int
    amount: str
    kind: str
    """`full`: nothing of the order is left with it; else `partial`."""
    reason: str
    occurred_at: str


class RuleFacts(TypedDict, total=False):
    """What the account allows of marketing e-mails, across all automations; empty where it has no rules."""

    quiet_from: str
    quiet_to: str
    cap_messages: int | None
    cap_hours: int
    cap_action: str
    """`skip` or `delay`."""


class EntryFacts(TypedDict, total=False):
    """When the contact entered this automation before."""

    last_entered_at: str | None
    """Time of the last run's event; None: never."""


class Facts(TypedDict, total=False):
    """Everything that conditions and merge variables may ask for."""

    contact: ContactFacts
    order: OrderFacts
    transaction: dict[str, Any] | None
    """amount, currency, method, reference, occurred_at of the payment."""
    store: dict[str, Any]
    """id, name, url, time_zone, currency, manage_stock (bool), hold_stock_minutes (int or None)."""
    event: EventFacts
    refund: RefundFacts
    """Only after a refund."""
    related: dict[str, bool]
    """another_order_paid_within_2h: another order of that e-mail, placed within 2 h of this one, is paid;
    another_order_placed: the contact has placed another order after this one (only where it is asked for)."""
    rules: RuleFacts
    sent: dict[str, list[str]]
    """marketing_at: when the contact's marketing e-mails went out, as far back as the account's cap looks."""
    entries: EntryFacts
    """Only for `matches`, only where the automation limits re-entry."""


def look_up(facts: Any, path: str) -> Any:
    """Return the value at a dotted `path` ("order.total"); None where anything on the way is missing."""
    value: Any = facts
    for part in path.split("."):
        if not isinstance(value, dict):
            return None
        value = value.get(part)
    return value
