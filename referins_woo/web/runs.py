"""Runs: what every order and contact went through, what waits and until when, why it ended (A6)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from flask import Blueprint, flash, redirect, render_template, request, url_for
from sqlalchemy import select
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response

from automations.steps import STEPS
from referins_woo.accounts.models import User
from referins_woo.reports import runs as reports
from referins_woo.reports import timeline
from referins_woo.reports import why as reasons
from referins_woo.runs import steer
from referins_woo.runs.models import Automation, Run
from referins_woo.web import listing, scope

pages = Blueprint("runs", __name__, url_prefix="/runs")

_MOST_ORDERS = 5

_STATES = listing.Filter(
    "state",
    "State",
    (
        ("open", "Under way"),
        ("waiting", "Waiting"),
        ("held", "Held"),
        ("done", "Done"),
        ("exited", "Exited"),
        ("stopped", "Stopped"),
        ("failed", "Failed"),
    ),
)


def _steps(session: Session) -> tuple[tuple[str, str], ...]:
    """The steps of the automation that is chosen; none where none is: their ids are its own."""
    chosen = request.args.get("automation", "")
    if not chosen.isascii() or not chosen.isdigit() or len(chosen) > 18:
        return ()
    mine = (Automation.id == int(chosen), Automation.account_id == scope.account_id())
    draft = session.scalar(select(Automation.draft).where(*mine)) or {}
    return tuple(_named(draft.get("steps")))


def _named(steps: Any) -> Iterator[tuple[str, str]]:
    for step in steps if isinstance(steps, list) else ():
        kind = STEPS.get(step.get("kind", ""))
        words = step.get("name") or (kind.label if kind is not None else step.get("kind", ""))
        yield str(step.get("id", "")), f"{words} ({step.get('id', '')})"
        for branch in kind.branches if kind is not None else ():
            yield from _named(step.get(branch))


def _filters(session: Session) -> tuple[listing.Filter, ...]:
    names = session.execute(
        select(Automation.id, Automation.name)
        .where(Automation.account_id == scope.account_id())
        .order_by(Automation.name)
    ).all()
    return (
        _STATES,
        listing.Filter("automation", "Automation", tuple((str(one.id), one.name) for one in names)),
        *([listing.Filter("step", "Step", steps, rare=True)] if (steps := _steps(session)) else []),
        *listing.date_filters("Started"),
        *listing.contact_filter(session),
    )


LIST = listing.ListPage(
    key="runs",
    noun="run",
    nouns="runs",
    default_sort="-started",
    search="Order number, name or e-mail",
    filters=_filters,
    ready=(
        listing.ReadyView("open", "Under way", {"state": "open"}),
        listing.ReadyView("failed", "Failed", {"state": "failed"}),
    ),
)


@pages.get("")
def index() -> str | Response:
    """The list."""
    return listing.show(LIST)


@pages.get("/why")
def why() -> str:
    """Why did somebody not get it? Asked by e-mail or order number (A6)."""
    words = request.args.get("q", "").strip()[:320]
    with scope.reading() as session:
        orders = reasons.find_orders(session, scope.account_id(), words, _MOST_ORDERS + 1)
        shown = [(order, reasons.why(session, order)) for order in orders[:_MOST_ORDERS]]
        return render_template("pages/why.html", q=words, answers=shown, more=len(orders) > _MOST_ORDERS)


@pages.post("/<int:run_id>/<any(retry, skip_wait, stop):act>")
def steer_run(run_id: int, act: str) -> Response:
    """Try a failed run again, let a waiting one go on, stop one."""
    who = scope.who()
    words = {
        "retry": "It goes on from the step that failed.",
        "skip_wait": "The wait is over: it goes on now, exit conditions first.",
        "stop": "It is stopped; e-mails of it that had not left are not sent.",
    }
    try:
        with scope.unit() as session:
            run = scope.own(session, Run, run_id)
            back = _back_of(run)
            user = session.get_one(User, who.user_id)
            getattr(steer, act)(session, run_id, who.account_id, user.name or user.email)
    except steer.CannotSteer as error:
        flash(str(error), "error")
    else:
        flash(words[act], "success")
    return redirect(back, 303)


def _back_of(run: Run) -> str:
    """Return the page from which the run was steered."""
    back = request.form.get("back", "")
    if back == "contact" and run.contact_id is not None:
        return url_for("contacts.page", contact_id=run.contact_id)
    if back == "order" and run.order_id is not None:
        return url_for("orders.page", order_id=run.order_id)
    return url_for("runs.page", run_id=run.id)


@pages.get("/<int:run_id>")
def page(run_id: int) -> str:
    """One run with every step, decision and the values that it saw."""
    with scope.reading() as session:
        run = scope.own(session, Run, run_id)
        return render_template(
            "pages/run.html", it=reports.run_page(session, run), run=run, event_names=timeline.EVENTS
        )
