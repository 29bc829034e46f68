"""Automations, their versions, the runs through them and the trace of every decision."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Final

from sqlalchemy import ForeignKey, Index, LargeBinary, String, Text, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

import referins_woo.accounts.models  # noqa: F401  (foreign keys name their tables)
from referins_woo import clock
from referins_woo.db import Base, Json, Key

_OPEN = text("state IN ('active', 'waiting', 'rereading')")
_WAITING = text("state = 'waiting'")


RESTORED: Final = "restored"
"""The reason of runs that are held because a backup was restored: what they are due to do may have been done."""

OPEN_STATES: Final = ("active", "waiting", "rereading", "held")
"""States of a run that has not ended."""


class Automation(Base):
    """A named automation: a draft that is edited, and the version that is live."""

    __tablename__ = "automations"

    id: Mapped[int] = mapped_column(Key, primary_key=True)
    account_id: Mapped[int] = mapped_column(ForeignKey("accounts.id"), index=True)
    name: Mapped[str] = mapped_column(String(200))
    recipe: Mapped[str] = mapped_column(String(60), default="")
    state: Mapped[str] = mapped_column(String(12), default="draft")
    """`draft`, `live`, `paused` or `finishing`."""
    trigger: Mapped[str] = mapped_column(String(40))
    draft: Mapped[dict[str, Any]] = mapped_column(Json)
    draft_revision: Mapped[int] = mapped_column(default=1)
    edit_position: Mapped[int] = mapped_column(default=0)
    """Which of its edits the draft is (`drafts`)."""
    live_version_id: Mapped[int | None]
    live_since: Mapped[datetime | None]
    """Starts only for events after this time (triggers.md: published at P)."""
    created_at: Mapped[datetime] = mapped_column(default=clock.now)
    updated_at: Mapped[datetime] = mapped_column(default=clock.now)
    updated_by: Mapped[int | None]
    """The user who last changed it."""


class AutomationEdit(Base):
    """The draft after one change in the builder: what undo goes back to."""

    __tablename__ = "automation_edits"
    __table_args__ = (UniqueConstraint("automation_id", "position"),)

    id: Mapped[int] = mapped_column(Key, primary_key=True)
    automation_id: Mapped[int] = mapped_column(ForeignKey("automations.id", ondelete="CASCADE"))
    position: Mapped[int]
    revision: Mapped[int]
    """The revision of the draft that this change made."""
    document: Mapped[dict[str, Any]] = mapped_column(Json)
    label: Mapped[str] = mapped_column(String(160))
    """What the change was, in words; empty for the state before the first one."""
    by_user: Mapped[int | None]
    editor: Mapped[str] = mapped_column(String(32), default="")
    """The opened page that it was made on."""
    at: Mapped[datetime] = mapped_column(default=clock.now)


class AutomationVersion(Base):
    """A published definition; never changes, because people inside finish on the version they entered."""

    __tablename__ = "automation_versions"
    __table_args__ = (UniqueConstraint("automation_id", "number"),)

    id: Mapped[int] = mapped_column(Key, primary_key=True)
    automation_id: Mapped[int] = mapped_column(ForeignKey("automations.id", ondelete="CASCADE"))
    number: Mapped[int]
    definition: Mapped[dict[str, Any]] = mapped_column(Json)
    published_by: Mapped[int | None]
    published_at: Mapped[datetime] = mapped_column(default=clock.now)
    note: Mapped[str] = mapped_column(Text, default="")
    """What its author says of it."""
    reschedules: Mapped[bool] = mapped_column(default=False)
    """People who wait at a wait that it changed are still to be moved to it (`inside.reschedule_batch`)."""


class Run(Base):
    """One order going through one automation."""

    __tablename__ = "runs"
    __table_args__ = (
        UniqueConstraint("automation_id", "entry_key"),
        Index("ix_runs_due", "due_at", "id", postgresql_where=_OPEN, sqlite_where=_OPEN),
        Index("ix_runs_account", "account_id", "id"),
        Index("ix_runs_order", "order_id"),
        Index("ix_runs_contact", "contact_id"),
        # Holds what lists count: 100,000 waiting runs of an automation are counted without reading one.
        Index("ix_runs_automation", "automation_id", "state", "started_at"),
    )

    id: Mapped[int] = mapped_column(Key, primary_key=True)
    account_id: Mapped[int]
    automation_id: Mapped[int] = mapped_column(ForeignKey("automations.id"))
    version_id: Mapped[int] = mapped_column(ForeignKey("automation_versions.id"))
    store_id: Mapped[int | None]
    event_id: Mapped[int | None]
    entry_key: Mapped[str] = mapped_column(String(120))
    """`order:<store id>:<Woo id>` for what happens once per order."""
    order_id: Mapped[int | None]
    contact_id: Mapped[int | None]
    state: Mapped[str] = mapped_column(String(12), default="active")
    """`active`, `waiting`, `rereading`, `held`, `done`, `exited`, `stopped` or `failed`."""
    position: Mapped[Any] = mapped_column(Json)
    step: Mapped[str] = mapped_column(String(40), default="")
    """Id of the step that it stands at, as `position` says; empty at the start."""
    due_at: Mapped[datetime | None]
    lease_until: Mapped[datetime | None]
    lease_token: Mapped[str] = mapped_column(String(40), default="")
    attempts: Mapped[int] = mapped_column(default=0)
    ended_reason: Mapped[str] = mapped_column(String(80), default="")
    started_at: Mapped[datetime] = mapped_column(default=clock.now)
    ended_at: Mapped[datetime | None]


class RunLog(Base):
    """One step of one run: claimed once, with the values it saw and what came of it."""

    __tablename__ = "run_log"
    __table_args__ = (UniqueConstraint("run_id", "step_key"),)

    id: Mapped[int] = mapped_column(Key, primary_key=True)
    run_id: Mapped[int] = mapped_column(ForeignKey("runs.id", ondelete="CASCADE"))
    step_key: Mapped[str] = mapped_column(String(120))
    """Step id, with the phase where a step has several ("s2", "s2:waited", "entry")."""
    at: Mapped[datetime] = mapped_column(default=clock.now)
    outcome: Mapped[str] = mapped_column(String(24))
    text: Mapped[str] = mapped_column(Text, default="")
    trace: Mapped[Any] = mapped_column(Json)


LOG: Final = ("run_id", "step_key", "at", "outcome", "text", "trace")
"""The columns of a line of the log, as bulk work writes them."""


class RunCall(Base):
    """A call to an address of the merchant's that a step asked for; sent after its commit, and again until it is taken.

    `waiting` → `done`; `failed` when it was tried for the last time or may not be sent at all.
    """

    __tablename__ = "run_calls"
    __table_args__ = (
        UniqueConstraint("run_id", "step_id"),
        Index("ix_run_calls_due", "due_at", "id", postgresql_where=_WAITING, sqlite_where=_WAITING),
    )

    id: Mapped[int] = mapped_column(Key, primary_key=True)
    account_id: Mapped[int]
    run_id: Mapped[int] = mapped_column(ForeignKey("runs.id", ondelete="CASCADE"))
    step_id: Mapped[str] = mapped_column(String(40))
    url: Mapped[str] = mapped_column(Text)
    payload: Mapped[dict[str, Any]] = mapped_column(Json)
    state: Mapped[str] = mapped_column(String(10), default="waiting")
    attempts: Mapped[int] = mapped_column(default=0)
    due_at: Mapped[datetime] = mapped_column(default=clock.now)
    lease_until: Mapped[datetime | None]
    lease_token: Mapped[str] = mapped_column(String(40), default="")
    status: Mapped[int | None]
    """HTTP status of the last answer."""
    error: Mapped[str] = mapped_column(Text, default="")
    created_at: Mapped[datetime] = mapped_column(default=clock.now)
    done_at: Mapped[datetime | None]


class Rules(Base):
    """What an account allows its automations: quiet hours and how many marketing e-mails a contact gets (E4)."""

    __tablename__ = "automation_rules"

    account_id: Mapped[int] = mapped_column(Key, ForeignKey("accounts.id"), primary_key=True, autoincrement=False)
    quiet_from: Mapped[str] = mapped_column(String(5), default="")
    """Like 21:00; empty: no quiet hours."""
    quiet_to: Mapped[str] = mapped_column(String(5), default="")
    cap_messages: Mapped[int | None]
    """Marketing e-mails that a contact gets in `cap_hours` at most; None: any number."""
    cap_hours: Mapped[int] = mapped_column(default=16)
    cap_action: Mapped[str] = mapped_column(String(8), default="skip")
    """`skip` or `delay`."""
    call_secret_locked: Mapped[str | None] = mapped_column(Text)
    """What calls of webhooks are signed with; made when it is first asked for."""
    updated_at: Mapped[datetime] = mapped_column(default=clock.now)


class AskedRehearsal(Base):
    """A rehearsal of more occasions than one waits for: asked for, worked on by a worker, kept for a day."""

    __tablename__ = "rehearsals"
    __table_args__ = (Index("ix_rehearsals_account", "account_id", "id"),)

    id: Mapped[int] = mapped_column(Key, primary_key=True)
    account_id: Mapped[int]
    automation_id: Mapped[int] = mapped_column(ForeignKey("automations.id", ondelete="CASCADE"))
    definition: Mapped[dict[str, Any]] = mapped_column(Json)
    """The draft as it was when it was asked for: what is edited meanwhile does not count."""
    days: Mapped[int]
    most: Mapped[int]
    state: Mapped[str] = mapped_column(String(10), default="waiting")
    """`waiting`, `running`, `done` or `failed`."""
    attempts: Mapped[int] = mapped_column(default=0)
    result: Mapped[bytes | None] = mapped_column(LargeBinary, deferred=True)
    """A `rehearse.Rehearsal` as JSON, packed."""
    asked_at: Mapped[datetime] = mapped_column(default=clock.now)
    stirred_at: Mapped[datetime] = mapped_column(default=clock.now)
    ended_at: Mapped[datetime | None]
