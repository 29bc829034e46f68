"""Sync now for selected records, on lists and on pages: just these come again, and what became of each is told (S7)."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import select

from referins_woo import queues
from referins_woo.commerce.models import Collection, Contact, ContactLink, Order, Product, Variant
from referins_woo.events.models import Event
from referins_woo.ingest import asked
from referins_woo.lists import jobs as list_jobs
from referins_woo.lists.models import Task
from referins_woo.mail.models import Message
from referins_woo.process import Process
from referins_woo.stores.models import Store
from tests.conftest import ClockHand
from tests.factories.rows import account_with_everything
from tests.flows.merchants import EMAIL, Merchant, merchant_of
from tests.referins_woo.web.conftest import Visitor
from tests.replay import faults
from tests.replay import merchant as replayed
from tests.replay.server import Replay

LISTS: dict[str, Any] = {"orders": Order, "contacts": Contact, "products": Product, "collections": Collection}


@pytest.fixture
def backend() -> str:
    """What is asked and told is the same on both; what is written is tried on both below."""
    return "sqlite"


@pytest.fixture
def merchant(running: Process, bells: queues.MemoryBells, clock: ClockHand, app: Flask) -> Iterator[Merchant]:
    """A merchant whose practice store was imported and has come to rest; no webhook reaches us any more."""
    with merchant_of(running, bells, clock, size=8) as made:
        made.connect()
        made.sweep()
        made.practice.fault("webhooks_dropped")
        clock.advance(minutes=1)
        yield made


@pytest.fixture
def visitor(app: Flask, merchant: Merchant) -> Visitor:
    """The merchant's browser."""
    made = Visitor(app.test_client())
    assert made.sign_in(EMAIL, "correct horse battery").status_code == 303
    return made


def press(visitor: Visitor, key: str, row_id: int) -> str:
    """Press the button on a record's page; returns what the page says then."""
    shown = visitor.get(f"/{key}/{row_id}").text
    assert f'action="/{key}/{row_id}/sync"' in shown
    answer = visitor.post(f"/{key}/{row_id}/sync")
    assert answer.headers["Location"] == f"/{key}/{row_id}"
    return visitor.follow(answer).text


def choose(visitor: Visitor, merchant: Merchant, key: str, ids: list[int]) -> str:
    """Tick rows of a list, do it, let the workers work; returns what the task's page says."""
    assert "Sync now" in visitor.get(f"/{key}").text
    question = visitor.post(f"/lists/{key}/changes/ask", {"act": f"sync_{key}", "id": ids}).text
    assert "again from WooCommerce?" in question
    answer = visitor.post(f"/lists/{key}/changes", {"act": f"sync_{key}", "id": ids, "back": f"/{key}"})
    assert re.match(r"/tasks/\d+", answer.headers["Location"])
    assert "Waiting for its turn" in visitor.follow(answer).text
    merchant.bells.drain()
    return visitor.get(answer.headers["Location"]).text


def row_of(merchant: Merchant, model: Any, woo_id: int) -> Any:
    [row] = merchant.rows(model, model.woo_id == woo_id)
    return row


def test_an_order_is_fetched_from_its_page_and_what_happened_fires_once(merchant: Merchant, visitor: Visitor) -> None:
    woo_id = merchant.practice.create_order(email="ann@example.com")
    merchant.sweep()
    order = row_of(merchant, Order, woo_id)
    merchant.practice.pay(woo_id)
    merchant.practice.forget_requests()
    assert "Brought up to date from WooCommerce." in press(visitor, "orders", order.id)
    assert merchant.asked() == ["GET orders"]
    assert row_of(merchant, Order, woo_id).payment_state == "paid"
    assert merchant.events()[woo_id, "payment_received"] == ("fired", "")
    events = merchant.events()
    assert "WooCommerce has nothing newer" in press(visitor, "orders", order.id)
    merchant.sweep()
    assert merchant.events() == events


def test_history_that_is_fetched_again_starts_nothing(merchant: Merchant, visitor: Visitor) -> None:
    old = next(row for row in merchant.rows(Order) if row.payment_state == "unpaid" and not row.in_trash)
    merchant.practice.update_order(old.woo_id, payment_method_title="By bank")
    assert "Brought up to date" in press(visitor, "orders", old.id)
    assert row_of(merchant, Order, old.woo_id).payment_method_title == "By bank"
    assert merchant.count(Event) == 0
    assert merchant.count(Message, Message.run_id.is_not(None)) == 0


@pytest.mark.parametrize("backend", ["sqlite", "postgresql"])
def test_each_kind_of_record_follows_its_store(merchant: Merchant, visitor: Visitor) -> None:
    shop = merchant.practice
    product = next(row for row in merchant.rows(Product) if row.type == "simple")
    variable = next(row for row in merchant.rows(Product) if row.type == "variable")
    variant = next(row for row in merchant.rows(Variant) if row.product_id == variable.id)
    link = merchant.rows(ContactLink)[0]
    shelf = merchant.rows(Collection)[0]
    shop.update_product(product.woo_id, name="Blue kettle")
    shop.update_customer(link.woo_id, first_name="Nora")
    found = shop.shop.get("variation", variant.woo_id) or {}
    shop.shop.save("variation", found | {"regular_price": "99.00", "sale_price": ""})
    category = shop.shop.get("category", shelf.woo_id) or {}
    shop.shop.save("category", category | {"name": "Pots and pans"})
    assert "Brought up to date" in press(visitor, "collections", shelf.id), "before its products bring its name too"
    assert "Brought up to date" in press(visitor, "products", product.id)
    assert "Brought up to date" in press(visitor, "products", variable.id)
    assert "Brought up to date" in press(visitor, "contacts", link.contact_id)
    assert row_of(merchant, Product, product.woo_id).name == "Blue kettle"
    assert row_of(merchant, Variant, variant.woo_id).price == 990_000
    assert merchant.rows(Contact, Contact.id == link.contact_id)[0].first_name == "Nora"
    assert row_of(merchant, Collection, shelf.woo_id).name == "Pots and pans"


@pytest.mark.parametrize("backend", ["sqlite", "postgresql"])
def test_what_is_gone_or_in_the_trash_is_marked_and_no_loss_of_keys(merchant: Merchant, visitor: Visitor) -> None:
    shop = merchant.practice
    gone, trashed, kept = (shop.create_order(email=f"{name}@example.com") for name in "gtk")
    product, customer = (
        shop.create_product("Kettle", "12.00"),
        shop.create_customer("leo@example.com", first_name="Leo"),
    )
    for _ in range(2):
        merchant.sweep()
    events = merchant.events()
    shop.delete_order(gone)
    shop.trash_order(trashed)
    shop.delete_product(product)
    shop.shop.remove("customer", customer)
    ids = [row_of(merchant, Order, woo_id).id for woo_id in (gone, trashed, kept)]
    said = choose(visitor, merchant, "orders", ids)
    assert "No longer in WooCommerce, kept here: 1 order." in said
    assert "In the trash in WooCommerce: 1 order." in said
    assert "Up to date already: 1 order." in said
    assert row_of(merchant, Order, gone).gone_at is not None
    assert (row_of(merchant, Order, trashed).in_trash, row_of(merchant, Order, trashed).gone_at) == (True, None)
    assert "no longer in WooCommerce" in press(visitor, "products", row_of(merchant, Product, product).id)
    link = row_of(merchant, ContactLink, customer)
    assert "no longer in WooCommerce" in press(visitor, "contacts", link.contact_id)
    assert row_of(merchant, ContactLink, customer).gone_at is not None
    assert merchant.rows(Contact, Contact.id == link.contact_id), "nothing is deleted here"
    assert (merchant.store.state, merchant.mails(), merchant.events()) == ("connected", [], events)
    shop.restore_order(trashed)
    assert "Brought up to date" in press(visitor, "orders", ids[1])
    assert row_of(merchant, Order, trashed).in_trash is False


@pytest.mark.parametrize("backend", ["sqlite", "postgresql"])
def test_many_rows_are_asked_for_fifty_at_a_time(merchant: Merchant, visitor: Visitor) -> None:
    made = [merchant.practice.create_order(email=f"a{number}@example.com") for number in range(120)]
    merchant.sweep()
    for woo_id in made:
        merchant.practice.update_order(woo_id, payment_method_title="By bank")
    merchant.practice.forget_requests()
    form: dict[str, object] = {"act": "sync_orders", "all": "1", "query": "q=a"}
    count = re.search(r"Sync now: (\d+) orders", visitor.post("/lists/orders/changes/ask", form).text)
    assert count is not None
    answer = visitor.post("/lists/orders/changes", {**form, "count": count[1]})
    merchant.bells.drain()
    said = visitor.get(answer.headers["Location"]).text
    assert f"{count[1]} of {count[1]}" in said
    assert re.search(r"Brought up to date: \d+ orders\.", said)
    assert {row.payment_method_title for row in merchant.rows(Order, Order.woo_id.in_(made))} == {"By bank"}
    asked = Counter(line.split(" ")[1] for line in merchant.asked())
    assert asked["orders"] == -(-int(count[1]) // 50)


def test_guests_and_what_is_not_synced_are_told_apart(merchant: Merchant, visitor: Visitor, running: Process) -> None:
    woo_id = merchant.practice.create_order(email="guest@example.com")
    merchant.sweep()
    [guest] = merchant.rows(Contact, Contact.email == "guest@example.com")
    link = merchant.rows(ContactLink)[0]
    said = choose(visitor, merchant, "contacts", [guest.id, link.contact_id])
    assert "Guests: WooCommerce keeps no record of them: 1 contact." in said
    assert "Up to date already: 1 contact." in said
    assert "Sync now" not in visitor.get(f"/contacts/{guest.id}").text
    with running.database.unit() as session:
        session.get_one(Store, merchant.store_id).sync_orders = False
    merchant.practice.forget_requests()
    assert "sync settings leave this out" in press(visitor, "orders", row_of(merchant, Order, woo_id).id)
    assert merchant.asked() == []


def test_a_lost_store_is_not_asked_and_says_so(merchant: Merchant, visitor: Visitor, running: Process) -> None:
    order = merchant.rows(Order)[0]
    with running.database.unit() as session:
        store = session.get_one(Store, merchant.store_id)
        store.state, store.cause = "needs_reconnect", "key_revoked"
    merchant.practice.forget_requests()
    said = choose(visitor, merchant, "orders", [order.id])
    assert "Not asked, the store needs to be reconnected: 1 order." in said
    assert "Sync now" not in visitor.get(f"/orders/{order.id}").text
    answer = visitor.post(f"/orders/{order.id}/sync")
    assert "needs to be reconnected first" in visitor.follow(answer).text
    assert merchant.asked() == []


def test_keys_that_are_found_revoked_here_lose_the_store_as_ever(
    merchant: Merchant, visitor: Visitor, clock: ClockHand
) -> None:
    order = merchant.rows(Order)[0]
    merchant.practice.revoke_key()
    assert "The store does not answer just now" in press(visitor, "orders", order.id)
    assert merchant.store.suspect_cause
    clock.advance(seconds=21)
    assert "needs to be reconnected first" in press(visitor, "orders", order.id)
    assert (merchant.store.state, len(merchant.mails())) == ("needs_reconnect", 1)


def test_a_silent_store_is_asked_again_and_then_left_as_it_is(
    merchant: Merchant, visitor: Visitor, clock: ClockHand
) -> None:
    order = merchant.rows(Order)[0]
    merchant.practice.fault("bad_gateway")
    said = choose(visitor, merchant, "orders", [order.id])
    assert "A store does not answer just now" in said
    for _ in range(5):
        clock.advance(seconds=40)
        list_jobs.ring_for_tasks()
        merchant.bells.drain("bulk")
    [task] = merchant.rows(Task)
    assert (task.state, task.found["rows"]) == ("done", {"no_answer": 1})
    assert "Left as before, the store did not answer: 1 order." in visitor.get(f"/tasks/{task.id}").text
    assert merchant.store.state == "connected"
    merchant.practice.clear_faults()
    clock.advance(minutes=10)
    said = choose(visitor, merchant, "orders", [order.id])
    assert "Up to date already: 1 order." in said


def test_a_record_that_the_store_cannot_show_holds_up_no_other(
    running: Process, bells: queues.MemoryBells, shop: Replay
) -> None:
    store_id = replayed.import_all(running, bells, shop)
    with running.database.reading() as session:
        ids = list(session.scalars(select(Order.woo_id).where(Order.in_trash.is_(False)).order_by(Order.woo_id)))
    bad = ids[7]
    shop.fault = faults.poisoned(bad)
    found = asked.fetch(running, store_id, "orders", ids[:20])
    assert found[bad] == "unreadable"
    assert Counter(found.values()) == {"unchanged": 19, "unreadable": 1}


def test_a_worker_that_dies_in_the_middle_is_followed_by_another(
    merchant: Merchant, visitor: Visitor, clock: ClockHand
) -> None:
    woo_id = merchant.practice.create_order(email="ann@example.com")
    merchant.sweep()
    merchant.practice.pay(woo_id)
    order = row_of(merchant, Order, woo_id)
    answer = visitor.post("/lists/orders/changes", {"act": "sync_orders", "id": [order.id]})
    merchant.bells.pending.clear()  # the bell went down with its worker
    clock.advance(seconds=40)
    list_jobs.ring_for_tasks()
    merchant.bells.drain()
    assert "Brought up to date: 1 order." in visitor.get(answer.headers["Location"]).text
    assert Counter(row.kind for row in merchant.rows(Event)) == dict.fromkeys(
        ("order_submitted", "order_status_changed", "payment_received"), 1
    )


def test_another_account_s_records_are_absent(merchant: Merchant, visitor: Visitor, running: Process) -> None:
    theirs = account_with_everything(running.database, "theirs@example.com")
    merchant.practice.forget_requests()
    for key, model in LISTS.items():
        with running.database.reading() as session:
            row_id = session.scalars(select(model.id).where(model.account_id == theirs.account_id)).first()
        assert row_id is not None
        assert visitor.post(f"/{key}/{row_id}/sync").status_code == 404
        answer = visitor.post(f"/lists/{key}/changes", {"act": f"sync_{key}", "id": [row_id]})
        merchant.bells.drain()
        assert "There was nothing to fetch." in visitor.follow(answer).text
    assert merchant.asked() == []


def test_sync_now_for_a_store_that_has_a_pause_says_when_it_is_asked(visitor: Visitor, merchant: Merchant) -> None:
    page = f"/settings/integrations/woocommerce/{merchant.store_id}"
    visitor.get(page)
    assert "Looking for changes now." in visitor.follow(visitor.post(f"{page}/sync-now")).text
    merchant.practice.fault("maintenance", seconds=600)
    merchant.bells.drain()
    merchant.sweep()
    merchant.practice.forget_requests()
    shown = visitor.follow(visitor.post(f"{page}/sync-now")).text
    assert "It is asked again in" in shown
    assert "has not answered well since" in shown
    merchant.bells.drain()
    assert merchant.asked() == [], "what the store asked for is kept to"
