"""Stock: what there is of which goods at which location, and in which batches (K2, O9)."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import Annotated

from flask import Response
from pydantic import ConfigDict, Field
from sqlalchemy import select
from sqlalchemy.orm import Session

from referins_woo.commerce import batch_assigning, batch_book, batches, ledger
from referins_woo.commerce import models as tables
from referins_woo.commerce.upsert.bulk import lock_account
from referins_woo.web import scope, stock_entry
from referins_woo.web.api import answers, paging
from referins_woo.web.api.bearer import account_id, api
from referins_woo.web.api.contract import operation
from referins_woo.web.api.documents import (
    Day,
    Document,
    Id,
    Input,
    ListOf,
    Page,
    Quantity,
    Shown,
    WantedId,
    WantedText,
    example,
)
from referins_woo.web.api.writing import writing

SKU = Annotated[str, Field(examples=["HOOD-RED"])]
_BATCH = Annotated[str, Field(examples=["LOT-7"])]
_EXPIRES = Annotated[date | None, Field(description="The last good day; null: it does not.", examples=["2027-11-30"])]


class Stock(Document):
    """Goods at a location."""

    id: Id
    sku: SKU
    name: Annotated[str, Field(examples=["Hoodie"])]
    location_id: Id
    on_hand: Annotated[Quantity, Field(description="The sum of the adjustments.")]
    committed: Annotated[Quantity, Field(description="What undelivered orders hold.")]
    available: Annotated[Quantity, Field(description="on_hand − committed.")]
    is_batched: Annotated[bool, Field(description="Its batches are tracked, at all locations.", examples=[False])]


class StockChange(Input):
    """What to change."""

    model_config = ConfigDict(json_schema_extra=example({"is_batched": True}))

    is_batched: Annotated[bool, Field(description="Holds for all locations.", examples=[True])]


class StockFilters(ListOf):
    """Which goods."""

    sku: WantedText | None = None
    location_id: WantedId | None = None


class NamedBatch(Document):
    """A batch of goods."""

    number: _BATCH
    received_on: Day
    expires_on: _EXPIRES


class Batch(NamedBatch):
    """Goods at a location that came in together."""

    id: Id
    item_id: Annotated[Id, Field(description="The id of its goods at their location, as in `/stock`.")]
    sku: SKU
    name: Annotated[str, Field(examples=["Hoodie"])]
    location_id: Id
    is_expired: Annotated[bool, Field(description="Its last good day is over.", examples=[False])]
    quantity: Annotated[Quantity, Field(description="What it holds.")]


class Assigned(Document):
    """What was given to batches."""

    assigned: Annotated[Quantity, Field(description="How much got a batch now.")]
    unassigned: Annotated[Quantity, Field(description="What orders took that still has none.")]


@api.get("/stock")
@operation(Page[Stock], tag="Stock")
def list_stock(query: StockFilters) -> Response:
    """List stock

    Goods that are counted: once by the opening of a store, or by an adjustment.
    """
    with scope.reading() as session:
        conditions = [
            tables.StockItem.account_id == account_id(),
            *paging.equals(query, sku=tables.StockItem.sku, location_id=tables.StockItem.location_id),
        ]

        return paging.rows(session, tables.StockItem, conditions, query, lambda rows: _stock(session, rows))


@api.patch("/stock/<int:item_id>")
@operation(Stock, tag="Stock")
def update_stock(item_id: int, json: StockChange) -> Response:
    """Track the batches of goods, or no longer

    At all locations. What is on hand stays; it is there without a batch.
    """
    with writing() as work:
        lock_account(work.session, work.account_id)
        item = scope.own_of(work.session, tables.StockItem, item_id, work.account_id)
        answers.must_match(_stock(work.session, [item])[0])
        stock_entry.track(work.session, item, wanted=json.is_batched)
        return work.answer(_stock(work.session, [item])[0])


@api.get("/stock/batches")
@operation(Page[Batch], tag="Stock")
def list_stock_batches(query: StockFilters) -> Response:
    """List batches

    Of goods whose batches are tracked; also those that are used up.
    """
    batch, item = tables.StockBatch, tables.StockItem
    with scope.reading() as session:
        tracked = select(item.id).where(
            item.account_id == account_id(),
            item.batched_at.is_not(None),
            *paging.equals(query, sku=item.sku, location_id=item.location_id),
        )
        conditions = [batch.account_id == account_id(), batch.item_id.in_(tracked)]
        today = stock_entry.today(session, account_id())

        def show(rows: Sequence[tables.StockBatch]) -> list[Batch]:
            item_ids = {row.item_id for row in rows}
            items = {one.id: one for one in session.scalars(select(item).where(item.id.in_(item_ids)))}
            held = batch_book.holding(session, item_ids)
            return [
                Batch.model_validate(
                    Shown(
                        row,
                        sku=items[row.item_id].sku,
                        name=items[row.item_id].name,
                        location_id=items[row.item_id].location_id,
                        is_expired=batches.is_expired(row.expires_on, today),
                        quantity=held[row.item_id][row.id].quantity,
                    )
                )
                for row in rows
            ]

        return paging.rows(session, batch, conditions, query, show)


@api.post("/stock/<int:item_id>/assign")
@operation(Assigned, tag="Stock")
def assign_stock_batches(item_id: int) -> Response:
    """Assign what orders took to batches

    What orders took while no batch held any is given to batches that hold some now, oldest first. Nothing on hand
    changes.
    """
    with writing() as work:
        lock_account(work.session, work.account_id)
        item = scope.own_of(work.session, tables.StockItem, item_id, work.account_id)
        given = stock_entry.assign(work.session, item)
        rest, _ = batch_assigning.unassigned(work.session, item)
        return work.answer(Assigned(assigned=given, unassigned=rest))


def _stock(session: Session, rows: Sequence[tables.StockItem]) -> list[Stock]:
    figures = ledger.figures(session, list(rows))
    return [
        Stock.model_validate(
            Shown(
                row,
                on_hand=figures[row.id].on_hand,
                committed=figures[row.id].committed,
                available=figures[row.id].available,
            )
        )
        for row in rows
    ]
