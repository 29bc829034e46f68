"""Which scope and which right a request of the API needs: one table, asked before every view.

Reading needs `read`, everything else `write`. Routes that need another stand in ROUTES; a house test asks for the line
of whatever erases or exports a person. A key may never more than the role of its user.
"""

from __future__ import annotations

from typing import Final

from referins_woo.accounts import roles
from referins_woo.accounts.tokens import Bearer

ROUTES: Final[dict[str, tuple[str, str]]] = {
    "api.change_account": ("write", "account"),
    "api.change_store_stock": ("write", "connect"),
    "api.create_currency_rates": ("write", "account"),
    "api.create_location": ("write", "account"),
    "api.create_webhook_endpoint": ("write", "keys"),
    "api.delete_location": ("write", "account"),
    "api.delete_webhook_endpoint": ("write", "keys"),
    "api.push_store_stock": ("write", "connect"),
    "api.retry_webhook_call": ("write", "keys"),
    "api.rotate_webhook_secret": ("write", "keys"),
    "api.send_webhook_test": ("write", "keys"),
    "api.update_location": ("write", "account"),
    "api.update_webhook_endpoint": ("write", "keys"),
}
"""Endpoint → (scope, right)."""

_CONTACTS: Final = "/api/v1/contacts"


def refusal(bearer: Bearer, endpoint: str, rule: str, method: str) -> str:
    """Return why the key may not do this, as a sentence with the remedy; empty where it may."""
    scope, right = ROUTES.get(endpoint, ("read" if method in ("GET", "HEAD", "OPTIONS") else "write", "work"))
    enough = {scope}
    if scope == "write" and rule.startswith(_CONTACTS):
        enough.add("contacts")  # a web form's key need not be able to do more
    if not enough & bearer.scopes:
        had = ", ".join(sorted(bearer.scopes))
        return f"This needs a key with the scope {scope}; this one has {had}. Settings > API keys makes another."
    if not roles.may(bearer.role, right):
        owns = roles.RIGHTS[right].words
        return f"The user of this key is a {bearer.role} of the account, and this is for owners: {owns.lower()}."
    return ""
