"""Rows 49-57 of the reliability matrix: what a sender like WooCommerce does to our letter box, each row a test."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from referins_woo import queues
from referins_woo.commerce.models import Order
from referins_woo.events.models import Event
from referins_woo.ingest.models import Delivery
from referins_woo.ingest.receive import Receiver
from referins_woo.practice_store import views
from referins_woo.process import Process
from referins_woo.stores.models import Store
from referins_woo.woo import signature
from tests.conftest import ClockHand
from tests.flows.merchants import Merchant, merchant_of


@pytest.fixture
def merchant(running: Process, bells: queues.MemoryBells, clock: ClockHand) -> Iterator[Merchant]:
    """A merchant whose store is connected, without history."""
    with merchant_of(running, bells, clock, size=1) as made:
        made.connect(elements=frozenset())
        yield made


ORDER: dict[str, Any] = {
    "number": "7001",
    "status": "pending",
    "currency": "USD",
    "total": "10.00",
    "total_tax": "0.00",
    "billing": {"email": "ann@example.com", "first_name": "Ann"},
    "line_items": [],
    "customer_id": 0,
}


def signed(merchant: Merchant, body: bytes, topic: str = "order.updated", delivery: str = "d1") -> dict[str, str]:
    secret = merchant.process.vault.unlock(merchant.store.hook_secret_locked)
    return {
        "X-WC-Webhook-Signature": signature.make(body, secret),
        "X-WC-Webhook-Topic": topic,
        "X-WC-Webhook-Source": f"{merchant.store.home_url}/",
        "X-WC-Webhook-ID": "1",
        "X-WC-Webhook-Delivery-ID": delivery,
    }


def order(merchant: Merchant, woo_id: int, seconds: int = 0, **changes: Any) -> bytes:
    t0 = merchant.store.live_since
    assert t0 is not None
    stamp = merchant.clock.now().strftime("%Y-%m-%dT%H:%M:")
    dates = {"date_created_gmt": stamp + "00", "date_modified_gmt": f"{stamp}{seconds:02d}"}
    return json.dumps({**ORDER, "id": woo_id, "number": str(woo_id), **dates, **changes}).encode()


def happened(merchant: Merchant) -> Counter[tuple[int, str, str]]:
    return Counter((row.subject, row.kind, row.state) for row in merchant.rows(Event))


@pytest.fixture(autouse=True)
def later(merchant: Merchant) -> None:
    """A while after T0, so that what is made now is no history."""
    merchant.clock.advance(minutes=2)


def test_row_49_a_hundred_copies_at_once_are_one_effect(merchant: Merchant, running: Process) -> None:
    receiver, body = Receiver(running), order(merchant, 9001)
    headers, token = signed(merchant, body), merchant.store.hook_token
    with ThreadPoolExecutor(16) as pool:
        statuses = Counter(pool.map(lambda _: receiver.receive(token, headers, body).status, range(100)))
    merchant.bells.drain()
    assert statuses == {200: 100}
    assert happened(merchant) == {(9001, "order_submitted", "fired"): 1}


def test_row_50_two_orders_of_one_second_share_a_delivery_id_and_both_come(
    merchant: Merchant, running: Process
) -> None:
    receiver = Receiver(running)
    for woo_id in (9001, 9002):
        body = order(merchant, woo_id)
        assert receiver.receive(merchant.store.hook_token, signed(merchant, body), body).status == 200
    merchant.bells.drain()
    assert {row.woo_id for row in merchant.rows(Order)} == {9001, 9002}


def test_row_51_created_and_updated_of_one_body_fire_once(merchant: Merchant, running: Process) -> None:
    receiver, body = Receiver(running), order(merchant, 9001)
    for topic in ("order.updated", "order.created"):
        receiver.receive(merchant.store.hook_token, signed(merchant, body, topic), body)
    merchant.bells.drain()
    assert happened(merchant) == {(9001, "order_submitted", "fired"): 1}


def test_row_52_the_newest_version_wins_whatever_comes_last(merchant: Merchant, running: Process) -> None:
    receiver = Receiver(running)
    for seconds, status in ((30, "processing"), (5, "pending")):
        body = order(merchant, 9001, seconds, status=status)
        receiver.receive(merchant.store.hook_token, signed(merchant, body), body)
        merchant.bells.drain()
    assert merchant.rows(Order)[0].woo_status == "processing"
    assert happened(merchant) == {(9001, "order_submitted", "fired"): 1}


def test_an_older_body_of_the_same_second_brings_the_refund_that_its_order_has_by_now(
    merchant: Merchant, running: Process
) -> None:
    shop = merchant.practice
    woo_id = shop.create_order(email="ann@example.com")
    made = views.order(shop.shop, shop.order(woo_id) or {})
    merchant.sweep(0)
    shop.pay(woo_id)
    paid = views.order(shop.shop, shop.order(woo_id) or {}) | {"date_modified_gmt": made["date_modified_gmt"]}
    refund = shop.refund(woo_id, "1.00")
    modified = (shop.order(woo_id) or {})["modified"]
    body = json.dumps(paid).encode()
    assert Receiver(running).receive(merchant.store.hook_token, signed(merchant, body), body).status == 200
    merchant.bells.drain()
    assert (shop.order(woo_id) or {})["modified"] == modified
    assert happened(merchant)[woo_id, "order_refunded", "fired"] == 1, refund


def test_row_53_nine_updates_of_a_paid_order_are_one_payment(merchant: Merchant, running: Process) -> None:
    receiver = Receiver(running)
    for seconds in range(10, 19):
        paid = merchant.clock.now().strftime("%Y-%m-%dT%H:%M:05")
        body = order(merchant, 9001, seconds, status="processing", date_paid_gmt=paid)
        receiver.receive(merchant.store.hook_token, signed(merchant, body), body)
        merchant.bells.drain()
    assert happened(merchant) == {(9001, "order_submitted", "fired"): 1, (9001, "payment_received", "fired"): 1}


def test_row_54_what_is_wrongly_signed_is_refused_stored_nowhere_and_counted(
    merchant: Merchant, running: Process
) -> None:
    receiver, body = Receiver(running), order(merchant, 9001)
    good = signed(merchant, body)
    again = json.dumps(json.loads(body), indent=1).encode()
    empty = signature.make(body, "x")
    for headers, sent in (
        (good | {"X-WC-Webhook-Signature": "nonsense"}, body),
        (good | {"X-WC-Webhook-Signature": ""}, body),
        (good | {"X-WC-Webhook-Signature": empty}, body),
        (good, again),
    ):
        assert receiver.receive(merchant.store.hook_token, headers, sent).status == 401
    assert merchant.count(Delivery) == 0
    assert merchant.store.refused_deliveries >= 1


def test_row_55_an_unsigned_ping_is_answered_200_and_only_noted(merchant: Merchant, running: Process) -> None:
    assert Receiver(running).receive(merchant.store.hook_token, {}, b"webhook_id=7").status == 200
    assert merchant.count(Delivery) == 0
    assert merchant.store.last_ping_id == 7


def test_row_57_a_year_old_delivery_that_comes_again_does_nothing(merchant: Merchant, running: Process) -> None:
    receiver, body = Receiver(running), order(merchant, 9001)
    headers = signed(merchant, body)
    receiver.receive(merchant.store.hook_token, headers, body)
    merchant.bells.drain()
    before, rows = happened(merchant), [(row.id, row.updated_at) for row in merchant.rows(Order)]
    merchant.clock.advance(days=365)
    assert receiver.receive(merchant.store.hook_token, headers, body).status == 200
    merchant.bells.drain()
    assert happened(merchant) == before
    assert [(row.id, row.updated_at) for row in merchant.rows(Order)] == rows


def test_a_copy_of_the_site_is_stored_ignored_and_asked_about(merchant: Merchant, running: Process) -> None:
    receiver, body = Receiver(running), order(merchant, 9001)
    headers = signed(merchant, body) | {"X-WC-Webhook-Source": "https://staging.example.net/"}
    assert receiver.receive(merchant.store.hook_token, headers, body).status == 200
    merchant.bells.drain()
    assert [(row.state, row.reason) for row in merchant.rows(Delivery)] == [("ignored", "other_site")]
    assert merchant.rows(Order) == []
    assert merchant.store.other_site == "https://staging.example.net/"
    with running.database.unit() as session:
        store = session.get_one(Store, merchant.store_id)
        store.known_copy, store.other_site = store.other_site, ""
    changed = order(merchant, 9002)
    from_copy = signed(merchant, changed) | {"X-WC-Webhook-Source": headers["X-WC-Webhook-Source"]}
    Receiver(running).receive(merchant.store.hook_token, from_copy, changed)
    assert merchant.store.other_site == "", "somebody said that it is a copy"
