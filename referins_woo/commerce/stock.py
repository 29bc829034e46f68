"""Arithmetic of stock: what a row of an order holds, what has left, what an opening counts. Pure.

Quantities are integers in 1/10,000. One law holds for every row whatever happens to its order, so that stock never
drifts: what the store took from its own stock for the row (`_reduced_stock`) = what the row holds here (committed) +
what has left our books for it (taken). So on hand − committed moves exactly as the store's own quantity does (K2).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

SCALE: Final = 10_000


def key_of(sku: str, store_id: int, woo_product_id: int, woo_variation_id: int) -> str:
    """Return by what goods are counted: their SKU, whichever store sells them; without one the store's own numbers."""
    return f"sku:{sku}" if sku else f"woo:{store_id}:{woo_product_id}:{woo_variation_id}"


def taken(reduced: int, ordered: int, delivered: int, *, closed: bool, before: int) -> int:
    """Return how much of what the store took for a row has left our books, 0 to `reduced`.

    What is delivered has left. A row of a `closed` order (cancelled, failed, refunded, in the trash) holds nothing new:
    what had left stays so, as far as the store did not put it back.
    """
    held = max(reduced, 0)
    left = held if ordered > 0 and delivered >= ordered else min(held, max(delivered, 0))
    return min(held, max(left, before)) if closed else left


def taken_at_first_sight(reduced: int, ordered: int, delivered: int, *, closed: bool) -> int:
    """Return the same of a row that was never seen before: of an order that is closed by now, all has left."""
    held = max(reduced, 0)
    return held if closed else taken(held, ordered, delivered, closed=False, before=0)


def committed(reduced: int, has_left: int) -> int:
    """Return what a row holds of the stock on hand."""
    return max(reduced, 0) - has_left


def change_at_first_sight(reduced: int, has_left: int, *, since_opening: bool) -> int:
    """Return by how much on hand changes because of a row that was never seen before.

    `since_opening`: its order was placed after the goods were counted, so the store has taken them since. One that is
    older was taken before: the count did not know that the row holds goods.
    """
    return -has_left if since_opening else committed(reduced, has_left)


def to_push(on_hand: int, committed: int, buffer: int, *, backorders: bool) -> int:
    """Return what a store is to show, in whole pieces (K2).

    Fractions are rounded down; below zero only where the store lets people order what is not there.
    """
    whole = (on_hand - committed - buffer) // SCALE * SCALE
    return whole if backorders else max(whole, 0)


def explained(drift: int, sold_meanwhile: int) -> bool:
    """Whether a store shows `drift` more than our books expect because what we sent wrote over sales of that moment."""
    return 0 < drift <= sold_meanwhile


def opening(woo_quantity: int, on_open_orders: int) -> int:
    """Return what is on hand where the store shows `woo_quantity` and rows of open orders hold the rest (K1)."""
    return woo_quantity + on_open_orders


@dataclass(frozen=True, slots=True)
class Figures:
    """What there is of some goods at one location."""

    on_hand: int = 0
    committed: int = 0

    @property
    def available(self) -> int:
        """What can still be sold; below zero where more was sold than there is."""
        return self.on_hand - self.committed


@dataclass(frozen=True, slots=True)
class Proposed:
    """One line of an opening: what the store shows, and what is counted here already (K1)."""

    key: str
    sku: str
    name: str
    woo_quantity: int
    on_open_orders: int
    counted: int | None
    """On hand at the location, by an earlier count; None: these goods were never counted there."""

    @property
    def on_hand(self) -> int:
        """What the opening counts."""
        return opening(self.woo_quantity, self.on_open_orders)


def propose(
    shown: Mapping[str, tuple[str, str, int]], open_orders: Mapping[str, int], counted: Mapping[str, int]
) -> list[Proposed]:
    """Return the lines of an opening by SKU; `shown` maps a key to (SKU, name, the store's quantity)."""
    return sorted(
        (
            Proposed(key, sku, name, quantity, open_orders.get(key, 0), counted.get(key))
            for key, (sku, name, quantity) in shown.items()
        ),
        key=lambda one: (one.sku, one.name, one.key),
    )
