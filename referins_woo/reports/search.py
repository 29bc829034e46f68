"""One search over everything: a few contacts, orders, products and automations that the words may mean."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from sqlalchemy import select
from sqlalchemy.orm import Session

from referins_woo.commerce.models import Contact, Order, Product
from referins_woo.reports.catalogue import PRODUCTS
from referins_woo.reports.contacts import CONTACTS
from referins_woo.reports.listing import Wanted, contains
from referins_woo.reports.orders import ORDERS
from referins_woo.runs.models import Automation

EACH: Final = 5


@dataclass(frozen=True, slots=True)
class Hits:
    """What was found, the likeliest first."""

    contacts: list[Contact]
    orders: list[Order]
    products: list[Product]
    automations: list[Automation]


def search(session: Session, account_id: int, words: str) -> Hits:
    """Return what the words may mean; nothing for none."""
    if not words:
        return Hits([], [], [], [])
    contacts = CONTACTS.find_few(session, account_id, Wanted(q=words, sort="created", descending=True, size=EACH))
    orders = ORDERS.find_few(session, account_id, Wanted(q=words, sort="placed", descending=True, size=EACH))
    products = PRODUCTS.find_few(session, account_id, Wanted(q=words, sort="name", size=EACH))
    automations = session.scalars(
        select(Automation)
        .where(Automation.account_id == account_id, contains(Automation.name, words))
        .order_by(Automation.name)
        .limit(EACH)
    )
    return Hits(
        contacts=[row.contact for row in contacts],
        orders=[row.order for row in orders],
        products=[row.product for row in products],
        automations=list(automations),
    )
