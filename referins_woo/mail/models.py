"""E-mails on their way out, addresses that get none, and the dev mailbox."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Final

from sqlalchemy import ForeignKey, Index, LargeBinary, SmallInteger, String, Text, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

import referins_woo.commerce.models  # noqa: F401  (foreign keys name their tables)
from referins_woo import clock
from referins_woo.db import Base, Json, Key

URGENT: Final = 0
BULK: Final = 1

_CREATED = text("state = 'created'")
_SENDING = text("state = 'sending'")
_SENT = text("state = 'sent'")
_LOST = text("state IN ('failed', 'unknown')")
_MARKETING = text("purpose = 'marketing'")
_MEASURED = text("state = 'sent' AND automation_id IS NOT NULL")
_CREDITED = text("credit_until IS NOT NULL")


class Message(Base):
    """One e-mail to one address. All that its sending needs lies here: mail asks no other room.

    `created` → `sending` (committed just before DATA) → `sent`; `failed` (refused for good), `skipped` (not wanted),
    `unknown` (may have been sent before a crash: never repeated, E2).
    """

    __tablename__ = "messages"
    __table_args__ = (
        UniqueConstraint("account_id", "once_key"),
        Index("ix_messages_due", "lane", "due_at", "id", postgresql_where=_CREATED, sqlite_where=_CREATED),
        # Not by `lease_until`: PostgreSQL would write a row that is claimed into every index again.
        Index("ix_messages_sending", "id", postgresql_where=_SENDING, sqlite_where=_SENDING),
        Index(
            "ix_messages_turns",
            *("lane", "account_id", "due_at", "id"),
            postgresql_where=_CREATED,
            sqlite_where=_CREATED,
        ),
        Index("ix_messages_account", "account_id", "id", "state"),  # counted by it: else every body would be passed
        Index("ix_messages_run", "run_id"),
        Index("ix_messages_contact", "contact_id", "id"),
        Index("ix_messages_sent", "account_id", "sent_at", "run_id", postgresql_where=_SENT, sqlite_where=_SENT),
        Index("ix_messages_lost", "account_id", "created_at", postgresql_where=_LOST, sqlite_where=_LOST),
        # Holds all that figures are counted from; `state` too, or SQLite looks into the rows for it.
        Index(
            "ix_messages_measured",
            *("account_id", "sent_at", "automation_id", "step_id", "opened_at", "clicked_at", "measured", "state"),
            postgresql_where=_MEASURED,
            sqlite_where=_MEASURED,
        ),
        Index(
            "ix_messages_marketing",
            *("contact_id", "created_at"),
            postgresql_where=_MARKETING,
            sqlite_where=_MARKETING,
        ),
    )

    id: Mapped[int] = mapped_column(Key, primary_key=True)
    account_id: Mapped[int]
    """`outbox.PERSONAL` where it is to a person who signs in, and no account's."""
    store_id: Mapped[int | None]
    run_id: Mapped[int | None]
    contact_id: Mapped[int | None]
    automation_id: Mapped[int | None]
    """Whose step wrote it; figures are counted by it."""
    step_id: Mapped[str] = mapped_column(String(40), default="")
    lane: Mapped[int] = mapped_column(SmallInteger, default=URGENT)
    """`URGENT` goes first; `BULK` is marketing."""
    once_key: Mapped[str] = mapped_column(String(120))
    """What makes it one: `run:<id>:<step>`, `reconnect:<store>:<episode>:<user>`, …"""
    purpose: Mapped[str] = mapped_column(String(16))
    """`transactional`, `marketing` or `system` (from us to the merchant)."""
    to_email: Mapped[str] = mapped_column(Text)
    to_name: Mapped[str] = mapped_column(Text, default="")
    from_name: Mapped[str] = mapped_column(Text, default="")
    """Shown sender; the address is the account's own once its domain is proven (`MailSettings`), else MAIL_FROM's."""
    reply_to: Mapped[str] = mapped_column(Text, default="")
    template: Mapped[dict[str, Any]] = mapped_column(Json)
    """{"subject", "preheader", "body": [blocks]} with merge variables, as written by the merchant."""
    facts: Mapped[dict[str, Any]] = mapped_column(Json)
    """Values for the merge variables, as they were when the step was reached; sealed where nobody may read them."""
    link_token: Mapped[str | None] = mapped_column(String(40), unique=True)
    """Stands for this message in the links that leave the house: 192 random bits; None for `system`."""
    footer: Mapped[dict[str, Any] | None] = mapped_column(Json)
    """Of marketing alone: {"sender", "address"}, who writes and where they live (compose.Footer)."""
    campaign: Mapped[str] = mapped_column(String(60), default="")
    """What `utm_campaign` says in its links: the automation, as a word."""
    links: Mapped[list[str] | None] = mapped_column(Json)
    """Where its short links lead, by their numbers; kept as long as the row, because people click old e-mails."""
    measured: Mapped[bool] = mapped_column(default=False)
    """Whether it carries anything that is measured; figures are counted from an index, which bodies are not in."""
    opened_at: Mapped[datetime | None]
    """First opened by a person, as far as one can tell; None too where it is not measured."""
    clicked_at: Mapped[datetime | None]
    subject: Mapped[str] = mapped_column(Text, default="")
    """As rendered at sending; empty before."""
    html: Mapped[str | None] = mapped_column(Text)
    text: Mapped[str | None] = mapped_column(Text)
    state: Mapped[str] = mapped_column(String(10), default="created")
    reason: Mapped[str] = mapped_column(Text, default="")
    attempts: Mapped[int] = mapped_column(default=0)
    due_at: Mapped[datetime] = mapped_column(default=clock.now)
    not_after: Mapped[datetime | None]
    """Lateness is checked again at sending; the store's clock skew is already taken off."""
    lease_until: Mapped[datetime | None]
    lease_token: Mapped[str] = mapped_column(String(40), default="")
    rfc_message_id: Mapped[str] = mapped_column(String(200), default="")
    provider_reply: Mapped[str] = mapped_column(Text, default="")
    created_at: Mapped[datetime] = mapped_column(default=clock.now)
    sent_at: Mapped[datetime | None]


class MessageEvent(Base):
    """Something that became known of a message after it was sent; append-only, read by other rooms."""

    __tablename__ = "message_events"
    __table_args__ = (
        UniqueConstraint("message_id", "event_key"),
        Index("ix_message_events_message", "message_id", "id"),
        Index("ix_message_events_kind", "account_id", "kind", "at"),
        Index("ix_message_events_credit", "account_id", "at", postgresql_where=_CREDITED, sqlite_where=_CREDITED),
    )

    id: Mapped[int] = mapped_column(Key, primary_key=True)
    account_id: Mapped[int]
    message_id: Mapped[int] = mapped_column(ForeignKey("messages.id", ondelete="CASCADE"))
    kind: Mapped[str] = mapped_column(String(16))
    """`delivered`, `opened`, `clicked`, `unsubscribed`, `subscribed` (again), `bounced`, `delayed` or `complained`."""
    at: Mapped[datetime] = mapped_column(default=clock.now)
    detail: Mapped[str] = mapped_column(Text, default="")
    """What a mail server said; of a click, where the link leads."""
    link: Mapped[int | None]
    """Of a click: the number of the link."""
    machine: Mapped[str] = mapped_column(String(12), default="")
    """Of an opening or click: what it was where it was no person (`machines`)."""
    credit_until: Mapped[datetime | None]
    """Of a person's click: until when orders are credited to it (`tracking.CREDIT`)."""
    event_key: Mapped[str | None] = mapped_column(String(120))
    """Names what a provider reported, so that it counts once however often it is told."""


class MailSettings(Base):
    """How an account's e-mails look and what is measured of them; no row: as `mail.settings.UNSET` says."""

    __tablename__ = "mail_settings"

    account_id: Mapped[int] = mapped_column(Key, ForeignKey("accounts.id"), primary_key=True, autoincrement=False)
    reply_to: Mapped[str] = mapped_column(Text, default="")
    """Where answers go; empty: to the sender."""
    domain: Mapped[str] = mapped_column(String(253), default="")
    """The account's sending domain, in ASCII; empty: e-mails come from MAIL_FROM."""
    proof: Mapped[str] = mapped_column(String(64), default="")
    """What a TXT record of the domain must say before anything is sent from it."""
    proven_at: Mapped[datetime | None]
    from_email: Mapped[str] = mapped_column(Text, default="")
    """Sender of e-mails about orders; used while the domain is proven."""
    marketing_from_email: Mapped[str] = mapped_column(Text, default="")
    """Sender of marketing; empty: `from_email`."""
    dkim_selector: Mapped[str] = mapped_column(String(63), default="")
    findings: Mapped[list[Any] | None] = mapped_column(Json)
    """What the last look-up in the DNS found (`domain.Finding` as dicts)."""
    checked_at: Mapped[datetime | None]
    measures_opens: Mapped[bool] = mapped_column(default=True)
    measures_clicks: Mapped[bool] = mapped_column(default=True)
    measures_orders: Mapped[bool] = mapped_column(default=False)
    """Whether e-mails about orders are measured as marketing is."""
    adds_utm: Mapped[bool] = mapped_column(default=True)
    updated_at: Mapped[datetime] = mapped_column(default=clock.now)


class Suppression(Base):
    """An address that gets no mail from an account."""

    __tablename__ = "suppressions"
    __table_args__ = (UniqueConstraint("account_id", "email_key"),)

    id: Mapped[int] = mapped_column(Key, primary_key=True)
    account_id: Mapped[int]
    email_key: Mapped[str] = mapped_column(Text)
    """The address as addresses compare; of an erased person only its hash (`matching.erased_key`)."""
    reason: Mapped[str] = mapped_column(String(20))
    """`bounced`, `complained`, `blocked` (by hand), `erased` or `erased_in_store` stop everything; `unsubscribed` stops
    marketing.
    """
    note: Mapped[str] = mapped_column(Text, default="")
    """What a mail server, or who entered it, said."""
    created_at: Mapped[datetime] = mapped_column(default=clock.now)


class ConsentEvent(Base):
    """One thing a contact said, or a provider told of them, about marketing; append-only, kept for ever (M10, N5)."""

    __tablename__ = "consent_events"
    __table_args__ = (Index("ix_consent_events_contact", "contact_id", "id"),)

    id: Mapped[int] = mapped_column(Key, primary_key=True)
    account_id: Mapped[int]
    contact_id: Mapped[int | None] = mapped_column(ForeignKey("contacts.id", ondelete="SET NULL"))
    email_key: Mapped[str] = mapped_column(Text)
    """The address it was said for; a hash (`matching.erased_key`) once the contact was erased."""
    state: Mapped[str] = mapped_column(String(16))
    """`subscribed`, `unsubscribed`, `bounced` or `complained`."""
    source: Mapped[str] = mapped_column(String(100))
    """Where it was said: "CSV import newsletter.csv", "API", "unsubscribe link", …"""
    wording: Mapped[str] = mapped_column(Text, default="")
    """What the contact was asked, where that is known."""
    occurred_at: Mapped[datetime]
    recorded_at: Mapped[datetime] = mapped_column(default=clock.now)
    applied: Mapped[bool] = mapped_column(default=True)
    """Whether it changed what holds: an older word than the one that holds is kept as evidence alone."""


class DevMail(Base):
    """A mail in the dev mailbox (N7): what SMTP would have been given."""

    __tablename__ = "dev_mails"

    id: Mapped[int] = mapped_column(Key, primary_key=True)
    account_id: Mapped[int | None] = mapped_column(index=True)
    message_id: Mapped[int | None]
    to_email: Mapped[str] = mapped_column(Text)
    subject: Mapped[str] = mapped_column(Text)
    raw: Mapped[bytes] = mapped_column(LargeBinary)
    received_at: Mapped[datetime] = mapped_column(default=clock.now)
