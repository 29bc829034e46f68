"""Row 95: a person is erased during an import, imported again, named by a webhook: no mail, and nobody comes back."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import func, select

from referins_woo import clock, queues
from referins_woo.accounts.users import create_user
from referins_woo.commerce.models import Contact, Order
from referins_woo.commerce.records import OrderRecord
from referins_woo.ingest import importing
from referins_woo.ingest.elements import orders as orders_element
from referins_woo.mail import suppression
from referins_woo.practice_store import PracticeStore, StoreOptions
from referins_woo.privacy.erase import erase
from referins_woo.process import Process
from referins_woo.stores.models import Store
from tests.flows.test_live_changes import ALL, Merchant

ELEMENTS = frozenset({"contacts", "orders"})


@pytest.fixture
def merchant(running: Process, bells: queues.MemoryBells) -> Iterator[Merchant]:
    """A merchant beside a practice store of 30 orders."""
    with running.database.unit() as session:
        create_user(session, "olga@shop.example", "correct horse battery")
    with PracticeStore(StoreOptions(size=30, webhook_delay=None)) as practice:
        yield Merchant(running, bells, practice)


def _erase(merchant: Merchant, contact_id: int, *, ago: timedelta = timedelta(0)) -> None:
    with merchant.process.database.unit() as session:
        erase(session, session.get_one(Contact, contact_id), clock.now() - ago)


def _import_again(merchant: Merchant) -> None:
    with merchant.process.database.unit() as session:
        importing.start(session, session.get_one(Store, merchant.store_id), ELEMENTS)
    merchant.bells.drain()


def _registered_with_orders(merchant: Merchant) -> tuple[int, str, list[int]]:
    """Return (contact id, e-mail, Woo ids of the orders) of the registered contact with the most orders."""
    with merchant.process.database.reading() as session:
        contact_id, email = session.execute(
            select(Contact.id, Contact.email)
            .join(Order, Order.contact_id == Contact.id)
            .where(Contact.is_guest.is_(False))
            .group_by(Contact.id, Contact.email)
            .order_by(func.count().desc(), Contact.id)
        ).first() or (0, "")
        orders = list(session.scalars(select(Order.woo_id).where(Order.contact_id == contact_id)))
    assert orders
    return contact_id, email, orders


def test_row_95_an_erased_person_stays_erased_through_imports_sweeps_and_webhooks(merchant: Merchant) -> None:
    merchant.connect(elements=ELEMENTS)
    contact_id, email, orders = _registered_with_orders(merchant)
    before = {order.woo_id: (order.total, order.status) for order in merchant.rows(Order)}
    _erase(merchant, contact_id)

    _import_again(merchant)
    changed = orders[0]
    merchant.practice.set_status(changed, "completed")
    merchant.sweep()

    assert [one.id for one in merchant.rows(Contact) if one.email_key == email.lower()] == []
    for woo_id in orders:
        order = merchant.order(woo_id)
        assert order is not None
        assert (order.email, order.contact_id, order.woo_customer_id) == ("", None, 0)
        assert set(order.billing) <= {"country"}
    order = merchant.order(changed)
    assert order is not None
    assert (order.woo_status, order.total) == ("completed", before[changed][0]), "the books go on"
    assert {order.woo_id: order.total for order in merchant.rows(Order)} == {k: v[0] for k, v in before.items()}


def test_an_order_placed_after_the_erasure_is_a_new_dealing_without_mail(merchant: Merchant) -> None:
    merchant.connect(elements=ELEMENTS, sync=ALL)
    contact_id, email, _ = _registered_with_orders(merchant)
    _erase(merchant, contact_id, ago=timedelta(minutes=1))
    woo_id = merchant.practice.create_order(email=email, first_name="Back")
    merchant.sweep()
    order = merchant.order(woo_id)
    assert order is not None
    assert order.email == email
    assert order.contact_id is not None
    with merchant.process.database.reading() as session:
        asked = (order.account_id, email, "transactional")
        assert suppression.reasons(session, [asked]) == {asked: "erased"}


def test_erasing_while_a_page_is_between_reading_and_writing_lets_nobody_slip_in(
    merchant: Merchant, monkeypatch: pytest.MonkeyPatch
) -> None:
    merchant.connect(elements=ELEMENTS)
    contact_id, email, orders = _registered_with_orders(merchant)
    pages = iter(range(1_000))

    def then_erase(job: Any, step: Any, session: Any) -> list[OrderRecord]:
        page = nameable(job, step, session)
        if next(pages) == 0:
            session.rollback()  # the snapshot of the reading ends; on SQLite the erasure could not write beside it
            _erase(merchant, contact_id)
        return page

    nameable = orders_element._nameable
    monkeypatch.setattr(orders_element, "_nameable", then_erase)
    _import_again(merchant)
    assert next(pages) > 1, "the page was looked at again before it was written"
    assert [one.id for one in merchant.rows(Contact) if one.email_key == email.lower()] == []
    assert all(order.email != email for order in merchant.rows(Order) if order.woo_id in orders)


def test_an_erasure_seen_in_the_store_stops_mail_and_is_offered_here(merchant: Merchant) -> None:
    merchant.connect(elements=ELEMENTS)
    woo_id = merchant.practice.create_order(email="ada@example.com", first_name="Ada")
    merchant.sweep()
    masked = dict.fromkeys(("first_name", "last_name", "address_1", "city", "postcode", "phone"), "[deleted]")
    merchant.practice.update_order(woo_id, billing={**masked, "email": "deleted@site.invalid"})
    merchant.sweep()
    order = merchant.order(woo_id)
    assert order is not None
    [contact] = merchant.rows(Contact, Contact.email_key == "ada@example.com")
    assert contact.erased_in_store_at is not None
    with merchant.process.database.reading() as session:
        asked = (order.account_id, "ada@example.com", "transactional")
        assert suppression.reasons(session, [asked]) == {asked: "erased_in_store"}
