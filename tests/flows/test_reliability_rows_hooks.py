"""Rows 49-58 of the reliability matrix: what a sender like WooCommerce does to our letter box, each row a test.

Afterwards all seven invariants must hold, as for the rows about a store's answers.
"""

from __future__ import annotations

import gzip
import hashlib
import json
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from sqlalchemy import event

from referins_woo import queues
from referins_woo.commerce.models import Order
from referins_woo.events.models import Event
from referins_woo.ingest import jobs as ingest_jobs
from referins_woo.ingest.models import Delivery
from referins_woo.ingest.receive import MAX_BODY, Receiver
from referins_woo.mail.models import Message
from referins_woo.practice_store import views
from referins_woo.process import Process
from referins_woo.stores.models import Store
from referins_woo.woo import signature
from tests.conftest import ClockHand
from tests.flows.invariants import Watch
from tests.flows.merchants import Merchant, merchant_of
from tests.flows.rows import body_of, headers_of, over, post


@pytest.fixture
def merchant(running: Process, bells: queues.MemoryBells, clock: ClockHand) -> Iterator[Merchant]:
    """A merchant whose store is connected, without history."""
    with merchant_of(running, bells, clock, size=1) as made:
        made.connect(elements=frozenset())
        clock.advance(minutes=2)  # after T0, so that what is made now is no history
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


def fired(it: Watch, woo_id: int) -> Counter[str]:
    rows = it.merchant.rows(Event, Event.subject == woo_id, Event.store_id == it.merchant.store_id)
    return Counter(row.kind for row in rows if row.state == "fired" and row.kind != "order_status_changed")


def deliveries(it: Watch) -> int:
    return it.merchant.count(Delivery, Delivery.store_id == it.merchant.store_id)


def test_row_49_a_hundred_copies_at_once_are_one_effect(it: Watch) -> None:
    woo_id = it.sell(told=False)
    body = body_of(it, woo_id)
    for turn in (1, 2):
        with ThreadPoolExecutor(16) as senders:
            assert set(senders.map(lambda _: post(it, body), range(100))) == {200}
        assert deliveries(it) == turn, "a hundred are one, and one more once it was worked on"
        it.merchant.bells.drain()
        assert fired(it, woo_id) == {"order_submitted": 1}
        assert len(it.merchant.rows(Message, Message.to_email == "buyer-0@example.com")) == 1
    over(it)


@pytest.mark.storm
def test_row_50_two_orders_of_one_second_share_a_delivery_id_and_both_come(it: Watch) -> None:
    made = [it.sell(told=False) for _ in range(2)]
    for woo_id in made:
        body = body_of(it, woo_id)
        assert headers_of(it, body)["X-WC-Webhook-Delivery-ID"] == "0" * 32
        assert post(it, body) == 200
    it.merchant.bells.drain()
    assert [fired(it, woo_id) for woo_id in made] == [{"order_submitted": 1}] * 2, "before any sweep"
    over(it)


@pytest.mark.parametrize("topics", [("order.updated", "order.created"), ("order.created", "order.updated")])
def test_row_51_created_and_updated_of_one_body_fire_once(it: Watch, topics: tuple[str, ...]) -> None:
    woo_id = it.sell(told=False)
    body = body_of(it, woo_id)
    for topic in topics:
        assert post(it, body, headers_of(it, body, topic)) == 200
    it.merchant.bells.drain()
    assert fired(it, woo_id) == {"order_submitted": 1}
    over(it)


@pytest.mark.storm
def test_row_52_the_newest_version_wins_whatever_comes_last(it: Watch) -> None:
    woo_id = it.sell(told=False)
    older = body_of(it, woo_id)
    it.merchant.clock.advance(seconds=5)
    it.merchant.practice.pay(woo_id)
    it.sold[woo_id] = True
    for body in (body_of(it, woo_id), older):
        assert post(it, body) == 200
        it.merchant.bells.drain()
        [row] = it.merchant.rows(Order, Order.woo_id == woo_id)
        assert row.woo_status == "processing"
        assert fired(it, woo_id) == {"order_submitted": 1, "payment_received": 1}
    over(it)


def test_row_53_nine_updates_of_a_paid_order_are_one_payment(it: Watch) -> None:
    woo_id = it.sell(paid=True, told=False)
    for number in range(9):
        it.merchant.clock.advance(seconds=1)
        it.merchant.practice.update_order(woo_id, customer_note=f"note {number}")
        assert post(it, body_of(it, woo_id)) == 200
        it.merchant.bells.drain()
    assert deliveries(it) == 9
    assert fired(it, woo_id) == {"order_submitted": 1, "payment_received": 1}
    over(it)


@pytest.mark.storm
def test_row_54_what_is_wrongly_signed_is_refused_stored_nowhere_and_counted(it: Watch) -> None:
    body = body_of(it, it.sell(told=False))
    good = headers_of(it, body)
    again = json.dumps(json.loads(body), indent=1).encode()
    for sign, sent in (("nonsense", body), ("", body), (signature.make(body, "x"), body), (None, again)):
        headers = good if sign is None else good | {"X-WC-Webhook-Signature": sign}
        assert post(it, sent, headers) == 401
    assert deliveries(it) == 0
    assert it.merchant.store.refused_deliveries >= 1
    over(it)


@pytest.mark.storm
def test_row_55_an_unsigned_ping_is_answered_200_and_only_noted(it: Watch) -> None:
    it.sell()
    before = deliveries(it)
    assert post(it, b"webhook_id=7", {"Content-Type": "application/x-www-form-urlencoded"}) == 200
    assert deliveries(it) == before
    assert it.merchant.store.last_ping_id == 7
    over(it)


@pytest.mark.storm
def test_row_56_a_disconnected_store_s_hook_is_answered_410_and_nobody_s_404(it: Watch) -> None:
    body = body_of(it, it.sell(told=False))
    time.sleep(1.1)  # the letter box remembers for a second where a hook leads
    _set_state(it, "disconnected")
    assert post(it, body) == 410
    looks: list[str] = []

    def look(_connection: Any, _cursor: Any, statement: str, *_: Any) -> None:
        looks.extend([statement] * ("stores.hook_token = " in statement))

    event.listen(it.merchant.process.database.engine, "before_cursor_execute", look)
    assert [post(it, body, token=token) for token in ("nobody", "nobody", "x" * 43)] == [404] * 3
    event.remove(it.merchant.process.database.engine, "before_cursor_execute", look)
    assert len(looks) == 3, "one look each, whatever was asked for before: the time tells nothing"
    assert deliveries(it) == 0
    assert it.merchant.store.refused_deliveries == 0, "nothing is said of a store to who does not know its hook"
    _set_state(it, "connected")
    time.sleep(1.1)
    over(it)


def _set_state(it: Watch, state: str) -> None:
    with it.merchant.process.database.unit() as session:
        session.get_one(Store, it.merchant.store_id).state = state


@pytest.mark.storm
def test_row_57_a_year_old_delivery_that_comes_again_does_nothing(it: Watch) -> None:
    woo_id = it.sell(told=False)
    body = body_of(it, woo_id)
    assert post(it, body) == 200
    it.merchant.bells.drain()
    before, rows = fired(it, woo_id), [(row.id, row.updated_at) for row in it.merchant.rows(Order)]
    it.merchant.clock.advance(days=365)
    assert post(it, body) == 200
    it.merchant.bells.drain()
    assert fired(it, woo_id) == before == {"order_submitted": 1}
    assert [(row.id, row.updated_at) for row in it.merchant.rows(Order)] == rows
    over(it)


@pytest.mark.storm
def test_row_58_what_is_no_order_or_too_large_for_one_is_refused_or_set_aside_and_holds_up_nothing(it: Watch) -> None:
    large = b'{"id":1,"note":"' + b"x" * MAX_BODY + b'"}'
    assert post(it, large) in (0, 413), "0: the answer came before all was sent"
    assert deliveries(it) == 0
    odd = (b"[" * 10_000 + b"]" * 10_000, gzip.compress(b'{"id":1}'), b'{"id":NaN,"total":NaN}', b'{"id":7,"id":8}')
    assert [post(it, body) for body in odd] == [200] * len(odd), "well signed: kept, so that the hook stays on"
    it.hopeless |= {hashlib.sha256(body).hexdigest() for body in odd}
    it.sell()
    for _ in range(8):
        it.merchant.clock.advance(hours=2)
        ingest_jobs.ring_for_deliveries()
        it.merchant.bells.drain()
    over(it)
