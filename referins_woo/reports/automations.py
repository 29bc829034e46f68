"""The list of automations: what each did in the last 30 days, who is inside, what went wrong last."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, tzinfo
from typing import Final

from sqlalchemy import case, func, select
from sqlalchemy.orm import Session

from referins_woo.accounts.models import User
from referins_woo.mail.models import Message
from referins_woo.reports import emails, periods
from referins_woo.runs.models import OPEN_STATES, Automation, AutomationVersion, Run

DAYS: Final = 30


@dataclass(frozen=True, slots=True)
class AutomationRow:
    """A line of the list."""

    automation: Automation
    has_changes: bool
    """Its draft is not what is live."""
    inside: int
    entered: int
    """In the last DAYS; as is what follows."""
    sent: int
    failed: int
    """Runs."""
    updated_by: str
    """Name or e-mail of who changed it last; empty where nobody did."""
    credits: list[emails.Credit]
    """Orders that its e-mails are credited with, by currency."""


def automations(session: Session, account_id: int, now: datetime, zone: tzinfo = UTC) -> list[AutomationRow]:
    """Return the account's automations, live ones first. `zone`: whose days orders are credited by."""
    rank = case({"live": 0, "finishing": 1, "paused": 2}, value=Automation.state, else_=3)
    found = session.execute(
        select(Automation, AutomationVersion.definition, User.name, User.email)
        .outerjoin(AutomationVersion, AutomationVersion.id == Automation.live_version_id)
        .outerjoin(User, User.id == Automation.updated_by)
        .where(Automation.account_id == account_id)
        .order_by(rank, Automation.name, Automation.id)
    ).all()
    since = now - timedelta(days=DAYS)
    inside, entered, failed = _runs(session, [one.id for one, *_ in found], since)
    sent = _sent(session, account_id, since)
    bought = emails.of_automations(session, account_id, periods.last_days(now, DAYS, zone))
    return [
        AutomationRow(
            one,
            live is not None and live != one.draft,
            inside.get(one.id, 0),
            entered.get(one.id, 0),
            sent.get(one.id, 0),
            failed.get(one.id, 0),
            name or email or "",
            bought[one.id].credits if one.id in bought else [],
        )
        for one, live, name, email in found
    ]


def used_recipes(session: Session, account_id: int) -> dict[str, Automation]:
    """Return recipe → the account's automation that was made of it; the one that is live where there are several."""
    rows = session.scalars(select(Automation).where(Automation.account_id == account_id, Automation.recipe != ""))
    return {one.recipe: one for one in sorted(rows, key=lambda one: (one.state == "live", one.id))}


def _runs(session: Session, ids: Collection[int], since: datetime) -> tuple[dict[int, int], ...]:
    """Return who is inside, who entered since, and whose run failed since, by automation; all of it from an index."""
    of_time = case((Run.started_at >= since, 1), else_=0)
    rows = session.execute(
        select(
            Run.automation_id,
            func.sum(case((Run.state.in_(OPEN_STATES), 1), else_=0)),
            func.sum(of_time),
            func.sum(case((Run.state == "failed", of_time), else_=0)),
        )
        .where(Run.automation_id.in_(ids))
        .group_by(Run.automation_id)
    ).all()
    return tuple({row[0]: int(row[part] or 0) for row in rows} for part in (1, 2, 3))


def _sent(session: Session, account_id: int, since: datetime) -> dict[int, int]:
    rows = session.execute(
        select(Run.automation_id, func.count())
        .select_from(Message)
        .join(Run, Run.id == Message.run_id)
        .where(Message.account_id == account_id, Message.state == "sent", Message.sent_at >= since)
        .group_by(Run.automation_id)
    )
    return {row[0]: row[1] for row in rows}
