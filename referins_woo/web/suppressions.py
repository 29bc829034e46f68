"""Addresses that get no mail: the list, with search, additions and removals by hand, and a CSV file of it."""

from __future__ import annotations

from collections.abc import Iterator

from flask import Blueprint, Response, flash, redirect, render_template, request, url_for
from werkzeug.wrappers import Response as AnyResponse

from referins_woo import clock
from referins_woo.accounts import audit
from referins_woo.errors import InvalidInput
from referins_woo.mail import suppressed
from referins_woo.mail.models import Suppression
from referins_woo.web import csv_files, scope

pages = Blueprint("suppressions", __name__, url_prefix="/suppressions")


@pages.get("")
def index() -> tuple[str, int]:
    """The list; search words, reason and place lie in the address."""
    return _page()


@pages.post("")
def add() -> AnyResponse | tuple[str, int]:
    """Block an address by hand."""
    try:
        with scope.unit() as session:
            suppressed.add(session, scope.account_id(), request.form.get("email", ""), request.form.get("note", ""))
            audit.record(session, scope.account_id(), "address_blocked")
    except InvalidInput as error:
        return _page(error)
    flash("The address gets no more mail from this account.", "success")
    return redirect(url_for("suppressions.index"), 303)


@pages.post("/<int:suppression_id>/remove")
def remove(suppression_id: int) -> AnyResponse | tuple[str, int]:
    """Take an address off the list, with the reason why."""
    try:
        with scope.unit() as session:
            row = scope.own(session, Suppression, suppression_id)
            suppressed.remove(session, row, request.form.get("why", ""), clock.now())
            audit.record(session, scope.account_id(), "address_unblocked")
    except InvalidInput as error:
        return _page(error, suppression_id)
    flash("The address was taken off. The reason stands in the ledger of consent.", "success")
    return redirect(url_for("suppressions.index"), 303)


@pages.get("/addresses.csv")
def csv() -> Response:
    """The addresses that the list shows, as a file."""
    account_id, q, reason = scope.account_id(), request.args.get("q", ""), request.args.get("reason", "")

    def rows() -> Iterator[tuple[str, str, str, str]]:
        with scope.reading() as session:
            for row in suppressed.every(session, account_id, q, reason):
                yield _shown(row), row.reason, row.note, row.created_at.isoformat(timespec="seconds")

    with scope.unit() as session:
        audit.record(session, account_id, "list_exported", "suppressions")
    return csv_files.answer("suppressions.csv", ("email", "reason", "note", "since"), rows())


def _page(error: InvalidInput | None = None, of: int | None = None) -> tuple[str, int]:
    q, reason = request.args.get("q", "")[:200], request.args.get("reason", "")
    with scope.reading() as session:
        listed = suppressed.page(session, scope.account_id(), q, reason, request.args.get("after", type=int))
        page = render_template(
            "pages/suppressions.html",
            listed=listed,
            q=q,
            reason=reason if reason in suppressed.REASONS else "",
            reasons=suppressed.REASONS,
            keeps=suppressed.KEEPS,
            shown=_shown,
            error=error,
            of=of,
            typed=request.form,
        )
    return page, 422 if error is not None else 200


def _shown(row: Suppression) -> str:
    """The address; of an erased person only that there was one."""
    return "erased person" if row.email_key.startswith("erased:") else row.email_key
