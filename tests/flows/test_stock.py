"""Stock against a shop that behaves like WooCommerce: counted once, and then never drifting (K1, K2, O10)."""

from __future__ import annotations

import random

import pytest
from sqlalchemy import select

import referins_woo.writeback.jobs  # noqa: F401  (answers the bells)
from referins_woo import clock, queues
from referins_woo.commerce import ledger, locations, removal, stock_opening
from referins_woo.commerce.ledger import Goods
from referins_woo.commerce.models import Location, Order, OrderLine, StockAdjustment, StockItem
from referins_woo.commerce.stock import SCALE
from referins_woo.ingest import importing, stock_count
from referins_woo.practice_store import PracticeStore, StoreOptions
from referins_woo.practice_store.product_rules import all_ids
from referins_woo.process import Process
from referins_woo.reports import stock_opening as openings
from referins_woo.stores import mapping
from referins_woo.stores.models import Store, StoreLog
from referins_woo.writeback.fulfil import Wanted, fulfil
from tests.flows.test_live_changes import Merchant

WHO = "olga@shop.example"
ALL = frozenset({"contacts", "orders", "transactions", "products", "collections"})


class Shop:
    """A merchant's practice store whose stock is counted, and the goods that the tests sell."""

    def __init__(self, merchant: Merchant) -> None:
        self.merchant, self.practice = merchant, merchant.practice
        self.bag = self.practice.create_product("Bag", sku="BAG", manage_stock=True, stock_quantity=40)
        self.cup = self.practice.create_product("Cup", manage_stock=True, stock_quantity=12)
        self.shirt = self.practice.create_product(
            "Shirt", sku="SHIRT", type="variable", manage_stock=True, stock_quantity=30
        )
        self.small = self.practice.create_variation(self.shirt, sku="SHIRT-S", manage_stock=True, stock_quantity=9)
        self.large = self.practice.create_variation(self.shirt, sku="SHIRT-L")

    def sell(self, quantity: int = 2, status: str = "processing", **line: int) -> int:
        """Sell bags, or what `line` names."""
        line = line or {"product_id": self.bag}
        return self.practice.create_order(
            email="ada@example.com", status=status, line_items=[{**line, "quantity": quantity}]
        )

    def woo(self, woo_id: int) -> int:
        """What the shop shows."""
        kind = "variation" if woo_id in (self.small, self.large) else "product"
        thing = self.practice.shop.get(kind, woo_id)
        assert thing is not None
        return int(thing["stock_quantity"])

    def count(self) -> None:
        """Import everything, and count it."""
        self.merchant.connect(elements=frozenset())
        with self.merchant.process.database.unit() as session:
            store = session.get_one(Store, self.merchant.store_id)
            store.import_stock = True
            importing.start(session, store, sorted(ALL))
        self.merchant.bells.drain()

    def figures(self, key: str, place: str = "Main") -> tuple[int, int, int]:
        """What is on hand, committed and available of some goods."""
        with self.merchant.process.database.reading() as session:
            item = session.scalars(
                select(StockItem)
                .join(Location, Location.id == StockItem.location_id)
                .where(StockItem.stock_key == key, Location.name == place)
            ).one()
            found = ledger.figures(session, [item])[item.id]
        return found.on_hand // SCALE, found.committed // SCALE, found.available // SCALE

    def deliver(self, woo_id: int, **wanted: object) -> None:
        """Say what was delivered of an order."""
        order = self.merchant.order(woo_id)
        assert order is not None
        with self.merchant.process.database.unit() as session:
            wanted_ = Wanted(confirmed=True, **wanted)  # type: ignore[arg-type]
            fulfil(session, session.get_one(Order, order.id), wanted_, clock.now(), WHO)

    def adjustments(self) -> list[tuple[str, str]]:
        """Kind and reason of all adjustments, oldest first."""
        return [(one.kind, one.reason) for one in self.merchant.rows(StockAdjustment)]

    def must_agree(self) -> None:
        """On hand − committed is what the shop shows, of all goods that it manages."""
        with self.merchant.process.database.reading() as session:
            location = session.scalars(select(Location).where(Location.name == "Main")).one()
            items = session.scalars(select(StockItem).where(StockItem.location_id == location.id)).all()
            ours = {item.stock_key: ledger.figures(session, [item])[item.id].available for item in items}
            for proposed in stock_opening.proposal(session, self.merchant.store_id, location):
                assert ours[proposed.key] == proposed.woo_quantity, proposed
        for key, woo_id in (("sku:BAG", self.bag), ("sku:SHIRT", self.shirt), ("sku:SHIRT-S", self.small)):
            assert ours[key] == self.woo(woo_id) * SCALE, key


@pytest.fixture
def shop(merchant: Merchant) -> Shop:
    """The shop, before anything is connected."""
    return Shop(merchant)


def test_the_opening_is_what_woocommerce_shows_and_what_open_orders_hold_once(shop: Shop) -> None:
    shop.sell(3)
    done = shop.sell(2)
    shop.practice.set_status(done, "completed")
    cancelled = shop.sell(4)
    shop.practice.set_status(cancelled, "cancelled")
    shop.sell(1, product_id=shop.shirt, variation_id=shop.large)
    shop.count()
    assert shop.woo(shop.bag) == 35
    assert shop.figures("sku:BAG") == (38, 3, 35), "the completed order's have left, the cancelled one's are back"
    assert shop.figures("sku:SHIRT") == (30, 1, 29), "a variation draws on its product's stock"
    assert shop.figures("sku:SHIRT-S") == (9, 0, 9)
    assert shop.figures(f"woo:{shop.merchant.store_id}:{shop.cup}:0") == (12, 0, 12)
    assert [kind for kind, _ in shop.adjustments()] == ["opening"], "one adjustment"
    assert not any(one.stock_key == "sku:" for one in shop.merchant.rows(StockItem))
    shop.must_agree()
    queues.ring("count_stock", shop.merchant.store_id)
    shop.merchant.bells.drain()
    assert len(shop.adjustments()) == 1, "once"
    log = shop.merchant.rows(StoreLog, StoreLog.kind == "stock_counted")
    assert len(log) == 1 and "counted at Main by adjustment 1" in log[0].text


def test_a_sale_is_committed_delivered_put_back_and_taken_back(shop: Shop) -> None:
    shop.count()
    woo_id = shop.sell(3)
    shop.merchant.sweep()
    assert shop.figures("sku:BAG") == (40, 3, 37)
    shop.deliver(woo_id, state="delivered")
    assert shop.figures("sku:BAG") == (37, 0, 37)
    shop.merchant.bells.drain()  # the order is completed in WooCommerce, and comes back
    shop.merchant.sweep()
    assert shop.figures("sku:BAG") == (37, 0, 37), "an echo moves nothing"
    number = shop.merchant.order(woo_id).number  # type: ignore[union-attr]
    assert shop.adjustments()[1:] == [("order", f"Order {number}: delivered")]
    shop.practice.set_status(woo_id, "cancelled")
    shop.merchant.sweep()
    assert shop.figures("sku:BAG") == (40, 0, 40), "WooCommerce has put them back"
    assert shop.adjustments()[2:] == [("order", f"Order {number}: put back")]
    shop.must_agree()
    other = shop.sell(2)
    shop.merchant.sweep()
    shop.deliver(other, state="delivered")
    shop.deliver(other, state="not_delivered")
    assert shop.figures("sku:BAG") == (40, 2, 38)
    [line] = shop.merchant.rows(OrderLine, OrderLine.order_id == shop.merchant.order(other).id)  # type: ignore[union-attr]
    shop.deliver(other, lines={line.id: line.quantity // 2})
    assert shop.figures("sku:BAG") == (39, 1, 38)


def test_an_order_that_holds_nothing_commits_nothing_and_a_deleted_one_no_more(shop: Shop) -> None:
    shop.count()
    pending = shop.sell(5, status="pending")
    shop.merchant.sweep()
    assert shop.figures("sku:BAG") == (40, 0, 40), "pending holds nothing"
    shop.practice.set_status(pending, "processing")
    shop.merchant.sweep()
    assert shop.figures("sku:BAG") == (40, 5, 35)
    with shop.merchant.process.database.unit() as session:
        order = session.scalars(select(Order).where(Order.woo_id == pending)).one()
        removal.delete_order(session, order, clock.now(), WHO)
    assert shop.figures("sku:BAG") == (35, 0, 35), "WooCommerce goes on holding it"
    assert shop.adjustments()[-1][1].endswith("deleted here, WooCommerce keeps its stock taken")
    shop.must_agree()


def test_shipping_from_elsewhere_moves_what_is_held_and_what_has_left(shop: Shop) -> None:
    shop.count()
    with shop.merchant.process.database.unit() as session:
        account_id = session.get_one(Store, shop.merchant.store_id).account_id
        depot = locations.add(session, account_id, "Depot")
        goods = {Goods("sku:BAG", "BAG", "Bag"): 10 * SCALE}
        ledger.adjust(session, depot, goods, kind="by_hand", reason="Received", by=WHO, now=clock.now())
        depot_id = depot.id
    woo_id = shop.sell(3)
    shop.merchant.sweep()
    shop.deliver(woo_id, ship_from=depot_id)
    assert (shop.figures("sku:BAG"), shop.figures("sku:BAG", "Depot")) == ((40, 0, 40), (10, 3, 7))
    shop.deliver(woo_id, state="delivered")
    assert (shop.figures("sku:BAG"), shop.figures("sku:BAG", "Depot")) == ((40, 0, 40), (7, 0, 7))


def test_a_later_store_of_the_location_is_shown_what_was_counted(running: Process, shop: Shop) -> None:
    shop.count()
    with PracticeStore(StoreOptions(size=5, seed=7, webhook_delay=None)) as second:
        second.create_product("Bag", sku="BAG", manage_stock=True, stock_quantity=7)
        lamp = second.create_product("Own", sku="OWN", manage_stock=True, stock_quantity=5)
        bag = second.shop.get("product", max(all_ids(second.shop, "product")) - 1)
        assert bag is not None and bag["sku"] == "BAG"
        second.create_order(
            email="bob@example.com", status="processing", line_items=[{"product_id": bag["id"], "quantity": 2}]
        )
        other = Merchant(running, shop.merchant.bells, second)
        other.connect()
        with running.database.unit() as session:
            store = session.get_one(Store, other.store_id)
            store.import_stock = True
            importing.start(session, store, sorted(ALL))
        other.bells.drain()
        kinds = [kind for kind, _ in shop.adjustments()]
        assert kinds.count("opening") == 1, "nothing of it is written before it is seen"
        assert shop.figures("sku:BAG") == (40, 2, 38), "what it has open raises nothing that was counted before"
        with running.database.unit() as session:
            store = session.get_one(Store, other.store_id)
            it = openings.opening(session, store)
            assert it.state == "proposed" and it.location is not None
            counted = next(one for one in it.before if one.sku == "BAG")
            assert (counted.on_hand // SCALE, (counted.counted or 0) // SCALE) == (7, 40), "both numbers"
            assert (counted.woo_quantity // SCALE, counted.on_open_orders // SCALE) == (5, 2), "its own orders' alone"
            own = next(one for one in it.fresh if one.sku == "OWN")
            typed = {"sku:BAG": (40 * SCALE, 47 * SCALE), "sku:OWN": (own.on_hand, own.on_hand + SCALE)}
            # Between the look and the confirmation one is sold; what was typed is a correction, not a figure.
            second.create_order(
                email="ada@example.com", status="completed", line_items=[{"product_id": lamp, "quantity": 2}]
            )
            stock_count.confirm(session, store, typed, WHO)
        other.bells.drain()
        assert shop.figures("sku:BAG") == (47, 2, 45), "an order of before is on the shelf: it commits"
        assert shop.figures("sku:OWN") == (4, 0, 4)
        [*_, opening] = shop.merchant.rows(StockAdjustment)
        assert (opening.kind, opening.by) == ("opening", WHO)
        queues.ring("count_stock", other.store_id)
        other.bells.drain()
        kinds = [kind for kind, _ in shop.adjustments()]
        assert kinds.count("opening") == 2, "one adjustment, once"


def test_what_was_asked_for_on_the_tab_is_shown_before_it_is_written_and_can_be_left(shop: Shop) -> None:
    shop.merchant.connect()
    with shop.merchant.process.database.unit() as session:
        store = session.get_one(Store, shop.merchant.store_id)
        importing.start(session, store, sorted(ALL))
        assert stock_count.ask(session, store)
    shop.merchant.bells.drain()
    assert shop.adjustments() == []
    with shop.merchant.process.database.unit() as session:
        store = session.get_one(Store, shop.merchant.store_id)
        assert openings.opening(session, store).state == "proposed"
        stock_count.leave(session, store)
    queues.ring("count_stock", shop.merchant.store_id)
    shop.merchant.bells.drain()
    assert shop.adjustments() == []
    with shop.merchant.process.database.unit() as session:
        assert stock_count.ask(session, session.get_one(Store, shop.merchant.store_id))
    shop.merchant.bells.drain()
    with shop.merchant.process.database.unit() as session:
        stock_count.confirm(session, session.get_one(Store, shop.merchant.store_id), {}, WHO)
    shop.merchant.bells.drain()
    assert shop.figures("sku:BAG") == (40, 0, 40)
    shop.must_agree()


@pytest.mark.parametrize("seed", range(2))
def test_whatever_happens_to_orders_stock_never_drifts(shop: Shop, seed: int) -> None:
    dice = random.Random(seed)
    for _ in range(4):
        shop.sell(dice.randint(1, 3))
    shop.count()
    sold = [order.woo_id for order in shop.merchant.rows(Order) if order.email == "ada@example.com"]
    assert len(sold) == 4
    for _ in range(25):
        act = dice.choice(("sell", "sell", "status", "status", "deliver", "undo", "sweep"))
        woo_id = dice.choice(sold)
        if act == "sell":
            of = dice.choice(
                (
                    {"product_id": shop.bag},
                    {"product_id": shop.shirt, "variation_id": shop.small},
                    {"product_id": shop.shirt, "variation_id": shop.large},
                )
            )
            sold.append(shop.sell(dice.randint(1, 3), dice.choice(("processing", "pending", "on-hold")), **of))
        elif act == "status":
            shop.practice.set_status(woo_id, dice.choice(("processing", "completed", "cancelled", "on-hold")))
        elif act == "sweep":
            shop.merchant.sweep()
        elif shop.merchant.order(woo_id) is not None:
            shop.deliver(woo_id, state="delivered" if act == "deliver" else "not_delivered")
    shop.merchant.sweep()
    shop.merchant.sweep()
    shop.must_agree()


def test_a_deleted_location_keeps_its_stock_and_the_store_is_not_counted_without_one(shop: Shop) -> None:
    shop.merchant.connect()
    with shop.merchant.process.database.unit() as session:
        store = session.get_one(Store, shop.merchant.store_id)
        locations.add(session, store.account_id, "Depot")
        store.import_stock = True
        mapping.delete(session, session.get_one(Location, store.location_id), clock.now())
    queues.ring("count_stock", shop.merchant.store_id)
    shop.merchant.bells.drain()
    assert shop.adjustments() == []
