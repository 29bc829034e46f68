"""Delivery of orders, and the changes that go to stores by it (O8)."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from flask import Response
from pydantic import BaseModel, ConfigDict, Field, model_validator

from referins_woo import clock
from referins_woo.accounts import audit
from referins_woo.commerce import models as tables
from referins_woo.errors import Final as FinalError
from referins_woo.web import scope
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
    Text,
    Time,
    WantedId,
    WantedNumber,
    documents_of,
    example,
)
from referins_woo.web.api.orders import Order, document_of
from referins_woo.web.api.problems import Rejected, field_error
from referins_woo.web.api.writing import writing
from referins_woo.writeback import outbox
from referins_woo.writeback.fulfil import NotConfirmed, Wanted, fulfil
from referins_woo.writeback.models import StoreWrite as WriteRow

State = Literal["waiting", "sending", "done", "refused", "unknown", "failed"]
Delivery = Literal["not_delivered", "partially_delivered", "delivered"]
_SCALE = 10_000


class StoreWrite(Document):
    """A change made here that goes to a store."""

    id: Id
    store_id: Id
    kind: Annotated[
        str,
        Field(
            description="`order_completed`, `customer_created`, `customer_updated` or `stock_set` (a quantity).",
            examples=["order_completed"],
        ),
    ]
    subject: Annotated[
        int,
        Field(
            description="The order's, product's or variation's id in WooCommerce; of a customer our contact's id.",
            examples=[4812],
        ),
    ]
    order_id: Annotated[int | None, Field(examples=[17])]
    body: Annotated[
        dict[str, Any],
        Field(
            description="What is sent; empty for a customer, whose fields are read when it is sent.",
            examples=[{"status": "completed"}],
        ),
    ]
    state: Annotated[
        str,
        Field(
            description="`refused`: not sent, since the store showed something newer. `failed`: the store said no. "
            "`unknown`: sent, and no answer came; a look at the store settles it.",
            examples=["done"],
        ),
    ]
    attempts: Annotated[int, Field(examples=[1])]
    error: Text
    by: Annotated[str, Field(examples=["you@example.com"])]
    created_at: Time
    done_at: Time | None
    echoed_at: Annotated[Time | None, Field(description="When it came back with the store's own records.")]


class WriteFilters(ListOf):
    """Which changes."""

    store_id: WantedId | None = None
    order_id: WantedId | None = None
    subject: WantedNumber | None = None
    state: State | None = None


class LineDelivered(BaseModel):
    """How much of a row of goods was delivered in all."""

    model_config = ConfigDict(strict=True, extra="forbid")

    id: Annotated[int, Field(ge=1, le=LARGEST_ID, examples=[17])]
    quantity: Annotated[int | float, Field(ge=0, le=10**9, examples=[1])]


class Fulfilment(Input):
    """What was delivered; what is not named stays."""

    model_config = ConfigDict(json_schema_extra=example({"delivery_status": "not_delivered"}))

    delivery_status: Annotated[Delivery | None, Field(examples=["delivered"])] = None
    ship_from: Annotated[int | None, Field(ge=1, le=LARGEST_ID, description="The id of a location.", examples=[1])] = (
        None
    )
    lines: Annotated[list[LineDelivered] | None, Field(max_length=5_000)] = None
    confirm_paid: Annotated[
        bool, Field(description="Delivered may mark an unpaid order paid in WooCommerce.", examples=[False])
    ] = False

    @model_validator(mode="after")
    def _says_something(self) -> Fulfilment:
        if self.delivery_status is None and self.ship_from is None and self.lines is None:
            raise ValueError("give delivery_status, lines or ship_from")
        if self.lines is not None and len({line.id for line in self.lines}) < len(self.lines):
            raise ValueError("a line is there twice: give each once")
        return self


@api.put("/orders/<int:order_id>/fulfilment")
@operation(Order, tag="Orders", problems=(409,))
def fulfil_order(order_id: int, json: Fulfilment) -> Response:
    """Say what was delivered

    Delivered sets the order to completed in WooCommerce, which then e-mails the customer by itself; anything less sends
    nothing. 409 where that would mark an unpaid order paid and `confirm_paid` is not set. Cancelled, failed and
    refunded orders are kept as delivered here alone. What becomes of the change: `GET /writes?order_id=`.
    """
    with writing() as work:
        found = work.own(tables.Order, order_id)
        lines = None if json.lines is None else {line.id: round(line.quantity * _SCALE) for line in json.lines}
        wanted = Wanted(json.delivery_status, lines, json.ship_from, json.confirm_paid)
        try:
            fulfil(work.session, found, wanted, clock.now(), audit.acting())
        except NotConfirmed as error:
            errors = [field_error("confirm_paid", str(error), "Set confirm_paid to true.")]
            raise Rejected(409, str(error), errors) from None
        work.session.flush()
        return work.answer(document_of(work.session, found))


@api.get("/writes")
@operation(Page[StoreWrite], tag="Stores")
def list_writes(query: WriteFilters) -> Response:
    """List changes that go to stores"""
    with scope.reading() as session:
        conditions = [
            WriteRow.account_id == account_id(),
            *paging.equals(
                query,
                store_id=WriteRow.store_id,
                order_id=WriteRow.order_id,
                subject=WriteRow.subject,
                state=WriteRow.state,
            ),
        ]
        return paging.rows(session, WriteRow, conditions, query, documents_of(StoreWrite))


@api.post("/writes/<int:write_id>/send-again")
@operation(StoreWrite, tag="Stores", status=202, problems=(409,))
def send_write_again(write_id: int) -> Response:
    """Send a change again

    One that was refused or has failed, to the record as it is known now; of a quantity the store is told what it is to
    show by now, by a change of its own. 409 for any other.
    """
    with writing() as work:
        found = work.own(WriteRow, write_id)
        try:
            outbox.send_again(work.session, found, clock.now())
        except FinalError as error:
            raise Rejected(409, str(error)) from None
        audit.record(work.session, work.account_id, "change_sent_again", outbox.subject_words(found))
        work.session.flush()
        return work.answer(StoreWrite.model_validate(found), 202)
