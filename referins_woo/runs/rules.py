"""What an account allows its automations, and what its contacts got already: the facts of restraint (E4)."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Mapping
from datetime import datetime, timedelta
from typing import Any, Final

from sqlalchemy import func, literal_column, select, true
from sqlalchemy.orm import Session

from automations.facts import RuleFacts
from automations.moments import parse_time
from referins_woo import clock
from referins_woo.accounts import audit
from referins_woo.db import insert
from referins_woo.errors import InvalidInput
from referins_woo.mail.models import Message
from referins_woo.runs.models import Rules, Run

MOST_HOURS: Final = 24 * 60
_MOST_MESSAGES: Final = 100
_COUNTED: Final = ("created", "sending", "sent", "unknown")
"""States of a message that reached the contact, or may."""


def rules_of(session: Session, account_ids: Collection[int]) -> dict[int, RuleFacts]:
    """Return the rules of those accounts that have any."""
    rows = session.execute(
        select(
            Rules.account_id,
            Rules.quiet_from,
            Rules.quiet_to,
            Rules.cap_messages,
            Rules.cap_hours,
            Rules.cap_action,
        ).where(Rules.account_id.in_(account_ids))
    )
    return {row.account_id: _facts(row) for row in rows if row.quiet_from or row.cap_messages}


def marketing_sent(
    session: Session,
    contact_ids: Collection[int],
    rules: Mapping[int, RuleFacts],
    now: datetime,
    *,
    before: timedelta = timedelta(0),
    but: int | None = None,
) -> dict[int, list[str]]:
    """Return when each contact's marketing e-mails went out, as far back as the longest cap looks.

    `before`: look back from so long ago on; `but`: an automation whose e-mails are left out. Both are for rehearsals.
    """
    hours = max((one.get("cap_hours", 0) for one in rules.values() if one.get("cap_messages")), default=0)
    if not hours or not contact_ids:
        return {}
    found: dict[int, list[str]] = defaultdict(list)
    rows = session.execute(
        select(Message.contact_id, func.coalesce(Message.sent_at, Message.created_at)).where(
            Message.contact_id.in_(contact_ids),
            Message.purpose == literal_column("'marketing'"),
            Message.state.in_(_COUNTED),
            Message.created_at > now - before - timedelta(hours=hours),
            Message.run_id.not_in(select(Run.id).where(Run.automation_id == but)) if but is not None else true(),
        )
    )
    for contact_id, at in rows:
        if contact_id is not None:
            found[contact_id].append(at.isoformat())
    return found


def read(session: Session, account_id: int) -> RuleFacts:
    """Return the rules of one account, with what counts where it set none."""
    row = session.get(Rules, account_id)
    return _facts(row) if row is not None else {**_NONE}


def write(session: Session, account_id: int, wanted: Mapping[str, Any]) -> RuleFacts:
    """Set the rules of an account; what `wanted` does not name stays. Raises InvalidInput with the field."""
    unknown = sorted(set(wanted) - set(_NONE))
    if unknown:
        raise InvalidInput(unknown[0], f"There is no rule {unknown[0]!r}. Choose: {', '.join(_NONE)}.")
    before = read(session, account_id)
    values: dict[str, Any] = {**before, **wanted}
    for name in ("quiet_from", "quiet_to"):
        values[name] = values[name] or ""
        if values[name] and parse_time(values[name]) is None:
            raise InvalidInput(name, "Write a time of day like 21:00.")
    if bool(values["quiet_from"]) != bool(values["quiet_to"]):
        missing = "quiet_to" if values["quiet_from"] else "quiet_from"
        raise InvalidInput(missing, "Quiet hours have a beginning and an end: give both, or leave both empty.")
    if values["quiet_from"] and values["quiet_from"] == values["quiet_to"]:
        raise InvalidInput("quiet_to", "The quiet hours end when they begin: give another time.")
    if values["cap_messages"] is not None:
        _whole(values, "cap_messages", _MOST_MESSAGES)
    _whole(values, "cap_hours", MOST_HOURS)
    if values["cap_action"] not in ("skip", "delay"):
        raise InvalidInput("cap_action", "Choose skip or delay.")
    row = {"account_id": account_id, **values, "updated_at": clock.now()}
    statement = insert(session, Rules).values(row)
    session.execute(statement.on_conflict_do_update(index_elements=["account_id"], set_={**values}))
    session.expire_all()
    if changed := [name for name, value in values.items() if value != before.get(name)]:
        audit.record(session, account_id, "sending_rules_changed", ", ".join(changed).replace("_", " "))
    return read(session, account_id)


_NONE: Final[RuleFacts] = {
    "quiet_from": "",
    "quiet_to": "",
    "cap_messages": None,
    "cap_hours": 16,
    "cap_action": "skip",
}


def _whole(values: Mapping[str, Any], name: str, most: int) -> None:
    value = values[name]
    if isinstance(value, bool) or not isinstance(value, int) or not 1 <= value <= most:
        raise InvalidInput(name, f"Give a whole number from 1 to {most}.")


def _facts(row: Any) -> RuleFacts:
    return {
        "quiet_from": row.quiet_from,
        "quiet_to": row.quiet_to,
        "cap_messages": row.cap_messages,
        "cap_hours": row.cap_hours,
        "cap_action": row.cap_action,
    }
