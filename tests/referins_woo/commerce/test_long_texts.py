"""Texts longer than an index of PostgreSQL holds come in all the same, on both databases."""

from __future__ import annotations

import random
from datetime import UTC, datetime

from sqlalchemy import select

from referins_woo.commerce.matching import email_key, name_key
from referins_woo.commerce.models import Contact, Product
from referins_woo.commerce.records import CustomerRecord, ProductRecord
from referins_woo.commerce.upsert.contacts import upsert_customers
from referins_woo.commerce.upsert.products import upsert_products
from referins_woo.db import Database
from referins_woo.stores import translate
from tests.factories.rows import account_with_everything

NOW = datetime(2026, 11, 25, 12, 0, tzinfo=UTC)


def _noise(length: int) -> str:
    """Letters that no database can pack into less."""
    dice = random.Random(7)
    return "".join(chr(dice.randrange(0x4E00, 0x9FFF)) for _ in range(length))


def test_a_customer_and_a_product_of_monstrous_names_are_stored(database: Database) -> None:
    made = account_with_everything(database, "ours@example.com")
    name = _noise(6_000)
    address = {"phone": _noise(6_000), "city": _noise(6_000)}
    customer = translate.customer(
        {"id": 901, "email": f"{_noise(3_000)}@example.com", "first_name": name, "billing": address, "role": "customer"}
    )
    product = translate.product(
        {"id": 902, "type": "simple", "status": "publish", "name": name, "sku": _noise(3_000), "price": "5.00"}
    )
    assert isinstance(customer, CustomerRecord)
    assert isinstance(product, ProductRecord)
    with database.unit() as session:
        store_id = made.ids["store_id"]
        upsert_customers(session, made.account_id, store_id, [customer], NOW)
        upsert_products(session, made.account_id, store_id, "EUR", [product], NOW)
    with database.reading() as session:
        contact = session.scalars(select(Contact).order_by(Contact.id.desc())).first()
        assert contact is not None
        assert (contact.name, len(contact.phone)) == (name, 60), "the name itself is kept whole"
        assert session.scalars(select(Product.name).where(Product.woo_id == 902)).one() == name[:500]


def test_long_keys_still_tell_people_apart() -> None:
    assert name_key("a" * 500) != name_key("a" * 501)
    assert email_key("b" * 500 + "@example.com") != email_key("b" * 501 + "@example.com")
    assert len(name_key("a" * 500)) == 200
    assert name_key("Ana  Petrova") == "ana petrova"
