"""How far each rule has come."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import String
from sqlalchemy.orm import Mapped, mapped_column

from referins_woo import clock
from referins_woo.db import Base


class RetentionMark(Base):
    """One rule's progress, and when its last pass began."""

    __tablename__ = "retention_marks"

    rule: Mapped[str] = mapped_column(String(40), primary_key=True)
    last_id: Mapped[int] = mapped_column(default=0)
    """All rows up to this one are done for good."""
    pass_began_at: Mapped[datetime] = mapped_column(default=clock.now)
    pass_ended_at: Mapped[datetime | None]
    removed: Mapped[int] = mapped_column(default=0)
    """In the last pass."""
