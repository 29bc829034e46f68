"""The quantities that a store is told: the switch and its terms, the dry run, what waits for somebody (K0, K2–K4)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Final, Literal, cast

from flask import Response
from pydantic import ConfigDict, Field
from sqlalchemy.orm import Session

from referins_woo import clock
from referins_woo.accounts import audit
from referins_woo.commerce.models import StoreStock as StoreStockRow
from referins_woo.commerce.store_shelf import Line
from referins_woo.reports import store_stock as reports
from referins_woo.stores.models import Store
from referins_woo.web import scope
from referins_woo.web.api import answers, paging
from referins_woo.web.api.bearer import account_id, api
from referins_woo.web.api.contract import operation
from referins_woo.web.api.documents import (
    LARGEST_ID,
    Document,
    Filters,
    Id,
    Input,
    ListOf,
    Page,
    Quantity,
    Text,
    Time,
    example,
)
from referins_woo.web.api.writing import writing
from referins_woo.writeback import stock_desk, stock_due

MOST_CHANGES: Final = 1_000
State = Literal["in_step", "sending", "unknown", "changed", "failed"]
_SKU = Annotated[str, Field(examples=["HOOD-RED"])]
_NAME = Annotated[str, Field(examples=["Hoodie"])]
_PRODUCT = Annotated[int, Field(description="The product's id in WooCommerce.", examples=[4812])]
_VARIATION = Annotated[int, Field(description="The variation's; 0 where the product is told itself.", examples=[0])]
_COMPARING = Annotated[
    bool, Field(description="All quantities are being compared, in the background.", examples=[False])
]
_ARITHMETIC = Annotated[str, Field(examples=["on hand 45 − committed 3 − buffer 0"])]
_Switch = Annotated[Literal["0", "1", "false", "true"], Field(examples=["1"])]


class StockCounts(Document):
    """How many goods of a store are in which state."""

    in_step: Annotated[int, Field(examples=[310])]
    sending: Annotated[int, Field(examples=[0])]
    unknown: Annotated[int, Field(description="Sent, and no answer came: a look settles it.", examples=[0])]
    changed: Annotated[int, Field(description="Changed in WooCommerce; somebody decides.", examples=[2])]
    failed: Annotated[int, Field(description="Not taken by the store.", examples=[0])]


class StoreStock(Document):
    """Whether a store's quantities are kept from here, and by which terms."""

    store_id: Id
    push_stock: Annotated[bool, Field(examples=[True])]
    buffer: Annotated[int, Field(description="Pieces of each SKU that are not offered.", examples=[0])]
    all_commitments: Annotated[
        bool,
        Field(
            description="What orders of all stores hold is not offered; false: only what this store's own hold, "
            "which may oversell.",
            examples=[True],
        ),
    ]
    on_since: Annotated[Time | None, Field(description="null: they are not.")]
    comparing: _COMPARING
    compared_at: Annotated[Time | None, Field(description="When all was last compared.")]
    counts: StockCounts
    waiting: Annotated[int, Field(description="Goods that it cannot be told of just now.", examples=[0])]
    waits_because: Text


class StoreStockChange(Input):
    """What is to be otherwise; what is not named stays."""

    model_config = ConfigDict(json_schema_extra=example({"buffer": 2}))

    push_stock: Annotated[
        bool | None, Field(description="True only after a dry run: see `POST …/stock/push`.", examples=[False])
    ] = None
    buffer: Annotated[int | None, Field(ge=0, le=stock_desk.MOST_BUFFER, examples=[2])] = None
    all_commitments: Annotated[bool | None, Field(examples=[True])] = None


class StoreGoods(Document):
    """Goods of a store that it is told of."""

    id: Id
    sku: _SKU
    name: _NAME
    product_id: _PRODUCT
    variation_id: _VARIATION
    state: Annotated[State, Field(examples=["changed"])]
    error: Text
    expected: Annotated[Quantity, Field(description="What WooCommerce shows by our books.", examples=[40])]
    shown: Annotated[
        Quantity, Field(description="What it showed when it was last looked at, and its orders took since.")
    ]
    on_hand: Annotated[Quantity | None, Field(examples=[40])]
    committed: Annotated[Quantity | None, Field(examples=[0])]
    wanted: Annotated[Quantity | None, Field(description="What it is to show.", examples=[40])]


class GoodsFilters(ListOf):
    """Which goods."""

    state: State | None = None


class QuantityChange(Document):
    """What a store would be told of some goods."""

    sku: _SKU
    name: _NAME
    product_id: _PRODUCT
    variation_id: _VARIATION
    location_id: Id
    on_hand: Quantity
    committed: Quantity
    buffer: Quantity
    old: Annotated[Quantity, Field(description="What WooCommerce shows now.", examples=[40])]
    new: Annotated[Quantity, Field(description="What it would show.", examples=[42])]
    arithmetic: _ARITHMETIC


class StockPush(Document):
    """The dry run, or what came of asking for a push."""

    store_id: Id
    push_stock: Annotated[bool, Field(examples=[False])]
    comparing: _COMPARING
    compared_at: Annotated[Time | None, Field(description="When all was last compared.")]
    changes: Annotated[list[QuantityChange], Field(description=f"By SKU, the first {MOST_CHANGES:,}.")]
    total: Annotated[int, Field(description="Of all changes.", examples=[1])]
    to_zero: Annotated[int, Field(description="Of them, how many would be sold out by it.", examples=[0])]
    unchanged: Annotated[int, Field(examples=[309])]


class PushFilters(Filters):
    """How to push."""

    dry_run: Annotated[_Switch, Field(description="`1`: tell the store nothing, show what would change.")] = "0"
    again: Annotated[_Switch, Field(description="With `dry_run`, `1`: compare anew.", examples=["0"])] = "0"


class StockDecision(Input):
    """What to do with goods that wait."""

    model_config = ConfigDict(json_schema_extra=example({"act": "take_over", "ids": [17]}))

    act: Annotated[Literal["take_over", "overwrite", "try_again"], Field(examples=["take_over"])]
    ids: Annotated[
        list[Annotated[int, Field(ge=1, le=LARGEST_ID, examples=[17])]] | None,
        Field(max_length=500, description="Of `GET …/stock/goods`; null: all that wait."),
    ]


class StockDecided(Document):
    """What came of it."""

    done: Annotated[int, Field(description="Goods that it was done with.", examples=[1])]
    adjustment_id: Annotated[int | None, Field(description="Of a take-over that changed our books.", examples=[12])]
    counts: StockCounts


@api.get("/stores/<int:store_id>/stock")
@operation(StoreStock, tag="Stock")
def show_store_stock(store_id: int) -> Response:
    """Show whether a store's quantities are kept from here"""
    with scope.reading() as session:
        return answers.answer(_document(session, scope.own_of(session, Store, store_id, account_id())))


@api.patch("/stores/<int:store_id>/stock")
@operation(StoreStock, tag="Stock")
def change_store_stock(store_id: int, json: StoreStockChange) -> Response:
    """Turn quantities on or off, and choose the terms

    Turned off, WooCommerce keeps what it shows. 422 where it is turned on before a dry run, or cannot be.
    """
    with writing() as work:
        store, now = work.own(Store, store_id), clock.now()
        stock_desk.set_terms(work.session, store, now, buffer=json.buffer, all_commitments=json.all_commitments)
        if json.push_stock is True:
            stock_desk.turn_on(work.session, store, now)
        elif json.push_stock is False:
            stock_desk.turn_off(work.session, store, now)
        return work.answer(_document(work.session, store))


@api.get("/stores/<int:store_id>/stock/goods")
@operation(Page[StoreGoods], tag="Stock")
def list_store_goods(store_id: int, query: GoodsFilters) -> Response:
    """List goods that a store is told of

    Known once the store was compared. `state=changed` waits for a decision, `state=failed` was not taken.
    """
    with scope.reading() as session:
        store = scope.own_of(session, Store, store_id, account_id())
        conditions = [StoreStockRow.store_id == store.id, *paging.equals(query, state=StoreStockRow.state)]
        return paging.rows(session, StoreStockRow, conditions, query, lambda rows: _goods(session, store, rows))


@api.post("/stores/<int:store_id>/stock/push")
@operation(StockPush, tag="Stock", accepts=True)
def push_store_stock(store_id: int, query: PushFilters) -> Response:
    """Look at a dry run, or push

    With `dry_run=1`: 200 with what would change, or 202 with `comparing: true` while that is found out; ask once more
    then, with another `Idempotency-Key` or none. Without: 202; the store's quantities are kept from here from now on
    (422 before a dry run), or where they are already, all are compared and told.
    """
    with writing() as work:
        store, now = work.own(Store, store_id), clock.now()
        if query.dry_run in ("1", "true"):
            run = None if query.again in ("1", "true") else reports.dry_run(work.session, store)
            if run is None and not stock_due.is_comparing(store):
                stock_desk.compare(work.session, store, now)
            return work.answer(_pushed(store, run), 202 if run is None else 200)
        if store.push_stock:
            stock_desk.compare(work.session, store, now)
        else:
            stock_desk.turn_on(work.session, store, now)
        return work.answer(_pushed(store, None), 202)


@api.post("/stores/<int:store_id>/stock/decide")
@operation(StockDecided, tag="Stock")
def decide_store_stock(store_id: int, json: StockDecision) -> Response:
    """Decide about goods that wait

    `take_over`: believe what WooCommerce shows of changed goods, by one adjustment. `overwrite`: tell it our quantities
    all the same. `try_again`: tell it once more what it did not take.
    """
    with writing() as work:
        store, session = work.own(Store, store_id), work.session
        made = None
        if json.act == "take_over":
            done, made = stock_desk.take_over(session, store, json.ids, clock.now(), audit.acting())
        elif json.act == "overwrite":
            done = stock_desk.overwrite(session, store, json.ids, clock.now())
        else:
            done = stock_desk.try_again(session, store, json.ids)
        session.flush()
        decided = StockDecided(
            done=done, adjustment_id=made.id if made is not None else None, counts=_counts(session, store)
        )
        return work.answer(decided)


def _counts(session: Session, store: Store) -> StockCounts:
    found = stock_desk.counts(session, store.id)
    return StockCounts(**{state: found.get(state, 0) for state in StockCounts.model_fields})


def _document(session: Session, store: Store) -> StoreStock:
    session.flush()
    waits = reports.waits(session, store, clock.now()) if store.push_stock else None
    return StoreStock(
        store_id=store.id,
        push_stock=store.push_stock,
        buffer=store.stock_buffer,
        all_commitments=store.stock_all_commitments,
        comparing=stock_due.is_comparing(store),
        compared_at=store.stock_checked_at,
        counts=_counts(session, store),
        on_since=store.push_stock_since,
        waiting=waits.goods if waits is not None else 0,
        waits_because=waits.because if waits is not None else "",
    )


def _goods(session: Session, store: Store, rows: Sequence[StoreStockRow]) -> list[StoreGoods]:
    lines = {line.row.id: line for line in reports.lines_of(session, store, rows)}
    return [_one(row, lines.get(row.id)) for row in rows]


def _one(row: StoreStockRow, line: Line | None) -> StoreGoods:
    return StoreGoods(
        id=row.id,
        sku=line.item.sku if line is not None else row.label,
        name=line.item.name if line is not None else "",
        product_id=row.woo_product_id,
        variation_id=row.woo_variation_id,
        state=cast("State", row.state),
        error=row.error,
        expected=row.expected,
        shown=row.expected + row.drift,
        on_hand=line.figures.on_hand if line is not None else None,
        committed=line.figures.committed if line is not None else None,
        wanted=line.target if line is not None else None,
    )


def _pushed(store: Store, run: reports.DryRun | None) -> StockPush:
    return StockPush(
        store_id=store.id,
        push_stock=store.push_stock,
        comparing=stock_due.is_comparing(store),
        compared_at=store.stock_checked_at,
        changes=[_change(line) for line in run.changes[:MOST_CHANGES]] if run is not None else [],
        total=len(run.changes) if run is not None else 0,
        to_zero=run.to_zero if run is not None else 0,
        unchanged=run.unchanged if run is not None else 0,
    )


def _change(line: Line) -> QuantityChange:
    return QuantityChange(
        sku=line.item.sku,
        name=line.item.name,
        product_id=line.row.woo_product_id,
        variation_id=line.row.woo_variation_id,
        location_id=line.item.location_id,
        on_hand=line.figures.on_hand,
        committed=line.figures.committed,
        buffer=line.buffer,
        old=line.row.expected,
        new=line.target,
        arithmetic=reports.arithmetic_words(line.arithmetic()),
    )
