"""What was decided about contacts as customers of a store, and how a store's mapping works."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import ForeignKey, Index, String, Text, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

import referins_woo.commerce.models.contact  # noqa: F401  (foreign keys name its table)
from referins_woo import clock
from referins_woo.db import Base, Json, Key


class CustomerMapping(Base):
    """What was said about one contact as a customer of one store. Whether it is one says `ContactLink`."""

    __tablename__ = "customer_mappings"
    __table_args__ = (
        UniqueConstraint("store_id", "contact_id"),
        Index("ix_customer_mappings_state", "store_id", "state", "contact_id"),
        Index("ix_customer_mappings_ticked", "store_id", "is_ticked", "id"),
    )

    id: Mapped[int] = mapped_column(Key, primary_key=True)
    account_id: Mapped[int]
    store_id: Mapped[int] = mapped_column(ForeignKey("stores.id"))
    contact_id: Mapped[int] = mapped_column(ForeignKey("contacts.id", ondelete="CASCADE"), index=True)
    is_ticked: Mapped[bool] = mapped_column(default=False)
    """"Webstore customer": only then anything of it is written to the store (W1)."""
    username: Mapped[str] = mapped_column(String(60), default="")
    """As somebody typed it; empty: WooCommerce makes one up."""
    with_email: Mapped[bool] = mapped_column(default=False)
    """A changed e-mail goes to the store as well: WordPress mails the old address (W3)."""
    overwrite: Mapped[bool] = mapped_column(default=False)
    """What was changed on both sides is sent with the next push: somebody decided so."""
    state: Mapped[str] = mapped_column(String(10), default="")
    """`suggested`, `conflict` or empty."""
    reason: Mapped[str] = mapped_column(String(24), default="")
    """Of a suggestion or conflict: `one_to_one`, `shared_name`, `email_taken`, `username`, `changed_there`, `gone`."""
    evidence: Mapped[str] = mapped_column(Text, default="")
    """The same in words, or what the last push met. Names nobody."""
    offered_woo_id: Mapped[int | None]
    """The customer that is suggested, or that has the e-mail."""
    batch: Mapped[int | None]
    """The confirmation of suggestions that mapped it: they are undone together."""
    mapped_by: Mapped[str] = mapped_column(String(10), default="")
    """`suggested`, `typed` or `created`, where the link was made here; empty: by the rules of matching."""
    before: Mapped[dict[str, Any]] = mapped_column(Json, default=dict)
    """What the row and its contact were before they were mapped here: taking the mapping back gives it back."""
    told_at: Mapped[datetime | None]
    """When the store last took a change of this contact."""
    told_over: Mapped[str] = mapped_column(String(200), default="")
    """The marks (`ContactLink.pulled`) of before that: whoever shows them a moment later was read before it."""
    updated_at: Mapped[datetime] = mapped_column(default=clock.now)


class StoreMapping(Base):
    """How the mapping of one store works, and how far its jobs are."""

    __tablename__ = "store_mappings"

    id: Mapped[int] = mapped_column(Key, primary_key=True)
    account_id: Mapped[int]
    store_id: Mapped[int] = mapped_column(ForeignKey("stores.id"), unique=True)
    pushes: Mapped[bool] = mapped_column(default=True)
    """Push what is ticked, when somebody asks; off: nothing is written to the store (W6)."""
    push_minutes: Mapped[int | None]
    """Every so many minutes; None: by hand."""
    next_push_at: Mapped[datetime | None]
    push_cursor: Mapped[int | None]
    """A push of all goes on behind this row; None: none is under way."""
    push_by: Mapped[str] = mapped_column(String(320), default="")
    """Who asked for the push that is under way."""
    guest_contact_id: Mapped[int | None]
    """The contact that all guest orders of the store are given to; None: each to the contact of its e-mail (W7)."""
    invites: Mapped[bool | None]
    """Whether WooCommerce mails new customers a link to set their password; None: not asked yet (W2)."""
    suggesting: Mapped[str] = mapped_column(String(10), default="")
    """`reading` the store's customers, `done`, `failed`, or empty: never asked."""
    suggest_role: Mapped[str] = mapped_column(String(12), default="")
    suggest_offset: Mapped[int] = mapped_column(default=0)
    suggest_last_id: Mapped[int] = mapped_column(default=0)
    suggest_error: Mapped[str] = mapped_column(Text, default="")
    suggested_at: Mapped[datetime | None]
    batch: Mapped[int] = mapped_column(default=0)
    """Counts confirmations of suggestions."""


class StoreCustomerName(Base):
    """A customer of a store while its customers are read to suggest mappings: a number and a hash, for minutes."""

    __tablename__ = "store_customer_names"
    __table_args__ = (UniqueConstraint("store_id", "woo_id"),)

    id: Mapped[int] = mapped_column(Key, primary_key=True)
    store_id: Mapped[int] = mapped_column(ForeignKey("stores.id"))
    woo_id: Mapped[int]
    name_hash: Mapped[str] = mapped_column(String(32))
