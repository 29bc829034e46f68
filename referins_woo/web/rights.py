"""Which route needs which right of `accounts.roles.RIGHTS`: one table, asked before every page.

A group of pages has one right; single routes that need another stand in ROUTES. A group that is not named here is the
owners' alone, and a house test asks for its line. The API's are in `web.api.scopes`.
"""

from __future__ import annotations

from typing import Final

from referins_woo.accounts import roles

OWN: Final = ""
"""Pages about the person alone: whoever is signed in may see them."""

GROUPS: Final[dict[str, str]] = {
    "api_keys": "keys",
    "audit": "audit",
    "automations": "work",
    "brand": "work",
    "builder": "work",
    "collections": "work",
    "connection": "work",
    "contact_files": "work",
    "contacts": "work",
    "customers": "work",
    "dashboard": "work",
    "dev_mail": "work",
    "dev_ui": "work",
    "exports": "export",
    "fetches": "work",
    "imports": "work",
    "locations": "account",
    "integrations": "work",
    "mail_settings": "account",
    "matches": "work",
    "messages": "work",
    "orders": "work",
    "own_accounts": OWN,
    "past_orders": "work",
    "privacy": "erase",
    "products": "work",
    "quiet_hours": "work",
    "rates": "account",
    "runs": "work",
    "sales_orders": "work",
    "search": "work",
    "security": OWN,
    "settings": "account",
    "sign_in": OWN,
    "suppressions": "work",
    "tasks": "work",
    "stock": "work",
    "stock_adjustments": "work",
    "stock_push": "work",
    "store_health": "work",
    "store_stock": "work",
    "team": "team",
    "template_editor": "work",
    "templates": "work",
    "transactions": "work",
    "rehearsals": "work",
    "trying": "work",
    "versions": "work",
    "views": "work",
    "webhooks": "keys",
    "writes": "work",
    "wizard": "connect",
}

ROUTES: Final[dict[str, str]] = {
    "connection.disconnect_form": "connect",
    "connection.disconnect_store": "connect",
    "connection.look_there": "connect",
    "customers.csv": "export",
    "integrations.connect_form": "connect",
    "integrations.connect_store": "connect",
    "integrations.delete_data": "connect",
    "stock_push.change_terms": "connect",
    "stock_push.turn_off": "connect",
    "stock_push.turn_off_form": "connect",
    "stock_push.turn_on": "connect",
    "store_health.settle_other_site": "connect",
    "store_stock.count": "connect",
    "suppressions.csv": "export",
    "suppressions.remove": "account",
    "settings.index": OWN,
    "team.page": "work",
}


def needed(endpoint: str) -> str:
    """Return the right that a route needs; OWN where signing in is enough."""
    return ROUTES.get(endpoint, GROUPS.get(endpoint.partition(".")[0], "account"))


def may_open(role: str, endpoint: str) -> bool:
    """Whether somebody with `role` may call the route."""
    right = needed(endpoint)
    return right == OWN or roles.may(role, right)
