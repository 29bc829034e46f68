"""People whose data was erased here: what tells them when a store sends them again (N3, row 95)."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import ForeignKey, Text, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from referins_woo import clock
from referins_woo.db import Base, Key


class ErasedAddress(Base):
    """An address of an erased person, as a hash."""

    __tablename__ = "erased_addresses"
    __table_args__ = (UniqueConstraint("account_id", "email_hash"),)

    id: Mapped[int] = mapped_column(Key, primary_key=True)
    account_id: Mapped[int]
    email_hash: Mapped[str] = mapped_column(Text)
    """`matching.erased_key` of the address."""
    erased_at: Mapped[datetime] = mapped_column(default=clock.now)


class ErasedCustomer(Base):
    """A store's customer whose data was erased here."""

    __tablename__ = "erased_customers"
    __table_args__ = (UniqueConstraint("store_id", "woo_id"),)

    id: Mapped[int] = mapped_column(Key, primary_key=True)
    account_id: Mapped[int]
    store_id: Mapped[int] = mapped_column(ForeignKey("stores.id"))
    woo_id: Mapped[int]
    erased_at: Mapped[datetime] = mapped_column(default=clock.now)
