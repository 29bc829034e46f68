"""Stock: goods at a location, and the adjustments whose sum is what is on hand (K1, K2). Quantities in 1/10,000."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import ForeignKey, Index, String, Text, UniqueConstraint
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
    created_at: Mapped[datetime] = mapped_column(default=clock.now)


class StockAdjustment(Base):
    """One change of what is on hand at a location, with its reason and who made it."""

    __tablename__ = "stock_adjustments"
    __table_args__ = (UniqueConstraint("account_id", "number"), Index("ix_stock_adjustments_order", "order_id"))

    id: Mapped[int] = mapped_column(Key, primary_key=True)
    account_id: Mapped[int]
    number: Mapped[int]
    """Counts the account's adjustments."""
    location_id: Mapped[int] = mapped_column(ForeignKey("locations.id"))
    kind: Mapped[str] = mapped_column(String(12))
    """`by_hand`, `opening` (a store's first count), or `order` (delivered, put back, found later)."""
    order_id: Mapped[int | None]
    reason: Mapped[str] = mapped_column(Text, default="")
    by: Mapped[str] = mapped_column(String(320), default="")
    created_at: Mapped[datetime] = mapped_column(default=clock.now)
    edited_at: Mapped[datetime | None]
    edited_by: Mapped[str] = mapped_column(String(320), default="")


class StockEntry(Base):
    """By how much an adjustment changes some goods."""

    __tablename__ = "stock_entries"
    __table_args__ = (
        UniqueConstraint("adjustment_id", "item_id"),
        Index("ix_stock_entries_item", "item_id", "quantity"),
    )

    id: Mapped[int] = mapped_column(Key, primary_key=True)
    account_id: Mapped[int]
    adjustment_id: Mapped[int] = mapped_column(ForeignKey("stock_adjustments.id", ondelete="CASCADE"))
    item_id: Mapped[int] = mapped_column(ForeignKey("stock_items.id"))
    quantity: Mapped[int]
