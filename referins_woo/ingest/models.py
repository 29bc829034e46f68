"""What came in from stores: raw deliveries, imports with their cursors, watermarks, records set aside."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import ForeignKey, Index, LargeBinary, String, Text, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

import referins_woo.stores.models  # noqa: F401  (foreign keys name their tables)
from referins_woo import clock
from referins_woo.db import Base, Json, Key

_UNDONE = text("state = 'received'")
_FAILED = text("state = 'failed'")
_OPEN = text("state IN ('waiting', 'running', 'paused')")


class Delivery(Base):
    """One webhook delivery, raw, stored before it was answered."""

    __tablename__ = "deliveries"
    __table_args__ = (
        Index(
            "uq_deliveries_undone",
            "store_id",
            "topic",
            "body_sha256",
            unique=True,
            postgresql_where=_UNDONE,
            sqlite_where=_UNDONE,
        ),
        Index("ix_deliveries_due", "store_id", "id", postgresql_where=_UNDONE, sqlite_where=_UNDONE),
        Index("ix_deliveries_failed", "store_id", "id", postgresql_where=_FAILED, sqlite_where=_FAILED),
        # Counted by it: without `state` every body would be passed.
        Index("ix_deliveries_account_received", "account_id", "id", "state"),
    )

    id: Mapped[int] = mapped_column(Key, primary_key=True)
    account_id: Mapped[int]
    store_id: Mapped[int] = mapped_column(ForeignKey("stores.id"))
    topic: Mapped[str] = mapped_column(String(120))
    woo_webhook_id: Mapped[int] = mapped_column(default=0)
    woo_delivery_id: Mapped[str] = mapped_column(String(64), default="")
    source: Mapped[str] = mapped_column(Text, default="")
    body: Mapped[bytes] = mapped_column(LargeBinary)
    body_sha256: Mapped[str] = mapped_column(String(64))
    state: Mapped[str] = mapped_column(String(10), default="received")
    """`received`, `done`, `ignored` or `failed`."""
    reason: Mapped[str] = mapped_column(String(60), default="")
    error: Mapped[str] = mapped_column(Text, default="")
    attempts: Mapped[int] = mapped_column(default=0)
    received_at: Mapped[datetime] = mapped_column(default=clock.now)
    due_at: Mapped[datetime | None]
    """Not before this time: set when the store could not be asked (None: at once)."""
    done_at: Mapped[datetime | None]


class Import(Base):
    """One import of chosen elements of one store. What it is limited to stays as it was when it began (I7)."""

    __tablename__ = "imports"
    __table_args__ = (Index("uq_imports_open", "store_id", unique=True, postgresql_where=_OPEN, sqlite_where=_OPEN),)

    id: Mapped[int] = mapped_column(Key, primary_key=True)
    account_id: Mapped[int]
    store_id: Mapped[int] = mapped_column(ForeignKey("stores.id"), index=True)
    kind: Mapped[str] = mapped_column(String(8), default="import")
    """`import`: walks the store's lists; `retry`: asks again for the records that failed (I4)."""
    state: Mapped[str] = mapped_column(String(12), default="waiting", index=True)
    """`waiting`, `running`, `paused`, `done`, `failed` or `cancelled`."""
    note: Mapped[str] = mapped_column(Text, default="")
    """Why it waits or paused, in words."""
    contacts_scope: Mapped[str] = mapped_column(String(10), default="all")
    since: Mapped[datetime | None]
    """Only orders placed from here on."""
    statuses: Mapped[list[str]] = mapped_column(default=list)
    """Only orders of these statuses; none: all."""
    retry_at: Mapped[datetime | None]
    retries: Mapped[int] = mapped_column(default=0)
    started_at: Mapped[datetime | None]
    finished_at: Mapped[datetime | None]
    heartbeat_at: Mapped[datetime | None]
    """When it last got on: a page came in, a part ended."""
    created_at: Mapped[datetime] = mapped_column(default=clock.now)


class ImportElement(Base):
    """The progress of one element of an import; its cursor moves in the transaction that stores the rows."""

    __tablename__ = "import_elements"
    __table_args__ = (UniqueConstraint("import_id", "element"),)

    id: Mapped[int] = mapped_column(Key, primary_key=True)
    import_id: Mapped[int] = mapped_column(ForeignKey("imports.id", ondelete="CASCADE"))
    element: Mapped[str] = mapped_column(String(16))
    """`contacts`, `products`, `collections`, `orders` or `transactions`."""
    position: Mapped[int]
    state: Mapped[str] = mapped_column(String(10), default="waiting")
    """`waiting`, `running`, `checking` (compared with the store's own count) or `done`."""
    total: Mapped[int | None]
    done: Mapped[int] = mapped_column(default=0)
    skipped: Mapped[int] = mapped_column(default=0)
    failed: Mapped[int] = mapped_column(default=0)
    cursor: Mapped[dict[str, Any]] = mapped_column(Json, default=dict)
    active_ms: Mapped[int] = mapped_column(default=0)
    """Milliseconds worked, without pauses: what a rate is counted by."""
    woo_count: Mapped[int | None]
    """What the store counts at the end, under the same limits (I6); None: not compared."""
    filled: Mapped[int] = mapped_column(default=0)
    """Holes found by the comparison that were filled."""
    checked_at: Mapped[datetime | None]
    started_at: Mapped[datetime | None]
    finished_at: Mapped[datetime | None]


class SkippedRecord(Base):
    """A record set aside: by a rule (`skipped`) or by a fault (`failed`), always with its reason (I4)."""

    __tablename__ = "skipped_records"
    __table_args__ = (
        UniqueConstraint("store_id", "element", "woo_id"),
        Index("ix_skipped_records_account", "account_id", "store_id", "id"),
    )

    id: Mapped[int] = mapped_column(Key, primary_key=True)
    account_id: Mapped[int]
    store_id: Mapped[int] = mapped_column(ForeignKey("stores.id"))
    import_id: Mapped[int | None]
    element: Mapped[str] = mapped_column(String(16))
    woo_id: Mapped[int]
    parent_woo_id: Mapped[int] = mapped_column(default=0)
    """The product of a variation, the order of a refund: where people find it in WooCommerce."""
    name: Mapped[str] = mapped_column(Text, default="")
    kind: Mapped[str] = mapped_column(String(8), default="skipped")
    reason_code: Mapped[str] = mapped_column(String(40))
    reason: Mapped[str] = mapped_column(Text)
    detail: Mapped[str] = mapped_column(Text, default="")
    created_at: Mapped[datetime] = mapped_column(default=clock.now)


class Watermark(Base):
    """How far the last sweep that ended has seen an element of a store."""

    __tablename__ = "watermarks"
    __table_args__ = (UniqueConstraint("store_id", "element"),)

    id: Mapped[int] = mapped_column(Key, primary_key=True)
    store_id: Mapped[int] = mapped_column(ForeignKey("stores.id"))
    element: Mapped[str] = mapped_column(String(16))
    watermark: Mapped[datetime | None]
    """Newest `date_modified_gmt` in that sweep's answers, never above the answer's `Date`."""
    checked_at: Mapped[datetime | None]
    woo_count: Mapped[int | None]
    """The store's own count, taken at `counted_at` together with the three that follow; None: not comparable."""
    here_count: Mapped[int] = mapped_column(default=0)
    skipped_count: Mapped[int] = mapped_column(default=0)
    failed_count: Mapped[int] = mapped_column(default=0)
    counted_at: Mapped[datetime | None]
    gap_count: Mapped[int] = mapped_column(default=0)
    """Changes of the last gap: those that no webhook had brought when a sweep found them."""
    gap_since: Mapped[datetime | None]
    gap_until: Mapped[datetime | None]
    gap_repaired_at: Mapped[datetime | None]
    cursor: Mapped[dict[str, Any]] = mapped_column(Json, default=dict)
    """Where an unfinished sweep stopped."""
