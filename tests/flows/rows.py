"""What the tests of the reliability matrix's rows have in common: a watched merchant, and what is done to him.

The fixtures are `watching` and `it` in conftest.py; `over` asserts all seven invariants.
"""

from __future__ import annotations

import http.client
from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Any
from urllib.parse import urlsplit

from referins_woo.commerce.models import Order
from referins_woo.practice_store import views
from referins_woo.practice_store.delivery import php_json, sign
from referins_woo.stores import connect
from referins_woo.stores.models import Store
from tests.flows.invariants import Watch
from tests.flows.test_store_faults import catch_up, import_page, let_time_pass, signed_in

Watching = Callable[..., AbstractContextManager[Watch]]


def through(it: Watch, kind: str, *, rounds: int = 2, **options: Any) -> Store:
    """Sell, import and sweep while the fault is on; returns the store as it is then."""
    it.merchant.practice.fault(kind, **options)
    return work(it, rounds)


def work(it: Watch, rounds: int = 2) -> Store:
    """Sell (one order is told of, one is not), import and sweep."""
    it.sell()
    it.sell(paid=True, told=False)
    for _ in range(rounds):
        if not step(it):
            break
    return it.merchant.store


def step(it: Watch) -> bool:
    """Import, sweep, and let the time pass until the next look; returns whether the store is still connected."""
    import_page(it.merchant)
    catch_up(it.merchant)
    it.merchant.bells.drain()
    if it.merchant.store.state != "connected":
        return False
    let_time_pass(it.merchant)
    return True


def mend(it: Watch) -> None:
    """The fault ends; a lost store is mended by its keys."""
    it.merchant.practice.clear_faults()
    if it.merchant.store.state == "needs_reconnect":
        assert connect.try_stored_keys(it.merchant.process, it.merchant.store_id).is_repair


def over(it: Watch) -> None:
    """The fault ends, a lost store is mended, time passes: then everything must hold."""
    mend(it)
    it.settle()
    assert (it.merchant.store.state, it.merchant.store.cause) == ("connected", "ok")
    it.hold()


def is_lost(it: Watch, cause: str, mails: int = 1) -> None:
    """The store is in the reconnect state, and the user was written to once."""
    assert (it.merchant.store.state, it.merchant.store.cause) == ("needs_reconnect", cause)
    assert len(it.merchant.mails()) == mails


def is_well(it: Watch) -> None:
    """Nobody was troubled."""
    assert (it.merchant.store.state, it.merchant.mails()) == ("connected", [])


def unnoticed(it: Watch) -> None:
    """The fault is still on, and cost nothing: no request failed, nothing is in doubt, all that was sold is here."""
    is_well(it)
    store = it.merchant.store
    assert (store.failures, store.suspect_cause, store.last_error) == (0, "", "")
    here = {row.woo_id for row in it.merchant.rows(Order, Order.store_id == it.merchant.store_id)}
    assert it.sold.keys() <= here


def body_of(it: Watch, woo_id: int) -> bytes:
    """Return what the store would tell of an order now."""
    return php_json(views.order(it.merchant.practice.shop, it.merchant.practice.order(woo_id) or {}))


def headers_of(it: Watch, body: bytes, topic: str = "order.updated") -> dict[str, str]:
    """Return a delivery's headers as WooCommerce sends them."""
    secret = it.merchant.process.vault.unlock(it.merchant.store.hook_secret_locked)
    return {
        "Content-Type": "application/json",
        "X-WC-Webhook-Source": f"{it.merchant.practice.url}/",
        "X-WC-Webhook-Topic": topic,
        "X-WC-Webhook-Signature": sign(body, secret),
        "X-WC-Webhook-ID": "7",
        "X-WC-Webhook-Delivery-ID": "0" * 32,
    }


def post(it: Watch, body: bytes, headers: dict[str, str] | None = None, *, at: str = "", token: str = "") -> int:
    """Deliver as WooCommerce does, over a connection of its own; returns the status, 0 where no answer came.

    `at` names another web server than the test's, `token` another hook than the store's.
    """
    parts = urlsplit(at or it.merchant.process.config.public_url)
    connection = http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=20)
    path = f"/hooks/woocommerce/{token or it.merchant.store.hook_token}"
    try:
        connection.request("POST", path, body, headers_of(it, body) if headers is None else headers)
        return connection.getresponse().status
    except (OSError, http.client.HTTPException):
        return 0
    finally:
        connection.close()


def look(it: Watch, path: str) -> str:
    """Open a page as the merchant, signed in, over HTTP; returns its HTML."""
    url = it.merchant.process.config.public_url
    answer = signed_in(url, it.merchant.email).get(f"{url}{path}", timeout=20)
    assert (answer.status_code, answer.url) == (200, f"{url}{path}")
    return answer.text
