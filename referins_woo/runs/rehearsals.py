"""Rehearsals of very many occasions: asked for, worked on beside the request, kept for a day.

One attempt is one reading of the database and one conditional UPDATE; a worker that was killed leaves a row that the
sweep rings for again. Nothing is sent. What is kept names customers: erasing one of them deletes it.
"""

from __future__ import annotations

import gzip
from collections import Counter
from datetime import datetime, timedelta
from typing import Any, Final

import orjson
import structlog
from sqlalchemy import delete, func, select, update
from sqlalchemy.orm import Session, undefer

from automations.definition import Definition, parse
from referins_woo import clock, queues
from referins_woo.bells import BELLS
from referins_woo.db import Database
from referins_woo.errors import InvalidInput
from referins_woo.runs import rehearse
from referins_woo.runs.models import AskedRehearsal, Automation
from referins_woo.runs.rehearse import Rehearsal, Rehearsed

log = structlog.get_logger(__name__)

KEPT: Final = timedelta(days=1)
_LOST: Final = timedelta(seconds=BELLS["rehearse"].seconds + 30)
"""Without a word for so long, a worker is gone."""
_UNRUNG: Final = timedelta(seconds=15)
_ATTEMPTS: Final = 3
_MOST_OPEN: Final = 3
"""Of one account: whoever asks again and again waits for what was asked before."""
_OPEN: Final = ("waiting", "running")


def ask(session: Session, automation: Automation, days: int, most: int, now: datetime) -> AskedRehearsal:
    """Ask for a rehearsal of the draft, and ring; the same that is under way is returned. Raises InvalidInput."""
    mine = (AskedRehearsal.account_id == automation.account_id, AskedRehearsal.state.in_(_OPEN))
    same = (AskedRehearsal.automation_id == automation.id, AskedRehearsal.days == days, AskedRehearsal.most == most)
    for under_way in session.scalars(select(AskedRehearsal).where(*mine, *same)):
        if under_way.definition == automation.draft:
            return under_way
    if (session.scalar(select(func.count()).where(*mine)) or 0) >= _MOST_OPEN:
        raise InvalidInput("most", f"{_MOST_OPEN} rehearsals are under way already: wait until one has ended.")
    asked = AskedRehearsal(
        account_id=automation.account_id,
        automation_id=automation.id,
        definition=dict(automation.draft),
        days=days,
        most=most,
        asked_at=now,
        stirred_at=now,
    )
    session.add(asked)
    session.flush()
    queues.ring_after_commit(session, "rehearse", asked.id)
    return asked


def work(database: Database, rehearsal_id: int) -> None:
    """Do one attempt; nothing where another worker is at it, or it has ended or is gone."""
    attempt = _claim(database, rehearsal_id)
    if attempt is None:
        return
    with database.reading() as session:
        asked = session.get(AskedRehearsal, rehearsal_id)
        definition = parse(asked.definition) if asked is not None else None
        if asked is None or not isinstance(definition, Definition):
            return
        found = rehearse.rehearse(
            session,
            asked.account_id,
            definition,
            clock.now(),
            asked.days,
            instead_of=asked.automation_id,
            most=asked.most,
        )
    packed, now = _packed(found), clock.now()
    with database.unit() as session:  # nothing is written where somebody was erased meanwhile: the row is gone
        session.execute(
            update(AskedRehearsal)
            .where(AskedRehearsal.id == rehearsal_id, *_is_at(attempt))
            .values(state="done", result=packed, ended_at=now, stirred_at=now)
            .execution_options(synchronize_session=False)
        )


def result(session: Session, asked: AskedRehearsal) -> Rehearsal | None:
    """Return what came out; None while it is not done."""
    if asked.state != "done":
        return None
    wanted = select(AskedRehearsal).where(AskedRehearsal.id == asked.id).options(undefer(AskedRehearsal.result))
    packed = session.scalars(wanted.execution_options(populate_existing=True)).one().result
    return _unpacked(packed) if packed else None


def lying(session: Session, now: datetime) -> list[int]:
    """Return those that nobody works on: whose bell was lost, or whose worker is gone."""
    waiting = (AskedRehearsal.state == "waiting") & (AskedRehearsal.stirred_at < now - _UNRUNG)
    lost = (AskedRehearsal.state == "running") & (AskedRehearsal.stirred_at < now - _LOST)
    return list(session.scalars(select(AskedRehearsal.id).where(waiting | lost)))


def forget(session: Session, now: datetime) -> None:
    """Delete what was kept for a day."""
    session.execute(delete(AskedRehearsal).where(AskedRehearsal.asked_at < now - KEPT))


def _claim(database: Database, rehearsal_id: int) -> int | None:
    """Begin an attempt; returns its number, None where it is not ours. The last one too many fails it."""
    now = clock.now()
    with database.unit() as session:
        free = (AskedRehearsal.state == "waiting") | (AskedRehearsal.stirred_at < now - _LOST)
        attempt = session.execute(
            update(AskedRehearsal)
            .where(AskedRehearsal.id == rehearsal_id, AskedRehearsal.state.in_(_OPEN), free)
            .values(state="running", attempts=AskedRehearsal.attempts + 1, stirred_at=now)
            .returning(AskedRehearsal.attempts)
            .execution_options(synchronize_session=False)
        ).scalar_one_or_none()
        if attempt is None or attempt <= _ATTEMPTS:
            return attempt
        session.execute(
            update(AskedRehearsal)
            .where(AskedRehearsal.id == rehearsal_id, *_is_at(attempt))
            .values(state="failed", ended_at=now)
            .execution_options(synchronize_session=False)
        )
        log.error("rehearsal given up", rehearsal=rehearsal_id)
        return None


def _is_at(attempt: int) -> tuple[Any, ...]:
    return AskedRehearsal.state == "running", AskedRehearsal.attempts == attempt


def _packed(found: Rehearsal) -> bytes:
    return gzip.compress(orjson.dumps(found), 5)


def _unpacked(packed: bytes) -> Rehearsal:
    kept = orjson.loads(gzip.decompress(packed))
    return Rehearsal(
        since=_time(kept["since"]),
        until=_time(kept["until"]),
        looked_at=kept["looked_at"],
        truncated=kept["truncated"],
        runs=[_run(one) for one in kept["runs"]],
        filtered=Counter(kept["filtered"]),
    )


def _run(kept: dict[str, Any]) -> Rehearsed:
    times = {name: _time(kept[name]) if kept[name] else None for name in ("entered_at", "ended_at", "due_at")}
    mails = {name: [{**one, "at": _time(one["at"])} for one in kept[name]] for name in ("mails", "withheld")}
    return Rehearsed(**{**kept, **times, **mails})


def _time(text: str) -> datetime:
    return datetime.fromisoformat(text)
