"""What happened in a store, in our words; append-only."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import ForeignKey, Index, String, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

import referins_woo.stores.models  # noqa: F401  (foreign keys name their tables)
from referins_woo import clock
from referins_woo.db import Base, Json, Key

_UNSTARTED = text("handed_over_at IS NULL")


class Event(Base):
    """One thing that happened once: the unique key is what makes a trigger fire once."""

    __tablename__ = "events"
    __table_args__ = (
        UniqueConstraint("store_id", "kind", "subject", "occurrence"),
        Index("ix_events_unstarted", "id", postgresql_where=_UNSTARTED, sqlite_where=_UNSTARTED),
        Index("ix_events_account", "account_id", "id"),
        Index("ix_events_order", "order_id"),
    )

    id: Mapped[int] = mapped_column(Key, primary_key=True)
    account_id: Mapped[int]
    store_id: Mapped[int] = mapped_column(ForeignKey("stores.id"))
    kind: Mapped[str] = mapped_column(String(40))
    """A key of `automations.triggers.TRIGGERS`."""
    subject: Mapped[int]
    """Woo id of the order (it outlives our row)."""
    occurrence: Mapped[str] = mapped_column(String(80), default="")
    """Empty for what happens once per order; of a status `from>to@modified`, of a refund its Woo id."""
    order_id: Mapped[int | None]
    contact_id: Mapped[int | None]
    occurred_at: Mapped[datetime]
    recorded_at: Mapped[datetime] = mapped_column(default=clock.now)
    state: Mapped[str] = mapped_column(String(12), default="fired")
    """`fired`, `suppressed` or `released`."""
    reason: Mapped[str] = mapped_column(String(24), default="")
    """`too_late`, `switch_off`, `before_t0`, `already_cancelled` or `restored` (a backup was, after it happened)."""
    data: Mapped[dict[str, Any]] = mapped_column(Json, default=dict)
    handed_over_at: Mapped[datetime | None]
    """When runs took it (suppressed events are born handed over)."""


class OrderSighting(Base):
    """An order that live work looked at when it was not to be stored yet: a draft, or nothing that is synced.

    It tells later that a condition came true after creation, and whether an order was first seen cancelled.
    """

    __tablename__ = "order_sightings"
    __table_args__ = (UniqueConstraint("store_id", "woo_id"),)

    id: Mapped[int] = mapped_column(Key, primary_key=True)
    store_id: Mapped[int] = mapped_column(ForeignKey("stores.id"))
    woo_id: Mapped[int]
    woo_status: Mapped[str] = mapped_column(String(60))
    had_email: Mapped[bool]
    seen_at: Mapped[datetime] = mapped_column(default=clock.now)
