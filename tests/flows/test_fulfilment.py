"""Fulfilment both ways, against a shop that behaves like WooCommerce: delivered here, completed there, told once."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from sqlalchemy import select

import referins_woo.writeback.jobs  # noqa: F401  (answers the bells)
from referins_woo import clock, queues
from referins_woo.accounts.users import create_user
from referins_woo.commerce.models import OrderLine, Transaction
from referins_woo.events.models import Event
from referins_woo.practice_store import PracticeStore, StoreOptions
from referins_woo.process import Process
from referins_woo.writeback.fulfil import NotConfirmed, Wanted, fulfil
from referins_woo.writeback.models import StoreWrite
from tests.flows.test_live_changes import Merchant

WHO = "olga@shop.example"


@pytest.fixture
def merchant(running: Process, bells: queues.MemoryBells) -> Iterator[Merchant]:
    """A merchant whose store follows WooCommerce by sweeps."""
    with running.database.unit() as session:
        create_user(session, WHO, "correct horse battery")
    with PracticeStore(StoreOptions(size=30, webhook_delay=None)) as practice:
        made = Merchant(running, bells, practice)
        made.connect()
        yield made


def _deliver(merchant: Merchant, woo_id: int, **wanted: object) -> None:
    order = merchant.order(woo_id)
    assert order is not None
    with merchant.process.database.unit() as session:
        fulfil(session, session.get_one(type(order), order.id), Wanted(**wanted), clock.now(), WHO)  # type: ignore[arg-type]


def _write(merchant: Merchant) -> StoreWrite:
    [write] = merchant.rows(StoreWrite)
    found: StoreWrite = write
    return found


def _kinds(merchant: Merchant, woo_id: int) -> list[str]:
    return [event.kind for event in merchant.rows(Event, Event.subject == woo_id)]


def _delivered(merchant: Merchant, woo_id: int) -> list[tuple[int, int]]:
    order = merchant.order(woo_id)
    assert order is not None
    lines = merchant.rows(OrderLine, OrderLine.order_id == order.id, OrderLine.kind == "product")
    return [(line.quantity, line.quantity_delivered) for line in lines]


def test_delivered_here_is_completed_there_and_its_echo_tells_once(merchant: Merchant) -> None:
    woo_id = merchant.practice.create_order(email="ada@example.com", status="processing")
    merchant.sweep()
    before = _kinds(merchant, woo_id)
    payments = len(merchant.rows(Transaction))
    _deliver(merchant, woo_id, state="delivered")
    order = merchant.order(woo_id)
    assert order is not None and (order.delivery_status, order.woo_status) == ("delivered", "processing")
    merchant.bells.drain()
    assert merchant.practice.order(woo_id)["status"] == "completed"
    order = merchant.order(woo_id)
    assert order is not None and (order.status, order.woo_status) == ("Completed", "completed"), "by the echo"
    write = _write(merchant)
    assert (write.state, write.attempts) == ("done", 1)
    assert write.echoed_at is not None
    merchant.practice.forget_requests()
    for _ in range(2):
        merchant.sweep()
    assert len(merchant.rows(StoreWrite)) == 1, "an echo causes no second write"
    assert {request.method for request in merchant.practice.requests} == {"GET"}
    told = _kinds(merchant, woo_id)[len(before) :]
    assert sorted(told) == ["order_completed", "order_status_changed"], "each once"
    assert len(merchant.rows(Transaction)) == payments


def test_completed_there_is_delivered_here_and_leaving_completed_leaves_it(merchant: Merchant) -> None:
    woo_id = merchant.practice.create_order(email="ada@example.com", status="processing")
    merchant.sweep()
    merchant.practice.set_status(woo_id, "completed")
    merchant.sweep()
    order = merchant.order(woo_id)
    assert order is not None and order.delivery_status == "delivered"
    assert all(ordered == delivered for ordered, delivered in _delivered(merchant, woo_id))
    merchant.practice.set_status(woo_id, "processing")
    merchant.sweep()
    order = merchant.order(woo_id)
    assert order is not None and (order.woo_status, order.delivery_status) == ("processing", "delivered")
    assert merchant.rows(StoreWrite) == []


def test_part_of_it_sends_nothing_and_the_rest_completes_it(merchant: Merchant) -> None:
    woo_id = merchant.practice.create_order(email="ada@example.com", status="processing")
    merchant.sweep()
    order = merchant.order(woo_id)
    assert order is not None
    [line] = merchant.rows(OrderLine, OrderLine.order_id == order.id, OrderLine.kind == "product")
    _deliver(merchant, woo_id, lines={line.id: line.quantity // 2})
    merchant.bells.drain()
    order = merchant.order(woo_id)
    assert order is not None and order.delivery_status == "partially_delivered"
    assert merchant.rows(StoreWrite) == []
    assert merchant.practice.order(woo_id)["status"] == "processing"
    _deliver(merchant, woo_id, lines={line.id: line.quantity})
    merchant.bells.drain()
    assert merchant.practice.order(woo_id)["status"] == "completed"


def test_what_changed_in_the_store_meanwhile_is_not_overwritten(merchant: Merchant) -> None:
    woo_id = merchant.practice.create_order(email="ada@example.com", status="processing")
    merchant.sweep()
    merchant.practice.set_status(woo_id, "cancelled")
    _deliver(merchant, woo_id, state="delivered")
    merchant.bells.drain()
    assert merchant.practice.order(woo_id)["status"] == "cancelled"
    write = _write(merchant)
    assert write.state == "refused" and "cancelled" in write.error


def test_an_unpaid_order_is_paid_there_by_a_confirmed_delivery_and_the_payment_counts_once(merchant: Merchant) -> None:
    woo_id = merchant.practice.create_order(email="ada@example.com", status="on-hold")
    merchant.sweep()
    with pytest.raises(NotConfirmed):
        _deliver(merchant, woo_id, state="delivered")
    _deliver(merchant, woo_id, state="delivered", confirmed=True)
    merchant.bells.drain()
    merchant.sweep()
    assert merchant.practice.order(woo_id)["status"] == "completed"
    assert _kinds(merchant, woo_id).count("payment_received") == 1
    [payment] = merchant.rows(Transaction)
    assert payment.kind == "payment"


def test_orders_that_come_in_completed_are_delivered(merchant: Merchant) -> None:
    woo_id = merchant.practice.create_order(email="ada@example.com", status="completed")
    merchant.sweep()
    order = merchant.order(woo_id)
    assert order is not None and order.delivery_status == "delivered"
    assert order.sales_at is not None, "placed after the connection, it passed processing unseen"
    with merchant.process.database.reading() as session:
        lines = session.scalars(select(OrderLine).where(OrderLine.order_id == order.id))
        assert all(line.quantity_delivered == line.quantity for line in lines if line.kind == "product")
