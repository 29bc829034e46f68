"""The order desk of a watched merchant through a day of faults: every room that writes to the store takes part.

What is done there is done as the pages do it; what must hold at the end is said in `hold`.
"""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import Session

import referins_woo.customer_mapping.jobs
import referins_woo.writeback.jobs
from referins_woo import clock, queues
from referins_woo.commerce import contacts, ledger, locations
from referins_woo.commerce.ledger import Goods
from referins_woo.commerce.models import (
    Contact,
    ContactLink,
    CustomerMapping,
    Match,
    Order,
    OrderLine,
    StockEntry,
    StockItem,
    StoreStock,
)
from referins_woo.commerce.stock import SCALE
from referins_woo.customer_mapping import desk as mapping
from referins_woo.customer_mapping import push, settings
from referins_woo.errors import Final as FinalError
from referins_woo.ingest import jobs as ingest
from referins_woo.ingest import stock_count
from referins_woo.match_desk import desk as matches
from referins_woo.practice_store.product_rules import all_ids
from referins_woo.stores.models import Store
from referins_woo.writeback import stock_desk
from referins_woo.writeback.fulfil import Wanted, fulfil
from referins_woo.writeback.models import StoreWrite
from referins_woo.writeback.outbox import OPEN
from tests.flows.invariants import Watch
from tests.flows.merchants import Merchant

BAG = 40
ENDED = frozenset({"done", "refused", "failed"})


def stock_a_bag(merchant: Merchant) -> None:
    """Give the store goods whose stock it manages, before it is connected."""
    merchant.practice.create_product("Bag", sku="BAG", manage_stock=True, stock_quantity=BAG)


class Desk:
    """What one merchant does at the order desk, by chance."""

    def __init__(self, it: Watch, rng: random.Random) -> None:
        self.it, self.rng, self.did = it, rng, Counter[str]()
        merchant = it.merchant
        self.bag = max(all_ids(merchant.practice.shop, "product"))
        with self._unit() as session:
            store = self._store(session)
            stock_count.ask(session, store)
            chosen = settings.Choices("by_hand", None, pull_mapped_only=False, guest_contact_id=None)
            settings.choose(session, store, chosen, clock.now())
            fields = contacts.Fields(first_name="Tick", last_name="Ed", email=f"ticked@{it.domain}")
            self.ticked = contacts.create(session, store.account_id, fields, clock.now()).id
            mapping.change(session, store, session.get_one(Contact, self.ticked), clock.now(), ticked=True)
        merchant.bells.drain()
        with self._unit() as session:
            stock_count.confirm(session, self._store(session), {}, it.merchant.email)
        merchant.bells.drain()
        with self._unit() as session:
            stock_desk.compare(session, self._store(session), clock.now())
        merchant.bells.drain()
        with self._unit() as session:
            stock_desk.turn_on(session, self._store(session), clock.now())
        merchant.bells.drain()
        self.number = 0

    def _unit(self) -> Any:
        return self.it.merchant.process.database.unit()

    def _store(self, session: Session) -> Store:
        return session.get_one(Store, self.it.merchant.store_id)

    def an_hour(self) -> None:
        """Do two things, whatever the store is like just now; what cannot be is refused in words."""
        acts: dict[str, Callable[[Session, Store], bool]] = {
            "stock": self._receive,
            "fulfilment": self._deliver,
            "matching": self._merge,
            "mapping": self._push,
            "changed there": self._change_there,
            "decided": self._decide,
        }
        for name in self.rng.sample(sorted(acts), 2):
            with self._unit() as session:
                try:
                    self.did[name] += acts[name](session, self._store(session))
                except FinalError:
                    self.did["refused in words"] += 1

    def _receive(self, session: Session, store: Store) -> bool:
        place = locations.own(session, store.account_id, store.location_id or 0)
        assert place is not None
        goods = {Goods("sku:BAG", "BAG", "Bag"): self.rng.randint(-2, 5) * SCALE or SCALE}
        ledger.adjust(session, place, goods, kind="by_hand", reason="By chance", by="test", now=clock.now())
        return True

    def _deliver(self, session: Session, store: Store) -> bool:
        mine = (Order.store_id == store.id, Order.woo_id.in_(self.it.sold), Order.woo_status == "processing")
        order = session.scalar(select(Order).where(*mine, Order.delivery_status != "delivered").order_by(Order.id))
        if order is None:
            return False
        fulfil(session, order, Wanted(state="delivered", confirmed=True), clock.now(), "test")
        return True

    def _merge(self, session: Session, store: Store) -> bool:
        """Make two, merge them, and take it back: both are what they were."""
        self.number += 1
        ids = []
        for letter in "ab":
            fields = contacts.Fields(name=f"Twin {self.number}", email=f"{letter}{self.number}@{self.it.domain}")
            ids.append(contacts.create(session, store.account_id, fields, clock.now()).id)
        session.flush()
        before = self._columns(session, ids)
        match = matches.ask_by_hand(session, store.account_id, *ids, clock.now())
        matches.accept(session, match, clock.now(), "test")
        matches.undo(session, match, clock.now(), "test")
        session.flush()
        assert self._columns(session, ids) == before
        return True

    @staticmethod
    def _columns(session: Session, ids: list[int]) -> list[Any]:
        columns = [column for column in Contact.__table__.columns if column.key != "updated_at"]
        return list(session.execute(select(*columns).where(Contact.id.in_(ids)).order_by(Contact.id)).all())

    def _push(self, session: Session, store: Store) -> bool:
        self.number += 1
        contact = session.get_one(Contact, self.ticked)
        contacts.change(session, contact, contacts.Fields(phone=f"555 {self.number}"), clock.now())
        return push.ask(session, store, clock.now(), "test", [self.ticked]).queued > 0

    def _change_there(self, _session: Session, _store: Store) -> bool:
        shop = self.it.merchant.practice.shop
        bag = shop.get("product", self.bag)
        assert bag is not None
        shop.save("product", {**bag, "stock_quantity": self.rng.randint(10, 60)})
        return True

    def _decide(self, session: Session, store: Store) -> bool:
        if self.rng.random() < 0.5:
            return bool(stock_desk.overwrite(session, store, None, clock.now()))
        return bool(stock_desk.take_over(session, store, None, clock.now(), "test")[0])

    def due(self) -> dict[str, int]:
        """What is left of the desk's work that could be done now."""
        merchant, now = self.it.merchant, clock.now()
        mine = StoreWrite.store_id == merchant.store_id
        store = merchant.store
        asked = store.stock_asked_at is not None and (
            store.stock_checked_at is None or store.stock_checked_at < store.stock_asked_at
        )
        return {
            "changes": merchant.count(StoreWrite, mine, StoreWrite.state.in_(OPEN), StoreWrite.due_at <= now),
            "comparing": int(asked),
            "quantities": merchant.count(
                StoreStock, StoreStock.store_id == merchant.store_id, StoreStock.state.in_(("sending", "unknown"))
            ),
        }

    def rest(self) -> None:
        """The day is over: what waits for somebody is decided, and the rooms finish."""
        merchant = self.it.merchant
        for _ in range(4):
            with self._unit() as session:
                store = self._store(session)
                stock_desk.overwrite(session, store, None, clock.now())
                stock_desk.try_again(session, store, None)
                stock_desk.compare(session, store, clock.now())
                row = mapping.row_of(session, store, self.ticked, clock.now())
                if row.reason == "changed_there":
                    mapping.overwrite(session, store, session.get_one(Contact, self.ticked), clock.now())
                push.ask(session, store, clock.now(), "test", [self.ticked])
            merchant.bells.drain()
            merchant.clock.advance(minutes=6)
            for call in (
                referins_woo.writeback.jobs.ring_for_writes,
                referins_woo.customer_mapping.jobs.ring_for_mappings,
                ingest.ring_for_pushes,
            ):
                call()
            queues.ring("catch_up", merchant.store_id)
            merchant.bells.drain()

    def hold(self) -> None:
        """Every change ended in a named state; stock agrees on both sides; the ticked contact is a customer once."""
        merchant = self.it.merchant
        writes = merchant.rows(StoreWrite, StoreWrite.store_id == merchant.store_id)
        assert {one.state for one in writes} <= ENDED, [(one.kind, one.state, one.error) for one in writes]
        assert all(one.error for one in writes if one.state != "done"), "what was not done says why"
        with merchant.process.database.reading() as session:
            item = session.scalars(select(StockItem).where(StockItem.account_id == self.it.account_id)).all()
            [bag] = [one for one in item if one.stock_key == "sku:BAG"]
            found = ledger.figures(session, [bag])[bag.id]
            summed = session.scalar(select(func.sum(StockEntry.quantity)).where(StockEntry.item_id == bag.id))
            holds = func.sum(OrderLine.reduced_stock - OrderLine.stock_taken)
            held = session.scalar(
                select(holds).where(OrderLine.account_id == self.it.account_id, OrderLine.stock_key == "sku:BAG")
            )
            links = session.scalars(select(ContactLink).where(ContactLink.contact_id == self.ticked)).all()
            phone = session.get_one(Contact, self.ticked).phone
            said = session.scalars(select(CustomerMapping).where(CustomerMapping.contact_id == self.ticked)).one()
            open_pairs = session.scalar(
                select(func.count()).where(Match.account_id == self.it.account_id, Match.state == "accepted")
            )
        assert (found.on_hand, found.committed) == (summed, held or 0), "on hand is the sum of adjustments"
        [row] = merchant.rows(StoreStock, StoreStock.store_id == merchant.store_id, StoreStock.stock_key == "sku:BAG")
        assert (row.state, row.error) == ("in_step", "")
        product = merchant.practice.shop.get("product", self.bag)
        assert product is not None and product["stock_quantity"] * SCALE == max(found.available, 0)
        assert len(links) == 1 and said.state != "conflict", said.evidence
        customer = merchant.practice.shop.get("customer", links[0].woo_id)
        assert customer is not None and customer["billing"]["phone"] == phone
        assert open_pairs == 0
