"""Payments and refunds of orders (T1, T2)."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from functools import lru_cache
from typing import Any

from sqlalchemy import bindparam, func, literal_column, or_, select, update
from sqlalchemy.orm import Session

from referins_woo.commerce.models import Order, Transaction
from referins_woo.commerce.records import RefundRecord
from referins_woo.commerce.upsert.bulk import insert_rows, new_ids, table_of
from referins_woo.conditions import one_of
from referins_woo.db import UtcDateTime, insert_of

_TRANSACTION = (
    *("id", "account_id", "store_id", "order_id", "woo_order_id", "woo_refund_id", "kind", "amount", "currency"),
    *("method", "reference", "occurred_at", "reversed_at", "created_at"),
)
_KEY = ("store_id", "kind", "woo_order_id", "woo_refund_id")


def payable() -> Any:
    """The condition for an order to have a payment: paid, or completed without a date, and a total above zero (T1)."""
    return (Order.total > 0) & or_(Order.paid_at.is_not(None), Order.woo_status == "completed")


def record_payments(session: Session, order_ids: Sequence[int], now: datetime) -> None:
    """Make the one payment of each of these orders that is due and not there yet.

    The database copies from the orders itself: rows that went through Python cost an eighth of an import.
    """
    if not order_ids:
        return
    session.execute(_payments_made(session.get_bind().dialect.name), {"order_ids": order_ids, "now": now})


@lru_cache(maxsize=2)
def _payments_made(dialect: str) -> Any:
    columns: dict[str, Any] = {
        "account_id": Order.account_id,
        "store_id": Order.store_id,
        "order_id": Order.id,
        "woo_order_id": Order.woo_id,
        "woo_refund_id": literal_column("0"),
        "kind": literal_column("'payment'"),
        "amount": Order.total,
        "currency": Order.currency,
        "method": func.coalesce(func.nullif(Order.payment_method_title, ""), Order.payment_method),
        "reference": func.coalesce(func.nullif(Order.payment_reference, ""), Order.number),
        "occurred_at": func.coalesce(Order.paid_at, Order.completed_at, Order.modified_at, Order.placed_at),
        "created_at": bindparam("now", type_=UtcDateTime()),
    }
    due = select(*columns.values()).where(one_of(Order.id, "order_ids"), payable()).order_by(Order.id)
    # The amount is the total when first seen paid: a payment that is there is left alone.
    return insert_of(dialect)(table_of(Transaction)).from_select(list(columns), due).on_conflict_do_nothing()


def record_refunds(
    session: Session, store_id: int, refunds: Sequence[RefundRecord], now: datetime
) -> list[tuple[RefundRecord, str]]:
    """Make one negative transaction for each refund above zero of an order that has a payment (T2).

    Returns the refunds set aside with their reason code: `zero_amount`, `order_not_here` or `order_without_payment`.
    """
    by_order = {refund.woo_order_id for refund in refunds}
    orders = {
        row.woo_id: row
        for row in session.execute(
            select(Order.woo_id, Order.id, Order.account_id, Order.currency, Order.number).where(
                Order.store_id == store_id, Order.woo_id.in_(by_order)
            )
        )
    }
    payments = {
        row.woo_order_id: row.method
        for row in session.execute(
            select(Transaction.woo_order_id, Transaction.method).where(
                Transaction.store_id == store_id,
                Transaction.kind == "payment",
                Transaction.woo_order_id.in_(by_order),
            )
        )
    }
    skipped: list[tuple[RefundRecord, str]] = []
    taken: list[RefundRecord] = []
    for refund in refunds:
        if refund.amount <= 0:
            skipped.append((refund, "zero_amount"))
        elif refund.woo_order_id not in orders:
            skipped.append((refund, "order_not_here"))
        elif refund.woo_order_id not in payments:
            skipped.append((refund, "order_without_payment"))
        else:
            taken.append(refund)
    values = []
    for key, refund in zip(new_ids(session, Transaction, len(taken)), taken, strict=True):
        order = orders[refund.woo_order_id]
        values.append(
            [
                *(key, order.account_id, store_id, order.id, refund.woo_order_id, refund.woo_id, "refund"),
                *(-refund.amount, order.currency, payments[refund.woo_order_id], order.number, refund.occurred_at),
                *(None, now),
            ]
        )
    insert_rows(session, Transaction, _TRANSACTION, values, conflict=_KEY)
    return skipped


def reverse_missing_refunds(session: Session, store_id: int, shown: dict[int, set[int]], now: datetime) -> None:
    """Mark refunds that an order no longer shows as reversed, and those it shows again as counting (T2).

    `shown`: Woo order id → ids of the refunds that the order lists now.
    """
    if not shown:
        return
    rows = session.execute(
        select(Transaction.id, Transaction.woo_order_id, Transaction.woo_refund_id, Transaction.reversed_at).where(
            Transaction.store_id == store_id, Transaction.kind == "refund", Transaction.woo_order_id.in_(shown)
        )
    ).all()
    for row in rows:
        gone = row.woo_refund_id not in shown[row.woo_order_id]
        if gone != (row.reversed_at is not None):
            session.execute(
                update(Transaction)
                .where(Transaction.id == row.id)
                .values(reversed_at=now if gone else None)
                .execution_options(synchronize_session=False)
            )
