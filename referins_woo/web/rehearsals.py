"""Trust before sending: what a draft would have done with the orders of the last days. Nothing is sent.

The newest orders are rehearsed while one waits; very many are asked for, worked on beside the request, and looked at
when they are done.
"""

from __future__ import annotations

from typing import Final

from flask import Blueprint, Response, abort, flash, redirect, render_template, request, url_for
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response as AnyResponse

from automations.conditions import FIELDS
from automations.definition import Definition, parse
from automations.triggers import TRIGGERS
from referins_woo import clock
from referins_woo.errors import InvalidInput
from referins_woo.runs import rehearsals, rehearse
from referins_woo.runs.models import AskedRehearsal, Automation
from referins_woo.runs.rehearse import Rehearsal, Rehearsed
from referins_woo.web import csv_files, scope
from referins_woo.web.builder import by_card, problems_of
from referins_woo.web.builder_paths import names_of

pages = Blueprint("rehearsals", __name__, url_prefix="/automations/<int:automation_id>")

_SPANS: Final = (7, 30, 90)
_MOST_SHOWN: Final = 200
_GATES: Final = {
    "source": "Created via",
    "amount": "Free orders",
    "reentry": "Entered before",
    "lateness": "Too late",
    "status_from": "Status before",
    "status_to": "Status after",
    "refund": "Refund in full or in part",
}
"""Gates of entering that are no field of a filter."""


@pages.get("/rehearsal")
def page(automation_id: int) -> str:
    """What the draft would have done with the orders of the last days."""
    with scope.reading() as session:
        automation = scope.own(session, Automation, automation_id)
        found = _rehearsed(session, automation)
        return _page(automation, found, None, _days())


@pages.post("/rehearsal")
def begin(automation_id: int) -> AnyResponse:
    """Ask for a rehearsal of very many orders: a worker does it."""
    days = _days()
    try:
        with scope.unit() as session:
            automation = scope.own(session, Automation, automation_id)
            if not isinstance(parse(automation.draft), Definition):
                return redirect(url_for("rehearsals.page", automation_id=automation_id), 303)
            asked = rehearsals.ask(session, automation, days, rehearse.MOST, clock.now())
            there = url_for("rehearsals.asked", automation_id=automation_id, rehearsal_id=asked.id)
    except InvalidInput as wrong:
        flash(wrong.message, "error")
        there = url_for("rehearsals.page", automation_id=automation_id, days=days)
    return redirect(there, 303)


@pages.get("/rehearsals/<int:rehearsal_id>")
def asked(automation_id: int, rehearsal_id: int) -> str:
    """One that was asked for: how it stands, then what came out."""
    with scope.reading() as session:
        automation, one = _asked(session, automation_id, rehearsal_id)
        return _page(automation, rehearsals.result(session, one), one, one.days)


@pages.get("/rehearsal.csv")
def file(automation_id: int) -> Response:
    """All of a rehearsal, a line for each e-mail, or for the run where it would have sent none."""
    with scope.reading() as session:
        return _file(_rehearsed(session, scope.own(session, Automation, automation_id)), automation_id)


@pages.get("/rehearsals/<int:rehearsal_id>.csv")
def asked_file(automation_id: int, rehearsal_id: int) -> Response:
    """The same of one that was asked for."""
    with scope.reading() as session:
        _, one = _asked(session, automation_id, rehearsal_id)
        return _file(rehearsals.result(session, one), automation_id)


def _page(automation: Automation, found: Rehearsal | None, asked: AskedRehearsal | None, days: int) -> str:
    problems = problems_of(dict(automation.draft)) if asked is None else []
    return render_template(
        "pages/rehearsal.html",
        automation=automation,
        found=found,
        asked=asked,
        is_old=asked is not None and asked.definition != automation.draft,
        days=days,
        spans=_SPANS,
        most=rehearse.MOST,
        newest=sorted(found.runs, key=lambda run: run.entered_at, reverse=True)[:_MOST_SHOWN] if found else [],
        filtered=[(_gate_words(gate), count) for gate, count in found.filtered.most_common()] if found else [],
        withheld=_withheld(found) if found else [],
        names=names_of(asked.definition if asked is not None else automation.draft),
        trigger=TRIGGERS[str((asked.definition if asked is not None else automation.draft).get("trigger"))],
        problems=by_card(dict(automation.draft), problems),
    )


def _file(found: Rehearsal | None, automation_id: int) -> Response:
    if found is None:
        abort(404)
    rows = [
        (run.order_number, run.email, run.entered_at, mail["at"], mail["to"], mail["subject"], _ended(run))
        for run in found.runs
        for mail in run.mails or [{"at": "", "to": "", "subject": ""}]
    ]
    header = ("order", "email", "entered_at", "mailed_at", "to", "subject", "ended")
    return csv_files.answer(f"rehearsal-{automation_id}.csv", header, rows)


def _asked(session: Session, automation_id: int, rehearsal_id: int) -> tuple[Automation, AskedRehearsal]:
    automation = scope.own(session, Automation, automation_id)
    asked = scope.own(session, AskedRehearsal, rehearsal_id)
    if asked.automation_id != automation.id:
        abort(404)
    return automation, asked


def _days() -> int:
    days = request.values.get("days", rehearse.DAYS, type=int)
    return days if days in _SPANS else rehearse.DAYS


def _rehearsed(session: Session, automation: Automation) -> Rehearsal | None:
    """Return the rehearsal that the address asks for; None where the draft cannot run."""
    definition = parse(automation.draft)
    if not isinstance(definition, Definition):
        return None
    return rehearse.rehearse(
        session,
        automation.account_id,
        definition,
        clock.now(),
        _days(),
        instead_of=automation.id,
        most=rehearse.QUICK,
    )


def _gate_words(gate: str) -> str:
    return FIELDS[gate].label if gate in FIELDS else _GATES.get(gate, gate.replace("_", " ").capitalize())


def _withheld(found: Rehearsal) -> list[tuple[str, int]]:
    """Return why e-mails would not have gone out: (in words, how many), the most frequent first."""
    said = {one["reason"]: one["text"] for run in found.runs for one in run.withheld}
    return [(said[reason], count) for reason, count in found.withheld.most_common()]


def _ended(run: Rehearsed) -> str:
    return run.ended_reason or run.state
