"""Roles and what each may do, and the scopes of API keys: two tables, which pages draw and the guards of routes ask.

Pure. Which route needs which right stands in `web.rights`, which scope a request of the API needs in `web.api.scopes`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

OWNER: Final = "owner"
MEMBER: Final = "member"

ROLES: Final[dict[str, str]] = {OWNER: "Owner", MEMBER: "Member"}


@dataclass(frozen=True, slots=True)
class Right:
    """Something that some roles may do."""

    words: str
    roles: frozenset[str]


_ALL: Final = frozenset(ROLES)
_OWNERS: Final = frozenset({OWNER})

RIGHTS: Final[dict[str, Right]] = {
    "work": Right("See and work with contacts, orders, products, automations, e-mails and imports", _ALL),
    "reconnect": Right("Reconnect a store that refuses our keys, and change what it keeps in sync", _ALL),
    "export": Right("Export lists as CSV", _ALL),
    "connect": Right("Connect and disconnect stores", _OWNERS),
    "erase": Right("Export and erase the personal data of one contact", _OWNERS),
    "team": Right("Invite and remove people, and change their roles", _OWNERS),
    "keys": Right("Make and revoke API keys and outgoing webhooks", _OWNERS),
    "account": Right("Change the account's name, time zone, currency, address, sender and locations", _OWNERS),
    "audit": Right("Read the audit log", _OWNERS),
}

SCOPES: Final[dict[str, str]] = {
    "read": "Read everything",
    "write": "Change everything but personal data requests",
    "contacts": "Create and change contacts, nothing else",
    "erase": "Export and erase the personal data of one contact",
}
"""What a key may do. It never may more than the role of its user."""

ALL_SCOPES: Final = tuple(SCOPES)


def may(role: str, right: str) -> bool:
    """Whether `role` has `right`. Raises KeyError for a right that is not in RIGHTS."""
    return role in RIGHTS[right].roles
