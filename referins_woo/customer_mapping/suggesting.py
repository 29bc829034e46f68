"""Suggests mappings by identical names (W5): reads a store's customers, compares, and waits for a confirmation.

The customers are read a page at a time, each a unit of its own with its cursor; what is kept of them meanwhile is a
number and a hash of the name, and goes when the comparison is done.
"""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Iterator
from datetime import datetime
from typing import Any, Final

import structlog
from sqlalchemy import delete, or_, select, update
from sqlalchemy.orm import Session

from referins_woo import clock, lease, queues
from referins_woo.commerce import mapping
from referins_woo.commerce.models import Contact, ContactLink, CustomerMapping, StoreCustomerName, StoreMapping
from referins_woo.commerce.records import CustomerRecord
from referins_woo.commerce.upsert.bulk import insert_rows, lock_account
from referins_woo.customer_mapping import settings
from referins_woo.errors import Final as FinalError
from referins_woo.errors import LeaseLost, RetryLater, StoreMustReconnect
from referins_woo.process import Process
from referins_woo.stores.door import Door, open_store
from referins_woo.stores.models import Store, StoreLog

log = structlog.get_logger(__name__)

_SECONDS: Final = 20.0
_LEASE_SECONDS: Final = 300.0
_PAGE: Final = 100
_ROLES: Final = ("customer", "subscriber")
_NAMES: Final = ("store_id", "woo_id", "name_hash")
_ROWS: Final = (
    *("account_id", "store_id", "contact_id", "is_ticked", "username", "with_email", "overwrite", "state", "reason"),
    *("evidence", "offered_woo_id", "batch", "mapped_by", "updated_at"),
)
_SAID: Final = ("state", "reason", "evidence", "offered_woo_id", "updated_at")
_QUIET: Final = {"synchronize_session": False}


def ask(session: Session, store: Store, now: datetime) -> None:
    """Have a store's customers read and compared; where that is under way already, it goes on."""
    row = settings.of_store(session, store)
    if row.suggesting != "reading":
        row.suggesting, row.suggest_role, row.suggest_error = "reading", _ROLES[0], ""
        row.suggest_offset, row.suggest_last_id = 0, 0
        session.execute(
            delete(StoreCustomerName).where(StoreCustomerName.store_id == store.id).execution_options(**_QUIET)
        )
    queues.ring_after_commit(session, "suggest_customers", store.id)


def read(process: Process, store_id: int) -> bool:
    """Read on and compare at the end, for some seconds; returns whether more is left."""
    name = f"suggest:{store_id}"
    with process.database.unit() as session:
        fence = lease.acquire(session, name, lease.new_holder(), _LEASE_SECONDS)
    if fence is None:
        return False
    try:
        return _read(process, store_id, name, fence)
    except LeaseLost:
        return False
    finally:
        with process.database.unit() as session:
            lease.release(session, name, fence)


def _read(process: Process, store_id: int, name: str, fence: int) -> bool:
    until = time.monotonic() + _SECONDS
    try:
        door = open_store(process, store_id)
        while time.monotonic() < until:
            if not _page(process, door, name, fence):
                return False
    except RetryLater as error:
        _say(process, store_id, f"Waits: {error}")  # the sweep rings again
        return False
    except (StoreMustReconnect, FinalError) as error:
        _say(process, store_id, str(error), "failed")
        return False
    return True


def _page(process: Process, door: Door, name: str, fence: int) -> bool:
    """Read one page, or compare where all are read; returns whether there is more to do."""
    store_id = door.store.id
    with process.database.reading() as session:
        row = session.scalars(select(StoreMapping).where(StoreMapping.store_id == store_id)).one_or_none()
    if row is None or row.suggesting != "reading":
        return False
    if not row.suggest_role:
        _compare(process, store_id, name, fence)
        return False
    page = door.customers(row.suggest_role, offset=row.suggest_offset, per_page=_PAGE)
    role, offset, last_id = row.suggest_role, row.suggest_offset, row.suggest_last_id
    if offset and (not page.ids or page.ids[0] > last_id):
        offset, last_id = (
            max(0, offset - _PAGE + 1),
            0,
        )  # rows before this place have gone: a page back, lest one is lost
    elif len(page.ids) < _PAGE:
        role, offset, last_id = (_ROLES[1] if role == _ROLES[0] else ""), 0, 0
    else:
        offset, last_id = offset + len(page.ids) - 1, page.ids[-1]
    names = [
        [store_id, customer.woo_id, mapping.name_hash(customer.name)]
        for customer in page.rows
        if isinstance(customer, CustomerRecord) and customer.woo_id
    ]
    with process.database.unit() as session:
        lease.renew(session, name, fence, _LEASE_SECONDS)
        insert_rows(session, StoreCustomerName, _NAMES, names, conflict=("store_id", "woo_id"))
        session.execute(
            update(StoreMapping)
            .where(StoreMapping.id == row.id, StoreMapping.suggesting == "reading")
            .values(suggest_role=role, suggest_offset=offset, suggest_last_id=last_id, suggest_error="")
            .execution_options(**_QUIET)
        )
    return True


def _say(process: Process, store_id: int, words: str, state: str = "reading") -> None:
    with process.database.unit() as session:
        session.execute(
            update(StoreMapping)
            .where(StoreMapping.store_id == store_id, StoreMapping.suggesting == "reading")
            .values(suggest_error=words, suggesting=state)
            .execution_options(**_QUIET)
        )


def _compare(process: Process, store_id: int, name: str, fence: int) -> None:
    now = clock.now()
    with process.database.unit() as session:
        lease.renew(session, name, fence, _LEASE_SECONDS)
        store = session.get_one(Store, store_id)
        lock_account(session, store.account_id)
        found = _suggestions(session, store)
        mine = CustomerMapping.store_id == store_id
        old = or_(CustomerMapping.state == "suggested", CustomerMapping.reason == "shared_name")
        session.execute(
            update(CustomerMapping)
            .where(mine, old)
            .values(state="", reason="", evidence="", offered_woo_id=None)
            .execution_options(**_QUIET)
        )
        rows = [_row(store, one, now) for one in found]
        insert_rows(session, CustomerMapping, _ROWS, rows, conflict=("store_id", "contact_id"), update=_SAID)
        session.execute(
            delete(StoreCustomerName).where(StoreCustomerName.store_id == store_id).execution_options(**_QUIET)
        )
        settled = settings.of_store(session, store)
        settled.suggesting, settled.suggested_at, settled.suggest_error = "done", now, ""
        suggested = sum(one.woo_id is not None for one in found)
        text = f"Names compared: {suggested:,} suggested, {len(found) - suggested:,} in conflict."
        session.add(StoreLog(account_id=store.account_id, store_id=store_id, at=now, kind="customers", text=text))
    log.info("mappings suggested", store_id=store_id, suggested=suggested, conflicts=len(found) - suggested)


def _suggestions(session: Session, store: Store) -> list[mapping.Suggestion]:
    there: dict[str, list[int]] = defaultdict(list)
    names = select(StoreCustomerName.woo_id, StoreCustomerName.name_hash)
    for woo_id, key in session.execute(names.where(StoreCustomerName.store_id == store.id)):
        if key:
            there[key].append(woo_id)
    here: dict[str, list[int]] = defaultdict(list)
    for contact_id, contact_name in session.execute(
        select(Contact.id, Contact.name)
        .where(Contact.account_id == store.account_id)
        .execution_options(yield_per=5_000)
    ):
        key = mapping.name_hash(contact_name)
        if key in there:
            here[key].append(contact_id)
    links = session.execute(
        select(ContactLink.contact_id, ContactLink.woo_id).where(
            ContactLink.store_id == store.id, ContactLink.gone_at.is_(None)
        )
    ).all()
    left = set(
        session.scalars(
            select(CustomerMapping.contact_id).where(
                CustomerMapping.store_id == store.id,
                or_(
                    CustomerMapping.reason == "ignored",
                    (CustomerMapping.state == "conflict") & (CustomerMapping.reason != "shared_name"),
                ),
            )
        )
    )
    found = mapping.suggest(here, there, {row.contact_id for row in links}, {row.woo_id for row in links})
    return [one for one in found if one.contact_id not in left]


def _row(store: Store, one: mapping.Suggestion, now: datetime) -> list[Any]:
    is_pair = one.woo_id is not None
    words = (
        "Identical name, one to one."
        if is_pair
        else f"{_count(one.contacts, 'contact')} here and {_count(one.customers, 'customer')} there have this name."
    )
    state, reason = ("suggested", "one_to_one") if is_pair else ("conflict", "shared_name")
    return [
        *(store.account_id, store.id, one.contact_id, False, "", False, False, state, reason),
        *(words, one.woo_id, None, "", now),
    ]


def _count(number: int, noun: str) -> str:
    return f"{number:,} {noun}" + ("" if number == 1 else "s")


def waiting(session: Session) -> Iterator[int]:
    """Return the stores whose customers are being read: the sweep rings for them."""
    return iter(session.scalars(select(StoreMapping.store_id).where(StoreMapping.suggesting == "reading")).all())
