"""The shell of work on lists, and the sweeps behind it."""

from __future__ import annotations

import time
from datetime import timedelta

import structlog
from sqlalchemy import delete, select, update

from referins_woo import clock, process, queues
from referins_woo.errors import RetryLater
from referins_woo.lists import fetching, tasks
from referins_woo.lists.models import Task, TaskPart

log = structlog.get_logger(__name__)

_SECONDS = 20.0
_SILENT = timedelta(seconds=30)
KEPT = timedelta(days=7)
"""How long an export can be fetched."""
_REMEMBERED = timedelta(days=30)


@queues.job("work_on_list")
def work_on_list(task_id: int) -> None:
    """Work on a task for a while."""
    database = process.current().database
    until = time.monotonic() + _SECONDS
    with database.unit() as session:
        begun = session.execute(
            update(Task)
            .where(Task.id == task_id, Task.state.in_(("waiting", "running")))
            .values(attempts=Task.attempts + 1, stirred_at=clock.now())
            .returning(Task.attempts)
        ).scalar_one_or_none()
        if begun is None:
            return
        if begun > tasks.GIVES_UP_AFTER:
            session.execute(update(Task).where(Task.id == task_id).values(state="failed", ended_at=clock.now()))
            log.error("list task given up", task=task_id)
            return
        asks_stores = fetching.is_one(session.get_one(Task, task_id))
    more = True
    while more and time.monotonic() < until:
        if asks_stores:
            try:
                more = fetching.work(process.current(), task_id, is_last_try=begun == tasks.GIVES_UP_AFTER)
            except RetryLater as error:
                log.info("fetching waits", task=task_id, why=str(error))
                return  # rung for again by the clock
            begun = 0
            continue
        with database.unit() as session:
            more = tasks.work(session, session.get_one(Task, task_id), clock.now())
    if more:
        queues.ring("work_on_list", task_id)


def ring_for_tasks() -> None:
    """Ring for tasks that nobody works on."""
    with process.current().database.reading() as session:
        waiting = session.scalars(
            select(Task.id).where(Task.state.in_(("waiting", "running")), Task.stirred_at < clock.now() - _SILENT)
        ).all()
    for task_id in waiting:
        queues.ring("work_on_list", task_id)


def forget_old() -> None:
    """Drop the files of exports after a week, and tasks with their rows after a month."""
    now = clock.now()
    with process.current().database.unit() as session:
        old = select(Task.id).where(Task.ended_at < now - KEPT)
        session.execute(delete(TaskPart).where(TaskPart.task_id.in_(old)))
        session.execute(delete(Task).where(Task.ended_at < now - _REMEMBERED))
