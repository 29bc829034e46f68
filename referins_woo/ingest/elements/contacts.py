"""Contacts: users found by role=customer or role=subscriber, joined by id; other users are listed as skipped (M1)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import partial
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from referins_woo import clock
from referins_woo.commerce.erasure import erased_and_away, without_erased
from referins_woo.commerce.models import ContactLink
from referins_woo.commerce.records import CustomerRecord, OrderRecord, Unreadable
from referins_woo.commerce.upsert.bulk import among, lock_account, update_rows
from referins_woo.commerce.upsert.contacts import upsert_customers
from referins_woo.commerce.upsert.order_contacts import resolve_contacts
from referins_woo.ingest.elements.batch import Asked, Batch, Element, Job, Outcome, Write, ask_for, piece_by_piece
from referins_woo.ingest.elements.orders import Missing, order_steps
from referins_woo.ingest.set_aside import SetAside, noted, other_role, unreadable
from referins_woo.ingest.walk import Position, Step, walk

Row = CustomerRecord | Unreadable
_PHASES = ("customer", "subscriber", "all")


def batches(job: Job, cursor: dict[str, Any]) -> Iterator[Batch]:
    """Walk the three lists of users, or, for "only customers on orders", the orders."""
    if job.limits.contacts_scope == "on_orders":
        yield from _on_orders(job, cursor)
        return
    total = _count(job)
    phase = cursor.get("phase", _PHASES[0])
    position = Position(cursor.get("last_id", 0), cursor.get("offset", 0))
    for role in _PHASES[_PHASES.index(phase) :]:
        if role == "all" and position == Position() and _listed(job) == total:
            return  # everybody is accounted for: there are no others to explain
        for step in _walk(job, role, position):
            write = _write_others if role == "all" else _write_listed
            yield Batch(partial(write, job, step), _cursor(role, step.position), total)
        position = Position()


def _count(job: Job) -> int | None:
    """Everybody counts: who is neither customer nor subscriber is listed as skipped (M1)."""
    if job.limits.contacts_scope == "on_orders":
        return None
    return job.door.count("customers", role="all")


def _ids(job: Job, offset: int, per_page: int) -> Any:
    return job.door.ids("customers", role="all", offset=offset, per_page=per_page)


def _known(session: Session, job: Job, ids: Sequence[int]) -> set[int]:
    return {link.woo_id for link in _links(session, job.store.id, ids) if link.listed_in == job.import_id}


def _again(job: Job, ids: Sequence[int]) -> Write:
    """Ask for users by their ids; the lists decide who is a customer or a subscriber."""

    def in_list(role: str) -> Asked[Any]:
        def several(part: Sequence[int]) -> Any:
            page = job.door.customers(role, include=part)
            return zip(page.ids, page.rows, strict=True)

        return ask_for(job.door, ids, several, None, "Customer")

    listed = {woo_id: row for role in _PHASES[:2] for woo_id, row in in_list(role).found.items()}
    others = {woo_id: row for woo_id, row in in_list("all").found.items() if woo_id not in listed}

    def write(session: Session) -> Outcome:
        outcome = _write_listed(job, _step(listed), session)
        rest = _write_others(job, _step(others), session)
        outcome.set_aside += rest.set_aside
        return outcome

    return write


def _step(found: dict[int, Any]) -> Step[Row]:
    return Step(list(found.values()), list(found), Position(), None)


def _listed(job: Job) -> int:
    """Return how many users this import found among the customers and subscribers."""
    query = select(func.count()).select_from(ContactLink)
    query = query.where(ContactLink.store_id == job.door.store.id, ContactLink.listed_in == job.import_id)
    with job.process.database.reading() as session:
        return session.execute(query).scalar_one()


def _walk(job: Job, role: str, position: Position) -> Iterator[Step[Row]]:
    def whole(offset: int, per_page: int) -> Any:
        return job.door.customers(role, offset=offset, per_page=per_page)

    store = job.door.store
    fetch = piece_by_piece(job, whole, "Customer", job.door.customer, position)
    return walk(fetch, position, per_page=store.page_size, connections=store.connections)


def _cursor(role: str, position: Position) -> dict[str, Any]:
    return {"phase": role, "last_id": position.last_id, "offset": position.offset}


def _write_listed(job: Job, step: Step[Row], session: Session) -> Outcome:
    store, outcome = job.door.store, Outcome()
    lock_account(session, store.account_id)
    customers = [row for row in step.rows if isinstance(row, CustomerRecord)]
    erased = erased_and_away(session, store.id, [customer.woo_id for customer in customers])
    welcome = [customer for customer in customers if customer.woo_id not in erased]
    upsert_customers(session, store.account_id, store.id, welcome, clock.now())
    listed = _links(session, store.id, step.ids)
    # A user with two roles stands in both lists and counts once.
    fresh = [link for link in listed if link.listed_in != job.import_id]
    update_rows(session, ContactLink, ("id", "listed_in"), [[link.id, job.import_id] for link in fresh])
    outcome.done = len(fresh)
    outcome.came_in = [link.woo_id for link in listed]
    outcome.set_aside = [unreadable(row) for row in step.rows if isinstance(row, Unreadable)]
    outcome.set_aside += [
        SetAside(woo_id, "", "skipped", "erased", "This person's data was erased here") for woo_id in sorted(erased)
    ]
    return outcome


def _write_others(job: Job, step: Step[Row], session: Session) -> Outcome:
    listed = {link.woo_id for link in _links(session, job.door.store.id, step.ids) if link.listed_in == job.import_id}
    listed |= erased_and_away(session, job.door.store.id, step.ids)  # they have their own reason
    others = [row for row in step.rows if isinstance(row, CustomerRecord) and row.woo_id not in listed]
    skipped = [other_role(row) for row in others]
    # Who cannot be read was counted with the lists before, unless no list of those has him.
    broken = {row.woo_id: row for row in step.rows if isinstance(row, Unreadable) and row.woo_id not in listed}
    counted = noted(session, job.store.id, "contacts", broken, import_id=job.import_id) if broken else set()
    failed = [unreadable(row) for woo_id, row in broken.items() if woo_id not in counted]
    return Outcome(set_aside=skipped + failed)


def _links(session: Session, store_id: int, woo_ids: Sequence[int]) -> list[Any]:
    columns = (ContactLink.id, ContactLink.woo_id, ContactLink.listed_in)
    found = select(*columns).where(ContactLink.store_id == store_id, among(session, ContactLink.woo_id, woo_ids))
    return list(session.execute(found).all())


def _on_orders(job: Job, cursor: dict[str, Any]) -> Iterator[Batch]:
    """Contacts of orders only (C3). Imported orders bring them; without, the orders are read for them."""
    if "orders" in job.elements:
        return
    missing = Missing(job)
    for step in order_steps(job, cursor):
        orders = [row for row in step.rows if isinstance(row, OrderRecord)]
        customers = missing.customers(orders, refresh=True)

        def write(session: Session, step: Any = step, orders: Any = orders, customers: Any = customers) -> Outcome:
            store = job.door.store
            lock_account(session, store.account_id)
            orders = without_erased(session, store.account_id, store.id, orders)
            resolve_contacts(session, store.account_id, store.id, orders, customers, clock.now())
            failed = [unreadable(row) for row in step.rows if isinstance(row, Unreadable)]
            return Outcome(done=len(orders), set_aside=failed)

        yield Batch(write, {"last_id": step.position.last_id, "offset": step.position.offset}, step.total)


ELEMENT = Element(
    *(batches, _count, _ids, _known, _again), compares=lambda job: job.limits.contacts_scope != "on_orders"
)
