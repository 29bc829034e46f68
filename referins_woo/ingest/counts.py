"""What is here of a store, element by element, counted so that it can stand beside the store's own count (S8).

Count in WooCommerce = here + skipped by rule + failed. What is gone there and what was deleted here count on neither
side. Transactions have no count of their own there: it is paid orders here + refunds there.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, func, select
from sqlalchemy.orm import Session

from referins_woo.commerce.models import Collection, ContactLink, Order, Product, Tombstone, Transaction
from referins_woo.commerce.upsert.transactions import payable
from referins_woo.ingest.models import Import, ImportElement, SkippedRecord
from referins_woo.stores.view import StoreView

_DELETED_HERE = "deleted_here"


@dataclass(frozen=True, slots=True)
class Counts:
    """What is here of one element; `apart` is what the store counts and both sides leave out."""

    here: int
    skipped: int
    failed: int
    apart: int = 0


@dataclass(frozen=True, slots=True)
class Scope:
    """Which orders of the store are to be here: those placed after a time, of some statuses; none: all (I7)."""

    after: Any = None
    statuses: tuple[str, ...] = ()

    @property
    def is_narrow(self) -> bool:
        """Whether the store must be asked for a count of its own."""
        return self.after is not None or bool(self.statuses)


def is_imported(session: Session, store_id: int, element: str) -> bool:
    """Whether an import of the element has come to its end: only then all of it can be here."""
    done = (
        select(ImportElement.id)
        .join(Import, Import.id == ImportElement.import_id)
        .where(Import.store_id == store_id, ImportElement.element == element, ImportElement.state == "done")
    )
    return session.execute(done.limit(1)).first() is not None


def order_scope(store: StoreView, *, imported: bool) -> Scope:
    """Return which orders are to be here: those that were imported, or those since the store was connected."""
    if imported:
        return Scope(store.import_since, store.import_statuses)
    return Scope(store.live_since)


def of_orders(session: Session, store_id: int, scope: Scope) -> Counts:
    """Count orders."""
    there = [Order.store_id == store_id, Order.gone_at.is_(None), Order.in_trash.is_(False)]
    if scope.after is not None:
        there.append(Order.placed_at > scope.after)
    if scope.statuses:
        there.append(Order.woo_status.in_(scope.statuses))
    skipped, failed = _set_aside(session, store_id, "orders", select(Order.woo_id).where(Order.store_id == store_id))
    apart = _count(session, Tombstone.id, Tombstone.store_id == store_id, Tombstone.gone_at.is_(None))
    return Counts(_count(session, Order.id, *there), skipped, failed, apart)


def of_contacts(session: Session, store_id: int) -> Counts:
    """Count the store's users that are contacts here."""
    linked = select(ContactLink.woo_id).where(ContactLink.store_id == store_id)
    here = _count(session, ContactLink.id, ContactLink.store_id == store_id, ContactLink.gone_at.is_(None))
    return Counts(here, *_set_aside(session, store_id, "contacts", linked))


def of_products(session: Session, store_id: int) -> Counts:
    """Count products, not their variations."""
    here = (Product.store_id == store_id, Product.gone_at.is_(None), Product.woo_status != "trash")
    known = select(Product.woo_id).where(Product.store_id == store_id)
    return Counts(_count(session, Product.id, *here), *_set_aside(session, store_id, "products", known))


def of_collections(session: Session, store_id: int) -> Counts:
    """Count collections."""
    here = (Collection.store_id == store_id, Collection.gone_at.is_(None))
    known = select(Collection.woo_id).where(Collection.store_id == store_id)
    return Counts(_count(session, Collection.id, *here), *_set_aside(session, store_id, "collections", known))


def of_transactions(session: Session, store_id: int) -> tuple[Counts, int]:
    """Count transactions; returns with them how many payments there must be here."""
    ours = Transaction.store_id == store_id
    payments = _count(session, Transaction.id, ours, Transaction.kind == "payment")
    refunds = _count(session, Transaction.id, ours, Transaction.kind == "refund", Transaction.reversed_at.is_(None))
    missing = _count(session, Order.id, Order.store_id == store_id, payable(), ~has_payment())
    known = select(Transaction.woo_refund_id).where(ours, Transaction.kind == "refund")
    counts = Counts(payments + refunds, *_set_aside(session, store_id, "transactions", known))
    return counts, payments + missing


def has_payment() -> ColumnElement[bool]:
    """Return the condition that an order's payment is here."""
    return select(Transaction.id).where(Transaction.order_id == Order.id, Transaction.kind == "payment").exists()


def _set_aside(session: Session, store_id: int, element: str, here: Any) -> tuple[int, int]:
    """Count what is set aside of an element and did not come in after all, by kind: skipped, failed."""
    rows = session.execute(
        select(SkippedRecord.kind, func.count())
        .where(
            SkippedRecord.store_id == store_id,
            SkippedRecord.element == element,
            SkippedRecord.reason_code != _DELETED_HERE,
            SkippedRecord.woo_id.not_in(here),
        )
        .group_by(SkippedRecord.kind)
    ).all()
    found: dict[str, int] = dict(rows)
    return found.get("skipped", 0), found.get("failed", 0)


def _count(session: Session, column: Any, *conditions: ColumnElement[bool]) -> int:
    return session.execute(select(func.count(column)).where(*conditions)).scalar_one()
