"""Who may see what: accounts, users, their roles, sessions, invitations and API tokens, and what was done by whom."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import ForeignKey, Index, String, Text, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from referins_woo import clock
from referins_woo.db import Base, Json, Key

_OPEN = text("accepted_at IS NULL AND revoked_at IS NULL")


class Account(Base):
    """A merchant's workspace. Everything else belongs to exactly one."""

    __tablename__ = "accounts"

    id: Mapped[int] = mapped_column(Key, primary_key=True)
    name: Mapped[str] = mapped_column(String(200))
    base_currency: Mapped[str | None] = mapped_column(String(3))
    """ISO 4217; from the first connected store until an owner changes it (N6)."""
    time_zone: Mapped[str | None] = mapped_column(String(64))
    """IANA name; from the first connected store until an owner changes it (N6)."""
    sender_name: Mapped[str] = mapped_column(String(200), default="")
    """Shown as the sender of its e-mails; empty: the store's name."""
    postal_address: Mapped[str] = mapped_column(Text, default="")
    """In the footer of its marketing e-mails."""
    requires_second_factor: Mapped[bool] = mapped_column(default=False)
    """Whoever has no second factor can do nothing here but set one up."""
    created_at: Mapped[datetime] = mapped_column(default=clock.now)


class User(Base):
    """A person who signs in; may belong to several accounts."""

    __tablename__ = "users"

    id: Mapped[int] = mapped_column(Key, primary_key=True)
    email: Mapped[str] = mapped_column(String(320), unique=True)
    """Trimmed and lower-cased: the name to sign in with."""
    name: Mapped[str] = mapped_column(String(200), default="")
    password_hash: Mapped[str] = mapped_column(String(255))
    password_changed_at: Mapped[datetime | None]
    totp_locked: Mapped[str | None] = mapped_column(Text)
    """Secret of the second factor, encrypted; asked for at sign-in once `totp_since` is set."""
    totp_since: Mapped[datetime | None]
    totp_last_step: Mapped[int | None]
    """The time step of the code that was used last: neither it nor an older one is taken again."""
    active: Mapped[bool] = mapped_column(default=True)
    created_at: Mapped[datetime] = mapped_column(default=clock.now)


class Membership(Base):
    """A user's place in an account, with the role held there."""

    __tablename__ = "memberships"
    __table_args__ = (UniqueConstraint("account_id", "user_id"),)

    id: Mapped[int] = mapped_column(Key, primary_key=True)
    account_id: Mapped[int] = mapped_column(ForeignKey("accounts.id"), index=True)
    user_id: Mapped[int] = mapped_column(ForeignKey("users.id"), index=True)
    role: Mapped[str] = mapped_column(String(16), default="owner")
    """A key of `roles.ROLES`."""
    created_at: Mapped[datetime] = mapped_column(default=clock.now)


class UserSession(Base):
    """One signed-in browser, bound to one account; the cookie holds the token, the row its hash."""

    __tablename__ = "user_sessions"

    id: Mapped[int] = mapped_column(Key, primary_key=True)
    user_id: Mapped[int] = mapped_column(ForeignKey("users.id"), index=True)
    account_id: Mapped[int] = mapped_column(ForeignKey("accounts.id"))
    token_hash: Mapped[str] = mapped_column(String(64), unique=True)
    ip: Mapped[str] = mapped_column(String(64), default="")
    user_agent: Mapped[str] = mapped_column(String(300), default="")
    created_at: Mapped[datetime] = mapped_column(default=clock.now)
    last_seen_at: Mapped[datetime] = mapped_column(default=clock.now)
    expires_at: Mapped[datetime]
    ended_at: Mapped[datetime | None]


class ApiToken(Base):
    """A token of the API, bound to one (account, user); shown once, kept as a hash."""

    __tablename__ = "api_tokens"

    id: Mapped[int] = mapped_column(Key, primary_key=True)
    account_id: Mapped[int] = mapped_column(ForeignKey("accounts.id"), index=True)
    user_id: Mapped[int] = mapped_column(ForeignKey("users.id"))
    name: Mapped[str] = mapped_column(String(100), default="")
    token_hash: Mapped[str] = mapped_column(String(64), unique=True)
    last_four: Mapped[str] = mapped_column(String(4))
    scopes: Mapped[list[str]] = mapped_column(Json)
    """Keys of `roles.SCOPES`."""
    created_at: Mapped[datetime] = mapped_column(default=clock.now)
    last_used_at: Mapped[datetime | None]
    expires_at: Mapped[datetime | None]
    revoked_at: Mapped[datetime | None]


class MailLink(Base):
    """A link that was mailed to a person: `password` to choose a new one, `email` to confirm a changed address.

    Good once and for a short time; the mail carries the token, the row its hash.
    """

    __tablename__ = "mail_links"

    id: Mapped[int] = mapped_column(Key, primary_key=True)
    user_id: Mapped[int | None] = mapped_column(ForeignKey("users.id"), index=True)
    """None where somebody asked for an address that nobody has: the answer must take as long."""
    purpose: Mapped[str] = mapped_column(String(16))
    token_hash: Mapped[str] = mapped_column(String(64), unique=True)
    email: Mapped[str] = mapped_column(String(320))
    """Where it was sent to: for `email`, the address that is to be the new one."""
    created_at: Mapped[datetime] = mapped_column(default=clock.now)
    expires_at: Mapped[datetime]
    used_at: Mapped[datetime | None]


class Invitation(Base):
    """A place in an account that is offered to an e-mail address."""

    __tablename__ = "invitations"
    __table_args__ = (
        Index("ix_invitations_open", "account_id", "email", unique=True, postgresql_where=_OPEN, sqlite_where=_OPEN),
    )

    id: Mapped[int] = mapped_column(Key, primary_key=True)
    account_id: Mapped[int] = mapped_column(ForeignKey("accounts.id"), index=True)
    email: Mapped[str] = mapped_column(String(320))
    role: Mapped[str] = mapped_column(String(16))
    invited_by_id: Mapped[int] = mapped_column(ForeignKey("users.id"))
    token_hash: Mapped[str] = mapped_column(String(64), unique=True)
    """Of the link that was sent last; sending it again makes the one before worthless."""
    created_at: Mapped[datetime] = mapped_column(default=clock.now)
    sent_at: Mapped[datetime] = mapped_column(default=clock.now)
    expires_at: Mapped[datetime]
    accepted_at: Mapped[datetime | None]
    revoked_at: Mapped[datetime | None]


class RecoveryCode(Base):
    """A code that stands in once for the second factor, kept as a hash."""

    __tablename__ = "recovery_codes"
    __table_args__ = (UniqueConstraint("user_id", "code_hash"),)

    id: Mapped[int] = mapped_column(Key, primary_key=True)
    user_id: Mapped[int] = mapped_column(ForeignKey("users.id"))
    code_hash: Mapped[str] = mapped_column(String(64))
    used_at: Mapped[datetime | None]


class AuditEntry(Base):
    """One thing that was done to an account (`audit.record`). Never changed."""

    __tablename__ = "audit_entries"
    __table_args__ = (Index("ix_audit_entries_account", "account_id", "id"), Index("ix_audit_entries_at", "at"))

    id: Mapped[int] = mapped_column(Key, primary_key=True)
    account_id: Mapped[int]
    at: Mapped[datetime] = mapped_column(default=clock.now)
    action: Mapped[str] = mapped_column(String(40))
    """A key of `audit.ACTIONS`."""
    user_id: Mapped[int | None]
    who: Mapped[str] = mapped_column(String(320))
    """The e-mail of the user, or what acted in nobody's name."""
    via: Mapped[str] = mapped_column(String(16))
    """`browser`, `api`, `command` or `application`."""
    ip: Mapped[str] = mapped_column(String(64), default="")
    subject: Mapped[str] = mapped_column(Text, default="")
    """What it was done to, in few words: a store's address, an invited e-mail."""
    detail: Mapped[dict[str, Any] | None] = mapped_column(Json)


class KeptAnswer(Base):
    """One `Idempotency-Key` of one token: at work until it has a status."""

    __tablename__ = "kept_answers"
    __table_args__ = (UniqueConstraint("token_id", "key"),)

    id: Mapped[int] = mapped_column(Key, primary_key=True)
    account_id: Mapped[int]
    token_id: Mapped[int]
    key: Mapped[str] = mapped_column(String(255))
    fingerprint: Mapped[str] = mapped_column(String(64))
    """Of the method, the address and the body."""
    holder: Mapped[str] = mapped_column(String(32))
    status: Mapped[int | None]
    location: Mapped[str] = mapped_column(String(255), default="")
    body_locked: Mapped[str | None] = mapped_column(Text)
    """Encrypted: an answer may hold what is shown once, or name people. None once a person was erased."""
    created_at: Mapped[datetime] = mapped_column(default=clock.now, index=True)
