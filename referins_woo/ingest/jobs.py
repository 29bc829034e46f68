"""The shells of receiving: a bell, a bounded slice of work, a bell again where work is left; and the sweeps."""

from __future__ import annotations

from datetime import timedelta
from time import monotonic, sleep

import structlog
from sqlalchemy import or_, select

from referins_woo import clock, process, queues
from referins_woo.accounts.books import books_of, waiting_for_a_source, waiting_for_rates
from referins_woo.commerce import base_totals
from referins_woo.errors import Final, RetryLater, StoreMustReconnect
from referins_woo.ingest import catch_up, import_run, importing, live, rate_source, reconcile, stock_count, watermarks
from referins_woo.ingest.contact_files import files, working
from referins_woo.ingest.models import Delivery, Import, Watermark
from referins_woo.stores.models import Store
from referins_woo.stores.readable import readable_and_placed
from referins_woo.writeback import stock_due
from referins_woo.writeback import tell_stock as tell_stock_to

log = structlog.get_logger(__name__)

_FILE_SECONDS = 20.0
_RATES_SECONDS = 20.0
_SWEEP_SECONDS = 10.0
_SILENT = timedelta(seconds=45)
"""An import that has not stirred for so long has lost its worker or its bell."""
SWEEP_EVERY = timedelta(minutes=5)
SWEEP_ONLY_EVERY = timedelta(seconds=60)


@queues.job("drain_deliveries")
def drain_deliveries(store_id: int) -> None:
    """Work through a store's deliveries."""
    try:
        if live.drain(process.current(), store_id):
            queues.ring("drain_deliveries", store_id)
    except (RetryLater, StoreMustReconnect, Final) as error:
        log.info("deliveries wait", store=store_id, why=str(error))


@queues.job("run_import")
def run_import(import_id: int) -> None:
    """Work on an import."""
    if import_run.run(process.current(), import_id):
        queues.ring("run_import", import_id)


@queues.job("catch_up")
def catch_up_store(store_id: int) -> None:
    """Sweep a store, a slice at a time: others have their turn in between."""
    try:
        swept = catch_up.sweep(process.current(), store_id)
        if swept is not None and swept.more:
            queues.ring("catch_up", store_id)
    except (RetryLater, StoreMustReconnect, Final) as error:
        log.info("sweep waits", store=store_id, why=str(error))


@queues.job("count_stock")
def count_stock(store_id: int) -> None:
    """Count a store's opening stock, once it is caught up with."""
    try:
        if stock_count.count(process.current(), store_id):
            queues.ring("count_stock", store_id)
    except (RetryLater, StoreMustReconnect, Final) as error:
        log.info("the opening stock waits", store=store_id, why=str(error))


def ring_for_stock() -> None:
    """Sweep: stores that are to be counted."""
    with process.current().database.reading() as session:
        waiting = list(session.scalars(select(Store.id).where(stock_count.due())))
    for store_id in waiting:
        queues.ring("count_stock", store_id)


@queues.job("tell_stock")
def tell_stock(location_id: int) -> None:
    """Ring for the stores that show what is counted at a location: it has changed."""
    with process.current().database.reading() as session:
        shown_by = select(Store.id).where(Store.location_id == location_id, Store.push_stock).order_by(Store.id)
        stores = list(session.scalars(shown_by))
    for store_id in stores:
        queues.ring("push_stock", store_id)


@queues.job("push_stock")
def push_stock(store_id: int) -> None:
    """Compare a store's quantities, and tell it those that are to be others."""
    try:
        if tell_stock_to.tell(process.current(), store_id, lambda: _is_caught_up(store_id)):
            queues.ring("push_stock", store_id)
    except (RetryLater, StoreMustReconnect, Final) as error:
        log.info("stock waits", store=store_id, why=str(error))


def _is_caught_up(store_id: int) -> bool:
    """Catch up with a store, after whoever is at that now; whether all of it is done."""
    until = monotonic() + _SWEEP_SECONDS
    while (swept := catch_up.sweep(process.current(), store_id)) is None and monotonic() < until:
        sleep(0.2)
    return swept is not None and not swept.more


def ring_for_pushes() -> None:
    """Sweep: stores that have stock to be told, or to be compared; once a night all of it is."""
    now = clock.now()
    with process.current().database.unit() as session:
        stock_due.ask_at_night(session, now)
    with process.current().database.reading() as session:
        due = stock_due.due_stores(session, now)
    for store_id in due:
        queues.ring("push_stock", store_id)


@queues.job("take_contact_file")
def take_contact_file(file_id: int) -> None:
    """Look through a file of contacts, or take it in."""
    if working.work(process.current().database, file_id, _FILE_SECONDS, monotonic):
        queues.ring("take_contact_file", file_id)


def ring_for_contact_files() -> None:
    """Ring for files of contacts whose worker or bell was lost."""
    with process.current().database.reading() as session:
        waiting = files.waiting(session)
    for file_id in waiting:
        queues.ring("take_contact_file", file_id)


@queues.job("reconcile")
def reconcile_store(store_id: int) -> None:
    """Compare what a store has with what is here, id by id, a slice at a time."""
    try:
        if reconcile.reconcile(process.current(), store_id):
            queues.ring("reconcile", store_id)
    except (RetryLater, StoreMustReconnect, Final) as error:
        log.info("comparison waits", store=store_id, why=str(error))


@queues.job("fetch_rates")
def fetch_rates(account_id: int) -> None:
    """Fetch the rates that an account's orders wait for."""
    rate_source.fetch(process.current(), account_id)


@queues.job("give_rates")
def give_rates(account_id: int) -> None:
    """Give orders that have no base total the rates that were entered since (O6)."""
    database = process.current().database
    until = monotonic() + _RATES_SECONDS
    more = True
    while more and monotonic() < until:
        with database.unit() as session:
            more = base_totals.give_rates(session, account_id, books_of(session, account_id))
    if more:
        queues.ring("give_rates", account_id)


def ring_for_missing_rates() -> None:
    """Sweep: accounts whose orders wait for rates that the source has by now."""
    current = process.current()
    if current.config.rates_url is None:
        return
    with current.database.reading() as session:
        waiting = waiting_for_a_source(session)
    for account_id in waiting:
        queues.ring("fetch_rates", account_id)


def ring_for_rates() -> None:
    """Sweep: rates, or a base currency, that orders were not given yet."""
    with process.current().database.reading() as session:
        waiting = waiting_for_rates(session)
    for account_id in waiting:
        queues.ring("give_rates", account_id)


def ring_for_deliveries() -> None:
    """Ring for stores with deliveries that lie undone."""
    now = clock.now()
    with process.current().database.reading() as session:
        stores = session.execute(
            select(Delivery.store_id)
            .join(Store, Store.id == Delivery.store_id)
            .where(
                Delivery.state == "received",
                or_(Delivery.due_at.is_(None), Delivery.due_at <= now),
                readable_and_placed(),
            )
            .distinct()
        ).scalars()
        for store_id in list(stores):
            queues.ring("drain_deliveries", store_id)


def start_first_imports() -> None:
    """Begin the import of stores whose merchant never came back to the page that begins it."""
    current = process.current()
    begun = select(Import.id).where(Import.store_id == Store.id, Import.created_at >= Store.connected_at).exists()
    with current.database.reading() as session:
        waiting = list(session.execute(select(Store.id).where(Store.state == "connected", ~begun)).scalars())
    for store_id in waiting:
        with current.database.unit() as session:
            importing.start_first(session, session.get_one(Store, store_id))


def ring_for_imports() -> None:
    """Ring for imports that wait for their time, or whose worker died; end those whose store was disconnected."""
    now = clock.now()
    _end_imports_without_a_store()
    with process.current().database.reading() as session:
        found = session.execute(
            select(Import.id)
            .join(Store, Store.id == Import.store_id)
            .where(
                readable_and_placed(),
                or_(
                    (Import.state == "waiting") & or_(Import.retry_at.is_(None), Import.retry_at <= now),
                    (Import.state == "running") & (Import.heartbeat_at < now - _SILENT),
                ),
            )
        ).scalars()
        for import_id in list(found):
            queues.ring("run_import", import_id)


def _end_imports_without_a_store() -> None:
    current = process.current()
    open_there = select(Store.id).join(Import, Import.store_id == Store.id)
    with current.database.reading() as session:
        left = open_there.where(Store.state == "disconnected", Import.state.in_(importing.OPEN_STATES)).distinct()
        stores = list(session.execute(left).scalars())
    for store_id in stores:
        with current.database.unit() as session:
            importing.leave(session, store_id)


def ring_for_sweeps() -> None:
    """Ring for stores whose last sweep is too long ago."""
    now = clock.now()
    with process.current().database.reading() as session:
        looked = select(Watermark.store_id, Watermark.checked_at).where(Watermark.element == watermarks.WHOLE)
        checked = dict(session.execute(looked).all())
        stores = session.execute(
            select(Store.id, Store.sweep_only).where(
                readable_and_placed(), or_(Store.retry_after.is_(None), Store.retry_after <= now)
            )
        ).all()
    for store in stores:
        last = checked.get(store.id)
        pause = SWEEP_ONLY_EVERY if store.sweep_only else SWEEP_EVERY
        if last is None or now - last >= pause:
            queues.ring("catch_up", store.id)


def ring_for_reconciles() -> None:
    """Ring for stores whose ids are to be compared tonight, and for those in which that was broken off."""
    now = clock.now()
    with process.current().database.reading() as session:
        looked = select(Watermark).where(Watermark.element == reconcile.NIGHTLY)
        rows = {row.store_id: row for row in session.scalars(looked)}
        stores = session.execute(
            select(Store.id, Store.connected_at, Store.time_zone).where(
                readable_and_placed(), or_(Store.retry_after.is_(None), Store.retry_after <= now)
            )
        ).all()
    for store in stores:
        row = rows.get(store.id)
        last = row.checked_at if row is not None else None
        begun = row is not None and bool(row.cursor)
        if begun or reconcile.is_due(last, store.connected_at, store.time_zone, now):
            queues.ring("reconcile", store.id)
