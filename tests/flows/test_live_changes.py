"""What changes in a shop after it was connected: brought by sweeps, as the switches say, each event once."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

import pytest
from sqlalchemy import select

import referins_woo.ingest.jobs
import referins_woo.mail.jobs
import referins_woo.runs.jobs
import referins_woo.stores.jobs  # noqa: F401  (bells need their jobs)
from referins_woo import clock, queues
from referins_woo.accounts.models import Membership
from referins_woo.accounts.users import create_user
from referins_woo.commerce import removal
from referins_woo.commerce.models import Contact, ContactLink, Order, Product, Transaction, Variant
from referins_woo.events.models import Event
from referins_woo.ingest import catch_up, import_run, importing, live
from referins_woo.ingest.models import Import
from referins_woo.mail.models import Message
from referins_woo.practice_store import PracticeStore, StoreOptions
from referins_woo.process import Process
from referins_woo.runs import automations
from referins_woo.runs.models import Run
from referins_woo.stores import connect
from referins_woo.stores.choices import SYNC_COLUMNS, Choices, choices_of
from referins_woo.stores.disconnect import disconnect
from referins_woo.stores.door import open_store
from referins_woo.stores.models import Store


@dataclass
class Merchant:
    """A merchant with a connected practice store."""

    process: Process
    bells: queues.MemoryBells
    practice: PracticeStore
    store_id: int = 0

    def connect(
        self, *, elements: frozenset[str] = frozenset(), sync: frozenset[str] = frozenset(SYNC_COLUMNS)
    ) -> None:
        """Connect with typed keys; imports what is chosen."""
        with self.process.database.unit() as session:
            account_id = session.scalars(select(Membership.account_id)).one()
            chosen = Choices(elements=elements, sync=sync)
            pending = connect.create_pending_store(session, self.process, account_id, self.practice.url, chosen).id
        keys = self.practice.consumer_key, self.practice.consumer_secret
        self.store_id = connect.accept_keys(self.process, pending, *keys).store_id
        if elements:
            with self.process.database.unit() as session:
                importing.start_first(session, session.get_one(Store, self.store_id))
            self.bells.drain()

    def switch(self, *, off: str = "", on: str = "") -> None:
        """Turn one switch."""
        with self.process.database.unit() as session:
            store = session.get_one(Store, self.store_id)
            chosen = choices_of(store)
            connect.save_choices(session, store, replace(chosen, sync=chosen.sync - {off} | ({on} if on else set())))

    def sweep(self) -> None:
        """Catch up, and let the rest of the house work."""
        assert catch_up.sweep(self.process, self.store_id) is not None
        self.bells.drain()

    def rows(self, model: Any, *conditions: Any) -> list[Any]:
        """Read rows, oldest first."""
        with self.process.database.reading() as session:
            return list(session.scalars(select(model).where(*conditions).order_by(model.id)))

    def order(self, woo_id: int) -> Order | None:
        """Read one order."""
        found = self.rows(Order, Order.woo_id == woo_id)
        return found[0] if found else None

    def events(self, woo_id: int) -> list[tuple[str, str, str]]:
        """Read what is known to have happened to an order: kind, state, reason."""
        return [(event.kind, event.state, event.reason) for event in self.rows(Event, Event.subject == woo_id)]


@pytest.fixture
def merchant(running: Process, bells: queues.MemoryBells) -> Iterator[Merchant]:
    """A merchant who has signed up, beside a practice store of 30 orders."""
    with running.database.unit() as session:
        create_user(session, "olga@shop.example", "correct horse battery")
    with PracticeStore(StoreOptions(size=30, webhook_delay=None)) as practice:
        yield Merchant(running, bells, practice)


SUBMITTED = ("order_submitted", "fired", "")
CHANGED = ("order_status_changed", "fired", "")
PAID = ("payment_received", "fired", "")
ALL = frozenset(SYNC_COLUMNS)


def test_a_sweep_brings_a_guest_order_and_then_its_payment(merchant: Merchant) -> None:
    merchant.connect()
    woo_id = merchant.practice.create_order(email="Ada@Example.com", first_name="Ada")
    merchant.sweep()
    merchant.sweep()
    order = merchant.order(woo_id)
    assert order is not None
    assert (order.status, order.payment_state, order.observed) == ("Pending", "unpaid", True)
    assert merchant.events(woo_id) == [SUBMITTED]
    [contact] = merchant.rows(Contact)
    assert (contact.first_name, contact.email_key, contact.is_guest) == ("Ada", "ada@example.com", True)
    merchant.practice.pay(woo_id)
    merchant.sweep()
    merchant.sweep()
    assert merchant.events(woo_id) == [SUBMITTED, PAID, CHANGED]
    [payment] = merchant.rows(Transaction)
    assert (payment.kind, payment.amount) == ("payment", order.total)
    merchant.practice.refund(woo_id, "1.00")
    merchant.sweep()
    assert [row.amount for row in merchant.rows(Transaction)] == [order.total, -10_000]
    assert merchant.events(woo_id)[3:] == [("order_refunded", "fired", "")]
    order = merchant.order(woo_id)
    assert order is not None
    assert order.payment_state == "partially_refunded"


def test_history_that_changes_is_followed_silently(merchant: Merchant) -> None:
    merchant.connect(elements=frozenset({"orders"}))
    old = next(row for row in merchant.rows(Order) if row.woo_status == "processing")
    merchant.practice.set_status(old.woo_id, "completed")
    merchant.sweep()
    order = merchant.order(old.woo_id)
    assert order is not None
    assert order.status == "Completed"
    assert [
        event for event in merchant.events(old.woo_id) if event[1] == "fired" and event[0] == "order_submitted"
    ] == []


def test_with_orders_off_only_the_order_that_fires_is_stored(merchant: Merchant) -> None:
    merchant.connect(sync=ALL - {"orders"})
    silent = merchant.practice.create_order(status="failed", email="bob@example.com")
    heard = merchant.practice.create_order(email="ada@example.com")
    merchant.sweep()
    assert [order.woo_id for order in merchant.rows(Order)] == [heard]
    assert (merchant.events(heard), merchant.events(silent)) == ([SUBMITTED], [])
    merchant.practice.set_status(silent, "processing")
    merchant.sweep()
    assert merchant.events(silent)[0] == SUBMITTED
    assert len(merchant.rows(Order)) == 2


def test_with_orders_off_what_was_imported_stays_as_it_is(merchant: Merchant) -> None:
    merchant.connect(elements=frozenset({"orders"}), sync=ALL - {"orders"})
    old = next(row for row in merchant.rows(Order) if row.woo_status == "processing" and row.paid_at is not None)
    merchant.practice.set_status(old.woo_id, "completed")
    merchant.sweep()
    order = merchant.order(old.woo_id)
    assert order is not None
    assert order.woo_status == "processing"


def test_a_trigger_that_was_off_suppresses_for_good(merchant: Merchant) -> None:
    merchant.connect(sync=ALL - {"order-submitted"})
    before = merchant.practice.create_order(email="ada@example.com")
    merchant.sweep()
    assert merchant.events(before) == [("order_submitted", "suppressed", "switch_off")]
    merchant.switch(on="order-submitted")
    merchant.practice.set_status(before, "on-hold")
    merchant.sweep()
    assert merchant.events(before) == [("order_submitted", "suppressed", "switch_off"), CHANGED]


def test_the_trash_is_a_mark_and_a_deleted_order_is_gone_until_it_is_back(merchant: Merchant) -> None:
    merchant.connect()
    woo_id = merchant.practice.create_order(email="ada@example.com", status="processing")
    merchant.sweep()
    door = open_store(merchant.process, merchant.store_id)
    merchant.practice.trash_order(woo_id)
    live.confirm_gone_orders(merchant.process, door, {woo_id})
    order = merchant.order(woo_id)
    assert order is not None
    assert (order.in_trash, order.woo_status, order.gone_at) == (True, "processing", None)
    merchant.practice.restore_order(woo_id)
    merchant.sweep()
    order = merchant.order(woo_id)
    assert order is not None
    assert order.in_trash is False
    merchant.practice.delete_order(woo_id)
    live.confirm_gone_orders(merchant.process, door, {woo_id})
    order = merchant.order(woo_id)
    assert order is not None
    assert order.gone_at is not None
    assert order.total > 0 or order.woo_status == "processing"


def test_an_order_deleted_here_never_comes_back(merchant: Merchant) -> None:
    merchant.connect()
    woo_id = merchant.practice.create_order(email="ada@example.com")
    merchant.sweep()
    with merchant.process.database.unit() as session:
        order = session.scalars(select(Order).where(Order.woo_id == woo_id)).one()
        removal.delete_order(session, order, clock.now(), "olga@shop.example")
    merchant.practice.pay(woo_id)
    merchant.sweep()
    assert merchant.order(woo_id) is None
    assert merchant.events(woo_id) == [SUBMITTED]
    assert merchant.rows(Transaction) == []


def test_products_and_their_variations_follow(merchant: Merchant) -> None:
    merchant.connect(elements=frozenset({"products", "collections"}))
    simple = next(row for row in merchant.rows(Product) if row.type == "simple")
    merchant.practice.update_product(simple.woo_id, name="Renamed & better", regular_price="77.70", sale_price="")
    merchant.sweep()
    after = next(row for row in merchant.rows(Product) if row.id == simple.id)
    assert (after.name, after.price) == ("Renamed & better", 777_000)
    merchant.practice.update_product(simple.woo_id, status="draft")
    merchant.sweep()
    after = next(row for row in merchant.rows(Product) if row.id == simple.id)
    assert (after.woo_status, after.include_in_online_store) == ("draft", False)
    variable = next(row for row in merchant.rows(Product) if row.type == "variable")
    known = {row.woo_id for row in merchant.rows(Variant, Variant.product_id == variable.id)}
    added = merchant.practice.create_variation(variable.woo_id, "12.00")
    merchant.sweep()
    assert {row.woo_id for row in merchant.rows(Variant, Variant.product_id == variable.id)} == known | {added}


def test_registered_customers_follow_and_guests_become_them(merchant: Merchant) -> None:
    merchant.connect()
    guest_order = merchant.practice.create_order(email="ada@example.com", first_name="Ada")
    merchant.sweep()
    [guest] = [one for one in merchant.rows(Contact) if one.email_key == "ada@example.com"]
    woo_id = merchant.practice.create_customer("ada@example.com", first_name="Ada", last_name="Lovelace")
    later = merchant.practice.create_order(customer_id=woo_id, email="ada@example.com")
    merchant.sweep()
    [contact] = [one for one in merchant.rows(Contact) if one.email_key == "ada@example.com"]
    assert (contact.id, contact.name, contact.is_guest) == (guest.id, "Ada Lovelace", False)
    assert [link.contact_id for link in merchant.rows(ContactLink, ContactLink.woo_id == woo_id)] == [guest.id]
    assert {row.contact_id for row in merchant.rows(Order, Order.woo_id.in_([guest_order, later]))} == {guest.id}


def test_disconnecting_ends_an_import_and_connecting_again_begins_anew(merchant: Merchant) -> None:
    merchant.connect(elements=frozenset({"contacts", "orders"}))
    before = len(merchant.rows(Order))
    with merchant.process.database.unit() as session:
        waiting = importing.start(session, session.get_one(Store, merchant.store_id), {"orders"}).id
    disconnect(merchant.process, merchant.store_id)
    assert import_run.run(merchant.process, waiting) is False
    first = merchant.store_id
    merchant.connect(elements=frozenset({"contacts", "orders"}))
    assert merchant.store_id == first
    states = {row.id: row.state for row in merchant.rows(Import)}
    assert states[waiting] in ("cancelled", "failed")
    assert states[max(states)] == "done"
    assert len(merchant.rows(Order)) == before
    assert merchant.rows(Event) == []


def test_each_trigger_starts_its_automation_with_what_a_shop_really_shows(merchant: Merchant) -> None:
    merchant.connect()
    body = [{"kind": "text", "text": "Refunded: {{ order.number }}"}]
    wanted = {
        "order_submitted": {},
        "payment_received": {},
        "order_status_changed": {"from": ["processing"], "to": ["Completed"]},
        "order_completed": {},
        "order_refunded": {"refund": "partial"},
    }
    with merchant.process.database.unit() as session:
        account_id = session.scalars(select(Membership.account_id)).one()
        for trigger, settings in wanted.items():
            mail = {"id": "mail", "kind": "send_email", "subject": trigger, "body": body}
            document = {"trigger": trigger, "trigger_settings": settings, "steps": [mail]}
            made = automations.create(session, account_id, trigger, document)
            automations.publish(session, made.id, account_id, None)
    woo_id = merchant.practice.create_order(email="ada@example.com", first_name="Ada")
    merchant.sweep()
    merchant.practice.pay(woo_id)
    merchant.sweep()
    merchant.practice.set_status(woo_id, "completed")
    merchant.sweep()
    merchant.practice.refund(woo_id, "1.00")
    merchant.sweep()
    merchant.sweep()
    subjects = [message.template["subject"] for message in merchant.rows(Message)]
    assert sorted(subjects) == sorted(wanted)
    assert {run.state for run in merchant.rows(Run)} == {"done"}
    refunded = next(message for message in merchant.rows(Message) if message.template["subject"] == "order_refunded")
    assert (refunded.facts["refund"]["amount"], refunded.facts["refund"]["kind"]) == ("1.00", "partial")
