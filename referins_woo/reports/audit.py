"""The audit log as its page and its file show it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import ColumnElement, or_, select
from sqlalchemy.orm import Session

from referins_woo.accounts.audit import ACTIONS, GROUPS
from referins_woo.accounts.models import AuditEntry, Membership, User
from referins_woo.reports.listing import Kind, Wanted, contains, days, in_order

SORTS = {"at": AuditEntry.id}
VIA = {"browser": "Browser", "api": "API", "command": "Command line", "application": "The application itself"}


def people(session: Session, account_id: int) -> list[tuple[str, str]]:
    """Return (id, e-mail) of everybody who belongs to the account, to filter by."""
    rows = session.execute(
        select(User.id, User.email)
        .join(Membership, Membership.user_id == User.id)
        .where(Membership.account_id == account_id)
        .order_by(User.email)
    )
    return [(str(user_id), email) for user_id, email in rows]


def words(entry: AuditEntry) -> str:
    """Return what was done, in words; an action of an older version is shown by its key."""
    action = ACTIONS.get(entry.action)
    return action.words if action is not None else entry.action.replace("_", " ").capitalize()


def details(entry: AuditEntry) -> str:
    """Return the further values in one line: "role: member; before: owner"."""
    return "; ".join(f"{name.replace('_', ' ')}: {_text(value)}" for name, value in (entry.detail or {}).items())


def conditions(account_id: int, wanted: Wanted) -> list[ColumnElement[bool]]:
    """Return the conditions of the log's search words and filters."""
    where: list[ColumnElement[bool]] = [AuditEntry.account_id == account_id]
    if wanted.get("group") in GROUPS:
        where.append(AuditEntry.action.in_([key for key, one in ACTIONS.items() if one.group == wanted.get("group")]))
    if (user_id := wanted.number("person")) is not None:
        where.append(AuditEntry.user_id == user_id)
    if wanted.get("via"):
        where.append(AuditEntry.via == wanted.get("via"))
    where += days(AuditEntry.at, wanted)
    if wanted.q:
        named = [key for key, one in ACTIONS.items() if wanted.q.lower() in one.words.lower()]
        where.append(
            or_(
                *(contains(column, wanted.q) for column in (AuditEntry.subject, AuditEntry.who, AuditEntry.ip)),
                AuditEntry.action.in_(named),
            )
        )
    return where


def _text(value: Any) -> str:
    return ", ".join(map(str, value)) if isinstance(value, list) else str(value)


def _rows(session: Session, ids: Sequence[int]) -> list[AuditEntry]:
    return in_order(ids, {row.id: row for row in session.scalars(select(AuditEntry).where(AuditEntry.id.in_(ids)))})


AUDIT = Kind(AuditEntry, SORTS, conditions, _rows)
