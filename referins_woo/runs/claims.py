"""Who may work on which event or run: claimed rows, held by a lock within one unit or by a lease beyond it.

Starting and advancing are one transaction each and touch nobody outside, so the row lock is the claim (PostgreSQL:
FOR UPDATE SKIP LOCKED; SQLite: the unit is the only writer): a crash rolls back and frees the rows at once. Only a
live re-read lets go of the database while it works, and that takes a lease with a token: who slept past it finds the
token changed and writes nothing.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, Final

from sqlalchemy import (
    ColumnElement,
    Integer,
    Row,
    and_,
    bindparam,
    exists,
    func,
    literal_column,
    or_,
    select,
    update,
)
from sqlalchemy.orm import Session

from referins_woo.commerce.upsert.bulk import table_of, update_rows
from referins_woo.conditions import one_of
from referins_woo.events.models import Event
from referins_woo.runs.models import RESTORED, Automation, Run

_R, _E, _A = table_of(Run), table_of(Event), table_of(Automation)
_HELD: Final = (_R.c.state == literal_column("'held'"), _R.c.ended_reason != RESTORED)
STARTABLE: Final = ("fired", "released")
_INDEXED: Final = _R.c.state.in_([literal_column(f"'{state}'") for state in ("active", "waiting", "rereading")])
"""As the index of what is due says it, word for word: SQLite takes a partial index for nothing less."""
ADVANCEABLE: Final = and_(_INDEXED, _R.c.state != literal_column("'rereading'"))
"""The condition for runs that go on when they are due."""

# Made once: each costs more to put together than to answer.
UNSTARTED: Final = (
    select(_E)
    .where(_E.c.handed_over_at.is_(None), _E.c.state.in_(STARTABLE))
    .order_by(_E.c.id)
    .limit(bindparam("most", type_=Integer()))
)
DUE: Final = (
    select(_R)
    .where(ADVANCEABLE, _R.c.due_at <= bindparam("now"))
    .order_by(_R.c.due_at, _R.c.id)
    .limit(bindparam("most", type_=Integer()))
)
_UNSTARTED: Final = UNSTARTED.with_for_update(skip_locked=True)
_DUE: Final = DUE.with_for_update(skip_locked=True)
_STARTED: Final = select(_R).where(one_of(_R.c.id, "ids"), ADVANCEABLE).order_by(_R.c.id)
_STATES: Final = select(_A.c.id, _A.c.state).where(one_of(_A.c.id, "ids"))
_TO_LET_GO: Final = (
    select(_A.c.id)
    .where(_A.c.state.in_(("live", "finishing")), exists().where(_R.c.automation_id == _A.c.id, *_HELD))
    .limit(1)
)


def unstarted_events(
    session: Session, limit: int, *, skip: Collection[int] = (), only: int | None = None
) -> Sequence[Row[Any]]:
    """Lock up to `limit` events that no run was looked for yet, oldest first; `skip` and `only` are event ids."""
    return session.execute(but(_UNSTARTED, _E.c.id, skip, only), {"most": limit}).all()


def due_runs(
    session: Session, now: datetime, limit: int, *, skip: Collection[int] = (), only: int | None = None
) -> Sequence[Row[Any]]:
    """Lock up to `limit` runs that are due by `now`, longest due first; `skip` and `only` are run ids."""
    return session.execute(but(_DUE, _R.c.id, skip, only), {"most": limit, "now": now}).all()


def begun_runs(session: Session, run_ids: Collection[int]) -> Sequence[Row[Any]]:
    """Return those of the runs, which this unit has begun, that go on at once: all but held ones."""
    return session.execute(_STARTED, {"ids": run_ids}).all() if run_ids else ()


def let_go(session: Session, now: datetime, limit: int) -> int:
    """Make up to `limit` held runs due whose automation is no longer paused; returns how many.

    What a restore holds stays: it may have been done, and waits for a person's word (row 74). Asked automation by
    automation, so that a hundred thousand held runs of a paused one are not looked at.
    """
    automation_id = session.scalar(_TO_LET_GO)
    if automation_id is None:
        return 0
    held = select(Run.id).where(Run.automation_id == automation_id, *_HELD)
    ids = session.scalars(held.order_by(Run.started_at).limit(limit).with_for_update(skip_locked=True)).all()
    session.execute(
        update(Run)
        .where(Run.id.in_(ids))
        .values(state="active", due_at=now)
        .execution_options(synchronize_session=False)
    )
    return len(ids)


def any_held_to_let_go(session: Session) -> bool:
    """Whether a run is held although its automation is no longer paused."""
    return session.execute(_TO_LET_GO).first() is not None


def reread_due(now: datetime) -> ColumnElement[bool]:
    """Return the condition for runs whose order must be read anew and that nobody works on."""
    return and_(
        Run.state == literal_column("'rereading'"),
        Run.due_at <= now,
        or_(Run.lease_until.is_(None), Run.lease_until <= now),
    )


def lease_rereads(session: Session, now: datetime, token: str, seconds: float, limit: int) -> Sequence[Row[Any]]:
    """Lease up to `limit` runs whose order must be read anew; their lease ends `seconds` from `now`.

    Stores take turns: every store gives its longest due run first, so that one slow shop starves nobody.
    """
    turn = func.row_number().over(partition_by=Run.store_id, order_by=(Run.due_at, Run.id)).label("turn")
    due = select(Run.id, turn).where(reread_due(now)).subquery()
    ids = session.scalars(select(due.c.id).order_by(due.c.turn, due.c.id).limit(limit)).all()
    if not ids:
        return ()
    # The conditions again: what another worker took between the two statements is not ours (row count per row).
    mine = (
        update(Run)
        .where(Run.id.in_(ids), reread_due(now))
        .values(lease_token=token, lease_until=now + timedelta(seconds=seconds), attempts=Run.attempts + 1)
        .returning(*Run.__table__.columns)
        .execution_options(synchronize_session=False)
    )
    return session.execute(mine).all()


def still_leased(session: Session, run_ids: Collection[int], token: str, now: datetime) -> Sequence[Row[Any]]:
    """Lock those of the runs whose lease is still ours."""
    held = (
        select(Run.__table__)
        .where(Run.id.in_(run_ids), Run.state == "rereading", Run.lease_token == token, Run.lease_until > now)
        .order_by(Run.id)
        .with_for_update()
    )
    return session.execute(held).all()


def update_runs(session: Session, changes: Iterable[Mapping[str, Any]]) -> None:
    """Write changed columns of many runs, each mapping with the run's `id`; equal sets of columns go in one call."""
    by_columns: dict[tuple[str, ...], list[list[Any]]] = {}
    for change in changes:
        columns = ("id", *sorted(name for name in change if name != "id"))
        by_columns.setdefault(columns, []).append([change[name] for name in columns])
    for columns, rows in by_columns.items():
        update_rows(session, Run, columns, rows)


def automation_states(session: Session, automation_ids: Collection[int]) -> dict[int, str]:
    """Return the state of each automation by its id."""
    return dict(session.execute(_STATES, {"ids": automation_ids}).all())


def but(statement: Any, key: Any, skip: Collection[int], only: int | None = None) -> Any:
    """Return the statement without the keys of `skip`; where there is an `only`, for that key."""
    if only is not None:
        statement = statement.where(key == only)
    return statement.where(key.not_in(skip)) if skip else statement
