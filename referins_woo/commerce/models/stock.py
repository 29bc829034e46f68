"""Stock: goods at a location, and the adjustments whose sum is what is on hand (K1, K2). Quantities in 1/10,000."""

from __future__ import annotations

from datetime import date, datetime

from sqlalchemy import ForeignKey, Index, String, Text, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

import referins_woo.commerce.models.location  # noqa: F401  (foreign keys name its table)
from referins_woo import clock
from referins_woo.db import Base, Key


class StockItem(Base):
    """Goods that are counted at a location."""

    __tablename__ = "stock_items"
    __table_args__ = (
        UniqueConstraint("location_id", "stock_key"),
        Index("ix_stock_items_account", "account_id", "sku", "id"),
    )

    id: Mapped[int] = mapped_column(Key, primary_key=True)
    account_id: Mapped[int]
    location_id: Mapped[int] = mapped_column(ForeignKey("locations.id"))
    stock_key: Mapped[str] = mapped_column(Text)
    """`commerce.stock.key_of`: the SKU, or a store's own numbers."""
    sku: Mapped[str] = mapped_column(Text, default="")
    name: Mapped[str] = mapped_column(Text, default="")
    opened_at: Mapped[datetime] = mapped_column(default=clock.now)
    """When they were first counted there: what stores took before is in that count."""
    opened_store_id: Mapped[int | None]
    """By whose quantities they were; None: by people."""
    created_at: Mapped[datetime] = mapped_column(default=clock.now)
    revision: Mapped[int] = mapped_column(default=0)
    """Counts what has changed what is on hand or committed: by it a store is known to be told of an older state."""
    batched_at: Mapped[datetime | None]
    """Since when they are batch-tracked, at all locations of the account alike; None: they are not (O9)."""

    @property
    def is_batched(self) -> bool:
        """Whether they are batch-tracked."""
        return self.batched_at is not None


class StockBatch(Base):
    """Goods at a location that came in together; what it holds is the sum of the entries that name it (O9)."""

    __tablename__ = "stock_batches"
    __table_args__ = (UniqueConstraint("item_id", "number"), Index("ix_stock_batches_account", "account_id", "id"))

    id: Mapped[int] = mapped_column(Key, primary_key=True)
    account_id: Mapped[int]
    item_id: Mapped[int] = mapped_column(ForeignKey("stock_items.id"))
    number: Mapped[str] = mapped_column(String(100))
    received_on: Mapped[date]
    expires_on: Mapped[date | None]
    """The last day on which they are good."""
    created_at: Mapped[datetime] = mapped_column(default=clock.now)


class StoreStock(Base):
    """Goods as one store sells them, whose quantity the store is told (K2–K4).

    `in_step`: as far as we know the store shows what it is to show, or is told next. `sending`; `unknown`: sent, and no
    answer came. `changed`: somebody changed the quantity in WooCommerce; somebody here decides. `failed`: the store did
    not take it, or cannot.
    """

    __tablename__ = "store_stock"
    __table_args__ = (
        UniqueConstraint("store_id", "woo_product_id", "woo_variation_id"),
        Index("ix_store_stock_key", "store_id", "stock_key"),
        Index("ix_store_stock_state", "store_id", "state", "id"),
    )

    id: Mapped[int] = mapped_column(Key, primary_key=True)
    account_id: Mapped[int]
    store_id: Mapped[int] = mapped_column(ForeignKey("stores.id"))
    stock_key: Mapped[str] = mapped_column(Text)
    woo_product_id: Mapped[int]
    woo_variation_id: Mapped[int] = mapped_column(default=0)
    label: Mapped[str] = mapped_column(Text, default="")
    """The SKU, or the name of goods that have none."""
    expected: Mapped[int]
    """What the store shows by our books: what it last showed us, less what its orders have taken since."""
    agreed_at: Mapped[datetime | None]
    """On the store's clock: orders placed before are in `expected`. None: never compared yet."""
    looked_at: Mapped[datetime | None]
    """When it was last compared."""
    drift: Mapped[int] = mapped_column(default=0)
    """Of `changed`: by how much more the store shows."""
    sent: Mapped[int | None]
    """What it is being told; a lost answer leaves it open which of the two it shows."""
    sent_from: Mapped[datetime | None]
    """On the store's clock: what was sold from here…"""
    sent_until: Mapped[datetime | None]
    """…to here may have been overwritten by what we sent."""
    backorders: Mapped[bool] = mapped_column(default=False)
    state: Mapped[str] = mapped_column(String(10), default="in_step")
    error: Mapped[str] = mapped_column(Text, default="")
    revision: Mapped[int] = mapped_column(default=-1)
    """`StockItem.revision` of what the store was last told; below zero: look again."""
    pushes: Mapped[int] = mapped_column(default=0)


class StockAdjustment(Base):
    """One change of what is on hand at a location, with its reason and who made it."""

    __tablename__ = "stock_adjustments"
    __table_args__ = (
        UniqueConstraint("account_id", "number"),
        Index("ix_stock_adjustments_order", "order_id"),
        Index("ix_stock_adjustments_corrects", "corrects_id"),
    )

    id: Mapped[int] = mapped_column(Key, primary_key=True)
    account_id: Mapped[int]
    number: Mapped[int]
    """Counts the account's adjustments."""
    location_id: Mapped[int] = mapped_column(ForeignKey("locations.id"))
    kind: Mapped[str] = mapped_column(String(12))
    """`by_hand`, `opening` (a store's first count), `order` (delivered, put back, found later), or `correction`."""
    corrects_id: Mapped[int | None]
    """Of a correction: the adjustment whose lines it sets right. What was entered stays as it was."""
    order_id: Mapped[int | None]
    reason: Mapped[str] = mapped_column(Text, default="")
    by: Mapped[str] = mapped_column(String(320), default="")
    created_at: Mapped[datetime] = mapped_column(default=clock.now)
    edited_at: Mapped[datetime | None]
    edited_by: Mapped[str] = mapped_column(String(320), default="")


class StockEntry(Base):
    """By how much an adjustment changes some goods, of a batch or without one."""

    __tablename__ = "stock_entries"
    __table_args__ = (
        UniqueConstraint("adjustment_id", "item_id", "batch_id"),
        # To a unique key all NULLs differ.
        Index(
            "uq_stock_entries_without_batch",
            "adjustment_id",
            "item_id",
            unique=True,
            postgresql_where=text("batch_id IS NULL"),
            sqlite_where=text("batch_id IS NULL"),
        ),
        Index("ix_stock_entries_item", "item_id", "quantity"),
        Index(
            "ix_stock_entries_batch",
            "batch_id",
            "quantity",
            postgresql_where=text("batch_id IS NOT NULL"),
            sqlite_where=text("batch_id IS NOT NULL"),
        ),
    )

    id: Mapped[int] = mapped_column(Key, primary_key=True)
    account_id: Mapped[int]
    adjustment_id: Mapped[int] = mapped_column(ForeignKey("stock_adjustments.id", ondelete="CASCADE"))
    item_id: Mapped[int] = mapped_column(ForeignKey("stock_items.id"))
    quantity: Mapped[int]
    batch_id: Mapped[int | None] = mapped_column(ForeignKey("stock_batches.id"))
