"""WooCommerce 9.9 on post storage lists checkout drafts among all orders (fact 28): carts that nobody has submitted.

They come in nowhere, fire nothing, and do not trouble the ledger.
"""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from referins_woo import queues
from referins_woo.commerce.models import Contact, Order
from referins_woo.events.models import Event
from referins_woo.ingest.models import ImportElement, SkippedRecord
from referins_woo.process import Process
from tests.conftest import ClockHand
from tests.flows.merchants import Merchant, merchant_of, off


@pytest.fixture
def backend() -> str:
    """What is skipped is decided before any database is asked."""
    return "sqlite"


@pytest.fixture
def merchant(running: Process, bells: queues.MemoryBells, clock: ClockHand) -> Iterator[Merchant]:
    """A merchant whose older store was imported, with the drafts that lay in it."""
    with merchant_of(running, bells, clock, size=80, woocommerce="9.9") as made:
        made.connect()
        made.sweep()
        clock.advance(minutes=1)
        yield made


def begin_checkout(merchant: Merchant, email: str) -> int:
    """Let somebody come to the block checkout: the store makes a draft, and tells of it."""
    woo_id = merchant.practice.create_order(email=email)
    doc = merchant.practice.order(woo_id)
    assert doc is not None
    merchant.practice.shop.save("order", {**doc, "status": "checkout-draft"})
    return woo_id


def listed(merchant: Merchant) -> dict[int, str]:
    return {row.woo_id: row.reason_code for row in merchant.rows(SkippedRecord, SkippedRecord.element == "orders")}


def test_an_import_leaves_them_out_with_their_reason_and_adds_up(merchant: Merchant) -> None:
    drafts = [
        woo_id
        for woo_id in merchant.practice.shop.world.order_ids
        if (merchant.practice.order(woo_id) or {}).get("status") == "checkout-draft"
    ]
    assert drafts
    assert listed(merchant) == dict.fromkeys(drafts, "draft")
    assert not merchant.rows(Order, Order.woo_id.in_(drafts))
    [element] = merchant.rows(ImportElement, ImportElement.element == "orders")
    assert element.total == element.done + element.skipped + element.failed
    assert element.skipped == len(drafts)
    assert off(merchant.ledger()["orders"]) == 0


@pytest.mark.parametrize("by", ["webhook", "sweep"])
def test_one_that_comes_live_is_no_order_until_it_is_submitted(merchant: Merchant, by: str) -> None:
    if by == "sweep":
        merchant.practice.fault("webhooks_dropped")
    woo_id = begin_checkout(merchant, "cart@example.com")
    merchant.practice.deliver_webhooks()
    merchant.bells.drain()
    for _ in range(3):
        merchant.sweep(6)
    assert merchant.rows(Order, Order.woo_id == woo_id) == []
    assert merchant.rows(Contact, Contact.email == "cart@example.com") == [], "nobody knows them yet"
    assert merchant.count(Event, Event.subject == woo_id) == 0
    assert listed(merchant)[woo_id] == "draft"
    assert off(merchant.ledger()["orders"]) == 0
    assert not any("picked up by reconciliation" in text for text in merchant.log())
    merchant.practice.set_status(woo_id, "pending")
    merchant.practice.deliver_webhooks()
    merchant.bells.drain()
    for _ in range(4):
        merchant.sweep(6)
    assert [row.woo_status for row in merchant.rows(Order, Order.woo_id == woo_id)] == ["pending"]
    assert merchant.events()[woo_id, "order_submitted"] == ("fired", "")
    assert off(merchant.ledger()["orders"]) == 0


def test_one_that_is_thrown_away_troubles_the_ledger_for_no_longer_than_a_comparison(merchant: Merchant) -> None:
    woo_id = begin_checkout(merchant, "cart@example.com")
    merchant.sweep()
    assert woo_id in listed(merchant)
    merchant.practice.delete_order(woo_id)  # as WooCommerce clears old drafts, without a word
    for _ in range(4):
        merchant.sweep(16)
    assert woo_id not in listed(merchant)
    assert off(merchant.ledger()["orders"]) == 0


def test_the_comparison_by_number_fetches_them_once_and_says_nothing(merchant: Merchant) -> None:
    merchant.practice.fault("webhooks_dropped")
    woo_id = begin_checkout(merchant, "cart@example.com")
    for _ in range(2):
        queues.ring("reconcile", merchant.store_id)
        merchant.bells.drain()
    assert merchant.rows(Order, Order.woo_id == woo_id) == []
    assert listed(merchant)[woo_id] == "draft"
    assert not any("missing orders" in text for text in merchant.log())
    merchant.practice.forget_requests()
    queues.ring("reconcile", merchant.store_id)
    merchant.bells.drain()
    assert not [line.path for line in merchant.practice.requests if "include=" in line.path]
