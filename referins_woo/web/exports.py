"""CSV files of every list: its filter and columns, streamed, or written in the background where they are long."""

from __future__ import annotations

import gzip
from collections.abc import Iterator
from dataclasses import replace

from flask import Blueprint, Response, abort, redirect, render_template, request, url_for
from sqlalchemy import select
from werkzeug.wrappers import Response as AnyResponse

from referins_woo import clock, process
from referins_woo.accounts import audit
from referins_woo.lists import files, tasks
from referins_woo.lists.models import Task, TaskPart
from referins_woo.web import csv_files, listing, scope
from referins_woo.web.list_pages import page_of
from referins_woo.web.listing import ListPage

pages = Blueprint("exports", __name__)

_PIECE = 500
"""Rows of one piece of a streamed file; between pieces no connection is held."""


@pages.get("/lists/<key>/export")
def form(key: str) -> str:
    """Ask how the file is wanted."""
    page = page_of(key)
    with scope.reading() as session:
        asked = listing.read(page, session, request.args)
        count = page.kind.count(session, scope.account_id(), asked.wanted)
    return render_template("pages/export.html", list=asked, count=count, background=count > tasks.STREAMED)


@pages.post("/lists/<key>/exports")
def begin(key: str) -> AnyResponse:
    """Begin the download, or write the file in the background where it is long."""
    page, who = page_of(key), scope.who()
    mark = request.form.get("mark") == "1"
    with scope.unit() as session:
        asked = listing.read(page, session, listing.args_of(request.form.get("query", "")))
        count = page.kind.count(session, who.account_id, asked.wanted)
        if count <= tasks.STREAMED:
            return redirect(_csv_url(page, asked, mark=mark), 303)
        made = tasks.begin_export(
            session,
            who.account_id,
            who.user_id,
            key,
            asked.wanted,
            sorted(asked.shown),
            who.time_zone,
            mark=mark,
            now=clock.now(),
        )
        audit.record(session, who.account_id, "list_exported", page.nouns, rows=count)
    return redirect(url_for("tasks.page", task_id=made.id), 303)


@pages.get("/<key>.csv")
def csv(key: str) -> Response | AnyResponse:
    """The rows and columns that the address asks for; `mark=1` for Excel."""
    page, who = page_of(key), scope.who()
    with scope.unit() as session:
        asked = listing.read(page, session, request.args)
        count = page.kind.count(session, who.account_id, asked.wanted)
        if count > tasks.STREAMED:
            return redirect(listing.address(url_for("exports.form", key=key), asked.values()), 303)
        audit.record(session, who.account_id, "list_exported", page.nouns, rows=count)
    columns = tasks.columns_of(key, sorted(asked.shown))
    head = (files.MARK if request.args.get("mark") == "1" else "") + files.headings(columns)
    wanted = replace(asked.wanted, page=1, after="", before="", size=_PIECE)

    def pieces() -> Iterator[str]:
        yield head
        place, more = "", True
        while more:
            with database.reading() as session:
                one = page.kind.pages(session, who.account_id, replace(wanted, after=place))
                rows, place = next(one, ([], place))
                text = files.of_rows(columns, rows, wanted.zone)
            more = len(rows) == _PIECE
            yield text

    database = process.current().database
    return csv_files.streamed(_file_name(key), pieces())


@pages.get("/tasks/<int:task_id>/file")
def file(task_id: int) -> Response:
    """The file of an export."""
    with scope.reading() as session:
        found = scope.own(session, Task, task_id)
        page_of(found.list)
        numbers = list(
            session.scalars(select(TaskPart.number).where(TaskPart.task_id == found.id).order_by(TaskPart.number))
        )
    if found.act != "export" or found.state != "done" or not numbers:
        abort(404, "There is no file: it is not ready yet, or it was older than seven days and is gone.")
    return csv_files.streamed(_file_name(found.list), _parts(found.id, numbers))


def _csv_url(page: ListPage, asked: listing.Listing, *, mark: bool) -> str:
    values = asked.values() | ({"mark": "1"} if mark else {})
    values.pop("view", None)
    return listing.address(url_for("exports.csv", key=page.key), values)


def _file_name(key: str) -> str:
    return f"{key}-{clock.now().astimezone(clock.zone(scope.who().time_zone)):%Y-%m-%d}.csv"


def _parts(task_id: int, numbers: list[int]) -> Iterator[bytes]:
    database = process.current().database
    for number in numbers:
        with database.reading() as session:
            data = session.scalar(select(TaskPart.data).where(TaskPart.task_id == task_id, TaskPart.number == number))
        yield gzip.decompress(data or b"")
