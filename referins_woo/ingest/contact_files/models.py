"""Files of contacts that merchants upload."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import ForeignKey, Index, LargeBinary, String, Text, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from referins_woo import clock
from referins_woo.db import Base, Json, Key


class ContactFile(Base):
    """One uploaded file, and how far it is."""

    __tablename__ = "contact_files"
    __table_args__ = (Index("ix_contact_files_account", "account_id", "id"),)

    id: Mapped[int] = mapped_column(Key, primary_key=True)
    account_id: Mapped[int]
    user_id: Mapped[int | None]
    name: Mapped[str] = mapped_column(String(200))
    size: Mapped[int]
    """In bytes."""
    state: Mapped[str] = mapped_column(String(12), default="reading", index=True)
    """`reading` → `ready` (the merchant looks and decides) → `running` → `done`; `failed` or `cancelled`."""
    note: Mapped[str] = mapped_column(Text, default="")
    shape: Mapped[str] = mapped_column(String(12), default="")
    """`referins`, `klaviyo`, `mailchimp` or `other`."""
    header: Mapped[list[Any]] = mapped_column(Json, default=list)
    mapping: Mapped[dict[str, Any]] = mapped_column(Json, default=dict)
    """Field → number of its column."""
    choices: Mapped[dict[str, Any]] = mapped_column(Json, default=dict)
    """As `rows.Choices`."""
    sample: Mapped[list[Any]] = mapped_column(Json, default=list)
    """The first rows, for the look; emptied at the end."""
    forecast: Mapped[dict[str, Any]] = mapped_column(Json, default=dict)
    """What taking it in would come to, as counted when it was read."""
    counts: Mapped[dict[str, Any]] = mapped_column(Json, default=dict)
    total: Mapped[int | None]
    """Rows below the header."""
    cursor: Mapped[int] = mapped_column(default=0)
    """Rows that are done: moves in the transaction that stores them."""
    created_at: Mapped[datetime] = mapped_column(default=clock.now)
    heartbeat_at: Mapped[datetime | None]
    finished_at: Mapped[datetime | None]


class ContactFilePart(Base):
    """A piece of a file's content; deleted when the file is done with."""

    __tablename__ = "contact_file_parts"
    __table_args__ = (UniqueConstraint("file_id", "position"),)

    id: Mapped[int] = mapped_column(Key, primary_key=True)
    file_id: Mapped[int] = mapped_column(ForeignKey("contact_files.id", ondelete="CASCADE"))
    position: Mapped[int]
    content: Mapped[bytes] = mapped_column(LargeBinary)


class ContactFileProblem(Base):
    """A row that was not taken in, or not whole."""

    __tablename__ = "contact_file_problems"
    __table_args__ = (Index("ix_contact_file_problems_file", "file_id", "row"),)

    id: Mapped[int] = mapped_column(Key, primary_key=True)
    file_id: Mapped[int] = mapped_column(ForeignKey("contact_files.id", ondelete="CASCADE"))
    account_id: Mapped[int]
    row: Mapped[int]
    """As spreadsheets count: the header is row 1."""
    email: Mapped[str] = mapped_column(Text, default="")
    reason_code: Mapped[str] = mapped_column(String(40))
    reason: Mapped[str] = mapped_column(Text)
