"""When contacts entered automations before: what limits of re-entry compare with (A2)."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from referins_woo.events.models import Event
from referins_woo.runs.models import Run
from referins_woo.runs.versions import Startable

Entered = dict[tuple[int, int], datetime]
"""(automation id, contact id) → time of the event with which the contact last entered."""


def is_limited(automation: Startable) -> bool:
    """Whether any version that events may enter limits how often a contact comes in."""
    return any(version.definition.reentry != timedelta(0) for version in automation.versions)


def last_entries(session: Session, automations: Iterable[Startable], contact_ids: Iterable[int | None]) -> Entered:
    """Read the last entries into the automations that limit them."""
    limited = [automation.id for automation in automations if is_limited(automation)]
    contacts = {contact_id for contact_id in contact_ids if contact_id is not None}
    if not limited or not contacts:
        return {}
    rows = session.execute(
        select(Run.automation_id, Run.contact_id, func.max(Event.occurred_at))
        .join(Event, Event.id == Run.event_id)
        .where(Run.automation_id.in_(limited), Run.contact_id.in_(contacts))
        .group_by(Run.automation_id, Run.contact_id)
    )
    return {(automation_id, contact_id): last for automation_id, contact_id, last in rows if contact_id is not None}
