"""Changes to many rows, and exports: made with all that they need, worked on a piece at a time.

A piece is one transaction: its rows, the counts and the place to go on from. Whoever finds the place moved by another
gives its piece up, so two workers on one task are slow, never wrong.
"""

from __future__ import annotations

import gzip
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any, Final

from sqlalchemy import func, insert, literal, select, update
from sqlalchemy.orm import Session

from referins_woo import clock, process, queues
from referins_woo.accounts.models import User
from referins_woo.lists import files
from referins_woo.lists.changes import CHANGES
from referins_woo.lists.columns import COLUMNS, KINDS, Column
from referins_woo.lists.models import Task, TaskPart, TaskRow
from referins_woo.mail import outbox
from referins_woo.reports.listing import Wanted

AT_ONCE: Final = 500
"""Rows that a request changes itself; more are changed in the background."""
STREAMED: Final = 10_000
"""Rows that an export sends at once; more are written in the background."""
_OF_EXPORT: Final = 1_000
"""Rows of one piece of an export."""
GIVES_UP_AFTER: Final = 5
"""Attempts without a piece that was kept."""


def begin_change(
    session: Session,
    account_id: int,
    user_id: int,
    act: str,
    value: str,
    rows: Sequence[int] | Wanted,
    now: datetime,
) -> Task:
    """Make a change of the given rows (or of all that are wanted); what of them is another account's is left out."""
    change = CHANGES[act]
    kind = KINDS[change.list]
    task = Task(account_id=account_id, user_id=user_id, list=change.list, act=act, value=value, created_at=now)
    task.stirred_at = now
    session.add(task)
    session.flush()
    if isinstance(rows, Wanted):
        chosen = kind.ids(account_id, rows)
    else:
        chosen = select(kind.table.id).where(kind.table.account_id == account_id, kind.table.id.in_(rows))
    source = chosen.add_columns(literal(task.id), literal(False)).order_by(None)
    session.execute(insert(TaskRow).from_select(["row_id", "task_id", "changed"], source))
    task.total = session.scalar(select(func.count()).where(TaskRow.task_id == task.id)) or 0
    return task


def begin_undo(session: Session, task: Task, user_id: int, now: datetime) -> Task | None:
    """Make the task that takes `task` back, in the rows that it changed; None where that cannot be (again)."""
    change = CHANGES.get(task.act)
    if change is None or not change.undo or task.state != "done" or task.undoes_id is not None:
        return None
    claimed = session.execute(update(Task).where(Task.id == task.id, Task.undone_at.is_(None)).values(undone_at=now))
    if claimed.rowcount != 1:  # type: ignore[attr-defined]
        return None
    undo = Task(
        account_id=task.account_id,
        user_id=user_id,
        list=task.list,
        act=change.undo,
        value=task.value,
        undoes_id=task.id,
        total=task.changed,
        created_at=now,
        stirred_at=now,
    )
    session.add(undo)
    session.flush()
    changed = select(TaskRow.row_id, literal(undo.id), literal(False)).where(
        TaskRow.task_id == task.id, TaskRow.changed.is_(True)
    )
    session.execute(insert(TaskRow).from_select(["row_id", "task_id", "changed"], changed))
    return undo


def begin_export(
    session: Session,
    account_id: int,
    user_id: int,
    key: str,
    wanted: Wanted,
    columns: Sequence[str],
    zone_name: str,
    *,
    mark: bool,
    now: datetime,
) -> Task:
    """Make an export of all that is wanted, and ring for it."""
    task = Task(
        account_id=account_id,
        user_id=user_id,
        list=key,
        act="export",
        asked={
            "q": wanted.q,
            "sort": wanted.sort,
            "descending": wanted.descending,
            "filters": dict(wanted.filters),
            "columns": list(columns),
            "zone": zone_name,
            "mark": mark,
        },
        total=KINDS[key].count(session, account_id, wanted),
        created_at=now,
        stirred_at=now,
    )
    session.add(task)
    session.flush()
    queues.ring_after_commit(session, "work_on_list", task.id)
    return task


def columns_of(key: str, names: Sequence[str]) -> list[Column]:
    """Return the named columns of a list, in its order."""
    return [column for column in COLUMNS[key] if column.always or column.key in names]


def work(session: Session, task: Task, now: datetime) -> bool:
    """Do one piece of a task; returns whether more is left. Its unit commits it, or nothing of it."""
    if task.state not in ("waiting", "running"):
        return False
    return _export(session, task, now) if task.act == "export" else _change(session, task, now)


def _change(session: Session, task: Task, now: datetime) -> bool:
    change = CHANGES[task.act]
    ids = next_rows(session, task, AT_ONCE)
    more = len(ids) == AT_ONCE
    if not move(session, task, str(ids[-1]) if ids else task.place, now, more=more):
        return more
    if change.apply is None:
        raise LookupError(f"{task.act} is work for lists.fetching")
    table = change.table
    who = session.scalar(select(User.email).where(User.id == task.user_id)) or ""
    rows = session.scalars(
        select(table).where(table.id.in_(ids), table.account_id == task.account_id).order_by(table.id).with_for_update()
    ).all()
    changed = change.apply(session, rows, task.value, now, who)
    session.execute(update(TaskRow).where(TaskRow.task_id == task.id, TaskRow.row_id.in_(changed)).values(changed=True))
    task.done += len(ids)
    task.changed += len(changed)
    return more


def next_rows(session: Session, task: Task, count: int) -> list[int]:
    """Return the ids of the next rows that a change is about."""
    query = select(TaskRow.row_id).where(TaskRow.task_id == task.id, TaskRow.row_id > int(task.place or 0))
    return list(session.scalars(query.order_by(TaskRow.row_id).limit(count)))


def _export(session: Session, task: Task, now: datetime) -> bool:
    wanted, zone = wanted_by(task.asked), clock.zone(task.asked["zone"])
    wanted = replace(wanted, after=task.place, size=_OF_EXPORT)
    columns = columns_of(task.list, task.asked["columns"])
    rows, place = next(KINDS[task.list].pages(session, task.account_id, wanted), ([], task.place))
    more = len(rows) == _OF_EXPORT
    number = session.scalar(select(func.count()).where(TaskPart.task_id == task.id)) or 0
    if not move(session, task, place, now, more=more):
        return more
    head = "" if number else (files.MARK if task.asked["mark"] else "") + files.headings(columns)
    text = head + files.of_rows(columns, rows, zone)
    session.add(TaskPart(task_id=task.id, number=number, data=gzip.compress(text.encode(), 6)))
    task.done += len(rows)
    if not more:
        _tell(session, task)
    return more


def wanted_by(asked: Mapping[str, Any]) -> Wanted:
    """Return what an export was asked for."""
    return Wanted(
        q=asked["q"],
        sort=asked["sort"],
        descending=asked["descending"],
        filters=asked["filters"],
        zone=clock.zone(asked["zone"]),
    )


def move(session: Session, task: Task, place: str, now: datetime, *, more: bool) -> bool:
    """Put the place forward; False where another worker has done so meanwhile."""
    values = {"place": place, "state": "running" if more else "done", "stirred_at": now, "attempts": 0}
    moved = session.execute(
        update(Task)
        .where(Task.id == task.id, Task.place == task.place, Task.state.in_(("waiting", "running")))
        .values(**values, ended_at=None if more else now)
        .execution_options(synchronize_session="fetch")
    )
    return bool(moved.rowcount == 1)  # type: ignore[attr-defined]


def _tell(session: Session, task: Task) -> None:
    """Mail the one who asked for an export that it is there."""
    user = session.get_one(User, task.user_id)
    outbox.put(
        session,
        outbox.Letter(
            account_id=task.account_id,
            once_key=f"export:{task.id}",
            purpose="system",
            to_email=user.email,
            to_name=user.name,
            template={"email": "export_ready"},
            facts={
                "list": task.list,
                "rows": f"{task.done:,}",
                "link": f"{process.current().config.public_url}/tasks/{task.id}",
            },
        ),
    )
