"""Adds past orders to a live automation, at the merchant's word and after a look at whom it takes in (triggers.md).

Nothing else starts an automation for what happened before it was published. Each order goes through once, as always;
the lateness of what is added by hand no longer counts, everything else does: filters, limits of re-entry, consent,
caps. What a switch that was off suppressed stays suppressed for good.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from sqlalchemy import select
from sqlalchemy.orm import Session

from automations import engine
from automations.definition import Definition
from referins_woo import clock, queues
from referins_woo.commerce.upsert.bulk import among
from referins_woo.events.models import Event
from referins_woo.runs import automations, versions
from referins_woo.runs.entries import last_entries
from referins_woo.runs.facts import facts_of
from referins_woo.runs.gather import gather
from referins_woo.runs.models import Automation, Run
from referins_woo.runs.occasions import Happening, happenings
from referins_woo.runs.start import Entry, entry_key, insert_runs, run_row
from referins_woo.runs.versions import Version

MOST: Final = 2_000
"""Orders that are added at once: the newest."""
FARTHEST: Final = timedelta(days=366)
_NO_MATTER: Final = ("too_late", "before_t0", "restored")
"""Reasons of suppression that somebody overrules who adds past orders."""


@dataclass(frozen=True, slots=True)
class Addable:
    """A past order that would enter."""

    order_id: int
    order_number: str
    email: str
    occurred_at: datetime
    contact_id: int | None
    store_id: int
    event_id: int | None
    entry_key: str
    gates: list[dict[str, Any]]


def preview(session: Session, automation: Automation, since: datetime) -> list[Addable]:
    """Return the orders that would be added, oldest first. Raises automations.NotNow where it is not live."""
    return _addable(session, automation, _live(session, automation), since)


def add(session: Session, automation_id: int, account_id: int, since: datetime, by: str) -> int:
    """Let past orders enter; returns how many did. Raises automations.NotNow, automations.NoSuchAutomation."""
    automation = automations.get(session, automation_id, account_id)
    version, now = _live(session, automation), clock.now()
    found = _addable(session, automation, version, since)
    entries = [
        Entry(
            run_row(
                now,
                paused=automation.state == "paused",
                account_id=account_id,
                automation_id=automation.id,
                version_id=version.id,
                store_id=one.store_id,
                event_id=one.event_id,
                entry_key=one.entry_key,
                order_id=one.order_id,
                contact_id=one.contact_id,
            ),
            one.gates,
        )
        for one in found
    ]
    made = len(insert_runs(session, entries, now, f"Entered: past orders were added by {by}."))
    if made:
        queues.ring_after_commit(session, "advance_runs")
    return made


def _live(session: Session, automation: Automation) -> Version:
    if automation.state not in ("live", "paused") or automation.live_version_id is None:
        raise automations.NotNow("Publish the automation first: past orders are added to what is live.")
    return versions.by_ids(session, [automation.live_version_id])[automation.live_version_id]


def _addable(session: Session, automation: Automation, version: Version, since: datetime) -> list[Addable]:
    definition = version.definition
    found = happenings(session, automation.account_id, definition.trigger, since, MOST, although=_NO_MATTER)
    gathered = gather(session, {one.order_id for one in found}, {one.store_id for one in found}, definition.asks)
    events = _event_ids(session, definition, found)
    contacts = [order["contact_id"] for order in gathered.orders.values()]
    entered = last_entries(session, [_startable(automation, version)], contacts)
    addable: list[Addable] = []
    for one in found:
        order = gathered.orders.get(one.order_id)
        if order is None:
            continue
        occurrence = _occurrence(one, events)
        key = entry_key(one.store_id, order["woo_id"], occurrence)
        contact_id = order["contact_id"]
        facts = facts_of(gathered, one.order_id, one.store_id, one.occasion)
        facts["event"]["age_seconds"], facts["event"]["released"] = 0.0, True
        last = entered.get((automation.id, contact_id)) if contact_id is not None else None
        facts["entries"] = {"last_entered_at": last.isoformat() if last is not None else None}
        match = engine.matches(definition, facts)
        if not match.passed:
            continue
        at = one.occasion.occurred_at
        if contact_id is not None:
            entered[automation.id, contact_id] = max(last, at) if last is not None else at
        event_id = events.get((one.order_id, at), (None, ""))[0]
        addable.append(
            Addable(
                one.order_id, order["number"], order["email"], at, contact_id, one.store_id, event_id, key, match.trace
            )
        )
    inside = set(
        session.scalars(
            select(Run.entry_key).where(
                Run.automation_id == automation.id, among(session, Run.entry_key, [one.entry_key for one in addable])
            )
        )
    )
    return [one for one in addable if one.entry_key not in inside]


def _event_ids(
    session: Session, definition: Definition, found: list[Happening]
) -> dict[tuple[int, datetime], tuple[int, str]]:
    """(our order id, when) → the event's id and occurrence, of those that were recorded."""
    rows = session.execute(
        select(Event.id, Event.order_id, Event.occurred_at, Event.occurrence).where(
            Event.kind == definition.trigger, among(session, Event.order_id, [one.order_id for one in found])
        )
    )
    return {(row.order_id, row.occurred_at): (row.id, row.occurrence) for row in rows if row.order_id is not None}


def _occurrence(one: Happening, events: dict[tuple[int, datetime], tuple[int, str]]) -> str:
    recorded = events.get((one.order_id, one.occasion.occurred_at))
    if recorded is not None:
        return recorded[1]
    refund = one.occasion.data.get("refund") or {}
    return str(refund.get("id", ""))


def _startable(automation: Automation, version: Version) -> versions.Startable:
    since = automation.live_since or version.published_at
    return versions.Startable(automation.id, automation.account_id, False, since, (version,))
