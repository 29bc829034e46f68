"""Registered users in our words (M7)."""

from __future__ import annotations

from typing import Any

from referins_woo.commerce.records import CustomerRecord, Raw, Unreadable
from referins_woo.stores.translate.fields import address, fingerprint, label, moment, own_id, read_record, text


def customer(raw: Any) -> CustomerRecord | Unreadable:
    """Return a user. Account names are decoded, names in the addresses are as typed (M4)."""
    return read_record(_customer, raw, "Customer")


def _customer(raw: Raw) -> CustomerRecord:
    get = raw.get
    billing, shipping = address(get("billing")), address(get("shipping"))
    kept = (
        own_id(raw),
        text(get("email")).strip(),
        label(get("first_name")).strip(),
        label(get("last_name")).strip(),
        text(get("username")),
        text(get("role")),
        billing.get("phone", ""),
        billing,
        shipping,
    )
    return CustomerRecord(*kept, fingerprint(kept), moment(get("date_created_gmt")))
