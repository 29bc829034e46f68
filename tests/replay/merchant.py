"""What a merchant does with a replayed shop: connects it as the wizard would, imports it, and what lies here then."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Collection
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import Session

import referins_woo.ingest.jobs
import referins_woo.mail.jobs
import referins_woo.runs.jobs
import referins_woo.stores.jobs
from referins_woo import queues
from referins_woo.accounts.models import Membership
from referins_woo.accounts.users import create_user
from referins_woo.commerce.models import (
    Collection as Shelf,
)
from referins_woo.commerce.models import (
    Contact,
    ContactLink,
    Order,
    OrderLine,
    Product,
    Transaction,
    Variant,
)
from referins_woo.events.models import Event
from referins_woo.ingest import importing
from referins_woo.ingest.models import Import, ImportElement, SkippedRecord
from referins_woo.mail.models import Message
from referins_woo.process import Process
from referins_woo.stores import connect
from referins_woo.stores.choices import ELEMENTS, Choices
from referins_woo.stores.models import Store
from tests.conftest import ClockHand
from tests.replay.server import Replay
from tests.replay.shelf import KEY, SECRET

PAGE = 30


def connect_store(process: Process, shop: Replay, elements: Collection[str] = ELEMENTS, **choices: Any) -> int:
    """Sign up, type in the shop's address, look at it, and give keys; returns the store's id. Nothing is imported."""
    with process.database.unit() as session:
        create_user(session, "owner@shop.example", "correct horse battery", name="Olga")
    return connect_again(process, shop, elements, **choices)


def connect_again(process: Process, shop: Replay, elements: Collection[str] = ELEMENTS, **choices: Any) -> int:
    """Go through the wizard as the user who is there."""
    address = connect.normalise_url(shop.url, process.config)
    seen = connect.preflight(process, address.url)
    assert seen.ok, seen.problem
    with process.database.unit() as session:
        account_id = session.scalars(select(Membership.account_id)).one()
        wanted = Choices(elements=frozenset(elements), **choices)
        store = connect.create_pending_store(session, process, account_id, seen.url, wanted)
        pending = store.id
    accepted = connect.accept_keys(process, pending, KEY, SECRET)
    assert (accepted.state, accepted.is_repair) == ("connected", False)
    return accepted.store_id


def begin_import(process: Process, store_id: int) -> int:
    """Begin the import chosen when connecting, as the page that the merchant comes back to does."""
    with process.database.unit() as session:
        begun = importing.start_first(session, session.get_one(Store, store_id))
        assert begun is not None
        return begun.id


def import_again(process: Process, store_id: int, elements: Collection[str] = ELEMENTS) -> int:
    """Press Re-import."""
    with process.database.unit() as session:
        return importing.start(session, session.get_one(Store, store_id), elements).id


def import_all(process: Process, bells: queues.MemoryBells, shop: Replay, **choices: Any) -> int:
    """Connect and import to the end, with the sweep behind it; returns the store's id."""
    store_id = connect_store(process, shop, **choices)
    begin_import(process, store_id)
    bells.drain()
    return store_id


def begin(running: Process, shop: Replay, clock: ClockHand, connections: int) -> tuple[int, int]:
    """Connect the shop and begin its import, in pages of 30 rows; returns the ids of the store and the import."""
    shop.now = clock.now
    store_id = connect_store(running, shop)
    with running.database.unit() as session:
        store = session.get_one(Store, store_id)
        store.page_size, store.connections = PAGE, connections
    return store_id, begin_import(running, store_id)


def until_done(running: Process, bells: queues.MemoryBells, clock: ClockHand, import_id: int) -> None:
    """Drain, and let the clock's sweeps ring after each pause, until the import has ended."""
    for _ in range(400):
        bells.drain()
        with running.database.reading() as session:
            state, note = state_of(session, import_id)
        if state == "done":
            bells.drain()
            return
        assert state in ("waiting", "running"), (state, note)
        clock.advance(minutes=11)
        referins_woo.stores.jobs.ring_for_suspects()
        referins_woo.ingest.jobs.ring_for_imports()
    raise AssertionError(f"not done: {state} {note}")


def assert_equal(found: dict[str, Any], expected: dict[str, Any]) -> None:
    """Fail with the first row that differs."""
    for kind, rows in expected.items():
        if found[kind] == rows or not isinstance(rows, dict):
            assert found[kind] == rows, kind
            continue
        differing = {key for key in {*rows, *found[kind]} if rows.get(key) != found[kind].get(key)}
        key = min(differing, key=repr)
        raise AssertionError(f"{len(differing)} {kind} differ: {key}: {found[kind].get(key)} is not {rows.get(key)}")


def state_of(session: Session, import_id: int) -> tuple[str, str]:
    """Return an import's state and note."""
    row = session.get_one(Import, import_id)
    return row.state, row.note


def counts(session: Session) -> dict[str, tuple[int | None, int, int, int]]:
    """Return element → (total, done, skipped, failed) of the newest import."""
    newest = select(func.max(Import.id)).scalar_subquery()
    rows = session.execute(select(ImportElement).where(ImportElement.import_id == newest)).scalars()
    return {row.element: (row.total, row.done, row.skipped, row.failed) for row in rows}


def set_aside(session: Session) -> dict[tuple[str, int], tuple[str, str]]:
    """Return (element, Woo id) → (kind, reason code) of everything that was set aside."""
    rows = session.execute(select(SkippedRecord)).scalars()
    return {(row.element, row.woo_id): (row.kind, row.reason_code) for row in rows}


def table_of_reasons(session: Session) -> str:
    """Return what was set aside, as lines to print."""
    rows = session.execute(select(SkippedRecord).order_by(SkippedRecord.element, SkippedRecord.woo_id)).scalars()
    return "\n".join(f"{row.element:<13}{row.woo_id:>6}  {row.kind}: {row.reason}  ({row.name})" for row in rows)


def mirror(session: Session) -> dict[str, Any]:
    """Return all that an import writes, by the store's own ids: equal for equal mirrors, whatever our keys are.

    Left out are our ids, and when a row was written.
    """
    email = dict(session.execute(select(Contact.id, Contact.email_key)).all())
    order = dict(session.execute(select(Order.id, Order.woo_id)).all())
    product = dict(session.execute(select(Product.id, Product.woo_id)).all())
    variant = dict(session.execute(select(Variant.id, Variant.woo_id)).all())
    contacts = Counter(
        json.dumps(_columns(row, "id"), sort_keys=True, default=str) for row in session.scalars(select(Contact))
    )
    links = {
        row.woo_id: (email[row.contact_id], row.username, row.role) for row in session.scalars(select(ContactLink))
    }
    orders = {
        row.woo_id: _columns(row, "id", "contact_id", "observed") | {"contact": email.get(row.contact_id or 0)}
        for row in session.scalars(select(Order))
    }
    lines = {
        (order[row.order_id], row.kind, row.woo_line_id): _columns(row, "id", "order_id", "product_id", "variant_id")
        | {"product": product.get(row.product_id or 0), "variant": variant.get(row.variant_id or 0)}
        for row in session.scalars(select(OrderLine))
    }
    products = {row.woo_id: _columns(row, "id") for row in session.scalars(select(Product))}
    variants = {
        row.woo_id: _columns(row, "id", "product_id") | {"product": product[row.product_id]}
        for row in session.scalars(select(Variant))
    }
    collections = {row.woo_id: _columns(row, "id") for row in session.scalars(select(Shelf))}
    transactions = {
        (row.kind, row.woo_order_id, row.woo_refund_id): _columns(row, "id", "order_id")
        for row in session.scalars(select(Transaction))
    }
    return {
        "contacts": contacts,
        "links": links,
        "orders": orders,
        "lines": lines,
        "products": products,
        "variants": variants,
        "collections": collections,
        "transactions": transactions,
        "events": session.scalar(select(func.count(Event.id))),
        "messages": session.scalar(select(func.count(Message.id)).where(Message.purpose != "system")),
    }


_WRITTEN = ("created_at", "updated_at", "sales_at", "account_id", "store_id", "location_id")


def _columns(row: Any, *without: str) -> dict[str, Any]:
    hidden = {*without, *_WRITTEN}
    return {column.key: getattr(row, column.key) for column in row.__table__.columns if column.key not in hidden}
