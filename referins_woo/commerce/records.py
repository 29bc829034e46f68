"""Woo's objects in our words: what the door hands out and everybody behind it works with.

Values, not rows: no ids of ours, nothing lazy. Money is an integer in 1/10,000 of the currency's unit, a unit price in
1/1,000,000, a tax rate in 1/10,000 of a percent, a quantity in 1/10,000. Times are aware UTC. Text is clean: no NUL,
no lone surrogates; account, category and product names are entity-decoded, billing names are kept as typed (M4).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

UNPAID_KINDS = frozenset({"cancelled", "failed", "refunded"})
DRAFT_STATUSES = frozenset({"draft", "auto-draft", "checkout-draft", "trash"})

Address = dict[str, str]
"""first_name, last_name, company, address_1, address_2, city, state, postcode, country (ISO 3166), email, phone;
only keys with a value are there."""


@dataclass(frozen=True, slots=True)
class CustomerRecord:
    """A registered Woo user."""

    woo_id: int
    email: str
    first_name: str
    last_name: str
    username: str
    role: str
    phone: str
    billing: Address
    shipping: Address
    content_hash: str
    """Hash of the fields above."""
    registered_at: datetime | None = None

    @property
    def name(self) -> str:
        """First and last name, one space between (M7)."""
        return f"{self.first_name} {self.last_name}".strip()


@dataclass(frozen=True, slots=True)
class LineRecord:
    """A row of an order: `product`, `shipping` or `fee`."""

    kind: str
    woo_line_id: int
    position: int
    name: str
    sku: str
    woo_product_id: int
    woo_variation_id: int
    quantity: int
    price_per_unit: int
    total: int
    total_tax: int
    tax_rate: int
    reduced_stock: int


@dataclass(frozen=True, slots=True)
class OrderRecord:
    """An order as the store showed it at one moment."""

    woo_id: int
    number: str
    order_key: str
    status: str
    """Raw Woo status, without `wc-`."""
    currency: str
    total: int
    total_tax: int
    discount_total: int
    shipping_total: int
    prices_include_tax: bool
    woo_customer_id: int
    email: str
    """billing.email as typed, trimmed; may be empty or unusable."""
    billing: Address
    shipping: Address
    payment_method: str
    payment_method_title: str
    payment_reference: str
    created_via: str
    customer_note: str
    payment_url: str
    coupons: tuple[str, ...]
    refunds: tuple[tuple[int, int], ...]
    """(Woo refund id, amount ≥ 0) as listed by the order."""
    placed_at: datetime
    placed_local: str
    """Store-local date and time of creation, as Woo wrote it: the delivery date is counted from its day (O4)."""
    modified_at: datetime | None
    paid_at: datetime | None
    completed_at: datetime | None
    lines: tuple[LineRecord, ...]
    content_hash: str

    @property
    def is_draft(self) -> bool:
        """Whether the order is not submitted: a draft of any kind, or trash."""
        return self.status in DRAFT_STATUSES

    @property
    def refunded_total(self) -> int:
        """Sum of the refunds, ≥ 0."""
        return sum(amount for _, amount in self.refunds) if self.refunds else 0


@dataclass(frozen=True, slots=True)
class RefundRecord:
    """One refund of one order; amount ≥ 0."""

    woo_id: int
    woo_order_id: int
    amount: int
    reason: str
    occurred_at: datetime


@dataclass(frozen=True, slots=True)
class CategoryRecord:
    """A Woo category; as named by a product it has no parent."""

    woo_id: int
    name: str
    slug: str


@dataclass(frozen=True, slots=True)
class VariantRecord:
    """A variation of a variable product."""

    woo_id: int
    woo_product_id: int
    status: str
    sku: str
    price: int | None
    """None: no price."""
    attributes: tuple[tuple[str, str], ...]
    manage_stock: str
    stock_quantity: int | None
    stock_status: str
    position: int
    modified_at: datetime | None
    content_hash: str


@dataclass(frozen=True, slots=True)
class ProductRecord:
    """A product of any type; which ones import is decided by `commerce.catalogue_rules` (P1)."""

    woo_id: int
    type: str
    status: str
    name: str
    slug: str
    sku: str
    price: int | None
    permalink: str
    image_url: str
    manage_stock: bool
    stock_quantity: int | None
    stock_status: str
    backorders: str
    categories: tuple[CategoryRecord, ...]
    variation_ids: tuple[int, ...]
    modified_at: datetime | None
    content_hash: str
    variants: tuple[VariantRecord, ...] = field(default=())
    """Filled by whoever fetched them; empty for simple products."""
    parent_id: int = 0
    """For a variation that came as a product (`type` is `variation`): its product."""
    unreadable: tuple[Unreadable, ...] = field(default=())
    """Its variations and categories that could not be read: the product comes without them."""


@dataclass(frozen=True, slots=True)
class Unreadable:
    """A record that could not be put into our words: it is set aside with its reason (I4)."""

    woo_id: int
    name: str
    reason_code: str
    reason: str
    detail: str = ""
    element: str = ""
    """Set for a part of another record: `variations` or `collections`."""
    parent_woo_id: int = 0
    """The record that it belongs to, where it has one."""


Record = CustomerRecord | OrderRecord | ProductRecord | RefundRecord | CategoryRecord
Raw = dict[str, Any]
"""A decoded JSON object; never leaves `stores`."""
