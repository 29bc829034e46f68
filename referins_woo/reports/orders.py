"""Orders for their list and their page."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from sqlalchemy import ColumnElement, func, or_, select
from sqlalchemy.orm import Session

from referins_woo import clock
from referins_woo.commerce import locations, matching
from referins_woo.commerce.fulfilment import completes
from referins_woo.commerce.models import Contact, Location, Order, OrderLine, Product, Transaction
from referins_woo.events.models import Event
from referins_woo.mail.models import Message
from referins_woo.reports import batches
from referins_woo.reports.listing import Kind, Wanted, contains, days, has_key, in_order
from referins_woo.reports.timeline import Entry, of_order
from referins_woo.runs.models import Automation, Run
from referins_woo.stores.models import Store
from referins_woo.writeback.models import StoreWrite

OWN_STATUSES = ("pending", "processing", "on-hold", "completed", "cancelled", "refunded", "failed")
SORTS = {"placed": Order.placed_at, "number": Order.number, "total": Order.total, "customer": Order.email_key}


@dataclass(frozen=True, slots=True)
class OrderRow:
    """A line of the list."""

    order: Order
    contact_name: str
    is_guest: bool
    store_name: str
    items: int
    """Quantity of goods, in 1/10,000."""


@dataclass(frozen=True, slots=True)
class OrderPage:
    """All that the page of one order shows."""

    order: Order
    store: Store
    contact: Contact | None
    location: Location | None
    """Where it ships from; it may have been deleted since."""
    lines: list[tuple[OrderLine, str]]
    """Each with the name of the product here, empty when it stands by itself."""
    batches: dict[int, batches.OfOrder]
    """By row, which batches its goods came from; of rows of the same goods, the first stands for all."""
    transactions: list[Transaction]
    runs: list[tuple[Run, str]]
    """Each with the name of its automation."""
    messages: list[Message]
    events: list[Event]
    history: list[Entry]
    writes: list[StoreWrite]
    """What was sent to the store, or is on its way, newest first."""
    locations: list[Location]
    """Where it may be shipped from."""
    completes: str
    """What Delivered means in WooCommerce: `sends`, `asks`, `never` or `is_so`."""


def conditions(account_id: int, wanted: Wanted) -> list[ColumnElement[bool]]:
    """Return the conditions of the list's search words and filters."""
    found: list[ColumnElement[bool]] = [Order.account_id == account_id, *days(Order.placed_at, wanted)]
    for key, column in (
        ("status", Order.status),
        ("woo_status", Order.woo_status),
        ("subtype", Order.subtype),
    ):
        if wanted.get(key):
            found.append(column == wanted.get(key))
    if wanted.get("payment") == "any_paid":
        found.append(Order.payment_state != "unpaid")
    elif wanted.get("payment"):
        found.append(Order.payment_state == wanted.get("payment"))
    if (store_id := wanted.number("store")) is not None:
        found.append(Order.store_id == store_id)
    if (contact_id := wanted.number("contact")) is not None:
        found.append(Order.contact_id == contact_id)
    if wanted.get("currency"):
        found.append(Order.currency == wanted.get("currency"))
    if wanted.get("wc") == "gone":
        found.append(Order.gone_at.is_not(None))
    elif wanted.get("wc") == "trash":
        found.append(Order.in_trash.is_(True))
    if wanted.get("unpaid_for") == "24h":
        found += unpaid_since(clock.now() - timedelta(hours=24))
    if wanted.q:
        found.append(_search(account_id, wanted.q))
    return found


def unpaid_since(moment: datetime) -> list[ColumnElement[bool]]:
    """Conditions: placed before `moment`, and still neither paid nor cancelled."""
    return [Order.placed_at < moment, Order.payment_state == "unpaid", Order.status == "Pending"]


def _search(account_id: int, words: str) -> ColumnElement[bool]:
    """A condition: the order has those words in its number, its e-mail or the customer's name."""
    named = select(Contact.id).where(
        Contact.account_id == account_id, has_key(Contact.name_key, matching.name_key(words))
    )
    return or_(
        contains(Order.number, words.lstrip("#")),
        has_key(Order.email_key, matching.email_key(words)),
        Order.contact_id.in_(named),
    )


def orders_of_contact(session: Session, contact_id: int, limit: int = 50) -> list[OrderRow]:
    """Return a contact's newest orders."""
    ids = session.scalars(
        select(Order.id).where(Order.contact_id == contact_id).order_by(Order.placed_at.desc()).limit(limit)
    )
    return _rows(session, list(ids))


def _rows(session: Session, ids: Sequence[int]) -> list[OrderRow]:
    items = {
        order_id: int(quantity)
        for order_id, quantity in session.execute(
            select(OrderLine.order_id, func.sum(OrderLine.quantity))
            .where(OrderLine.order_id.in_(ids), OrderLine.kind == "product")
            .group_by(OrderLine.order_id)
        )
    }
    found = session.execute(
        select(Order, Contact.name, Contact.is_guest, Store.name, Store.url)
        .join(Store, Store.id == Order.store_id)
        .outerjoin(Contact, Contact.id == Order.contact_id)
        .where(Order.id.in_(ids))
    )
    rows = {
        order.id: OrderRow(order, name or billing_name(order), bool(guest), store or url, items.get(order.id, 0))
        for order, name, guest, store, url in found
    }
    return in_order(ids, rows)


ORDERS = Kind(Order, SORTS, conditions, _rows)


def _sales_conditions(account_id: int, wanted: Wanted) -> list[ColumnElement[bool]]:
    found = [*conditions(account_id, wanted), Order.sales_at.is_not(None)]
    if wanted.get("delivery"):
        found.append(Order.delivery_status == wanted.get("delivery"))
    if wanted.get("base") == "missing":
        found.append(Order.base_total.is_(None))
    return found


SALES_ORDERS = Kind(
    Order,
    {"entered": Order.sales_at, "delivery": Order.delivery_date, "placed": Order.placed_at, "total": Order.total},
    _sales_conditions,
    _rows,
)


def billing_name(order: Order) -> str:
    """Return the name typed at checkout."""
    return " ".join(part for part in (order.billing.get("first_name", ""), order.billing.get("last_name", "")) if part)


def order_page(session: Session, order: Order, today: date) -> OrderPage:
    """Return all that the page of `order` shows."""
    lines = session.execute(
        select(OrderLine, Product.name)
        .outerjoin(Product, Product.id == OrderLine.product_id)
        .where(OrderLine.order_id == order.id)
        .order_by(OrderLine.position, OrderLine.id)
    ).all()
    taken = batches.of_order(session, order.id, today)
    runs = session.execute(
        select(Run, Automation.name)
        .join(Automation, Automation.id == Run.automation_id)
        .where(Run.order_id == order.id, Run.account_id == order.account_id)
        .order_by(Run.id.desc())
    )
    started = [(run, name) for run, name in runs]
    transactions = list(
        session.scalars(select(Transaction).where(Transaction.order_id == order.id).order_by(Transaction.occurred_at))
    )
    messages = list(
        session.scalars(
            select(Message)
            .where(Message.account_id == order.account_id, Message.run_id.in_([run.id for run, _ in started]))
            .order_by(Message.id.desc())
        )
    )
    events = list(
        session.scalars(
            select(Event)
            .where(Event.store_id == order.store_id, Event.subject == order.woo_id)
            .order_by(Event.occurred_at, Event.id)
        )
    )
    named = select(Location).where(Location.id == order.location_id, Location.account_id == order.account_id)
    location = session.scalar(named) if order.location_id else None
    return OrderPage(
        order=order,
        store=session.get_one(Store, order.store_id),
        contact=session.get(Contact, order.contact_id) if order.contact_id else None,
        location=location,
        lines=[(line, name or "") for line, name in lines],
        batches={line.id: taken.pop(line.stock_key) for line, _ in lines if line.stock_key in taken},
        transactions=transactions,
        runs=started,
        messages=messages,
        events=events,
        history=of_order(order, events, transactions, started, messages),
        writes=list(
            session.scalars(
                select(StoreWrite)
                .where(StoreWrite.order_id == order.id, StoreWrite.account_id == order.account_id)
                .order_by(StoreWrite.id.desc())
                .limit(5)
            )
        ),
        locations=locations.of_account(session, order.account_id),
        completes=completes(order.woo_status, is_away=order.in_trash or order.gone_at is not None),
    )


def woo_statuses(session: Session, account_id: int) -> list[str]:
    """Return WooCommerce's own statuses, and those of plugins that the newest orders have, for the filter."""
    newest = (
        select(Order.woo_status)
        .where(Order.account_id == account_id)
        .order_by(Order.placed_at.desc())
        .limit(1_000)
        .subquery()
    )
    seen = set(session.scalars(select(newest.c.woo_status).distinct()))
    return [*OWN_STATUSES, *sorted(seen - set(OWN_STATUSES))]
