"""Stock: what there is of which goods at which location, and the adjustments behind it (K1, K2)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated

from flask import Response
from pydantic import BaseModel, ConfigDict, Field
from sqlalchemy import select
from sqlalchemy.orm import Session

from referins_woo.commerce import adjusting, ledger, locations
from referins_woo.commerce import models as tables
from referins_woo.commerce.upsert.bulk import lock_account
from referins_woo.errors import InvalidInput
from referins_woo.web import scope, stock_entry
from referins_woo.web.api import paging
from referins_woo.web.api.bearer import account_id, api
from referins_woo.web.api.contract import operation
from referins_woo.web.api.documents import (
    LARGEST_ID,
    Document,
    Id,
    Input,
    ListOf,
    Page,
    Quantity,
    Shown,
    Text,
    Time,
    WantedId,
    WantedText,
    Written,
    example,
)
from referins_woo.web.api.writing import writing

_SCALE = 10_000
_SKU = Annotated[str, Field(examples=["HOOD-RED"])]


class Stock(Document):
    """Goods at a location."""

    id: Id
    sku: _SKU
    name: Annotated[str, Field(examples=["Hoodie"])]
    location_id: Id
    on_hand: Annotated[Quantity, Field(description="The sum of the adjustments.")]
    committed: Annotated[Quantity, Field(description="What undelivered orders hold.")]
    available: Annotated[Quantity, Field(description="on_hand − committed.")]


class StockFilters(ListOf):
    """Which goods."""

    sku: WantedText | None = None
    location_id: WantedId | None = None


class AdjustmentLine(Document):
    """By how much some goods change."""

    sku: _SKU
    name: Annotated[str, Field(examples=["Hoodie"])]
    quantity: Annotated[Quantity, Field(description="Below zero: some are gone.")]


class StockAdjustment(Document):
    """A change of what is on hand."""

    id: Id
    number: Annotated[int, Field(examples=[12])]
    location_id: Id
    kind: Annotated[str, Field(description="`by_hand`, `opening` or `order`.", examples=["by_hand"])]
    order_id: Annotated[int | None, Field(examples=[None])]
    reason: Text
    by: Annotated[str, Field(examples=["you@example.com"])]
    created_at: Time
    lines: list[AdjustmentLine]


class AdjustmentFilters(ListOf):
    """Which adjustments."""

    location_id: WantedId | None = None
    order_id: WantedId | None = None
    kind: WantedText | None = None


class NewLine(BaseModel):
    """By how much the stock of a SKU changes."""

    model_config = ConfigDict(strict=True, extra="forbid")

    sku: Annotated[Written, Field(min_length=1, max_length=200, examples=["HOOD-RED"])]
    quantity: Annotated[int | float, Field(ge=-(10**9), le=10**9, examples=[12])]


class NewStockAdjustment(Input):
    """An adjustment to enter."""

    model_config = ConfigDict(
        json_schema_extra=example(
            {"location_id": 1, "reason": "Counted", "lines": [{"sku": "HOOD-RED", "quantity": 12}]}
        )
    )

    location_id: Annotated[int, Field(ge=1, le=LARGEST_ID, examples=[1])]
    reason: Annotated[Written, Field(max_length=ledger.LONGEST_REASON, examples=["Counted"])] = "By API"
    lines: Annotated[list[NewLine], Field(min_length=1, max_length=adjusting.MOST_LINES)]


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

        def show(rows: Sequence[tables.StockItem]) -> list[Stock]:
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

        return paging.rows(session, tables.StockItem, conditions, query, show)


@api.get("/stock/adjustments")
@operation(Page[StockAdjustment], tag="Stock")
def list_stock_adjustments(query: AdjustmentFilters) -> Response:
    """List adjustments of stock"""
    table = tables.StockAdjustment
    with scope.reading() as session:
        conditions = [
            table.account_id == account_id(),
            *paging.equals(query, location_id=table.location_id, order_id=table.order_id, kind=table.kind),
        ]
        return paging.rows(session, table, conditions, query, lambda rows: _documents(session, rows))


@api.post("/stock/adjustments")
@operation(StockAdjustment, tag="Stock", status=201)
def create_stock_adjustment(json: NewStockAdjustment) -> Response:
    """Enter an adjustment

    All lines, or none. Each SKU must be one of a product here.
    """
    with writing() as work:
        lock_account(work.session, work.account_id)
        location = locations.own(work.session, work.account_id, json.location_id)
        if location is None:
            raise InvalidInput("location_id", f"There is no location {json.location_id} in this account.")
        if len({line.sku for line in json.lines}) < len(json.lines):
            raise InvalidInput("lines", "A SKU is there twice: give each once.")
        goods = adjusting.goods(work.session, work.account_id, (line.sku for line in json.lines))
        changes = {goods[line.sku]: round(line.quantity * _SCALE) for line in json.lines}
        made = stock_entry.enter(work.session, location, changes, json.reason or "By API")
        return work.answer(_documents(work.session, [made])[0], 201)


def _documents(session: Session, rows: Sequence[tables.StockAdjustment]) -> list[StockAdjustment]:
    lines: dict[int, list[AdjustmentLine]] = {row.id: [] for row in rows}
    for adjustment_id, quantity, sku, name in session.execute(
        select(tables.StockEntry.adjustment_id, tables.StockEntry.quantity, tables.StockItem.sku, tables.StockItem.name)
        .join(tables.StockItem, tables.StockItem.id == tables.StockEntry.item_id)
        .where(tables.StockEntry.adjustment_id.in_(lines))
        .order_by(tables.StockEntry.id)
    ):
        lines[adjustment_id].append(AdjustmentLine(sku=sku, name=name, quantity=quantity))
    return [StockAdjustment.model_validate(Shown(row, lines=lines[row.id])) for row in rows]
