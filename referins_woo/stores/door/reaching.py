"""Reaching a store with given keys, and the probes that tell why it refuses them."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from functools import lru_cache
from typing import Any, Final

from referins_woo import clock
from referins_woo.config import Config
from referins_woo.safe_http import SafeHttp
from referins_woo.woo.auth import AuthMode
from referins_woo.woo.client import WooClient
from referins_woo.woo.errors import Gone, Refused

MOST_CONNECTIONS: Final = 4
UNKNOWN_ORDER: Final = 2_147_483_647
"""An order id that no shop has: a PUT there is refused for lack of rights (401, 403), or else for lack of the order
(400 `invalid_id`), and changes nothing in any case (recorded for all kinds of keys)."""


@lru_cache(maxsize=4)
def http_of(config: Config) -> SafeHttp:
    """Return this process's way out for `config`: its pools are shared by all doors."""
    return SafeHttp(config)


def reach(
    config: Config,
    url: str,
    key: str,
    secret: str,
    auth_mode: AuthMode,
    connections: int = MOST_CONNECTIONS,
    skew: timedelta = timedelta(),
) -> WooClient:
    """Return a client for keys that are tried before they are kept; everybody else uses `open_store`.

    `skew`: the store's clock minus ours, where it is known.
    """
    return WooClient(url, key, secret, auth_mode=auth_mode, http=http_of(config), connections=connections, skew=skew)


class ClientProbes:
    """`confirm.Probes` for one client; keeps the store's clock of the first answer that its keys passed."""

    def __init__(self, client: WooClient) -> None:
        self._client = client
        self.auth_modes = auth_modes(client.base_url, client.auth_mode)
        self.passed_at: datetime | None = None
        self.skew_seconds = 0
        """The store's clock minus ours at that moment."""

    def orders(self, mode: AuthMode) -> None:
        """Read one order id."""
        answer = replace(self._client, auth_mode=mode).get("orders", {"per_page": 1, "_fields": "id"})
        answer.rows()
        if self.passed_at is None:
            self.passed_at = answer.date
            self.skew_seconds = round((answer.date - clock.now()).total_seconds())

    def write(self, mode: AuthMode) -> None:
        """Change an order that cannot exist."""
        try_write(replace(self._client, auth_mode=mode))

    def index(self, *, plain: bool = False) -> Any:
        """Return the REST index."""
        return self._client.index(plain=plain).data


def auth_modes(url: str, first: AuthMode | None = None) -> tuple[AuthMode, ...]:
    """Return the ways to send keys that make sense at `url`, `first` in front.

    Woo looks at neither header nor query over plain http (65), and keys never travel there unencrypted.
    """
    modes: tuple[AuthMode, ...] = ("basic", "query") if url.startswith("https://") else ("oauth1",)
    return modes if first is None else (first, *(mode for mode in modes if mode != first))


def try_write(client: WooClient) -> None:
    """Return if the keys may write; raises `woo.errors` otherwise. Changes nothing: see UNKNOWN_ORDER."""
    try:
        client.put(f"orders/{UNKNOWN_ORDER}", {})
    except Gone as error:
        if error.kind != "record":
            raise
    except Refused as error:
        if error.status != 400:
            raise
