"""Imports store B: WooCommerce 9.9 on post storage, with drafts in its lists and totals past their end.

Its catalogue was not recorded, so lines stand by themselves. Expected values by hand, the rule beside each. Also:
refunds that make no transaction, from store A.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from datetime import date
from pathlib import Path

import pytest
from sqlalchemy import func, select

from referins_woo import queues
from referins_woo.commerce.models import Contact, ContactLink, Order, OrderLine, Transaction
from referins_woo.events.models import Event
from referins_woo.process import Process
from tests.replay import merchant
from tests.replay.server import Replay
from tests.replay.shelf import store_a, store_b

GUESTS = {
    *(f"guest{number}@example.net" for number in (2, 3, 4, 5, 6, 7, 8)),
    "joana.sousa+shop@example.com",  # joana.sousa@example.com herself is customer 8, in any case (M3)
    "visitor@example.net",
    "ulla.kern@example.org",
    *("eu1@example.org", "eu2@example.org", "eu4@example.org"),
    "kw2@example.com",
    "uk@example.org",
    *("eve@example.com", "fox@example.com"),
    "member46@example.com",  # a deleted user's order shows as a guest's (M2)
}
DRAFTS = {154, 187, 202, 205}  # on post storage the list of all orders holds checkout drafts (recorded)
UNPAID = {144, 147, 150, 157, 167, 170, 175, 177, 180, 185, 191, 192, 193, 194, 195, 197, 204, 206, 209, 215, 237, 249}
UNPAID |= {250}
DELIVERY = {
    170: date(2026, 7, 15),  # placed on 30 June at 23:51 UTC, 1 July in Kolkata
    190: date(2026, 9, 24),  # 9 September, 19:23 UTC
    194: date(2026, 10, 8),
}


@pytest.fixture
def older(shared: Path) -> Iterator[Replay]:
    """Store B."""
    opened = Replay(store_b(shared / "woocommerce" / "recordings"))
    yield opened
    opened.stop()
    assert not opened.unknown, opened.unknown


def test_the_older_store_comes_in_whole_but_for_its_drafts(
    running: Process, bells: queues.MemoryBells, older: Replay
) -> None:
    merchant.import_all(running, bells, older, elements=("contacts", "orders", "transactions"))
    with running.database.reading() as session:
        print(merchant.table_of_reasons(session))
        assert merchant.counts(session) == {
            "contacts": (49, 49, 0, 0),
            "orders": (100, 96, 4, 0),
            # 72 payments and five refunds, three of which are of orders that were not recorded
            "transactions": (77, 74, 3, 0),
        }
        assert merchant.set_aside(session) == {
            **{("orders", woo_id): ("skipped", "draft") for woo_id in DRAFTS},
            ("transactions", 268): ("skipped", "order_not_here"),
            ("transactions", 269): ("skipped", "order_not_here"),
            ("transactions", 270): ("skipped", "order_not_here"),
        }
        statuses = Counter(session.scalars(select(Order.woo_status)))
        assert statuses == {
            "completed": 48,
            "processing": 18,
            "pending": 9,
            "on-hold": 8,
            "shipped": 6,
            "cancelled": 4,
            "failed": 3,
        }
        linked = select(ContactLink.contact_id)
        guests = set(session.scalars(select(Contact.email).where(Contact.id.not_in(linked))))
        assert {email.lower() for email in guests} == GUESTS
        assert session.scalar(select(func.count(Contact.id))) == 49 + len(GUESTS) == 67
        paid = set(session.scalars(select(Transaction.woo_order_id).where(Transaction.kind == "payment")))
        everything = set(session.scalars(select(Order.woo_id)))
        assert everything - paid == UNPAID | {217}  # 217: completed, with a total of 0.00 (T1)
        refunds = session.execute(
            select(Transaction.woo_refund_id, Transaction.woo_order_id, Transaction.amount).where(
                Transaction.kind == "refund"
            )
        )
        assert {tuple(row) for row in refunds} == {(272, 224, -199_900), (271, 229, -14_800_000)}
        assert session.scalar(select(func.count(OrderLine.id)).where(OrderLine.product_id.is_not(None))) == 0
        assert session.scalar(select(func.count(Event.id))) == 0
        # O4: the store's own day, in Kolkata
        dates = select(Order.woo_id, Order.delivery_date).where(Order.woo_id.in_(DELIVERY))
        assert dict(session.execute(dates).all()) == DELIVERY


def test_refunds_of_nothing_and_of_what_was_never_paid_make_no_transaction(
    running: Process, bells: queues.MemoryBells, shared: Path
) -> None:
    recordings = shared / "woocommerce" / "recordings"
    shop = Replay(store_a(recordings))
    # Recorded later in store A: a refund of 0.00, and the one that a failed, unpaid order got by its status "refunded".
    nothing = json.loads((recordings / "order-refunds/create-amount-zero.json").read_text())["response"]["body"]
    unpaid = json.loads((recordings / "orders/status-refunded-refund-list.json").read_text())["response"]["body"][0]
    for refund, order_id in ((nothing, 211), (unpaid, 85)):
        shop.shelf.refunds[refund["id"]] = refund | {"parent_id": order_id}
    try:
        merchant.import_all(running, bells, shop)
    finally:
        shop.stop()
    assert not shop.unknown
    with running.database.reading() as session:
        assert merchant.counts(session)["transactions"] == (141, 139, 2, 0)
        found = merchant.set_aside(session)
        assert found["transactions", nothing["id"]] == ("skipped", "zero_amount")  # T2: each refund > 0
        assert found["transactions", unpaid["id"]] == ("skipped", "order_without_payment")  # T2
