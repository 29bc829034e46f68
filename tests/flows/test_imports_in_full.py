"""Imports in full: holes found and filled, what failed asked for again, limits, two importers, leaving and coming back.

Ids: I4, I6, I7, C8, C9; rows 25, 46 and 47 of the reliability list.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

import pytest
from sqlalchemy import func, select

import referins_woo.mail.jobs
import referins_woo.runs.jobs  # noqa: F401  (bells need their jobs)
from referins_woo import clock as application_clock
from referins_woo import queues
from referins_woo.accounts.models import Membership
from referins_woo.accounts.users import create_user
from referins_woo.commerce import removal
from referins_woo.commerce.models import (
    Collection,
    Contact,
    ContactLink,
    Order,
    OrderLine,
    Product,
    Tombstone,
    Transaction,
    Variant,
)
from referins_woo.errors import InvalidInput
from referins_woo.events.models import Event
from referins_woo.ingest import import_run, importing, page_size
from referins_woo.ingest import jobs as ingest_jobs
from referins_woo.ingest.models import Delivery, Import, ImportElement, SkippedRecord, Watermark
from referins_woo.mail.models import Message
from referins_woo.practice_store import PracticeStore, StoreOptions
from referins_woo.process import Process
from referins_woo.reports import imports as reports
from referins_woo.stores import connect, disconnect
from referins_woo.stores import jobs as store_jobs
from referins_woo.stores.choices import ELEMENTS, Choices, choices_of
from referins_woo.stores.models import Store, StoreLog, Webhook
from tests.conftest import ClockHand
from tests.replay import faults, merchant
from tests.replay.server import Replay, Reply, Request

MIRROR = (Order, OrderLine, Transaction, Product, Variant, Collection, Contact, ContactLink)


@dataclass
class Owner:
    """An owner of a practice store, who connects and imports it."""

    process: Process
    bells: queues.MemoryBells
    practice: PracticeStore
    store_id: int = 0

    def connect(self, **choices: Any) -> int:
        """Connect the store with typed keys and begin its import; returns the import's id."""
        with self.process.database.unit() as session:
            account_id = session.scalars(select(Membership.account_id)).one()
            wanted = Choices(**choices)
            pending = connect.create_pending_store(session, self.process, account_id, self.practice.url, wanted).id
        keys = self.practice.consumer_key, self.practice.consumer_secret
        self.store_id = connect.accept_keys(self.process, pending, *keys).store_id
        return merchant.begin_import(self.process, self.store_id)

    def import_all(self, **choices: Any) -> int:
        """Connect, and import to the end."""
        begun = self.connect(**choices)
        self.bells.drain()
        assert self.one(Import, begun).state == "done"
        return begun

    def again(self, *elements: str) -> int:
        """Import again to the end."""
        begun = merchant.import_again(self.process, self.store_id, elements or ELEMENTS)
        self.bells.drain()
        assert self.one(Import, begun).state == "done"
        return begun

    def one(self, model: Any, row_id: int) -> Any:
        """Read one row."""
        with self.process.database.reading() as session:
            return session.get_one(model, row_id)

    def rows(self, model: Any, *conditions: Any) -> list[Any]:
        """Read rows, oldest first."""
        with self.process.database.reading() as session:
            return list(session.scalars(select(model).where(*conditions).order_by(model.id)))

    def counts(self) -> dict[str, int]:
        """How many rows the mirror has."""
        with self.process.database.reading() as session:
            return {each.__tablename__: session.scalar(select(func.count()).select_from(each)) or 0 for each in MIRROR}

    def silence(self) -> bool:
        """Whether nothing has happened: no event, no e-mail to a customer, nobody's consent."""
        people = self.rows(Message, Message.purpose != "system")
        return not self.rows(Event) and not people and not self.rows(Contact, Contact.consent != "unknown")


@pytest.fixture
def owner(running: Process, bells: queues.MemoryBells) -> Iterator[Owner]:
    with running.database.unit() as session:
        create_user(session, "olga@shop.example", "correct horse battery", name="Olga")
    with PracticeStore(StoreOptions(size=30, webhook_delay=None)) as practice:
        yield Owner(running, bells, practice)


def hidden(woo_id: int) -> faults.Fault:
    """A cache that forgets one order in its pages, for ever; asked for by its id it is there."""

    def fault(request: Request, reply: Reply) -> Reply:
        if request.path != "orders" or "include" in request.query or not faults.is_page(request):
            return reply
        rows = [row for row in json.loads(reply.content) if row["id"] != woo_id]
        return replace(reply, content=json.dumps(rows).encode())

    return fault


def test_a_hole_is_found_by_ids_alone_and_filled(
    running: Process, bells: queues.MemoryBells, clock: ClockHand, shop: Replay, undisturbed: dict[str, Any]
) -> None:
    _, import_id = merchant.begin(running, shop, clock, 1)
    shop.fault = hidden(175)
    merchant.until_done(running, bells, clock, import_id)
    with running.database.reading() as session:
        merchant.assert_equal(merchant.mirror(session), undisturbed)
        assert merchant.counts(session)["orders"] == (158, 158, 0, 0)
        orders = session.scalars(select(ImportElement).where(ImportElement.element == "orders")).one()
        assert (orders.woo_count, orders.filled) == (158, 1)
        found = reports.progress(session, session.get_one(Import, import_id), application_clock.now())
        said = next(one.verdict for one in found.elements if one.element == "orders")
        assert (
            said == "The store counts 158: all are accounted for. 1 that were missed at first were found and fetched."
        )
        log = session.scalars(select(StoreLog.text).where(StoreLog.kind == "import_finished")).one()
        assert "1 holes found and filled" in log
    asked = [request.query for request in shop.asked if request.path == "orders"]
    assert any(query.get("_fields") == "id" and query["per_page"] == "100" for query in asked)
    assert any(query.get("include") == "175" for query in asked)


@pytest.mark.parametrize("backend", ["sqlite"])
def test_a_count_that_agrees_costs_one_request_an_element(owner: Owner) -> None:
    owner.import_all()
    lists = [line for line in owner.practice.requests if line.query.count("_fields=id&") and "after=" not in line.query]
    assert len(lists) <= 3 * len(ELEMENTS), "counted before and after, and never walked by ids"
    assert all("per_page=1&" in line.query for line in lists)
    for row in owner.rows(ImportElement):
        assert (row.woo_count, row.filled, row.state) == (row.total, 0, "done"), row.element
        assert row.checked_at is not None


def test_what_failed_is_asked_for_again_and_nothing_else(
    running: Process, bells: queues.MemoryBells, clock: ClockHand, shop: Replay, undisturbed: dict[str, Any]
) -> None:
    store_id, import_id = merchant.begin(running, shop, clock, 4)
    shop.fault = faults.poisoned(175)
    merchant.until_done(running, bells, clock, import_id)
    with running.database.unit() as session:
        still = importing.retry_failed(session, session.get_one(Store, store_id)).id
    merchant.until_done(running, bells, clock, still)
    with running.database.reading() as session:
        assert merchant.counts(session) == {"orders": (1, 0, 0, 1)}, "it fails still, and says so"
        assert merchant.set_aside(session)["orders", 175] == ("failed", "store_fails")
    shop.fault = None
    shop.asked.clear()
    with running.database.unit() as session:
        mended = importing.retry_failed(session, session.get_one(Store, store_id)).id
    merchant.until_done(running, bells, clock, mended)
    with running.database.reading() as session:
        assert merchant.counts(session) == {"orders": (1, 1, 0, 0)}
        assert ("orders", 175) not in merchant.set_aside(session)
        assert 175 in merchant.mirror(session)["orders"]
        assert merchant.mirror(session)["events"] == 0
    walked = [
        request.query
        for request in shop.asked
        if request.path == "orders" and not {"include", "modified_after", "_fields"} & request.query.keys()
    ]
    assert walked == [], "no list is walked again"
    with running.database.unit() as session, pytest.raises(InvalidInput, match="nothing to try again"):
        importing.retry_failed(session, session.get_one(Store, store_id))


def spoiled(request: Request, reply: Reply) -> Reply:
    """Plugins that break one variation, and one category where a product names it."""
    if not faults.is_page(request) or "include" in request.query:
        return reply
    rows = json.loads(reply.content)
    for row in rows if isinstance(rows, list) else ():
        if request.path.endswith("/variations") and row["id"] == min(each["id"] for each in rows):
            row["price"] = {"amount": 5}
    return replace(reply, content=json.dumps(rows).encode())


@pytest.mark.parametrize("backend", ["sqlite"])
def test_variations_that_cannot_be_read_are_listed_and_can_be_tried_again(
    running: Process, bells: queues.MemoryBells, clock: ClockHand, shop: Replay, undisturbed: dict[str, Any]
) -> None:
    store_id, import_id = merchant.begin(running, shop, clock, 4)
    shop.fault = spoiled
    merchant.until_done(running, bells, clock, import_id)
    with running.database.reading() as session:
        rows = session.scalars(select(SkippedRecord).where(SkippedRecord.element == "variations")).all()
        assert rows
        for row in rows:
            assert (row.kind, row.reason_code) == ("failed", "bad_amount")
            assert row.parent_woo_id in undisturbed["products"] or row.name
            assert row.woo_id not in merchant.mirror(session)["variants"]
        products = merchant.counts(session)["products"]
        assert products[0] == products[1] + products[2] + products[3], "parts are listed, not counted as products"
    shop.fault = None
    with running.database.unit() as session:
        mended = importing.retry_failed(session, session.get_one(Store, store_id)).id
    merchant.until_done(running, bells, clock, mended)
    with running.database.reading() as session:
        assert not session.scalars(select(SkippedRecord).where(SkippedRecord.kind == "failed")).all()
        merchant.assert_equal({"variants": merchant.mirror(session)["variants"]}, {"variants": undisturbed["variants"]})


@pytest.mark.parametrize("backend", ["sqlite"])
def test_pages_that_shrank_grow_back_after_a_while_and_ever_more_seldom(owner: Owner, clock: ClockHand) -> None:
    owner.connect()
    owner.practice.fault("page_limit", path="orders", number=10)
    for _ in range(6):
        owner.bells.drain()
        clock.advance(minutes=1)
        ingest_jobs.ring_for_imports()
    store = owner.one(Store, owner.store_id)
    assert (store.page_size, store.page_shrinks) == (10, 1)
    assert owner.rows(Import)[0].state == "done"
    owner.again("orders")
    assert owner.one(Store, owner.store_id).page_size == 10, "not at once"
    clock.advance(minutes=6)
    owner.again("orders")
    store = owner.one(Store, owner.store_id)
    assert (store.page_size, store.page_shrinks) == (10, 2), "25 were tried, carefully, and could not be had"
    assert page_size.pause(store.page_shrinks) > page_size.pause(1)
    owner.practice.clear_faults()
    for size in (25, 50, 100):
        clock.advance(minutes=12)
        owner.again("orders")
        assert owner.one(Store, owner.store_id).page_size == size
    assert [row.failed for row in owner.rows(ImportElement)] == [0] * len(owner.rows(ImportElement))


@pytest.mark.parametrize("backend", ["sqlite"])
def test_the_first_day_is_one_of_the_stores_calendar(owner: Owner) -> None:
    practice = owner.practice
    # New York: 1 December begins at 05:00 UTC.
    before = practice.create_order(created=datetime(2025, 12, 1, 4, 59, 59, tzinfo=UTC).timestamp())
    on_it = practice.create_order(created=datetime(2025, 12, 1, 5, tzinfo=UTC).timestamp())
    day = application_clock.start_of(datetime(2025, 12, 1).date(), "America/New_York")
    assert day == datetime(2025, 12, 1, 5, tzinfo=UTC)
    owner.import_all(import_since=day)
    here = {row.woo_id for row in owner.rows(Order)}
    assert on_it in here, "the very first second belongs to the day"
    assert before not in here
    orders = next(row for row in owner.rows(ImportElement) if row.element == "orders")
    assert orders.woo_count == orders.total == len(here), "compared under the same limits"


@pytest.mark.parametrize("backend", ["sqlite"])
def test_the_limits_of_an_import_stay_as_they_were_when_it_began(owner: Owner) -> None:
    begun = owner.connect(import_statuses=("completed",))
    with owner.process.database.unit() as session:
        store = session.get_one(Store, owner.store_id)
        connect.save_choices(session, store, replace(choices_of(store), import_statuses=("processing",)))
    owner.bells.drain()
    assert {row.woo_status for row in owner.rows(Order)} == {"completed"}
    assert owner.one(Import, begun).statuses == ["completed"]
    owner.again("orders")
    assert {row.woo_status for row in owner.rows(Order)} == {"completed", "processing"}
    assert owner.silence()


def test_the_end_is_told_once_to_each_user(owner: Owner) -> None:
    begun = owner.import_all()
    mails = owner.rows(Message, Message.purpose == "system")
    assert [(mail.to_email, mail.template) for mail in mails] == [("olga@shop.example", {"email": "import_finished"})]
    assert mails[0].facts["link"].endswith(f"/settings/integrations/woocommerce/{owner.store_id}/imports/{begun}")
    assert {one["label"] for one in mails[0].facts["elements"]} == {
        *("Contacts", "Products", "Collections", "Orders", "Transactions")
    }
    with owner.process.database.unit() as session:
        session.get_one(Import, begun).state = "running"  # its worker died just before its last commit
    import_run.run(owner.process, begun)
    assert owner.one(Import, begun).state == "done"
    assert len(owner.rows(Message, Message.purpose == "system")) == 1
    assert owner.silence()


def test_row_25_the_same_page_for_ever_ends_in_waiting_not_in_a_loop(owner: Owner, clock: ClockHand) -> None:
    with owner.process.database.unit() as session:
        create_user(session, "second@shop.example", "correct horse battery")
    with owner.process.database.unit() as session:
        session.delete(session.scalars(select(Membership).order_by(Membership.id.desc())).first())
    begun = owner.connect(elements=frozenset({"orders"}))
    with owner.process.database.unit() as session:
        session.get_one(Store, owner.store_id).page_size = 10
    owner.practice.fault("repeat_page", path="orders")
    owner.bells.drain("bulk")
    row = owner.one(Import, begun)
    assert (row.state, row.retries) == ("waiting", 1)
    assert "stale cache" in row.note
    assert row.retry_at is not None
    asked = len(owner.practice.requests)
    assert asked < 200
    owner.practice.clear_faults()
    clock.advance(minutes=1)
    ingest_jobs.ring_for_imports()
    owner.bells.drain()
    assert owner.one(Import, begun).state == "done"
    orders = owner.rows(ImportElement, ImportElement.element == "orders")[0]
    assert orders.done == orders.woo_count == len(owner.rows(Order))


def test_row_46_of_two_importers_of_one_store_the_second_waits(owner: Owner) -> None:
    begun = owner.connect()
    with owner.process.database.unit() as session, pytest.raises(InvalidInput, match="is running"):
        importing.start(session, session.get_one(Store, owner.store_id), {"orders"})
    owner.practice.fault("latency", path="orders", seconds=0.1)
    second: list[bool] = []

    def press_again() -> None:
        second.append(import_run.run(owner.process, begun))

    threads = [threading.Thread(target=press_again) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert second == [False] * 3
    owner.bells.drain()
    assert owner.one(Import, begun).state == "done"
    orders = owner.rows(ImportElement, ImportElement.element == "orders")[0]
    assert orders.done == len(owner.rows(Order)), "no page was counted twice"
    owner.bells.drain()
    assert owner.silence()


def test_row_47_disconnecting_stops_an_import_though_the_store_answers_nobody(owner: Owner, clock: ClockHand) -> None:
    begun = owner.connect()
    reached, go_on = threading.Event(), threading.Event()
    commit = import_run._commit

    def slow(job: Any, element: Any, batch: Any, *rest: Any) -> None:
        if element.element == "orders":
            reached.set()
            go_on.wait(60)
        commit(job, element, batch, *rest)

    import_run._commit = slow
    try:
        worker = threading.Thread(target=import_run.run, args=(owner.process, begun))
        worker.start()
        assert reached.wait(60)
        here = owner.counts()
        disconnect.disconnect(owner.process, owner.store_id)
        with owner.process.database.unit() as session:
            importing.leave(session, owner.store_id)
        row = owner.one(Import, begun)
        assert (row.state, row.note) == ("cancelled", "Cancelled: the store was disconnected")
        # Connected again it is imported at once, though the old worker still hangs.
        again = owner.connect(elements=frozenset({"products"}))
        assert import_run.run(owner.process, again) is False
        assert owner.one(Import, again).state == "done"
        assert owner.counts() == here
    finally:
        import_run._commit = commit
        go_on.set()
        worker.join(60)
    assert owner.counts() == here, "what the old worker had in hand was refused"
    assert owner.one(Import, begun).state == "cancelled"


@pytest.mark.parametrize("backend", ["sqlite"])
def test_an_import_whose_store_was_disconnected_is_ended_by_the_sweep_too(owner: Owner) -> None:
    begun = owner.connect()
    disconnect.disconnect(owner.process, owner.store_id)
    ingest_jobs.ring_for_imports()
    assert owner.one(Import, begun).state == "cancelled"


def test_leaving_with_the_data_kept_and_coming_back_doubles_nothing_and_fires_nothing(
    owner: Owner, clock: ClockHand
) -> None:
    owner.import_all()
    deleted = owner.rows(Order)[0]
    with owner.process.database.unit() as session:
        removal.delete_order(session, session.get_one(Order, deleted.id), application_clock.now(), "olga@shop.example")
    before, first_t0 = owner.counts(), owner.one(Store, owner.store_id).live_since
    disconnect.disconnect(owner.process, owner.store_id)
    owner.bells.drain()
    store = owner.one(Store, owner.store_id)
    assert (store.state, store.key_locked, store.secret_locked, store.key_tail) == ("disconnected", None, None, "")
    assert owner.practice.webhooks() == []
    assert owner.rows(Webhook) == []
    assert owner.counts() == before
    clock.advance(hours=2)
    missed = owner.practice.create_order(set_paid=True, email="ada@shop.example")
    clock.advance(minutes=1)
    store_id = owner.store_id
    owner.import_all()
    assert owner.store_id == store_id, "its old row"
    assert owner.one(Store, store_id).live_since > first_t0
    after = owner.counts()
    assert after["orders"] == before["orders"] + 1
    assert after["contacts"] >= before["contacts"]
    assert {row.woo_id for row in owner.rows(Order)} >= {missed}
    assert deleted.woo_id not in {row.woo_id for row in owner.rows(Order)}, "what was deleted here stays away"
    assert owner.silence(), "what was missed came in silently"


def test_deleting_a_stores_data_takes_all_of_it_and_leaves_the_other_stores(owner: Owner, clock: ClockHand) -> None:
    owner.import_all()
    first = owner.store_id
    with owner.process.database.unit() as session:
        kept = session.scalars(
            select(Contact).join(ContactLink, ContactLink.contact_id == Contact.id).order_by(Contact.id)
        ).all()
        kept[0].tags = ["vip"]
        shared_email = kept[1].email
        tagged, shared = kept[0].id, kept[1].id
        deleted = session.scalars(select(Order).order_by(Order.id)).first()
        removal.delete_order(session, deleted, application_clock.now(), "olga@shop.example")
    with PracticeStore(StoreOptions(size=5, seed=7, webhook_delay=None)) as other_shop:
        other_shop.create_customer(shared_email, first_name=kept[1].first_name, last_name=kept[1].last_name)
        other = Owner(owner.process, owner.bells, other_shop)
        other.import_all()
        others = {
            model: len(owner.rows(model, model.store_id == other.store_id))
            for model in (Order, Product, Collection, Transaction, ContactLink)
        }
        disconnect.disconnect(owner.process, first, delete_data=True)
        store = owner.one(Store, first)
        assert store.deleting_since is not None
        assert store.rows_to_delete > 50
        with pytest.raises(InvalidInput, match="still being deleted"):
            owner.connect()
        owner.bells.pending.clear()  # the bell is lost; the sweep rings again
        store_jobs.ring_for_deletions()
        owner.bells.drain("bulk")
        store = owner.one(Store, first)
        assert (store.deleting_since, store.state) == (None, "disconnected")
        assert store.rows_deleted == store.rows_to_delete > 50
        for model in (Order, Product, Variant, Collection, Transaction, ContactLink, Tombstone, SkippedRecord):
            assert owner.rows(model, model.store_id == first) == [], model
        for model in (Import, Watermark, Delivery):
            assert owner.rows(model, model.store_id == first) == [], model
        with owner.process.database.reading() as session:
            own = set(session.scalars(select(ContactLink.contact_id)))
            own |= set(session.scalars(select(Order.contact_id).where(Order.contact_id.is_not(None))))
        # Whose order was deleted here before is not known to have come from this store any more.
        assert {row.id for row in owner.rows(Contact)} - {deleted.contact_id} == (own | {tagged}) - {deleted.contact_id}
        assert shared in own, "the other store knows this person"
        assert others == {model: len(owner.rows(model, model.store_id == other.store_id)) for model in others}
        assert "Its data are deleted" in owner.rows(StoreLog, StoreLog.store_id == first)[-1].text
        owner.bells.drain()
        owner.import_all()
        assert owner.store_id == first
        assert deleted.woo_id in {row.woo_id for row in owner.rows(Order)}, "its tombstone went with the data"
        assert owner.silence()


@pytest.mark.parametrize("backend", ["sqlite"])
def test_settings_changed_later_hold_for_what_comes_after(owner: Owner, clock: ClockHand) -> None:
    owner.import_all()
    with owner.process.database.unit() as session:
        store = session.get_one(Store, owner.store_id)
        connect.save_choices(session, store, replace(choices_of(store), sync=frozenset({"contacts", "products"})))
    clock.advance(minutes=10)
    unseen = owner.practice.create_order(set_paid=True, email="ada@shop.example")
    queues.ring("catch_up", owner.store_id)
    owner.bells.drain()
    assert unseen not in {row.woo_id for row in owner.rows(Order)}
    clock.advance(minutes=10)
    with owner.process.database.unit() as session:
        connect.save_choices(session, session.get_one(Store, owner.store_id), Choices())
    clock.advance(minutes=10)
    seen = owner.practice.create_order(set_paid=True, email="ada@shop.example")
    queues.ring("catch_up", owner.store_id)
    owner.bells.drain()
    fired = {(event.subject, event.kind) for event in owner.rows(Event, Event.state == "fired")}
    assert {(seen, "order_submitted"), (seen, "payment_received")} <= fired
    owner.again("orders", "transactions")
    assert {unseen, seen} <= {row.woo_id for row in owner.rows(Order)}
    assert not owner.rows(Event, Event.subject == unseen, Event.state == "fired"), "the gap comes silently"
