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

from sqlalchemy import ColumnElement, Row, and_, bindparam, exists, func, literal_column, or_, select, update
from sqlalchemy.orm import Session

from referins_woo.events.models import Event
from referins_woo.runs.models import RESTORED, Automation, Run

_HELD: Final = (Run.state == literal_column("'held'"), Run.ended_reason != RESTORED)
STARTABLE: Final = ("fired", "released")
_INDEXED: Final = Run.state.in_([literal_column(f"'{state}'") for state in ("active", "waiting", "rereading")])
"""As the index of what is due says it, word for word: SQLite takes a partial index for nothing less."""
ADVANCEABLE: Final = and_(_INDEXED, Run.state != literal_column("'rereading'"))
"""The condition for runs that go on when they are due."""


def unstarted_events(
    session: Session, limit: int, *, skip: Collection[int] = (), only: int | None = None
) -> Sequence[Row[Any]]:
    """Lock up to `limit` events that no run was looked for yet, oldest first; `skip` and `only` are event ids."""
    wanted = select(Event.__table__).where(Event.handed_over_at.is_(None), Event.state.in_(STARTABLE))
    if only is not None:
        wanted = wanted.where(Event.id == only)
    if skip:
        wanted = wanted.where(Event.id.not_in(skip))
    return session.execute(wanted.order_by(Event.id).limit(limit).with_for_update(skip_locked=True)).all()


def due_runs(
    session: Session, now: datetime, limit: int, *, skip: Collection[int] = (), only: int | None = None
) -> Sequence[Row[Any]]:
    """Lock up to `limit` runs that are due by `now`, longest due first; `skip` and `only` are run ids."""
    wanted = select(Run.__table__).where(ADVANCEABLE, Run.due_at <= now)
    if only is not None:
        wanted = wanted.where(Run.id == only)
    if skip:
        wanted = wanted.where(Run.id.not_in(skip))
    return session.execute(wanted.order_by(Run.due_at, Run.id).limit(limit).with_for_update(skip_locked=True)).all()


def let_go(session: Session, now: datetime, limit: int) -> int:
    """Make up to `limit` held runs due whose automation is no longer paused; returns how many.

    What a restore holds stays: it may have been done, and waits for a person's word (row 74). Asked automation by
    automation, so that a hundred thousand held runs of a paused one are not looked at.
    """
    going = select(Automation.id).where(
        Automation.state.in_(("live", "finishing")),
        exists().where(Run.automation_id == Automation.id, *_HELD),
    )
    automation_id = session.scalar(going.limit(1))
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
    held = exists().where(Run.automation_id == Automation.id, *_HELD)
    return (
        session.scalar(select(Automation.id).where(Automation.state.in_(("live", "finishing")), held).limit(1))
        is not None
    )


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
    by_columns: dict[tuple[str, ...], list[dict[str, Any]]] = {}
    for change in changes:
        columns = tuple(sorted(name for name in change if name != "id"))
        by_columns.setdefault(columns, []).append({f"b_{name}": value for name, value in change.items()})
    for columns, rows in by_columns.items():
        statement = (
            update(Run.__table__)  # type: ignore[arg-type]
            .where(Run.__table__.c.id == bindparam("b_id"))
            .values({name: bindparam(f"b_{name}", type_=Run.__table__.c[name].type) for name in columns})
        )
        session.connection().execute(statement, rows)


def automation_states(session: Session, automation_ids: Collection[int]) -> dict[int, str]:
    """Return the state of each automation by its id."""
    wanted = select(Automation.id, Automation.state).where(Automation.id.in_(automation_ids))
    return dict(session.execute(wanted).all())
