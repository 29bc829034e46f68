"""Adjustments of stock: what they changed, and entering one (K1, K2, O9)."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import Annotated

from flask import Response
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field
from sqlalchemy import select
from sqlalchemy.orm import Session

from referins_woo.commerce import adjusting, batches, ledger, locations
from referins_woo.commerce import models as tables
from referins_woo.commerce.batch_book import Line
from referins_woo.commerce.upsert.bulk import lock_account
from referins_woo.errors import InvalidInput
from referins_woo.web import scope, stock_entry
from referins_woo.web.api import answers, paging
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
    calendar_day,
    example,
)
from referins_woo.web.api.stock import SKU, NamedBatch
from referins_woo.web.api.writing import writing

_SCALE = 10_000
_GIVEN_DAY = Annotated[date | None, BeforeValidator(calendar_day)]


class AdjustmentLine(Document):
    """By how much some goods change."""

    id: Id
    sku: SKU
    name: Annotated[str, Field(examples=["Hoodie"])]
    quantity: Annotated[Quantity, Field(description="As it was entered. Below zero: some are gone.")]
    corrected: Annotated[Quantity, Field(description="What corrections made of it since.")]
    batch: Annotated[NamedBatch | None, Field(description="null: without a batch.")]


class StockAdjustment(Document):
    """A change of what is on hand."""

    id: Id
    number: Annotated[int, Field(examples=[12])]
    location_id: Id
    kind: Annotated[str, Field(description="`by_hand`, `opening`, `order` or `correction`.", examples=["by_hand"])]
    order_id: Annotated[int | None, Field(examples=[None])]
    corrects_id: Annotated[int | None, Field(description="Of a correction: what it sets right.", examples=[None])]
    corrected_by: Annotated[list[int], Field(description="The corrections of this one, by id.", examples=[[]])]
    reason: Text
    by: Annotated[str, Field(examples=["you@example.com"])]
    created_at: Time
    lines: list[AdjustmentLine]


class AdjustmentFilters(ListOf):
    """Which adjustments."""

    location_id: WantedId | None = None
    order_id: WantedId | None = None
    kind: WantedText | None = None


class GivenBatch(BaseModel):
    """The batch of a line. Of one that is known, days that are given correct its own."""

    model_config = ConfigDict(strict=True, extra="forbid")

    number: Annotated[Written, Field(min_length=1, max_length=batches.LONGEST_NUMBER, examples=["LOT-7"])]
    received_on: Annotated[
        _GIVEN_DAY, Field(description="Of a new batch: today, unless given.", examples=["2026-11-30"])
    ] = None
    expires_on: Annotated[_GIVEN_DAY, Field(description="The last good day.", examples=["2027-11-30"])] = None


class NewLine(BaseModel):
    """By how much the stock of a SKU changes."""

    model_config = ConfigDict(strict=True, extra="forbid")

    sku: Annotated[Written, Field(min_length=1, max_length=200, examples=["HOOD-RED"])]
    quantity: Annotated[int | float, Field(ge=-(10**9), le=10**9, examples=[12])]
    batch: Annotated[
        GivenBatch | None, Field(description="Needed where goods whose batches are tracked come in.", examples=[None])
    ] = None
    already_here: Annotated[
        bool,
        Field(description="It is on hand, without a batch: the batch gets it, on hand stays.", examples=[False]),
    ] = False


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


class CorrectedLine(BaseModel):
    """What a line should have been."""

    model_config = ConfigDict(strict=True, extra="forbid")

    id: Annotated[int, Field(ge=1, le=LARGEST_ID, description="Of the line.", examples=[31])]
    quantity: Annotated[int | float, Field(ge=-(10**9), le=10**9, examples=[10])]


class StockCorrection(Input):
    """Lines of an adjustment as they should have been; those that are not named stay."""

    model_config = ConfigDict(json_schema_extra=example({"lines": [{"id": 1, "quantity": 10}]}))

    lines: Annotated[list[CorrectedLine], Field(min_length=1, max_length=adjusting.MOST_LINES)]


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
        return paging.rows(session, table, conditions, query, lambda rows: documents(session, rows))


@api.post("/stock/adjustments")
@operation(StockAdjustment, tag="Stock", status=201)
def create_stock_adjustment(json: NewStockAdjustment) -> Response:
    """Enter an adjustment

    All lines, or none. Each SKU must be one of a product here. Of goods whose batches are tracked, what comes in names
    its batch, and what goes without naming one is taken first in, first out.
    """
    with writing() as work:
        lock_account(work.session, work.account_id)
        location = locations.own(work.session, work.account_id, json.location_id)
        if location is None:
            raise InvalidInput("location_id", f"There is no location {json.location_id} in this account.")
        if len({(line.sku, line.batch and line.batch.number) for line in json.lines}) < len(json.lines):
            raise InvalidInput("lines", "A SKU is there twice: give each once, or once for each batch.")
        goods = adjusting.goods(work.session, work.account_id, (line.sku for line in json.lines))
        lines = [(goods[line.sku], _line(position, line)) for position, line in enumerate(json.lines)]
        made = stock_entry.enter(work.session, location, lines, json.reason or "By API")
        return work.answer(documents(work.session, [made])[0], 201)


@api.get("/stock/adjustments/<int:adjustment_id>")
@operation(StockAdjustment, tag="Stock")
def show_stock_adjustment(adjustment_id: int) -> Response:
    """Show an adjustment"""
    with scope.reading() as session:
        found = scope.own_of(session, tables.StockAdjustment, adjustment_id, account_id())
        return answers.answer(documents(session, [found])[0])


@api.patch("/stock/adjustments/<int:adjustment_id>")
@operation(StockAdjustment, tag="Stock")
def correct_stock_adjustment(adjustment_id: int, json: StockCorrection) -> Response:
    """Correct an adjustment

    What was entered stays as it was: the difference is entered as another adjustment, its correction, which the answer
    names in `corrected_by`. Adjustments of orders, and corrections, are not corrected: enter one of your own.
    """
    with writing() as work:
        lock_account(work.session, work.account_id)
        adjustment = work.own(tables.StockAdjustment, adjustment_id)
        wanted = {line.id: round(line.quantity * _SCALE) for line in json.lines}
        if len(wanted) < len(json.lines):
            raise InvalidInput("lines", "A line is there twice: give each once.")
        stock_entry.correct(work.session, adjustment, wanted)
        work.session.flush()
        return work.answer(documents(work.session, [adjustment])[0])


def _line(position: int, given: NewLine) -> Line:
    quantity, field = round(given.quantity * _SCALE), f"lines.{position}.batch"
    if given.batch is None:
        if given.already_here:
            raise InvalidInput(field, f"lines.{position}: name the batch that gets what is here already.")
        return Line(quantity, None, field, f"lines.{position}: ")
    named = batches.name(given.batch.number, given.batch.received_on, given.batch.expires_on, field)
    return Line(quantity, named, field, f"lines.{position}: ", already_here=given.already_here)


def documents(session: Session, rows: Sequence[tables.StockAdjustment]) -> list[StockAdjustment]:
    """Return adjustments with their lines, as the API shows them."""
    lines: dict[int, list[AdjustmentLine]] = {row.id: [] for row in rows}
    since = ledger.corrected(session, list(lines))
    corrections: dict[int, list[int]] = {row.id: [] for row in rows}
    table = tables.StockAdjustment
    for correction_id, of in session.execute(
        select(table.id, table.corrects_id).where(table.corrects_id.in_(lines)).order_by(table.id)
    ):
        corrections[of or 0].append(correction_id)
    for entry, item, batch in session.execute(
        select(tables.StockEntry, tables.StockItem, tables.StockBatch)
        .join(tables.StockItem, tables.StockItem.id == tables.StockEntry.item_id)
        .outerjoin(tables.StockBatch, tables.StockBatch.id == tables.StockEntry.batch_id)
        .where(tables.StockEntry.adjustment_id.in_(lines))
        .order_by(tables.StockEntry.id)
    ):
        named = None if batch is None else NamedBatch.model_validate(batch)
        changed = since.get((entry.adjustment_id, item.id, entry.batch_id), 0)
        lines[entry.adjustment_id].append(
            AdjustmentLine(
                id=entry.id,
                sku=item.sku,
                name=item.name,
                quantity=entry.quantity,
                corrected=entry.quantity + changed,
                batch=named,
            )
        )
    return [
        StockAdjustment.model_validate(Shown(row, lines=lines[row.id], corrected_by=corrections[row.id]))
        for row in rows
    ]
