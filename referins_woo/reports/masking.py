"""A delivery's payload as it may be shown: what a person can be known by is masked. Pure."""

from __future__ import annotations

import re
from typing import Any, Final

_PERSONAL: Final = re.compile(
    r"name|email|e_mail|phone|address|city|postcode|company|vat|note|ip|user_agent|username|avatar|token|key|secret"
    r"|password|birth|iban|account|card",
    re.IGNORECASE,
)
_WHOLE: Final = frozenset({"billing", "shipping", "meta_data", "customer_note"})
"""Parts in which every text is masked, whatever it is called; country and state are left."""
_LEFT: Final = frozenset({"country", "state", "currency", "status", "type", "role", "id"})
_GOODS: Final = frozenset(
    {"line_items", "shipping_lines", "fee_lines", "tax_lines", "coupon_lines", "categories", "tags", "attributes"}
)
"""Parts that are about goods: names there are no people's."""
_EMAIL: Final = re.compile(r"[^\s@<>\"]+@[^\s@<>\"]+\.[^\s@<>\"]+")


def masked(value: Any, topic: str = "") -> Any:
    """Return the decoded payload with personal data masked. A product's own name is shown, a customer's is not."""
    return _masked(value, hide_all=False, goods=topic.startswith("product."))


def _masked(value: Any, *, hide_all: bool, goods: bool, key: str = "") -> Any:
    if isinstance(value, dict):
        return {
            name: _masked(each, hide_all=hide_all or name in _WHOLE, goods=goods or name in _GOODS, key=str(name))
            for name, each in value.items()
        }
    if isinstance(value, list):
        return [_masked(each, hide_all=hide_all, goods=goods, key=key) for each in value]
    if not isinstance(value, str) or not value:
        return value
    if key in _LEFT:
        return value
    if key != "key" and (hide_all or (not goods and _PERSONAL.search(key))):
        return _mask(value)
    return _EMAIL.sub(lambda found: _mask(found[0]), value)


def _mask(text: str) -> str:
    """Keep the first letter: enough to recognise one's own test, too little to know anybody."""
    local, at, domain = text.partition("@")
    if at and "." in domain:
        return f"{local[:1]}•••@•••.{domain.rpartition('.')[2]}"
    return f"{text[:1]}•••"
