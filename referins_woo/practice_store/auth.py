"""Who is asking: Basic or query-string keys over https, OAuth 1.0a over either (facts 62 to 67)."""

from __future__ import annotations

import base64
import binascii
import hmac
import re
import threading
from dataclasses import dataclass
from hmac import compare_digest
from urllib.parse import parse_qsl, quote, unquote

from referins_woo.practice_store.exchange import Incoming
from referins_woo.practice_store.rest_errors import RestError
from referins_woo.practice_store.rights import find_key
from referins_woo.practice_store.shop import Shop
from referins_woo.practice_store.site import Json

WINDOW = 15 * 60
"""Seconds by which an OAuth time stamp may be off."""

_METHODS = {"HMAC-SHA1": "sha1", "HMAC-SHA256": "sha256"}
_OAUTH = ("oauth_consumer_key", "oauth_timestamp", "oauth_nonce", "oauth_signature", "oauth_signature_method")


@dataclass(frozen=True, slots=True)
class Identity:
    """The user behind a key, and what the key may do."""

    user_id: int
    permissions: str


class Authenticator:
    """Finds the key of a request. Nonces are remembered while their time stamp counts."""

    def __init__(self, shop: Shop) -> None:
        self._shop = shop
        self._lock = threading.Lock()
        self._nonces: dict[tuple[str, str], int] = {}

    def identify(self, incoming: Incoming, *, deaf: bool, revoked: bool) -> Identity | None:
        """Return who is asking, or None where nobody is known.

        `deaf`: the host drops the Authorization header; `revoked`: every key is unknown. Raises RestError 401 for a
        wrong secret or a wrong signature.
        """
        header = "" if deaf else incoming.headers.get("authorization", "")
        if revoked:
            header = "" if not header.lower().startswith("oauth ") else header
            incoming = Incoming(incoming.method, incoming.path, "", {}, b"", incoming.secure)
        query = dict(parse_qsl(incoming.raw_query, keep_blank_values=True))
        if incoming.secure:
            pair = _query_pair(query) or _basic_pair(header)
            doc = find_key(self._shop, pair[0].strip()) if pair else None
            if pair and doc is not None:
                if not compare_digest(doc["secret"].encode(), pair[1].encode()):
                    raise _refused("Consumer secret is invalid.")
                return Identity(doc["user_id"], doc["permissions"])
        return self._oauth(incoming, header, query, revoked=revoked)

    def _oauth(self, incoming: Incoming, header: str, query: dict[str, str], *, revoked: bool) -> Identity | None:
        given = _header_params(header) if header.lower().startswith("oauth ") else {}
        params = {name: given.get(name) or query.get(name, "") for name in _OAUTH}
        if not all(params.values()):
            return None
        doc = None if revoked else find_key(self._shop, params["oauth_consumer_key"])
        if doc is None:
            raise _refused("Consumer key is invalid.")
        self._check_signature(incoming, doc, given, params)
        self._check_nonce(params)
        return Identity(doc["user_id"], doc["permissions"])

    def _check_signature(self, incoming: Incoming, doc: Json, given: dict[str, str], params: dict[str, str]) -> None:
        method = _METHODS.get(params["oauth_signature_method"])
        if method is None:
            raise _refused("Invalid signature - signature method is invalid.")
        pairs = parse_qsl(incoming.raw_query, keep_blank_values=True) + list(given.items())
        signed = sorted(
            (_escape(name), _escape(value)) for name, value in pairs if name not in ("oauth_signature", "realm")
        )
        text = "&".join(f"{name}={value}" for name, value in signed)
        home = self._shop.site.home
        if home.startswith("https:") is not incoming.secure:  # the same shop over its other address
            home = f"{'https' if incoming.secure else 'http'}://{incoming.headers.get('host', '')}"
        address = home + incoming.path
        base = f"{incoming.method}&{_escape(address)}&{_escape(text)}"
        right = base64.b64encode(hmac.digest(f"{doc['secret']}&".encode(), base.encode(), method)).decode()
        if not compare_digest(right.encode(), params["oauth_signature"].encode()):
            raise _refused("Invalid signature - provided signature does not match.")

    def _check_nonce(self, params: dict[str, str]) -> None:
        stamp, moment = params["oauth_timestamp"], self._shop.now()
        if not stamp.isdigit() or abs(moment - int(stamp)) > WINDOW:
            raise _refused("Invalid timestamp.")
        with self._lock:
            self._nonces = {seen: at for seen, at in self._nonces.items() if at > moment - WINDOW}
            key = (params["oauth_consumer_key"], params["oauth_nonce"])
            if key in self._nonces:
                raise _refused("Invalid nonce - nonce has already been used.")
            self._nonces[key] = int(stamp)


def check_permissions(identity: Identity, method: str, *, read_only: bool) -> None:
    """Raise the 401 of a key that may not read or write (fact 63)."""
    permissions = "read" if read_only and identity.permissions == "read_write" else identity.permissions
    if method in ("GET", "HEAD"):
        if permissions not in ("read", "read_write"):
            raise _refused("The API key provided does not have read permissions.")
    elif method != "OPTIONS" and permissions not in ("write", "read_write"):
        raise _refused("The API key provided does not have write permissions.")


def _refused(message: str) -> RestError:
    return RestError(401, "woocommerce_rest_authentication_error", message, shows_methods=False)


def _query_pair(query: dict[str, str]) -> tuple[str, str] | None:
    key, secret = query.get("consumer_key"), query.get("consumer_secret")
    return (key, secret) if key and secret else None


def _basic_pair(header: str) -> tuple[str, str] | None:
    scheme, _, coded = header.partition(" ")
    if scheme.lower() != "basic":
        return None
    try:
        key, colon, secret = base64.b64decode(coded, validate=False).decode().partition(":")
    except (binascii.Error, UnicodeDecodeError):
        return None
    return (key, secret) if colon and key and secret else None


def _header_params(header: str) -> dict[str, str]:
    return {name: unquote(value) for name, value in re.findall(r'([\w-]+)="([^"]*)"', header)}


def _escape(text: str) -> str:
    return quote(text, safe="-._~")
