"""Places that hold stock and take orders (L1)."""

from __future__ import annotations

from datetime import datetime
from typing import Final

from sqlalchemy import Index, String, text
from sqlalchemy.orm import Mapped, mapped_column

from referins_woo import clock
from referins_woo.db import Base, Key

_THERE: Final = text("deleted_at IS NULL")
_DEFAULT: Final = text("is_default")


class Location(Base):
    """One location of an account; every account starts with "Main".

    A deleted one keeps its row: its orders still name it.
    """

    __tablename__ = "locations"
    __table_args__ = (
        Index("uq_locations_name", "account_id", "name", unique=True, postgresql_where=_THERE, sqlite_where=_THERE),
        Index("uq_locations_default", "account_id", unique=True, postgresql_where=_DEFAULT, sqlite_where=_DEFAULT),
    )

    id: Mapped[int] = mapped_column(Key, primary_key=True)
    account_id: Mapped[int] = mapped_column(index=True)
    name: Mapped[str] = mapped_column(String(200))
    is_default: Mapped[bool] = mapped_column(default=False)
    """Where a new store's orders go unless another one is chosen; one of the account's locations always is."""
    deleted_at: Mapped[datetime | None]
    created_at: Mapped[datetime] = mapped_column(default=clock.now)
