"""The sweep: asks a store for what changed since the last sweep that ended. It is the truth, webhooks the fast path.

It works in slices of some seconds, one request at a time: stores take turns on the queue, and live work has its own.
What a sweep finds is compared with what is stored: a store that lists a thousand unchanged orders has nothing written.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from referins_woo import clock, lease, queues
from referins_woo.commerce.catalogue_rules import reason_to_skip
from referins_woo.commerce.models import Product, Tombstone, Variant
from referins_woo.commerce.records import OrderRecord, ProductRecord, VariantRecord
from referins_woo.commerce.upsert.bulk import among
from referins_woo.commerce.upsert.orders import is_newer, stored_orders
from referins_woo.events import observe
from referins_woo.ingest import catalogue, page_size, polls, set_aside, watermarks
from referins_woo.ingest.models import SkippedRecord
from referins_woo.ingest.sweeping import ElementSweep, Round
from referins_woo.ingest.watermarks import WHOLE
from referins_woo.process import Process
from referins_woo.stores.door import Door, NotSupported, open_store
from referins_woo.stores.models import Store, StoreLog

__all__ = ["WHOLE", "Swept", "sweep"]

_LEASE_SECONDS: Final = 300.0
_SLICE_SECONDS: Final = 20.0
_SKEW_MATTERS: Final = 2
"""Seconds: `Date` has no fractions, answers travel."""
_NOUNS: Final = {"orders": "order", "products": "product", "variations": "variation"}


@dataclass(frozen=True, slots=True)
class Swept:
    """What one slice looked at. `more`: the sweep has not ended, another slice goes on."""

    orders: int = 0
    products: int = 0
    more: bool = False


def sweep(process: Process, store_id: int, seconds: float = _SLICE_SECONDS) -> Swept | None:
    """Catch up with a store for some seconds; returns None while another sweep of it runs.

    Raises what the door raises.
    """
    name, holder = f"sweep:{store_id}", lease.new_holder()
    with process.database.unit() as session:
        fence = lease.acquire(session, name, holder, _LEASE_SECONDS)
        if fence is not None:
            page_size.grow(session, store_id, clock.now())
    if fence is None:
        return None
    try:
        return _Sweep(process, open_store(process, store_id), name, fence, seconds).slice()
    finally:
        with process.database.unit() as session:
            lease.release(session, name, fence)


class _Sweep:
    def __init__(self, process: Process, door: Door, lease_name: str, fence: int, seconds: float) -> None:
        self._process, self._door, self._lease_name, self._fence = process, door, lease_name, fence
        with process.database.reading() as session:
            rows = watermarks.read(session, door.store.id)
        cursor = rows[WHOLE].cursor if WHOLE in rows else {}
        self._round = Round(
            process=process,
            door=door,
            hold=self._hold,
            until=time.monotonic() + seconds,
            began=watermarks.from_iso(cursor.get("began")) or clock.now(),
            rows=rows,
            listed=int(cursor.get("listed", 0)),
            taken=int(cursor.get("taken", 0)),
        )
        self._swept: dict[str, ElementSweep] = {}
        self._polled: list[polls.Polled] = []
        self._counted: list[polls.Polled] = []
        self._orders = self._products = 0

    def slice(self) -> Swept:
        if self._door.store.needs_location:
            return Swept()
        ended = False
        try:
            if all(self._element(element) for element in self._wanted()):
                self._polled = polls.poll(self._round)
                ended = True
                self._counted = polls.count(self._round, self._quiet())
        finally:
            self._keep(ended)  # also what came in before the store broke off
        return Swept(self._orders, self._products, more=not ended)

    def _wanted(self) -> list[str]:
        store = self._door.store
        orders = store.sync_orders or store.sync_order_submitted or store.sync_payment_received
        wanted = (["orders"] if orders else []) + (["products", "variations"] if store.sync_products else [])
        return [element for element in wanted if not self._round.is_done(element)]

    def _element(self, element: str) -> bool:
        """Sweep one element; returns whether its end was reached."""
        make = {"orders": self._sweep_orders, "products": self._sweep_products, "variations": self._sweep_variations}
        try:
            return make[element]()
        except NotSupported:
            return True  # variations: this WooCommerce has no list of them all

    def _sweep_orders(self) -> bool:
        def fetch(since: datetime, offset: int, per_page: int) -> Any:
            return self._door.orders(modified_after=since, offset=offset, per_page=per_page)

        def some(ids: Sequence[int]) -> object:
            return self._door.orders(include=ids)

        sweep_ = self._begin(
            ElementSweep(self._round, "orders", fetch, "Order", self._door.order, newest="orders", several=some)
        )
        for step in sweep_.steps():
            records = [row for row in step.rows if isinstance(row, OrderRecord)]
            news, changed = self._new_orders(records)
            if news or sweep_.must_note(step):
                note = sweep_.noting(step, self._drafts(news))
                observe.take_orders(self._process, self._door, news, fetched=True, in_unit=note)
            sweep_.took(changed, step)
            self._orders += len(records)
        return sweep_.has_ended

    def _sweep_products(self) -> bool:
        def fetch(since: datetime, offset: int, per_page: int) -> Any:
            return self._door.products(modified_after=since, offset=offset, per_page=per_page)

        make = ElementSweep(self._round, "products", fetch, "Product", self._door.product, newest="products")
        sweep_ = self._begin(make)
        for step in sweep_.steps():
            records = [row for row in step.rows if isinstance(row, ProductRecord)]
            news, changed = self._new_products(records)
            if news or sweep_.must_note(step):
                catalogue.take_products(self._process, self._door, news, in_unit=sweep_.noting(step))
            sweep_.took(changed, step)
            self._products += len(records)
        return sweep_.has_ended

    def _sweep_variations(self) -> bool:
        """A change may reach us under the variation's id alone (fact 86)."""

        def fetch(since: datetime, offset: int, per_page: int) -> Any:
            return self._door.variants_modified_after(since, offset=offset, per_page=per_page)

        sweep_ = self._begin(ElementSweep(self._round, "variations", fetch, "Variation", self._door.product))
        for step in sweep_.steps():
            news = self._new_variants([row for row in step.rows if isinstance(row, VariantRecord)])
            if news:
                catalogue.take_variants(self._process, self._door, news)
            sweep_.took([], step)
        return sweep_.has_ended

    def _begin(self, made: ElementSweep) -> ElementSweep:
        self._swept[made.element] = made
        return made

    def _new_orders(self, records: Sequence[OrderRecord]) -> tuple[list[OrderRecord], list[OrderRecord]]:
        """Return what there is anything to do about, and of that what changed and was not known."""
        ids = [record.woo_id for record in records]
        with self._process.database.reading() as session:
            stored = stored_orders(session, self._door.store.id, ids)
            dead = select(Tombstone.woo_id).where(Tombstone.store_id == self._door.store.id)
            deleted_here = set(session.scalars(dead.where(among(session, Tombstone.woo_id, ids))))
        news, changed = [], []
        for record in records:
            before = stored.get(record.woo_id)
            if record.woo_id in deleted_here:
                continue
            if before is None and record.is_draft:
                news.append(record)  # nothing has happened yet; that it was seen as a draft is remembered
                continue
            is_new = before is None or is_newer(record, before, fetched=True) or before.gone_at is not None
            if is_new:
                changed.append(record)
            if is_new or not (before and before.observed):
                news.append(record)
        return news, changed

    def _drafts(self, news: Sequence[OrderRecord]) -> list[set_aside.SetAside]:
        """Return the entries of drafts that are not listed yet: the store's count holds them (28)."""
        drafts = {record.woo_id: record for record in news if record.is_draft and record.status != "trash"}
        if not drafts:
            return []
        with self._process.database.reading() as session:
            listed = set_aside.noted(session, self._door.store.id, "orders", drafts.keys())
        return [set_aside.draft(record) for woo_id, record in drafts.items() if woo_id not in listed]

    def _new_products(self, records: Sequence[ProductRecord]) -> tuple[list[ProductRecord], list[ProductRecord]]:
        store_id, ids = self._door.store.id, [record.woo_id for record in records]
        with self._process.database.reading() as session:
            rows = session.execute(
                select(Product.woo_id, Product.content_hash).where(
                    Product.store_id == store_id, Product.gone_at.is_(None), among(session, Product.woo_id, ids)
                )
            )
            hashes = dict(rows.all())
            listed = session.execute(
                select(SkippedRecord.woo_id, SkippedRecord.reason_code).where(
                    SkippedRecord.store_id == store_id,
                    SkippedRecord.element == "products",
                    among(session, SkippedRecord.woo_id, ids),
                )
            )
            reasons = dict(listed.all())
        changed = [record for record in records if not self._is_known(record, hashes, reasons)]
        # Whether a variable product's variations are all here cannot be seen from it alone.
        variable = [record for record in records if record.type == "variable" and record.woo_id in hashes]
        return [*changed, *(record for record in variable if record not in changed)], changed

    def _is_known(self, record: ProductRecord, hashes: dict[int, str], reasons: dict[int, str]) -> bool:
        if record.woo_id in hashes:
            return hashes[record.woo_id] == record.content_hash
        reason = reason_to_skip(record)
        return reason is not None and reasons.get(record.woo_id) == reason.code

    def _new_variants(self, records: Sequence[VariantRecord]) -> list[VariantRecord]:
        ids = [record.woo_id for record in records]
        with self._process.database.reading() as session:
            rows = session.execute(
                select(Variant.woo_id, Variant.content_hash).where(
                    Variant.store_id == self._door.store.id,
                    Variant.gone_at.is_(None),
                    among(session, Variant.woo_id, ids),
                )
            )
            hashes = dict(rows.all())
        return [record for record in records if hashes.get(record.woo_id) != record.content_hash]

    def _hold(self, session: Session) -> None:
        lease.renew(session, self._lease_name, self._fence, _LEASE_SECONDS)

    # what is written when a slice ends: one transaction

    def _keep(self, ended: bool) -> None:
        store, now = self._door.store, clock.now()
        with self._process.database.unit() as session:
            self._hold(session)
            for element, sweep_ in self._swept.items():
                self._keep_element(session, element, sweep_, now)
            for polled in [*self._polled, *self._counted]:
                watermarks.write(session, store.id, polled.element, **polled.values)
            self._keep_store(session)
            if ended:
                self._end_round(session, now)
            else:
                self._round.note_progress(session)

    def _quiet(self) -> frozenset[str]:
        return frozenset(element for element, sweep_ in self._swept.items() if not sweep_.brought)

    def _keep_element(self, session: Session, element: str, sweep_: ElementSweep, now: datetime) -> None:
        store, values = self._door.store, sweep_.result(now)
        row = watermarks.read(session, store.id).get(element)
        if row is not None and row.watermark != sweep_.stopped_at:
            return  # an import that ended meanwhile has set it back to T0
        watermarks.write(session, store.id, element, **values)
        gap = sweep_.gap
        if sweep_.has_ended and gap.count and not self._round.is_repair:
            noun = _NOUNS[element] + ("s" if gap.count > 1 else "")
            text = f"{gap.count} {noun} picked up by reconciliation: no webhook had brought what changed."
            detail = {"since": watermarks.iso(gap.since), "until": watermarks.iso(gap.until), "count": gap.count}
            self._log(session, "picked_up", text, now, {"element": element, **detail})
            queues.ring_after_commit(session, "heal_webhooks", store.id)

    def _keep_store(self, session: Session) -> None:
        """The store's clock and speed, where they have changed."""
        store = session.get_one(Store, self._door.store.id)
        if self._round.skews:
            skew = round(max(self._round.skews))  # a cache answers with an old Date
            if abs(skew - store.clock_skew_seconds) >= _SKEW_MATTERS:
                store.clock_skew_seconds = skew
        latency = self._door.latency_ms
        if latency is not None:
            store.latency_ms = round(statistics.fmean([latency, store.latency_ms or latency]))

    def _end_round(self, session: Session, now: datetime) -> None:
        store = self._door.store
        before = (self._round.rows[WHOLE].cursor if WHOLE in self._round.rows else {}).get("off", {})
        off = {one.element: one.off for one in self._counted if one.off}
        cursor = {"off": off, "taken": self._round.taken, "listed": self._round.listed}
        watermarks.write(session, store.id, WHOLE, checked_at=now, cursor=cursor)
        if any(before.get(element) == number for element, number in off.items()):
            # Twice the same difference is no order that came in between: what is missing is looked for by its id.
            queues.ring_after_commit(session, "reconcile", store.id)
        if store.catching_up_since is not None:
            self._end_repair(session, now)

    def _end_repair(self, session: Session, now: datetime) -> None:
        store = self._door.store
        since = store.catching_up_since
        ended = session.execute(
            update(Store)
            .where(Store.id == store.id, Store.catching_up_since == since)
            .values(catching_up_since=None)
            .execution_options(synchronize_session=False)
        )
        if ended.rowcount != 1:  # type: ignore[attr-defined]
            return  # lost and mended again meanwhile: another round is due
        brought = {element: sweep_.brought for element, sweep_ in self._swept.items()}
        text = f"Caught up with what happened meanwhile: {brought.get('orders', 0)} orders, "
        text += f"{brought.get('products', 0)} products."
        self._log(session, "caught_up", text, now, {"since": watermarks.iso(since), **brought})

    def _log(self, session: Session, kind: str, text: str, now: datetime, detail: dict[str, Any]) -> None:
        store = self._door.store
        entry = StoreLog(account_id=store.account_id, store_id=store.id, at=now, kind=kind, text=text, detail=detail)
        session.add(entry)
