"""Walks a table from its oldest row and takes away what is old, a small unit at a time: nobody waits for it.

A pass that is killed is begun again; what it had removed stays removed. Where a row is not ready (an undone delivery, a
run that still waits) the mark stays before it, so that it is looked at again.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from sqlalchemy import delete, literal, select, true, update
from sqlalchemy.orm import Session

from referins_woo import clock, lease
from referins_woo.config import Kept
from referins_woo.db import Database, insert
from referins_woo.retention.models import RetentionMark
from referins_woo.retention.rules import RULES, Rule

BATCH: Final = 500
NIGHT: Final = timedelta(hours=2, minutes=30)
"""When a night begins, after midnight in UTC."""
_LEASE: Final = "retention"
_LEASE_SECONDS: Final = 60.0
_LONGEST_REST: Final = 0.25


@dataclass(frozen=True, slots=True)
class Walk:
    """How far a pass has come."""

    after: int
    done_to: int = 0
    """All rows up to this one are done for good; 0: none in this pass yet."""
    held: bool = False
    """Whether a row was met that was old but not ready."""
    removed: int = 0
    ended: bool = False


def due_rules(session: Session, kept: Kept, now: datetime) -> list[Rule]:
    """Return the rules that have not been through since the last night began."""
    night = now.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0) + NIGHT
    if night > now:
        night -= timedelta(days=1)
    rows = session.execute(select(RetentionMark.rule, RetentionMark.pass_began_at, RetentionMark.pass_ended_at))
    through = {row.rule for row in rows if row.pass_ended_at is not None and row.pass_began_at >= night}
    return [rule for rule in RULES if getattr(kept, rule.setting) and rule.name not in through]


def enforce(database: Database, kept: Kept, until: float) -> bool:
    """Work on the due rules until `until` (monotonic); returns whether something is left. One worker at a time."""
    with database.unit() as session:
        fence = lease.acquire(session, _LEASE, lease.new_holder(), _LEASE_SECONDS)
        due = due_rules(session, kept, clock.now())
    if fence is None:
        return False
    left = False
    try:
        for rule in due:
            left = not _pass(database, rule, clock.now() - timedelta(days=getattr(kept, rule.setting)), fence, until)
            if left:
                break
    finally:
        with database.unit() as session:
            lease.release(session, _LEASE, fence)
    return left


def _pass(database: Database, rule: Rule, old: datetime, fence: int, until: float) -> bool:
    """Go once through a table; returns whether the pass came to its end."""
    with database.unit() as session:
        walk = _begin(session, rule)
    while not walk.ended:
        if time.monotonic() > until:
            return False
        began = time.monotonic()
        with database.unit() as session:
            lease.renew(session, _LEASE, fence, _LEASE_SECONDS)
            walk = _batch(session, rule, walk, old)
        time.sleep(min(time.monotonic() - began, _LONGEST_REST))  # half of the time is for others
    return True


def _begin(session: Session, rule: Rule) -> Walk:
    now = clock.now()
    statement = insert(session, RetentionMark).values(rule=rule.name, last_id=0, pass_began_at=now, removed=0)
    session.execute(
        statement.on_conflict_do_update(
            index_elements=["rule"], set_={"pass_began_at": now, "pass_ended_at": None, "removed": 0}
        )
    )
    last_id = session.execute(select(RetentionMark.last_id).where(RetentionMark.rule == rule.name)).scalar_one()
    return Walk(after=last_id)


def _batch(session: Session, rule: Rule, walk: Walk, old: datetime) -> Walk:
    """Take away what is old among the next rows, and write the mark, in the caller's unit."""
    model = rule.model
    ready = rule.ready(old) if rule.ready is not None else literal(value=True)
    full = rule.full if rule.full is not None else true()
    rows = session.execute(
        select(model.id, rule.time.label("time"), ready.label("ready"), full.label("full"))
        .where(model.id > walk.after)
        .order_by(model.id)
        .limit(BATCH)
    ).all()
    aged = [row for row in rows if row.time < old]
    held = next((row.id for row in aged if not row.ready), None)
    gone = [row.id for row in aged if row.ready and row.full]
    if gone:
        session.execute(_change(rule, gone))
    walk = replace(
        walk,
        after=rows[-1].id if rows else walk.after,
        done_to=walk.done_to if walk.held else held - 1 if held is not None else aged[-1].id if aged else walk.done_to,
        held=walk.held or held is not None,
        removed=walk.removed + len(gone),
        ended=len(rows) < BATCH or not aged,
    )
    values: dict[str, Any] = {"removed": walk.removed}
    if walk.done_to:
        values["last_id"] = walk.done_to
    if walk.ended:
        values["pass_ended_at"] = clock.now()
    session.execute(update(RetentionMark).where(RetentionMark.rule == rule.name).values(values))
    return walk


def _change(rule: Rule, ids: list[int]) -> Any:
    wanted = rule.model.id.in_(ids)
    statement: Any = update(rule.model).values(dict(rule.emptied)) if rule.emptied else delete(rule.model)
    return statement.where(wanted).execution_options(synchronize_session=False)
