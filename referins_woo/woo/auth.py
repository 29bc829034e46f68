"""The three ways in which a store takes keys (facts 62-67).

Over https: Basic, or, where the host takes the Authorization header away, keys in the query. Over plain http Woo looks
at neither; there only OAuth 1.0a counts (one-legged, HMAC-SHA256, RFC 5849), its secret followed by `&`.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import secrets
from collections.abc import Sequence
from datetime import datetime
from typing import Literal
from urllib.parse import quote

AuthMode = Literal["basic", "query", "oauth1"]
Params = Sequence[tuple[str, str]]


def basic_header(key: str, secret: str) -> str:
    """Return the value of the Authorization header. A space after the secret is not forgiven: fact 62."""
    return "Basic " + base64.b64encode(f"{key}:{secret}".encode()).decode()


def query_params(key: str, secret: str) -> list[tuple[str, str]]:
    """Return the parameters that carry the keys in the query; for https only."""
    return [("consumer_key", key), ("consumer_secret", secret)]


def oauth1_params(
    method: str, url: str, params: Params, key: str, secret: str, *, now: datetime, nonce: str | None = None
) -> list[tuple[str, str]]:
    """Return the parameters to add to the query of a request to `url` (without query) with `params`.

    `now` must be within a quarter of an hour of the store's clock; a nonce counts once.
    """
    added = [
        ("oauth_consumer_key", key),
        ("oauth_nonce", nonce or secrets.token_hex(16)),
        ("oauth_signature_method", "HMAC-SHA256"),
        ("oauth_timestamp", str(int(now.timestamp()))),
    ]
    return [*added, ("oauth_signature", sign(method, url, [*params, *added], secret))]


def sign(method: str, url: str, params: Params, secret: str) -> str:
    """Return the signature of a request, base64. A JSON body is no part of it (RFC 5849, 3.4.1.3)."""
    pairs = sorted((encode(name), encode(value)) for name, value in params)
    joined = "&".join(f"{name}={value}" for name, value in pairs)
    base = "&".join((method.upper(), encode(url), encode(joined)))
    digest = hmac.new(f"{secret}&".encode(), base.encode(), hashlib.sha256).digest()
    return base64.b64encode(digest).decode()


def encode(text: str) -> str:
    """Percent-encode as RFC 3986 and Woo do: everything but letters, digits and `-._~`."""
    return quote(text, safe="")


def query_string(params: Params) -> str:
    """Return the query of a URL, encoded as it was signed."""
    return "&".join(f"{encode(name)}={encode(value)}" for name, value in params)
