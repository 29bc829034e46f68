"""Orders and transactions."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from datetime import date
from typing import Annotated, Any, Literal

from flask import Response
from pydantic import BeforeValidator, ConfigDict, Field
from sqlalchemy import select
from sqlalchemy.orm import Session

from referins_woo import clock
from referins_woo.accounts import audit
from referins_woo.commerce import matching, removal, sales
from referins_woo.commerce import models as tables
from referins_woo.web import scope
from referins_woo.web.api import answers, paging
from referins_woo.web.api.bearer import account_id, api
from referins_woo.web.api.contract import Nothing, operation
from referins_woo.web.api.documents import (
    Address,
    Day,
    Document,
    Id,
    Input,
    IsSet,
    ListOf,
    Money,
    Page,
    Quantity,
    Shown,
    Text,
    Time,
    UnitPrice,
    WantedFlag,
    WantedId,
    WantedNumber,
    WantedText,
    WantedTime,
    WooId,
    calendar_day,
    documents_of,
    example,
)
from referins_woo.web.api.writing import writing

Status = Literal["Completed", "Cancelled", "Pending"]
PaymentState = Literal["unpaid", "paid", "partially_refunded", "refunded"]
LineKind = Literal["product", "shipping", "fee"]


class Line(Document):
    """A row of an order."""

    id: Id
    kind: Annotated[LineKind, Field(examples=["product"])]
    product_id: Id | None
    sku: Annotated[str, Field(examples=["HOOD-RED"])]
    name: Annotated[str, Field(examples=["Hoodie"])]
    quantity: Quantity
    price_per_unit: UnitPrice
    tax_rate: Annotated[Quantity, Field(description="Percent.", examples=[19])]
    total: Annotated[Money, Field(description="Net of tax and discount.")]
    total_tax: Money
    quantity_delivered: Quantity
    batches: Annotated[list[Any], Field(default_factory=list, examples=[[]])]


class Order(Document):
    """One order of one store."""

    id: Id
    store_id: Id
    woo_id: WooId
    number: Annotated[str, Field(examples=["WC-4812"])]
    subtype: Annotated[str, Field(examples=["WooCommerce"])]
    status: Annotated[str, Field(description="Ours: `Completed`, `Cancelled` or `Pending`.", examples=["Pending"])]
    woo_status: Annotated[str, Field(description="WooCommerce's.", examples=["on-hold"])]
    payment_state: Annotated[
        str, Field(description="`unpaid`, `paid`, `partially_refunded` or `refunded`.", examples=["paid"])
    ]
    gone_at: Annotated[Time | None, Field(description="When the store was first seen without it.")]
    in_trash: Annotated[bool, Field(description="In the trash of WooCommerce.", examples=[False])]
    currency: Annotated[str, Field(examples=["EUR"])]
    total: Money
    total_tax: Money
    discount_total: Money
    shipping_total: Money
    refunded_total: Money
    contact_id: Id | None
    email: Annotated[str, Field(examples=["ana@example.com"])]
    billing: Address
    shipping: Address
    payment_method: Annotated[str, Field(examples=["stripe"])]
    created_via: Annotated[str, Field(examples=["checkout"])]
    location_id: Id | None
    placed_at: Time
    modified_at: Time | None
    paid_at: Time | None
    completed_at: Time | None
    sales_at: Annotated[Time | None, Field(description="When it became a sales order.")]
    base_currency: Annotated[str, Field(description="Empty while no rate of its day is known.", examples=["EUR"])]
    base_rate: Annotated[
        str, Field(description="The rate that it was given; its refunds have the same.", examples=["0.9231"])
    ]
    base_total: Money | None
    delivery_date: Day
    delivery_status: Annotated[str, Field(examples=["not_delivered"])]
    updated_at: Annotated[Time, Field(description="When it was last changed here.")]
    lines: list[Line]


class OrderFilters(ListOf):
    """Which orders."""

    store_id: WantedId | None = None
    woo_id: WantedNumber | None = None
    contact_id: WantedId | None = None
    number: WantedText | None = None
    email: Annotated[WantedText | None, Field(description="Only those with this billing e-mail, in any case.")] = None
    status: Status | None = None
    woo_status: WantedText | None = None
    payment_state: PaymentState | None = None
    in_trash: WantedFlag | None = None
    is_sales_order: Annotated[WantedFlag | None, Field(description="In a status that its store chose, once.")] = None
    placed_since: Annotated[WantedTime | None, Field(description="Only those placed at or after this time.")] = None
    placed_before: Annotated[WantedTime | None, Field(description="Only those placed before this time.")] = None
    updated_since: Annotated[WantedTime | None, Field(description="Only those changed here since this time.")] = None


@api.get("/orders")
@operation(Page[Order], tag="Orders")
def list_orders(query: OrderFilters) -> Response:
    """List orders

    With their lines. `status` is ours, `woo_status` WooCommerce's.
    """
    with scope.reading() as session:
        table = tables.Order
        conditions = [
            table.account_id == account_id(),
            *paging.equals(
                query,
                store_id=table.store_id,
                woo_id=table.woo_id,
                contact_id=table.contact_id,
                number=table.number,
                status=table.status,
                woo_status=table.woo_status,
                payment_state=table.payment_state,
                in_trash=table.in_trash,
            ),
            *paging.since(query, table.updated_at),
        ]
        if query.is_sales_order is not None:
            conditions.append(table.sales_at.is_not(None) if query.is_sales_order else table.sales_at.is_(None))
        if query.email is not None:
            conditions.append(table.email_key == matching.email_key(query.email))
        if query.placed_since is not None:
            conditions.append(table.placed_at >= query.placed_since)
        if query.placed_before is not None:
            conditions.append(table.placed_at < query.placed_before)
        return paging.rows(session, table, conditions, query, lambda rows: _orders(session, rows))


@api.get("/orders/<int:order_id>")
@operation(Order, tag="Orders")
def get_order(order_id: int) -> Response:
    """Read an order"""
    with scope.reading() as session:
        found = scope.own_of(session, tables.Order, order_id, account_id())
        return answers.answer(_orders(session, [found])[0])


class OrderChange(Input):
    """What is changed of an order here; the store is not told."""

    model_config = ConfigDict(json_schema_extra=example({"delivery_date": "2026-12-04"}))

    delivery_date: Annotated[date, BeforeValidator(calendar_day), Field(examples=["2026-12-04"])]


@api.patch("/orders/<int:order_id>")
@operation(Order, tag="Orders", matches=True)
def update_order(order_id: int, json: OrderChange) -> Response:
    """Change an order's delivery date

    Here alone: what is changed of an order after it came in travels in neither direction.
    """
    with writing() as work:
        found = work.own(tables.Order, order_id)
        answers.must_match(_orders(work.session, [found])[0])
        if sales.set_delivery_date(work.session, found, json.delivery_date, clock.now()):
            audit.record(work.session, work.account_id, "order_changed", f"{found.number}: delivery date")
        return work.answer(_orders(work.session, [found])[0])


@api.delete("/orders/<int:order_id>")
@operation(Nothing, tag="Orders", status=204)
def delete_order(order_id: int) -> Response:
    """Delete an order

    Here, for good: it leaves a tombstone and is never imported again. The store keeps its own.
    """
    with writing() as work:
        found = work.own(tables.Order, order_id)
        audit.record(work.session, work.account_id, "order_deleted", found.number)
        removal.delete_order(work.session, found, clock.now(), audit.acting())
    return Response(status=204)


def _orders(session: Session, rows: Sequence[tables.Order]) -> list[Order]:
    lines: dict[int, list[tables.OrderLine]] = defaultdict(list)
    table = tables.OrderLine
    for line in session.scalars(
        select(table)
        .where(table.order_id.in_([row.id for row in rows]))
        .order_by(table.order_id, table.position, table.id)
    ):
        lines[line.order_id].append(line)
    return [Order.model_validate(Shown(row, lines=lines[row.id])) for row in rows]


def document_of(session: Session, order: tables.Order) -> Order:
    """Return the document of one order."""
    return _orders(session, [order])[0]


class Transaction(Document):
    """A payment or a refund."""

    id: Id
    order_id: Id
    store_id: Id
    kind: Annotated[str, Field(description="`payment` or `refund`.", examples=["payment"])]
    reversed: Annotated[
        bool,
        IsSet,
        Field(validation_alias="reversed_at", description="The store took the refund back.", examples=[False]),
    ]
    amount: Annotated[Money, Field(description="Negative for a refund.")]
    currency: Annotated[str, Field(examples=["EUR"])]
    method: Annotated[str, Field(examples=["stripe"])]
    reference: Text
    occurred_at: Time


class TransactionFilters(ListOf):
    """Which transactions."""

    order_id: WantedId | None = None
    store_id: WantedId | None = None
    kind: Literal["payment", "refund"] | None = None


@api.get("/transactions")
@operation(Page[Transaction], tag="Orders")
def list_transactions(query: TransactionFilters) -> Response:
    """List payments and refunds"""
    with scope.reading() as session:
        table = tables.Transaction
        conditions = [
            table.account_id == account_id(),
            *paging.equals(query, order_id=table.order_id, store_id=table.store_id, kind=table.kind),
        ]
        return paging.rows(session, table, conditions, query, documents_of(Transaction))
