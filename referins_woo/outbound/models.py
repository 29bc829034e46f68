"""Where we call, and each call: the outbox of webhooks."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import ForeignKey, Index, String, Text, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from referins_woo import clock
from referins_woo.db import Base, Key

_WAITING = text("state = 'waiting'")
_UNTOLD = text("told_at IS NULL AND disabled_reason IN ('gone', 'failing')")


class WebhookEndpoint(Base):
    """An address of the merchant's, the events that it is told of, and how it has been answering."""

    __tablename__ = "webhook_endpoints"
    __table_args__ = (
        Index("ix_webhook_endpoints_account", "account_id", "id"),
        Index("ix_webhook_endpoints_untold", "id", postgresql_where=_UNTOLD, sqlite_where=_UNTOLD),
    )

    id: Mapped[int] = mapped_column(Key, primary_key=True)
    account_id: Mapped[int]
    url: Mapped[str] = mapped_column(String(500))
    description: Mapped[str] = mapped_column(String(200), default="")
    event_types: Mapped[list[str]]
    """Keys of `catalogue.EVENT_TYPES`."""
    state: Mapped[str] = mapped_column(String(10), default="enabled")
    """`enabled` or `disabled`."""
    disabled_reason: Mapped[str] = mapped_column(String(10), default="")
    """`by_hand`, `gone` (it answered 410) or `failing` (for days)."""
    disabled_at: Mapped[datetime | None]
    told_at: Mapped[datetime | None]
    """When the owners were told that we switched it off."""
    secret_locked: Mapped[str] = mapped_column(Text)
    previous_secret_locked: Mapped[str | None] = mapped_column(Text)
    previous_secret_until: Mapped[datetime | None]
    """Until then calls carry a signature by the previous secret too."""
    failures: Mapped[int] = mapped_column(default=0)
    """In a row."""
    failing_since: Mapped[datetime | None]
    rest_until: Mapped[datetime | None]
    """No call before this time: it failed a moment ago."""
    last_success_at: Mapped[datetime | None]
    created_at: Mapped[datetime] = mapped_column(default=clock.now)
    updated_at: Mapped[datetime] = mapped_column(default=clock.now)


class WebhookCall(Base):
    """One event on its way to one endpoint: once in the outbox, delivered at least once."""

    __tablename__ = "webhook_calls"
    __table_args__ = (
        UniqueConstraint("endpoint_id", "once_key"),
        Index("ix_webhook_calls_due", "endpoint_id", "due_at", "id", postgresql_where=_WAITING, sqlite_where=_WAITING),
        Index("ix_webhook_calls_account", "account_id", "id"),
        Index("ix_webhook_calls_contact", "contact_id"),
    )

    id: Mapped[int] = mapped_column(Key, primary_key=True)
    account_id: Mapped[int]
    endpoint_id: Mapped[int] = mapped_column(ForeignKey("webhook_endpoints.id", ondelete="CASCADE"))
    once_key: Mapped[str] = mapped_column(String(120))
    """What makes it one: `event:<id>`, `contact:<id>:<time>`, `message:<id>:sent`, …"""
    event_type: Mapped[str] = mapped_column(String(40))
    webhook_id: Mapped[str] = mapped_column(String(40))
    """The same for every attempt: the receiver tells repeats by it."""
    contact_id: Mapped[int | None]
    """Whom the body names, for erasure."""
    body: Mapped[str] = mapped_column(Text)
    state: Mapped[str] = mapped_column(String(10), default="waiting")
    """`waiting`, `delivered` or `failed`."""
    attempts: Mapped[int] = mapped_column(default=0)
    due_at: Mapped[datetime] = mapped_column(default=clock.now)
    lease_until: Mapped[datetime | None]
    lease_token: Mapped[str] = mapped_column(String(40), default="")
    status: Mapped[int | None]
    """Of the last answer; None where there was none."""
    error: Mapped[str] = mapped_column(Text, default="")
    created_at: Mapped[datetime] = mapped_column(default=clock.now)
    done_at: Mapped[datetime | None]


class WebhookAttempt(Base):
    """One try of a call, for the log."""

    __tablename__ = "webhook_attempts"

    id: Mapped[int] = mapped_column(Key, primary_key=True)
    call_id: Mapped[int] = mapped_column(ForeignKey("webhook_calls.id", ondelete="CASCADE"), index=True)
    at: Mapped[datetime]
    status: Mapped[int | None]
    error: Mapped[str] = mapped_column(Text, default="")
    milliseconds: Mapped[int]
