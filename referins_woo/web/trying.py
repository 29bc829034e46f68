"""Trust before sending: a draft tested on one real order, and whom it would let in.

It is the draft that is looked at, as it was saved last. All of it reads only: nothing is sent, nothing is written, but
for a test of an e-mail that one asks to get oneself.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final
from urllib.parse import urlencode

from flask import Blueprint, Response, abort, flash, make_response, redirect, render_template, request, url_for
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response as AnyResponse

from automations import editing
from automations.definition import Definition, parse
from automations.editing import Document
from automations.steps import EXIT_CONDITIONS
from automations.triggers import TRIGGERS
from referins_woo import clock
from referins_woo.commerce.models import Order
from referins_woo.errors import InvalidInput
from referins_woo.mail.samples import SAMPLES
from referins_woo.reports import runs
from referins_woo.reports import why as reasons
from referins_woo.runs import trial
from referins_woo.runs.models import Automation, Run
from referins_woo.runs.trial import Looked, Trial, TriedMail
from referins_woo.web import previews, scope, trial_mails
from referins_woo.web.builder import by_htmx, problems_of, render
from referins_woo.web.builder_acts import Look
from referins_woo.web.builder_paths import Path, of_run, of_trial

pages = Blueprint("trying", __name__, url_prefix="/automations/<int:automation_id>")

_MOST_FOUND: Final = 10


@dataclass(slots=True)
class Tested:
    """What the drawer of a test shows, and what the cards show of it."""

    q: str
    ignore_exits: bool
    sample: str = ""
    """The made-up order that is tested; empty: a real one."""
    found: list[Order] | None = None
    """By the words that were searched; None: nothing was searched."""
    offered: Sequence[Looked] = ()
    """The newest orders that the trigger happened to."""
    trial: Trial | None = None
    gates: list[reasons.Gate] = field(default_factory=list)
    stopped_at: str = ""
    """The first gate that does not let the order in, in words."""
    path: Path | None = None

    @property
    def ends_early(self) -> bool:
        """Whether an exit condition ended it, which a test may pass over."""
        return self.trial is not None and self.trial.ended_reason in EXIT_CONDITIONS


@pages.get("/build/test")
def test(automation_id: int) -> Response:
    """Test the draft on an order: beside the builder's flow, on whose cards the path is shown."""
    with scope.reading() as session:
        automation = scope.own(session, Automation, automation_id)
        tested = Tested(request.args.get("q", "").strip()[:320], request.args.get("exits") == "ignore")
        definition = parse(automation.draft)
        if isinstance(definition, Definition):
            tested.sample = _sample()
            _try(session, automation.draft, definition, tested, request.args.get("order", 0, type=int))
        return make_response(
            render(session, automation, Look(), whole=not by_htmx(), tested=tested, path=tested.path, samples=SAMPLES)
        )


@pages.get("/build/runs/<int:run_id>")
def run_path(automation_id: int, run_id: int) -> Response:
    """Show on the builder's cards which way a run has gone."""
    with scope.reading() as session:
        automation = scope.own(session, Automation, automation_id)
        run = scope.own(session, Run, run_id)
        if run.automation_id != automation.id:
            abort(404)
        it = runs.run_page(session, run)
        number = it.order.number if it.order is not None else "–"
        subjects = {one.step_key: mail.subject for one in it.log if (mail := it.mail_of(one)) and mail.subject}
        path = of_run(run, it.log, dict(automation.draft), number, subjects)
        is_draft = it.version.definition == automation.draft
        return make_response(
            render(session, automation, Look(), whole=not by_htmx(), path=path, walked=it, is_draft=is_draft)
        )


@pages.get("/build/test/<int:order_id>/mails/<step>")
def mail(automation_id: int, order_id: int, step: str) -> Response:
    """The HTML of one e-mail of a test, for its sandboxed frame."""
    with scope.reading() as session:
        automation = scope.own(session, Automation, automation_id)
        return previews.sandboxed(_mail(session, automation, order_id, step).html)


@pages.post("/build/test/<int:order_id>/mails/<step>/send")
def send(automation_id: int, order_id: int, step: str) -> AnyResponse:
    """Send one e-mail of a test to whoever is signed in: no run, no step and no figure knows of it."""
    to = scope.who().email
    try:
        with scope.unit() as session:
            automation = scope.own(session, Automation, automation_id)
            found = _mail(session, automation, order_id, step)
            if found.kind != "customer":
                abort(404)
            document = editing.find(automation.draft, step)
            contact = (found.facts.get("contact") or {}).get("id") if order_id else None
            facts = trial_mails.needed(automation.draft, found.facts)
            trial_mails.put(session, document, facts, [to], of=f"{automation_id}:{step}", contact_id=contact)
    except InvalidInput as wrong:
        flash(wrong.message, "error")
    else:
        flash(f"A test of it is on its way to {to}. Its links lead nowhere.", "success")
    asked = {name: request.args[name] for name in ("q", "exits", "sample") if request.args.get(name)}
    asked |= {"order": str(order_id)} if order_id else {}
    return redirect(f"{url_for('trying.test', automation_id=automation_id)}?{urlencode(asked)}", 303)


@pages.get("/preview")
def preview(automation_id: int) -> str:
    """Whom the draft would let in: a count, and the last ten orders with each filter; by htmx that part alone."""
    with scope.reading() as session:
        automation = scope.own(session, Automation, automation_id)
        definition = parse(automation.draft)
        looked, matching, found = [], (0, 0), problems_of(dict(automation.draft))
        if isinstance(definition, Definition):
            looked = trial.preview(session, automation.account_id, definition, clock.now())
            matching = trial.matching(session, automation.account_id, definition, clock.now())
        elif filtered := _without_problems(dict(automation.draft)):
            # What is wrong with a step further below says nothing about who enters.
            looked = trial.preview(session, automation.account_id, filtered, clock.now())
            matching = trial.matching(session, automation.account_id, filtered, clock.now())
            found = []
        return render_template(
            "components/builder/matches.html" if by_htmx() else "pages/preview.html",
            automation=automation,
            looked=[(one, reasons.entering(one.gates)) for one in looked],
            matching=matching,
            most=trial.MOST_MATCHED,
            problems=found,
            trigger=TRIGGERS[str(automation.draft.get("trigger"))],
        )


def _mail(session: Session, automation: Automation, order_id: int, step: str) -> TriedMail:
    """Return one e-mail of the test that the address asks for, or answer 404."""
    definition = parse(automation.draft)
    if not isinstance(definition, Definition):
        abort(404)
    ignore, account_id, now = request.args.get("exits") == "ignore", scope.account_id(), clock.now()
    tried: Trial | None
    if sample := _sample():
        tried = trial.try_sample(session, account_id, definition, now, sample, ignore_exits=ignore)
    else:
        scope.own(session, Order, order_id)
        tried = trial.try_on(session, account_id, definition, order_id, now, ignore_exits=ignore)
    found = next((one for one in tried.mails if one.step == step), None) if tried is not None else None
    if found is None or not found.html:
        abort(404)
    return found


def _sample() -> str:
    asked = request.args.get("sample", "")
    return asked if asked in SAMPLES else ""


def _without_problems(draft: Document) -> Definition | None:
    """Return who would be let in by a draft whose steps are not finished; None where that itself is not clear."""
    parsed = parse({**draft, "steps": [{"id": "only", "kind": "exit"}], "exit_on": [], "exit_tags": []})
    return parsed if isinstance(parsed, Definition) else None


def _try(session: Session, draft: Document, definition: Definition, tested: Tested, order_id: int) -> None:
    """Fill in the orders to choose from, and the test on the one that was chosen: else the newest that enters."""
    account_id, now = scope.account_id(), clock.now()
    tested.offered = trial.preview(session, account_id, definition, now)
    if tested.q:
        tested.found = reasons.find_orders(session, account_id, tested.q, _MOST_FOUND)
    if not order_id:
        likely = [one.id for one in tested.found or ()] + [one.order_id for one in tested.offered if one.passed]
        order_id = next(iter([*likely, *(one.order_id for one in tested.offered)]), 0)
    if not tested.sample and not order_id and not tested.q:
        tested.sample = "usual"
    tried: Trial | None = None
    if tested.sample:
        ignore = tested.ignore_exits
        tried = trial.try_sample(session, account_id, definition, now, tested.sample, ignore_exits=ignore)
    elif order_id:
        scope.own(session, Order, order_id)
        tried = trial.try_on(session, account_id, definition, order_id, now, ignore_exits=tested.ignore_exits)
    if tried is not None:
        tested.trial, tested.path = tried, of_trial(tried, dict(draft))
        tested.gates = reasons.entering(tried.gates)
        tested.stopped_at = next((one.reason for one in tested.gates if not one.passed), "")
