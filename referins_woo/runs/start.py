"""Starts runs: takes events that nobody looked at yet and lets them into the automations that want them.

One unit takes a batch of events, matches, inserts the runs and marks the events handed over: after a crash all of it
is done again, or none. A run exists once per (automation, entry key), whatever repeats.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Row, bindparam, update
from sqlalchemy.orm import Session

from automations import engine
from automations.facts import Facts
from automations.triggers import TRIGGERS
from referins_woo.db import insert
from referins_woo.events.models import Event
from referins_woo.runs import claims, exits, versions
from referins_woo.runs.entries import Entered, last_entries
from referins_woo.runs.facts import Occasion, facts_of
from referins_woo.runs.gather import gather
from referins_woo.runs.models import Run, RunLog

BATCH = 200


@dataclass(frozen=True, slots=True)
class Entry:
    """A run that is to begin."""

    run: dict[str, Any]
    trace: list[dict[str, Any]]


def start_batch(
    session: Session, now: datetime, *, limit: int = BATCH, skip: Collection[int] = (), only: int | None = None
) -> int:
    """Start the runs of up to `limit` events, oldest first; returns how many events were handed over.

    `skip` and `only` are ids of events. Raises Final where a published definition can no longer be read.
    """
    events = claims.unstarted_events(session, limit, skip=skip, only=only)
    if not events:
        return 0
    candidates = versions.startable(session, {event.account_id for event in events})
    wanted = [event for event in events if candidates.get(event.account_id)]
    # Stores are needed for every event: their skew decides about lateness.
    asks = frozenset[str]().union(*(one.asks for found in candidates.values() for one in found))
    gathered = gather(session, {event.order_id for event in wanted}, {event.store_id for event in events}, asks)
    automations = [automation for found in candidates.values() for automation in found]
    contacts = [order["contact_id"] for order in gathered.orders.values()]
    entered = last_entries(session, automations, contacts)
    entries: list[Entry] = []
    handed_over: list[dict[str, Any]] = []
    for event in events:
        skew = timedelta(seconds=gathered.stores[event.store_id]["clock_skew_seconds"])
        late = event.state == "fired" and is_late(event.kind, event.occurred_at, now, skew)
        considered: list[dict[str, Any]] = []
        if not late and event.order_id in gathered.orders:
            occasion = Occasion(event.kind, event.occurred_at, event.state == "released", event.data or {})
            facts = facts_of(gathered, event.order_id, event.store_id, occasion)
            facts["event"]["age_seconds"] = max(0.0, (now + skew - event.occurred_at).total_seconds())
            facts["event"]["released"] = event.state == "released"
            for automation in candidates.get(event.account_id, ()):
                entry = _consider(automation, event, facts, skew, now, considered, entered)
                if entry is not None:
                    entries.append(entry)
        handed_over.append(_handed_over(event, now, late=late, considered=considered))
    insert_runs(session, entries, now)
    _mark(session, handed_over)
    exits.look_again(session, {event.order_id for event in events if event.order_id is not None})
    return len(events)


def is_late(kind: str, occurred_at: datetime, now: datetime, skew: timedelta) -> bool:
    """Whether an event is older than its trigger bears: age = now + skew - its time; in the future is age 0."""
    trigger = TRIGGERS.get(kind)
    return trigger is not None and now + skew - occurred_at > trigger.lateness_limit


def entry_key(store_id: int, woo_order_id: int, occurrence: str) -> str:
    """Return what a run is keyed by within its automation: the order, and the occurrence where there are several."""
    return f"order:{store_id}:{woo_order_id}" + (f":{occurrence}" if occurrence else "")


def _consider(
    automation: versions.Startable,
    event: Row[Any],
    facts: Facts,
    skew: timedelta,
    now: datetime,
    considered: list[dict[str, Any]],
    entered: Entered,
) -> Entry | None:
    """Return the run that begins, or None; notes in `considered` what was looked at and why not."""
    note: dict[str, Any] = {"automation_id": automation.id}
    version = automation.version_for(event.occurred_at, skew)
    if version is None:
        considered.append({**note, "outcome": "published_later", "gates": []})
        return None
    if version.definition.trigger != event.kind:
        return None
    contact = facts.get("contact")
    key = (automation.id, contact["id"]) if contact else None
    last = entered.get(key) if key else None
    facts["entries"] = {"last_entered_at": last.isoformat() if last is not None else None}
    match = engine.matches(version.definition, facts)
    outcome = "started" if match.passed else "filtered"
    considered.append({**note, "version_id": version.id, "outcome": outcome, "gates": match.trace})
    if not match.passed:
        return None
    if key:
        entered[key] = max(last, event.occurred_at) if last is not None else event.occurred_at
    run = run_row(
        now,
        paused=automation.paused,
        account_id=event.account_id,
        automation_id=automation.id,
        version_id=version.id,
        store_id=event.store_id,
        event_id=event.id,
        entry_key=entry_key(event.store_id, event.subject, event.occurrence),
        order_id=event.order_id,
        contact_id=contact["id"] if contact else None,
    )
    return Entry(run, match.trace)


def run_row(now: datetime, *, paused: bool, **ids: Any) -> dict[str, Any]:
    """Return the row of a run that begins; in a paused automation it is held from the start."""
    return {
        **ids,
        "state": "held" if paused else "active",
        "position": engine.start(),
        "step": "",
        "due_at": now,
        "lease_token": "",
        "attempts": 0,
        "ended_reason": "",
        "started_at": now,
    }


def insert_runs(session: Session, entries: Sequence[Entry], now: datetime, text: str = "Entered.") -> int:
    """Insert runs with the first line of their log, each once per automation and entry key; returns how many."""
    if not entries:
        return 0
    statement = (
        insert(session, Run.__table__)
        .on_conflict_do_nothing(index_elements=["automation_id", "entry_key"])
        .returning(Run.__table__.c.id, Run.__table__.c.automation_id, Run.__table__.c.entry_key)
    )
    made = session.connection().execute(statement, [entry.run for entry in entries]).all()
    traces = {(entry.run["automation_id"], entry.run["entry_key"]): entry for entry in entries}
    logs = []
    for run_id, automation_id, key in made:
        entry = traces[automation_id, key]
        words = f"{text[:-1]}, and is held: the automation is paused." if entry.run["state"] == "held" else text
        logs.append(
            {
                "run_id": run_id,
                "step_key": "entry",
                "at": now,
                "outcome": "entered",
                "text": words,
                "trace": entry.trace,
            }
        )
    if logs:
        session.connection().execute(insert(session, RunLog.__table__).on_conflict_do_nothing(), logs)
    return len(logs)


def _handed_over(event: Row[Any], now: datetime, *, late: bool, considered: list[dict[str, Any]]) -> dict[str, Any]:
    return {
        "b_id": event.id,
        "b_now": now,
        "b_state": "suppressed" if late else event.state,
        "b_reason": "too_late" if late else event.reason,
        "b_data": {**(event.data or {}), "considered": considered},
    }


def _mark(session: Session, rows: list[dict[str, Any]]) -> None:
    table = Event.__table__
    statement = (
        update(Event)
        .where(table.c.id == bindparam("b_id"))
        .values(
            handed_over_at=bindparam("b_now"),
            state=bindparam("b_state"),
            reason=bindparam("b_reason"),
            data=bindparam("b_data", type_=table.c.data.type),
        )
    )
    session.connection().execute(statement, rows)
