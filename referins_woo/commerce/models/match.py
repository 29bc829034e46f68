"""Pairs of contacts that may be one person, and what is kept of merges so that they can be undone (M9)."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import ForeignKey, Index, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

import referins_woo.commerce.models.contact  # noqa: F401  (rows name contacts)
from referins_woo import clock
from referins_woo.db import Base, Json, Key


class Match(Base):
    """Two contacts that may be one person. A pair is asked about once: who rejected it is not asked again.

    Contacts are named by number, not by key: a merged one is away and comes back when the merge is undone.
    """

    __tablename__ = "matches"
    __table_args__ = (
        UniqueConstraint("older_id", "newer_id"),
        Index("ix_matches_account", "account_id", "state", "id"),
        Index("ix_matches_newer", "newer_id"),
        Index("ix_matches_store_guests", "store_id", "from_guest"),
    )

    id: Mapped[int] = mapped_column(Key, primary_key=True)
    account_id: Mapped[int]
    store_id: Mapped[int | None]
    """The store whose customer or guest raised it; None where somebody asked by hand."""
    older_id: Mapped[int]
    newer_id: Mapped[int]
    """The higher number: where a store raised the pair, the contact that it made."""
    rule: Mapped[str] = mapped_column(String(16))
    """`shared_email`, `same_name` or `by_hand`."""
    from_guest: Mapped[bool] = mapped_column(default=False)
    """Raised by a guest order: later ones of the store with that e-mail use `newer_id` (M5)."""
    state: Mapped[str] = mapped_column(String(10), default="open")
    """`open`, `accepted` (merged), `rejected` or `undone`."""
    decided_by: Mapped[str] = mapped_column(String(320), default="")
    decided_at: Mapped[datetime | None]
    created_at: Mapped[datetime] = mapped_column(default=clock.now)


class ContactMerge(Base):
    """One contact that went into another: what both were, what became of them, and which rows moved."""

    __tablename__ = "contact_merges"
    __table_args__ = (Index("ix_contact_merges_kept", "kept_id"), UniqueConstraint("gone_id"))

    id: Mapped[int] = mapped_column(Key, primary_key=True)
    account_id: Mapped[int]
    match_id: Mapped[int] = mapped_column(ForeignKey("matches.id", ondelete="CASCADE"), index=True)
    kept_id: Mapped[int]
    gone_id: Mapped[int]
    """No new contact takes this number (`upsert.bulk.new_ids`): undoing gives it back."""
    gone: Mapped[dict[str, Any]] = mapped_column(Json)
    """All columns of the contact that went."""
    before: Mapped[dict[str, Any]] = mapped_column(Json)
    after: Mapped[dict[str, Any]] = mapped_column(Json)
    """All columns of the contact that stayed, before and after."""
    moved: Mapped[dict[str, Any]] = mapped_column(Json)
    """Table → numbers of the rows that moved."""
    aside: Mapped[dict[str, Any]] = mapped_column(Json, default=dict)
    """What else went or came by the merge (`match_desk.aside`): undoing it puts each in its place again."""
    merged_at: Mapped[datetime] = mapped_column(default=clock.now)
