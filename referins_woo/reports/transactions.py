"""Transactions for their list."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import ColumnElement, or_, select
from sqlalchemy.orm import Session

from referins_woo.commerce.models import Contact, Order, Transaction
from referins_woo.reports.listing import Kind, Wanted, contains, days, in_order

SORTS = {"occurred": Transaction.occurred_at, "amount": Transaction.amount}


@dataclass(frozen=True, slots=True)
class TransactionRow:
    """A line of the list."""

    transaction: Transaction
    order_number: str
    contact_id: int | None
    contact_name: str


def conditions(account_id: int, wanted: Wanted) -> list[ColumnElement[bool]]:
    """Return the conditions of the list's search words and filters."""
    found: list[ColumnElement[bool]] = [
        Transaction.account_id == account_id,
        *days(Transaction.occurred_at, wanted),
    ]
    if wanted.get("kind"):
        found.append(Transaction.kind == wanted.get("kind"))
    if wanted.get("reversed"):
        is_reversed = Transaction.reversed_at.is_not(None)
        found.append(is_reversed if wanted.get("reversed") == "yes" else ~is_reversed)
    if (store_id := wanted.number("store")) is not None:
        found.append(Transaction.store_id == store_id)
    if wanted.q:
        numbered = select(Order.id).where(Order.account_id == account_id, contains(Order.number, wanted.q.lstrip("#")))
        found.append(or_(contains(Transaction.reference, wanted.q), Transaction.order_id.in_(numbered)))
    return found


def _rows(session: Session, ids: Sequence[int]) -> list[TransactionRow]:
    rows = {
        transaction.id: TransactionRow(transaction, number, contact_id, name or "")
        for transaction, number, contact_id, name in session.execute(
            select(Transaction, Order.number, Order.contact_id, Contact.name)
            .join(Order, Order.id == Transaction.order_id)
            .outerjoin(Contact, Contact.id == Order.contact_id)
            .where(Transaction.id.in_(ids))
        )
    }
    return in_order(ids, rows)


TRANSACTIONS = Kind(Transaction, SORTS, conditions, _rows)
