"""Disconnecting a store: its webhooks leave the shop, its keys are erased here (C7), its data kept or deleted."""

from __future__ import annotations

import time
from collections.abc import Collection
from concurrent.futures import ThreadPoolExecutor
from concurrent.futures import TimeoutError as TookTooLong
from datetime import datetime
from typing import Any, Final

import structlog
from sqlalchemy import delete, func, select, update
from sqlalchemy.orm import Session

from referins_woo import clock, queues
from referins_woo.accounts import audit
from referins_woo.commerce.models import Contact
from referins_woo.commerce.upsert import matches
from referins_woo.commerce.upsert.bulk import among, lock_account
from referins_woo.db import Base
from referins_woo.errors import Final as FinalError
from referins_woo.errors import InvalidInput, RetryLater, StoreMustReconnect
from referins_woo.process import Process
from referins_woo.stores import stock_switch, webhooks
from referins_woo.stores.door import Door, open_store
from referins_woo.stores.models import Grant, Store, StoreLog, Webhook

log = structlog.get_logger(__name__)

_KEPT_TABLES: Final = frozenset(
    {
        *("stores", "store_log", "grants", "messages", "runs"),
        *("consent_events", "suppressions", "erased_addresses", "erased_customers"),
    }
)
"""The row, its log, what mails and runs there were, and what people said about themselves (who asked to be left alone
stays so): facts about the account, not data of the shop."""
_OF_PEOPLE: Final = frozenset({"contact_links", "orders"})
"""By these a store knows a contact."""
_SLICE: Final = 1_000
_SECONDS: Final = 15.0
_MOST_SECONDS: Final = 10.0


def disconnect(process: Process, store_id: int, delete_data: bool = False) -> None:
    """Disconnect a store: from now on nothing is written for it; its keys are used once more, to take our webhooks out.

    A shop that does not answer in time keeps dead webhooks: our address turns them away. With `delete_data` a job
    deletes what came from the shop, tombstones too (O2). Raises Final where there is no such store.
    """
    door, now = _last_door(process, store_id), clock.now()
    with process.database.unit() as session:
        lock_account(session, session.scalar(select(Store.account_id).where(Store.id == store_id)) or 0)
        store = session.get(Store, store_id, with_for_update=True)
        if store is None:
            raise FinalError("This store is not here any more.")
        store.state, store.disconnected_at = "disconnected", now
        store.key_locked = store.secret_locked = store.previous_hook_secret_locked = None
        store.key_tail, store.cause, store.cause_detail, store.cause_since = "", "ok", "", None
        store.suspect_cause, store.suspect_since, store.suspect_probes = "", None, 0
        store.retry_after, store.failures, store.failing_since = None, 0, None
        stock_switch.turn_off(session, store, now, "Its quantities are left to WooCommerce: the store is disconnected.")
        session.execute(delete(Webhook).where(Webhook.store_id == store_id))
        session.execute(
            update(Grant).where(Grant.store_id == store_id).values(expires_at=now, key_locked=None, secret_locked=None)
        )
        text = "Disconnected; its data are being deleted." if delete_data else "Disconnected; its data are kept."
        session.add(StoreLog(account_id=store.account_id, store_id=store_id, at=now, kind="disconnected", text=text))
        audit.record(
            session, store.account_id, "store_disconnected", store.url, data="deleted" if delete_data else "kept"
        )
        if delete_data:
            _begin_to_delete(session, store, now)
    if door is not None:
        _take_out_webhooks(process, door)


def delete_data_later(session: Session, store: Store) -> None:
    """Delete the data of a store that was disconnected before, after all. Raises InvalidInput for another one."""
    if store.state != "disconnected":
        raise InvalidInput("store", "Disconnect the store first.")
    if store.deleting_since is None:
        audit.record(session, store.account_id, "store_data_deleted", store.url)
        _begin_to_delete(session, store, clock.now())


def _begin_to_delete(session: Session, store: Store, now: datetime) -> None:
    store.deleting_since, store.rows_deleted = now, 0
    store.rows_to_delete = sum(
        session.scalar(select(func.count()).select_from(table).where(table.c.store_id == store.id)) or 0
        for table in _tables()
    )
    queues.ring_after_commit(session, "disconnect_store", store.id)


def delete_data_of(process: Process, store_id: int) -> bool:
    """Delete what came from a disconnected store, in slices, for some seconds; returns whether more is left.

    Each slice is a transaction of its own: run again, it goes on where it stopped. Contacts whom this store alone knows
    go too: those of another store, and those of whom anything else here speaks (consent, tags, notes, automations,
    e-mails), stay.
    """
    with process.database.reading() as session:
        store = session.get(Store, store_id)
        if store is None or store.state != "disconnected" or store.deleting_since is None:
            return False
        account_id = store.account_id
    until = time.monotonic() + _SECONDS
    for table in _tables():
        while _delete_slice(process, table, store_id, account_id):
            if time.monotonic() > until:
                return True
    with process.database.unit() as session:
        store = session.get_one(Store, store_id, with_for_update=True)
        text = f"Its data are deleted: {store.rows_deleted:,} rows."
        now = clock.now()
        session.add(StoreLog(account_id=account_id, store_id=store_id, at=now, kind="data_deleted", text=text))
        # Rows that went with what they belonged to were not counted one by one.
        store.deleting_since, store.rows_to_delete = None, store.rows_deleted
    return False


def deleting(session: Session) -> list[int]:
    """Return the stores whose data are being deleted: the sweep rings for them."""
    return list(session.scalars(select(Store.id).where(Store.deleting_since.is_not(None)).order_by(Store.id)))


def _tables() -> list[Any]:
    """The tables that hold data of one store, children first."""
    return [
        table
        for table in reversed(Base.metadata.sorted_tables)
        if "store_id" in table.c and table.name not in _KEPT_TABLES
    ]


def _delete_slice(process: Process, table: Any, store_id: int, account_id: int) -> int:
    """Delete some rows of a table, and the contacts of whom they were the last to speak."""
    key = next(iter(table.primary_key.columns))
    with process.database.unit() as session:
        lock_account(session, account_id)
        some = list(session.scalars(select(key).where(table.c.store_id == store_id).order_by(key).limit(_SLICE)))
        if not some:
            return 0
        people: set[int] = set()
        if table.name in _OF_PEOPLE:
            people = set(session.scalars(select(table.c.contact_id).where(among(session, key, some)).distinct()))
        result: Any = session.execute(delete(table).where(among(session, key, some)))
        _delete_contacts(session, people - {None}, store_id, account_id)
        count = int(result.rowcount)
        session.execute(update(Store).where(Store.id == store_id).values(rows_deleted=Store.rows_deleted + count))
        return count


def _delete_contacts(session: Session, people: Collection[int], store_id: int, account_id: int) -> None:
    """Delete those of these contacts whom nothing but this store speaks of."""
    if not people:
        return
    rows = session.execute(
        select(Contact.id, Contact.consent, Contact.tags, Contact.comments).where(
            Contact.account_id == account_id, among(session, Contact.id, people)
        )
    )
    alone = {row.id for row in rows if row.consent == "unknown" and not row.tags and not row.comments}
    for table, column in _speaking_of_contacts():
        if not alone:
            return
        said = select(column).where(among(session, column, alone)).distinct()
        if "store_id" in table.c and table.name not in _KEPT_TABLES:
            said = said.where(table.c.store_id != store_id)
        alone -= set(session.scalars(said))
    matches.forget(session, alone)
    session.execute(
        delete(Contact).where(among(session, Contact.id, alone)).execution_options(synchronize_session=False)
    )


def _speaking_of_contacts() -> list[tuple[Any, Any]]:
    """Every column that names a contact, in any table."""
    contacts = Base.metadata.tables["contacts"]
    return [
        (table, column)
        for table in Base.metadata.sorted_tables
        if table is not contacts
        for column in table.c
        if column.name == "contact_id" or column.references(contacts.c.id)
    ]


def _last_door(process: Process, store_id: int) -> Door | None:
    """Return a door that holds the keys while they are erased; None where there are none to use."""
    try:
        return open_store(process, store_id, force=True)
    except (RetryLater, StoreMustReconnect, FinalError) as error:
        log.info("webhooks left in the shop", store_id=store_id, reason=str(error))
        return None


def _take_out_webhooks(process: Process, door: Door) -> None:
    """Delete our webhooks in the shop, for no longer than a person waits; the rest then happens behind his back."""
    worker = ThreadPoolExecutor(1, thread_name_prefix="disconnect")
    try:
        worker.submit(webhooks.remove_all, process, door).result(_MOST_SECONDS)
    except (TookTooLong, RetryLater, StoreMustReconnect, FinalError) as error:
        log.info("webhooks left in the shop", store_id=door.store.id, reason=str(error) or "no answer in time")
    finally:
        worker.shutdown(wait=False, cancel_futures=True)
