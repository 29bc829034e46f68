"""The page on which a merchant builds an automation: its flow as cards, a drawer for the settings of one.

One address takes every change: what the open drawer holds, then one act ("add:wait", "up", "undo", …). Each is saved to
the draft at once, on the revision that was seen; a conflict keeps what was typed. Without script each act is a form.
"""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from typing import Any, Final

from flask import Blueprint, abort, flash, make_response, redirect, render_template, request, url_for
from flask import session as cookie
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response

from automations import editing, words
from automations.blocks import BLOCKS, PROMOTIONAL_BLOCKS, is_promotional
from automations.compare import OPERATORS
from automations.conditions import FIELDS
from automations.editing import Document, NoSuchPlace
from automations.fields import Field, Problem
from automations.moments import WEEKDAYS
from automations.settings import SETTINGS
from automations.steps import COMMON_FIELDS, EXIT_CONDITIONS, STEPS
from automations.triggers import TRIGGERS
from automations.variables import FORMATS, GROUPS, of_trigger
from referins_woo import clock
from referins_woo.errors import InvalidInput
from referins_woo.mail.design import pictures
from referins_woo.mail.design.templates import PARTS
from referins_woo.reports import builder as reports
from referins_woo.reports import emails, periods, step_numbers
from referins_woo.runs import automations as room
from referins_woo.runs import drafts, publishable
from referins_woo.runs.models import Automation, AutomationVersion
from referins_woo.web import builder_acts as acts
from referins_woo.web import builder_templates, scope, security, template_looks, trial_mails
from referins_woo.web.builder_acts import SETTINGS_CARD, TRIGGER, Look

pages = Blueprint("builder", __name__, url_prefix="/automations/<int:automation_id>/build")

SAVED: Final = "draft-saved"
"""Told to the page by script once a change is saved: what shows whom the draft lets in looks again."""
_COPIED: Final = "copied_step"


@pages.get("")
def page(automation_id: int) -> Response:
    """The builder; asked by htmx its moving part alone."""
    with scope.reading() as session:
        automation = scope.own(session, Automation, automation_id)
        look = Look(request.args.get("step", ""), request.args.get("add", ""), request.args.get("focus", ""))
        return make_response(render(session, automation, look, whole=not by_htmx()))


@pages.post("")
def change(automation_id: int) -> Response:
    """Save what the drawer holds, and do one act."""
    who = scope.who()
    act, _, rest = request.form.get("act", "save").partition(":")
    revision = request.form.get("revision", 0, type=int)
    look = Look(request.form.get("step", ""))
    editor, shown = request.form.get("editor", ""), dict[str, Any]()
    try:
        with scope.unit() as session:
            automation = scope.own(session, Automation, automation_id)
            trigger = automation.draft.get("trigger")
            if act in ("undo", "redo"):
                go = drafts.undo if act == "undo" else drafts.redo
                automation, label = go(session, automation, who.user_id, revision, editor)
                look.step, look.said = "", f"{'Undone' if act == 'undo' else 'Done again'}: {label}"
            elif act == "rename":
                name = request.form.get("name", "")
                automation = room.save_draft(session, automation_id, who.account_id, revision=revision, name=name)
            elif act == "copy":
                cookie[_COPIED] = [automation_id, rest]
                look.said = "Copied: paste it from any “+”."
            else:
                draft = dict(automation.draft)
                if act == "test":  # what was typed is saved first, and is what the test shows
                    found = acts.read(draft, request.form, "look", "", None)
                elif act == "template":
                    found = builder_templates.act(session, automation.name, draft, request.form, rest)
                else:
                    found = acts.read(draft, request.form, act, rest, _copied(session))
                automation = drafts.edit(
                    session,
                    automation,
                    who.user_id,
                    revision,
                    found.label,
                    found.change,
                    typing=found.typing,
                    editor=editor,
                )
                look = found.look
                if act == "test":
                    step = editing.find(automation.draft, look.step)
                    look.tested = trial_mails.of_step(session, automation.draft, step)
                    look.focus = "#test-mail button"
            if automation.draft.get("trigger") != trigger:
                shown = _variables(session, automation.draft)
            answer = render(session, automation, look, whole=False, saved_only=act == "save" and by_htmx(), **shown)
    except room.DraftConflict:
        return _conflict(automation_id, revision, look)
    except drafts.Nothing as nothing:
        return _said(automation_id, look, str(nothing))
    except acts.UnknownAct:
        abort(400)
    except NoSuchPlace as gone:
        return _said(automation_id, Look(), str(gone))
    except InvalidInput as wrong:
        return _said(automation_id, look, wrong.message)
    if not by_htmx():
        if look.said or look.tested:
            flash(look.said or look.tested, "success")
        return redirect(_url(automation_id, look), 303)
    response = make_response(answer)
    response.headers["HX-Trigger-After-Settle"] = SAVED
    if act != "save":
        response.headers["HX-Push-Url"] = _url(automation_id, look)
    return response


def _conflict(automation_id: int, revision: int, look: Look) -> Response:
    """Nothing was saved: show what the other has changed; what was typed stays in its form."""
    with scope.reading() as session:
        automation = scope.own(session, Automation, automation_id)
        look.conflict = drafts.changed_since(session, automation, revision)
        if by_htmx():
            return make_response(render(session, automation, look, whole=False, saved_only=True), 409)
        return make_response(render(session, automation, look, whole=True), 409)


def _said(automation_id: int, look: Look, text: str) -> Response:
    if not by_htmx():
        flash(text, "error")
        return redirect(_url(automation_id, look), 303)
    look.said = text
    with scope.reading() as session:
        automation = scope.own(session, Automation, automation_id)
        return make_response(render(session, automation, look, whole=False), 422)


def _copied(session: Session) -> Document | None:
    """Return the step that was copied, as it is now; None where nothing is, or where it is gone."""
    kept = cookie.get(_COPIED)
    if not isinstance(kept, list) or len(kept) != 2:
        return None
    source = session.get(Automation, kept[0])
    if source is None or source.account_id != scope.account_id():
        return None
    try:
        return editing.find(source.draft, str(kept[1]))
    except NoSuchPlace:
        return None


def by_htmx() -> bool:
    """Whether script asks for a part of the page."""
    return bool(request.headers.get("HX-Request"))


def _url(automation_id: int, look: Look) -> str:
    return url_for(
        "builder.page",
        automation_id=automation_id,
        step=look.step or None,
        add=look.add or None,
        stats=_days_of_stats() or None,
    )


def _mail_figures(session: Session, automation_id: int, days: int) -> dict[str, emails.Figures]:
    """What the e-mails of each step did: opened, clicked, bought (they count by the day on which they were sent)."""
    period = periods.last_days(clock.now(), days, clock.zone(scope.who().time_zone))
    return emails.of_steps(session, scope.account_id(), period, automation_id)


def _days_of_stats() -> int:
    days = request.args.get("stats", 0, type=int)
    return days if days in step_numbers.SPANS else 0


def render(
    session: Session, automation: Automation, look: Look, *, whole: bool, saved_only: bool = False, **shown: Any
) -> str:
    """Return the builder, or its part that moves (`whole` False), or what typing changes of that (`saved_only`).

    `shown`: what else its drawer needs.
    """
    if whole:
        shown |= _variables(session, automation.draft)
    draft: Document = dict(automation.draft)
    look.stats = _days_of_stats()
    found = problems_of(draft)
    cards = by_card(draft, found)
    lacking = publishable.lacking(session, automation.account_id, draft)
    live = session.get(AutomationVersion, automation.live_version_id) if automation.live_version_id else None
    undo, redo = drafts.neighbours(session, automation)
    open_step = _open_step(draft, look)
    template = "pages/builder.html" if whole else f"components/builder/{'saved' if saved_only else 'all'}.html"
    return render_template(
        template,
        automation=automation,
        draft=draft,
        look=look,
        open_step=open_step,
        problems=cards,
        problem_count=len(found),
        lacking=lacking,
        undo=undo,
        redo=redo,
        live=live,
        has_changes=live is not None and live.definition != draft,
        saved_at=automation.updated_at,
        now=clock.now(),
        numbers=step_numbers.numbers(session, automation.id, look.stats, clock.now()) if look.stats else None,
        spans=step_numbers.SPANS,
        mail_figures=_mail_figures(session, automation.id, look.stats) if look.stats else {},
        inside=reports.inside(session, automation.id),
        waiting=reports.waiting_by_step(session, automation.id),
        offers=reports.offers(session, scope.account_id()) if look.step else {},
        copied=words.title(copied) if look.add and (copied := _copied(session)) else "",
        catalogue=_CATALOGUE,
        editor=secrets.token_hex(12) if whole else "",
        variables=of_trigger(str(draft.get("trigger"))),
        most_bytes=pictures.MOST_BYTES,
        parts_only=not whole,
        style_nonce=security.style_nonce() if whole else "",
        words=words,
        promotional=is_promotional,
        **shown,
        promotional_kinds=PROMOTIONAL_BLOCKS,
        following=builder_templates.following(session, open_step),
        template_parts=PARTS,
        trigger=str(draft.get("trigger")),
    )


def _variables(session: Session, draft: Document) -> dict[str, Any]:
    """Return what the picker of merge variables shows: each with what it is for the trigger's newest order."""
    facts, _ = trial_mails.newest(session, draft, None)
    values = template_looks.values_of(facts, of_trigger(str(draft.get("trigger"))))
    return {"values": values, "groups": GROUPS, "formats": FORMATS}


def problems_of(draft: Document) -> list[Problem]:
    """Return what keeps the draft from being published."""
    return publishable.problems_of(draft)


def by_card(draft: Document, found: list[Problem]) -> dict[str, list[Problem]]:
    """Return the problems by the card that they belong to: the longest path that one of them begins with."""
    paths = sorted(((path, str(step.get("id"))) for step, path in editing.walk(draft)), key=lambda one: -len(one[0]))
    cards: dict[str, list[Problem]] = {}
    for problem in found:
        card = next((step_id for path, step_id in paths if _is_at(problem.path, path)), "")
        if not card:
            whole = problem.path.partition("[")[0].partition(".")[0]
            card = SETTINGS_CARD if whole in ("settings", "exit_on", "exit_tags") else TRIGGER
        cards.setdefault(card, []).append(problem)
    return cards


def _is_at(path: str, step_path: str) -> bool:
    return path == step_path or path.startswith((f"{step_path}.", f"{step_path}["))


def _open_step(draft: Document, look: Look) -> Document | None:
    if look.step in ("", TRIGGER, SETTINGS_CARD):
        return None
    try:
        return editing.find(draft, look.step)
    except NoSuchPlace:
        look.step = ""
        return None


def _operators() -> Mapping[str, list[Any]]:
    return {one.kind: [op for op in OPERATORS.values() if one.kind in op.kinds] for one in FIELDS.values()}


_CATALOGUE: Final[dict[str, Any]] = {
    "triggers": TRIGGERS,
    "steps": STEPS,
    "common": COMMON_FIELDS,
    "conditions": FIELDS,
    "operators": OPERATORS,
    "operators_of": _operators(),
    "blocks": BLOCKS,
    "exits": EXIT_CONDITIONS,
    "settings": SETTINGS,
    "weekdays": WEEKDAYS,
    "exit_tags": Field("exit_tags", "Tags that end it", "names", offers="tags"),
}
