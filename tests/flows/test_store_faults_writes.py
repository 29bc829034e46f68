"""Every fault of the practice store × what we change in a store: a fulfilled order, and a quantity of stock.

While it lasts each waits with its reason, or says that nobody knows; afterwards the store has both, each once.
"""

from __future__ import annotations

import html
from collections import Counter
from typing import Any

import pytest
from sqlalchemy import select

import referins_woo.stores.jobs as store_jobs
from referins_woo import queues
from referins_woo.commerce.models import Order, StoreStock
from referins_woo.events.models import Event
from referins_woo.ingest import jobs as ingest_jobs
from referins_woo.practice_store.faults import KINDS
from referins_woo.process import Process
from referins_woo.stores import connect
from referins_woo.writeback import jobs as write_jobs
from referins_woo.writeback.fulfil import Wanted, fulfil
from referins_woo.writeback.models import StoreWrite
from tests.conftest import ClockHand, LiveServer
from tests.flows.merchants import Merchant, merchant_of
from tests.flows.test_stock_push import Pushing
from tests.flows.test_store_faults import HARMLESS, LOST, TRANSIENT, let_time_pass, signed_in

OTHERS: dict[str, dict[str, Any]] = {"order_breaks": {}, "repeat_page": {}, "keys_read_only": {}}
ONE_ORDER = {"order_poison", "drip", "gzip_bomb"}
"""Of one order or of large answers: rows 19, 30 and 32."""
LOST_BY_A_WRITE = {"keys_read_only": "read_only_key"}
OPTIONS = {name: options for name, (options, _) in LOST.items()} | TRANSIENT | HARMLESS | OTHERS


@pytest.fixture
def backend() -> str:
    """What follows from an answer is the same on both databases."""
    return "sqlite"


def test_every_fault_of_the_practice_store_has_its_place_here_too() -> None:
    assert OPTIONS.keys() | ONE_ORDER == KINDS.keys()


CASES = [(fault, "") for fault in OPTIONS] + [(fault, "writes") for fault in TRANSIENT]
"""`writes`: what is read passes, so that each change is on its way when the fault meets it."""
BRIEFLY = {("keys_revoked", ""), ("server_error", ""), ("truncated", "writes")}


@pytest.mark.parametrize(
    ("fault", "only"), [one if one in BRIEFLY else pytest.param(*one, marks=pytest.mark.storm) for one in CASES]
)
def test_what_is_changed_in_a_store_waits_out_its_faults_and_is_changed_once(
    running: Process, bells: queues.MemoryBells, clock: ClockHand, live_server: LiveServer, fault: str, only: str
) -> None:
    with merchant_of(running, bells, clock, size=4) as merchant:
        shop = Pushing(merchant)  # type: ignore[arg-type]
        woo_id = merchant.practice.create_order(email="ada@example.com", status="processing")
        shop.count()
        shop.turn_on()
        merchant.sweep()
        clock.advance(minutes=10)
        merchant.practice.forget_requests()
        for method in ("PUT", "POST") if only else ("",):
            merchant.practice.fault(fault, **OPTIONS[fault], method=method)
        _deliver(merchant, woo_id)
        shop.add(5)
        for _ in range(4):
            _work(merchant)
        cause = LOST_BY_A_WRITE.get(fault) or LOST.get(fault, ({}, ""))[1]
        if cause:
            for _ in range(36):
                if merchant.store.state == "needs_reconnect":
                    break
                _work(merchant)
            assert (merchant.store.state, merchant.store.cause) == ("needs_reconnect", cause)
            _work(merchant)
            assert len(merchant.mails()) == 1
        else:
            assert (merchant.store.state, merchant.mails()) == ("connected", [])
        _says_why_it_waits(merchant, live_server, woo_id)
        merchant.practice.clear_faults()
        if cause:
            assert connect.try_stored_keys(running, merchant.store_id).is_repair
        for _ in range(4):
            clock.advance(minutes=6)
            _work(merchant)
        assert (merchant.store.state, merchant.store.cause) == ("connected", "ok")
        assert {(row.kind, row.state) for row in merchant.rows(StoreWrite)} == {
            ("order_completed", "done"),
            ("stock_set", "done"),
        }, [(row.kind, row.state, row.error) for row in merchant.rows(StoreWrite)]
        assert (merchant.practice.order(woo_id) or {})["status"] == "completed"
        assert shop.woo(shop.bag) == 45
        assert {row.state for row in merchant.rows(StoreStock)} == {"in_step"}
        happened = Counter((row.kind, row.subject) for row in merchant.rows(Event))
        assert set(happened.values()) == {1}
        assert happened["order_completed", woo_id] == 1, "the echo tells once"
        if KINDS[fault].stage == "after":  # the store has done it each time that it was asked
            assert merchant.asked().count(f"PUT orders/{woo_id}") == 1, "an answer that was lost is settled by a look"


def _deliver(merchant: Merchant, woo_id: int) -> None:
    with merchant.process.database.unit() as session:
        order = session.scalars(select(Order).where(Order.woo_id == woo_id)).one()
        fulfil(session, order, Wanted(state="delivered", confirmed=True), merchant.clock.now(), merchant.email)


def _work(merchant: Merchant) -> None:
    """Whatever the clock rings for, once."""
    for call in (store_jobs.ring_for_suspects, store_jobs.ring_for_mended, write_jobs.ring_for_writes):
        call()
    ingest_jobs.ring_for_pushes()
    queues.ring("catch_up", merchant.store_id)
    merchant.bells.drain()
    merchant.clock.advance(seconds=31)
    let_time_pass(merchant)


def _says_why_it_waits(merchant: Merchant, server: LiveServer, woo_id: int) -> None:
    """What is not done yet stands on the page of changes, with its reason in words."""
    page = signed_in(server.url).get(
        f"{server.url}/settings/integrations/woocommerce/{merchant.store_id}/writes", timeout=20
    )
    assert page.status_code == 200
    shown = html.unescape(page.text)
    for write in merchant.rows(StoreWrite, StoreWrite.state != "done"):
        assert write.error, (write.kind, write.state)
        assert write.error in shown
        assert "<" not in write.error, "words, not a page of the store's"
