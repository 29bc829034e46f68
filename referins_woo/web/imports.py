"""An import as it goes: progress by polling, pause, resume, cancel, and what was set aside (I1, I4, I5)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from itertools import islice
from typing import Final

from flask import Blueprint, Response, abort, flash, make_response, redirect, render_template, request, url_for
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response as AnyResponse

from referins_woo import clock
from referins_woo.errors import InvalidInput
from referins_woo.ingest import finished, importing
from referins_woo.ingest.models import Import, SkippedRecord
from referins_woo.reports import imports as reports
from referins_woo.stores import connect
from referins_woo.stores.models import Store
from referins_woo.web import csv_files, import_form, scope

pages = Blueprint("imports", __name__, url_prefix="/settings/integrations/woocommerce/<int:store_id>/imports")

LABELS: Final = finished.LABELS
_COLUMNS = ("entity", "woo_id", "name", "reason_code", "reason", "detail")
_SHOWN = 100
"""Records on one page of those set aside."""


def _own(session: Session, store_id: int, import_id: int) -> tuple[Store, Import]:
    store = scope.own(session, Store, store_id)
    run = scope.own(session, Import, import_id)
    if run.store_id != store.id:
        abort(404)
    return store, run


@pages.get("/<int:import_id>")
def page(store_id: int, import_id: int) -> AnyResponse:
    """The progress page; asked by htmx it answers with the moving part alone, or with nothing where nothing moved."""
    partial = bool(request.headers.get("HX-Request"))
    now = clock.now()
    with scope.reading() as session:
        store, run = _own(session, store_id, import_id)
        found = reports.progress(session, run, now)
        seen = request.args.get("seen") == found.version or request.if_none_match.contains(found.version)
        if partial and seen and found.is_moving:
            answer = make_response("", 204)
        else:
            answer = make_response(
                render_template(
                    "components/import_progress.html" if partial else "pages/import.html",
                    store=store,
                    it=found,
                    now=now,
                    labels=LABELS,
                    partial=partial,
                    is_first=reports.is_first(session, run),
                    failed_now=0 if found.is_moving else reports.failed_count(session, store_id),
                )
            )
    if partial:
        answer.set_etag(found.version)
    return answer


@pages.post("/<int:import_id>/<any(pause, resume, cancel):act>")
def steer(store_id: int, import_id: int, act: str) -> AnyResponse:
    """Pause, resume or cancel."""
    words = {"pause": "The import is paused.", "resume": "The import goes on.", "cancel": "The import is cancelled."}
    try:
        with scope.unit() as session:
            _, run = _own(session, store_id, import_id)
            {"pause": importing.pause, "resume": importing.resume, "cancel": importing.cancel}[act](session, run)
    except InvalidInput as error:
        flash(error.message, "error")
    else:
        flash(words[act], "success")
    return redirect(url_for("imports.page", store_id=store_id, import_id=import_id), 303)


@pages.get("/again")
def again(store_id: int) -> str:
    """What to import again, and under which limits."""
    with scope.reading() as session:
        store = scope.own(session, Store, store_id)
    return render_template("pages/import_again.html", store=store, form=import_form.of_store(store), error=None)


@pages.post("/again")
def begin_again(store_id: int) -> AnyResponse | tuple[str, int]:
    """Import chosen elements again, without disconnecting: it doubles nothing and starts no automation (C9)."""
    with scope.reading() as session:
        before = scope.own(session, Store, store_id)
    form = import_form.typed(before)
    try:
        with scope.unit() as session:
            store = scope.own(session, Store, store_id)
            # What was chosen when the store was connected stays: this is about one import.
            wanted = replace(form.choices(store), elements=frozenset(store.import_elements))
            connect.save_choices(session, store, wanted)
            import_id = importing.start(session, store, form.chosen).id
    except InvalidInput as error:
        return render_template("pages/import_again.html", store=before, form=form, error=error), 422
    return redirect(url_for("imports.page", store_id=store_id, import_id=import_id), 303)


@pages.post("/retry")
def retry(store_id: int) -> AnyResponse:
    """Ask the store again for the records that failed, and for nothing else."""
    try:
        with scope.unit() as session:
            import_id = importing.retry_failed(session, scope.own(session, Store, store_id)).id
    except InvalidInput as error:
        flash(error.message, "error")
        return redirect(url_for("imports.skipped", store_id=store_id), 303)
    return redirect(url_for("imports.page", store_id=store_id, import_id=import_id), 303)


def _wanted(kind: str = "", import_id: int | None = None) -> reports.SetAsideFilter:
    asked = request.args
    return reports.SetAsideFilter(
        kind=kind or (asked.get("kind", "") if asked.get("kind") in ("skipped", "failed") else ""),
        element=asked.get("element", ""),
        reason_code=asked.get("reason", ""),
        import_id=import_id if import_id is not None else asked.get("import", type=int),
    )


@pages.get("/skipped")
def skipped(store_id: int) -> str:
    """What was set aside, grouped by reason, with the records of the chosen ones."""
    wanted, after = _wanted(), request.args.get("after", 0, type=int)
    with scope.reading() as session:
        store = scope.own(session, Store, store_id)
        rows = list(islice(reports.set_aside(session, store_id, wanted, batch=_SHOWN + 1, after=after), _SHOWN + 1))
        everything = reports.SetAsideFilter(import_id=wanted.import_id)
        return render_template(
            "pages/skipped.html",
            store=store,
            reasons=reports.reasons(session, store_id, everything),
            rows=rows[:_SHOWN],
            more=rows[_SHOWN - 1].id if len(rows) > _SHOWN else None,
            after=after,
            wanted=wanted,
            labels=LABELS,
            failed=reports.failed_count(session, store_id),
            in_woo=in_woo,
        )


def in_woo(store: Store, row: SkippedRecord) -> str:
    """Return where a record is found in the store's own pages; empty where it has none."""
    admin = f"{store.url}/wp-admin"
    woo_id = {"variations": row.parent_woo_id, "transactions": row.parent_woo_id}.get(row.element, row.woo_id)
    if not woo_id:
        return ""
    if row.element == "contacts":
        return f"{admin}/user-edit.php?user_id={woo_id}"
    if row.element == "collections":
        return f"{admin}/term.php?taxonomy=product_cat&post_type=product&tag_ID={woo_id}"
    return f"{admin}/post.php?post={woo_id}&action=edit"


@pages.get("/skipped.csv")
def skipped_csv(store_id: int) -> Response:
    """What a rule left out, as CSV."""
    return _csv(store_id, "skipped")


@pages.get("/failed.csv")
def failed_csv(store_id: int) -> Response:
    """What could not be read, as CSV."""
    return _csv(store_id, "failed")


@pages.get("/<int:import_id>/skipped.csv")
def skipped_csv_of(store_id: int, import_id: int) -> Response:
    """What a rule left out of one import, as CSV."""
    return _csv(store_id, "skipped", import_id)


@pages.get("/<int:import_id>/failed.csv")
def failed_csv_of(store_id: int, import_id: int) -> Response:
    """What could not be read in one import, as CSV."""
    return _csv(store_id, "failed", import_id)


def _csv(store_id: int, kind: str, import_id: int | None = None) -> Response:
    wanted = _wanted(kind, import_id)
    with scope.reading() as session:
        if import_id is None:
            scope.own(session, Store, store_id)
        else:
            _own(session, store_id, import_id)

    def rows() -> Iterator[tuple[object, ...]]:
        with scope.reading() as session:
            for row in reports.set_aside(session, store_id, wanted):
                yield row.element, row.woo_id, row.name, row.reason_code, row.reason, row.detail

    name = f"{kind}-{store_id}" if import_id is None else f"{kind}-of-import-{import_id}"
    return csv_files.answer(f"{name}.csv", _COLUMNS, rows())
