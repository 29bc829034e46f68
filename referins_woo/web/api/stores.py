"""Stores: their state and health, their newest import, what was set aside; and a sweep at the caller's word."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Literal

from flask import Response
from pydantic import Field
from sqlalchemy import case, select
from sqlalchemy.orm import Session

from referins_woo import clock, queues
from referins_woo.ingest.models import Import as ImportRow
from referins_woo.ingest.models import ImportElement, SkippedRecord
from referins_woo.reports import ledger
from referins_woo.reports.imports import newest_import
from referins_woo.stores.links import hook_path
from referins_woo.stores.models import Store as StoreRow
from referins_woo.web import scope
from referins_woo.web.api import answers, paging
from referins_woo.web.api.bearer import account_id, api
from referins_woo.web.api.contract import operation
from referins_woo.web.api.documents import (
    Document,
    EmptyIsNull,
    Id,
    ListOf,
    Page,
    Shown,
    Time,
    WantedText,
    WooId,
    documents_of,
)
from referins_woo.web.api.problems import Rejected
from referins_woo.web.api.writing import writing

State = Literal["connecting", "connected", "needs_reconnect", "mapping_needed", "disconnected"]
Element = Literal["contacts", "products", "collections", "orders", "transactions"]
_CAUSE = Annotated[str, Field(description="`ok`, or what is wrong, like `key_revoked`.", examples=["ok"])]


class Store(Document):
    """A connected shop."""

    id: Id
    url: Annotated[str, Field(examples=["https://shop.example.com"])]
    name: Annotated[str, Field(examples=["Ana's shop"])]
    hook_path: Annotated[str, Field(description="Where its webhooks come in.", examples=["/hooks/woocommerce/Xq3f…"])]
    state: Annotated[State, Field(examples=["connected"])]
    cause: _CAUSE
    cause_since: Time | None
    location_id: Id | None
    live_since: Annotated[Time | None, Field(description="Since when its orders start automations, on its clock.")]
    currency: Annotated[str, Field(examples=["EUR"])]
    time_zone: Annotated[str, Field(examples=["Europe/Berlin"])]
    sweep_only: Annotated[bool, Field(description="The store cannot reach us: it is asked every minute instead.")]


class StoreFilters(ListOf):
    """Which stores."""

    state: State | None = None


@api.get("/stores")
@operation(Page[Store], tag="Stores")
def list_stores(query: StoreFilters) -> Response:
    """List stores

    Those that need a hand come first.
    """
    rank = case((StoreRow.state == "needs_reconnect", 0), else_=1)
    conditions = [StoreRow.account_id == account_id()]
    if query.state is not None:
        conditions.append(StoreRow.state == query.state)
    with scope.reading() as session:
        found = session.scalars(select(StoreRow).where(*conditions).order_by(rank, StoreRow.id)).all()
        return paging.cut(found, query, document_of)


@api.get("/stores/<int:store_id>")
@operation(Store, tag="Stores")
def getdocument_of(store_id: int) -> Response:
    """Read a store"""
    with scope.reading() as session:
        return answers.answer(document_of(scope.own_of(session, StoreRow, store_id, account_id())))


def document_of(row: StoreRow) -> Store:
    """Return a store as the API shows it."""
    return Store.model_validate(Shown(row, hook_path=hook_path(row.hook_token)))


class LedgerLine(Document):
    """One element of a store. The four counts were taken together: in the store = here + skipped + failed."""

    element: Annotated[str, Field(examples=["orders"])]
    woo_count: Annotated[
        int | None, Field(description="In the store; null where it is not comparable.", examples=[312])
    ]
    here_count: Annotated[int, Field(examples=[312])]
    skipped_count: Annotated[int, Field(description="Left out by a rule.", examples=[0])]
    failed_count: Annotated[int, Field(description="Left out by a fault.", examples=[0])]
    watermark: Annotated[Time | None, Field(description="Everything changed until then is here.")]
    checked_at: Time | None
    counted_at: Time | None
    gap_count: Annotated[int, Field(description="Changes that the last gap held: no webhook had brought them.")]
    gap_since: Time | None
    gap_until: Time | None
    gap_repaired_at: Time | None


class StoreWebhook(Document):
    """One of our webhooks in the store."""

    topic: Annotated[str, Field(examples=["order.created"])]
    status: Annotated[str, Field(examples=["active"])]
    last_delivery_at: Time | None


class Health(Document):
    """How a store is doing."""

    state: Annotated[State, Field(examples=["connected"])]
    cause: _CAUSE
    ledger: list[LedgerLine]
    webhooks: list[StoreWebhook]
    latency_ms: Annotated[int | None, Field(description="How long it takes for an answer, in the middle.")]
    last_error: Annotated[str | None, EmptyIsNull, Field(description="What it last answered instead.")]
    last_error_at: Time | None
    retry_after: Annotated[Time | None, Field(description="It is left alone until then.")]
    clock_skew_seconds: Annotated[int, Field(description="Its clock minus ours.", examples=[0])]
    key_tail: Annotated[str | None, EmptyIsNull, Field(examples=["a41f"])]
    woo_version: Annotated[str | None, EmptyIsNull, Field(examples=["11.0.1"])]
    deliveries_waiting: Annotated[int, Field(examples=[0])]
    deliveries_failed: Annotated[int, Field(examples=[0])]
    deliveries_refused: Annotated[int, Field(description="Wrongly signed.", examples=[0])]
    last_delivery_at: Time | None
    last_sweep_at: Time | None
    next_sweep_at: Time | None
    catching_up_since: Annotated[Time | None, Field(description="What happened from then on is being caught up.")]
    other_site: Annotated[str | None, EmptyIsNull, Field(description="A site that speaks with its voice.")]


@api.get("/stores/<int:store_id>/health")
@operation(Health, tag="Stores")
def get_store_health(store_id: int) -> Response:
    """Read a store's health

    Counts there and here, how far the sweeps have come, how it answers, and our webhooks in the store.
    """
    with scope.reading() as session:
        store = scope.own_of(session, StoreRow, store_id, account_id())
        found = ledger.health(session, store, clock.now())
        lines = [
            Shown(one, here_count=one.here, skipped_count=one.skipped, failed_count=one.failed) for one in found.lines
        ]
        shown = Shown(
            store,
            ledger=lines,
            webhooks=found.webhooks,
            deliveries_waiting=found.waiting,
            deliveries_failed=found.failed,
            deliveries_refused=store.refused_deliveries,
            last_delivery_at=found.last_delivery_at,
            last_sweep_at=found.last_sweep_at,
            next_sweep_at=found.next_sweep_at,
        )
        return answers.answer(Health.model_validate(shown))


class SyncStarted(Document):
    """A sweep was asked for."""

    store_id: Id
    started: Annotated[bool, Field(examples=[True])]


@api.post("/stores/<int:store_id>/sync")
@operation(SyncStarted, tag="Stores", status=202)
def syncdocument_of(store_id: int) -> Response:
    """Catch up now

    Asks the store for everything that has changed since the last sweep. 409 where it is not connected.
    """
    with writing() as work:
        store = work.own(StoreRow, store_id)
        if store.state != "connected":
            raise Rejected(409, f"The store is not connected: its state is {store.state}.")
        queues.ring_after_commit(work.session, "catch_up", store_id)
        return work.answer(SyncStarted(store_id=store_id, started=True), 202)


class ElementProgress(Document):
    """How far one element is."""

    total: Annotated[int | None, Field(examples=[312])]
    done: Annotated[int, Field(examples=[300])]
    skipped: Annotated[int, Field(examples=[12])]
    failed: Annotated[int, Field(examples=[0])]
    state: Annotated[str, Field(examples=["done"])]


class Import(Document):
    """The newest import of a store."""

    id: Id | None
    state: Annotated[str, Field(examples=["done"])]
    note: Annotated[str | None, EmptyIsNull]
    started_at: Time | None
    finished_at: Time | None
    elements: dict[str, ElementProgress]


@api.get("/stores/<int:store_id>/import")
@operation(Import, tag="Stores")
def get_store_import(store_id: int) -> Response:
    """Read the newest import

    `waiting` without elements where none has begun.
    """
    with scope.reading() as session:
        scope.own_of(session, StoreRow, store_id, account_id())
        run = newest_import(session, store_id)
        return answers.answer(_import(session, run))


def _import(session: Session, run: ImportRow | None) -> Import:
    if run is None:
        return Import(id=None, state="waiting", note=None, started_at=None, finished_at=None, elements={})
    elements: Sequence[ImportElement] = session.scalars(
        select(ImportElement).where(ImportElement.import_id == run.id).order_by(ImportElement.position)
    ).all()
    return Import.model_validate(
        Shown(run, elements={one.element: ElementProgress.model_validate(one) for one in elements})
    )


class Skipped(Document):
    """A record that was set aside."""

    element: Annotated[str, Field(examples=["contacts"])]
    woo_id: WooId
    name: Annotated[str, Field(examples=["admin"])]
    kind: Annotated[str, Field(description="`skipped` by a rule, or `failed`.", examples=["skipped"])]
    reason_code: Annotated[str, Field(examples=["role"])]
    reason: Annotated[str, Field(examples=["Only customers and subscribers come in"])]
    detail: Annotated[str, Field(examples=[""])]
    created_at: Time


class SkippedFilters(ListOf):
    """Which records."""

    element: Element | None = None
    kind: Literal["skipped", "failed"] | None = None
    reason_code: WantedText | None = None


@api.get("/stores/<int:store_id>/skipped")
@operation(Page[Skipped], tag="Stores")
def list_skipped_records(store_id: int, query: SkippedFilters) -> Response:
    """List what was set aside

    By a rule or by a fault, each with its reason.
    """
    with scope.reading() as session:
        scope.own_of(session, StoreRow, store_id, account_id())
        conditions = [
            SkippedRecord.store_id == store_id,
            *paging.equals(
                query, element=SkippedRecord.element, kind=SkippedRecord.kind, reason_code=SkippedRecord.reason_code
            ),
        ]
        return paging.rows(session, SkippedRecord, conditions, query, documents_of(Skipped))
