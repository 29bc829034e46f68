"""What starts an automation. Each trigger is declared once, here."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from automations.fields import Field


@dataclass(frozen=True, slots=True)
class Trigger:
    """One kind of event that automations can begin with."""

    key: str
    label: str
    help: str
    facts: frozenset[str]
    """Top-level facts that conditions and merge variables may use after it."""
    lateness_limit: timedelta = timedelta(hours=24)
    """An event older than this when it becomes known starts nothing by itself; it can be released."""
    excluded_sources: frozenset[str] = frozenset({"subscription"})
    """`created_via` of orders that do not start it unless the automation says otherwise."""
    needs_amount: bool = False
    """Orders with a total of zero do not start it unless a filter looks at the total."""
    subject: str = "order"
    """What it happens to, and so what a run is keyed by: `order`, `status_change` or `refund` (of an order)."""
    already: frozenset[str] = frozenset()
    """Exit conditions that hold from the start: with one of them nobody would get through."""
    fields: tuple[Field, ...] = ()
    """Settings of the trigger itself, in the document's `trigger_settings`."""


_ORDER_FACTS = frozenset({"contact", "order", "store", "event", "related"})
_STATUS_HELP = "Statuses of WooCommerce (on-hold, shipped) or ours, with a capital (Pending, Completed). None: any."

TRIGGERS: Final[dict[str, Trigger]] = {
    trigger.key: trigger
    for trigger in (
        Trigger(
            "order_submitted",
            "Order Submitted",
            "Once per order, when the store has it with a real status and an e-mail address.",
            _ORDER_FACTS,
        ),
        Trigger(
            "payment_received",
            "Payment Received",
            "Once per order, when it is paid, or completed without a payment date (cash on delivery).",
            _ORDER_FACTS | {"transaction"},
            needs_amount=True,
            already=frozenset({"paid"}),
        ),
        Trigger(
            "order_status_changed",
            "Order Status Changed",
            "When an order goes from one status to another; not for changes that happened between two looks.",
            _ORDER_FACTS,
            subject="status_change",
            fields=(
                Field("from", "From", "names", help=_STATUS_HELP, most=60, offers="statuses"),
                Field("to", "To", "names", help=_STATUS_HELP, most=60, offers="statuses"),
            ),
        ),
        Trigger(
            "order_completed",
            "Order Completed",
            "Once per order, when it is completed (fulfilled).",
            _ORDER_FACTS | {"transaction"},
            already=frozenset({"completed"}),
        ),
        Trigger(
            "order_refunded",
            "Order Refunded",
            "Once per refund, full or partial.",
            _ORDER_FACTS | {"transaction", "refund"},
            subject="refund",
            fields=(
                Field(
                    "refund",
                    "Kind of refund",
                    "choice",
                    choices=("any", "full", "partial"),
                    labels=("Any refund", "In full: nothing of the order is left", "In part"),
                    default="any",
                ),
            ),
        ),
    )
}
"""Key → trigger, in the order in which the builder shows them."""

STATUS_WORDS: Final = frozenset({"Pending", "Completed", "Cancelled"})
"""Our statuses; WooCommerce's own never have a capital."""
