"""A thousand orders placed while the store is lost, does not answer, or has its webhooks switched off: after the repair
each is here, each trigger fired once, or is recorded as too late and can be released (X4, LOAD6, LOAD8)."""

from __future__ import annotations

from collections import Counter
from datetime import timedelta

import pytest

import referins_woo.stores.jobs as store_jobs
from referins_woo import queues
from referins_woo.commerce.models import Order
from referins_woo.events.models import Event
from referins_woo.events.release import release
from referins_woo.ingest import importing
from referins_woo.ingest import jobs as ingest_jobs
from referins_woo.ingest.models import Import
from referins_woo.process import Process
from referins_woo.stores import connect
from referins_woo.stores.models import Store
from tests.conftest import ClockHand
from tests.flows.merchants import Merchant, merchant_of, off

ORDERS = 1_000


def place(merchant: Merchant) -> set[int]:
    """Place the orders over the time that the outage lasts; none of their webhooks arrives."""
    merchant.practice.fault("webhooks_dropped")
    made = {merchant.practice.create_order(email=f"ann{number}@example.com") for number in range(ORDERS)}
    merchant.practice.deliver_webhooks()
    merchant.practice.clear_faults("webhooks_dropped")
    return made


def ask(merchant: Merchant, times: int) -> None:
    """Let sweeps and probes meet the outage."""
    for _ in range(times):
        merchant.clock.advance(seconds=21)
        queues.ring("catch_up", merchant.store_id)
        store_jobs.ring_for_suspects()
        merchant.bells.drain()


def all_here(merchant: Merchant, made: set[int], state: tuple[str, str] = ("fired", "")) -> None:
    here = Counter(row.woo_id for row in merchant.rows(Order))
    assert made <= here.keys()
    assert set(here.values()) == {1}
    happened = Counter((row.subject, row.kind) for row in merchant.rows(Event))
    assert set(happened.values()) == {1}
    events = merchant.events()
    assert Counter(events[woo_id, "order_submitted"] for woo_id in made) == {state: ORDERS}
    for _ in range(2):
        merchant.sweep(16)
    assert off(merchant.ledger()["orders"]) == 0
    assert Counter((row.subject, row.kind) for row in merchant.rows(Event)) == happened, "nothing fired twice"


@pytest.mark.parametrize("backend", ["sqlite", pytest.param("postgresql", marks=pytest.mark.storm)])
@pytest.mark.parametrize("hours", [2, 30])
def test_orders_placed_while_the_store_was_lost(
    running: Process, bells: queues.MemoryBells, clock: ClockHand, hours: int
) -> None:
    with merchant_of(running, bells, clock, size=1) as merchant:
        merchant.connect()
        merchant.practice.revoke_key()
        ask(merchant, 2)
        assert (merchant.store.state, merchant.store.cause) == ("needs_reconnect", "key_revoked")
        made = place(merchant)
        clock.advance(hours=hours)
        accepted = connect.accept_keys(running, merchant.store_id, *merchant.practice.new_key())
        assert accepted.is_repair
        assert merchant.store.catching_up_since is not None
        bells.drain()
        assert merchant.store.catching_up_since is None
        assert any(text.startswith("Caught up with what happened meanwhile: 1000 orders") for text in merchant.log())
        late = hours > 24
        all_here(merchant, made, ("suppressed", "too_late") if late else ("fired", ""))
        assert len({mail.once_key for mail in merchant.mails()}) == len(merchant.mails()) == 1
        if late:
            event = merchant.rows(Event, Event.reason == "too_late")[0]
            with running.database.unit() as session:
                assert release(session, event.account_id, event.id)
            assert merchant.events()[event.subject, "order_submitted"][0] == "released"


@pytest.mark.parametrize("backend", ["sqlite"])
def test_load6_an_outage_of_an_hour_in_the_middle_of_an_import_ends_by_itself(
    running: Process, bells: queues.MemoryBells, clock: ClockHand
) -> None:
    with merchant_of(running, bells, clock, size=200) as merchant:
        merchant.connect(elements=frozenset())
        with running.database.unit() as session:
            importing.start(session, session.get_one(Store, merchant.store_id), ["orders"])
        merchant.practice.fault("reset")
        bells.drain()
        made = place(merchant)
        for _ in range(12):
            clock.advance(minutes=5)
            ingest_jobs.ring_for_imports()
            ingest_jobs.ring_for_sweeps()
            bells.drain()
        assert merchant.store.state == "connected"
        merchant.practice.clear_faults()
        back = clock.now()
        for _ in range(30):
            if not merchant.count(Import, Import.state.in_(importing.OPEN_STATES)):
                break
            clock.advance(seconds=15)
            ingest_jobs.ring_for_imports()
            bells.drain()
        assert clock.now() - back <= timedelta(minutes=5, seconds=30)
        assert {row.state for row in merchant.rows(Import)} == {"done"}
        merchant.sweep()
        all_here(merchant, made)


@pytest.mark.parametrize("backend", ["sqlite"])
def test_orders_placed_while_the_store_was_unreachable_for_more_than_a_day(
    running: Process, bells: queues.MemoryBells, clock: ClockHand
) -> None:
    with merchant_of(running, bells, clock, size=1) as merchant:
        merchant.connect()
        merchant.practice.fault("reset")
        for _ in range(14):
            clock.advance(hours=2)
            queues.ring("catch_up", merchant.store_id)
            bells.drain()
        assert (merchant.store.state, merchant.store.cause) == ("connected", "unreachable")
        assert len(merchant.mails()) == 1
        made = place(merchant)
        merchant.practice.clear_faults()
        clock.advance(minutes=6)
        queues.ring("catch_up", merchant.store_id)
        bells.drain()
        assert (merchant.store.cause, merchant.store.catching_up_since) == ("ok", None)
        all_here(merchant, made)


@pytest.mark.parametrize("backend", ["sqlite"])
def test_orders_placed_while_the_webhooks_were_disabled(
    running: Process, bells: queues.MemoryBells, clock: ClockHand
) -> None:
    with merchant_of(running, bells, clock, size=1) as merchant:
        merchant.connect()
        merchant.sweep()
        for hook in merchant.practice.webhooks():
            merchant.practice.shop.save("webhook", hook | {"status": "disabled"})
        made = place(merchant)
        for _ in range(2):
            merchant.sweep()
        assert {hook["status"] for hook in merchant.practice.webhooks()} == {"active"}
        assert any(text.startswith("Webhooks made anew") for text in merchant.log())
        all_here(merchant, made)
