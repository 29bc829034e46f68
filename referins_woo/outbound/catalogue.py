"""Which events webhooks tell of: each with its words and an example, which the page, OpenAPI and docs/api.md show.

A body holds what identifies the thing and what changed, not all that we know: who needs more asks the API by the ids.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final


@dataclass(frozen=True, slots=True)
class EventType:
    """One kind of event."""

    group: str
    label: str
    words: str
    example: dict[str, Any]
    """`data` of its body."""


_ORDER: Final[dict[str, Any]] = {
    "event_id": 91,
    "store_id": 3,
    "occurred_at": "2026-11-20T14:03:11Z",
    "order": {
        "id": 17,
        "woo_id": 4812,
        "number": "WC-4812",
        "status": "Pending",
        "woo_status": "processing",
        "payment_state": "paid",
        "currency": "EUR",
        "total": "147.37",
        "refunded_total": "0.00",
        "placed_at": "2026-11-20T14:03:11Z",
        "paid_at": "2026-11-20T14:03:40Z",
    },
    "contact_id": 42,
}
_CONTACT: Final[dict[str, Any]] = {
    "contact": {
        "id": 42,
        "email": "ana@example.com",
        "name": "Ana Petrova",
        "consent": "subscribed",
        "tags": ["wholesale"],
    }
}
_MESSAGE: Final[dict[str, Any]] = {
    "message": {
        "id": 512,
        "run_id": 77,
        "contact_id": 42,
        "purpose": "transactional",
        "subject": "We have your order WC-4812",
        "state": "sent",
        "reason": None,
    }
}

EVENT_TYPES: Final[dict[str, EventType]] = {
    "order.submitted": EventType("Orders", "Order submitted", "An order was placed.", _ORDER),
    "payment.received": EventType("Orders", "Payment received", "An order was paid.", _ORDER),
    "order.status_changed": EventType(
        "Orders", "Order status changed", "An order went from one status of WooCommerce to another.", _ORDER
    ),
    "order.completed": EventType("Orders", "Order completed", "An order was completed.", _ORDER),
    "order.refunded": EventType("Orders", "Order refunded", "Money of an order was given back.", _ORDER),
    "contact.created": EventType(
        "Contacts",
        "Contact created",
        "Somebody new: by an order, as a store's customer or through the API.",
        _CONTACT,
    ),
    "contact.updated": EventType(
        "Contacts",
        "Contact updated",
        "A contact's name, e-mail, phone or tags changed.",
        {**_CONTACT, "changed": ["tags"]},
    ),
    "contact.unsubscribed": EventType(
        "Contacts",
        "Contact unsubscribed",
        "A contact wants no more marketing.",
        {"contact": {**_CONTACT["contact"], "consent": "unsubscribed"}, "source": "unsubscribe link"},
    ),
    "message.sent": EventType("E-mails", "E-mail sent", "An e-mail was handed to the mail server.", _MESSAGE),
    "message.failed": EventType(
        "E-mails",
        "E-mail failed",
        "An e-mail could not be sent.",
        {"message": {**_MESSAGE["message"], "state": "failed", "reason": "550 no such user"}},
    ),
}
"""By the name that stands in `type`. Names never change; new ones may come."""

TEST: Final = "webhook.test"
TEST_DATA: Final[dict[str, Any]] = {"message": "This is a test: your endpoint can be reached."}


def type_of_event(kind: str) -> str:
    """Return the type of an event of ours: `order_status_changed` → `order.status_changed`; "" where there is none."""
    subject, _, what = kind.partition("_")
    name = f"{subject}.{what}"
    return name if name in EVENT_TYPES else ""
