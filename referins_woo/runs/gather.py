"""Reads what a batch of events or runs needs from the mirror: a handful of queries, whatever its size.

Rows as they are at this moment. Nothing is fetched from a shop here: a live read (`reread.py`) goes through
`events.observe` first, and then its result is in the mirror too.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final

from sqlalchemy import RowMapping, and_, case, func, or_, select
from sqlalchemy.orm import Session, aliased

from automations.conditions import HISTORY_FIELDS
from automations.facts import RuleFacts
from referins_woo.commerce.models import Collection, CollectionProduct, Contact, Order, OrderLine, Product, Transaction
from referins_woo.commerce.upsert import bulk
from referins_woo.runs import rules as restraint
from referins_woo.runs.exits import RELATED_WITHIN
from referins_woo.stores.models import Store

Row = RowMapping

_this, _earlier = aliased(Order), aliased(Order)
_NTH: Final = select(
    _this.id,
    select(func.count())
    .where(
        _earlier.contact_id == _this.contact_id,
        or_(_earlier.placed_at < _this.placed_at, and_(_earlier.placed_at == _this.placed_at, _earlier.id <= _this.id)),
    )
    .scalar_subquery(),
)
"""Made once: an alias of so wide a table costs a millisecond."""


@dataclass(slots=True)
class Gathered:
    """Rows of the mirror by our ids, for one batch."""

    stores: dict[int, Row]
    orders: dict[int, Row]
    lines: dict[int, list[Row]]
    """By order, in the order's own sequence."""
    collections: dict[int, list[int]]
    """By product: ids of our collections."""
    payments: dict[int, Row]
    """By order."""
    contacts: dict[int, Row]
    nth: dict[int, int]
    """By order: it is the contact's n-th, counting those placed before it in any store of the account."""
    related_paid: set[int]
    """Orders of which another one, of the same e-mail and store, placed within two hours, is paid."""
    last_placed: dict[int, datetime] = field(default_factory=dict)
    """By contact: when its last order was placed. This and what follows is read only where it is asked for."""
    orders_count: dict[int, int] = field(default_factory=dict)
    """By contact."""
    spent: dict[tuple[int, str], int] = field(default_factory=dict)
    """By contact and currency."""
    rules: dict[int, RuleFacts] = field(default_factory=dict)
    """By account."""
    marketing_at: dict[int, list[str]] = field(default_factory=dict)
    """By contact."""


def gather(
    session: Session,
    order_ids: Iterable[int | None],
    store_ids: Iterable[int | None],
    asks: frozenset[str] = frozenset(),
) -> Gathered:
    """Read what a batch needs: eight queries, whatever its size; one or two more for what some definitions `asks`."""
    orders = _by_id(session, Order, order_ids)
    ids = list(orders)
    lines = _lines(session, ids)
    found = Gathered(
        stores=_by_id(session, Store, {*store_ids, *(order["store_id"] for order in orders.values())}),
        orders=orders,
        lines=lines,
        collections=_collections(session, {line["product_id"] for rows in lines.values() for line in rows}),
        payments=_payments(session, ids),
        contacts=_by_id(session, Contact, {order["contact_id"] for order in orders.values()}),
        nth=_nth(session, orders),
        related_paid=_related_paid(session, orders),
    )
    if "another_order_placed" in asks or not HISTORY_FIELDS.isdisjoint(asks):
        _history(session, found)
    return found


def gather_rules(session: Session, gathered: Gathered, now: datetime) -> None:
    """Add what the accounts allow of marketing, and what their contacts got: for batches that may send some.

    With a cap only one unit at a time decides for an account: two would both find that there is room for one more.
    """
    gathered.rules = restraint.rules_of(session, {store["account_id"] for store in gathered.stores.values()})
    capped = sorted(account_id for account_id, rules in gathered.rules.items() if rules.get("cap_messages"))
    for account_id in capped:
        bulk.lock_account(session, account_id)
    gathered.marketing_at = restraint.marketing_sent(session, list(gathered.contacts), gathered.rules, now)


def _by_id(session: Session, model: Any, ids: Iterable[int | None]) -> dict[int, Row]:
    wanted = {one for one in ids if one is not None}
    if not wanted:
        return {}
    table = model.__table__
    rows = session.execute(select(table).where(table.c.id.in_(wanted))).mappings()
    return {row["id"]: row for row in rows}


def _lines(session: Session, order_ids: Sequence[int]) -> dict[int, list[Row]]:
    found: dict[int, list[Row]] = {}
    if not order_ids:
        return found
    wanted = (
        select(OrderLine.__table__, Product.permalink, Product.image_url)
        .join(Product, Product.id == OrderLine.product_id, isouter=True)
        .where(OrderLine.order_id.in_(order_ids))
        .order_by(OrderLine.order_id, OrderLine.position, OrderLine.id)
    )
    for row in session.execute(wanted).mappings():
        found.setdefault(row["order_id"], []).append(row)
    return found


def _collections(session: Session, product_ids: Iterable[int | None]) -> dict[int, list[int]]:
    wanted = {one for one in product_ids if one is not None}
    found: dict[int, list[int]] = {}
    if not wanted:
        return found
    rows = session.execute(
        select(CollectionProduct.product_id, Collection.id)
        .join(Product, Product.id == CollectionProduct.product_id)
        .join(
            Collection,
            and_(Collection.store_id == Product.store_id, Collection.woo_id == CollectionProduct.woo_category_id),
        )
        .where(CollectionProduct.product_id.in_(wanted))
        .order_by(Collection.id)
    )
    for product_id, collection_id in rows:
        found.setdefault(product_id, []).append(collection_id)
    return found


def _payments(session: Session, order_ids: Sequence[int]) -> dict[int, Row]:
    if not order_ids:
        return {}
    table = Transaction.__table__
    wanted = select(table).where(table.c.order_id.in_(order_ids), table.c.kind == "payment")
    return {row["order_id"]: row for row in session.execute(wanted).mappings()}


def _nth(session: Session, orders: Mapping[int, Row]) -> dict[int, int]:
    ids = [order_id for order_id, order in orders.items() if order["contact_id"] is not None]
    if not ids:
        return {}
    return dict(session.execute(_NTH.where(_this.id.in_(ids))).all())


def _related_paid(session: Session, orders: Mapping[int, Row]) -> set[int]:
    asking = [order for order in orders.values() if order["email_key"]]
    if not asking:
        return set()
    placed = [order["placed_at"] for order in asking]
    wanted = select(Order.id, Order.store_id, Order.email_key, Order.placed_at).where(
        Order.store_id.in_({order["store_id"] for order in asking}),
        Order.email_key.in_({order["email_key"] for order in asking}),
        Order.placed_at.between(min(placed) - RELATED_WITHIN, max(placed) + RELATED_WITHIN),
        Order.payment_state.in_(("paid", "partially_refunded")),
    )
    paid: dict[tuple[int, str], list[tuple[int, Any]]] = {}
    for order_id, store_id, email_key, placed_at in session.execute(wanted):
        paid.setdefault((store_id, email_key), []).append((order_id, placed_at))
    return {
        order["id"]
        for order in asking
        for other_id, placed_at in paid.get((order["store_id"], order["email_key"]), ())
        if other_id != order["id"] and abs(placed_at - order["placed_at"]) <= RELATED_WITHIN
    }


def _history(session: Session, gathered: Gathered) -> None:
    """Add what all orders of the contacts come to; cancelled and failed ones, and those in the trash, do not count."""
    theirs = Order.contact_id.in_(list(gathered.contacts))
    paid = Order.payment_state.in_(("paid", "partially_refunded", "refunded"))
    rows = session.execute(
        select(
            Order.contact_id,
            Order.currency,
            func.count(),
            func.max(Order.placed_at, type_=Order.placed_at.type),
            func.sum(case((paid, Order.total - Order.refunded_total), else_=0)),
        )
        .where(theirs, Order.status != "Cancelled", Order.in_trash.is_(False))
        .group_by(Order.contact_id, Order.currency)
    )
    for contact_id, currency, count, last, spent in rows:
        if contact_id is None:
            continue
        gathered.orders_count[contact_id] = gathered.orders_count.get(contact_id, 0) + count
        gathered.last_placed[contact_id] = max(last, gathered.last_placed.get(contact_id, last))
        gathered.spent[contact_id, currency] = int(spent)
