"""Starts runs: takes events that nobody looked at yet and lets them into the automations that want them.

One unit takes a batch of events, matches, inserts the runs and marks the events handed over: after a crash all of it
is done again, or none. A run exists once per (automation, entry key), whatever repeats.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Row
from sqlalchemy.orm import Session

from automations import engine
from automations.facts import Facts
from automations.triggers import TRIGGERS
from referins_woo.commerce.upsert import bulk
from referins_woo.events.models import Event
from referins_woo.runs import claims, exits, versions
from referins_woo.runs.entries import Entered, last_entries
from referins_woo.runs.facts import Occasion, facts_of
from referins_woo.runs.gather import Gathered, gather
from referins_woo.runs.models import LOG, Run, RunLog

BATCH = 200
_HANDED_OVER = ("id", "state", "reason", "data", "handed_over_at")
_ONE_RUN = ("automation_id", "entry_key")


@dataclass(frozen=True, slots=True)
class Entry:
    """A run that is to begin."""

    run: dict[str, Any]
    trace: list[dict[str, Any]]


@dataclass(frozen=True, slots=True)
class Started:
    """What one unit has started."""

    events: int
    """How many were handed over."""
    run_ids: Collection[int] = ()
    gathered: Gathered | None = None
    """What was read for them: all that advancing the runs needs."""


def start_batch(
    session: Session, now: datetime, *, limit: int = BATCH, skip: Collection[int] = (), only: int | None = None
) -> Started:
    """Start the runs of up to `limit` events, oldest first.

    `skip` and `only` are ids of events. Raises Final where a published definition can no longer be read.
    """
    events = claims.unstarted_events(session, limit, skip=skip, only=only)
    if not events:
        return Started(0)
    candidates = versions.startable(session, {event.account_id for event in events})
    wanted = [event for event in events if candidates.get(event.account_id)]
    # Stores are needed for every event: their skew decides about lateness.
    asks = frozenset[str]().union(*(one.asks for found in candidates.values() for one in found))
    gathered = gather(session, {event.order_id for event in wanted}, {event.store_id for event in events}, asks)
    automations = [automation for found in candidates.values() for automation in found]
    contacts = [order["contact_id"] for order in gathered.orders.values()]
    entered = last_entries(session, automations, contacts)
    entries: list[Entry] = []
    handed_over: list[list[Any]] = []
    for event in events:
        skew = timedelta(seconds=gathered.stores[event.store_id]["clock_skew_seconds"])
        late = event.state == "fired" and is_late(event.kind, event.occurred_at, now, skew)
        considered: list[dict[str, Any]] = []
        if not late and event.order_id in gathered.orders:
            entries += _consider(candidates.get(event.account_id, ()), event, gathered, skew, now, considered, entered)
        handed_over.append(_handed_over(event, now, late=late, considered=considered))
    begun = insert_runs(session, entries, now)
    bulk.update_rows(session, Event, _HANDED_OVER, handed_over)
    exits.look_again(session, {event.order_id for event in events if event.order_id is not None})
    return Started(len(events), begun, gathered)


def is_late(kind: str, occurred_at: datetime, now: datetime, skew: timedelta) -> bool:
    """Whether an event is older than its trigger bears: age = now + skew - its time; in the future is age 0."""
    trigger = TRIGGERS.get(kind)
    return trigger is not None and now + skew - occurred_at > trigger.lateness_limit


def entry_key(store_id: int, woo_order_id: int, occurrence: str) -> str:
    """Return what a run is keyed by within its automation: the order, and the occurrence where there are several."""
    return f"order:{store_id}:{woo_order_id}" + (f":{occurrence}" if occurrence else "")


def _consider(
    candidates: Sequence[versions.Startable],
    event: Row[Any],
    gathered: Gathered,
    skew: timedelta,
    now: datetime,
    considered: list[dict[str, Any]],
    entered: Entered,
) -> list[Entry]:
    """Return the runs that begin; notes in `considered` what was looked at and why not."""
    entries: list[Entry] = []
    facts: Facts | None = None  # most events have no automation that wants their kind
    for automation in candidates:
        version = automation.version_for(event.occurred_at, skew)
        if version is None:
            considered.append({"automation_id": automation.id, "outcome": "published_later", "gates": []})
        elif version.definition.trigger == event.kind:
            facts = facts or _facts(event, gathered, skew, now)
            entry = _let_in(automation, version, event, facts, now, considered, entered)
            if entry is not None:
                entries.append(entry)
    return entries


def _facts(event: Row[Any], gathered: Gathered, skew: timedelta, now: datetime) -> Facts:
    released = event.state == "released"
    occasion = Occasion(event.kind, event.occurred_at, released, event.data or {})
    facts = facts_of(gathered, event.order_id, event.store_id, occasion)
    facts["event"]["age_seconds"] = max(0.0, (now + skew - event.occurred_at).total_seconds())
    facts["event"]["released"] = released
    return facts


def _let_in(
    automation: versions.Startable,
    version: versions.Version,
    event: Row[Any],
    facts: Facts,
    now: datetime,
    considered: list[dict[str, Any]],
    entered: Entered,
) -> Entry | None:
    """Return the run that begins, or None where a gate is closed; notes in `considered` what each gate saw."""
    contact = facts.get("contact")
    key = (automation.id, contact["id"]) if contact else None
    last = entered.get(key) if key else None
    facts["entries"] = {"last_entered_at": last.isoformat() if last is not None else None}
    match = engine.matches(version.definition, facts)
    outcome = "started" if match.passed else "filtered"
    considered.append(
        {"automation_id": automation.id, "version_id": version.id, "outcome": outcome, "gates": match.trace}
    )
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


def insert_runs(session: Session, entries: Sequence[Entry], now: datetime, text: str = "Entered.") -> list[int]:
    """Insert runs with the first line of their log, each once per automation and entry key; returns their ids."""
    if not entries:
        return []
    columns = tuple(entries[0].run)
    rows = [tuple(entry.run[name] for name in columns) for entry in entries]
    made = bulk.insert_new_rows(
        session, Run, columns, rows, conflict=_ONE_RUN, returning=("id", "automation_id", "entry_key")
    )
    traces = {(entry.run["automation_id"], entry.run["entry_key"]): entry for entry in entries}
    logs = []
    for run_id, automation_id, key in made:
        entry = traces[automation_id, key]
        words = f"{text[:-1]}, and is held: the automation is paused." if entry.run["state"] == "held" else text
        logs.append([run_id, "entry", now, "entered", words, entry.trace])
    if logs:
        bulk.insert_rows(session, RunLog, LOG, logs, conflict=("run_id", "step_key"))
    return [run_id for run_id, _, _ in made]


def _handed_over(event: Row[Any], now: datetime, *, late: bool, considered: list[dict[str, Any]]) -> list[Any]:
    state, reason = ("suppressed", "too_late") if late else (event.state, event.reason)
    return [event.id, state, reason, {**(event.data or {}), "considered": considered}, now]
