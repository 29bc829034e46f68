"""`store connect --sync-stock`: quantities are kept from here as soon as the opening stock is counted (K0, K1)."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence

import pytest
from click.testing import CliRunner
from sqlalchemy import select

import referins_woo.writeback.jobs  # noqa: F401  (answers the bells)
from referins_woo import clock, queues
from referins_woo.accounts import audit
from referins_woo.accounts.users import create_user
from referins_woo.cli import cli
from referins_woo.cli import store as command
from referins_woo.commerce import ledger, locations
from referins_woo.commerce.ledger import Goods
from referins_woo.commerce.models import Location
from referins_woo.commerce.stock import SCALE
from referins_woo.ingest import jobs as ingest
from referins_woo.ingest import stock_count
from referins_woo.practice_store import PracticeStore, StoreOptions
from referins_woo.process import Process
from referins_woo.reports import store_stock as reports
from referins_woo.stores import mapping, stock_switch
from referins_woo.stores.door.shelf import Looked, Shelf
from referins_woo.stores.models import Store, StoreLog
from referins_woo.writeback import stock_desk
from tests.flows.test_live_changes import Merchant
from tests.flows.test_stock import WHO
from tests.flows.test_stock_push import Pushing

Connect = Callable[..., Pushing]


@pytest.fixture
def backend() -> str:
    """What the command sets is the same on both databases."""
    return "sqlite"


@pytest.fixture
def connect(running: Process, bells: queues.MemoryBells, monkeypatch: pytest.MonkeyPatch) -> Iterator[Connect]:
    """Connects a practice store by the command line; its import and what follows wait in the bells."""
    monkeypatch.setattr(command, "open_process", lambda: running)
    with running.database.unit() as session:
        create_user(session, WHO, "correct horse battery")

    def run(practice: PracticeStore, *options: str) -> Pushing:
        shop = Pushing(Merchant(running, bells, practice))
        keys = ("--key", practice.consumer_key, "--secret", practice.consumer_secret)
        done = CliRunner().invoke(cli, ["store", "connect", practice.url, "--email", WHO, *keys, "--json", *options])
        if done.exception is not None:
            raise done.exception
        shop.merchant.store_id = json.loads(done.stdout)["id"]
        return shop

    yield run
    audit.act_as(None)


@pytest.fixture
def practice() -> Iterator[PracticeStore]:
    """A shop."""
    with PracticeStore(StoreOptions(size=10, webhook_delay=None)) as made:
        yield made


def _store(shop: Pushing) -> Store:
    [store] = shop.merchant.rows(Store, Store.id == shop.merchant.store_id)
    assert isinstance(store, Store)
    return store


def _said(shop: Pushing) -> list[str]:
    mine = (StoreLog.store_id == shop.merchant.store_id, StoreLog.kind == "stock")
    return [one.text for one in shop.merchant.rows(StoreLog, *mine)]


def _confirm(shop: Pushing) -> None:
    with shop.merchant.process.database.unit() as session:
        stock_count.confirm(session, session.get_one(Store, shop.merchant.store_id), {}, WHO)
    shop.merchant.bells.drain()


def test_it_is_turned_on_by_itself_once_counted_and_compared(connect: Connect, practice: PracticeStore) -> None:
    shop = connect(practice, "--sync-stock", "--import", "contacts", "--sync", "")
    store = _store(shop)
    assert (store.import_stock, store.push_when_counted, store.push_stock) == (True, True, False)
    assert set(store.import_elements) == {"contacts", "orders", "products"}, "it implies --import-stock"
    shop.merchant.bells.drain()
    store = _store(shop)
    assert (store.push_stock, store.push_when_counted) == (True, False)
    assert store.stock_checked_at is not None
    assert _said(shop) == [stock_switch.TURNED_ON]
    assert shop.writes() == [], "it was counted from its own quantities: there is nothing to tell"
    shop.add(5)
    assert (shop.woo(shop.bag), shop.writes()) == (45, [("BAG", 45, "done")])


def test_without_it_nothing_is_turned_on(connect: Connect, practice: PracticeStore) -> None:
    shop = connect(practice, "--import-stock")
    shop.merchant.bells.drain()
    store = _store(shop)
    assert store.stock_counted_at is not None
    assert (store.push_stock, store.push_when_counted, store.stock_asked_at) == (False, False, None)


def test_where_another_store_was_counted_before_the_dry_run_waits(connect: Connect, practice: PracticeStore) -> None:
    first = connect(practice, "--import-stock")
    first.merchant.bells.drain()
    with PracticeStore(StoreOptions(size=5, seed=7, webhook_delay=None)) as other:
        second = connect(other, "--sync-stock")
        other.create_product("Lamp", sku="LAMP", manage_stock=True, stock_quantity=3)
        second.set_there(second.bag, 7)
        second.merchant.bells.drain()
        assert _store(second).stock_counted_at is None, "both numbers are shown first"
        _confirm(second)
        store = _store(second)
        assert (store.push_stock, store.push_when_counted) == (False, False)
        assert _said(second)[1:] == [
            "Goods were counted at its location before: look at the dry run under Stock, and turn it on there."
        ]
        with second.merchant.process.database.reading() as session:
            run = reports.dry_run(session, session.get_one(Store, store.id))
        assert run is not None and ("BAG", 40 * SCALE) in [(line.row.label, line.target) for line in run.changes]
        ingest.ring_for_pushes()
        second.merchant.bells.drain()
        assert second.writes() == []
        second.turn_on()
        assert second.woo(second.bag) == 40


def test_where_goods_were_counted_by_hand_before_the_dry_run_waits(connect: Connect, practice: PracticeStore) -> None:
    shop = connect(practice, "--sync-stock")
    with shop.merchant.process.database.unit() as session:
        main = session.scalars(select(Location)).one()
        bags = {Goods("sku:BAG", "BAG", "Bag"): 3 * SCALE}
        ledger.adjust(session, main, bags, kind="by_hand", reason="", by=WHO, now=clock.now())
    shop.merchant.bells.drain()
    _confirm(shop)
    assert not _store(shop).push_stock
    assert (shop.woo(shop.bag), shop.writes()) == (40, [])
    with shop.merchant.process.database.unit() as session:
        stock_desk.compare(session, session.get_one(Store, shop.merchant.store_id), clock.now())
    shop.merchant.bells.drain()
    assert not _store(shop).push_stock, "somebody looks at it now, and decides"


def test_a_key_that_may_not_write_by_then_turns_it_on_when_it_may_again(
    connect: Connect, practice: PracticeStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    shop = connect(practice, "--sync-stock")
    look = Shelf.look

    def refused(self: Shelf, product: int, ids: Sequence[int]) -> Looked:
        with shop.merchant.process.database.unit() as session:
            session.get_one(Store, shop.merchant.store_id).state = "needs_reconnect"
        return look(self, product, ids)

    monkeypatch.setattr(Shelf, "look", refused)
    shop.merchant.bells.drain()
    assert (_store(shop).push_stock, _store(shop).push_when_counted) == (False, True)
    monkeypatch.setattr(Shelf, "look", look)
    with shop.merchant.process.database.unit() as session:
        session.get_one(Store, shop.merchant.store_id).state = "connected"
    ingest.ring_for_pushes()
    shop.merchant.bells.drain()
    assert (_store(shop).push_stock, _store(shop).push_when_counted) == (True, False)


def test_another_location_chosen_meanwhile_waits_for_a_dry_run(connect: Connect, practice: PracticeStore) -> None:
    shop = connect(practice, "--sync-stock")
    with shop.merchant.process.database.unit() as session:
        store = session.get_one(Store, shop.merchant.store_id)
        depot = locations.add(session, store.account_id, "Depot")
        mapping.choose(session, store, depot.id, clock.now())
        assert store.push_when_counted, "it is not counted yet: it will be there"
        store.stock_counted_at = clock.now()
        main = session.scalars(select(Location).where(Location.name == "Main")).one()
        mapping.choose(session, store, main.id, clock.now())
        assert not store.push_when_counted
    shop.merchant.bells.drain()
    assert not _store(shop).push_stock
