"""The match desk: pairs of contacts that may be one person, and merging two by hand (M9)."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, abort, flash, redirect, render_template, request, url_for
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response

from referins_woo import clock
from referins_woo.accounts import audit
from referins_woo.commerce.models import Contact, Match
from referins_woo.errors import InvalidInput
from referins_woo.match_desk import desk
from referins_woo.reports import matches as reports
from referins_woo.web import scope

pages = Blueprint("matches", __name__, url_prefix="/contacts")


@pages.get("/matches")
def index() -> str:
    """Pairs to decide, or what was decided."""
    before = request.args.get("before", type=int)
    rule = request.args.get("why", "")
    with scope.reading() as session:
        account_id = scope.account_id()
        it = reports.desk(session, account_id, rule=rule if rule in reports.RULES else "", before=before)
        decided, older = reports.decided(session, account_id, before=before)
        show = "decided" if request.args.get("show") == "decided" else "open"
        return render_template(
            "pages/matches.html",
            it=it,
            show=show,
            rule=rule,
            rules=reports.RULES,
            decided=decided,
            older=older,
            names=reports.names(session, decided) if show == "decided" else {},
        )


@pages.get("/matches/<int:match_id>")
def page(match_id: int) -> str:
    """One pair: evidence, what the merge would make, and the decision."""
    with scope.reading() as session:
        return _page(session, scope.own(session, Match, match_id))


@pages.post("/matches/<int:match_id>/accept")
def accept(match_id: int) -> Response | tuple[str, int]:
    """They are one person: merge them."""
    with scope.unit() as session:
        match = scope.own(session, Match, match_id)
        try:
            merge = desk.accept(session, match, clock.now(), audit.acting(), request.form.get("keep", type=int))
        except (desk.NotNow, InvalidInput) as error:
            return _page(session, match, str(error)), 409
        flash("Merged. Nothing is lost: undo gives both contacts back.", "success")
        return redirect(url_for("matches.page", match_id=merge.match_id), 303)


@pages.post("/matches/<int:match_id>/reject")
def reject(match_id: int) -> Response | tuple[str, int]:
    """They are two people: never ask about them again."""
    with scope.unit() as session:
        match = scope.own(session, Match, match_id)
        try:
            desk.reject(session, match, clock.now(), audit.acting())
        except desk.NotNow as error:
            return _page(session, match, str(error)), 409
        flash("Kept apart. We will not ask about these two again.", "success")
        return redirect(url_for("matches.index"), 303)


@pages.post("/matches/<int:match_id>/undo")
def undo(match_id: int) -> Response | tuple[str, int]:
    """Take the decision back."""
    with scope.unit() as session:
        match = scope.own(session, Match, match_id)
        try:
            desk.undo(session, match, clock.now(), audit.acting())
        except desk.NotNow as error:
            return _page(session, match, str(error)), 409
        words = {"undone": "Undone: both contacts are back as they were.", "open": "Undone: the pair is open again."}
        flash(words[match.state], "success")
        return redirect(url_for("matches.page", match_id=match_id), 303)


@pages.get("/<int:contact_id>/merge")
def choose(contact_id: int) -> str:
    """Choose the contact to merge this one with."""
    with scope.reading() as session:
        return _choose(session, scope.own(session, Contact, contact_id))


@pages.post("/<int:contact_id>/merge")
def propose(contact_id: int) -> Response | tuple[str, int]:
    """Ask about two contacts by hand: nothing is merged before the page of the pair says so."""
    with scope.unit() as session:
        contact = scope.own(session, Contact, contact_id)
        try:
            other_id = request.form.get("other_id", type=int)
            if other_id is None:
                raise InvalidInput("other_id", "Choose the other contact.")
            match = desk.ask_by_hand(session, contact.account_id, contact_id, other_id, clock.now())
        except InvalidInput as error:
            return _choose(session, contact, error.message), 422
        return redirect(url_for("matches.page", match_id=match.id), 303)


def _page(session: Session, match: Match, error: str = "") -> str:
    it = reports.pair_page(session, match)
    if it is None:
        abort(404, "A contact of this pair was merged into another one, or is no longer here.")
    return render_template("pages/match.html", it=it, match=match, rules=reports.RULES, error=error, keep=_keep(match))


def _keep(match: Match) -> int:
    asked: Any = request.values.get("keep", type=int)
    return int(asked) if asked in (match.older_id, match.newer_id) else match.older_id


def _choose(session: Session, contact: Contact, error: str = "") -> str:
    words = request.args.get("q", "").strip()[:200]
    return render_template(
        "pages/match_choose.html",
        contact=contact,
        words=words,
        found=reports.who_else(session, contact, words),
        error=error,
    )
