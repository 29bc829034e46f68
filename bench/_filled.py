"""A database with an account that has sold for years: contacts, orders, products and what belongs to them, invented."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import insert, select

from referins_woo.accounts import users
from referins_woo.commerce.models import (
    Collection,
    CollectionProduct,
    Contact,
    ContactLink,
    CustomerMapping,
    Location,
    Order,
    OrderLine,
    Product,
    Transaction,
)
from referins_woo.crypto import new_token
from referins_woo.db import Database
from referins_woo.mail.models import Message
from referins_woo.runs import automations
from referins_woo.runs.models import Run
from referins_woo.stores.models import Store

EMAIL = "merchant@example.com"
PASSWORD = "correct horse battery"
_BATCH = 5_000
_FIRST = ("Ana", "Björn", "Chloé", "Dmitri", "Élise", "Farid", "Greta", "Hiro", "Ines", "Jonas", "Katja", "Luca", "Mei")
_LAST = ("Petrova", "Schmidt", "Dupont", "Okafor", "Rossi", "Nakamura", "García", "Novák", "Larsson", "Kim", "Müller")
_GOODS = ("Hoodie", "Mug", "Notebook", "Candle", "Tote bag", "Poster", "Beanie", "Teapot", "Scarf", "Lamp", "Blanket")
_CITIES = (("Berlin", "DE"), ("Paris", "FR"), ("Lyon", "FR"), ("Roma", "IT"), ("Praha", "CZ"), ("Malmö", "SE"))
_STATUSES = (
    ("Completed", "completed", "paid"),
    ("Completed", "completed", "paid"),
    ("Completed", "completed", "paid"),
    ("Pending", "processing", "paid"),
    ("Completed", "refunded", "refunded"),
    ("Pending", "on-hold", "unpaid"),
    ("Cancelled", "cancelled", "unpaid"),
    ("Completed", "completed", "partially_refunded"),
)


@dataclass(frozen=True)
class Filled:
    """The account and its store."""

    account_id: int
    user_id: int
    store_id: int


def fill(database: Database, count: int, now: datetime, *, products: int | None = None) -> Filled:
    """Make the account with `count` contacts, orders, transactions, products, runs and messages each."""
    made = _account(database)
    products = count if products is None else products
    ids = {"account_id": made.account_id, "store_id": made.store_id}
    _insert(database, Contact, _contacts(made.account_id, count, now))
    _insert(database, Product, _products(ids, products))
    _insert(
        database,
        Collection,
        ({**ids, "woo_id": n, "name": f"{_GOODS[n % 11]} {n}", "slug": f"goods-{n}"} for n in range(1, 201)),
    )
    with database.reading() as session:
        first_contact, first_product = (
            session.scalars(select(table.id).where(table.account_id == made.account_id).order_by(table.id)).first() or 1
            for table in (Contact, Product)
        )
    _insert(database, ContactLink, _links(ids, count, first_contact))
    _insert(database, CustomerMapping, _mappings(ids, count, first_contact, now))
    _insert(
        database,
        CollectionProduct,
        ({"product_id": first_product + n, "woo_category_id": n % 200 + 1} for n in range(products)),
    )
    _insert(database, Order, _orders(ids, count, first_contact, now))
    with database.reading() as session:
        first_order = (
            session.scalars(select(Order.id).where(Order.account_id == made.account_id).order_by(Order.id)).first() or 1
        )
    _insert(database, OrderLine, _lines(made.account_id, count, first_order, first_product, products))
    _insert(database, Transaction, _transactions(ids, count, first_order, now))
    with database.unit() as session:
        automation = automations.create_from_recipe(session, made.account_id, "order_confirmation")
        session.flush()
        version = automations.publish(session, automation.id, made.account_id, made.user_id)
        run_of = {"automation_id": automation.id, "version_id": version.id, **ids}
    _insert(database, Run, _runs(run_of, count, first_order, first_contact, now))
    with database.reading() as session:
        first_run = (
            session.scalars(select(Run.id).where(Run.account_id == made.account_id).order_by(Run.id)).first() or 1
        )
    _insert(database, Message, _messages(ids, count, first_run, first_contact, now))
    with database.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        # As PostgreSQL does by itself after so many rows: indexes alone then answer.
        connection.exec_driver_sql("ANALYZE" if database.is_sqlite else "VACUUM ANALYZE")
    return made


def _account(database: Database) -> Filled:
    with database.unit() as session:
        user = users.create_user(session, EMAIL, PASSWORD, name="Merle Fischer", account_name="Nordlicht Goods")
        account = users.accounts_of(session, user.id)[0]
        account.time_zone, account.base_currency = "Europe/Berlin", "EUR"
        location_id = session.scalars(select(Location.id).where(Location.account_id == account.id)).one()
        store = Store(
            account_id=account.id,
            location_id=location_id,
            url="https://nordlicht.example.com",
            name="Nordlicht Goods",
            identity=f"filled-{account.id}",
            state="connected",
            cause="ok",
            hook_token=new_token(),
            hook_secret_locked="locked",
            currency="EUR",
            time_zone="Europe/Berlin",
        )
        session.add(store)
        session.flush()
        return Filled(account.id, user.id, store.id)


def _insert(database: Database, table: type, rows: Iterator[dict[str, Any]]) -> None:
    batch: list[dict[str, Any]] = []
    for row in rows:
        batch.append(row)
        if len(batch) == _BATCH:
            with database.unit() as session:
                session.execute(insert(table), batch)
            batch = []
    if batch:
        with database.unit() as session:
            session.execute(insert(table), batch)


def _name(n: int) -> tuple[str, str]:
    return _FIRST[n % len(_FIRST)], _LAST[n // 3 % len(_LAST)]


def _email(n: int) -> str:
    first, last = _name(n)
    return f"{first}.{last}{n}@example.com".lower()


def _address(n: int) -> dict[str, str]:
    (first, last), (city, country) = _name(n), _CITIES[n % len(_CITIES)]
    return {
        "first_name": first,
        "last_name": last,
        "address_1": f"{n % 180 + 1} Example Street",
        "city": city,
        "postcode": f"{10_000 + n % 80_000}",
        "country": country,
        "email": _email(n),
    }


def _contacts(account_id: int, count: int, now: datetime) -> Iterator[dict[str, Any]]:
    for n in range(count):
        first, last = _name(n)
        yield {
            "account_id": account_id,
            "name": f"{first} {last}",
            "name_key": f"{first} {last}".casefold(),
            "first_name": first,
            "last_name": last,
            "email": _email(n),
            "email_key": _email(n),
            "phone": f"+49 30 {n:07d}",
            "billing": _address(n),
            "shipping": _address(n),
            "is_guest": n % 4 == 0,
            "consent": ("subscribed", "unknown", "unknown", "unsubscribed")[n % 4],
            "tags": [["vip"], ["wholesale", "berlin"], [], [], []][n % 5],
            "created_at": now - timedelta(minutes=n * 11),
        }


def _links(ids: dict[str, int], count: int, first_contact: int) -> Iterator[dict[str, Any]]:
    """Yield the store's customers: all but guests."""
    for n in range(count):
        if n % 4:
            yield {**ids, "woo_id": n + 1, "contact_id": first_contact + n, "username": f"user{n}", "role": "customer"}


def _mappings(ids: dict[str, int], count: int, first_contact: int, now: datetime) -> Iterator[dict[str, Any]]:
    """Yield what was said of half of the contacts: ticked, and of guests that they are suggested or in conflict."""
    for n in range(0, count, 2):
        state = ("suggested", "conflict")[n % 8 == 0] if n % 4 == 0 else ""
        yield {
            **ids,
            "contact_id": first_contact + n,
            "is_ticked": n % 6 == 0,
            "state": state,
            "evidence": "The same name." if state else "",
            "updated_at": now,
            "offered_woo_id": n + 7_000_000 if state else None,
        }


def _products(ids: dict[str, int], count: int) -> Iterator[dict[str, Any]]:
    for n in range(count):
        yield {
            **ids,
            "woo_id": n + 1,
            "type": "simple",
            "woo_status": "publish" if n % 9 else "draft",
            "name": f"{_GOODS[n % len(_GOODS)]} {n:05d}",
            "sku": f"SKU-{n:06d}",
            "price": 100_000 + n % 900 * 1_000,
            "currency": "EUR",
            "include_in_online_store": bool(n % 9),
            "stock_quantity": n % 40,
            "stock_status": "instock" if n % 40 else "outofstock",
            "modified_at": datetime(2026, 1, 1, tzinfo=UTC) + timedelta(minutes=n),
            "content_hash": "x",
        }


def _total(n: int) -> int:
    return 250_000 + n * 7_919 % 1_900_000


def _orders(ids: dict[str, int], count: int, first_contact: int, now: datetime) -> Iterator[dict[str, Any]]:
    for n in range(count):
        status, woo_status, payment = _STATUSES[(n * 7 + n // 5) % len(_STATUSES)]
        total = _total(n)
        placed = now - timedelta(minutes=n * 37 + n % 5 * 7)
        yield {
            **ids,
            "woo_id": count - n,
            "number": str(100_000 + count - n),
            "status": status,
            "woo_status": woo_status,
            "payment_state": payment,
            "currency": "EUR" if n % 13 else "USD",
            "total": total,
            "total_tax": total * 19 // 119,
            "refunded_total": {"refunded": total, "partially_refunded": total // 4}.get(payment, 0),
            "contact_id": first_contact + n * 13 % count,
            "email": _email(n * 13 % count),
            "email_key": _email(n * 13 % count),
            "billing": _address(n * 13 % count),
            "shipping": _address(n * 13 % count),
            "payment_method_title": "Card",
            "placed_at": placed,
            "paid_at": None if payment == "unpaid" else placed,
            "sales_at": placed if n % 4 else None,
            "base_currency": "EUR" if n % 13 else "",
            "base_rate": "1" if n % 13 else "",
            "base_total": total if n % 13 else None,
            "delivery_date": placed.date() + timedelta(days=14),
            "content_hash": "x",
        }


def _lines(
    account_id: int, count: int, first_order: int, first_product: int, products: int
) -> Iterator[dict[str, Any]]:
    for n in range(count):
        goods = n * 31 % products
        yield {
            "order_id": first_order + n,
            "account_id": account_id,
            "kind": "product",
            "woo_line_id": n + 1,
            "position": 0,
            "product_id": first_product + goods,
            "sku": f"SKU-{goods:06d}",
            "name": f"{_GOODS[goods % len(_GOODS)]} {goods:05d}",
            "quantity": (n % 3 + 1) * 10_000,
            "price_per_unit": _total(n) * 10_000 // 119 // (n % 3 + 1),
            "total": _total(n) * 100 // 119,
            "tax_rate": 190_000,
        }


def _transactions(ids: dict[str, int], count: int, first_order: int, now: datetime) -> Iterator[dict[str, Any]]:
    for n in range(count):
        refund = n % 12 == 0
        yield {
            **ids,
            "order_id": first_order + n,
            "woo_order_id": count - n,
            "woo_refund_id": 900_000 + n if refund else 0,
            "kind": "refund" if refund else "payment",
            "amount": -(_total(n) // 4) if refund else _total(n),
            "currency": "EUR",
            "method": "Card",
            "reference": f"ch_{n:024d}",
            "occurred_at": now - timedelta(minutes=n * 37),
        }


def _runs(
    of: dict[str, int], count: int, first_order: int, first_contact: int, now: datetime
) -> Iterator[dict[str, Any]]:
    for n in range(count):
        number = count - n - 1
        waits = n > count - 40
        yield {
            **of,
            "entry_key": f"order:filled:{n}",
            "order_id": first_order + number,
            "contact_id": first_contact + number * 13 % count,
            "state": "waiting" if waits else ("done", "done", "exited", "failed" if n % 400 == 3 else "done")[n % 4],
            "position": [],
            "due_at": now + timedelta(hours=n % 24 + 1) if waits else None,
            "started_at": now - timedelta(minutes=number * 37),
            "ended_at": None if waits else now - timedelta(minutes=number * 37 - 1),
        }


def _messages(
    ids: dict[str, int], count: int, first_run: int, first_contact: int, now: datetime
) -> Iterator[dict[str, Any]]:
    for n in range(count):
        number = count - n - 1
        written = now - timedelta(minutes=number * 37)
        sent = n % 50 != 7
        yield {
            **ids,
            "run_id": first_run + n,
            "contact_id": first_contact + number * 13 % count,
            "once_key": f"filled:{n}",
            "purpose": "transactional",
            "to_email": _email(number * 13 % count),
            "template": {"subject": "We have your order"},
            "facts": {},
            "subject": f"We have your order {100_000 + n}",
            "state": "sent" if sent else "skipped",
            "reason": "" if sent else "There is no usable e-mail address.",
            "created_at": written,
            "sent_at": written if sent else None,
        }
