"""Changes to many rows of a list at once: asked with their number, done at once or in the background, undone."""

from __future__ import annotations

from flask import Blueprint, abort, redirect, render_template, request, url_for
from sqlalchemy import select
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response as AnyResponse

from referins_woo import clock, queues
from referins_woo.accounts import audit
from referins_woo.commerce import tags
from referins_woo.errors import InvalidInput
from referins_woo.lists import changes, fetching, jobs, tasks
from referins_woo.lists.models import Task, TaskPart
from referins_woo.reports.listing import Wanted
from referins_woo.web import listing, scope, toasts
from referins_woo.web.list_pages import page_of
from referins_woo.web.listing import ListPage

pages = Blueprint("tasks", __name__)


@pages.post("/lists/<key>/changes/ask")
def ask(key: str) -> str | AnyResponse | tuple[str, int]:
    """Repeat what is about to be done, to how many rows, and ask."""
    page = page_of(key)
    with scope.reading() as session:
        return _ask(page, session, None)


@pages.post("/lists/<key>/changes")
def change(key: str) -> AnyResponse | str | tuple[str, int]:
    """Do it: a few rows at once, more in the background."""
    page, who = page_of(key), scope.who()
    change = _change(page)
    with scope.unit() as session:
        value = request.form.get("value", "")
        if change.value:
            try:
                value = tags.clean(value)
            except InvalidInput as error:
                return _ask(page, session, error)
        rows = _rows(page, session)
        if isinstance(rows, Wanted):
            count = page.kind.count(session, who.account_id, rows)
            if request.form.get("count", type=int) != count:
                return _ask(
                    page, session, InvalidInput("count", "The list has changed since; this is how many match now.")
                )
        task = tasks.begin_change(session, who.account_id, who.user_id, request.form["act"], value, rows, clock.now())
        if request.form["act"] == "delete":
            audit.record(session, who.account_id, "order_deleted", page.rows_words(task.total))
        _begin(session, task)
    return _after(page, task, _back(page))


@pages.get("/tasks/<int:task_id>")
def page(task_id: int) -> str:
    """How far a task is."""
    with scope.reading() as session:
        found = scope.own(session, Task, task_id)
        return render_template(
            "pages/task.html",
            task=found,
            page=page_of(found.list),
            back=request.args.get("back", ""),
            change=changes.CHANGES.get(found.act),
            outcomes=fetching.outcomes(found),
            kept_until=found.ended_at + jobs.KEPT if found.ended_at else None,
            has_file=session.scalar(select(TaskPart.number).where(TaskPart.task_id == found.id).limit(1)) is not None,
        )


@pages.post("/tasks/<int:task_id>/undo")
def undo(task_id: int) -> AnyResponse:
    """Take a change back, in the rows that it changed."""
    with scope.unit() as session:
        found = scope.own(session, Task, task_id)
        page = page_of(found.list)
        undone = tasks.begin_undo(session, found, scope.who().user_id, clock.now())
        if undone is not None:
            _begin(session, undone)
    back = _back(page)
    if undone is None:
        toasts.say("This was undone already.")
        return redirect(back, 303)
    return _after(page, undone, back)


def _change(page: ListPage) -> changes.Change:
    """The change that the form names."""
    found = changes.CHANGES.get(request.form.get("act", ""))
    if found is None or found.list != page.key:
        abort(400, "This list knows no such change.")
    return found


def _rows(page: ListPage, session: Session) -> list[int] | Wanted:
    """Which rows the form is about: those ticked, or all that match."""
    if request.form.get("all") == "1":
        return listing.read(page, session, listing.args_of(request.form.get("query", ""))).wanted
    ids = {int(text) for text in request.form.getlist("id") if text.isascii() and text.isdigit() and len(text) <= 18}
    return sorted(ids)[: max(listing.SIZES)]


def _ask(page: ListPage, session: Session, error: InvalidInput | None) -> str | AnyResponse | tuple[str, int]:
    change, rows = _change(page), _rows(page, session)
    whole = isinstance(rows, Wanted)
    count = page.kind.count(session, scope.account_id(), rows) if isinstance(rows, Wanted) else len(rows)
    if not count:
        toasts.say(f"Tick the {page.nouns} first.")
        return redirect(_back(page), 303)
    shown = render_template(
        "pages/change.html",
        page=page,
        act=request.form["act"],
        change=change,
        rows=[] if whole else rows,
        count=count,
        query=request.form.get("query", "") if whole else "",
        back=_back(page),
        value=request.form.get("value", ""),
        known=tags.used(session, scope.account_id()) if change.value else [],
        error=error,
    )
    return (shown, 422) if error else shown


def _begin(session: Session, task: Task) -> None:
    """Do a small task at once, ring for one that takes long."""
    if _takes_long(task):
        queues.ring_after_commit(session, "work_on_list", task.id)
        return
    while tasks.work(session, task, clock.now()):
        pass


def _takes_long(task: Task) -> bool:
    """Many rows, or rows that stores must be asked about."""
    return task.total > tasks.AT_ONCE or changes.CHANGES[task.act].apply is None


def _after(page: ListPage, task: Task, back: str) -> AnyResponse:
    """Say what was done, or show how far it is."""
    if _takes_long(task):
        return redirect(url_for("tasks.page", task_id=task.id, back=back), 303)
    change = changes.CHANGES[task.act]
    words = change.done.format(rows=page.rows_words(task.changed), value=task.value)
    if task.changed < task.done:
        words += " " + change.rest.format(rows=page.rows_words(task.done - task.changed))
    undo = ""
    if change.undo and task.changed and task.undoes_id is None:
        undo = url_for("tasks.undo", task_id=task.id)
    toasts.say(("Undone. " if task.undoes_id else "") + words, undo=undo, back=back)
    return redirect(back, 303)


def _back(page: ListPage) -> str:
    """Where the form came from, if that is this list or one of its rows; else the list."""
    back = request.form.get("back", "")
    return back if back == page.path or back.startswith((page.path + "?", page.path + "/")) else page.path
