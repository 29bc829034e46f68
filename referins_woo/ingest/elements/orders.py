"""Orders with their lines, oldest first, and the contacts that they make (O1, O2, S4, M2)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import partial
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from referins_woo import clock
from referins_woo.accounts.books import books_of
from referins_woo.commerce.erasure import without_erased
from referins_woo.commerce.models import Order
from referins_woo.commerce.order_rules import SalesRule
from referins_woo.commerce.records import CustomerRecord, OrderRecord, ProductRecord, Unreadable
from referins_woo.commerce.upsert.bulk import among, lock_account
from referins_woo.commerce.upsert.contacts import linked_contacts
from referins_woo.commerce.upsert.line_products import LineProducts, unknown_products
from referins_woo.commerce.upsert.order_contacts import resolve_contacts
from referins_woo.commerce.upsert.orders import change_orders, insert_orders, is_newer, stored_orders, tombstones
from referins_woo.commerce.upsert.products import upsert_products
from referins_woo.commerce.upsert.transactions import record_payments
from referins_woo.ingest import set_aside
from referins_woo.ingest.elements.batch import Batch, Element, Job, Outcome, Write, ask_for, piece_by_piece
from referins_woo.ingest.set_aside import SetAside, draft, unreadable
from referins_woo.ingest.walk import Fetch, Position, Step, walk
from referins_woo.stores.door import Faltered

Row = OrderRecord | Unreadable
_MOST_SUSPECTS = 1_000


def batches(job: Job, cursor: dict[str, Any]) -> Iterator[Batch]:
    """Walk the orders; what they name and the mirror lacks is asked for before each batch is written."""
    missing = Missing(job)
    for step in order_steps(job, cursor):
        write = _with_what_is_missing(job, missing, step)
        cursor = {"last_id": step.position.last_id, "offset": step.position.offset, "up_to": step_bound(cursor)}
        yield Batch(write, cursor, step.total)


def _with_what_is_missing(job: Job, missing: Missing, step: Step[Row]) -> Write:
    with job.process.database.reading() as session:
        orders = _nameable(job, step, session)
    # Contacts of this import follow their own list; else an order that touches a customer brings it (M8).
    customers = missing.customers(orders, refresh="contacts" not in job.elements)
    products, lines = missing.products(orders)
    return partial(_write, job, step, customers, products, lines)


def _nameable(job: Job, step: Step[Row], session: Session) -> list[OrderRecord]:
    """Return the orders of a page; those of erased people name nobody."""
    store = job.door.store
    orders = [row for row in step.rows if isinstance(row, OrderRecord)]
    return without_erased(session, store.account_id, store.id, orders)


def order_steps(job: Job, cursor: dict[str, Any]) -> Iterator[Step[Row]]:
    """Walk the orders that the filters of the store's import let through, up to the highest one at the start (I7)."""
    store, filters = job.store, job.limits.of_orders
    newest, total = _newest(job, filters)
    cursor["up_to"] = cursor.get("up_to") or newest
    position = Position(cursor.get("last_id", 0), cursor.get("offset", 0))

    def whole(offset: int, per_page: int) -> Any:
        return job.door.orders(offset=offset, per_page=per_page, **filters)

    fetch = _pieces(job, whole, position)
    for step in walk(fetch, position, per_page=store.page_size, connections=store.connections, up_to=cursor["up_to"]):
        yield replace(step, total=step.total or total)


def _pieces(job: Job, whole: Fetch[Any], position: Position) -> Fetch[Any]:
    with job.process.database.reading() as session:
        suspects = set_aside.failed_after(session, job.store.id, "orders", 0, _MOST_SUSPECTS) if job.careful else []
    several = partial(_some, job)
    return piece_by_piece(job, whole, "Order", job.door.order, position, several=several, suspects=suspects)


def _some(job: Job, ids: Sequence[int]) -> object:
    return job.door.orders(include=ids)


def _newest(job: Job, filters: dict[str, Any]) -> tuple[int, int | None]:
    """Return (the highest order id, the store's count)."""
    try:
        page = job.door.orders(newest_first=True, per_page=1, **filters)
    except Faltered:
        if not job.careful:
            raise
        return 0, None  # it may be the one order that the store cannot show
    return (page.ids[0] if page.ids else 0), page.total


def _count(job: Job) -> int | None:
    return job.door.count("orders", **job.limits.of_orders)


def _ids(job: Job, offset: int, per_page: int) -> Any:
    return job.door.ids("orders", offset=offset, per_page=per_page, **job.limits.of_orders)


def _known(session: Session, job: Job, ids: Sequence[int]) -> set[int]:
    here = select(Order.woo_id).where(Order.store_id == job.store.id, among(session, Order.woo_id, ids))
    return set(session.execute(here).scalars()) | tombstones(session, job.store.id, ids)


def _again(job: Job, ids: Sequence[int]) -> Write:
    """Ask for orders by their ids."""

    def several(part: Sequence[int]) -> Any:
        page = job.door.orders(include=part)
        return zip(page.ids, page.rows, strict=True)

    asked = ask_for(job.door, ids, several, job.door.order, "Order")
    step: Step[Row] = Step(list(asked.found.values()), list(asked.found), Position(), None)
    return _with_what_is_missing(job, Missing(job), step)


def step_bound(cursor: dict[str, Any]) -> int:
    """Return the highest order id at the start of the walk."""
    return int(cursor.get("up_to", 0))


class Missing:
    """Asks the store for customers and products that orders name; each is asked for once in a slice."""

    def __init__(self, job: Job) -> None:
        self._job = job
        self._asked_customers: set[int] = set()
        self._asked_products: set[int] = set()
        self._lines = LineProducts()

    def customers(self, orders: Sequence[OrderRecord], *, refresh: bool) -> dict[int, CustomerRecord | None]:
        """Return the registered customers to write with these orders; None: the store answered 404."""
        wanted = {order.woo_customer_id for order in orders} - {0} - self._asked_customers
        if not wanted:
            return {}
        if not refresh:
            with self._job.process.database.reading() as session:
                wanted -= linked_contacts(session, self._job.door.store.id, wanted).keys()
        found: dict[int, CustomerRecord | None] = {}
        answer = self._job.door.customers_by_ids(sorted(wanted)) if wanted else {}
        for woo_id in wanted:
            customer = answer.get(woo_id)
            found[woo_id] = customer if isinstance(customer, CustomerRecord) else None
        self._asked_customers |= wanted
        return found

    def products(self, orders: Sequence[OrderRecord]) -> tuple[list[ProductRecord], LineProducts]:
        """Return the products that lines name and the mirror lacks (O4), and those that it has."""
        with self._job.process.database.reading() as session:
            self._lines.learn(session, self._job.door.store.id, orders)
        wanted = unknown_products(self._lines, orders) - self._asked_products
        self._asked_products |= wanted
        products = self._job.door.products_by_ids(sorted(wanted)) if wanted else []
        if products:
            self._lines.forget()
        return products, self._lines


def _write(
    job: Job,
    step: Step[Row],
    customers: dict[int, CustomerRecord | None],
    products: list[ProductRecord],
    lines: LineProducts,
    session: Session,
) -> Outcome:
    store, now, outcome = job.door.store, clock.now(), Outcome()
    lock_account(session, store.account_id)
    orders = _nameable(job, step, session)  # somebody may have been erased since the page was read
    ids = [order.woo_id for order in orders]
    dead = tombstones(session, store.id, ids)
    stored = stored_orders(session, store.id, ids)
    if products:
        upsert_products(session, store.account_id, store.id, store.currency, products, now)
    fresh = []
    newer = []
    for order in orders:
        before = stored.get(order.woo_id)
        if order.woo_id in dead:
            outcome.set_aside.append(_deleted_here(order))
        elif before is None and order.is_draft:
            outcome.set_aside.append(draft(order))
        else:
            outcome.came_in.append(order.woo_id)
            if before is None:
                fresh.append(order)
            elif is_newer(order, before, fetched=True) or before.gone_at is not None:
                newer.append((before, order))
    contacts = resolve_contacts(session, store.account_id, store.id, fresh, customers, now)
    sales = SalesRule(frozenset(store.sales_statuses))
    if fresh:
        lines.learn(session, store.id, fresh)
        made = insert_orders(
            session,
            store.account_id,
            store.id,
            store.location_id,
            fresh,
            contacts,
            lines,
            now,
            observed=False,
            books=books_of(session, store.account_id),
            sales=sales,
        )
        if "transactions" in job.elements:
            # Made here they cost no time of their own: the next pages are under way meanwhile.
            record_payments(session, [change.order_id for change in made], now)
    change_orders(session, newer, contacts, now, observed=False, sales=sales)
    outcome.done = len(outcome.came_in)
    outcome.set_aside += [unreadable(row) for row in step.rows if isinstance(row, Unreadable)]
    return outcome


def _deleted_here(order: OrderRecord) -> SetAside:
    return SetAside(order.woo_id, order.number, "skipped", "deleted_here", "Deleted here: it is not imported again")


ELEMENT = Element(batches, _count, _ids, _known, _again, pieces=_pieces)
