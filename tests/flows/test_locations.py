"""A store whose location was deleted keeps what comes, and does nothing with it until another is chosen (L2)."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

import pytest
from flask.testing import FlaskClient
from sqlalchemy import func, select

from referins_woo import clock, queues
from referins_woo.commerce import locations
from referins_woo.commerce.models import Location, Order
from referins_woo.events.models import Event
from referins_woo.ingest import jobs as ingest_jobs
from referins_woo.ingest.models import Delivery, Import
from referins_woo.mail.models import Message
from referins_woo.process import Process
from referins_woo.runs import automations
from referins_woo.runs.models import Run
from referins_woo.stores import connect, mapping
from referins_woo.stores.models import Store
from tests.conftest import ClockHand
from tests.flows.merchants import Merchant, merchant_of
from tests.flows.test_reliability_rows_hooks import order, signed


@pytest.fixture
def merchant(running: Process, bells: queues.MemoryBells, clock: ClockHand) -> Iterator[Merchant]:
    """A merchant with two locations, whose orders are confirmed by e-mail."""
    with merchant_of(running, bells, clock, size=1) as made:
        made.connect(elements=frozenset())
        with running.database.unit() as session:
            account_id = session.get_one(Store, made.store_id).account_id
            locations.add(session, account_id, "Warehouse")
            confirmation = automations.create_from_recipe(session, account_id, "order_confirmation")
            session.flush()
            automations.publish(session, confirmation.id, account_id, 1)
        made.clock.advance(minutes=2)
        yield made


def _place(merchant: Merchant, name: str) -> Location:
    with merchant.process.database.reading() as session:
        return session.scalars(select(Location).where(Location.name == name)).one()


def _delete(merchant: Merchant, name: str) -> None:
    with merchant.process.database.unit() as session:
        found = session.scalars(select(Location).where(Location.name == name)).one()
        assert mapping.delete(session, found, clock.now()) == 1


def _choose(merchant: Merchant, name: str) -> None:
    with merchant.process.database.unit() as session:
        mapping.choose(session, session.get_one(Store, merchant.store_id), _place(merchant, name).id, clock.now())


def _send(merchant: Merchant, client: FlaskClient, body: bytes, delivery: str) -> None:
    headers = signed(merchant, body, "order.created", delivery)
    answer = client.post(f"/hooks/woocommerce/{merchant.store.hook_token}", data=body, headers=headers)
    assert answer.status_code == 200
    merchant.bells.drain()


def _at_rest(merchant: Merchant) -> None:
    """Whatever the clock would ring for, and what that rings for."""
    for ring in (ingest_jobs.ring_for_deliveries, ingest_jobs.ring_for_sweeps, ingest_jobs.ring_for_imports):
        ring()
    merchant.bells.drain()


def test_what_comes_while_a_store_has_no_location_is_kept_and_picked_up_by_the_lateness_rule(
    merchant: Merchant, client: FlaskClient
) -> None:
    _delete(merchant, "Main")
    assert (merchant.store.state, merchant.store.location_id) == ("mapping_needed", None)
    by_sweep = merchant.practice.create_order(email="early@example.com", status="processing")
    _send(merchant, client, order(merchant, 9001), "d1")
    _at_rest(merchant)
    merchant.clock.advance(hours=30)
    _send(merchant, client, order(merchant, 9002), "d2")
    _at_rest(merchant)
    assert [one.state for one in merchant.rows(Delivery)] == ["received", "received"], "stored, answered, not worked on"
    assert merchant.count(Order) == merchant.count(Event) == merchant.count(Run) == merchant.count(Message) == 0

    _choose(merchant, "Warehouse")
    _at_rest(merchant)
    warehouse = _place(merchant, "Warehouse").id
    assert merchant.store.state == "connected"
    assert {one.woo_id: one.location_id for one in merchant.rows(Order)} == {
        **dict.fromkeys((9001, 9002), warehouse),
        by_sweep: warehouse,
    }
    happened = merchant.events()
    assert happened[9001, "order_submitted"] == ("suppressed", "too_late")
    assert happened[by_sweep, "order_submitted"] == ("suppressed", "too_late")
    assert happened[9002, "order_submitted"] == ("fired", "")
    assert merchant.count(Run) == 1
    assert [one.state for one in merchant.rows(Delivery)] == ["done", "done"]


def test_another_location_takes_the_later_orders_alone(merchant: Merchant, client: FlaskClient) -> None:
    _send(merchant, client, order(merchant, 9001), "d1")
    _choose(merchant, "Warehouse")
    _send(merchant, client, order(merchant, 9002), "d2")
    _send(merchant, client, order(merchant, 9001, 30, status="processing"), "d3")
    main, warehouse = _place(merchant, "Main").id, _place(merchant, "Warehouse").id
    assert {one.woo_id: one.location_id for one in merchant.rows(Order)} == {9001: main, 9002: warehouse}
    assert "Later orders go to the location Warehouse." in merchant.log()


def test_an_import_pauses_with_its_reason_and_goes_on_in_the_new_location(
    running: Process, bells: queues.MemoryBells, clock: ClockHand
) -> None:
    with merchant_of(running, bells, clock, size=20) as merchant:
        merchant.connect(elements=frozenset())
        with running.database.unit() as session:
            store = session.get_one(Store, merchant.store_id)
            locations.add(session, store.account_id, "Warehouse")
            from_here = ingest_jobs.importing.start(session, store, ["orders"]).id
        _delete(merchant, "Main")
        bells.drain()
        [run] = merchant.rows(Import, Import.id == from_here)
        assert run.state == "waiting" and "choose a location" in run.note
        assert merchant.count(Order) == 0
        _choose(merchant, "Warehouse")
        _at_rest(merchant)
        [run] = merchant.rows(Import, Import.id == from_here)
        assert run.state == "done"
        with running.database.reading() as session:
            places = session.execute(select(Order.location_id, func.count()).group_by(Order.location_id)).all()
        assert [place for place, _ in places] == [_place(merchant, "Warehouse").id]


def test_keys_that_work_again_do_not_choose_a_location(merchant: Merchant) -> None:
    _delete(merchant, "Main")
    with merchant.process.database.unit() as session:
        store = session.get_one(Store, merchant.store_id)
        store.state, store.cause, store.cause_since = "needs_reconnect", "key_revoked", clock.now() - timedelta(hours=1)
    assert connect.try_stored_keys(merchant.process, merchant.store_id).state == "mapping_needed"


def test_with_a_read_only_key_and_no_location_nothing_comes_in(merchant: Merchant, client: FlaskClient) -> None:
    with merchant.process.database.unit() as session:
        store = session.get_one(Store, merchant.store_id)
        store.state, store.cause, store.cause_since = "needs_reconnect", "read_only_key", clock.now()
    _delete(merchant, "Main")
    assert merchant.store.state == "needs_reconnect"
    _send(merchant, client, order(merchant, 9001), "d1")
    merchant.practice.create_order(email="early@example.com")
    _at_rest(merchant)
    assert merchant.count(Order) == 0
