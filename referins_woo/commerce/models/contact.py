"""People: registered customers and guests, and which Woo customers they are."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import ForeignKey, Index, String, Text, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from referins_woo import clock
from referins_woo.db import Base, Json, Key


class Contact(Base):
    """One person of an account, whichever stores know them."""

    __tablename__ = "contacts"
    __table_args__ = (
        Index("ix_contacts_account_email", "account_id", "email_key"),
        Index("ix_contacts_account_name", "account_id", "name_key"),
        # Holds all that the list filters and searches by: of 100,000 wide rows only the 25 shown are read.
        Index(
            "ix_contacts_account_created",
            *("account_id", "created_at", "id", "is_guest", "consent", "name_key", "email_key", "phone"),
        ),
        # PostgreSQL passes all rows as fast, and a row of an index holds 2,700 bytes there.
        Index("ix_contacts_account_tags", "account_id", "tags").ddl_if(dialect="sqlite"),
    )

    id: Mapped[int] = mapped_column(Key, primary_key=True)
    account_id: Mapped[int]
    name: Mapped[str] = mapped_column(Text, default="")
    name_key: Mapped[str] = mapped_column(Text, default="")
    """Name as `matching.name_key` compares it; empty never matches (M3)."""
    first_name: Mapped[str] = mapped_column(Text, default="")
    last_name: Mapped[str] = mapped_column(Text, default="")
    email: Mapped[str] = mapped_column(Text, default="")
    email_key: Mapped[str] = mapped_column(Text, default="")
    """E-mail as `matching.email_key` compares it; empty never matches (M3)."""
    phone: Mapped[str] = mapped_column(Text, default="")
    billing: Mapped[dict[str, Any]] = mapped_column(Json, default=dict)
    shipping: Mapped[dict[str, Any]] = mapped_column(Json, default=dict)
    comments: Mapped[str] = mapped_column(Text, default="")
    is_guest: Mapped[bool] = mapped_column(default=False)
    """Made by a guest order and not yet known as a registered customer anywhere (M2)."""
    consent: Mapped[str] = mapped_column(String(16), default="unknown")
    consent_at: Mapped[datetime | None]
    consent_source: Mapped[str] = mapped_column(String(100), default="")
    tags: Mapped[list[Any]] = mapped_column(Json, default=list)
    erased_in_store_at: Mapped[datetime | None]
    """When a store was seen to have erased this person: mails stop, and erasing here is offered (M10)."""
    created_at: Mapped[datetime] = mapped_column(default=clock.now)
    updated_at: Mapped[datetime] = mapped_column(default=clock.now)


class ContactLink(Base):
    """This contact is that customer of that store. Id 0 is never linked."""

    __tablename__ = "contact_links"
    __table_args__ = (
        UniqueConstraint("store_id", "woo_id"),
        Index("ix_contact_links_mapping", "store_id", "contact_id", "gone_at"),
    )

    id: Mapped[int] = mapped_column(Key, primary_key=True)
    account_id: Mapped[int]
    store_id: Mapped[int] = mapped_column(ForeignKey("stores.id"))
    woo_id: Mapped[int]
    contact_id: Mapped[int] = mapped_column(ForeignKey("contacts.id", ondelete="CASCADE"), index=True)
    username: Mapped[str] = mapped_column(Text, default="")
    role: Mapped[str] = mapped_column(String(60), default="")
    content_hash: Mapped[str] = mapped_column(String(32), default="")
    """Hash of the customer's fields at the last look: customers have no filter by change (fact 7)."""
    pulled: Mapped[str] = mapped_column(String(200), default="")
    """A mark for each field at that look (`mapping.marks`): what was changed here since is told by it (W3)."""
    listed_in: Mapped[int] = mapped_column(default=0)
    """The last import whose lists of customers and subscribers held this user: the lists decide who imports (M1)."""
    gone_at: Mapped[datetime | None]


class ContactLog(Base):
    """What was done to a contact here: tags given and taken, by whom."""

    __tablename__ = "contact_log"
    __table_args__ = (Index("ix_contact_log_contact", "contact_id", "at"),)

    id: Mapped[int] = mapped_column(Key, primary_key=True)
    account_id: Mapped[int]
    contact_id: Mapped[int] = mapped_column(ForeignKey("contacts.id", ondelete="CASCADE"))
    at: Mapped[datetime] = mapped_column(default=clock.now)
    kind: Mapped[str] = mapped_column(String(24))
    """`tag_added` or `tag_removed`."""
    text: Mapped[str] = mapped_column(Text, default="")
    """The tag."""
    source: Mapped[str] = mapped_column(String(200), default="")
    """Who or what did it: a person's address, an automation's name."""
