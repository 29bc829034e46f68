"""WooCommerce's permission page, and the keys that it sends us afterwards (facts 92-100).

The merchant's browser goes to the page; on approval the shop POSTs the keys to our callback, which must answer 200
at once, and only then sends the browser back. The callback is not signed: what binds it to a merchant is the state,
unguessable, which travels as `user_id` and comes back as a string. One link may be approved more than once, each time
with other keys.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Any

from referins_woo.errors import InvalidInput
from referins_woo.woo.auth import query_string

SCOPE = "read_write"
_STATE = re.compile(r"[A-Za-z0-9_-]{16,200}")
_KEY = re.compile(r"ck_[!-~]{8,200}")
_SECRET = re.compile(r"cs_[!-~]{8,200}")
_PERMISSIONS = frozenset({"read", "write", "read_write"})


@dataclass(frozen=True, slots=True)
class GrantedKeys:
    """Keys as the callback brought them, untried. `permissions` is read, write or read_write."""

    state: str
    key: str = field(repr=False)
    secret: str = field(repr=False)
    permissions: str
    key_id: int


def permission_url(store_url: str, *, app_name: str, state: str, return_url: str, callback_url: str) -> str:
    """Return the address of the page where a merchant of `store_url` grants us keys.

    `state`: 16 to 200 letters, digits, `-` and `_`; the shop drops other characters on the way back (fact 99). The
    URLs may hold no percent sign and no blank, because the shop decodes them once more (fact 93). Raises ValueError.
    """
    if not _STATE.fullmatch(state):
        raise ValueError("the state must be 16 to 200 letters, digits, - and _")
    for url in (return_url, callback_url):
        if "%" in url or " " in url or "://" not in url:
            raise ValueError("the shop decodes these URLs twice: nothing in them may need encoding")
    query = query_string(
        [
            ("app_name", app_name),
            ("scope", SCOPE),
            ("user_id", state),
            ("return_url", return_url),
            ("callback_url", callback_url),
        ]
    )
    return f"{store_url.rstrip('/')}/wc-auth/v1/authorize?{query}"


def parse_callback(body: Any) -> GrantedKeys:
    """Return the keys in the decoded JSON of a callback. Raises InvalidInput for anything else."""
    if not isinstance(body, dict):
        raise InvalidInput("body", "The store sent no keys.")
    state, key, secret = (str(body.get(name) or "") for name in ("user_id", "consumer_key", "consumer_secret"))
    if not _STATE.fullmatch(state):
        raise InvalidInput("user_id", "The store sent keys without saying for whom.")
    if not _KEY.fullmatch(key) or not _SECRET.fullmatch(secret):
        raise InvalidInput("consumer_key", "The store sent something that is no pair of keys.")
    permissions, key_id = body.get("key_permissions"), body.get("key_id")
    if permissions not in _PERMISSIONS:
        raise InvalidInput("key_permissions", "The store did not say what the keys may do.")
    return GrantedKeys(state, key, secret, permissions, key_id if isinstance(key_id, int) else 0)
