"""What becomes of people inside when a new version is published: they finish on theirs, move to it, or stop.

Who waits at a wait that the version changed can be rescheduled: they wait as it says now, counted from when they came
to it. That is done in batches after the commit, because a hundred thousand may wait.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Final

from sqlalchemy import ColumnElement, Row, and_, func, literal, or_, select, tuple_, update
from sqlalchemy.orm import Session

from automations import editing, engine, words
from automations.definition import Definition, parse
from referins_woo import queues
from referins_woo.db import insert
from referins_woo.mail.models import Message
from referins_woo.runs import claims
from referins_woo.runs.facts import Occasion, facts_of
from referins_woo.runs.gather import gather
from referins_woo.runs.models import OPEN_STATES, Automation, AutomationVersion, Run, RunLog

INSIDE: Final = ("finish", "move", "stop")
"""What may become of people inside when a new version is published."""
STOPPED_REASON: Final = "Not sent: its run was stopped."
"""Of a message that had not left."""
BATCH: Final = 500
"""Runs that are rescheduled in one unit."""
_SAYS_NO_TIME: Final = frozenset({"id", "kind", "name", "note", "yes", "no", "event", "tags", "reread", "disabled"})
"""Settings of a wait that do not say how long it is."""
_WAITING: Final = ("waiting", "active", "held")


@dataclass(slots=True)
class Outlook:
    """What publishing a draft can do with the people inside."""

    total: int = 0
    moving: int = 0
    """Who stands at a step that the draft has."""
    waiting: list[tuple[str, int]] = field(default_factory=list)
    """Who waits at a wait whose time the draft changes: (its name, how many)."""

    @property
    def rescheduled(self) -> int:
        """How many would be rescheduled."""
        return sum(count for _, count in self.waiting)


def outlook(session: Session, automation_id: int, draft: dict[str, Any]) -> Outlook:
    """Return what publishing `draft` can do with those who are inside now."""
    rows = session.execute(
        select(Run.version_id, Run.step, func.count())
        .where(Run.automation_id == automation_id, Run.state.in_(OPEN_STATES))
        .group_by(Run.version_id, Run.step)
    ).all()
    steps = {str(step.get("id")): step for step, _ in editing.walk(draft)}
    changed = set(_changed(session, {row.version_id for row in rows}, draft))
    found, waiting = Outlook(), dict[str, int]()
    for version_id, step, count in rows:
        found.total += count
        found.moving += count if not step or step in steps else 0
        if (version_id, step) in changed:
            waiting[step] = waiting.get(step, 0) + count
    found.waiting = [(words.title(steps[step]), count) for step, count in waiting.items()]
    return found


def stop(session: Session, automation_id: int, now: datetime) -> int:
    """End all open runs of the automation; their e-mails that have not left are not sent. Returns how many."""
    runs = (Run.automation_id == automation_id, Run.state.in_(OPEN_STATES))
    session.execute(
        update(Message)
        .where(Message.run_id.in_(select(Run.id).where(*runs)), Message.state == "created")
        .values(state="skipped", reason=STOPPED_REASON)
        .execution_options(synchronize_session=False)
    )
    over: dict[str, Any] = {"state": "stopped", "ended_reason": "new_version", "ended_at": now, "due_at": None}
    stopped = session.execute(
        update(Run)
        .where(*runs)
        .values(**over, lease_until=None, lease_token="")
        .execution_options(synchronize_session=False)
    )
    return int(stopped.rowcount)  # type: ignore[attr-defined]


def move(session: Session, version: AutomationVersion, now: datetime, *, reschedule: bool = False) -> int:
    """Let open runs go on in `version` where it has the step that they stand at; the others finish on their own.

    `reschedule`: those who wait at a wait that it changed follow with `reschedule_batch`. Returns how many moved now.
    """
    steps = [str(step.get("id")) for step, _ in editing.walk(version.definition)]
    open_runs = (Run.automation_id == version.automation_id, Run.state.in_(OPEN_STATES))
    wanted: list[ColumnElement[bool]] = [*open_runs, Run.version_id != version.id, Run.step.in_(["", *steps])]
    if reschedule:
        inside = session.scalars(select(Run.version_id).where(*open_runs).distinct()).all()
        if changed := _changed(session, inside, version.definition):
            wanted.append(~_at(changed))
            version.reschedules = True
            queues.ring_after_commit(session, "reschedule_runs")
    text = f"Moved to version {version.number}."
    log = (Run.id, literal(f"moved@{version.id}"), literal(now, RunLog.at.type), literal("moved"), literal(text))
    session.execute(
        insert(session, RunLog.__table__).from_select(
            ["run_id", "step_key", "at", "outcome", "text", "trace"],
            select(*log, literal([], RunLog.trace.type)).where(*wanted),
        )
    )
    moved = session.execute(
        update(Run).where(*wanted).values(version_id=version.id).execution_options(synchronize_session=False)
    )
    return int(moved.rowcount)  # type: ignore[attr-defined]


def reschedule_batch(session: Session, now: datetime) -> bool:
    """Move up to BATCH of those who wait at changed waits, with their time computed anew; whether any are left.

    A time that has passed is now, unless it lies further back than the automation lets anything be late: who would be
    mailed so late keeps the time that they had.
    """
    version = session.scalars(
        select(AutomationVersion).where(AutomationVersion.reschedules).order_by(AutomationVersion.id).limit(1)
    ).first()
    if version is None:
        return False
    automation = session.get_one(Automation, version.automation_id)
    definition = parse(version.definition)
    waiting = (Run.automation_id == automation.id, Run.version_id != version.id, Run.state.in_(_WAITING))
    changed = _changed(
        session, session.scalars(select(Run.version_id).where(*waiting).distinct()).all(), version.definition
    )
    runs: Sequence[Row[Any]] = ()
    if changed and automation.live_version_id == version.id and isinstance(definition, Definition):
        due = select(Run.__table__).where(*waiting, _at(changed)).order_by(Run.id).limit(BATCH)
        runs = session.execute(due.with_for_update(skip_locked=True)).all()
        if runs:
            _reschedule(session, runs, version, definition, now)
            return True
        if session.scalar(select(Run.id).where(*waiting, _at(changed)).limit(1)) is not None:
            return False  # somebody is at the last ones: the sweep looks again
    version.reschedules = False
    return True


def any_to_reschedule(session: Session) -> bool:
    """Whether somebody waits to be rescheduled."""
    return session.scalar(select(AutomationVersion.id).where(AutomationVersion.reschedules).limit(1)) is not None


def _reschedule(
    session: Session, runs: Sequence[Row[Any]], version: AutomationVersion, definition: Definition, now: datetime
) -> None:
    came_to = _arrivals(session, runs)
    gathered = gather(session, {run.order_id for run in runs}, {run.store_id for run in runs}, definition.asks)
    changes, log = [], []
    for run in runs:
        change: dict[str, Any] = {"id": run.id, "version_id": version.id}
        facts = facts_of(gathered, run.order_id, run.store_id, Occasion(definition.trigger, run.started_at))
        came = came_to.get((run.id, run.step))
        over = engine.wait_over(definition, run.step, facts, came) if came is not None else None
        position = dict(run.position or {})
        text, trace = f"Moved to version {version.number}.", dict[str, Any]()
        if over is not None and position.get("phase") == "waiting":
            trace = {"came_at": came.isoformat() if came else None, "until": over.isoformat(), "was": position["until"]}
            said, until = _new_time(over, now, definition.lateness_limit)
            text = f"Moved to version {version.number}: {said}"
            if until is not None:
                change |= {"position": {**position, "until": until.isoformat()}}
                change |= {"due_at": until} if run.state != "held" else {}
        changes.append(change)
        log.append(
            {
                "run_id": run.id,
                "step_key": f"moved@{version.id}",
                "at": now,
                "outcome": "moved",
                "text": text,
                "trace": [trace] if trace else [],
            }
        )
    claims.update_runs(session, changes)
    session.connection().execute(insert(session, RunLog.__table__).on_conflict_do_nothing(), log)
    queues.ring_after_commit(session, "advance_runs")


def _new_time(over: datetime, now: datetime, limit: timedelta) -> tuple[str, datetime | None]:
    """Return what became of a time that was computed anew, in words, and the time; None: it stays as it was."""
    if over > now:
        return "its wait is counted anew.", over
    if now - over <= limit:
        return "its new wait is over, it goes on now.", now
    return "it keeps its time, because the new one is too long ago to go on from.", None


def _arrivals(session: Session, runs: Sequence[Row[Any]]) -> dict[tuple[int, str], datetime]:
    """Return when each run came to the step that it stands at."""
    at = [(run.id, run.step) for run in runs]
    wanted = select(RunLog.run_id, RunLog.step_key, RunLog.at).where(tuple_(RunLog.run_id, RunLog.step_key).in_(at))
    return {(row.run_id, row.step_key): row.at for row in session.execute(wanted)}


def _changed(session: Session, version_ids: Collection[int], draft: Mapping[str, Any]) -> list[tuple[int, str]]:
    """Return (version, step) of the waits that last another time in `draft`."""
    new = _waits(draft)
    rows = session.execute(
        select(AutomationVersion.id, AutomationVersion.definition).where(AutomationVersion.id.in_(set(version_ids)))
    )
    return [
        (version_id, step)
        for version_id, definition in rows
        for step, lasts in _waits(definition).items()
        if step in new and new[step] != lasts
    ]


def _waits(document: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    """Return step id → what says how long it waits."""
    return {
        str(step.get("id")): {key: value for key, value in step.items() if key not in _SAYS_NO_TIME and value}
        | {"kind": step["kind"]}
        for step, _ in editing.walk(dict(document))
        if step.get("kind") in engine.WAITS
    }


def _at(pairs: Collection[tuple[int, str]]) -> ColumnElement[bool]:
    """Return the condition for runs that stand there."""
    return or_(*(and_(Run.version_id == version_id, Run.step == step) for version_id, step in pairs))
