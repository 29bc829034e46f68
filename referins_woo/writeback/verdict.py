"""What a look at the store says of a change that is to be sent: send it, leave it, or know that it is done. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from referins_woo.commerce import money
from referins_woo.commerce.records import OrderRecord

SEND: Final = "send"
DONE: Final = "done"
REFUSED: Final = "refused"


@dataclass(frozen=True, slots=True)
class Verdict:
    """`send`, `done` (the store shows it already) or `refused`, with the reason in words."""

    act: str
    words: str = ""


def shown(status: str, refunded_total: int, is_paid: bool) -> dict[str, Any]:
    """Return what of an order must be the same in the store as it was here when somebody decided."""
    return {"status": status, "refunded": money.to_text(refunded_total), "paid": is_paid}


def shown_by(order: OrderRecord) -> dict[str, Any]:
    """Return the same of an order as the store shows it."""
    return shown(order.status, order.refunded_total, order.paid_at is not None)


def judge(body: Mapping[str, Any], expected: Mapping[str, Any], order: OrderRecord | None) -> Verdict:
    """Return what is to be done about a change of an order's status."""
    if order is None:
        return Verdict(REFUSED, "The order is no longer in WooCommerce.")
    if order.status == body["status"]:
        return Verdict(DONE, "WooCommerce showed it so already.")
    now = shown_by(order)
    if now["status"] != expected["status"]:
        return Verdict(
            REFUSED, f"WooCommerce now shows “{now['status']}”; it was “{expected['status']}” when this was decided."
        )
    if now["refunded"] != expected["refunded"]:
        return Verdict(REFUSED, "Money was refunded in WooCommerce since this was decided.")
    if now["paid"] != expected["paid"]:
        return Verdict(REFUSED, "The payment has changed in WooCommerce since this was decided.")
    return Verdict(SEND)
