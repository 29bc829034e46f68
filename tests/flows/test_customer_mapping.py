"""Contacts as customers of a shop that behaves like WooCommerce: suggested, made, changed, and never against it."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import count
from typing import Any

import pytest
from sqlalchemy import select

import referins_woo.customer_mapping.jobs
import referins_woo.writeback.jobs
from referins_woo import clock, queues
from referins_woo.accounts.users import create_user
from referins_woo.commerce import contacts
from referins_woo.commerce.models import Contact, ContactLink, CustomerMapping, StoreMapping
from referins_woo.commerce.records import CustomerRecord
from referins_woo.commerce.upsert.contacts import upsert_customers
from referins_woo.customer_mapping import applying, desk, files, push, settings, suggesting
from referins_woo.errors import InvalidInput
from referins_woo.practice_store import PracticeStore, StoreOptions
from referins_woo.process import Process
from referins_woo.stores.door import open_store
from referins_woo.stores.models import Store
from referins_woo.writeback.models import StoreWrite
from tests.conftest import ClockHand
from tests.flows.test_live_changes import Merchant

WHO = "olga@shop.example"
_NAMES = count()


class Mapper(Merchant):
    """A merchant at the mapping of the store."""

    def unit(self) -> Any:
        return self.process.database.unit()

    def store(self, session: Any) -> Store:
        found: Store = session.get_one(Store, self.store_id)
        return found

    def contact(self, **fields: str) -> int:
        """Make a contact here."""
        with self.unit() as session:
            account_id = self.store(session).account_id
            return contacts.create(session, account_id, contacts.Fields(**fields), clock.now()).id

    def edit(self, contact_id: int, **fields: str) -> None:
        """Change a contact here."""
        with self.unit() as session:
            contacts.change(session, session.get_one(Contact, contact_id), contacts.Fields(**fields), clock.now())

    def tick(self, contact_id: int, **said: Any) -> None:
        with self.unit() as session:
            contact = session.get_one(Contact, contact_id)
            desk.change(session, self.store(session), contact, clock.now(), ticked=True, **said)

    def choose(self, how: str = "by_hand", minutes: int | None = None, **more: Any) -> None:
        chosen = {"pull_mapped_only": False, "guest_contact_id": None, **more}
        with self.unit() as session:
            settings.choose(session, self.store(session), settings.Choices(how, minutes, **chosen), clock.now())

    def push(self, *contact_ids: int) -> push.Pushed:
        with self.unit() as session:
            found = push.ask(session, self.store(session), clock.now(), WHO, contact_ids)
        self.bells.drain()
        return found

    def suggest(self) -> None:
        with self.unit() as session:
            suggesting.ask(session, self.store(session), clock.now())
        self.bells.drain()

    def row(self, contact_id: int) -> CustomerMapping:
        [row] = self.rows(CustomerMapping, CustomerMapping.contact_id == contact_id)
        found: CustomerMapping = row
        return found

    def link(self, contact_id: int) -> ContactLink | None:
        found = self.rows(ContactLink, ContactLink.contact_id == contact_id, ContactLink.store_id == self.store_id)
        return found[0] if found else None

    def customer(self, woo_id: int) -> dict[str, Any]:
        found = self.practice.shop.get("customer", woo_id)
        assert found is not None
        return found

    def sent(self) -> list[tuple[str, str]]:
        """What was written to the store's customers since the requests were forgotten."""
        return [
            (request.method, request.path)
            for request in self.practice.requests
            if request.method != "GET" and "/customers" in request.path
        ]


@pytest.fixture
def hand(request: pytest.FixtureRequest) -> ClockHand:
    """The hand of the application's clock."""
    found: ClockHand = request.getfixturevalue("clock")
    return found


@pytest.fixture
def merchant(running: Process, bells: queues.MemoryBells) -> Iterator[Mapper]:
    """A merchant whose store was connected without importing anybody."""
    with running.database.unit() as session:
        create_user(session, WHO, "correct horse battery")
    with PracticeStore(StoreOptions(size=30, webhook_delay=None)) as practice:
        made = Mapper(running, bells, practice)
        made.connect()
        practice.forget_requests()
        yield made


def test_a_ticked_contact_is_made_in_the_store_once_and_its_echo_changes_nothing(merchant: Mapper) -> None:
    merchant.choose()
    ana = merchant.contact(first_name="Ana", last_name="Petrova", email="ana.new@example.com", phone="+49 30 1")
    bob = merchant.contact(first_name="Bob", last_name="Brown", email="bob.new@example.com")
    merchant.tick(ana, username="ana.p")
    assert merchant.push(ana, bob).words == "1 on the way to WooCommerce. Left out: 1 not ticked."
    link = merchant.link(ana)
    assert link is not None and link.username == "ana.p"
    made = merchant.customer(link.woo_id)
    assert (made["email"], made["first_name"], made["billing"]["phone"]) == ("ana.new@example.com", "Ana", "+49 30 1")
    assert any(meta["key"] == "default_password_nag" for meta in made["meta_data"]), "WooCommerce made up the password"
    assert merchant.sent() == [("POST", "/wp-json/wc/v3/customers")]
    [write] = merchant.rows(StoreWrite)
    assert (write.state, write.kind, write.body) == ("done", "customer_created", {})
    assert merchant.link(bob) is None
    for _ in range(3):
        merchant.sweep()
    assert len(merchant.rows(Contact)) == 2, "the echo is the same person"
    assert merchant.push(ana).unchanged == 1
    assert len(merchant.rows(StoreWrite)) == 1 and len(merchant.sent()) == 1


def test_where_the_store_invites_nobody_the_row_says_so(merchant: Mapper) -> None:
    merchant.choose()
    merchant.practice.shop.overlay.set_fact("setting email_customer_new_account enabled", "no")
    ana = merchant.contact(name="Ana Petrova", email="ana.new@example.com")
    merchant.tick(ana)
    merchant.push(ana)
    assert merchant.link(ana) is not None
    assert merchant.row(ana).evidence == "WooCommerce will not invite this customer."
    [settled] = merchant.rows(StoreMapping)
    assert settled.invites is False


def test_a_taken_email_is_a_conflict_that_offers_the_customer_and_makes_nobody(merchant: Mapper) -> None:
    merchant.choose()
    woo_id = merchant.practice.create_customer("taken@example.com", first_name="Ana", last_name="Old")
    ana = merchant.contact(name="Ana Petrova", email="Taken@Example.com")
    merchant.tick(ana)
    merchant.push(ana)
    row = merchant.row(ana)
    assert (row.state, row.reason, row.offered_woo_id) == ("conflict", "email_taken", woo_id)
    assert merchant.sent() == []
    assert merchant.push(ana).in_conflict == 1
    desk.map_to(merchant.process, merchant.store_id, ana, woo_id, clock.now())
    link = merchant.link(ana)
    assert link is not None and link.woo_id == woo_id and merchant.row(ana).state == ""


def test_a_taken_user_name_asks_for_another(merchant: Mapper) -> None:
    merchant.choose()
    merchant.practice.create_customer("first@example.com", username="ana")
    ana = merchant.contact(name="Ana Petrova", email="ana.new@example.com")
    merchant.tick(ana, username="ana")
    merchant.push(ana)
    row = merchant.row(ana)
    assert (row.state, row.reason) == ("conflict", "username") and "type another one" in row.evidence
    with pytest.raises(InvalidInput, match="letters without accents"):
        merchant.tick(ana, username="añã")
    merchant.tick(ana, username="ana.petrova")
    assert merchant.row(ana).state == ""
    merchant.push(ana)
    link = merchant.link(ana)
    assert link is not None and link.username == "ana.petrova"
    with pytest.raises(InvalidInput, match="never changes a user name"):
        merchant.tick(ana, username="other")


def test_only_what_was_changed_here_is_sent_and_the_email_when_the_row_asks(merchant: Mapper) -> None:
    merchant.choose()
    ana = merchant.contact(first_name="Ana", last_name="Petrova", email="ana.new@example.com")
    merchant.tick(ana)
    merchant.push(ana)
    link = merchant.link(ana)
    assert link is not None
    merchant.sweep()
    merchant.practice.update_customer(link.woo_id, last_name="Changed-there")
    merchant.edit(ana, phone="555 1", email="ana.moved@example.com")
    merchant.practice.forget_requests()
    assert merchant.push(ana).queued == 1
    there = merchant.customer(link.woo_id)
    assert (there["last_name"], there["billing"]["phone"], there["email"]) == (
        *("Changed-there", "555 1"),
        "ana.new@example.com",
    )
    assert merchant.sent() == [("PUT", f"/wp-json/wc/v3/customers/{link.woo_id}")]
    merchant.edit(ana, email="ana.moved@example.com")  # not asked for, it is WooCommerce's again by the pull (M4)
    merchant.tick(ana, with_email=True)
    merchant.push(ana)
    assert merchant.customer(link.woo_id)["email"] == "ana.moved@example.com"
    assert merchant.row(ana).with_email is False, "asked for once"
    for _ in range(3):
        merchant.sweep()
    merchant.practice.forget_requests()
    assert merchant.push(ana).unchanged == 1, "the echo of our own changes is no change"
    assert merchant.sent() == []


def _pull(merchant: Mapper, woo_id: int) -> None:
    """The store's own word of a customer comes in: by its webhook, and by the sweeps."""
    merchant.practice.update_customer(woo_id, last_name=f"Pulled-{next(_NAMES)}")
    merchant.bells.drain()
    merchant.sweep()


def test_a_pull_takes_back_no_change_that_waits_for_a_push_and_the_push_sends_it(merchant: Mapper) -> None:
    merchant.choose()
    ana = merchant.contact(first_name="Ana", last_name="Petrova", email="ana.new@example.com")
    merchant.tick(ana)
    merchant.push(ana)
    link = merchant.link(ana)
    assert link is not None
    merchant.sweep()
    merchant.edit(ana, phone="555 1", email="ana.moved@example.com")
    merchant.tick(ana, with_email=True)
    _pull(merchant, link.woo_id)
    [contact] = merchant.rows(Contact, Contact.id == ana)
    assert (contact.email, contact.phone) == ("ana.moved@example.com", "555 1")
    assert contact.last_name.startswith("Pulled-"), "what was changed there alone comes in"
    merchant.practice.forget_requests()
    merchant.push(ana)
    there = merchant.customer(link.woo_id)
    assert (there["email"], there["billing"]["phone"]) == ("ana.moved@example.com", "555 1")
    assert there["last_name"] == contact.last_name
    assert merchant.push(ana).unchanged == 1
    # Nobody is to be told any more: WooCommerce's values stand again (M4).
    merchant.edit(ana, phone="999")
    merchant.choose("off")
    _pull(merchant, link.woo_id)
    [contact] = merchant.rows(Contact, Contact.id == ana)
    assert contact.phone == "555 1"


def test_what_both_sides_changed_stays_as_it_is_here_until_somebody_decides(merchant: Mapper) -> None:
    merchant.choose()
    ana = merchant.contact(first_name="Ana", last_name="Petrova", email="ana.new@example.com", phone="1")
    merchant.tick(ana)
    merchant.push(ana)
    link = merchant.link(ana)
    assert link is not None
    merchant.sweep()
    merchant.edit(ana, phone="3")
    merchant.practice.update_customer(link.woo_id, billing={**merchant.customer(link.woo_id)["billing"], "phone": "2"})
    merchant.bells.drain()
    for _ in range(2):
        merchant.sweep()
    [contact] = merchant.rows(Contact, Contact.id == ana)
    assert contact.phone == "3", "the pull asks nobody, and takes nothing back"
    merchant.push(ana)
    assert merchant.row(ana).reason == "changed_there" and merchant.customer(link.woo_id)["billing"]["phone"] == "2"
    with merchant.unit() as session:
        desk.believe(session, merchant.store(session), session.get_one(Contact, ana))
    merchant.sweep()
    [contact] = merchant.rows(Contact, Contact.id == ana)
    assert contact.phone == "2", "WooCommerce's were chosen"


def test_a_look_from_before_a_push_takes_nothing_back(merchant: Mapper, hand: ClockHand) -> None:
    merchant.choose()
    ana = merchant.contact(first_name="Ana", last_name="Petrova", email="ana.new@example.com")
    merchant.tick(ana)
    merchant.push(ana)
    link = merchant.link(ana)
    assert link is not None
    merchant.sweep()
    before = open_store(merchant.process, merchant.store_id).customer(link.woo_id)
    assert isinstance(before, CustomerRecord)
    merchant.edit(ana, email="ana.moved@example.com")
    merchant.tick(ana, with_email=True)
    merchant.push(ana)

    def look() -> str:
        with merchant.unit() as session:
            store = merchant.store(session)
            upsert_customers(session, store.account_id, store.id, [before], clock.now())
        [contact] = merchant.rows(Contact, Contact.id == ana)
        return str(contact.email)

    assert look() == "ana.moved@example.com"
    merchant.sweep()
    assert merchant.push(ana).unchanged == 1
    hand.advance(minutes=6)
    assert look() == "ana.new@example.com", "so late, somebody has changed it back there"


def test_what_was_changed_on_both_sides_waits_for_a_decision(merchant: Mapper) -> None:
    merchant.choose()
    ana = merchant.contact(first_name="Ana", last_name="Petrova", email="ana.new@example.com", phone="1")
    merchant.tick(ana)
    merchant.push(ana)
    link = merchant.link(ana)
    assert link is not None
    merchant.sweep()
    billing = merchant.customer(link.woo_id)["billing"]
    merchant.practice.update_customer(link.woo_id, billing={**billing, "phone": "2"})
    merchant.edit(ana, phone="3")
    merchant.push(ana)
    row = merchant.row(ana)
    assert (row.state, row.evidence) == ("conflict", "Changed here and in WooCommerce: billing phone.")
    assert merchant.customer(link.woo_id)["billing"]["phone"] == "2"
    with merchant.unit() as session:
        desk.overwrite(session, merchant.store(session), session.get_one(Contact, ana), clock.now())
    merchant.push(ana)
    assert merchant.customer(link.woo_id)["billing"]["phone"] == "3"
    assert merchant.row(ana).overwrite is False


def test_identical_names_are_suggested_one_to_one_applied_and_undone(merchant: Mapper) -> None:
    one = merchant.practice.create_customer("smith@example.com", first_name="Ann &amp; Co", last_name="Smith")
    for number in (1, 2):
        merchant.practice.create_customer(f"kim{number}@example.com", first_name="Shared", last_name="Name")
    smith = merchant.contact(name="Ann & Co  Smith", email="other@example.com")
    kim = merchant.contact(name="Shared Name", email="kim@example.com")
    case = merchant.contact(name="ann & co smith", email="case@example.com")
    merchant.suggest()
    row = merchant.row(smith)
    assert (row.state, row.offered_woo_id, row.evidence) == ("suggested", one, "Identical name, one to one.")
    assert (merchant.row(kim).state, merchant.row(kim).offered_woo_id) == ("conflict", None)
    assert merchant.row(kim).evidence == "1 contact here and 2 customers there have this name."
    assert merchant.rows(CustomerMapping, CustomerMapping.contact_id == case) == [], "case counts"
    assert merchant.link(smith) is None, "nothing before it is applied"
    with merchant.unit() as session:
        assert applying.apply(session, merchant.store(session), clock.now()) == 1
    link = merchant.link(smith)
    assert link is not None and link.woo_id == one
    with merchant.unit() as session:
        assert applying.undo(session, merchant.store(session), clock.now()) == 1
    assert merchant.link(smith) is None and merchant.row(smith).state == "suggested"
    assert merchant.sent() == []


def test_undo_gives_rows_and_contacts_back_as_they_were_column_by_column(merchant: Mapper) -> None:
    merchant.practice.create_customer(
        "theirs@example.com", first_name="Ann", last_name="Smith", billing={"city": "Bonn", "phone": "7"}
    )
    merchant.practice.create_customer("kim@example.com", first_name="Kim", last_name="Lee")
    smith = merchant.contact(name="Ann Smith", email="ours@example.com", phone="1")
    kim = merchant.contact(name="Kim Lee", email="other@example.com")
    with merchant.unit() as session:
        session.get_one(Contact, smith).is_guest = True
    merchant.tick(kim)
    merchant.suggest()

    def everything() -> list[Any]:
        with merchant.process.database.reading() as session:
            return [
                session.execute(select(*_columns(model)).order_by(model.id)).all()
                for model in (Contact, CustomerMapping, ContactLink)
            ]

    before = everything()
    with merchant.unit() as session:
        assert applying.apply(session, merchant.store(session), clock.now()) == 2
    merchant.tick(smith)
    merchant.sweep()
    [pulled] = merchant.rows(Contact, Contact.id == smith)
    assert (pulled.email, pulled.is_guest) == ("theirs@example.com", False), "WooCommerce's values came by the mapping"
    with merchant.unit() as session:
        assert applying.undo(session, merchant.store(session), clock.now()) == 2
    assert everything() == before
    assert not merchant.row(smith).is_ticked, "or the next push would make somebody"


def _columns(model: Any) -> list[Any]:
    return [column for column in model.__table__.columns if column.key != "updated_at"]


def test_an_id_is_looked_at_before_it_is_mapped(merchant: Mapper) -> None:
    ana = merchant.contact(name="Ana", email="a@example.com")
    bob = merchant.contact(name="Bob", email="b@example.com")
    woo_id = merchant.practice.create_customer("c@example.com")
    for wrong, words in ((999_999, "no customer 999999"), (1, "role administrator"), (0, "whole number above 0")):
        with pytest.raises(InvalidInput, match=words):
            desk.map_to(merchant.process, merchant.store_id, ana, wrong, clock.now())
    desk.map_to(merchant.process, merchant.store_id, ana, woo_id, clock.now())
    with pytest.raises(InvalidInput, match=f"mapped to contact {ana} already"):
        desk.map_to(merchant.process, merchant.store_id, bob, woo_id, clock.now())
    with pytest.raises(InvalidInput, match="take that mapping back first"):
        other = merchant.practice.create_customer("d@example.com")
        desk.map_to(merchant.process, merchant.store_id, ana, other, clock.now())
    with merchant.unit() as session:
        desk.unmap(session, merchant.store(session), session.get_one(Contact, ana), clock.now())
    assert merchant.link(ana) is None


def test_a_file_maps_to_customers_whom_the_store_shows_all_of_them_or_none(merchant: Mapper) -> None:
    ana = merchant.contact(name="Ana", email="a@example.com")
    bob = merchant.contact(name="Bob", email="b@example.com")
    one, other = (merchant.practice.create_customer(f"{letter}@shop.example") for letter in "cd")
    heading = "contact_id,webstore_customer,webstore_id"
    for text, words in (
        (f"{ana},yes,{one}\n{bob},yes,999999", "Line 3: There is no customer 999999"),
        (f"{ana},yes,{one}\n{bob},yes,1", "Line 3: User 1 has the role administrator"),
        (f"{ana},yes,{one}\n{bob},yes,{one}", f"Line 3: Customer {one} is mapped to contact {ana} already"),
    ):
        with pytest.raises(InvalidInput, match=words):
            files.take(merchant.process, merchant.store_id, f"{heading}\n{text}\n", clock.now())
        assert merchant.link(ana) is None and merchant.rows(CustomerMapping) == []
    text = f"{heading}\n{ana},yes,{one}\n{bob},,{other}\n"
    taken = files.take(merchant.process, merchant.store_id, text, clock.now())
    assert (taken.changed, taken.mapped) == (1, 2)
    links = [merchant.link(contact) for contact in (ana, bob)]
    assert [link and link.woo_id for link in links] == [one, other]
    merchant.practice.forget_requests()
    assert files.take(merchant.process, merchant.store_id, text, clock.now()).mapped == 0
    assert not merchant.practice.requests, "what is mapped so already is not asked for"


def test_nothing_is_pushed_while_push_is_off_or_the_keys_are_refused(merchant: Mapper) -> None:
    ana = merchant.contact(name="Ana", email="a@example.com")
    merchant.tick(ana)
    merchant.choose("off")
    with pytest.raises(push.NotNow, match="Push is off"):
        merchant.push(ana)
    merchant.choose()
    with merchant.unit() as session:
        store = merchant.store(session)
        store.state, store.cause = "needs_reconnect", "read_only_key"
    with pytest.raises(push.NotNow, match="Reconnect the store first"):
        merchant.push(ana)
    assert merchant.rows(StoreWrite) == []


def test_what_is_ticked_goes_by_itself_every_so_many_minutes(merchant: Mapper, hand: ClockHand) -> None:
    merchant.choose("timed", 30)
    ana = merchant.contact(name="Ana Petrova", email="ana.new@example.com")
    merchant.tick(ana)
    referins_woo.customer_mapping.jobs.ring_for_mappings()
    merchant.bells.drain()
    assert merchant.link(ana) is None
    hand.advance(minutes=31)
    referins_woo.customer_mapping.jobs.ring_for_mappings()
    merchant.bells.drain()
    assert merchant.link(ana) is not None


def test_an_answer_that_was_lost_makes_nobody_twice(merchant: Mapper, hand: ClockHand) -> None:
    merchant.choose()
    ana = merchant.contact(name="Ana Petrova", email="ana.new@example.com")
    merchant.tick(ana)
    merchant.practice.fault("truncated", method="POST", path="customers", count=1)
    merchant.push(ana)
    [write] = merchant.rows(StoreWrite)
    assert write.state == "unknown"
    merchant.practice.clear_faults()
    hand.advance(minutes=10)
    referins_woo.writeback.jobs.ring_for_writes()
    merchant.bells.drain()
    [write] = merchant.rows(StoreWrite)
    assert write.state == "done" and merchant.link(ana) is not None
    assert [method for method, _ in merchant.sent()] == ["POST"]


def test_mapped_only_brings_nobody_new_and_guest_orders_have_one_contact(merchant: Mapper) -> None:
    default = merchant.contact(name="Counter sales", email="counter@example.com")
    merchant.choose("off", None, pull_mapped_only=True, guest_contact_id=default)
    merchant.practice.create_customer("stranger@example.com", first_name="New")
    woo_id = merchant.practice.create_order(email="guest@example.com", first_name="Gus")
    for _ in range(3):
        merchant.sweep()
    order = merchant.order(woo_id)
    assert order is not None and order.contact_id == default
    assert {one.email for one in merchant.rows(Contact)} == {"counter@example.com", "guest@example.com"}
