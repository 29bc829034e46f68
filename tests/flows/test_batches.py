"""Batches against a shop that behaves like WooCommerce: first in, first out, and back where they came from (O9)."""

from __future__ import annotations

import random
from datetime import date

import pytest
from sqlalchemy import func, select

import referins_woo.writeback.jobs  # noqa: F401  (answers the bells)
from referins_woo import clock
from referins_woo.commerce import batch_assigning, batch_book, ledger, locations, removal
from referins_woo.commerce.batch_book import Line
from referins_woo.commerce.batches import Named
from referins_woo.commerce.ledger import Goods
from referins_woo.commerce.models import Location, Order, OrderLine, StockAdjustment, StockBatch, StockEntry, StockItem
from referins_woo.commerce.stock import SCALE
from referins_woo.errors import InvalidInput
from referins_woo.reports import batches as reports
from referins_woo.stores.models import Store
from tests.flows.test_live_changes import Merchant
from tests.flows.test_stock import WHO, Shop

KEY = "sku:BAG"
GOODS = Goods(KEY, "BAG", "Bag")
TODAY = date(2026, 11, 30)


class Batched(Shop):
    """A counted shop whose bags are tracked: 40 are there, without a batch."""

    def item(self, place: str = "Main") -> StockItem:
        with self.merchant.process.database.reading() as session:
            mine = select(StockItem).join(Location, Location.id == StockItem.location_id)
            return session.scalars(mine.where(StockItem.stock_key == KEY, Location.name == place)).one()

    def track(self, *, wanted: bool = True) -> None:
        """Switch it on or off."""
        with self.merchant.process.database.unit() as session:
            item = session.get_one(StockItem, self.item().id)
            batch_book.track(session, item, clock.now() if wanted else None)

    def enter(self, quantity: int, number: str = "", received: date | None = None, **more: bool) -> None:
        """Enter an adjustment of bags by hand."""
        batch = Named(number, received) if number else None
        with self.merchant.process.database.unit() as session:
            place = session.get_one(Location, self.item().location_id)
            lines = [(GOODS, Line(quantity * SCALE, batch, **more))]  # type: ignore[arg-type]
            words = {"kind": "by_hand", "reason": "Received", "by": WHO}
            ledger.enter_lines(session, place, lines, now=clock.now(), today=TODAY, named=True, **words)

    def assign(self) -> int:
        """Press "Assign now"."""
        with self.merchant.process.database.unit() as session:
            item = session.get_one(StockItem, self.item().id)
            return batch_assigning.assign(session, item, clock.now(), WHO) // SCALE

    def batches(self, place: str = "Main") -> dict[str, int]:
        """What each batch holds, and what is without one as ""; they come to what is on hand."""
        with self.merchant.process.database.reading() as session:
            item = self.item(place)
            rows = session.execute(
                select(StockBatch.number, func.sum(StockEntry.quantity))
                .select_from(StockEntry)
                .outerjoin(StockBatch, StockBatch.id == StockEntry.batch_id)
                .where(StockEntry.item_id == item.id)
                .group_by(StockBatch.number)
            ).all()
            assert sum(quantity for _, quantity in rows) == ledger.figures(session, [item])[item.id].on_hand
        assert all(quantity >= 0 for number, quantity in rows if number)
        return {number or "": quantity // SCALE for number, quantity in rows}

    def unassigned(self) -> tuple[int, int]:
        """How many bags wait for a batch, of how many orders."""
        with self.merchant.process.database.reading() as session:
            quantity, orders = batch_assigning.unassigned(session, self.item())
        return quantity // SCALE, orders

    def took(self, woo_id: int) -> tuple[dict[str, int], int]:
        """Which batches an order took, and how much it took without one."""
        order = self.merchant.order(woo_id)
        assert order is not None
        with self.merchant.process.database.reading() as session:
            found = reports.of_order(session, order.id, TODAY).get(KEY)
        if found is None:
            return {}, 0
        return {part.batch.number: part.quantity // SCALE for part in found.parts}, found.unassigned // SCALE


@pytest.fixture
def shop(merchant: Merchant) -> Batched:
    """A shop with 40 bags from before they were tracked, and two batches of 3 and 4."""
    found = Batched(merchant)
    found.count()
    found.track()
    found.enter(4, "B", date(2026, 11, 20))
    found.enter(3, "A", date(2026, 11, 10))  # received earlier, though entered later
    assert found.batches() == {"": 40, "A": 3, "B": 4}
    return found


def test_what_is_delivered_here_is_taken_first_in_first_out_and_comes_back_as_it_went(shop: Batched) -> None:
    woo_id = shop.sell(5)
    shop.merchant.sweep()
    assert shop.batches() == {"": 40, "A": 3, "B": 4}, "what is committed is taken of no batch"
    shop.deliver(woo_id, state="delivered")
    assert shop.took(woo_id) == ({"A": 3, "B": 2}, 0)
    assert shop.batches() == {"": 40, "A": 0, "B": 2}
    shop.merchant.bells.drain()
    shop.merchant.sweep()
    assert shop.batches() == {"": 40, "A": 0, "B": 2}, "an echo takes nothing"
    [line] = shop.merchant.rows(OrderLine, OrderLine.order_id == shop.merchant.order(woo_id).id)  # type: ignore[union-attr]
    shop.deliver(woo_id, lines={line.id: 2 * SCALE})
    assert shop.took(woo_id) == ({"A": 2}, 0), "the last that was taken comes back first"
    shop.deliver(woo_id, state="not_delivered")
    assert shop.took(woo_id) == ({}, 0)
    assert shop.batches() == {"": 40, "A": 3, "B": 4}


def test_completed_in_woocommerce_takes_them_and_cancelled_after_puts_them_back(shop: Batched) -> None:
    woo_id = shop.sell(4)
    shop.merchant.sweep()
    shop.practice.set_status(woo_id, "completed")
    shop.merchant.sweep()
    assert shop.took(woo_id) == ({"A": 3, "B": 1}, 0)
    shop.practice.set_status(woo_id, "cancelled")
    shop.merchant.sweep()
    assert shop.took(woo_id) == ({}, 0)
    assert shop.batches() == {"": 40, "A": 3, "B": 4}
    assert shop.figures(KEY) == (47, 0, 47)


def test_what_was_delivered_here_is_not_taken_again_when_woocommerce_completes(shop: Batched) -> None:
    woo_id = shop.sell(3)
    shop.merchant.sweep()
    [line] = shop.merchant.rows(OrderLine, OrderLine.order_id == shop.merchant.order(woo_id).id)  # type: ignore[union-attr]
    shop.deliver(woo_id, lines={line.id: SCALE})
    assert shop.took(woo_id) == ({"A": 1}, 0), "the part that was delivered"
    shop.practice.set_status(woo_id, "completed")
    shop.merchant.sweep()
    assert shop.took(woo_id) == ({"A": 3}, 0), "the rest, once"


def test_where_batches_are_too_few_the_rest_stays_unassigned_until_one_comes_in(shop: Batched) -> None:
    early, late = shop.sell(9), shop.sell(4)
    shop.merchant.sweep()
    shop.deliver(early, state="delivered")
    shop.deliver(late, state="delivered")
    assert shop.took(early) == ({"A": 3, "B": 4}, 2)
    assert shop.took(late) == ({}, 4)
    assert shop.unassigned() == (6, 2)
    assert shop.assign() == 0, "no batch holds any"
    shop.enter(5, "C")
    before = shop.figures(KEY)
    assert shop.took(early) == ({"A": 3, "B": 4}, 2), "nothing is assigned unasked"
    assert shop.assign() == 5
    assert shop.took(early) == ({"A": 3, "B": 4, "C": 2}, 0), "oldest first"
    assert shop.took(late) == ({"C": 3}, 1)
    assert (shop.unassigned(), shop.figures(KEY)) == ((1, 1), before)
    assert shop.assign() == 0
    assert shop.batches() == {"": 39, "A": 0, "B": 0, "C": 0}
    shop.deliver(late, state="not_delivered")
    assert shop.took(late) == ({}, 0)
    assert shop.batches() == {"": 40, "A": 0, "B": 0, "C": 3}


def test_what_orders_took_before_the_goods_were_tracked_waits_for_no_batch(merchant: Merchant) -> None:
    shop = Batched(merchant)
    shop.count()
    old = shop.sell(2)
    shop.merchant.sweep()
    shop.deliver(old, state="delivered")
    shop.track()
    shop.enter(5, "A")
    assert (shop.unassigned(), shop.assign(), shop.took(old)) == ((0, 0), 0, ({}, 0))
    shop.deliver(old, state="not_delivered")
    assert shop.batches() == {"": 40, "A": 5}, "it came from none, and goes back to none"
    shop.track(wanted=False)
    other = shop.sell(1)
    shop.merchant.sweep()
    shop.deliver(other, state="delivered")
    assert shop.batches() == {"": 39, "A": 5}, "rows stay, and nothing is taken of them"


def test_a_deleted_order_and_another_location_take_of_batches_too(shop: Batched) -> None:
    woo_id = shop.sell(4)
    shop.merchant.sweep()
    shop.deliver(woo_id, state="delivered")
    with shop.merchant.process.database.unit() as session:
        depot = locations.add(session, session.get_one(Store, shop.merchant.store_id).account_id, "Depot")
        goods = {GOODS: 10 * SCALE}
        ledger.adjust(session, depot, goods, kind="opening", reason="Counted", by=WHO, now=clock.now())
        depot_id = depot.id
    assert shop.item("Depot").is_batched, "tracked at all locations, also at new ones"
    shop.deliver(woo_id, ship_from=depot_id)
    assert shop.batches() == {"": 40, "A": 3, "B": 4}
    assert shop.batches("Depot") == {"": 6}
    assert shop.took(woo_id) == ({}, 4)
    gone = shop.sell(2)
    shop.merchant.sweep()
    with shop.merchant.process.database.unit() as session:
        order = session.scalars(select(Order).where(Order.woo_id == gone)).one()
        removal.delete_order(session, order, clock.now(), WHO)
    assert shop.batches() == {"": 40, "A": 1, "B": 4}


def test_by_hand_batches_are_filled_emptied_and_never_below_zero(shop: Batched) -> None:
    shop.enter(2, "A")
    assert shop.batches()["A"] == 5, "the same number is the same batch"
    shop.enter(-1, "B")
    shop.enter(-6)
    assert shop.batches() == {"": 40, "A": 0, "B": 2}, "without a name: first in, first out"
    shop.enter(40, "OLD", already_here=True)
    assert shop.batches() == {"": 0, "A": 0, "B": 2, "OLD": 40}, "what was there without a batch has one now"
    for quantity, number, more, words in (
        (-3, "B", {}, "Batch B of BAG holds only 2"),
        (-1, "Z", {}, "There is no batch Z of BAG"),
        (1, "", {}, "name the batch that comes in"),
        (1, "B", {"already_here": True}, "0 are here without a batch"),
    ):
        with pytest.raises(InvalidInput, match=words):
            shop.enter(quantity, number, **more)
    [made] = [one for one in shop.merchant.rows(StockAdjustment) if one.number == 2]
    [entry] = shop.merchant.rows(StockEntry, StockEntry.adjustment_id == made.id)
    with (
        pytest.raises(InvalidInput, match="Batch B would hold -1"),
        shop.merchant.process.database.unit() as session,
    ):
        ledger.correct(session, session.get_one(StockAdjustment, made.id), {entry.id: SCALE}, WHO, clock.now())


def test_whatever_happens_batches_and_what_is_without_come_to_what_is_on_hand(shop: Batched) -> None:
    dice = random.Random(9)
    sold: list[int] = []
    for step in range(30):
        act = dice.choice(("sell", "deliver", "deliver", "undo", "status", "receive", "assign"))
        if act == "sell" or not sold:
            sold.append(shop.sell(dice.randint(1, 4)))
            shop.merchant.sweep()
        elif act in ("deliver", "undo"):
            shop.deliver(dice.choice(sold), state="delivered" if act == "deliver" else "not_delivered")
        elif act == "status":
            shop.practice.set_status(dice.choice(sold), dice.choice(("completed", "cancelled", "processing")))
            shop.merchant.sweep()
        elif act == "receive":
            shop.enter(dice.randint(1, 3), f"N{step}")
        else:
            shop.assign()
            assert shop.assign() == 0
        shop.batches()  # it adds up
    shop.merchant.sweep()
    with shop.merchant.process.database.reading() as session:
        lines = select(func.sum(OrderLine.stock_taken)).join(Order, Order.id == OrderLine.order_id)
        left = session.scalar(lines.where(OrderLine.stock_key == KEY, Order.woo_id.in_(sold))) or 0
    taken = [shop.took(woo_id) for woo_id in sold]
    assert sum(sum(of.values()) + rest for of, rest in taken) * SCALE == left
