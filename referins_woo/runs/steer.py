"""What merchants do with one run: try it again, skip its wait, stop it. Each writes into its log who did it.

Every function works on the caller's unit and locks the run: a worker that is at it finishes first, and one that lost
its lease over it writes nothing.
"""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from automations import engine
from referins_woo import clock, queues
from referins_woo.db import insert
from referins_woo.errors import Final as FinalError
from referins_woo.mail.models import Message
from referins_woo.runs.automations import settle_finishing
from referins_woo.runs.inside import STOPPED_REASON
from referins_woo.runs.models import OPEN_STATES, Run, RunLog


class CannotSteer(FinalError):
    """The run is not in a state in which this can be done; the message says which it is in."""


def retry(session: Session, run_id: int, account_id: int, by: str) -> Run:
    """Let a failed run go on from the step that failed. What it did before is not done again."""
    run = _locked(session, run_id, account_id)
    if run.state != "failed":
        raise CannotSteer(f"Only a failed run can be tried again; this one is {run.state}.")
    now = clock.now()
    run.state, run.attempts, run.due_at, run.ended_at, run.ended_reason = "active", 0, now, None, ""
    session.flush()
    _note(session, run, "retried", f"Tried again by {by}, from the step that failed.", now)
    queues.ring_after_commit(session, "advance_runs")
    return run


def skip_wait(session: Session, run_id: int, account_id: int, by: str) -> Run:
    """Let a waiting run go on now; exit conditions are looked at first, as always."""
    run = _locked(session, run_id, account_id)
    position = engine.skip_wait(run.position, clock.now()) if run.state == "waiting" else None
    if position is None:
        raise CannotSteer(f"Only a run that waits for a time can go on earlier; this one is {run.state}.")
    now = clock.now()
    run.position, run.due_at = position, now
    session.flush()
    _note(session, run, "wait_skipped", f"The wait was skipped by {by}.", now)
    queues.ring_after_commit(session, "advance_runs")
    return run


def stop(session: Session, run_id: int, account_id: int, by: str) -> Run:
    """End a run where it stands. E-mails of it that have not left are not sent."""
    run = _locked(session, run_id, account_id)
    if run.state not in OPEN_STATES:
        raise CannotSteer(f"This run has ended already: it is {run.state}.")
    now = clock.now()
    run.state, run.ended_reason, run.ended_at, run.due_at = "stopped", "stopped_by_hand", now, None
    run.lease_until, run.lease_token = None, ""
    session.flush()
    session.execute(
        update(Message)
        .where(Message.run_id == run.id, Message.state == "created")
        .values(state="skipped", reason=STOPPED_REASON)
        .execution_options(synchronize_session=False)
    )
    _note(session, run, "stopped", f"Stopped by {by}.", now)
    settle_finishing(session, [run.automation_id])
    return run


def _locked(session: Session, run_id: int, account_id: int) -> Run:
    found = session.scalar(select(Run).where(Run.id == run_id, Run.account_id == account_id).with_for_update())
    if found is None:
        raise CannotSteer("There is no such run.")
    return found


def _note(session: Session, run: Run, outcome: str, text: str, now: datetime) -> None:
    key = f"{outcome}@{now.isoformat()}"
    row = {"run_id": run.id, "step_key": key, "at": now, "outcome": outcome, "text": text, "trace": []}
    session.execute(insert(session, RunLog).values(row).on_conflict_do_nothing())
