"""What was delivered of an order, and whether that completes it in WooCommerce (O8). Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Final

from referins_woo.commerce.records import DRAFT_STATUSES, UNPAID_KINDS
from referins_woo.errors import InvalidInput

NOT_DELIVERED: Final = "not_delivered"
PARTIALLY: Final = "partially_delivered"
DELIVERED: Final = "delivered"
STATES: Final = (NOT_DELIVERED, PARTIALLY, DELIVERED)

SENDS: Final = "sends"
ASKS: Final = "asks"
NEVER: Final = "never"
IS_SO: Final = "is_so"


def completes(woo_status: str, *, is_away: bool) -> str:
    """Return what Delivered means for an order in this status.

    `sends`: WooCommerce is told; `asks`: only once somebody has confirmed that this marks it paid there; `never`: it is
    not told; `is_so`: it is completed there already. `is_away`: in the trash, or no longer there.
    """
    if is_away or woo_status in UNPAID_KINDS | DRAFT_STATUSES:
        return NEVER
    if woo_status == "completed":
        return IS_SO
    return ASKS if woo_status in ("pending", "on-hold") else SENDS


def state_of(lines: Iterable[tuple[int, int]]) -> str:
    """Return what (ordered, delivered) quantities of goods come to; without goods nothing was delivered."""
    goods = [(ordered, delivered) for ordered, delivered in lines if ordered > 0]
    if goods and all(delivered >= ordered for ordered, delivered in goods):
        return DELIVERED
    return PARTIALLY if any(delivered > 0 for _, delivered in goods) else NOT_DELIVERED


def quantities(
    ordered: Mapping[int, int], delivered: Mapping[int, int], wanted: str | None, given: Mapping[int, int] | None
) -> dict[int, int]:
    """Return line → delivered quantity, of what somebody says: a state, quantities of lines, or both.

    `ordered` and `delivered` are those of the order's goods, in 1/10,000. Raises InvalidInput.
    """
    result = dict(delivered)
    if given is not None:
        unknown = sorted(set(given) - set(ordered))
        if unknown:
            raise InvalidInput("lines", f"Line {unknown[0]} is no row of goods of this order.")
        for line, quantity in given.items():
            if not 0 <= quantity <= ordered[line]:
                raise InvalidInput("lines", f"Line {line}: deliver between 0 and what was ordered.")
        result |= given
    elif wanted == DELIVERED:
        result = dict(ordered)
    elif wanted == NOT_DELIVERED:
        result = dict.fromkeys(ordered, 0)
    state = state_of((ordered[line], result[line]) for line in ordered) if ordered else (wanted or NOT_DELIVERED)
    if wanted is not None and state != wanted:
        words = "say how much of which line" if wanted == PARTIALLY else f"the lines make it {state.replace('_', ' ')}"
        raise InvalidInput("delivery_status", f"{wanted.replace('_', ' ').capitalize()} does not fit: {words}.")
    return result
