"""Live work looks at records: upsert, detect and record in one transaction.

The only way into the mirror besides importing, for webhooks, sweeps and re-reads alike. What the store must be asked
for (unknown customers, products and refunds that the records name) is fetched before the transaction begins.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Final

from sqlalchemy import bindparam, delete, select
from sqlalchemy.orm import Session

from automations.triggers import TRIGGERS
from referins_woo import clock, queues
from referins_woo.accounts.books import books_of
from referins_woo.commerce.erasure import erased_in_store, note_erased_in_store, without_erased
from referins_woo.commerce.matching import usable_email
from referins_woo.commerce.models import Order
from referins_woo.commerce.order_rules import SalesRule
from referins_woo.commerce.records import CustomerRecord, OrderRecord, ProductRecord, RefundRecord, Unreadable
from referins_woo.commerce.upsert import bulk
from referins_woo.commerce.upsert.contacts import linked_contacts
from referins_woo.commerce.upsert.line_products import LineProducts, unknown_products
from referins_woo.commerce.upsert.order_contacts import resolve_contacts
from referins_woo.commerce.upsert.orders import (
    OrderChange,
    StoredOrder,
    change_orders,
    insert_orders,
    is_newer,
    is_unclear,
    mark_observed,
    stored_orders,
    tombstones,
)
from referins_woo.commerce.upsert.products import upsert_products
from referins_woo.commerce.upsert.transactions import record_payments, record_refunds, reverse_missing_refunds
from referins_woo.conditions import one_of, owned
from referins_woo.events import detect
from referins_woo.events.announce import announce
from referins_woo.events.models import Event, OrderSighting
from referins_woo.mail.suppression import suppress
from referins_woo.outbound.contacts import tell_created
from referins_woo.process import Process
from referins_woo.stores.door import Door
from referins_woo.stores.view import StoreView
from referins_woo.writeback.outbox import note_echoes

InUnit = Callable[[Session], None]
"""Work of the caller that must be committed together with the records (its cursor, its deliveries)."""

_E, _S = bulk.table_of(Event).c, bulk.table_of(OrderSighting).c
_RECORDED: Final = select(_E.subject, _E.kind, _E.occurrence).where(
    owned(_E.store_id, "store_id"), one_of(_E.kind, "kinds"), one_of(_E.subject, "woo_ids")
)
_SIGHTED: Final = select(_S.woo_id, _S.woo_status, _S.had_email).where(
    _S.store_id == bindparam("store_id"), one_of(_S.woo_id, "woo_ids")
)


@dataclass(slots=True)
class Extras:
    """What had to be asked of the store before the records could be taken."""

    customers: dict[int, CustomerRecord | None] = field(default_factory=dict)
    """None: the store answered 404."""
    products: list[ProductRecord] = field(default_factory=list)
    refunds: list[RefundRecord] = field(default_factory=list)
    refunded_orders: set[int] = field(default_factory=set)
    """Woo ids of the orders whose refunds were read whole."""
    reread: dict[int, OrderRecord] = field(default_factory=dict)
    lines: LineProducts = field(default_factory=LineProducts)
    """What was looked up to find out."""


def take_orders(
    process: Process,
    door: Door,
    records: Sequence[OrderRecord],
    *,
    fetched: bool,
    in_unit: InUnit | None = None,
) -> list[OrderChange]:
    """Take orders in: the newest version of each is stored, its events are recorded, runs are rung.

    `fetched`: the records were asked for; a delivered body that differs within an equal second is asked for first.
    Each order may come once only. Raises what the door raises; then nothing was stored.
    """
    store = door.store
    unique = {record.woo_id: record for record in records}
    with process.database.looking() as session:
        unique = {one.woo_id: one for one in without_erased(session, store.account_id, store.id, list(unique.values()))}
        wanted = _what_to_ask(session, store, unique, fetched=fetched)
    extras = _ask(door, wanted)
    unique.update(extras.reread)
    with process.database.unit() as session:
        bulk.lock_account(session, store.account_id)
        changes = observe_orders(session, store, list(unique.values()), extras, fetched=fetched)
        if in_unit is not None:
            in_unit(session)
    return changes


def observe_orders(
    session: Session, store: StoreView, records: Sequence[OrderRecord], extras: Extras, *, fetched: bool
) -> list[OrderChange]:
    """Upsert, detect and record within the caller's unit; rings `start_runs` after its commit."""
    now = clock.now()
    records = without_erased(session, store.account_id, store.id, records)
    ids = [record.woo_id for record in records]
    stored = stored_orders(session, store.id, ids)
    dead = tombstones(session, store.id, ids)
    recorded = _recorded_kinds(session, store.id, ids)
    sightings = _sightings(session, store.id, [woo_id for woo_id in ids if woo_id not in stored])
    situation = situation_of(store, now)
    refunds: dict[int, list[RefundRecord]] = {}
    for refund in extras.refunds:
        refunds.setdefault(refund.woo_order_id, []).append(refund)
    fresh: list[OrderRecord] = []
    newer: list[tuple[StoredOrder, OrderRecord]] = []
    unobserved: list[OrderChange] = []
    due: dict[int, list[detect.Due]] = {}
    for record in records:
        before = stored.get(record.woo_id)
        if record.woo_id in dead:
            continue
        known = _known(before, sightings.get(record.woo_id))
        newer_than = before is not None and is_newer(record, before, fetched=fetched or record.woo_id in extras.reread)
        events = detect.due_events(
            record,
            known,
            recorded.get(record.woo_id, ()),
            situation,
            newer=newer_than,
            refunds=refunds.get(record.woo_id, ()),
        )
        if before is not None:
            if not _is_followed(store, recorded.get(record.woo_id, ()), events):
                due[record.woo_id] = events
                continue
            if newer_than or before.gone_at:
                newer.append((before, record))
            elif before.observed or record.content_hash != before.content_hash:
                continue  # an echo, or older than what we have
            else:
                unobserved.append(OrderChange(before.id, before.contact_id, record, before))
        due[record.woo_id] = events
        if before is None:
            if not record.is_draft and _is_stored(store, events):
                fresh.append(record)
            else:
                _note_sighting(session, store.id, record, now)
    changes = _write(session, store, fresh, newer, extras, now)
    mark_observed(session, [change.order_id for change in unobserved])
    _record_events(session, store, [*changes, *unobserved], due, sighted=sightings, now=now)
    # An import of orders alone may have brought an order first: its payment is due as its event is.
    first_seen = [change for change in unobserved if due[change.record.woo_id]]
    _transactions(session, store, [*changes, *first_seen], extras, now)
    note_echoes(session, store.id, records, now)
    _stop_mail_to_the_erased(session, store, changes, now)
    return changes


def situation_of(store: StoreView, now: datetime) -> detect.Situation:
    """Return what `store`'s settings say, on the store's clock."""
    store_now = now + timedelta(seconds=store.clock_skew_seconds)
    return detect.Situation(
        t0=store.live_since or store_now,
        store_now=store_now,
        submitted_on=store.sync_order_submitted,
        payment_on=store.sync_payment_received,
        submitted_on_since=store.submitted_on_since,
        payment_on_since=store.payment_on_since,
        history_order_ids=frozenset(store.history_order_ids),
        restored_at=store.restored_at,
        orders_on=store.sync_orders,
    )


@dataclass(frozen=True, slots=True)
class _Wanted:
    customers: set[int]
    products: set[int]
    lines: LineProducts
    """In which they were not found."""
    refunds: dict[int, set[int]]
    """Order → the refunds that it lists."""
    reread: dict[int, set[int]]
    """Order → the refunds of it that are known here: the store may name more."""


def _what_to_ask(session: Session, store: StoreView, records: Mapping[int, OrderRecord], *, fetched: bool) -> _Wanted:
    stored = stored_orders(session, store.id, records)
    new = [record for record in records.values() if record.woo_id not in stored and not record.is_draft]
    registered = {record.woo_customer_id for record in new} - {0}
    customers = registered - linked_contacts(session, store.id, registered).keys()
    if not store.sync_contacts:
        customers = registered  # an order that touches the customer applies Woo's values (M8)
    # Also where transactions are off: an event has its refund's own time, and only the refund tells it.
    refunds = {
        record.woo_id: {refund_id for refund_id, _ in record.refunds}
        for record in records.values()
        if _new_refund(record, stored.get(record.woo_id))
    }
    reread = {}
    if not fetched:
        reread = {
            record.woo_id: _known_refunds(before)
            for record in records.values()
            if (before := stored.get(record.woo_id)) is not None and is_unclear(record, before)
        }
    lines = LineProducts()
    lines.learn(session, store.id, new)
    return _Wanted(customers, unknown_products(lines, new), lines, refunds, reread)


def _new_refund(record: OrderRecord, before: StoredOrder | None) -> bool:
    known = _known_refunds(before)
    return any(refund_id not in known for refund_id, _ in record.refunds)


def _known_refunds(before: StoredOrder | None) -> set[int]:
    # What only an import has seen may be due an event all the same.
    return {refund[0] for refund in before.refunds} if before is not None and before.observed else set()


def _ask(door: Door, wanted: _Wanted) -> Extras:
    extras = Extras(lines=wanted.lines)
    if wanted.customers:
        found = door.customers_by_ids(sorted(wanted.customers))
        for woo_id in wanted.customers:
            customer = found.get(woo_id)
            extras.customers[woo_id] = customer if isinstance(customer, CustomerRecord) else None
    for product_id in sorted(wanted.products):
        product = door.product(product_id)
        if isinstance(product, ProductRecord):
            extras.products.append(product)
    refunds = dict(wanted.refunds)
    for order_id, known in sorted(wanted.reread.items()):
        order = door.order(order_id)
        if order is not None and not isinstance(order, Unreadable):
            extras.reread[order_id] = order
            named = {refund_id for refund_id, _ in order.refunds}
            if named - known:
                refunds[order_id] = named
    for order_id, named in sorted(refunds.items()):
        extras.refunds.extend(door.refunds_of(order_id, named))
        extras.refunded_orders.add(order_id)
    return extras


def _write(
    session: Session,
    store: StoreView,
    fresh: list[OrderRecord],
    newer: list[tuple[StoredOrder, OrderRecord]],
    extras: Extras,
    now: datetime,
) -> list[OrderChange]:
    if extras.products:
        upsert_products(session, store.account_id, store.id, store.currency, extras.products, now)
        extras.lines.forget()
    # An empty e-mail may be filled later (O7): then the order finds its contact.
    filled = [record for before, record in newer if before.contact_id is None and not before.email and record.email]
    contacts = resolve_contacts(session, store.account_id, store.id, [*fresh, *filled], extras.customers, now)
    tell_created(session, store.account_id, contacts.values(), now)
    changes: list[OrderChange] = []
    sales = SalesRule(frozenset(store.sales_statuses), live_since=store.live_since)
    if fresh:
        extras.lines.learn(session, store.id, fresh)
        changes += insert_orders(
            session,
            store.account_id,
            store.id,
            store.location_id,
            fresh,
            contacts,
            extras.lines,
            now,
            observed=True,
            books=books_of(session, store.account_id),
            sales=sales,
        )
    if newer:
        changes += change_orders(session, newer, contacts, now, observed=True, sales=sales)
    return changes


def _is_stored(store: StoreView, events: Sequence[detect.Due]) -> bool:
    """With Orders off only the order that fires is stored (S4)."""
    return store.sync_orders or any(event.state == "fired" for event in events)


def _is_followed(store: StoreView, recorded: Collection[str], events: Sequence[detect.Due]) -> bool:
    """With Orders off stored orders stay as they are (S1), but for those in whose story automations have a part."""
    return store.sync_orders or bool(recorded) or any(event.state == "fired" for event in events)


def _known(before: StoredOrder | None, sighting: detect.Known | None) -> detect.Known | None:
    if before is None:
        return sighting
    return detect.Known(before.woo_status, usable_email(before.email), by_import_only=not before.observed)


def _recorded_kinds(session: Session, store_id: int, woo_ids: Sequence[int]) -> dict[int, set[str]]:
    kinds: dict[int, set[str]] = {}
    asked = {"store_id": store_id, "kinds": tuple(TRIGGERS), "woo_ids": woo_ids}
    for subject, kind, occurrence in session.execute(_RECORDED, asked):
        kinds.setdefault(subject, set()).add(f"{kind}:{occurrence}" if occurrence else kind)
    return kinds


def _sightings(session: Session, store_id: int, woo_ids: Sequence[int]) -> dict[int, detect.Known]:
    if not woo_ids:
        return {}
    rows = session.execute(_SIGHTED, {"store_id": store_id, "woo_ids": woo_ids})
    return {woo_id: detect.Known(status, had_email, stored=False) for woo_id, status, had_email in rows}


def _note_sighting(session: Session, store_id: int, record: OrderRecord, now: datetime) -> None:
    bulk.insert_rows(
        session,
        OrderSighting,
        ("store_id", "woo_id", "woo_status", "had_email", "seen_at"),
        [[store_id, record.woo_id, record.status, usable_email(record.email), now]],
        conflict=("store_id", "woo_id"),
        update=("woo_status", "had_email"),
    )


_EVENT = (
    *("id", "account_id", "store_id", "kind", "subject", "occurrence", "order_id", "contact_id", "occurred_at"),
    *("recorded_at", "state", "reason", "data", "handed_over_at"),
)


def _record_events(
    session: Session,
    store: StoreView,
    changes: Sequence[OrderChange],
    due: Mapping[int, list[detect.Due]],
    *,
    sighted: Collection[int],
    now: datetime,
) -> None:
    here = {change.record.woo_id: change for change in changes}
    wanted: list[list[Any]] = []
    for woo_id, events in due.items():
        change = here.get(woo_id)
        for event in events:
            order_id = change.order_id if change is not None else None
            contact_id = change.contact_id if change is not None else None
            handed_over = None if event.state == "fired" else now
            wanted.append(
                [
                    *(0, store.account_id, store.id, event.kind, woo_id, event.occurrence, order_id, contact_id),
                    *(event.occurred_at, now, event.state, event.reason, dict(event.data), handed_over),
                ]
            )
    if not wanted:
        return
    for key, row in zip(bulk.new_ids(session, Event, len(wanted)), wanted, strict=True):
        row[0] = key
    bulk.insert_rows(session, Event, _EVENT, wanted, conflict=("store_id", "kind", "subject", "occurrence"))
    announce(session, store.account_id, [row[0] for row in wanted if row[10] == "fired"])
    stored_now = [woo_id for woo_id in here if woo_id in sighted]
    if stored_now:
        session.execute(
            delete(OrderSighting).where(OrderSighting.store_id == store.id, OrderSighting.woo_id.in_(stored_now))
        )
    if any(row[10] == "fired" for row in wanted):
        queues.ring_after_commit(session, "start_runs")


def _transactions(
    session: Session, store: StoreView, changes: Sequence[OrderChange], extras: Extras, now: datetime
) -> None:
    if not store.sync_transactions:
        return
    record_payments(session, [change.order_id for change in changes if change.record.status != "trash"], now)
    if extras.refunds:
        record_refunds(session, store.id, extras.refunds, now)
    shown = {
        change.record.woo_id: {refund_id for refund_id, _ in change.record.refunds}
        for change in changes
        if change.before is not None and change.before.refunds
    }
    reverse_missing_refunds(session, store.id, shown, now)


def _stop_mail_to_the_erased(session: Session, store: StoreView, changes: Sequence[OrderChange], now: datetime) -> None:
    """The store has erased a person: no mail leaves, and the contact's page offers to erase here too (M10)."""
    emptied = erased_in_store(change.record for change in changes)
    contacts = [change.contact_id for change in changes if change.contact_id and change.record.woo_id in emptied]
    if contacts:
        for email in note_erased_in_store(session, contacts, now):
            suppress(session, store.account_id, email, "erased_in_store")


def note_gone(session: Session, store_id: int, woo_ids: Sequence[int], now: datetime) -> None:
    """Mark orders that the store no longer has; they keep their status and money (S5)."""
    rows = session.execute(
        select(Order.id).where(Order.store_id == store_id, Order.woo_id.in_(woo_ids), Order.gone_at.is_(None))
    ).scalars()
    bulk.update_rows(session, Order, ("id", "gone_at"), [[order_id, now] for order_id in rows])
