"""Reads what a batch of events or runs needs from the mirror: a handful of queries, whatever its size.

Rows as they are at this moment. Nothing is fetched from a shop here: a live read (`reread.py`) goes through
`events.observe` first, and then its result is in the mirror too.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final

from sqlalchemy import RowMapping, and_, bindparam, case, func, or_, select
from sqlalchemy.orm import Session

from automations.conditions import HISTORY_FIELDS
from automations.facts import OrderFacts, RuleFacts
from referins_woo.commerce.models import Collection, CollectionProduct, Contact, Order, OrderLine, Product, Transaction
from referins_woo.commerce.upsert import bulk
from referins_woo.conditions import one_of
from referins_woo.runs import rules as restraint
from referins_woo.runs.exits import RELATED_WITHIN
from referins_woo.stores.models import Store

Row = RowMapping

# Made once: each costs more to put together than to answer.
_BY_ID: Final = {
    model: select(bulk.table_of(model)).where(one_of(bulk.table_of(model).c.id, "ids"))
    for model in (Order, Store, Contact)
}
_O, _L, _P = (bulk.table_of(model) for model in (Order, OrderLine, Product))
_LINES: Final = (
    select(_L, _P.c.permalink, _P.c.image_url)
    .join(_P, _P.c.id == _L.c.product_id, isouter=True)
    .where(one_of(_L.c.order_id, "ids"))
    .order_by(_L.c.order_id, _L.c.position, _L.c.id)
)
_C, _IN = bulk.table_of(Collection), bulk.table_of(CollectionProduct)
_COLLECTIONS: Final = (
    select(_IN.c.product_id, _C.c.id)
    .select_from(_IN)
    .join(_P, _P.c.id == _IN.c.product_id)
    .join(_C, and_(_C.c.store_id == _P.c.store_id, _C.c.woo_id == _IN.c.woo_category_id))
    .where(one_of(_IN.c.product_id, "ids"))
    .order_by(_C.c.id)
)
_T: Final = bulk.table_of(Transaction)
_PAYMENTS: Final = select(_T).where(one_of(_T.c.order_id, "ids"), _T.c.kind == "payment")
_this, _earlier = _O.alias().c, _O.alias().c
_NTH: Final = select(
    _this.id,
    select(func.count())
    .where(
        _earlier.contact_id == _this.contact_id,
        or_(_earlier.placed_at < _this.placed_at, and_(_earlier.placed_at == _this.placed_at, _earlier.id <= _this.id)),
    )
    .scalar_subquery(),
).where(one_of(_this.id, "ids"))
_PAID: Final = select(_O.c.id, _O.c.store_id, _O.c.email_key, _O.c.placed_at).where(
    one_of(_O.c.store_id, "stores"),
    one_of(_O.c.email_key, "emails"),
    _O.c.placed_at.between(bindparam("since"), bindparam("until")),
    _O.c.payment_state.in_(("paid", "partially_refunded")),
)


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
    told: dict[int, OrderFacts] = field(default_factory=dict)
    """By order, what the engine was told of it already: the events and runs of an order share it."""


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
    return {row["id"]: row for row in session.execute(_BY_ID[model], {"ids": wanted}).mappings()}


def _lines(session: Session, order_ids: Sequence[int]) -> dict[int, list[Row]]:
    found: dict[int, list[Row]] = {}
    if not order_ids:
        return found
    for row in session.execute(_LINES, {"ids": order_ids}).mappings():
        found.setdefault(row["order_id"], []).append(row)
    return found


def _collections(session: Session, product_ids: Iterable[int | None]) -> dict[int, list[int]]:
    wanted = {one for one in product_ids if one is not None}
    found: dict[int, list[int]] = {}
    if not wanted:
        return found
    for product_id, collection_id in session.execute(_COLLECTIONS, {"ids": wanted}):
        found.setdefault(product_id, []).append(collection_id)
    return found


def _payments(session: Session, order_ids: Sequence[int]) -> dict[int, Row]:
    if not order_ids:
        return {}
    return {row["order_id"]: row for row in session.execute(_PAYMENTS, {"ids": order_ids}).mappings()}


def _nth(session: Session, orders: Mapping[int, Row]) -> dict[int, int]:
    ids = [order_id for order_id, order in orders.items() if order["contact_id"] is not None]
    if not ids:
        return {}
    return dict(session.execute(_NTH, {"ids": ids}).all())


def _related_paid(session: Session, orders: Mapping[int, Row]) -> set[int]:
    asking = [order for order in orders.values() if order["email_key"]]
    if not asking:
        return set()
    placed = [order["placed_at"] for order in asking]
    asked = {
        "stores": {order["store_id"] for order in asking},
        "emails": {order["email_key"] for order in asking},
        "since": min(placed) - RELATED_WITHIN,
        "until": max(placed) + RELATED_WITHIN,
    }
    paid: dict[tuple[int, str], list[tuple[int, Any]]] = {}
    for order_id, store_id, email_key, placed_at in session.execute(_PAID, asked):
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
