"""What WooCommerce does not tell by itself, polled: customers (no filter by change) and categories (no webhook).

One page of customers a sweep, one page of categories a quarter of an hour, and the counts of the ledger beside them:
that is the budget of requests that an idle store may cost (issue of the connection; fact 7).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from collections.abc import Collection as Some
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Final

from sqlalchemy import select

from referins_woo import clock
from referins_woo.commerce.models import Collection, ContactLink
from referins_woo.commerce.records import CategoryRecord, CustomerRecord
from referins_woo.commerce.upsert.bulk import among, lock_account
from referins_woo.commerce.upsert.collections import named_categories, upsert_collections
from referins_woo.ingest import counts, people, set_aside
from referins_woo.ingest.counts import Counts
from referins_woo.ingest.models import SkippedRecord
from referins_woo.ingest.sweeping import Round
from referins_woo.stores.door import NotSupported

SELDOM: Final = timedelta(minutes=15)
_HOURLY: Final = timedelta(hours=1)
_ROLES: Final = ("customer", "subscriber")
_PAGE: Final = 100
_SPARE: Final = 5


@dataclass(frozen=True, slots=True)
class Polled:
    """Columns to write into an element's row. `off`: how many more the store counts than are accounted for here."""

    element: str
    values: dict[str, Any]
    off: int = 0


def poll(round_: Round) -> list[Polled]:
    """Ask for what is due of customers and categories. Raises what the door raises."""
    store, polled = round_.door.store, []
    if store.sync_contacts:
        polled.append(_customers(round_))
    if store.sync_collections and _is_due(round_, "collections", SELDOM):
        polled += _categories(round_)
    return polled


def _is_due(round_: Round, element: str, pause: timedelta) -> bool:
    row = round_.rows.get(element)
    return row is None or row.checked_at is None or clock.now() - row.checked_at >= pause


def _customers(round_: Round) -> Polled:
    """Look at one page of one role, in turns. Where more are counted than before, the newest are read as well."""
    row = round_.rows.get("contacts")
    cursor = dict(row.cursor) if row is not None else {}
    role = _ROLES[1] if cursor.get("role") == _ROLES[0] else _ROLES[0]
    place: Mapping[str, Any] = cursor.get(role) or {}
    offset, last_id, known = place.get("offset", 0), place.get("last_id", 0), place.get("total")
    page = round_.door.customers(role, offset=offset, per_page=_PAGE)
    round_.saw(page.date)
    _take_customers(round_, page.rows)
    if page.total is not None and known is not None and page.total > known:
        count = min(page.total - known + _SPARE, _PAGE)
        _take_customers(round_, round_.door.customers(role, per_page=count, newest_first=True).rows)
    if offset and page.ids and page.ids[0] > last_id:
        offset, last_id = (
            max(0, offset - _PAGE + 1),
            0,
        )  # rows before this place have gone: a page back, lest one is lost
    elif len(page.ids) < _PAGE:
        offset, last_id = 0, 0
    else:
        offset, last_id = offset + len(page.ids) - 1, page.ids[-1]
    cursor |= {"role": role, role: {"offset": offset, "last_id": last_id, "total": page.total}}
    return Polled("contacts", {"cursor": cursor, "checked_at": clock.now()})


def _take_customers(round_: Round, rows: list[Any]) -> None:
    store = round_.door.store
    customers = [row for row in rows if isinstance(row, CustomerRecord)]
    with round_.process.database.reading() as session:
        found = session.execute(
            select(ContactLink.woo_id, ContactLink.content_hash).where(
                ContactLink.store_id == store.id,
                ContactLink.gone_at.is_(None),
                among(session, ContactLink.woo_id, [customer.woo_id for customer in customers]),
            )
        )
        hashes = dict(found.all())
    changed = [customer for customer in customers if people.is_news(customer, hashes, store)]
    if changed:
        people.take_customers(round_.process, round_.door, changed, new_since=store.live_since, in_unit=round_.hold)


def _categories(round_: Round) -> list[Polled]:
    """Look at one page of categories: names and slugs of collections, and what no imported product names."""
    store, row, now = round_.door.store, round_.rows.get("collections"), clock.now()
    with round_.process.database.reading() as session:
        query = select(Collection.woo_id, Collection.name, Collection.slug, Collection.gone_at)
        known = {one.woo_id: one for one in session.execute(query.where(Collection.store_id == store.id))}
        named = named_categories(session, store.id).keys()
        listed = set(
            session.scalars(
                select(SkippedRecord.woo_id).where(
                    SkippedRecord.store_id == store.id, SkippedRecord.element == "collections"
                )
            )
        )
    if not named and not known:
        return []
    offset = int((row.cursor if row is not None else {}).get("offset", 0))
    page = round_.door.categories(offset=offset, per_page=_PAGE)
    categories = [one for one in page.rows if isinstance(one, CategoryRecord)]
    changed = [
        one
        for one in categories
        if (one.woo_id in named and one.woo_id not in known)
        or (one.woo_id in known and (one.name, one.slug, None) != tuple(known[one.woo_id])[1:])
    ]
    unnamed = [one for one in categories if one.woo_id not in known and one.woo_id not in named]
    new_skips = [one for one in unnamed if one.woo_id not in listed]
    if changed or new_skips:
        with round_.process.database.unit() as session:
            round_.hold(session)
            lock_account(session, store.account_id)
            upsert_collections(session, store.account_id, store.id, changed, now)
            set_aside.clear(session, store.id, "collections", [one.woo_id for one in changed])
            entries = [set_aside.no_imported_product(one) for one in new_skips]
            set_aside.note(session, store.account_id, store.id, None, "collections", entries, now)
    ends = len(page.ids) < _PAGE
    cursor = {"offset": 0 if ends else offset + len(page.ids) - 1}
    round_.totals["collections"] = page.total
    return [Polled("collections", {"cursor": cursor, "checked_at": now})]


def count(round_: Round, quiet: Some[str]) -> list[Polled]:
    """Lay the store's counts beside ours, as far as they are due. `quiet`: elements in which nothing was new.

    Asks the store a few small questions a quarter of an hour at most. Raises what the door raises.
    """
    found: list[Polled] = []
    for element, measure in _MEASURES.items():
        row, total = round_.rows.get(element), round_.totals.get(element)
        counted_at = row.counted_at if row is not None else None
        age = clock.now() - counted_at if counted_at is not None else None
        if total is None and age is not None and age < SELDOM:
            continue
        if row is not None and age is not None and age < SELDOM and element in quiet:
            ours = row.here_count + row.skipped_count + row.failed_count
            if total == row.woo_count == ours:
                continue
        measured = measure(round_, total, age)
        if measured is not None:
            found.append(_laid_beside(element, *measured))
    return found


_Measured = tuple[int | None, Counts] | None
"""(the store's count, None where ours is not comparable; ours), or None: not now."""


def _orders(round_: Round, total: int | None, age: timedelta | None) -> _Measured:
    store = round_.door.store
    with round_.process.database.reading() as session:
        scope = counts.order_scope(store, imported=counts.is_imported(session, store.id, "orders"))
    if not store.sync_orders:
        total = None
    elif scope.is_narrow:
        if age is not None and age < _HOURLY:
            return None
        total = round_.door.count("orders", after=scope.after, statuses=scope.statuses or None)
    elif total is None:  # the sweep read the list without asking for the newest change, which brings the count
        total = round_.door.count("orders")
    with round_.process.database.reading() as session:
        return total, counts.of_orders(session, store.id, scope)


def _contacts(round_: Round, total: int | None, age: timedelta | None) -> _Measured:
    store = round_.door.store
    with round_.process.database.reading() as session:
        is_whole = counts.is_imported(session, store.id, "contacts") and store.contacts_scope == "all"
    if store.pull_mapped_only:
        total = None  # who is not mapped is not missing
    elif is_whole and store.sync_contacts:
        total = round_.door.count("customers", role="all")
    with round_.process.database.reading() as session:
        return total, counts.of_contacts(session, store.id)


def _products(round_: Round, total: int | None, age: timedelta | None) -> _Measured:
    store = round_.door.store
    with round_.process.database.reading() as session:
        is_whole = counts.is_imported(session, store.id, "products")
    if not is_whole:
        total = None
    elif total is None and store.sync_products:
        total = round_.door.count("products")
    with round_.process.database.reading() as session:
        return total, counts.of_products(session, store.id)


def _collections(round_: Round, total: int | None, age: timedelta | None) -> _Measured:
    store = round_.door.store
    with round_.process.database.reading() as session:
        if not counts.is_imported(session, store.id, "collections"):
            total = None
        return total, counts.of_collections(session, store.id)


def _transactions(round_: Round, total: int | None, age: timedelta | None) -> _Measured:
    store = round_.door.store
    with round_.process.database.reading() as session:
        is_whole = counts.is_imported(session, store.id, "transactions")
    refunds: int | None = None
    if is_whole and store.sync_transactions and store.sync_orders:
        try:
            refunds = round_.door.refunds(per_page=1).total
        except NotSupported:
            refunds = None
    with round_.process.database.reading() as session:
        ours, payments = counts.of_transactions(session, store.id)
    return (None if refunds is None else payments + refunds), ours


_MEASURES: Final[Mapping[str, Callable[[Round, int | None, timedelta | None], _Measured]]] = {
    "contacts": _contacts,
    "orders": _orders,
    "transactions": _transactions,
    "products": _products,
    "collections": _collections,
}


def _laid_beside(element: str, total: int | None, ours: Counts) -> Polled:
    theirs = None if total is None else total - ours.apart
    values = {
        "woo_count": theirs,
        "here_count": ours.here,
        "skipped_count": ours.skipped,
        "failed_count": ours.failed,
        "counted_at": clock.now(),
    }
    off = 0 if theirs is None else theirs - ours.here - ours.skipped - ours.failed
    return Polled(element, values, off)
