"""Quantities that a store is told (K0, K2–K4), against a shop that behaves like WooCommerce."""

from __future__ import annotations

import contextlib
import random
from collections.abc import Mapping, Sequence
from datetime import timedelta

import pytest
from sqlalchemy import select, update

import referins_woo.writeback.jobs  # noqa: F401  (answers the bells)
from referins_woo import clock
from referins_woo.commerce import ledger, locations
from referins_woo.commerce.ledger import Goods
from referins_woo.commerce.models import Location, Product, StockItem, StoreStock
from referins_woo.commerce.stock import SCALE
from referins_woo.errors import InvalidInput, RetryLater, StoreMustReconnect
from referins_woo.ingest import importing
from referins_woo.ingest import jobs as ingest
from referins_woo.practice_store import PracticeStore, StoreOptions
from referins_woo.process import Process
from referins_woo.reports import store_stock as reports
from referins_woo.stores import connect, mapping
from referins_woo.stores import jobs as stores
from referins_woo.stores.door.shelf import Looked, Shelf, Told
from referins_woo.stores.models import Store, StoreLog
from referins_woo.writeback import stock_desk
from referins_woo.writeback.models import StoreWrite
from tests.conftest import ClockHand
from tests.flows.test_live_changes import Merchant
from tests.flows.test_stock import ALL, WHO, Shop


class Pushing(Shop):
    """A counted shop whose quantities are kept from here."""

    def compare(self) -> None:
        """Have everything compared, as the dry run does."""
        with self.merchant.process.database.unit() as session:
            stock_desk.compare(session, session.get_one(Store, self.merchant.store_id), clock.now())
        self.merchant.bells.drain()

    def turn_on(self) -> None:
        """Look at the dry run, and turn it on."""
        self.compare()
        with self.merchant.process.database.unit() as session:
            stock_desk.turn_on(session, session.get_one(Store, self.merchant.store_id), clock.now())
        self.merchant.bells.drain()

    def add(self, quantity: int, sku: str = "BAG", place: str = "Main") -> None:
        """Enter an adjustment, and let stores be told."""
        with self.merchant.process.database.unit() as session:
            location = session.scalars(select(Location).where(Location.name == place)).one()
            goods = {Goods(f"sku:{sku}", sku, sku.title()): quantity * SCALE}
            ledger.adjust(session, location, goods, kind="by_hand", reason="Counted", by=WHO, now=clock.now())
        self.merchant.bells.drain()

    def set_there(self, woo_id: int, quantity: int) -> None:
        """Change a quantity in WooCommerce by hand."""
        kind = "variation" if woo_id in (self.small, self.large) else "product"
        thing = self.practice.shop.get(kind, woo_id)
        assert thing is not None
        self.practice.shop.save(kind, {**thing, "stock_quantity": quantity})

    def night(self) -> None:
        """Have all quantities compared as at night."""
        self.compare()

    def again(self) -> None:
        """Let the store be asked again, whatever pause it was given, and all be compared, until all is done."""
        for _ in range(3):
            with self.merchant.process.database.unit() as session:
                session.get_one(Store, self.merchant.store_id).retry_after = None
            self.merchant.sweep()
            self.night()

    def row(self, label: str = "BAG") -> StoreStock:
        """What we know of what the store shows of some goods."""
        [row] = self.merchant.rows(StoreStock, StoreStock.label == label, StoreStock.store_id == self.merchant.store_id)
        assert isinstance(row, StoreStock)
        return row

    def writes(self) -> list[tuple[str, int, str]]:
        """SKU, quantity and state of all that was sent, oldest first."""
        found = self.merchant.rows(StoreWrite, StoreWrite.kind == "stock_set")
        return [(one.label, one.body["stock_quantity"], one.state) for one in sorted(found, key=lambda one: one.id)]


@pytest.fixture
def hand(request: pytest.FixtureRequest) -> ClockHand:
    """The hand of the application's clock, of which the shop's is one."""
    found = request.getfixturevalue("clock")
    assert isinstance(found, ClockHand)
    return found


@pytest.fixture
def shop(merchant: Merchant) -> Pushing:
    """A counted shop."""
    made = Pushing(merchant)
    made.count()
    return made


def test_a_dry_run_comes_first_and_nothing_is_written_before(shop: Pushing) -> None:
    with pytest.raises(InvalidInput, match="dry run first"), shop.merchant.process.database.unit() as session:
        stock_desk.turn_on(session, session.get_one(Store, shop.merchant.store_id), clock.now())
    shop.add(5)
    assert shop.woo(shop.bag) == 40, "off by default"
    shop.compare()
    assert shop.writes() == []
    shop.turn_on()
    assert shop.woo(shop.bag) == 45
    assert shop.writes() == [("BAG", 45, "done")], "what agreed is not written"
    [write] = shop.merchant.rows(StoreWrite, StoreWrite.kind == "stock_set")
    assert write.expected == {"on_hand": 45, "committed": 0, "buffer": 0, "old": 40}


def test_an_adjustment_is_pushed_a_sale_in_the_store_writes_nothing_and_an_echo_neither(shop: Pushing) -> None:
    shop.turn_on()
    shop.sell(3)
    shop.merchant.sweep()
    assert shop.writes() == []
    ingest.ring_for_pushes()
    shop.practice.forget_requests()
    shop.merchant.bells.drain()
    assert not [one for one in shop.practice.requests if "/products?" in one.path and "include" in one.path]
    shop.add(10)
    shop.add(4, "SHIRT-S")
    assert (shop.woo(shop.bag), shop.woo(shop.small)) == (47, 13), "a variation by its own endpoint"
    shop.merchant.sweep()
    shop.merchant.sweep()
    assert shop.writes() == [("BAG", 47, "done"), ("SHIRT-S", 13, "done")]
    shop.must_agree()


def test_a_sale_in_one_store_lowers_the_other(running: Process, shop: Pushing) -> None:
    shop.turn_on()
    with PracticeStore(StoreOptions(size=5, seed=7, webhook_delay=None)) as second:
        bag = second.create_product("Bag", sku="BAG", manage_stock=True, stock_quantity=7)
        other = Merchant(running, shop.merchant.bells, second)
        other.connect(elements=frozenset())
        with running.database.unit() as session:
            importing.start(session, session.get_one(Store, other.store_id), sorted(ALL))
        other.bells.drain()
        twin = Pushing.__new__(Pushing)
        twin.merchant, twin.practice, twin.bag, twin.small, twin.large = other, second, bag, 0, 0
        twin.turn_on()
        assert twin.woo(bag) == 40, "it shows what there is at the location"
        shop.sell(3)
        shop.merchant.sweep()
        assert (shop.woo(shop.bag), twin.woo(bag)) == (37, 37)
        assert [write for write in twin.writes() if write[0] == "BAG"] == [("BAG", 40, "done"), ("BAG", 37, "done")]
        with running.database.unit() as session:
            stock_desk.set_terms(
                session, session.get_one(Store, other.store_id), clock.now(), buffer=2, all_commitments=False
            )
        other.bells.drain()
        assert twin.woo(bag) == 38, "on hand less its own commitments less the buffer"


def test_what_was_changed_in_woocommerce_waits_and_is_taken_over_or_overwritten(shop: Pushing) -> None:
    shop.turn_on()
    shop.set_there(shop.bag, 33)
    shop.set_there(shop.cup, 20)
    shop.add(1)
    assert (shop.woo(shop.bag), shop.row().state, shop.row().drift) == (33, "changed", -7 * SCALE)
    shop.night()
    assert shop.row("Cup").state == "changed"
    assert shop.woo(shop.cup) == 20, "the night overwrites nothing unasked"
    words = [one.text for one in shop.merchant.rows(StoreLog, StoreLog.kind == "stock_changed")]
    assert words == ["1 quantity was changed in WooCommerce: take over or overwrite them under Stock."] * 2
    with shop.merchant.process.database.unit() as session:
        store = session.get_one(Store, shop.merchant.store_id)
        done, made = stock_desk.take_over(session, store, [shop.row().id], clock.now(), WHO)
        assert made is not None and done == 1
        stock_desk.overwrite(session, store, None, clock.now())
    shop.merchant.bells.drain()
    assert (shop.woo(shop.bag), shop.figures("sku:BAG")) == (33, (33, 0, 33))
    assert (shop.woo(shop.cup), shop.row("Cup").state) == (12, "in_step")
    shop.merchant.sweep()
    shop.must_agree()


@pytest.mark.parametrize("which", ["bag", "small"])
def test_a_change_by_hand_is_noticed_by_its_word_and_not_only_at_night(
    shop: Pushing, hand: ClockHand, which: str
) -> None:
    shop.turn_on()
    hand.advance(minutes=2)
    woo_id, label = (shop.bag, "BAG") if which == "bag" else (shop.small, "SHIRT-S")
    shop.set_there(woo_id, 3)
    shop.merchant.sweep()
    ingest.ring_for_pushes()
    shop.merchant.bells.drain()
    assert shop.row(label).state == "in_step", "it may still be a sale whose order is to come"
    hand.advance(minutes=2)
    ingest.ring_for_pushes()
    shop.merchant.bells.drain()
    assert shop.row(label).state == "changed"
    shop.practice.forget_requests()
    ingest.ring_for_pushes()
    shop.merchant.bells.drain()
    assert shop.practice.requests == [], "and not asked about again"


@pytest.mark.parametrize("moment", ["before the look", "before the write", "after the write"])
def test_a_sale_at_the_moment_of_the_write_is_neither_lost_nor_counted_twice(
    shop: Pushing, monkeypatch: pytest.MonkeyPatch, moment: str
) -> None:
    shop.turn_on()
    tell = Shelf.tell

    def told(self: Shelf, product: int, wanted: Mapping[int, int]) -> Told:
        monkeypatch.setattr(Shelf, "tell", tell)
        if moment == "before the write":
            shop.sell(2)
        answer = tell(self, product, wanted)
        if moment == "after the write":
            shop.sell(2)
        return answer

    if moment == "before the look":
        shop.sell(2)  # nobody has swept it when the adjustment rings
    else:
        monkeypatch.setattr(Shelf, "tell", told)
    shop.add(1)
    shop.merchant.sweep()
    assert shop.figures("sku:BAG") == (41, 2, 39)
    assert shop.woo(shop.bag) == 39, "what was written over is set right, and nobody is asked"
    assert shop.row().state == "in_step"


def test_several_batches_are_under_way_and_one_that_gets_no_answer_harms_no_other(merchant: Merchant) -> None:
    shop = Pushing(merchant)
    skus = [f"MANY-{number:03d}" for number in range(230)]
    made = {sku: shop.practice.create_product(sku, sku=sku, manage_stock=True, stock_quantity=5) for sku in skus}
    shop.count()
    shop.turn_on()
    with merchant.process.database.unit() as session:
        location = session.scalars(select(Location).where(Location.name == "Main")).one()
        goods = {Goods(f"sku:{sku}", sku, sku): SCALE for sku in skus}
        ledger.adjust(session, location, goods, kind="by_hand", reason="Counted", by=WHO, now=clock.now())
    shop.practice.fault("truncated", path="/batch", count=1)
    shop.merchant.bells.drain()
    states = [row.state for row in merchant.rows(StoreStock)]
    assert states.count("unknown") == 100, "one batch; the one behind it was taken in"
    assert "sending" not in states
    shop.again()
    shown = {sku: (shop.practice.shop.get("product", woo_id) or {})["stock_quantity"] for sku, woo_id in made.items()}
    assert set(shown.values()) == {6}
    assert len([one for one in shop.writes() if one[2] == "done"]) == 230, "each is told once"


def test_goods_that_sell_at_each_look_are_looked_at_later_and_nobody_is_asked(
    shop: Pushing, monkeypatch: pytest.MonkeyPatch
) -> None:
    shop.turn_on()
    look = Shelf.look

    def looked(self: Shelf, product: int, ids: Sequence[int]) -> Looked:
        if not product:
            shop.sell(1)
        return look(self, product, ids)

    with monkeypatch.context() as busy:
        busy.setattr(Shelf, "look", looked)
        shop.add(1)
    assert (shop.row().state, shop.writes()) == ("in_step", []), "it sold between each sweep and look"
    shop.again()
    shop.merchant.sweep()
    assert (shop.row().state, shop.writes()[0][2]) == ("in_step", "done")
    assert not shop.merchant.rows(StoreLog, StoreLog.kind == "stock_changed")
    shop.must_agree()


@pytest.mark.parametrize("fault", ["truncated", "reset", "server_error", "rate_limit", "html_ok"])
def test_a_write_whose_answer_is_lost_is_settled_by_a_look(shop: Pushing, fault: str) -> None:
    shop.turn_on()
    shop.practice.fault(fault, path="/batch", count=3 if fault == "truncated" else 1)
    shop.add(2)
    assert shop.row().state in ("unknown", "in_step")
    shop.sell(1)
    shop.practice.clear_faults()
    shop.again()
    assert (shop.woo(shop.bag), shop.figures("sku:BAG")) == (41, (42, 1, 41))
    assert shop.row().state == "in_step"
    assert {state for _, _, state in shop.writes()} <= {"done", "failed"}
    shop.must_agree()


def test_what_the_store_does_not_take_ends_in_a_named_state(shop: Pushing) -> None:
    shop.turn_on()
    with shop.merchant.process.database.unit() as session:
        for table in (Product, StockItem):  # they are no news: they are not matched again
            session.execute(update(table).values(created_at=clock.now() - timedelta(days=1)))
    thing = shop.practice.shop.get("product", shop.cup)
    assert thing is not None
    shop.practice.shop.save("product", {**thing, "manage_stock": False})
    shop.practice.delete_product(shop.bag)
    shop.add(1)
    key = f"woo:{shop.merchant.store_id}:{shop.cup}:0"
    with shop.merchant.process.database.unit() as session:
        main = session.scalars(select(Location).where(Location.name == "Main")).one()
        ledger.adjust(session, main, {Goods(key, "", "Cup"): SCALE}, kind="by_hand", reason="", by=WHO, now=clock.now())
    shop.merchant.bells.drain()
    assert (shop.row().state, shop.row().error) == ("failed", "It is no longer in WooCommerce.")
    assert shop.row("Cup").error.startswith("WooCommerce does not manage the stock of it")


def test_what_a_store_that_does_not_answer_is_to_be_told_waits_and_the_page_says_so(shop: Pushing) -> None:
    shop.turn_on()

    def waits() -> tuple[int, str] | None:
        with shop.merchant.process.database.reading() as session:
            found = reports.waits(session, session.get_one(Store, shop.merchant.store_id), clock.now())
        return (found.goods, found.because) if found is not None else None

    assert waits() is None
    shop.practice.fault("status", status=503)
    with contextlib.suppress(RetryLater):
        shop.add(5)
    assert waits() == (1, "the store does not answer just now; it is tried again by itself")
    shop.practice.clear_faults()
    shop.again()
    assert waits() is None and shop.woo(shop.bag) == 45
    with shop.merchant.process.database.unit() as session:
        session.get_one(Store, shop.merchant.store_id).state = "needs_reconnect"
    shop.add(1)
    assert waits() == (1, "the store must be reconnected first")


def test_a_key_that_may_only_read_by_then_leaves_the_change_in_a_named_state_and_it_goes_out_later(
    shop: Pushing, hand: ClockHand
) -> None:
    shop.turn_on()
    shop.practice.fault("keys_read_only")
    with contextlib.suppress(StoreMustReconnect, RetryLater):
        shop.add(5)
    for _ in range(3):  # it is confirmed by looks some seconds apart
        hand.advance(seconds=30)
        for call in (stores.ring_for_suspects, ingest.ring_for_pushes):
            call()
        with contextlib.suppress(StoreMustReconnect, RetryLater):
            shop.merchant.bells.drain()
    [store] = shop.merchant.rows(Store, Store.id == shop.merchant.store_id)
    assert (store.state, store.cause) == ("needs_reconnect", "read_only_key")
    writes = shop.merchant.rows(StoreWrite, StoreWrite.kind == "stock_set")
    assert "sending" not in {one.state for one in writes} | {shop.row().state}
    assert all(one.error for one in writes), [one.state for one in writes]
    assert shop.woo(shop.bag) == 40
    shop.practice.clear_faults()
    assert connect.try_stored_keys(shop.merchant.process, shop.merchant.store_id).is_repair
    shop.merchant.bells.drain()
    shop.again()
    assert (shop.woo(shop.bag), shop.row().state) == (45, "in_step")
    assert {one.state for one in shop.merchant.rows(StoreWrite, StoreWrite.kind == "stock_set")} <= {"done", "failed"}


def test_another_location_turns_it_off(shop: Pushing) -> None:
    shop.turn_on()
    with shop.merchant.process.database.unit() as session:
        store = session.get_one(Store, shop.merchant.store_id)
        depot = locations.add(session, store.account_id, "Depot")
        mapping.choose(session, store, depot.id, clock.now())
    assert not shop.merchant.rows(Store)[0].push_stock
    assert shop.merchant.rows(StoreStock) == []
    ingest.ring_for_pushes()
    shop.merchant.bells.drain()
    assert shop.writes() == []


@pytest.mark.parametrize("seed", range(3))
def test_whatever_happens_a_store_ends_at_what_is_on_hand_less_what_is_committed(shop: Pushing, seed: int) -> None:
    dice = random.Random(seed)
    shop.turn_on()
    sold: list[int] = []
    for _ in range(30):
        act = dice.choice(("sell", "sell", "status", "deliver", "undo", "adjust", "sweep", "fault"))
        if act == "sell" or not sold:
            of = dice.choice(
                (
                    {"product_id": shop.bag},
                    {"product_id": shop.shirt, "variation_id": shop.small},
                    {"product_id": shop.shirt, "variation_id": shop.large},
                )
            )
            sold.append(shop.sell(dice.randint(1, 2), dice.choice(("processing", "pending", "on-hold")), **of))
        elif act == "status":
            shop.practice.set_status(
                dice.choice(sold), dice.choice(("processing", "completed", "cancelled", "on-hold"))
            )
        elif act == "adjust":
            shop.add(dice.randint(1, 5), dice.choice(("BAG", "SHIRT", "SHIRT-S")))
        elif act == "sweep":
            with contextlib.suppress(RetryLater):
                shop.merchant.sweep()
        elif act == "fault":
            shop.practice.fault(dice.choice(("truncated", "reset", "server_error")), path="products", count=1)
        elif shop.merchant.order(woo_id := dice.choice(sold)) is not None:
            shop.deliver(woo_id, state="delivered" if act == "deliver" else "not_delivered")
    shop.practice.clear_faults()
    shop.again()
    states = {row.label: (row.state, row.error) for row in shop.merchant.rows(StoreStock)}
    assert set(states.values()) == {("in_step", "")}, states
    shop.must_agree()
