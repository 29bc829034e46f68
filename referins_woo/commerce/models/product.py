"""Products, simple and variable, and the variants of the latter (P1–P3)."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import ForeignKey, Index, String, Text, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from referins_woo import clock
from referins_woo.db import Base, Json, Key


class Product(Base):
    """A product of one store. Woo is its source of truth (S6). Prices in 1/10,000."""

    __tablename__ = "products"
    __table_args__ = (
        UniqueConstraint("store_id", "woo_id"),
        Index("ix_products_store_sku", "store_id", "sku"),
        Index("ix_products_account_name", "account_id", "name").ddl_if(dialect="postgresql"),
        # Holds all that the list filters, searches and sorts by; too much for a row of an index of PostgreSQL.
        Index(
            "ix_products_account_listed",
            *("account_id", "name", "id", "sku", "store_id", "type", "woo_status", "include_in_online_store"),
            *("stock_status", "gone_at", "modified_at"),
        ).ddl_if(dialect="sqlite"),
        Index("ix_products_account_price", "account_id", "price", "id"),
    )

    id: Mapped[int] = mapped_column(Key, primary_key=True)
    account_id: Mapped[int]
    store_id: Mapped[int] = mapped_column(ForeignKey("stores.id"))
    woo_id: Mapped[int]
    type: Mapped[str] = mapped_column(String(12))
    """`simple` or `variable`."""
    woo_status: Mapped[str] = mapped_column(String(20))
    name: Mapped[str] = mapped_column(Text)
    slug: Mapped[str] = mapped_column(Text, default="")
    sku: Mapped[str] = mapped_column(Text, default="")
    price: Mapped[int]
    currency: Mapped[str] = mapped_column(String(8), default="")
    permalink: Mapped[str] = mapped_column(Text, default="")
    image_url: Mapped[str] = mapped_column(Text, default="")
    include_in_online_store: Mapped[bool] = mapped_column(default=True)
    switched_off_here: Mapped[bool] = mapped_column(default=False)
    """The merchant switched "Include in online store" off: it survives syncs (P2)."""
    manage_stock: Mapped[bool] = mapped_column(default=False)
    stock_quantity: Mapped[int | None]
    stock_status: Mapped[str] = mapped_column(String(20), default="")
    backorders: Mapped[str] = mapped_column(String(10), default="no")
    modified_at: Mapped[datetime | None]
    gone_at: Mapped[datetime | None]
    content_hash: Mapped[str] = mapped_column(String(32))
    created_at: Mapped[datetime] = mapped_column(default=clock.now)
    updated_at: Mapped[datetime] = mapped_column(default=clock.now)


class Variant(Base):
    """A published, priced variation of a variable product (P3)."""

    __tablename__ = "variants"
    __table_args__ = (
        UniqueConstraint("store_id", "woo_id"),
        Index("ix_variants_store_sku", "store_id", "sku"),
        Index("ix_variants_account_sku", "account_id", "sku", "product_id"),
    )

    id: Mapped[int] = mapped_column(Key, primary_key=True)
    account_id: Mapped[int]
    store_id: Mapped[int] = mapped_column(ForeignKey("stores.id"))
    product_id: Mapped[int] = mapped_column(ForeignKey("products.id", ondelete="CASCADE"), index=True)
    woo_id: Mapped[int]
    position: Mapped[int] = mapped_column(default=0)
    sku: Mapped[str] = mapped_column(Text, default="")
    """Its own; one equal to the parent's counts as none."""
    price: Mapped[int]
    attributes: Mapped[list[Any]] = mapped_column(Json, default=list)
    """[{"name": …, "option": …}, …]; an empty option means "any"."""
    manage_stock: Mapped[str] = mapped_column(String(8), default="no")
    """`yes`, `no` or `parent` (draws on the parent's pool)."""
    stock_quantity: Mapped[int | None]
    stock_status: Mapped[str] = mapped_column(String(20), default="")
    modified_at: Mapped[datetime | None]
    gone_at: Mapped[datetime | None]
    content_hash: Mapped[str] = mapped_column(String(32))
