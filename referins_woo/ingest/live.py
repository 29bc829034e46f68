"""Drains the deliveries of a store: newest version of each thing, in batches, through the same door as the sweep.

A delivery's topic decides nothing but where to look: the body is compared with what is stored. Deleted-topics are
hints (products and coupons fire each other's, fact 85) and are confirmed by one GET.
"""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

import structlog
from sqlalchemy import bindparam, or_, select, update
from sqlalchemy.orm import Session

from referins_woo import clock, lease, queues
from referins_woo.commerce.records import CustomerRecord, OrderRecord, ProductRecord, Unreadable
from referins_woo.commerce.upsert.bulk import among, table_of, update_rows
from referins_woo.conditions import one_of
from referins_woo.errors import RetryLater, StoreMustReconnect
from referins_woo.events import observe
from referins_woo.events.observe import InUnit
from referins_woo.ingest import catalogue, people
from referins_woo.ingest.models import Delivery
from referins_woo.process import Process
from referins_woo.stores import translate
from referins_woo.stores.door import Door, open_store
from referins_woo.stores.models import Webhook
from referins_woo.stores.view import StoreView
from referins_woo.stores.webhooks import SILENCED
from referins_woo.woo import reading

log = structlog.get_logger(__name__)

_BATCH = 200
_SLICE_SECONDS = 0.02
"""After so long what came meanwhile waits: runs start from what was recorded only when the drain has ended."""
_LEASE_SECONDS = 90.0
_REST_SECONDS, _LONGEST_REST = 0.01, 0.1
"""A store that sends many orders at once is let alone for so long for each: what comes meanwhile comes together, and
costs a fraction of what it costs one by one, above all of SQLite's right to write."""
_FEW = 3
"""So many at once are no rush: the next order must not wait for company."""
_next: dict[int, float] = {}
"""When (monotonic) this process looks at a store's deliveries again, at the earliest."""
_MOST_ATTEMPTS = 5
_NO_RIGHTS = "woocommerce_rest_cannot_"
_LONG_AGO = datetime(1970, 1, 1, tzinfo=UTC)

# Made once: these run for every few deliveries.
_T = table_of(Delivery).c
_UNDONE = select(_T.id).where(
    _T.store_id == bindparam("store_id"),
    _T.state == "received",
    or_(_T.due_at.is_(None), _T.due_at <= bindparam("now")),
)
_UNTRIED = _UNDONE.where(_T.attempts == 0).order_by(_T.id).limit(_BATCH)
_ANY = _UNDONE.limit(1)
_TRIED = _UNDONE.order_by(_T.attempts, _T.id).limit(1)
_CLAIM = (
    update(table_of(Delivery))
    .where(one_of(_T.id, "b_ids"))
    .values(attempts=_T.attempts + 1)
    .returning(_T.id, _T.topic, _T.body, _T.attempts, _T.woo_webhook_id, _T.received_at)
)
_W = table_of(Webhook).c
_NOTE_DELIVERED = (
    update(table_of(Webhook))
    .where(_W.store_id == bindparam("b_store"), _W.woo_id == bindparam("b_woo"))
    .values(last_delivery_at=bindparam("b_at"))
)
_NOTE_SILENCED = _NOTE_DELIVERED.values(status=SILENCED)


@dataclass(frozen=True, slots=True)
class Verdict:
    """What became of one delivery."""

    delivery_id: int
    state: str
    reason: str = ""
    error: str = ""


@dataclass(slots=True)
class _Sorted:
    """Deliveries by what is to be done with them."""

    orders: dict[int, list[OrderRecord]] = field(default_factory=lambda: defaultdict(list))
    products: dict[int, ProductRecord] = field(default_factory=dict)
    variations: dict[int, int] = field(default_factory=dict)
    customers: dict[int, CustomerRecord] = field(default_factory=dict)
    gone_orders: set[int] = field(default_factory=set)
    gone_products: set[int] = field(default_factory=set)
    verdicts: list[Verdict] = field(default_factory=list)


def drain(process: Process, store_id: int) -> bool:
    """Work through the store's undone deliveries for a moment; returns whether some may be left.

    One drain per store at a time (lease). Raises what the door raises: what was not marked stays undone.
    """
    hold = _Hold(f"drain:{store_id}", 0)
    door = open_store(process, store_id)
    if door.store.needs_location:
        return False  # deliveries are kept until a location is chosen (L2)
    time.sleep(max(0.0, _next.pop(store_id, 0.0) - time.monotonic()))
    until = time.monotonic() + _SLICE_SECONDS
    with process.database.unit() as session:
        fence = lease.acquire(session, hold.lease_name, lease.new_holder(), _LEASE_SECONDS)
        if fence is None:
            return False
        hold.fence = fence
        batch = _claim(session, store_id)
    worked = 0
    try:
        while batch:
            worked += len(batch)
            batch = _work(process, door, batch, hold, until)
    finally:
        if hold.is_held:
            with process.database.unit() as session:
                lease.release(session, hold.lease_name, hold.fence)
    if worked > _FEW:
        _next[store_id] = time.monotonic() + min(_LONGEST_REST, worked * _REST_SECONDS)
    return hold.is_more


@dataclass(slots=True)
class _Hold:
    """The right to drain a store: renewed inside each transaction."""

    lease_name: str
    fence: int
    is_held: bool = True
    is_more: bool = False
    """Whether deliveries lay there when the time was over."""

    def check(self, session: Session, *, last: bool = False) -> None:
        """Raise LeaseLost when another worker drains the store now. `last`: give it back with this transaction."""
        lease.renew(session, self.lease_name, self.fence, 0 if last else _LEASE_SECONDS)


def _claim(session: Session, store_id: int) -> Sequence[Any]:
    """Return the next undone deliveries, counting the attempt before it is made.

    What killed a worker must not do so for ever: deliveries that were tried before come alone, after all others, and
    are set aside when they were tried too often.
    """
    asked = {"store_id": store_id, "now": clock.now()}
    ids = session.execute(_UNTRIED, asked).scalars().all() or session.execute(_TRIED, asked).scalars().all()
    if not ids:
        return ()
    return sorted(session.execute(_CLAIM, {"b_ids": ids}).all(), key=lambda one: one.id)


def _work(process: Process, door: Door, batch: Sequence[Any], hold: _Hold, until: float) -> Sequence[Any]:
    """Take one batch in, mark it in the last transaction, and return the next one, claimed in the same.

    None is claimed after `until` (monotonic): what is claimed and not worked on would count as tried.
    """
    if len(batch) == 1 and batch[0].attempts > _MOST_ATTEMPTS:
        found = _Sorted(verdicts=[Verdict(batch[0].id, "failed", "poison", f"Tried {_MOST_ATTEMPTS} times in vain.")])
    else:
        found = sort_out(door.store, batch)
    following: list[Any] = []

    def finish(session: Session) -> None:
        _mark(session, found.verdicts)
        _note_webhooks(session, door.store.id, batch, found.verdicts)
        if time.monotonic() < until:
            following.extend(_claim(session, door.store.id))
        else:
            hold.is_more = session.execute(_ANY, {"store_id": door.store.id, "now": clock.now()}).first() is not None
        hold.check(session, last=not following)

    try:
        _take(process, door, found, hold.check, finish)
    except RetryLater as error:
        # The bodies are here, only what must be asked for is not: try again when the store answers.
        _postpone(process, batch, str(error), error.after_seconds or 30.0, hold)
        raise
    except StoreMustReconnect as error:
        _postpone(process, batch, str(error), 0.0, hold)
        raise
    hold.is_held = bool(following)
    return following


def sort_out(store: StoreView, deliveries: Sequence[Any]) -> _Sorted:
    """Read the bodies and decide what each delivery asks for. Pure but for the log."""
    result = _Sorted()
    for delivery in deliveries:
        state, reason, error = "done", "", ""
        try:
            body = reading.read(delivery.body).value
        except reading.NotJsonError as problem:
            state, reason, error = "failed", "not_json", str(problem)
        else:
            state, reason, error = _sort_one(store, delivery.topic, body, result)
        result.verdicts.append(Verdict(delivery.id, state, reason, error))
    return result


def _sort_one(store: StoreView, topic: str, body: Any, result: _Sorted) -> tuple[str, str, str]:
    resource, _, event = topic.partition(".")
    sort = _SORTERS.get(resource)
    if sort is None or event not in _EVENTS:
        return "ignored", "topic_not_used", ""
    if not isinstance(body, dict) or not isinstance(body.get("id"), int):
        # A signed error object: deleted meanwhile, or the hook's owner lost his rights (fact 81).
        code = str(body.get("code", "")) if isinstance(body, dict) else ""
        return "ignored", "owner_lost_rights" if code.startswith(_NO_RIGHTS) else "error_body", code
    return sort(store, event, body, result)


def _sort_order(store: StoreView, event: str, body: dict[str, Any], result: _Sorted) -> tuple[str, str, str]:
    if not (store.sync_orders or store.sync_order_submitted or store.sync_payment_received):
        return "ignored", "switched_off", ""
    if event == "deleted":
        result.gone_orders.add(body["id"])
        return "done", "", ""
    record = translate.order(body)
    if isinstance(record, Unreadable):
        return "failed", record.reason_code, record.reason
    if all(
        known.content_hash != record.content_hash or known.modified_at != record.modified_at
        for known in result.orders[record.woo_id]
    ):
        result.orders[record.woo_id].append(record)
    return "done", "", ""


def _sort_product(store: StoreView, event: str, body: dict[str, Any], result: _Sorted) -> tuple[str, str, str]:
    if not store.sync_products:
        return "ignored", "switched_off", ""
    if event == "deleted":
        result.gone_products.add(body["id"])
        return "done", "", ""
    if body.get("type") == "variation":
        parent = body.get("parent_id")
        result.variations[body["id"]] = parent if isinstance(parent, int) else 0
        return "done", "", ""
    record = translate.product(body)
    if isinstance(record, Unreadable):
        return "failed", record.reason_code, record.reason
    before = result.products.get(record.woo_id)
    if before is None or (record.modified_at or _LONG_AGO) >= (before.modified_at or _LONG_AGO):
        result.products[record.woo_id] = record
    return "done", "", ""


def _sort_customer(store: StoreView, event: str, body: dict[str, Any], result: _Sorted) -> tuple[str, str, str]:
    if not store.sync_contacts:
        return "ignored", "switched_off", ""
    if event == "deleted":
        return "ignored", "deletions_do_not_travel", ""
    record = translate.customer(body)
    if isinstance(record, Unreadable):
        return "failed", record.reason_code, record.reason
    result.customers[record.woo_id] = record
    return "done", "", ""


_Sorter = Callable[[StoreView, str, dict[str, Any], _Sorted], tuple[str, str, str]]
_SORTERS: dict[str, _Sorter] = {"order": _sort_order, "product": _sort_product, "customer": _sort_customer}
_EVENTS = frozenset({"created", "updated", "deleted", "restored", "published"})


def _take(process: Process, door: Door, found: _Sorted, hold: InUnit, finish: InUnit) -> None:
    """Do what the deliveries ask for; `finish` is committed together with the last of it."""
    if found.gone_products:
        catalogue.confirm_gone_products(process, door, found.gone_products)
    if found.gone_orders:
        confirm_gone_orders(process, door, found.gone_orders)
    steps: list[Callable[[InUnit], object]] = []
    if found.customers:
        customers = list(found.customers.values())
        steps.append(lambda in_unit: people.take_customers(process, door, customers, in_unit=in_unit))
    if found.products or found.variations:
        products = list(found.products.values())
        steps.append(
            lambda in_unit: catalogue.take_products(process, door, products, found.variations, in_unit=in_unit)
        )
    steps.extend(partial(_take_round, process, door, records) for records in rounds(found.orders))
    for step in steps[:-1]:
        step(hold)
    if steps:
        steps[-1](finish)
    else:
        with process.database.unit() as session:
            finish(session)


def _take_round(process: Process, door: Door, records: list[OrderRecord], in_unit: InUnit) -> None:
    observe.take_orders(process, door, records, fetched=False, in_unit=in_unit)


def rounds(versions: dict[int, list[OrderRecord]]) -> list[list[OrderRecord]]:
    """Return lists in which each order comes once, its older versions before its newer ones.

    An order that was pending and then cancelled within one batch must not look as if first seen cancelled.
    """
    result: list[list[OrderRecord]] = []
    for records in versions.values():
        ordered = sorted(records, key=lambda one: one.modified_at or _LONG_AGO)
        for index, record in enumerate(ordered):
            if index == len(result):
                result.append([])
            result[index].append(record)
    return result


def confirm_gone_orders(process: Process, door: Door, woo_ids: set[int]) -> None:
    """Ask for each order that is said to be deleted: 404 is gone, trash is a status, anything else a false alarm."""
    gone = []
    found = []
    for woo_id in sorted(woo_ids):
        record = door.order(woo_id)
        if record is None:
            gone.append(woo_id)
        elif isinstance(record, OrderRecord):
            found.append(record)
    if found:
        observe.take_orders(process, door, found, fetched=True)
    if gone:
        with process.database.unit() as session:
            observe.note_gone(session, door.store.id, gone, clock.now())


def _mark(session: Session, verdicts: Sequence[Verdict]) -> None:
    now = clock.now()
    update_rows(
        session,
        Delivery,
        ("id", "state", "reason", "error", "done_at"),
        [[one.delivery_id, one.state, one.reason, one.error[:500], now] for one in verdicts],
    )


def _note_webhooks(session: Session, store_id: int, batch: Sequence[Any], verdicts: Sequence[Verdict]) -> None:
    """Note when each webhook last delivered; one whose owner lost his rights is of no use and is made anew (81)."""
    last: dict[int, datetime] = {}
    for delivery in batch:
        last[delivery.woo_webhook_id] = max(delivery.received_at, last.get(delivery.woo_webhook_id, _LONG_AGO))
    silenced = {one.delivery_id for one in verdicts if one.reason == "owner_lost_rights"}
    mute = {delivery.woo_webhook_id for delivery in batch if delivery.id in silenced}
    for woo_id, at in last.items():
        session.execute(
            _NOTE_SILENCED if woo_id in mute else _NOTE_DELIVERED, {"b_store": store_id, "b_woo": woo_id, "b_at": at}
        )
    if mute:
        queues.ring_after_commit(session, "heal_webhooks", store_id)


def _postpone(process: Process, batch: Sequence[Any], error: str, seconds: float, hold: _Hold) -> None:
    """Put deliveries off; an attempt that the store spoilt does not count."""
    due_at = clock.now() + timedelta(seconds=seconds)
    with process.database.unit() as session:
        hold.check(session)
        session.execute(
            update(Delivery)
            .where(among(session, Delivery.id, [one.id for one in batch]), Delivery.state == "received")
            .values(attempts=Delivery.attempts - 1, error=error[:500], due_at=due_at)
            .execution_options(synchronize_session=False)
        )
