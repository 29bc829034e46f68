"""Where which ids lie, and which of every hundred orders is of which kind.

Orders follow a cycle of 100 kinds, so that "how many completed orders" and "the 700,000th of them" are arithmetic.
Ids of products, variations, orders and refunds come from one counter, as in WordPress; users and categories have
their own.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import gcd

CYCLE = 100
FIRST_PRODUCT = 11
FIRST_USER_OF_ROLE_CUSTOMER = 11

_PLAIN = (
    *("completed", "completed", "processing", "completed", "completed", "completed", "on-hold", "completed"),
    *("processing", "completed", "completed", "pending", "completed", "cancelled", "completed", "failed"),
)
_SPECIAL: dict[int, tuple[str, str]] = {
    4: ("completed", "no_email"),
    8: ("processing", "html_name"),
    11: ("completed", "emoji_name"),
    13: ("completed", "deleted_product"),
    16: ("completed", "fee"),
    19: ("completed", "coupon"),
    22: ("processing", "two_coupons"),
    24: ("completed", "zero_total"),
    26: ("completed", "no_billing"),
    28: ("completed", "euro_tax_included"),
    30: ("completed", "negative_fee"),
    33: ("pending", "by_admin"),
    35: ("completed", "partial_refund"),
    37: ("completed", "two_refunds"),
    39: ("refunded", "full_refund"),
    41: ("completed", "deleted_variation"),
    43: ("pending", "no_items"),
    45: ("completed", "unpaid"),
    47: ("on-hold", "paid"),
    49: ("cancelled", "paid"),
    51: ("completed", "other_email"),
    53: ("completed", "case0"),
    54: ("completed", "case1"),
    55: ("processing", "case2"),
    57: ("completed", "subscriber"),
    59: ("completed", "administrator"),
    61: ("shipped", ""),
    63: ("shipped", "unpaid"),
    65: ("completed", "child"),
    66: ("completed", "many_lines"),
    68: ("processing", "long_meta"),
    70: ("checkout-draft", ""),
    71: ("checkout-draft", "no_billing"),
    73: ("trash", ""),
    74: ("trash", "partial_refund"),
    76: ("refunded", "full_refund"),
    78: ("completed", "no_role"),
    80: ("completed", "cjk_name"),
    82: ("completed", "arabic_name"),
    84: ("completed", "trashed_product"),
    86: ("failed", ""),
    90: ("completed", "partial_refund"),
    92: ("processing", ""),
    93: ("completed", ""),
    94: ("on-hold", ""),
    95: ("processing", ""),
    96: ("pending", ""),
    97: ("processing", ""),
    98: ("processing", ""),
    99: ("processing", ""),
}
KINDS: tuple[tuple[str, str], ...] = tuple(
    _SPECIAL.get(place, (_PLAIN[place % len(_PLAIN)], "")) for place in range(CYCLE)
)
"""Status and trait of the orders whose number ends with 0 … 99."""

REFUNDS_OF_TRAIT = {"partial_refund": 1, "two_refunds": 2, "full_refund": 1}
REFUND_SLOTS: tuple[tuple[int, int], ...] = tuple(
    (place, which) for place, (_, trait) in enumerate(KINDS) for which in range(REFUNDS_OF_TRAIT.get(trait, 0))
)
"""The refunds of every hundred orders: (place of the order, first or second refund of it)."""


REFUNDED = frozenset(place for place, _ in REFUND_SLOTS)
"""The places of orders with refunds."""


@dataclass(frozen=True, slots=True)
class Layout:
    """Numbers of records and the first id of each kind."""

    orders: int
    customers: int
    products: int
    variations: int

    @property
    def first_variation(self) -> int:
        """Return the id of the first variation."""
        return FIRST_PRODUCT + self.products

    @property
    def first_order(self) -> int:
        """Return the id of the first order: a round number after products and variations."""
        return (self.first_variation + self.variations) // 1000 * 1000 + 1001

    @property
    def first_refund(self) -> int:
        """Return the id of the first refund."""
        return self.first_order + self.orders

    @property
    def refunds(self) -> int:
        """Return how many seeded refunds there are."""
        whole, rest = divmod(self.orders, CYCLE)
        return whole * len(REFUND_SLOTS) + sum(1 for place, _ in REFUND_SLOTS if place < rest)

    @property
    def first_new(self) -> int:
        """Return the first id that no seeded record has."""
        return self.first_refund + self.refunds

    @property
    def first_new_user(self) -> int:
        """Return the first user id that no seeded user has."""
        return FIRST_USER_OF_ROLE_CUSTOMER + self.customers

    @property
    def stride(self) -> int:
        """Return the step by which orders are dealt to customers: each customer gets every n-th order."""
        return next(step for step in (7919, 104729, 15485863) if gcd(step, self.customers) == 1)

    def customer_of(self, number: int) -> int:
        """Return which customer the order `number` belongs to, if it is a customer's."""
        return (number * self.stride) % self.customers

    def orders_of_customer(self, customer: int) -> range:
        """Return the numbers of the orders dealt to `customer`, guests' and others' among them."""
        first = (customer * pow(self.stride, -1, self.customers)) % self.customers
        return range(first, self.orders, self.customers)

    def refund_id(self, number: int, which: int) -> int:
        """Return the id of a refund of the order `number`."""
        whole, place = divmod(number, CYCLE)
        return self.first_refund + whole * len(REFUND_SLOTS) + REFUND_SLOTS.index((place, which))

    def order_of_refund(self, refund_id: int) -> tuple[int, int]:
        """Return the number of the order and which of its refunds this is."""
        whole, slot = divmod(refund_id - self.first_refund, len(REFUND_SLOTS))
        place, which = REFUND_SLOTS[slot]
        return whole * CYCLE + place, which
