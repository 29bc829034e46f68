"""Changes on their way to a store."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import ForeignKey, Index, String, Text, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

import referins_woo.stores.models  # noqa: F401  (foreign keys name their tables)
from referins_woo import clock
from referins_woo.db import Base, Json, Key

_OPEN = text("state IN ('waiting', 'sending', 'unknown')")


class StoreWrite(Base):
    """One change for one record of one store.

    `waiting` → `sending` → `done`. `refused`: not sent, because the store no longer shows what we last saw. `failed`:
    the store said no, or time ran out. `unknown`: sent, and no answer came; a look at the store settles it.
    """

    __tablename__ = "store_writes"
    __table_args__ = (
        UniqueConstraint("store_id", "kind", "subject", "revision"),
        Index("ix_store_writes_open", "store_id", "due_at", "id", postgresql_where=_OPEN, sqlite_where=_OPEN),
        Index("ix_store_writes_account", "account_id", "id"),
        Index("ix_store_writes_order", "order_id"),
    )

    id: Mapped[int] = mapped_column(Key, primary_key=True)
    account_id: Mapped[int]
    store_id: Mapped[int] = mapped_column(ForeignKey("stores.id"))
    kind: Mapped[str] = mapped_column(String(24))
    """`order_completed`, `customer_created`, `customer_updated` or `stock_set`."""
    subject: Mapped[int]
    """Woo id of the order, product or variation; of a customer our contact, whether the store knows it yet or not."""
    revision: Mapped[int]
    """Counts the changes of that kind to that record."""
    order_id: Mapped[int | None]
    label: Mapped[str] = mapped_column(Text, default="")
    """What people call the record: an order's number, a contact's."""
    body: Mapped[dict[str, Any]] = mapped_column(Json)
    """What is sent, and nothing else; of a customer nothing: that is read from the contact when it is sent."""
    expected: Mapped[dict[str, Any]] = mapped_column(Json)
    """What the store last showed when the change was made here: the change is for that, and for nothing newer."""
    answer: Mapped[dict[str, Any]] = mapped_column(Json, default=dict)
    """Fingerprint of the store's answer, by which its echo is known."""
    state: Mapped[str] = mapped_column(String(10), default="waiting")
    error: Mapped[str] = mapped_column(Text, default="")
    """Why it waits, or what became of it, in words."""
    attempts: Mapped[int] = mapped_column(default=0)
    due_at: Mapped[datetime] = mapped_column(default=clock.now)
    by: Mapped[str] = mapped_column(String(320), default="")
    created_at: Mapped[datetime] = mapped_column(default=clock.now)
    asked_at: Mapped[datetime] = mapped_column(default=clock.now)
    """When somebody last asked for it: from then on it is tried for three days."""
    done_at: Mapped[datetime | None]
    echoed_at: Mapped[datetime | None]
    """When the change came back with the store's own records."""
