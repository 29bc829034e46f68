"""The bells of this room: start what events begin, advance what is due, re-read before reminders; and their sweeps.

Each job is a drain: at most 20 seconds, then it rings for itself. A batch that fails is taken apart, so that one row
that cannot be worked on holds up no other.
"""

from __future__ import annotations

from collections.abc import Collection
from time import monotonic
from typing import Final

import structlog
from sqlalchemy.orm import Session

from referins_woo import clock, process, queues
from referins_woo.db import Database
from referins_woo.events.models import Event
from referins_woo.runs import advance, calls, claims, inside, rehearsals, reread, start
from referins_woo.runs.failures import note_failure
from referins_woo.runs.models import Run

log = structlog.get_logger(__name__)

_SLICE_SECONDS: Final = 20

# Made once: they are asked for whenever something happens. Without a lock, so that nobody who writes is waited for.
_EVENT_IDS: Final = claims.UNSTARTED.with_only_columns(Event.__table__.c.id)
_RUN_IDS: Final = claims.DUE.with_only_columns(Run.__table__.c.id)


@queues.job("start_runs")
def start_runs() -> None:
    """Start the runs of all events that were not looked at, and advance them at once."""
    database = process.current().database
    until = monotonic() + _SLICE_SECONDS
    skipped: set[int] = set()
    while monotonic() < until:
        with database.looking() as session:
            ids = _event_ids(session, skipped)
        if not ids or not _start(database, ids, skipped):
            break  # there are none, or another worker has them
        if len(ids) < start.BATCH:
            break  # what came meanwhile has rung
    else:
        queues.ring("start_runs")
    _advance_all(database, until)


@queues.job("advance_runs")
def advance_runs() -> None:
    """Advance all runs that are due."""
    _advance_all(process.current().database, monotonic() + _SLICE_SECONDS)


@queues.job("reread_runs")
def reread_runs() -> None:
    """Read the orders of all due reminders live and go on with those."""
    current = process.current()
    until = monotonic() + _SLICE_SECONDS
    while monotonic() < until:
        if not reread.reread_batch(current):
            return
    queues.ring("reread_runs")


@queues.job("reschedule_runs")
def reschedule_runs() -> None:
    """Move those who wait at a wait that a new version changed, with their time computed anew."""
    database = process.current().database
    until = monotonic() + _SLICE_SECONDS
    while monotonic() < until:
        with database.unit() as session:
            if not inside.reschedule_batch(session, clock.now()):
                return
    queues.ring("reschedule_runs")


@queues.job("call_webhooks")
def call_webhooks() -> None:
    """Send the calls of webhooks that are due."""
    current = process.current()
    until = monotonic() + _SLICE_SECONDS
    while monotonic() < until:
        if not calls.send_batch(current):
            return
    queues.ring("call_webhooks")


@queues.job("rehearse")
def rehearse(rehearsal_id: int) -> None:
    """Rehearse a draft with more occasions than a request waits for."""
    rehearsals.work(process.current().database, rehearsal_id)


def ring_for_rehearsals() -> None:
    """Sweep: rehearsals that nobody works on."""
    with process.current().database.looking() as session:
        lying = rehearsals.lying(session, clock.now())
    for rehearsal_id in lying:
        queues.ring("rehearse", rehearsal_id)


def forget_rehearsals() -> None:
    """Sweep: rehearsals that were kept for a day."""
    with process.current().database.unit() as session:
        rehearsals.forget(session, clock.now())


def ring_for_events() -> None:
    """Sweep: events that nobody looked at."""
    with process.current().database.looking() as session:
        due = _event_ids(session, (), limit=1)
    if due:
        queues.ring("start_runs")


def ring_for_due_runs() -> None:
    """Sweep: runs whose time has come."""
    with process.current().database.looking() as session:
        due = _run_ids(session, (), limit=1) or claims.any_held_to_let_go(session)
    if due:
        queues.ring("advance_runs")


def ring_for_rereads() -> None:
    """Sweep: reminders that wait for a live read, and those whose reader died with its lease."""
    with process.current().database.looking() as session:
        due = reread.rereads_due(session, clock.now())
    if due:
        queues.ring("reread_runs")


def ring_for_reschedules() -> None:
    """Sweep: who waits to be rescheduled."""
    with process.current().database.looking() as session:
        due = inside.any_to_reschedule(session)
    if due:
        queues.ring("reschedule_runs")


def ring_for_calls() -> None:
    """Sweep: calls of webhooks that were not sent, or not taken."""
    with process.current().database.looking() as session:
        due = calls.calls_due(session, clock.now())
    if due:
        queues.ring("call_webhooks")


def _start(database: Database, ids: list[int], skipped: set[int]) -> bool:
    """Start a batch and advance its runs, in one unit; returns whether there was anything left to do."""
    try:
        with database.unit() as session:
            now = clock.now()
            started = start.start_batch(session, now, skip=skipped)
            runs = claims.begun_runs(session, started.run_ids)
            advance.advance_runs(session, runs, now, gathered=started.gathered)
            return started.events > 0
    except Exception:
        log.exception("a batch of events failed; each is tried by itself", events=len(ids))
        for event_id in ids:
            _start_one(database, event_id, skipped)
        return True


def _start_one(database: Database, event_id: int, skipped: set[int]) -> None:
    try:
        with database.unit() as session:
            start.start_batch(session, clock.now(), only=event_id)
    except Exception:
        log.exception("event could not start its runs; the sweep tries it again", event_id=event_id)
        skipped.add(event_id)


def _advance_all(database: Database, until: float) -> None:
    skipped: set[int] = set()
    with database.looking() as session:
        held = claims.any_held_to_let_go(session)
        if not held and not _run_ids(session, skipped, limit=1):
            return
    while monotonic() < until:
        if held:
            with database.unit() as session:
                held = claims.let_go(session, clock.now(), advance.BATCH) > 0
        with database.looking() as session:
            ids = _run_ids(session, skipped)
        if not ids and not held:
            return
        try:
            with database.unit() as session:
                advanced = advance.advance_batch(session, clock.now(), skip=skipped)
            if not held and (not advanced or len(ids) < advance.BATCH):
                return  # another worker has them, or that was all
        except Exception:
            log.exception("a batch of runs failed; each is tried by itself", runs=len(ids))
            for run_id in ids:
                _advance_one(database, run_id, skipped)
    queues.ring("advance_runs")


def _advance_one(database: Database, run_id: int, skipped: set[int]) -> None:
    try:
        with database.unit() as session:
            advance.advance_batch(session, clock.now(), only=run_id)
    except Exception as error:
        log.exception("run could not go on", run_id=run_id)
        skipped.add(run_id)
        note_failure(database, run_id, error)


def _event_ids(session: Session, skipped: Collection[int], limit: int = start.BATCH) -> list[int]:
    return list(session.scalars(claims.but(_EVENT_IDS, Event.id, skipped), {"most": limit}))


def _run_ids(session: Session, skipped: Collection[int], limit: int = advance.BATCH) -> list[int]:
    return list(session.scalars(claims.but(_RUN_IDS, Run.id, skipped), {"most": limit, "now": clock.now()}))
