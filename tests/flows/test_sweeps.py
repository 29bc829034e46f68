"""The sweep: what it costs an idle store, what it writes, how it goes on, and what the ledger says then (S2, S8)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import event as sql_event

from referins_woo import queues
from referins_woo.commerce import removal
from referins_woo.commerce.models import Contact, ContactLink, Order, Product
from referins_woo.ingest import catch_up, jobs, reconcile
from referins_woo.ingest.models import SkippedRecord
from referins_woo.process import Process
from tests.conftest import ClockHand
from tests.flows.merchants import Merchant, merchant_of, off


@pytest.fixture
def merchant(running: Process, bells: queues.MemoryBells, clock: ClockHand) -> Iterator[Merchant]:
    """A merchant whose practice store was imported and has come to rest."""
    with merchant_of(running, bells, clock) as made:
        made.connect()
        made.sweep()
        yield made


def test_an_unchanged_store_costs_few_requests_and_its_ledger_adds_up(merchant: Merchant) -> None:
    for _ in range(3):
        merchant.sweep()
    merchant.practice.forget_requests()
    for minute in range(60):  # an hour as the clock process makes it: the schedule's own calls
        merchant.clock.advance(minutes=1)
        jobs.ring_for_sweeps()
        if minute % 15 == 0:
            queues.ring("heal_webhooks", merchant.store_id)
        merchant.bells.drain()
    asked = Counter(merchant.asked())
    print(dict(asked))
    assert set(asked) == {
        *("GET orders", "GET products", "GET variations", "GET customers", "GET products/categories"),
        *("GET webhooks", "GET refunds"),
    }
    for element in ("GET orders", "GET products", "GET variations"):
        assert asked[element] <= 12, element
    assert asked["GET customers"] <= 12 + 4, "one page a sweep, and a count four times an hour"
    for seldom in ("GET products/categories", "GET webhooks", "GET refunds"):
        assert asked[seldom] <= 4, seldom
    assert {element: off(row) for element, row in merchant.ledger().items()} == dict.fromkeys(merchant.ledger(), 0)
    assert set(merchant.ledger()) == {"contacts", "orders", "transactions", "products", "collections"}
    for row in merchant.ledger().values():
        assert row.counted_at is not None
        assert merchant.clock.now() - row.counted_at < timedelta(minutes=16)


@pytest.mark.parametrize("backend", ["sqlite"])
def test_a_thousand_orders_that_are_listed_unchanged_write_nothing(
    running: Process, bells: queues.MemoryBells, clock: ClockHand
) -> None:
    with merchant_of(running, bells, clock, size=1) as merchant:
        merchant.connect(elements=frozenset())
        for _ in range(1000):
            merchant.practice.create_order(email="ann@example.com")
        merchant.sweep(0)
        before = [(row.id, row.updated_at, row.content_hash) for row in merchant.rows(Order)]
        assert len(before) == 1000
        written = Counter[str]()

        def note(connection: Any, cursor: Any, statement: str, parameters: Any, context: Any, many: bool) -> None:
            if not statement.lstrip().upper().startswith(("SELECT", "PRAGMA", "BEGIN")):
                written[statement.split("(")[0].split(" SET ")[0].strip()] += 1

        clock.advance(seconds=30)  # within the overlap: all of them are listed again
        sql_event.listen(running.database.engine, "before_cursor_execute", note)
        try:
            swept = catch_up.sweep(running, merchant.store_id)
        finally:
            sql_event.remove(running.database.engine, "before_cursor_execute", note)
        assert swept is not None
        assert swept.orders == 1000
        assert {each.split()[-1] for each in written} <= {"leases", "watermarks", "stores"}, written
        assert [(row.id, row.updated_at, row.content_hash) for row in merchant.rows(Order)] == before


@pytest.mark.parametrize("backend", ["sqlite"])
def test_load8_a_thousand_orders_whose_webhooks_were_dropped_are_all_here_after_one_sweep(
    running: Process, bells: queues.MemoryBells, clock: ClockHand
) -> None:
    with merchant_of(running, bells, clock, size=1) as merchant:
        merchant.connect()
        merchant.sweep()
        merchant.practice.fault("webhooks_dropped")
        made = [merchant.practice.create_order(email=f"ann{number}@example.com") for number in range(1000)]
        merchant.practice.deliver_webhooks()
        merchant.practice.forget_requests()
        merchant.sweep()
        assert {row.woo_id for row in merchant.rows(Order)} >= set(made)
        events = merchant.events()
        assert all(events[woo_id, "order_submitted"] == ("fired", "") for woo_id in made)
        assert len(events) == 1000
        lists = sum(line == "GET orders" for line in merchant.asked())
        print(f"{lists} requests for 1,000 orders")
        assert lists <= 13, "99 new rows a page, the look before, and the end"
        assert any(text.startswith("1000 orders picked up by reconciliation") for text in merchant.log())
        assert merchant.ledger()["orders"].gap_count == 1000


def test_a_sweep_that_time_cuts_short_goes_on_where_it_stopped(merchant: Merchant, running: Process) -> None:
    made = [merchant.practice.create_order(email=f"a{number}@example.com") for number in range(25)]
    with running.database.unit() as session:
        session.get_one(type(merchant.store), merchant.store_id).page_size = 10
    slices = 0
    while (swept := catch_up.sweep(running, merchant.store_id, seconds=0.0)) is not None and swept.more:
        slices += 1
        assert slices < 50
    assert slices >= 2
    assert {row.woo_id for row in merchant.rows(Order)} >= set(made)
    watermark = merchant.ledger()["orders"].watermark
    assert watermark is not None
    merchant.sweep()  # the last changes' second is read once more, well after it
    merchant.practice.forget_requests()
    merchant.sweep()
    assert merchant.asked().count("GET orders") <= 3


def test_a_change_behind_the_walk_s_back_is_found_by_the_next_sweep(merchant: Merchant, running: Process) -> None:
    made = [merchant.practice.create_order(email=f"a{number}@example.com") for number in range(12)]
    with running.database.unit() as session:
        session.get_one(type(merchant.store), merchant.store_id).page_size = 10
    merchant.clock.advance(minutes=10)
    assert catch_up.sweep(running, merchant.store_id, seconds=0.0) is not None
    merchant.practice.pay(made[0])  # its page was read already
    merchant.clock.advance(minutes=3)
    merchant.practice.create_order(email="late@example.com")  # and something newer is still to be read
    while (swept := catch_up.sweep(running, merchant.store_id, seconds=0.0)) is not None and swept.more:
        pass
    merchant.sweep()
    assert merchant.events()[made[0], "payment_received"] == ("fired", "")


def test_new_customers_are_found_without_their_webhook(merchant: Merchant) -> None:
    merchant.practice.create_customer("new@example.com", first_name="Nora")
    for _ in range(2):
        merchant.sweep()
    assert [one.first_name for one in merchant.rows(Contact, Contact.email == "new@example.com")] == ["Nora"]


def test_what_was_deleted_without_a_word_is_noticed_at_night_and_comes_back_when_restored(merchant: Merchant) -> None:
    gone, trashed, kept = (merchant.practice.create_order(email=f"{name}@example.com") for name in ("g", "t", "k"))
    product = merchant.practice.create_product("Kettle", "12.00")
    customer = merchant.practice.create_customer("leaves@example.com", first_name="Leo")
    for _ in range(2):
        merchant.sweep()
    events = merchant.events()
    merchant.practice.delete_order(gone)
    merchant.practice.trash_order(trashed)
    merchant.practice.delete_product(product)
    merchant.practice.shop.remove("customer", customer)
    merchant.practice.deliver_webhooks()
    queues.ring("reconcile", merchant.store_id)
    merchant.bells.drain()
    orders = {row.woo_id: row for row in merchant.rows(Order)}
    assert orders[gone].gone_at is not None
    assert (orders[gone].status, orders[gone].total) == (orders[kept].status, orders[kept].total), "keeps what it was"
    assert (orders[trashed].gone_at, orders[trashed].in_trash) == (None, True)
    assert merchant.rows(Product, Product.woo_id == product)[0].gone_at is not None
    assert merchant.rows(ContactLink, ContactLink.woo_id == customer)[0].gone_at is not None
    assert merchant.rows(Contact, Contact.email == "leaves@example.com"), "nothing is deleted here"
    merchant.sweep()
    assert {element: off(row) for element, row in merchant.ledger().items()} == dict.fromkeys(merchant.ledger(), 0)
    merchant.practice.restore_order(trashed)
    merchant.practice.deliver_webhooks()
    merchant.sweep()
    assert merchant.rows(Order, Order.woo_id == trashed)[0].in_trash is False
    assert merchant.events() == events, "nothing fired anew"


def test_a_hole_is_found_by_its_number_and_filled_silently_or_fired_as_its_own_time_says(
    merchant: Merchant, running: Process
) -> None:
    history = next(row for row in merchant.rows(Order) if not row.in_trash)
    fresh = merchant.practice.create_order(email="hole@example.com")
    merchant.sweep()
    with running.database.unit() as session:
        for row in merchant.rows(Order, Order.woo_id.in_([history.woo_id, fresh])):
            session.delete(session.get_one(Order, row.id))
        removed = merchant.events()
    for _ in range(3):
        merchant.sweep(16)  # the ledger does not add up twice: the comparison by number is rung for
    assert {row.woo_id for row in merchant.rows(Order)} >= {history.woo_id, fresh}
    assert merchant.events() == removed, "an event that is recorded never fires again, history never at all"
    merchant.sweep()
    assert off(merchant.ledger()["orders"]) == 0


def test_an_order_deleted_here_counts_on_neither_side(merchant: Merchant, running: Process) -> None:
    order = next(row for row in merchant.rows(Order) if not row.in_trash)
    with running.database.unit() as session:
        removal.delete_order(session, session.get_one(Order, order.id), merchant.clock.now(), "olga@shop.example")
    merchant.sweep(20)
    row = merchant.ledger()["orders"]
    assert off(row) == 0
    merchant.practice.delete_order(order.woo_id)
    queues.ring("reconcile", merchant.store_id)
    merchant.bells.drain()
    merchant.sweep(20)
    after = merchant.ledger()["orders"]
    assert (off(after), after.here_count) == (0, row.here_count)


def test_the_store_s_clock_and_speed_are_known_after_each_sweep(merchant: Merchant) -> None:
    merchant.practice.fault("clock_skew", seconds=90)
    merchant.sweep()
    store = merchant.store
    assert 85 <= store.clock_skew_seconds <= 95
    assert store.latency_ms is not None


def test_ids_are_compared_once_a_night_by_the_store_s_own_clock(clock: ClockHand) -> None:
    now = clock.now().replace(hour=12, minute=0)
    assert not reconcile.is_due(now - timedelta(hours=10), None, "UTC", now.replace(hour=3))
    assert reconcile.is_due(now.replace(hour=3) - timedelta(hours=24), None, "UTC", now.replace(hour=3))
    assert not reconcile.is_due(now - timedelta(hours=24), None, "UTC", now)
    assert reconcile.is_due(now - timedelta(hours=24), None, "Asia/Tokyo", now.replace(hour=18))
    assert reconcile.is_due(now - timedelta(hours=31), None, "UTC", now), "a night that was missed"
    assert not reconcile.is_due(None, None, "UTC", now), "never connected"
    assert reconcile.is_due(None, now - timedelta(hours=24), "+05:30", now.replace(hour=21, minute=30))


def test_what_is_skipped_and_then_comes_in_is_off_the_list(merchant: Merchant) -> None:
    draft = merchant.practice.create_product("Draft kettle", "12.00", status="draft")
    merchant.sweep()
    assert [one.reason_code for one in merchant.rows(SkippedRecord, SkippedRecord.woo_id == draft)] == ["not_published"]
    merchant.practice.update_product(draft, status="publish")
    merchant.sweep()
    assert merchant.rows(SkippedRecord, SkippedRecord.woo_id == draft) == []
    assert off(merchant.ledger()["products"]) == 0
