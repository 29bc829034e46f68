"""What a store says of itself through its REST API, asked with a signature of our own over plain http (OAuth 1.0a)."""

from __future__ import annotations

import base64
import hmac
import json
import secrets
import urllib.request
from typing import Any
from urllib.parse import quote, urlencode

from referins_woo import clock


def practice_state(url: str) -> dict[str, Any]:
    """Return a practice store's keys and sign-in."""
    with urllib.request.urlopen(f"{url}/practice/state", timeout=10) as answer:
        state: dict[str, Any] = json.load(answer)
        return state


def total(url: str, key: str, secret: str, path: str, **params: str) -> int:
    """Return the store's `X-WP-Total` for a list."""
    with urllib.request.urlopen(_signed(f"{url}/wp-json/wc/v3/{path}", key, secret, params), timeout=20) as answer:
        return int(answer.headers["X-WP-Total"])


def rows(url: str, key: str, secret: str, path: str, **params: str) -> list[dict[str, Any]]:
    """Return all rows of a list, page by page."""
    found: list[dict[str, Any]] = []
    for page in range(1, 1_000):
        asked = {**params, "per_page": "100", "page": str(page)}
        with urllib.request.urlopen(_signed(f"{url}/wp-json/wc/v3/{path}", key, secret, asked), timeout=20) as answer:
            part = json.load(answer)
        found += part
        if len(part) < 100:
            break
    return found


def _signed(url: str, key: str, secret: str, params: dict[str, str]) -> str:
    asked = {
        **params,
        "oauth_consumer_key": key,
        "oauth_nonce": secrets.token_hex(8),
        "oauth_signature_method": "HMAC-SHA256",
        "oauth_timestamp": str(int(clock.now().timestamp())),
    }
    normal = "&".join(f"{quote(name, safe='~')}={quote(asked[name], safe='~')}" for name in sorted(asked))
    base = "&".join(("GET", quote(url, safe="~"), quote(normal, safe="~")))
    signature = base64.b64encode(hmac.digest(f"{secret}&".encode(), base.encode(), "sha256")).decode()
    return f"{url}?{urlencode({**asked, 'oauth_signature': signature})}"
