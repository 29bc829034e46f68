"""The table of what is kept for how long. A room that keeps something new for a limited time adds a line.

Never here, because kept for ever: consent, events, tombstones (deleted orders, gone_at), and the rows whose unique keys
make a thing happen once (runs, messages): those only lose their content.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final

from sqlalchemy import ColumnElement, Text, cast, exists, func, or_, select

from referins_woo.accounts.models import AuditEntry, Invitation, MailLink, UserSession
from referins_woo.ingest.models import Delivery
from referins_woo.mail.models import DevMail, Message, MessageEvent
from referins_woo.outbound.models import WebhookCall
from referins_woo.runs.models import Run, RunCall, RunLog
from referins_woo.stores.models import StoreLog
from referins_woo.writeback.models import StoreWrite


@dataclass(frozen=True, slots=True)
class Rule:
    """Rows of one table that go, or lose their content, when they are older than a setting says.

    The table is walked by id; `time` must grow with it (the time at which the row was made), so that a walk may end at
    the first rows that are young.
    """

    name: str
    setting: str
    """A field of `config.Kept`."""
    model: Any
    time: Any
    """The column that says how old a row is, at least."""
    ready: Callable[[datetime], ColumnElement[bool]] | None = None
    """What must hold besides (given the time before which is old); other rows are looked at again the next night."""
    emptied: Mapping[str, Any] = field(default_factory=dict)
    """What to write into the row instead of deleting it."""
    full: ColumnElement[bool] | None = None
    """Which rows are not emptied yet."""


def _of_run_ended_before(old: datetime) -> ColumnElement[bool]:
    return exists(select(Run.id).where(Run.id == RunLog.run_id, Run.ended_at < old))


RULES: Final[tuple[Rule, ...]] = (
    # Undone ones stay whatever their age: a delivery that was acknowledged is never lost.
    Rule("deliveries", "deliveries", Delivery, Delivery.received_at, ready=lambda _: Delivery.state != "received"),
    Rule(
        "calls of endpoints",
        "deliveries",
        WebhookCall,
        WebhookCall.created_at,
        ready=lambda _: WebhookCall.state != "waiting",
    ),
    Rule("store log", "store_log", StoreLog, StoreLog.at),
    Rule(
        "changes for stores",
        "store_log",
        StoreWrite,
        StoreWrite.created_at,
        ready=lambda _: StoreWrite.state.in_(("done", "refused", "failed")),
    ),
    Rule("run traces", "run_traces", RunLog, RunLog.at, ready=_of_run_ended_before),
    Rule(
        "calls of webhooks",
        "run_traces",
        RunCall,
        RunCall.created_at,
        ready=lambda _: RunCall.state != "waiting",
    ),
    Rule(
        "message bodies",
        "message_bodies",
        Message,
        Message.created_at,
        ready=lambda _: Message.state.in_(("sent", "failed", "unknown", "skipped")),
        emptied={"html": None, "text": None, "template": {}, "facts": {}, "provider_reply": ""},
        full=func.length(cast(Message.template, Text)) > len("{}"),
    ),
    Rule(
        "what mail servers said",
        "message_bodies",
        MessageEvent,
        MessageEvent.at,
        emptied={"detail": ""},
        full=MessageEvent.detail != "",
    ),
    Rule("audit log", "audit_log", AuditEntry, AuditEntry.at),
    Rule("dev mailbox", "message_bodies", DevMail, DevMail.received_at),
    Rule("links in e-mails", "message_bodies", MailLink, MailLink.created_at),
    Rule(
        "invitations",
        "message_bodies",
        Invitation,
        Invitation.created_at,
        ready=lambda old: or_(Invitation.accepted_at < old, Invitation.revoked_at < old, Invitation.expires_at < old),
    ),
    Rule(
        "sessions",
        "message_bodies",
        UserSession,
        UserSession.created_at,
        ready=lambda old: or_(UserSession.ended_at < old, UserSession.expires_at < old),
    ),
)
