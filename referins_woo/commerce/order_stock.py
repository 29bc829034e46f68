"""What orders do to stock: their rows hold it, deliver it, and get it put back (K2).

Callers hold the account's lock (`bulk.lock_account`).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from referins_woo.commerce import batch_book, ledger, stock, store_books
from referins_woo.commerce.batch_book import Shelf, Taken
from referins_woo.commerce.models import Order, OrderLine
from referins_woo.commerce.records import UNPAID_KINDS
from referins_woo.commerce.upsert.bulk import among, update_rows


@dataclass(frozen=True, slots=True)
class Moved:
    """An order whose rows moved stock: by how much on hand changes, per location and key."""

    order_id: int
    number: str
    account_id: int
    changes: Mapping[tuple[int, str], int]
    reason: str = ""
    """Empty: delivered, or put back."""


def is_closed(woo_status: str, *, in_trash: bool) -> bool:
    """Whether an order is one that will not be delivered any more."""
    return in_trash or woo_status in UNPAID_KINDS


def settle(
    session: Session,
    order_ids: Collection[int],
    reduced: Mapping[tuple[int, int], int],
    now: datetime,
    by: str,
    was_at: Mapping[int, int | None] | None = None,
) -> None:
    """Let rows of changed orders follow: what the store took for them, and what of it has left (K2).

    `reduced`: (order, Woo's line) → `_reduced_stock` as it is now. `was_at`: where orders shipped from before, if that
    has changed too. One adjustment is written for each order whose rows moved what is counted.
    """
    if not order_ids:
        return
    rows = session.execute(
        select(
            *(OrderLine.id, OrderLine.woo_line_id, OrderLine.stock_key, OrderLine.quantity),
            *(OrderLine.quantity_delivered, OrderLine.reduced_stock, OrderLine.stock_taken),
            *(Order.id.label("order_id"), Order.number, Order.account_id, Order.location_id, Order.woo_status),
            *(Order.in_trash, Order.store_id),
        )
        .join(Order, Order.id == OrderLine.order_id)
        .where(among(session, OrderLine.order_id, list(order_ids)), OrderLine.kind == "product")
        .order_by(OrderLine.order_id, OrderLine.position, OrderLine.id)
    ).all()
    changed: list[list[Any]] = []
    moved: dict[int, dict[tuple[int, str], int]] = defaultdict(lambda: defaultdict(int))
    of: dict[int, Any] = {}
    sold: dict[int, dict[str, int]] = defaultdict(lambda: defaultdict(int))
    holds: dict[int, set[str]] = defaultdict(set)
    for row in rows:
        held = reduced.get((row.order_id, row.woo_line_id), row.reduced_stock)
        after = stock.taken(
            held,
            row.quantity,
            row.quantity_delivered,
            closed=is_closed(row.woo_status, in_trash=row.in_trash),
            before=row.stock_taken,
        )
        if (held, after) != (row.reduced_stock, row.stock_taken):
            changed.append([row.id, held, after])
            if row.location_id is not None:
                holds[row.location_id].add(row.stock_key)
        sold[row.store_id][row.stock_key] += held - row.reduced_stock
        before_place = (was_at or {}).get(row.order_id, row.location_id)
        of[row.order_id] = row
        if before_place != row.location_id and (held or row.reduced_stock):
            for place in (before_place, row.location_id):
                if place is not None:
                    holds[place].add(row.stock_key)
        if before_place is not None and row.stock_taken:
            moved[row.order_id][before_place, row.stock_key] += row.stock_taken
        if row.location_id is not None and after:
            moved[row.order_id][row.location_id, row.stock_key] -= after
    update_rows(session, OrderLine, ("id", "reduced_stock", "stock_taken"), changed)
    for store_id, quantities in sold.items():
        store_books.follow(session, store_id, quantities)
    for location_id, keys in holds.items():
        ledger.touch(session, location_id, keys)
    found = [Moved(order_id, of[order_id].number, of[order_id].account_id, one) for order_id, one in moved.items()]
    write(session, found, now, by)


def write(session: Session, moved: Iterable[Moved], now: datetime, by: str) -> None:
    """Write what orders moved of goods that are counted at the location: one adjustment each per order and location.

    Of batch-tracked goods it is taken from batches, first in, first out, and comes back to those it came from (O9).
    Callers touch the goods: what rows hold changes what stores are told, too.
    """
    per_location: dict[int, set[str]] = defaultdict(set)
    wanted = [(one, {place: quantity for place, quantity in one.changes.items() if quantity}) for one in moved]
    for _, changes in wanted:
        for location_id, key in changes:
            per_location[location_id].add(key)
    known = {location_id: ledger.items(session, location_id, keys) for location_id, keys in per_location.items()}
    shelf = Shelf(session, [item for found in known.values() for item in found.values()])
    back = {one.order_id for one, changes in wanted if any(quantity > 0 for quantity in changes.values())}
    taken = batch_book.of_orders(session, back) if back and not shelf.is_bare else {}
    for one, changes in wanted:
        by_location: dict[int, dict[str, int]] = defaultdict(dict)
        for (location_id, key), quantity in changes.items():
            if key in known[location_id]:
                by_location[location_id][key] = quantity
        for location_id, quantities in by_location.items():
            reason = one.reason or _reason(quantities.values(), one.number)
            made = ledger.begin(session, one.account_id, location_id, ledger.OF_ORDER, reason, by, now, one.order_id)
            for key, quantity in quantities.items():
                item = known[location_id][key]
                if quantity < 0:
                    split = shelf.take(item, -quantity)
                else:
                    split = shelf.put_back(item, quantity, taken.get((one.order_id, item.id), Taken()))
                for batch_id, part in split.items():
                    ledger.enter(session, made, item.id, part, batch_id)
    session.flush()


def let_go(session: Session, order: Order, now: datetime, by: str) -> None:
    """Let what an order holds leave our books, before the order is deleted here: the store keeps it taken."""
    held = dict(
        session.execute(
            select(OrderLine.stock_key, func.sum(OrderLine.reduced_stock - OrderLine.stock_taken))
            .where(OrderLine.order_id == order.id, OrderLine.reduced_stock > OrderLine.stock_taken)
            .group_by(OrderLine.stock_key)
        ).all()
    )
    if order.location_id is not None and held:
        changes = {(order.location_id, key): -int(quantity) for key, quantity in held.items()}
        why = f"Order {order.number}: deleted here, WooCommerce keeps its stock taken"
        write(session, [Moved(order.id, order.number, order.account_id, changes, why)], now, by)
        ledger.touch(session, order.location_id, held)


def _reason(quantities: Iterable[int], number: str) -> str:
    signs = {quantity > 0 for quantity in quantities}
    return f"Order {number}: " + (
        "put back" if signs == {True} else "delivered" if signs == {False} else "delivered and put back"
    )


@dataclass(frozen=True, slots=True)
class FreshRow:
    """A row of an order that was never seen before."""

    order_id: int
    number: str
    placed_at: datetime
    key: str
    reduced: int
    taken: int


def see_first(
    session: Session,
    account_id: int,
    store_id: int,
    location_id: int | None,
    rows: Sequence[FreshRow],
    now: datetime,
    by: str,
) -> None:
    """Let rows of orders that were never seen before move what is counted at their location (K2)."""
    holding = [row for row in rows if row.reduced > 0]
    if not holding or not ledger.is_open(session, account_id):
        return
    store_books.follow_new(session, store_id, [(row.key, row.placed_at, row.reduced) for row in holding])
    if location_id is None:
        return
    known = ledger.items(session, location_id, (row.key for row in holding))
    moved: dict[int, dict[tuple[int, str], int]] = defaultdict(lambda: defaultdict(int))
    numbers: dict[int, tuple[str, bool]] = {}
    for row in holding:
        item = known.get(row.key)
        if item is not None:
            since = row.placed_at >= item.opened_at
            if not since and item.opened_store_id != store_id:
                continue  # counted by people, or by another store's quantities, which it took nothing from
            change = stock.change_at_first_sight(row.reduced, row.taken, since_opening=since)
            moved[row.order_id][location_id, row.key] += change
            numbers[row.order_id] = (row.number, since)
    found = []
    for order_id, changes in moved.items():
        number, since = numbers[order_id]
        why = "" if since else f"Order {number}: placed before the count, and not known to it"
        found.append(Moved(order_id, number, account_id, changes, why))
    write(session, found, now, by)
    ledger.touch(session, location_id, known)
