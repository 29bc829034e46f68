"""Addresses of ours that a store or a mail leads to, and whether a store can reach them.

Pure but for the random part of a link. A reconnect link is signed, bound to one store and one episode, lives seven
days and signs nobody in (X1).
"""

from __future__ import annotations

import ipaddress
import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final
from urllib.parse import urlsplit

from itsdangerous import BadSignature, URLSafeSerializer

from referins_woo.config import Config, is_loopback
from referins_woo.errors import Final as FinalError

LINK_LIFE: Final = timedelta(days=7)
_PRIVATE_SUFFIXES = (".local", ".internal", ".lan", ".home.arpa")
_SALT = "reconnect-link"


class LinkInvalid(FinalError):
    """A reconnect link that was not made here, or is too old. `expired`: it was once good."""

    def __init__(self, message: str, *, expired: bool) -> None:
        super().__init__(message)
        self.expired = expired


@dataclass(frozen=True, slots=True)
class ReconnectLink:
    """What a reconnect link is good for."""

    store_id: int
    episode: int


def hook_path(hook_token: str) -> str:
    """Return the path to which a store posts its webhooks."""
    return f"/hooks/woocommerce/{hook_token}"


def hook_url(config: Config, hook_token: str) -> str:
    """Return the address to which a store posts its webhooks."""
    return config.public_url + hook_path(hook_token)


def callback_url(config: Config, state_token: str) -> str:
    """Return the address to which WooCommerce's permission page posts the keys."""
    return f"{config.public_url}/callbacks/woocommerce/{state_token}"


def return_url(config: Config, state_token: str) -> str:
    """Return the address to which WooCommerce's permission page sends the merchant back."""
    return f"{callback_url(config, state_token)}/return"


def is_private_host(host: str) -> bool:
    """Whether `host` looks like one that the internet cannot reach. Names are judged by their form: no look-up."""
    if is_loopback(host):
        return True
    try:
        return not ipaddress.ip_address(host.strip("[]")).is_global
    except ValueError:
        return "." not in host.strip(".") or host.rstrip(".").lower().endswith(_PRIVATE_SUFFIXES)


def reaches_us(config: Config, store_url: str) -> bool:
    """Whether the store at `store_url` can call PUBLIC_URL (C14): our hooks and the keys' callback.

    A public store needs a public https address of ours. A private store reaches what is public, and, if it is on
    this machine, what is on this machine; two private networks are taken for one.
    """
    ours, theirs = urlsplit(config.public_url), urlsplit(store_url).hostname or ""
    our_host = ours.hostname or ""
    if not is_private_host(our_host):
        return ours.scheme == "https" or is_private_host(theirs)
    if not is_private_host(theirs):
        return False
    return is_loopback(theirs) if is_loopback(our_host) else True


def why_unreached(config: Config) -> str:
    """Return the sentence for a store that cannot call us: why there is no permission page and no webhook (C14)."""
    return (
        f"WooCommerce cannot reach {config.public_url} from the store: it sends keys and webhooks over https to public "
        "addresses only. Type the keys in here instead; changes are then fetched every minute."
    )


def make_reconnect_link(config: Config, store_id: int, episode: int, now: datetime) -> str:
    """Return the address of the page that repairs this one store in this one episode, for seven days."""
    content = {
        "store": store_id,
        "episode": episode,
        "until": int((now + LINK_LIFE).timestamp()),
        "salt": secrets.token_urlsafe(16),
    }
    return f"{config.public_url}/reconnect/{_serializer(config).dumps(content)}"


def read_reconnect_link(config: Config, token: str, now: datetime) -> ReconnectLink:
    """Return what a link's token is good for. Raises LinkInvalid.

    Whether the episode still lasts is for the caller to see: `reconnect.open_link` looks.
    """
    try:
        content = _serializer(config).loads(token)
        link = ReconnectLink(int(content["store"]), int(content["episode"]))
        until = int(content["until"])
    except (BadSignature, KeyError, TypeError, ValueError):
        raise LinkInvalid("This link is not complete. Open it again from the mail.", expired=False) from None
    if now.timestamp() > until:
        raise LinkInvalid("This link was good for seven days. Ask for a new one.", expired=True)
    return link


def _serializer(config: Config) -> URLSafeSerializer:
    return URLSafeSerializer(config.secret_key, salt=_SALT)
