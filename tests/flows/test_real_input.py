"""Imports a real store's recorded objects and holds the mirror against what the rules give, written out by hand.

Every expected value was worked out from the recordings by a person; the rule that gives it stands beside it. Nothing
here is computed by the code under test.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from referins_woo import queues
from referins_woo.commerce.models import (
    Collection,
    Contact,
    ContactLink,
    Order,
    OrderLine,
    Product,
    Transaction,
    Variant,
)
from referins_woo.events.models import Event
from referins_woo.mail.models import Message
from referins_woo.process import Process
from tests.replay import merchant
from tests.replay.server import Replay
from tests.replay.shelf import store_a


@pytest.fixture
def shop(shared: Path) -> Iterator[Replay]:
    """Store A. A test during which something never recorded was asked for fails."""
    opened = Replay(store_a(shared / "woocommerce" / "recordings"))
    yield opened
    opened.stop()
    assert not opened.unknown, opened.unknown


@pytest.fixture
def imported(running: Process, bells: queues.MemoryBells, shop: Replay) -> Iterator[Session]:
    """A session that reads the mirror after connecting and importing everything."""
    merchant.import_all(running, bells, shop)
    with running.database.reading() as session:
        yield session


# What the store's own lists count (X-WP-Total of the recordings), and where each record went.
COUNTS = {
    # 60 users = 49 listed as customers + 4 as subscribers − 1 in both (cust41) + 8 others (M1)
    "contacts": (60, 52, 8, 0),
    # 40 products, 12 of them set aside by P1
    "products": (40, 28, 12, 0),
    # 18 categories, 5 of which no imported product names (P4)
    "collections": (18, 13, 5, 0),
    # 158 orders; drafts and trash are not in the list (O1, fact 28)
    "orders": (158, 158, 0, 0),
    # 117 paid orders with money in them (T1) + 22 refunds of paid orders (T2)
    "transactions": (139, 139, 0, 0),
}

SET_ASIDE = {
    # M1: the lists of role=customer and role=subscriber decide
    ("contacts", 1): "role",  # administrator
    ("contacts", 55): "role",  # shop manager
    ("contacts", 56): "role",  # shop manager
    ("contacts", 57): "role",  # administrator
    ("contacts", 58): "role",  # editor
    ("contacts", 59): "role",  # author
    ("contacts", 60): "role",  # contributor
    ("contacts", 61): "role",  # no role: shown as customer, listed as none (fact 46)
    # P1: other type, not published, no variants, price zero or empty, in this order
    ("products", 18): "no_price",  # Free Sticker, "0"
    ("products", 19): "no_price",  # Price on request lantern, ""
    ("products", 32): "not_published",  # draft
    ("products", 33): "not_published",  # draft without price: the status is looked at first
    ("products", 34): "not_published",  # private
    ("products", 35): "not_published",  # pending
    ("products", 36): "not_published",  # future
    ("products", 37): "type_not_supported",  # external
    ("products", 38): "type_not_supported",  # external
    ("products", 39): "type_not_supported",  # grouped
    ("products", 40): "type_not_supported",  # grouped without price: the type is looked at first
    ("products", 69): "no_variants",  # Felt Hat
    # P4: only what an imported product names itself, not the parents of that
    ("collections", 18): "no_imported_product",  # Clothing: named by 36 (future) and 69 (no variations) only
    ("collections", 22): "no_imported_product",  # Kids
    ("collections", 30): "no_imported_product",  # Empty shelf
    ("collections", 33): "no_imported_product",  # Duplicate
    ("collections", 34): "no_imported_product",  # Duplicate
}


def test_every_record_of_the_store_is_here_or_set_aside_with_its_reason(imported: Session) -> None:
    found = merchant.counts(imported)
    print(merchant.table_of_reasons(imported))
    assert found == COUNTS
    for total, done, skipped, failed in found.values():
        assert total == done + skipped + failed
    assert merchant.set_aside(imported) == {key: ("skipped", code) for key, code in SET_ASIDE.items()}
    per_element = Counter(element for element, _ in SET_ASIDE)
    assert {name: skipped for name, (_, _, skipped, _) in found.items() if skipped} == dict(per_element)


def test_the_totals_are_those_that_the_store_itself_claims(imported: Session, shop: Replay) -> None:
    # The lengths of the recorded lists, which are also their X-WP-Total headers.
    assert len(shop.shelf.users) == COUNTS["contacts"][0]
    assert len(shop.shelf.products.keys() - {74}) == COUNTS["products"][0]  # 74 is in the trash
    assert len(shop.shelf.categories) == COUNTS["collections"][0]
    hidden = [raw for raw in shop.shelf.orders.values() if raw["status"] in ("trash", "checkout-draft")]
    assert (len(shop.shelf.orders) - len(hidden), len(hidden)) == (158, 9)
    assert len(shop.shelf.refunds) == 22


# Woo id → (e-mail, name): first + last name (M7), account names decoded once (M4), as typed otherwise.
CUSTOMERS = {
    2: ("iris.vale@example.com", "Iris Vale"),
    3: ("cust2@example.com", "Tomas Reed"),
    4: ("alex.kim@example.com", "Alex Kim"),
    5: ("alex.kim+2@example.com", "Alex Kim"),  # M3: a plus address is another address; M6: other e-mail, new contact
    6: ("cust5@example.com", "Alex Kim"),
    7: ("cust6@example.com", "Alex Kim"),
    8: ("maria.lopez@example.com", "Maria Lopez"),
    9: ("zoe.angstrom@example.org", "Zoë Ångström"),
    10: ("cust9@example.com", "小龍 李"),
    11: ("cust10@example.com", "محمد الأمين"),
    12: ("cust11@example.com", "Nguyễn Thị Hạnh"),
    13: ("cust12@example.com", "Sunny 🌞 Day"),
    14: ("cust13@example.com", "Siobhán O'Malley"),
    15: ("cust14@example.com", "Jean-Luc D’Arcy"),
    16: ("cust15@example.com", "Noor van der Berg"),
    17: ("cust16@example.com", "Bob Bold"),
    18: ("cust17@example.com", "Ann Smith & Sons"),  # M4: "Smith &amp; Sons" decoded
    19: ("cust18@example.com", ""),
    20: ("cust19@example.com", ""),  # M3: an empty name never matches another
    21: ("cust20@example.com", "OnlyFirst"),
    22: ("cust21@example.com", "OnlyLast"),
    23: ("cust22@example.com", "Łukasz Żółć"),
    24: ("cust23@example.com", "Ádám Nagy"),
    25: ("cust24@example.com", "Dmitri Орлов"),
    26: ("cust25@example.com", "Elif Yılmaz"),
    27: ("cust26@example.com", "Hana Novák"),
    28: ("cust27@example.com", "Pia Lindqvist"),
    29: ("cust28@example.com", "Owen Hart"),
    30: ("cust29@example.com", "Grace Moss"),
    31: ("cust30@example.com", "Ravi Menon"),
    32: ("cust31@example.com", "Lena Vogt"),
    33: ("cust32@example.com", "Luca Bianchi"),
    34: ("cust33@example.com", "Amelie Dubois"),
    35: ("cust34@example.com", "Kenji 山田"),
    36: ("cust35@example.com", "Fatima Zahra"),
    37: ("cust36@example.com", "Peter Stone"),
    38: ("cust37@example.com", "Peter Stone"),  # M6: same name, other e-mail
    39: ("cust38@example.com", "Sara Holm"),
    40: ("cust39@example.com", "Mika Laine"),
    41: ("cust40@example.com", "Jo Park"),
    42: ("cust41@example.com", "Tess Quill"),  # customer and subscriber: one contact (M1)
    43: ("cust42@example.com", "Vik Rao"),
    44: ("cust43@example.com", "Wes Ford"),
    45: ("cust44@example.com", "Yara Sol"),
    46: ("cust45@example.com", "Zed Null"),
    48: ("cust47@example.com", "Umi Kato"),
    49: ("cust48@example.com", "Ola Berg"),
    50: ("cust49@example.com", "Ned Frost"),
    51: ("cust50@example.com", "Liv Dahl"),
    52: ("subscriber1@example.org", "Sub Scriber"),
    53: ("subscriber2@example.org", "Alex Kim"),
    54: ("subscriber3@example.org", ""),
}

# E-mail → (name, its orders): by e-mail alone (M2), fields of the oldest order (first in the walk by id).
GUESTS = {
    "guest14@example.net": ("Ash Guest", {87, 142, 152, 167}),
    "guest4@example.net": ("Sky Guest", {92, 127, 137}),  # 127 is by Gale, 137 by Ash
    "guest3@example.net": ("Robin Guest", {97, 117, 162, 187}),
    "guest5@example.net": ("Ash Guest", {102}),
    "guest6@example.net": ("Ash Guest", {112}),
    "guest2@example.net": ("Sky Guest", {122, 147}),
    "guest7@example.net": ("Sky Guest", {132, 157}),
    "guest13@example.net": ("Gale Guest", {172, 192}),
    "guest11@example.net": ("Gale Guest", {177, 207}),
    "guest9@example.net": ("Ash Guest", {182}),
    "guest12@example.net": ("Robin Guest", {197}),
    "maria.lopez+shop@example.com": ("María López", {214}),  # M3: a plus address is another address
    "gale.guest@example.net": ("Gale Guest", {217, 218, 239, 247, 248, 249, 250}),
    "lena.vogt@example.org": ("Lena Vogt", {225}),  # not customer 32: guests match by e-mail alone (M6)
    "eu1@example.org": ("Eu Nr 1", {226}),
    "eu2@example.org": ("Eu Nr 2", {227}),
    "eu3@example.org": ("Eu Nr 3", {228}),
    "eu4@example.org": ("Eu Nr 4", {229}),
    "kw1@example.com": ("Noura S", {233}),
    "kw2@example.com": ("Noura S", {234}),  # one name, two e-mails: two contacts
    "uk@example.org": ("Una Kirk", {235}),
    "eve@example.com": ('<i>Eve</i> O\'Neil & "Co"', {242}),  # billing names are kept as typed (M4)
    "fox@example.com": ("🦊 Fox 🌲", {243}),
    "cust46@example.com": ("Quinn Ash", {244}),  # customer 47 was deleted: Woo shows his order as a guest's (M2)
}

# Guest orders by an e-mail that a customer has, in any case: that customer's contact (M2, M3, M5).
GUEST_ORDERS_OF_CUSTOMERS = {211: 8, 212: 8, 213: 8}
# Without an e-mail an order has no contact (M2): a counter sale, and one without any billing.
ORDERS_OF_NOBODY = {215, 216}


def test_contacts_are_the_customers_subscribers_and_guests_of_the_store(imported: Session) -> None:
    links = {
        link.woo_id: (contact.email, contact.name)
        for link, contact in imported.execute(select(ContactLink, Contact).join_from(ContactLink, Contact))
    }
    assert links == CUSTOMERS
    linked = select(ContactLink.contact_id)
    guests = imported.scalars(select(Contact).where(Contact.id.not_in(linked))).all()
    assert {contact.email: contact.name for contact in guests} == {email: name for email, (name, _) in GUESTS.items()}
    assert len(guests) == len(GUESTS)
    assert all(contact.is_guest for contact in guests)
    # 52 users + 24 guests: two customers of one name stay two (M6), nobody is doubled.
    assert imported.scalar(select(func.count(Contact.id))) == 76
    assert imported.scalar(select(func.count(Contact.id)).where(Contact.is_guest)) == 24


def test_a_guest_order_never_changes_a_contact(imported: Session) -> None:
    maria = _contact(imported, 8)
    # Order 211 spells her "Maria.Lopez@example.com", 213 in capitals; the account says otherwise (M2).
    assert (maria.email, maria.phone, maria.is_guest) == ("maria.lopez@example.com", "+1 518 555 0106", False)
    assert (maria.billing["address_1"], maria.billing["city"]) == ("9 Mill Road", "Troy")
    assert (maria.shipping["address_1"], maria.comments) == ("Unit 6, 9 Dock St", "")  # M7


def test_a_customers_fields_come_from_the_account_never_from_an_order(imported: Session) -> None:
    alex = _contact(imported, 4)
    # Order 222 is billed to "Alexandra Kim-Roe", office@example.org (M4, fact 40).
    assert (alex.name, alex.email) == ("Alex Kim", "alex.kim@example.com")
    bob, ann = _contact(imported, 17), _contact(imported, 18)
    assert (bob.name, bob.billing["last_name"]) == ("Bob Bold", "<b>Bold</b>")  # billing names as typed (M4)
    assert (ann.last_name, ann.billing["last_name"]) == ("Smith & Sons", "Smith & Sons")
    assert _contact(imported, 20).billing == {}


def test_nobodys_consent_is_touched_and_nothing_fires(imported: Session) -> None:
    # I3; the sweep behind the import is silent as well: all of it was paid and placed before T0, and order 250, dated
    # January 2027, was in the store at T0 (triggers.md: history is silent).
    assert imported.scalars(select(Contact.consent).distinct()).all() == ["unknown"]
    assert imported.scalar(select(func.count(Contact.id)).where(Contact.consent_at.is_not(None))) == 0
    assert imported.scalar(select(func.count(Event.id))) == 0
    assert imported.scalar(select(func.count(Message.id)).where(Message.purpose != "system")) == 0


def test_every_order_belongs_to_its_contact(imported: Session, shop: Replay) -> None:
    orders = imported.execute(select(Order.woo_id, Order.woo_customer_id, Contact.email).outerjoin(Contact)).all()
    expected: dict[int, str | None] = {order: email for email, (_, ids) in GUESTS.items() for order in ids}
    expected |= {order: CUSTOMERS[woo_id][0] for order, woo_id in GUEST_ORDERS_OF_CUSTOMERS.items()}
    expected |= dict.fromkeys(ORDERS_OF_NOBODY)
    registered = {raw["id"]: raw["customer_id"] for raw in shop.shelf.orders.values() if raw["customer_id"]}
    expected |= {order: CUSTOMERS[woo_id][0] for order, woo_id in registered.items() if order in _ids(orders)}
    assert {order.woo_id: order.email for order in orders} == expected
    # Spelt out once, so that the line above cannot hide it: the billing e-mail does not decide (fact 40).
    found = {order.woo_id: order.email for order in orders}
    assert (found[222], found[111], found[136]) == ("alex.kim@example.com", "cust14@example.com", "cust5@example.com")


def test_orders_have_the_mapped_status_beside_the_raw_one(imported: Session) -> None:
    pairs = Counter(imported.execute(select(Order.status, Order.woo_status)).all())
    assert pairs == {  # O1
        ("Completed", "completed"): 67,
        ("Completed", "refunded"): 8,
        ("Cancelled", "cancelled"): 9,
        ("Cancelled", "failed"): 8,
        ("Pending", "processing"): 33,
        ("Pending", "on-hold"): 12,
        ("Pending", "pending"): 11,
        ("Pending", "shipped"): 10,  # a status made by a plugin
    }
    assert imported.scalars(select(Order.subtype).distinct()).all() == ["WooCommerce"]
    assert imported.scalar(select(func.count(Order.id)).where(Order.in_trash | Order.gone_at.is_not(None))) == 0


PAYMENT_STATES = {
    85: "unpaid",  # failed
    87: "paid",
    88: "refunded",  # in full
    117: "partially_refunded",  # 71.28 of 372.77
    141: "partially_refunded",  # two refunds of 7.50 together
    216: "unpaid",
    219: "paid",  # completed without a paid date (T1)
    220: "paid",  # on hold, and paid by bank
    221: "paid",  # cancelled, and paid
    230: "partially_refunded",  # JPY 1480 of 3108
    251: "unpaid",  # shipped without being paid
}

# Woo id → (local day of creation + 14, created) (O4): the store's day in New York decides.
DELIVERY = {
    92: (date(2025, 11, 24), datetime(2025, 11, 11, 1, 26, tzinfo=UTC)),  # local 10 November, 20:26
    247: (date(2026, 11, 15), datetime(2026, 11, 1, 5, 30, tzinfo=UTC)),  # 01:30, before the clocks go back
    248: (date(2026, 11, 15), datetime(2026, 11, 1, 6, 30, tzinfo=UTC)),  # 01:30 again
    249: (date(2026, 11, 14), datetime(2026, 11, 1, 3, 59, 59, tzinfo=UTC)),  # 31 October, 23:59:59
    250: (date(2027, 1, 19), datetime(2027, 1, 5, 15, 0, tzinfo=UTC)),  # in the future
}


def test_orders_have_their_payment_state_and_delivery_date(imported: Session) -> None:
    rows = {row.woo_id: row for row in imported.scalars(select(Order))}
    assert {woo_id: rows[woo_id].payment_state for woo_id in PAYMENT_STATES} == PAYMENT_STATES
    assert {woo_id: (rows[woo_id].delivery_date, rows[woo_id].placed_at) for woo_id in DELIVERY} == DELIVERY
    # What WooCommerce has completed is delivered (O8), and nothing else.
    completed = {row.woo_id for row in rows.values() if row.woo_status == "completed"}
    assert {row.woo_id for row in rows.values() if row.delivery_status == "delivered"} == completed
    assert {row.delivery_status for row in rows.values()} == {"delivered", "not_delivered"}


# (order, line) → (kind, name, SKU, quantity, price per unit, net, tax, tax rate): 1/10,000; price 1/1,000,000;
# rate in 1/10,000 of a percent. New York is 8 % + 0.375 % (O5: rates add up), shipping 8 % only.
LINES: dict[tuple[int, int], tuple[Any, ...]] = {
    # Prices with tax: 27.00 gross is 24.913495 net, as Woo's own `price` says (O5)
    (88, 11): ("product", "وشاح صوفي دافئ", "LRK-AR-1", 20_000, 24_913_495, 498_300, 41_800, 83_750),
    (88, 15): ("shipping", "Flat rate", "", 10_000, 7_500_000, 75_000, 6_000, 80_000),
    (88, 16): ("fee", "Gift wrap", "", 10_000, 4_000_000, 40_000, 3_400, 83_750),
    # 6.3999999999999995 is 6.40: a decimal, never a float
    (121, 184): ("product", "🌲 Pine Soap 🧼", "LRK-SOAP", 30_000, 6_400_000, 192_000, 16_100, 83_750),
    # Net of tax and of a 10 % coupon: 11.626297666… rounded half-even once
    (154, 352): ("product", "ספל שדה (Field cup)", "LRK-HE-1", 30_000, 11_626_298, 348_800, 29_200, 83_750),
    # Net of a fixed coupon: (59.90 × 2 − 2.50) ÷ 2
    (209, 636): (
        "product",
        "Fisherman Sweater - Rust, M",
        "LRK-SWT-RU-M",
        20_000,
        58_650_000,
        1_173_000,
        98_200,
        83_750,
    ),
    (92, 34): ("product", "Ridge Tent - Carbon | light", "LRK-TENT", 10_000, 399_000_000, 3_990_000, 334_200, 83_750),
    (211, 648): ("product", "Hand-drawn Valley Map", "LRK-MAP", 10_000, 9_990_000, 99_900, 0, 0),  # untaxed goods
    (223, 672): ("product", "Discontinued Kettle", "", 20_000, 41_000_000, 820_000, 68_700, 83_750),  # fact 23
    (224, 676): ("product", "Trashed Torch", "LRK-TORCH", 10_000, 17_000_000, 170_000, 14_200, 83_750),
    (225, 679): (
        *("product", "Fisherman Sweater - Moss green, S", "LRK-SWT-MO-S"),
        *(10_000, 19_990_000, 199_900, 38_000, 190_000),
    ),
    (225, 680): ("product", "Hand-drawn Valley Map", "LRK-MAP", 30_000, 19_990_000, 599_700, 42_000, 70_000),
    (225, 683): ("shipping", "DHL", "", 10_000, 4_900_000, 49_000, 9_300, 190_000),
    (230, 692): ("product", "手ぬぐい「山」", "LRK-JP-1", 10_000, 1_480_000_000, 14_800_000, 1_480_000, 100_000),
    # 8.125 dinars: the price has what the total has lost (fact 20)
    (233, 701): ("product", "وشاح صوفي دافئ", "LRK-AR-1", 10_000, 8_125_000, 81_300, 0, 0),
    (235, 704): ("product", "Heather Wool Scarf", "LRK-SCARF-01", 10_000, 27_220_300, 272_200, 54_400, 200_000),
    (235, 706): ("shipping", "Royal Post", "", 10_000, 3_950_000, 39_500, 7_900, 200_000),
    (235, 707): ("shipping", "Second parcel", "", 10_000, 2_000_000, 20_000, 4_000, 200_000),
    (237, 753): ("fee", "Loyalty discount", "", 10_000, -6_000_000, -60_000, -5_000, 83_750),  # O4: negative too
    (237, 754): ("fee", "Handling", "", 10_000, 2_500_000, 25_000, 2_100, 83_750),
    (238, 755): (
        *("product", "Ridge Tent - Carbon | light", "LRK-TENT"),
        *(31_250_000, 395_061_300, 12_345_665_600, 1_033_949_500, 83_750),
    ),
    (239, 758): ("product", "Free Sticker", "LRK-FREE", 10_000, 0, 0, 0, 83_750),  # a total for a rate, be it zero
    (241, 767): ("product", "Heather Wool Scarf", "LRK-SCARF-01", 10_000, 29_500_000, 295_000, 0, 0),  # tax-exempt
    (246, 781): ("product", "Rain Cape - Slate", "LRK-CAPE", 10_000, 92_000_000, 920_000, 77_100, 83_750),
}


def test_rows_of_orders_have_net_prices_and_tax_rates(imported: Session) -> None:
    rows = {
        (woo_id, line.woo_line_id): (
            *(line.kind, line.name, line.sku, line.quantity),
            *(line.price_per_unit, line.total, line.total_tax, line.tax_rate),
        )
        for woo_id, line in imported.execute(select(Order.woo_id, OrderLine).join_from(Order, OrderLine))
    }
    assert {key: rows[key] for key in LINES} == LINES
    assert Counter(row[0] for row in rows.values()) == {"product": 358, "shipping": 93, "fee": 14}


def test_rows_and_tax_make_the_total_of_every_order(imported: Session) -> None:
    sums = imported.execute(
        select(Order.woo_id, Order.total, func.sum(OrderLine.total), func.sum(OrderLine.total_tax))
        .outerjoin(OrderLine)
        .group_by(Order.id)
    ).all()
    assert len(sums) == 158
    # O4, exactly: also where prices hold tax, where a fee is negative, where a refund was made (it changes no line).
    assert {row[0]: row[1] - (row[2] or 0) - (row[3] or 0) for row in sums if row[1]} == dict.fromkeys(
        {row[0] for row in sums} - {217, 218, 239}, 0
    )


# (order, line) → (product, variation) by the store's ids (O4)
LINE_PRODUCTS = {
    (88, 11): (25, None),  # by its SKU
    (92, 34): (63, 65),  # the SKU is the parent's, which the variation shows for want of its own (P3): the ids tell
    (99, 69): (46, 56),
    (165, 416): (20, None),  # no SKU: by its ids; product 21 has the same name
    (223, 672): (None, None),  # the product is deleted: the line stands by itself
    (224, 676): (None, None),  # in the trash: not a product under P1
    (239, 758): (None, None),  # Free Sticker does not import (P1): no entry under Products
    (246, 780): (70, 72),
    (246, 781): (66, None),  # the variation was deleted, its product is there (fact 23)
}


def test_lines_lead_to_the_products_that_they_are(imported: Session) -> None:
    rows: dict[tuple[int, int], tuple[int | None, int | None]] = {
        (order, line): (product, variation)
        for order, line, product, variation in imported.execute(
            select(Order.woo_id, OrderLine.woo_line_id, Product.woo_id, Variant.woo_id)
            .join_from(Order, OrderLine)
            .outerjoin(Product, Product.id == OrderLine.product_id)
            .outerjoin(Variant, Variant.id == OrderLine.variant_id)
            .where(OrderLine.kind == "product")
        )
    }
    assert {key: rows[key] for key in LINE_PRODUCTS} == LINE_PRODUCTS
    # Of 358 product rows these three alone lead nowhere.
    assert {key for key, found in rows.items() if found == (None, None)} == {(223, 672), (224, 676), (239, 758)}


# Orders without a payment: not paid and not completed, or nothing to pay (T1).
UNPAID = {85, 94, 101, 103, 110, 111, 112, 114, 115, 120, 121, 128, 130, 133, 135, 138, 146, 147, 152, 157, 162, 163}
UNPAID |= {166, 167, 169, 172, 174, 177, 182, 185, 188, 197, 198, 208, 216, 217, 238, 250, 251}
NOTHING_TO_PAY = {218, 239}  # completed, and paid, with a total of 0.00

PAYMENTS = {  # order → (amount, currency, reference, time)
    87: (241_600, "USD", "txn_0f826a89cf68c399", datetime(2025, 10, 26, 8, 7, 8, tzinfo=UTC)),
    88: (735_400, "USD", "88", datetime(2025, 10, 29, 14, 57, 8, tzinfo=UTC)),  # refunded later: the total stays
    219: (319_700, "USD", "219", datetime(2026, 5, 13, 12, 53, 16, tzinfo=UTC)),  # by date_completed
    220: (319_700, "USD", "BANK-2026/11#4", datetime(2026, 11, 17, 11, 26, 14, tzinfo=UTC)),
    221: (319_700, "USD", "221", datetime(2026, 11, 7, 11, 26, 14, tzinfo=UTC)),  # cancelled, but money moved
    225: (937_900, "EUR", "225", datetime(2026, 2, 12, 11, 30, 48, tzinfo=UTC)),
    230: (31_080_000, "JPY", "230", datetime(2026, 7, 3, 11, 27, 37, tzinfo=UTC)),
    233: (81_300, "KWD", "233", datetime(2026, 7, 2, 11, 39, 53, tzinfo=UTC)),
}

# refund → (order, amount, currency); all were made on 2026-11-22 at 11:26:52 to :54 (T2: the refund's own time)
REFUNDS = {
    252: (88, -735_400, "USD"),
    253: (90, -436_700, "USD"),
    254: (97, -2_850_100, "USD"),
    255: (98, -1_983_300, "USD"),
    256: (99, -2_941_100, "USD"),
    257: (102, -2_783_800, "USD"),
    258: (105, -341_100, "USD"),
    259: (116, -868_400, "USD"),
    260: (117, -712_800, "USD"),
    261: (118, -64_000, "USD"),
    262: (125, -649_100, "USD"),
    263: (126, -128_900, "USD"),
    264: (127, -500_000, "USD"),
    265: (131, -4_324_200, "USD"),
    266: (137, -50_000, "USD"),
    267: (137, -25_000, "USD"),
    268: (140, -50_000, "USD"),
    269: (140, -25_000, "USD"),
    270: (141, -50_000, "USD"),
    271: (141, -25_000, "USD"),
    272: (230, -14_800_000, "JPY"),
    273: (225, -199_900, "EUR"),
}


def test_each_paid_order_has_one_payment_and_each_refund_one_row(imported: Session) -> None:
    rows = imported.scalars(select(Transaction)).all()
    payments = {row.woo_order_id: row for row in rows if row.kind == "payment"}
    refunds = {row.woo_refund_id: row for row in rows if row.kind == "refund"}
    assert len(rows) == len(payments) + len(refunds) == 139
    everything = set(imported.scalars(select(Order.woo_id)))
    assert everything - payments.keys() == UNPAID | NOTHING_TO_PAY
    found = {
        woo_id: (payments[woo_id].amount, payments[woo_id].currency, payments[woo_id].reference) for woo_id in PAYMENTS
    }
    assert found == {woo_id: payment[:3] for woo_id, payment in PAYMENTS.items()}
    assert {woo_id: payments[woo_id].occurred_at for woo_id in PAYMENTS} == {
        woo_id: payment[3] for woo_id, payment in PAYMENTS.items()
    }
    assert {key: (row.woo_order_id, row.amount, row.currency) for key, row in refunds.items()} == REFUNDS
    assert refunds[252].occurred_at == datetime(2026, 11, 22, 11, 26, 52, tzinfo=UTC)
    assert all(row.reversed_at is None for row in rows)


def test_payments_add_up_in_every_currency(imported: Session) -> None:
    sums = dict(
        imported.execute(
            select(Transaction.currency, func.sum(Transaction.amount))
            .where(Transaction.kind == "payment")
            .group_by(Transaction.currency)
        ).all()
    )
    assert sums == {
        "USD": 271_440_000,  # 27,144.00
        "EUR": 3_097_900,  # 93.79 + 21.60 + 43.20 + 64.80 + 86.40
        "JPY": 142_080_000,  # 3108 + 4736 + 6364
        "KWD": 243_800,  # 8.13 + 16.25
        "GBP": 497_900,
    }


# Woo id → (type, name, SKU, price)
PRODUCTS = {
    11: ("simple", "Heather Wool Scarf", "LRK-SCARF-01", 295_000),
    12: ("simple", "Enamel Mug", "LRK-MUG", 120_000),
    13: ("simple", "Enamel Mug, large", "LRK-MUG-L", 155_000),
    14: ("simple", "Hand-drawn Valley Map", "LRK-MAP", 99_900),
    15: ("simple", "Spirit Stove", "LRK-STOVE", 490_000),
    16: ("simple", "Gas Ring", "LRK-GAS", 330_000),
    17: ("simple", "Twig Burner", "LRK-TWIG", 550_000),
    20: ("simple", "No SKU Candle", "", 72_500),
    21: ("simple", "No SKU Candle", "", 72_500),
    22: ("simple", "Uncategorised Pebble", "LRK-PEB", 30_000),
    23: ("simple", 'Tea "Mountain & Sky" <b>loose</b> – 50g', "LRK-TEA", 119_000),
    24: ("simple", "🌲 Pine Soap 🧼", "LRK-SOAP", 64_000),
    25: ("simple", "وشاح صوفي دافئ", "LRK-AR-1", 270_000),
    26: ("simple", "ספל שדה (Field cup)", "LRK-HE-1", 140_000),
    27: ("simple", "手ぬぐい「山」", "LRK-JP-1", 180_000),
    29: ("simple", "Field Guide (e-book)", "LRK-EBOOK", 80_000),
    30: ("simple", "Gift Card $50", "LRK-GC50", 500_000),
    31: ("simple", "Bread-baking Workshop", "LRK-WS", 850_000),  # hidden from the catalogue, but published (P1)
    41: ("simple", "Tin Plate", "LRK-TIN-1", 51_000),
    42: ("simple", "Tin Bowl", "LRK-TIN-2", 61_000),
    43: ("simple", "Tin Spoon", "LRK-TIN-3", 71_000),
    44: ("simple", "Tin Fork", "LRK-TIN-4", 81_000),
    45: ("simple", "Tin Ladle", "LRK-TIN-5", 91_000),
    46: ("variable", "Fisherman Sweater", "LRK-SWT", 599_000),
    63: ("variable", "Ridge Tent", "LRK-TENT", 2_490_000),
    66: ("variable", "Rain Cape", "LRK-CAPE", 880_000),
    70: ("variable", "Poster", "LRK-POST", 70_000),
}
LONG_NAMED = 28  # "Very long product name that keeps going …", its SKU 70 letters long

# Woo id → (product, SKU, price, attributes)
VARIANTS: dict[int, tuple[Any, ...]] = {
    47: (46, "LRK-SWT-MO-S", 800_000, ["Moss green", "S"]),
    48: (46, "LRK-SWT-MO-M", 810_000, ["Moss green", "M"]),
    49: (46, "LRK-SWT-MO-L", 790_000, ["Moss green", "L"]),
    50: (46, "LRK-SWT-MO-XL", 800_000, ["Moss green", "XL"]),
    51: (46, "LRK-SWT-SL-S", 599_000, ["Slate", "S"]),
    52: (46, "LRK-SWT-SL-M", 790_000, ["Slate", "M"]),
    53: (46, "LRK-SWT-SL-L", 800_000, ["Slate", "L"]),
    54: (46, "LRK-SWT-SL-XL", 810_000, ["Slate", "XL"]),
    55: (46, "LRK-SWT-RU-S", 790_000, ["Rust", "S"]),
    56: (46, "LRK-SWT-RU-M", 599_000, ["Rust", "M"]),
    57: (46, "LRK-SWT-RU-L", 810_000, ["Rust", "L"]),
    58: (46, "LRK-SWT-RU-XL", 790_000, ["Rust", "XL"]),
    59: (46, "LRK-SWT-CR-S", 800_000, ["Crème", "S"]),
    60: (46, "LRK-SWT-CR-M", 810_000, ["Crème", "M"]),
    61: (46, "LRK-SWT-CR-L", 599_000, ["Crème", "L"]),
    # 62 is private: only published variations come (P3)
    64: (63, "LRK-TENT-A", 2_490_000, ["Aluminium"]),
    65: (63, "", 3_990_000, ["Carbon | light"]),  # shows its parent's SKU: counts as none (P3)
    67: (66, "LRK-CAPE-ANY", 880_000, []),
    71: (70, "LRK-POST-P", 220_000, ["Print"]),
    72: (70, "LRK-POST-D", 70_000, ["Digital"]),
}

COLLECTIONS = {
    15: "Uncategorized",
    19: "Knitwear",
    20: "Scarves & Wraps",  # decoded (P4)
    21: "Jackets",
    23: "Camping",
    24: "Stoves",
    25: "Tents",
    26: "Tents – 2 person",
    27: "Books & Maps",
    28: "Digital downloads",
    29: "Gift ideas 🎁",
    31: "Clearance 50%",
    32: "ملابس",
}


def test_products_are_those_that_the_rules_let_in(imported: Session) -> None:
    rows = {row.woo_id: row for row in imported.scalars(select(Product))}
    assert rows.keys() == PRODUCTS.keys() | {LONG_NAMED}
    assert {key: (row.type, row.name, row.sku, row.price) for key, row in rows.items() if key in PRODUCTS} == PRODUCTS
    assert rows[LONG_NAMED].name.startswith("Very long product name that keeps going")
    assert (len(rows[LONG_NAMED].sku), rows[LONG_NAMED].price) == (69, 10_000)
    assert all(row.include_in_online_store and not row.switched_off_here for row in rows.values())  # P2
    assert {row.currency for row in rows.values()} == {"USD"}
    assert (rows[11].manage_stock, rows[11].stock_quantity) == (True, -15)
    assert (rows[14].manage_stock, rows[14].stock_quantity) == (False, None)


def test_variants_are_the_published_priced_variations(imported: Session) -> None:
    rows = imported.execute(select(Variant, Product.woo_id).join_from(Variant, Product)).all()
    found = {
        variant.woo_id: (product, variant.sku, variant.price, [each["option"] for each in variant.attributes])
        for variant, product in rows
    }
    assert found == VARIANTS
    stock = {variant.woo_id: (variant.manage_stock, variant.stock_quantity) for variant, _ in rows}
    assert (stock[47], stock[56]) == (("no", None), ("yes", -8))
    assert stock[64] == ("parent", -3)  # draws on the tent's own pool (fact 24)


def test_collections_are_the_categories_that_imported_products_name(imported: Session) -> None:
    assert dict(imported.execute(select(Collection.woo_id, Collection.name)).all()) == COLLECTIONS


def _contact(session: Session, woo_id: int) -> Contact:
    return session.scalars(select(Contact).join(ContactLink).where(ContactLink.woo_id == woo_id)).one()


def _ids(orders: Any) -> set[int]:
    return {order.woo_id for order in orders}
