"""The opening stock of a store: looked at, confirmed with what is to be otherwise, or left (K1)."""

from __future__ import annotations

from typing import Annotated, Final, Literal

from flask import Response
from pydantic import BaseModel, ConfigDict, Field
from sqlalchemy.orm import Session

from referins_woo.accounts import audit
from referins_woo.errors import InvalidInput
from referins_woo.ingest import stock_count
from referins_woo.reports import stock_opening as reports
from referins_woo.stores.models import Store
from referins_woo.web import scope
from referins_woo.web.api import answers
from referins_woo.web.api.bearer import account_id, api
from referins_woo.web.api.contract import operation
from referins_woo.web.api.documents import Document, Id, Input, Quantity, Time, example
from referins_woo.web.api.stock import SKU
from referins_woo.web.api.writing import writing

MOST_LINES: Final = 1_000
_SCALE: Final = 10_000
_KEY = Annotated[str, Field(description="Of the goods: by it they are named back.", examples=["sku:HOOD-RED"])]
_Amount = Annotated[int | float, Field(ge=-(10**9), le=10**9, examples=[25])]


class OpeningLine(Document):
    """Goods of the store whose stock WooCommerce manages."""

    key: _KEY
    sku: SKU
    name: Annotated[str, Field(examples=["Hoodie"])]
    woo_quantity: Annotated[Quantity, Field(description="What WooCommerce shows.")]
    on_open_orders: Annotated[Quantity, Field(description="What its open orders hold.")]
    makes: Annotated[Quantity, Field(description="The sum of both.")]
    counted: Annotated[
        Quantity | None, Field(description="What was counted at the location before; null: never.", examples=[None])
    ]
    on_hand: Annotated[Quantity, Field(description="What confirming leaves on hand, unless told otherwise.")]


class OpeningStock(Document):
    """How the opening stock of a store stands."""

    store_id: Id
    state: Annotated[reports.State, Field(description="`proposed` waits for `confirm`.", examples=["proposed"])]
    location_id: Annotated[int | None, Field(examples=[1])]
    proposed_at: Annotated[Time | None, Field(description="When it was looked at.")]
    counted_at: Annotated[Time | None, Field(description="When it was written.")]
    first_time: Annotated[int, Field(description="Goods that were never counted there.", examples=[1])]
    counted_before: Annotated[int, Field(examples=[0])]
    differing: Annotated[int, Field(description="Of those before: with another number.", examples=[0])]
    lines: Annotated[
        list[OpeningLine], Field(description=f"While `proposed` or `counted`: by SKU, the first {MOST_LINES:,}.")
    ]


class OpeningChoice(BaseModel):
    """What is to be on hand of some goods."""

    model_config = ConfigDict(strict=True, extra="forbid")

    key: _KEY
    shown: Annotated[_Amount, Field(description="`on_hand` as you saw it: what is sold since is taken into account.")]
    on_hand: Annotated[_Amount, Field(description="What it is to be.")]


class OpeningDecision(Input):
    """What to do."""

    model_config = ConfigDict(json_schema_extra=example({"act": "look"}))

    act: Annotated[Literal["look", "confirm", "leave"], Field(examples=["look"])]
    lines: Annotated[
        list[OpeningChoice] | None, Field(max_length=10_000, description="Of `confirm`: what is to be otherwise.")
    ] = None


@api.get("/stores/<int:store_id>/stock/opening")
@operation(OpeningStock, tag="Stock")
def show_opening_stock(store_id: int) -> Response:
    """Show the opening stock of a store"""
    with scope.reading() as session:
        return answers.answer(_document(session, scope.own_of(session, Store, store_id, account_id())))


@api.post("/stores/<int:store_id>/stock/opening")
@operation(OpeningStock, tag="Stock", status=202)
def decide_opening_stock(store_id: int, json: OpeningDecision) -> Response:
    """Look at the opening stock, confirm or leave it

    `look`: it is counted in the background, and waits as `proposed`. `confirm`: it is written as one adjustment, once
    the store is caught up with. `leave`: nothing is written.
    """
    with writing() as work:
        store = work.own(Store, store_id)
        if json.act == "look":
            stock_count.ask(work.session, store)
        elif json.act == "leave":
            stock_count.leave(work.session, store)
        else:
            given = json.lines or []
            typed = {one.key: (round(one.shown * _SCALE), round(one.on_hand * _SCALE)) for one in given}
            if len(typed) < len(given):
                raise InvalidInput("lines", "A key is there twice: give each once.")
            stock_count.confirm(work.session, store, typed, audit.acting())
        work.session.flush()
        return work.answer(_document(work.session, store), 202)


def _document(session: Session, store: Store) -> OpeningStock:
    it = reports.opening(session, store)
    return OpeningStock(
        store_id=store.id,
        state=it.state,
        location_id=store.location_id,
        proposed_at=store.stock_proposed_at,
        counted_at=store.stock_counted_at,
        first_time=len(it.fresh),
        counted_before=len(it.before),
        differing=len(it.differing),
        lines=[
            OpeningLine(
                key=one.key,
                sku=one.sku,
                name=one.name,
                woo_quantity=one.woo_quantity,
                on_open_orders=one.on_open_orders,
                makes=one.on_hand,
                counted=one.counted,
                on_hand=one.on_hand if one.counted is None else one.counted,
            )
            for one in it.lines[:MOST_LINES]
        ],
    )
