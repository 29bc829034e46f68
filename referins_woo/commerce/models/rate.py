"""Rates of currencies, as an account gives them (O6)."""

from __future__ import annotations

from datetime import date, datetime

from sqlalchemy import Index, String, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from referins_woo import clock
from referins_woo.db import Base, Key

_NEW = text("applied_at IS NULL")


class CurrencyRate(Base):
    """What one unit of a currency was worth in the account's base currency on one day of its time zone."""

    __tablename__ = "currency_rates"
    __table_args__ = (
        UniqueConstraint("account_id", "base", "currency", "day"),
        Index("ix_currency_rates_new", "account_id", "id", postgresql_where=_NEW, sqlite_where=_NEW),
    )

    id: Mapped[int] = mapped_column(Key, primary_key=True)
    account_id: Mapped[int]
    base: Mapped[str] = mapped_column(String(3))
    currency: Mapped[str] = mapped_column(String(3))
    day: Mapped[date]
    rate: Mapped[str] = mapped_column(String(30))
    """A decimal above zero, exactly as given: money is worked out from it in integers."""
    source: Mapped[str] = mapped_column(String(200), default="")
    """Who entered it, or the file that brought it."""
    applied_at: Mapped[datetime | None]
    """When the orders of its day were given it; None: they are about to be."""
    created_at: Mapped[datetime] = mapped_column(default=clock.now)
