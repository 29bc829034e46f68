"""What a restore must see to: nothing that was done between the backup and now is done a second time.

The orders of that time come back with the next sweep; what they start, and each step that was due by now, may have been
mailed already, and nobody can know. All of it is held until a person says so (`referins restored`).
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Select, insert, or_, select, update
from sqlalchemy.orm import Session

from referins_woo import clock, queues
from referins_woo.accounts.models import UserSession
from referins_woo.events.models import Event
from referins_woo.mail.models import Message
from referins_woo.runs.models import RESTORED, Run, RunLog
from referins_woo.stores.models import Store, StoreLog


@dataclass(frozen=True, slots=True)
class Held:
    """How much waits for a person."""

    events: int = 0
    runs: int = 0
    messages: int = 0
    """These are `unknown`: nothing sends them again by itself."""


def settle(session: Session, taken_at: datetime, now: datetime, *, moved: bool = False) -> Held:
    """Hold what may have been done since, note the restore in every store's log, and end all sign-ins.

    `moved`: nothing ran since the backup was taken; nothing is held. In the caller's unit.
    """
    if moved:
        return Held()
    session.execute(update(UserSession).where(UserSession.ended_at.is_(None)).values(ended_at=now))
    for store_id, account_id, skew in session.execute(select(Store.id, Store.account_id, Store.clock_skew_seconds)):
        session.execute(update(Store).where(Store.id == store_id).values(restored_at=now + timedelta(seconds=skew)))
        text = (
            f"A backup of {taken_at:%Y-%m-%d %H:%M} UTC was restored. Orders placed since then come in with the next "
            "sweep; what they would start is held, because it may have been sent before."
        )
        session.add(StoreLog(account_id=account_id, store_id=store_id, at=now, kind="restored", text=text))
    events = _count(
        session,
        update(Event)
        .where(Event.handed_over_at.is_(None), Event.state.in_(("fired", "released")))
        .values(state="suppressed", reason=RESTORED, handed_over_at=now),
    )
    runs = _hold_runs(session, taken_at, now)
    messages = _count(
        session,
        update(Message)
        .where(or_(Message.state == "sending", (Message.state == "created") & (Message.due_at <= now)))
        .values(
            state="unknown",
            reason=f"May have been sent after the backup of {taken_at:%Y-%m-%d %H:%M} UTC; it is not repeated.",
            lease_until=None,
        ),
    )
    return Held(events, runs, messages)


def _hold_runs(session: Session, taken_at: datetime, now: datetime) -> int:
    due = (Run.state.in_(("active", "waiting", "rereading")), or_(Run.due_at.is_(None), Run.due_at <= now))
    ids = list(session.scalars(select(Run.id).where(*due)))
    for run_id in ids:
        session.execute(
            insert(RunLog).values(
                run_id=run_id,
                step_key=f"restored@{now.isoformat()}",
                at=now,
                outcome="held",
                text=f"Held: a backup of {taken_at:%Y-%m-%d %H:%M} UTC was restored, and this step may have been done.",
                trace=[],
            )
        )
    _count(
        session,
        update(Run).where(*due).values(state="held", ended_reason=RESTORED, lease_until=None, lease_token=""),
    )
    return len(ids)


def held(session: Session) -> tuple[list[Any], list[Any]]:
    """Return the runs and the events that a restore holds."""
    return list(session.execute(_runs())), list(session.execute(_events()))


def release(session: Session) -> Held:
    """Let all of it go on, at a person's word: runs where they were held, events as if they had just happened."""
    runs = [row.id for row in session.execute(_runs())]
    events = [row.id for row in session.execute(_events())]
    _count(
        session,
        update(Run).where(Run.id.in_(runs)).values(state="active", ended_reason="", due_at=clock.now()),
    )
    _count(session, update(Event).where(Event.id.in_(events)).values(state="released", handed_over_at=None))
    queues.ring_after_commit(session, "start_runs")
    queues.ring_after_commit(session, "advance_runs")
    return Held(len(events), len(runs))


def drop(session: Session) -> Held:
    """Give all of it up, at a person's word: it was done before the restore."""
    now = clock.now()
    runs = [row.id for row in session.execute(_runs())]
    events = [row.id for row in session.execute(_events())]
    _count(session, update(Run).where(Run.id.in_(runs)).values(state="stopped", due_at=None, ended_at=now))
    _count(session, update(Event).where(Event.id.in_(events)).values(reason="restored_done"))
    return Held(len(events), len(runs))


def _runs() -> Select[*tuple[Any, ...]]:
    return (
        select(Run.id, Run.account_id, Run.automation_id, Run.order_id, Run.due_at)
        .where(Run.state == "held", Run.ended_reason == RESTORED)
        .order_by(Run.id)
    )


def _events() -> Select[*tuple[Any, ...]]:
    return (
        select(Event.id, Event.account_id, Event.store_id, Event.kind, Event.subject, Event.occurred_at)
        .where(Event.state == "suppressed", Event.reason == RESTORED)
        .order_by(Event.id)
    )


def _count(session: Session, statement: Any) -> int:
    done = session.execute(statement.execution_options(synchronize_session=False))
    return int(done.rowcount)  # type: ignore[attr-defined]
