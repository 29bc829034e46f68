"""Contacts from a CSV file: upload, look, decide, watch, and what did not come in."""

from __future__ import annotations

from collections.abc import Iterator

from flask import Blueprint, Flask, Response, flash, redirect, render_template, request, url_for
from sqlalchemy import select
from werkzeug.wrappers import Response as AnyResponse

from referins_woo.errors import InvalidInput
from referins_woo.ingest.contact_files import columns, files
from referins_woo.ingest.contact_files.models import ContactFile, ContactFileProblem
from referins_woo.ingest.contact_files.rows import Choices
from referins_woo.web import csv_files, scope

pages = Blueprint("contact_files", __name__, url_prefix="/contacts/import")

_FORM_AROUND_IT = 1024 * 1024
_SAMPLE = (
    ("email", "first_name", "last_name", "phone", "tags", "country", "consent", "consent_at", "consent_source"),
    (
        *("ana@example.com", "Ana", "Petrova", "+49 30 1234567", "newsletter, vip", "DE"),
        *("subscribed", "2026-03-14 10:20", "form at the till"),
    ),
    ("bo@example.com", "Bo", "Lindqvist", "", "", "SE", "unsubscribed", "", ""),
)
_PROBLEMS = ("row", "email", "reason_code", "reason")
_SHOWN_PROBLEMS = 100


def allow_large_files(app: Flask) -> None:
    """Let the upload alone be larger than other forms; asked before anything reads the form."""

    @app.before_request
    def _allow() -> None:
        if request.endpoint == "contact_files.upload":
            request.max_content_length = files.LARGEST_FILE + _FORM_AROUND_IT


@pages.get("")
def form() -> str:
    """Where a file is chosen, and the files there were."""
    return _form(None)


@pages.post("")
def upload() -> AnyResponse | tuple[str, int]:
    """Keep a file and look through it."""
    given = request.files.get("file")
    if given is None or not given.filename:
        return _form(InvalidInput("file", "Choose a CSV file.")), 422
    try:
        with scope.unit() as session:
            content = files.parts_of(given.stream)
            file = files.keep(session, scope.account_id(), scope.who().user_id, given.filename, content)
    except InvalidInput as problem:
        return _form(problem), 422
    return redirect(url_for("contact_files.page", file_id=file.id), 303)


@pages.get("/sample.csv")
def sample() -> Response:
    """A small file in our own shape."""
    return csv_files.answer("contacts.csv", _SAMPLE[0], _SAMPLE[1:])


@pages.get("/<int:file_id>")
def page(file_id: int) -> str:
    """One file: being read, to be decided upon, being taken in, done. Asked by htmx: the moving part alone."""
    return _page(file_id, None)


@pages.post("/<int:file_id>")
def decide(file_id: int) -> AnyResponse | tuple[str, int]:
    """Say what the columns hold and what holds for the whole file; with `start` it begins once it was looked at."""
    try:
        with scope.unit() as session:
            file = scope.own(session, ContactFile, file_id)
            if request.form.get("act") == "start":
                files.begin(session, file)
            else:
                files.decide(session, file, _mapping(), _choices())
    except InvalidInput as problem:
        return _page(file_id, problem), 422
    return redirect(url_for("contact_files.page", file_id=file_id), 303)


@pages.post("/<int:file_id>/cancel")
def cancel(file_id: int) -> AnyResponse:
    """End it; who came in stays."""
    with scope.unit() as session:
        files.cancel(session, scope.own(session, ContactFile, file_id))
    flash("The import is cancelled. Who came in stays; the file is deleted.", "success")
    return redirect(url_for("contact_files.page", file_id=file_id), 303)


@pages.get("/<int:file_id>/problems.csv")
def problems(file_id: int) -> Response:
    """What did not come in, or not whole."""
    with scope.reading() as session:
        name = scope.own(session, ContactFile, file_id).name.rpartition(".")[0] or "contacts"

    def rows() -> Iterator[tuple[object, ...]]:
        with scope.reading() as session:
            found = select(ContactFileProblem).where(ContactFileProblem.file_id == file_id)
            for one in session.scalars(found.order_by(ContactFileProblem.row, ContactFileProblem.id)):
                yield one.row, one.email, one.reason_code, one.reason

    return csv_files.answer(f"{name}-problems.csv", _PROBLEMS, rows())


def _form(error: InvalidInput | None) -> str:
    with scope.reading() as session:
        earlier = session.scalars(
            select(ContactFile)
            .where(ContactFile.account_id == scope.account_id())
            .order_by(ContactFile.id.desc())
            .limit(20)
        ).all()
        return render_template("pages/contact_import.html", earlier=earlier, error=error)


def _page(file_id: int, error: InvalidInput | None) -> str:
    with scope.reading() as session:
        file = scope.own(session, ContactFile, file_id)
        partial = bool(request.headers.get("HX-Request")) and request.method == "GET"
        shown = session.scalars(
            select(ContactFileProblem)
            .where(ContactFileProblem.file_id == file_id)
            .order_by(ContactFileProblem.row, ContactFileProblem.id)
            .limit(_SHOWN_PROBLEMS)
        ).all()
        return render_template(
            "components/contact_file.html" if partial else "pages/contact_file.html",
            file=file,
            fields=columns.FIELDS,
            mapping=_asked() if error is not None else file.mapping,
            choices=_choices() if error is not None else Choices.of(file.choices),
            reasons=files.problem_reasons(session, file_id),
            problems=shown,
            error=error,
        )


def _columns() -> list[tuple[str, int]]:
    """(field, column) as the form says, which asks of each column what it holds."""
    named = ((name.removeprefix("column_"), key) for name, key in request.form.items() if name.startswith("column_"))
    return [(key, int(column)) for column, key in named if key and column.isascii() and column.isdigit()]


def _asked() -> dict[str, int]:
    """What the form said, to be shown again beside what is wrong with it."""
    return dict(_columns())


def _mapping() -> dict[str, int]:
    """Field → column. Raises InvalidInput where two columns are said to hold the same."""
    found: dict[str, int] = {}
    for key, column in _columns():
        if key in found:
            label = next((field.label for field in columns.FIELDS if field.key == key), key)
            raise InvalidInput(f"column_{column}", f"Two columns are said to hold “{label}”: choose one.")
        found[key] = column
    return found


def _choices() -> Choices:
    given = request.form
    return Choices(
        overwrite=given.get("overwrite") == "yes",
        tag=" ".join(given.get("tag", "").split())[:60],
        consent=given.get("consent", ""),
        consent_at=given.get("consent_at", "").strip(),
        consent_source=" ".join(given.get("consent_source", "").split())[:100],
        wording=given.get("wording", "").strip(),
        confirm=given.get("confirm") == "yes",
    )
