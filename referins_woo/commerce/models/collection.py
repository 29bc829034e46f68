"""Collections: the Woo categories that imported products name themselves (P4)."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import ForeignKey, Text, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from referins_woo import clock
from referins_woo.db import Base, Key


class Collection(Base):
    """One category of one store; stays, empty, when it loses its last product."""

    __tablename__ = "collections"
    __table_args__ = (UniqueConstraint("store_id", "woo_id"),)

    id: Mapped[int] = mapped_column(Key, primary_key=True)
    account_id: Mapped[int] = mapped_column(index=True)
    store_id: Mapped[int] = mapped_column(ForeignKey("stores.id"))
    woo_id: Mapped[int]
    name: Mapped[str] = mapped_column(Text)
    slug: Mapped[str] = mapped_column(Text, default="")
    gone_at: Mapped[datetime | None]
    created_at: Mapped[datetime] = mapped_column(default=clock.now)
    updated_at: Mapped[datetime] = mapped_column(default=clock.now)


class CollectionProduct(Base):
    """A product names a category (kept for every imported product, whether or not Collections are imported)."""

    __tablename__ = "collection_products"

    product_id: Mapped[int] = mapped_column(ForeignKey("products.id", ondelete="CASCADE"), primary_key=True)
    woo_category_id: Mapped[int] = mapped_column(primary_key=True, index=True)
    name: Mapped[str] = mapped_column(Text, default="")
    slug: Mapped[str] = mapped_column(Text, default="")
