"""Which goods of a store are to be compared with our books or told a quantity now (K2, K4)."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, time, timedelta
from typing import Any, Final

from sqlalchemy import ColumnElement, and_, func, or_, select, update
from sqlalchemy.orm import Session

from referins_woo import clock, lease
from referins_woo.commerce import stock, store_books, store_shelf
from referins_woo.commerce.models import Product, StockItem, StoreStock, Variant
from referins_woo.commerce.store_shelf import Terms
from referins_woo.commerce.upsert.bulk import lock_account
from referins_woo.process import Process
from referins_woo.stores import stock_switch
from referins_woo.stores.connection import LIVE_STATES, can_write
from referins_woo.stores.models import Store

BY: Final = "Referins"
NIGHT: Final = time(3)
"""In the store's time: when all quantities are compared."""
_SETTLES: Final = timedelta(seconds=60)
"""A product's word of a sale comes before the order's: so long nobody takes it for a change by hand."""
UNSETTLED: Final = -2
"""`StoreStock.revision` of goods that sold each time they were looked at."""
_LOOKS_AGAIN: Final = timedelta(seconds=10)
_SLACK: Final = timedelta(minutes=10)
"""Between the clocks of machines."""


@dataclass(frozen=True, slots=True)
class Told:
    """A store as telling it of stock needs it."""

    terms: Terms
    pushes: bool
    """False: its quantities are only compared, for the dry run (K4)."""


@dataclass(frozen=True, slots=True)
class Plan:
    """Goods to look at: (row, product, variation) each, in Woo's ids; `asked_at`: of all goods, since then."""

    due: list[tuple[int, int, int]]
    asked_at: datetime | None


@contextmanager
def unit(process: Process, store_id: int, name: str, fence: int, seconds: float) -> Iterator[Session]:
    """A transaction of whoever holds the store's lease, under the account's lock. Raises LeaseLost."""
    with process.database.unit() as session:
        account_id = session.scalar(select(Store.account_id).where(Store.id == store_id))
        lock_account(session, account_id or 0)
        lease.renew(session, name, fence, seconds)
        yield session


def terms_of(session: Session, store_id: int) -> Told | None:
    """Return by what a store is told; None where it is not connected or has no location."""
    store = session.get(Store, store_id)
    if store is None or store.location_id is None or store.state not in LIVE_STATES:
        return None
    buffer = store.stock_buffer * stock.SCALE
    terms = Terms(store.account_id, store.id, store.location_id, buffer, store.stock_all_commitments)
    return Told(terms, store.push_stock)


def is_comparing(store: Store) -> bool:
    """Whether all quantities of a store are still to be compared, since it was last asked for."""
    asked = store.stock_asked_at
    return asked is not None and (store.stock_checked_at is None or store.stock_checked_at < asked)


def plan(session: Session, store_id: int, now: datetime) -> Plan | None:
    """Return what is due, the goods matched anew where that is needed; None where nothing is to be done."""
    told = terms_of(session, store_id)
    if told is None:
        return None
    store = session.get_one(Store, store_id)
    since = store.stock_asked_at if is_comparing(store) else None
    if since is None and not told.pushes:
        return None
    matched = store.stock_matched_at
    if matched is None or (since is not None and matched < since) or _has_new_goods(session, store, matched):
        store_shelf.match(session, told.terms)
        store.stock_matched_at = now
        session.flush()
    if told.pushes:
        _pass_over(session, told.terms, now)
    settled = now + timedelta(seconds=store.clock_skew_seconds) - _SETTLES
    conditions: list[ColumnElement[bool]] = [_due(told.terms.location_id, now, settled)] if told.pushes else []
    if since is not None:
        conditions.append(or_(StoreStock.looked_at.is_(None), StoreStock.looked_at < since))
    rows = session.execute(
        select(StoreStock.id, StoreStock.woo_product_id, StoreStock.woo_variation_id)
        .where(StoreStock.store_id == store_id, or_(*conditions))
        .order_by(StoreStock.id)
    ).all()
    return Plan([(row.id, row.woo_product_id, row.woo_variation_id) for row in rows], since)


def _pass_over(session: Session, terms: Terms, now: datetime) -> None:
    """Leave out what has moved and comes to what the store shows: after a sale in it nobody need be asked (K2)."""
    moved = session.scalars(
        select(StoreStock).where(
            *(StoreStock.store_id == terms.store_id, StoreStock.state == "in_step"),
            *(StoreStock.agreed_at.is_not(None), _moved(terms.location_id, now)),
        )
    ).all()
    for line in store_shelf.lines(session, terms, moved):
        agrees = line.target == line.row.expected and line.row.revision >= 0
        # A sale of the moment in which it was last told may have been written over: that needs a look.
        if agrees and not store_books.sold_while_sending(session, line.row):
            line.row.revision = line.item.revision
    session.flush()


def ended(session: Session, store_id: int, plan_: Plan, now: datetime) -> bool:
    """Note that all of a plan was looked at; returns whether something has become due meanwhile."""
    store = session.get_one(Store, store_id, with_for_update=True)
    if plan_.asked_at is not None:
        if store.stock_asked_at != plan_.asked_at:  # asked anew meanwhile, or turned off
            return store.stock_asked_at is not None
        turns_on = store.push_when_counted and store.stock_counted_at is not None
        if turns_on and not can_write(store.state):
            return False  # it ends when the store can be written again
        store.stock_checked_at = now
        if turns_on:
            stock_switch.turn_on(session, store, now)
    if not store.push_stock or store.location_id is None:
        return False
    found = select(StoreStock.id).where(StoreStock.store_id == store_id, _moved(store.location_id, now)).limit(1)
    return session.scalar(found) is not None


def look_again(session: Session, store_id: int) -> None:
    """Have all that a store is told of told anew where it differs: its terms have changed."""
    session.execute(
        update(StoreStock)
        .where(StoreStock.store_id == store_id)
        .values(revision=-1)
        .execution_options(synchronize_session=False)
    )


def due_stores(session: Session, now: datetime) -> list[int]:
    """Return the stores that have something due, for the clock."""
    can_be_asked = (
        Store.state.in_(LIVE_STATES),
        Store.location_id.is_not(None),
        or_(Store.retry_after.is_(None), Store.retry_after <= now),
    )
    asked = and_(
        Store.stock_asked_at.is_not(None),
        or_(Store.stock_checked_at.is_(None), Store.stock_checked_at < Store.stock_asked_at),
    )
    some = select(StoreStock.id).where(StoreStock.store_id == Store.id, _due(Store.location_id, now)).exists()
    found = select(Store.id).where(*can_be_asked, or_(asked, and_(Store.push_stock, some))).order_by(Store.id)
    return list(session.scalars(found))


def ask_at_night(session: Session, now: datetime) -> None:
    """Have all quantities of each store compared once a night, in its own time (K4)."""
    rows = session.execute(
        select(Store.id, Store.time_zone, Store.stock_asked_at).where(
            Store.push_stock, Store.state.in_(LIVE_STATES), Store.location_id.is_not(None)
        )
    ).all()
    for row in rows:
        zone = clock.zone(row.time_zone)
        local = now.astimezone(zone)
        night = datetime.combine(local.date(), NIGHT, zone)
        night = night if night <= local else night - timedelta(days=1)
        if row.stock_asked_at is None or row.stock_asked_at < night:
            session.execute(update(Store).where(Store.id == row.id).values(stock_asked_at=now))


def waiting(session: Session, store: Store, now: datetime) -> int:
    """Return of how many goods a store may have to be told something other than what it was last told."""
    mine = (StoreStock.store_id == store.id, _due(store.location_id, now))
    return session.scalar(select(func.count()).select_from(StoreStock).where(*mine)) or 0


def _due(location_id: Any, now: datetime, settled: datetime | None = None) -> ColumnElement[bool]:
    return or_(_moved(location_id, now), StoreStock.state == "unknown", _doubtful(settled))


def _moved(location_id: Any, now: datetime) -> ColumnElement[bool]:
    """Whether what is to be shown may be another than what the store was last told."""
    in_peace = or_(StoreStock.revision != UNSETTLED, StoreStock.looked_at < now - _LOOKS_AGAIN)
    item = select(StockItem.id).where(
        StockItem.location_id == location_id,
        StockItem.stock_key == StoreStock.stock_key,
        StockItem.revision != StoreStock.revision,
    )
    return and_(
        or_(StoreStock.state == "in_step", and_(StoreStock.state == "failed", StoreStock.error != store_shelf.TWICE)),
        in_peace,
        item.correlate(StoreStock, Store).exists(),
    )


def _doubtful(settled: datetime | None) -> ColumnElement[bool]:
    """Whether the mirror shows something else than our books since we last looked: somebody may have changed it there.

    `settled`, on the store's clock: what changed later may be a sale whose order is still to come.
    """
    shows = StoreStock.expected + StoreStock.drift
    product = select(Product.id).where(
        *(Product.store_id == StoreStock.store_id, Product.woo_id == StoreStock.woo_product_id),
        *(Product.gone_at.is_(None), Product.manage_stock, Product.stock_quantity * stock.SCALE != shows),
        *_newer(Product.modified_at, settled),
    )
    variant = select(Variant.id).where(
        *(Variant.store_id == StoreStock.store_id, Variant.woo_id == StoreStock.woo_variation_id),
        *(Variant.gone_at.is_(None), Variant.manage_stock == "yes", Variant.stock_quantity * stock.SCALE != shows),
        *_newer(Variant.modified_at, settled),
    )
    return and_(
        StoreStock.state.in_(("in_step", "changed")),
        or_(
            and_(StoreStock.woo_variation_id == 0, product.correlate(StoreStock).exists()),
            and_(StoreStock.woo_variation_id > 0, variant.correlate(StoreStock).exists()),
        ),
    )


def _newer(modified_at: Any, settled: datetime | None) -> list[ColumnElement[bool]]:
    found: list[ColumnElement[bool]] = [modified_at > StoreStock.agreed_at]
    return found if settled is None else [*found, modified_at < settled]


def _has_new_goods(session: Session, store: Store, matched_at: datetime) -> bool:
    since = matched_at - _SLACK
    items = select(StockItem.id).where(StockItem.location_id == store.location_id, StockItem.created_at >= since)
    products = select(Product.id).where(Product.store_id == store.id, Product.created_at >= since)
    return bool(session.scalar(select(or_(items.exists(), products.exists()))))
