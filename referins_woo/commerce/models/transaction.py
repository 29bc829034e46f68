"""Money that moved: one payment per order, one negative row per refund (T1, T2)."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import ForeignKey, Index, String, Text, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from referins_woo import clock
from referins_woo.db import Base, Key


class Transaction(Base):
    """A payment or a refund of an order. Amount in 1/10,000 of the currency's unit, refunds negative."""

    __tablename__ = "transactions"
    __table_args__ = (
        UniqueConstraint("store_id", "kind", "woo_order_id", "woo_refund_id"),
        Index("ix_transactions_account_occurred", "account_id", "occurred_at", "id").ddl_if(dialect="postgresql"),
        # Holds all that the list filters, searches and sorts by; too much for a row of an index of PostgreSQL.
        Index(
            "ix_transactions_account_listed",
            *("account_id", "occurred_at", "id", "kind", "reversed_at", "store_id", "order_id", "amount"),
            "reference",
        ).ddl_if(dialect="sqlite"),
    )

    id: Mapped[int] = mapped_column(Key, primary_key=True)
    account_id: Mapped[int]
    store_id: Mapped[int] = mapped_column(ForeignKey("stores.id"))
    order_id: Mapped[int] = mapped_column(ForeignKey("orders.id", ondelete="CASCADE"), index=True)
    woo_order_id: Mapped[int]
    woo_refund_id: Mapped[int] = mapped_column(default=0)
    """0 for the payment."""
    kind: Mapped[str] = mapped_column(String(10))
    amount: Mapped[int]
    currency: Mapped[str] = mapped_column(String(8))
    method: Mapped[str] = mapped_column(Text, default="")
    reference: Mapped[str] = mapped_column(Text, default="")
    """The gateway's id, else the order number."""
    occurred_at: Mapped[datetime]
    reversed_at: Mapped[datetime | None]
    """A refund that disappeared in Woo no longer counts."""
    created_at: Mapped[datetime] = mapped_column(default=clock.now)
