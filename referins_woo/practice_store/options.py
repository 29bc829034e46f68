"""How one practice store is started."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from referins_woo.practice_store.site import NEWEST


@dataclass(frozen=True, slots=True)
class StoreOptions:
    """Settings of a practice store; every one has a default, so that a test names only what it is about.

    `size` is the number of seeded orders; customers are a tenth of it (24 at least); 0 is a shop that just opened,
    with nothing in it. `data` is the folder that keeps what changed, or None for a store that forgets. `port` 0 takes
    a free one; with `tls`, `http_port` serves the same shop over plain http too. `webhook_delay` is the time in
    seconds between a change and its delivery; None delivers only when `deliver_webhooks()` is called.
    `woocommerce` is the version to be: one of `site.VERSIONS`. `remember_requests` bounds the request log.
    """

    host: str = "127.0.0.1"
    port: int = 0
    http_port: int | None = None
    size: int = 100
    seed: int = 1
    data: Path | None = None
    tls: bool = False
    strict: bool = False
    webhook_delay: float | None = 0.3
    timezone: str = "America/New_York"
    currency: str = "USD"
    name: str = "Marlow & Finch"
    tagline: str = "Good things for kitchen, garden and rest"
    woocommerce: str = NEWEST
    remember_requests: int = 5000
