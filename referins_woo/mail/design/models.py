"""Templates of e-mails with every version, how an account's e-mails look, and the pictures in them."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import ForeignKey, Index, LargeBinary, String, Text, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from referins_woo import clock
from referins_woo.db import Base, Json, Key


class EmailTemplate(Base):
    """An e-mail that automations may follow. What is edited is its draft; automations get its versions."""

    __tablename__ = "email_templates"
    __table_args__ = (Index("ix_email_templates_account", "account_id", "archived_at", "id"),)

    id: Mapped[int] = mapped_column(Key, primary_key=True)
    account_id: Mapped[int]
    name: Mapped[str] = mapped_column(String(200))
    trigger: Mapped[str] = mapped_column(String(40))
    """Key of the trigger whose variables it may use."""
    document: Mapped[dict[str, Any]] = mapped_column(Json)
    """{"subject", "preheader", "body", "plain", "transactional"}, as a step that sends an e-mail has them."""
    revision: Mapped[int] = mapped_column(default=1)
    """Counts the changes of the draft: who saves names the one that they saw."""
    version: Mapped[int] = mapped_column(default=0)
    """Number of the newest version; 0 while there is none."""
    origin: Mapped[str] = mapped_column(String(100), default="")
    """Where it came from: a key of the gallery; empty: written here."""
    archived_at: Mapped[datetime | None]
    created_at: Mapped[datetime] = mapped_column(default=clock.now)
    updated_at: Mapped[datetime] = mapped_column(default=clock.now)
    updated_by: Mapped[int | None]


class EmailTemplateVersion(Base):
    """A template as it was when somebody kept it; never changed."""

    __tablename__ = "email_template_versions"
    __table_args__ = (UniqueConstraint("template_id", "number"),)

    id: Mapped[int] = mapped_column(Key, primary_key=True)
    template_id: Mapped[int] = mapped_column(ForeignKey("email_templates.id", ondelete="CASCADE"))
    number: Mapped[int]
    document: Mapped[dict[str, Any]] = mapped_column(Json)
    note: Mapped[str] = mapped_column(Text, default="")
    saved_by: Mapped[int | None]
    saved_at: Mapped[datetime] = mapped_column(default=clock.now)


class BrandKit(Base):
    """How the e-mails of one account look (`mail.brand.Brand`)."""

    __tablename__ = "brand_kits"
    __table_args__ = (UniqueConstraint("account_id"),)

    id: Mapped[int] = mapped_column(Key, primary_key=True)
    account_id: Mapped[int]
    look: Mapped[dict[str, Any]] = mapped_column(Json)
    updated_at: Mapped[datetime] = mapped_column(default=clock.now)


class Picture(Base):
    """A picture for e-mails, as it is served to mailboxes: at an address that nobody can guess, without sign-in."""

    __tablename__ = "pictures"
    __table_args__ = (UniqueConstraint("account_id", "fingerprint"), Index("ix_pictures_account", "account_id", "id"))

    id: Mapped[int] = mapped_column(Key, primary_key=True)
    account_id: Mapped[int]
    token: Mapped[str] = mapped_column(String(40), unique=True)
    name: Mapped[str] = mapped_column(String(200))
    kind: Mapped[str] = mapped_column(String(8))
    """`png`, `jpeg`, `gif` or `webp`."""
    width: Mapped[int]
    height: Mapped[int]
    size: Mapped[int]
    """Bytes as they are served."""
    fingerprint: Mapped[str] = mapped_column(String(64))
    """SHA-256 of what was uploaded: the same picture is kept once."""
    content: Mapped[bytes] = mapped_column(LargeBinary, deferred=True)
    created_at: Mapped[datetime] = mapped_column(default=clock.now)
