"""Templates of e-mails: list, gallery, versions, and which automations follow them (E1)."""

from __future__ import annotations

from flask import Blueprint, abort, flash, redirect, render_template, request, url_for
from sqlalchemy import select
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response

from automations import editing
from automations.recipes import all_emails, email
from automations.triggers import TRIGGERS
from referins_woo.accounts.models import User
from referins_woo.errors import Final, InvalidInput
from referins_woo.mail.design import templates as room
from referins_woo.mail.design.models import EmailTemplate, EmailTemplateVersion
from referins_woo.reports import templates as reports
from referins_woo.runs import drafts
from referins_woo.runs.models import Automation
from referins_woo.web import scope

pages = Blueprint("templates", __name__, url_prefix="/templates")


@pages.get("")
def index() -> str:
    """The list."""
    archived = request.args.get("archived") == "1"
    with scope.reading() as session:
        rows = room.listed(session, scope.account_id(), archived=archived)
        return render_template(
            "pages/templates.html",
            rows=rows,
            uses=reports.uses(session, scope.account_id()),
            archived=archived,
            triggers=TRIGGERS,
            is_marketing=room.is_marketing,
        )


@pages.get("/new")
def gallery() -> str:
    """The e-mails of the ready-made automations, and a blank one."""
    return _gallery(None)


@pages.post("/new")
def make() -> Response | tuple[str, int]:
    """Make a template of the gallery's, or a blank one."""
    key, name = request.form.get("email", ""), request.form.get("name", "")
    chosen = email(key)
    if key and chosen is None:
        abort(404)
    who = scope.who()
    try:
        with scope.unit() as session:
            if chosen is not None:
                made = room.create(
                    session, who.account_id, who.user_id, chosen.name, chosen.trigger, chosen.document, origin=key
                )
            else:
                made = room.create(session, who.account_id, who.user_id, name, request.form.get("trigger", ""))
            template_id = made.id
    except InvalidInput as wrong:
        return _gallery(wrong), 422
    return redirect(url_for("template_editor.page", template_id=template_id), 303)


@pages.get("/<int:template_id>")
def page(template_id: int) -> Response:
    """One template: its editor."""
    with scope.reading() as session:
        scope.own(session, EmailTemplate, template_id)
    return redirect(url_for("template_editor.page", template_id=template_id), 302)


@pages.post("/<int:template_id>/<any(duplicate, archive, unarchive):act>")
def change(template_id: int, act: str) -> Response:
    """Make another of it, put it away, or take it back."""
    who = scope.who()
    try:
        with scope.unit() as session:
            template = scope.own(session, EmailTemplate, template_id)
            if act == "duplicate":
                template_id = room.duplicate(session, template, who.user_id).id
            else:
                room.archive(template, archived=act == "archive")
            name = template.name
    except InvalidInput as wrong:
        flash(wrong.message, "error")
        return redirect(url_for("templates.index"), 303)
    if act == "duplicate":
        return redirect(url_for("template_editor.page", template_id=template_id), 303)
    said = {
        "archive": f"“{name}” is archived. Automations that follow it go on.",
        "unarchive": f"“{name}” is in use again.",
    }
    flash(said[act], "success")
    return redirect(url_for("templates.index", archived="1" if act == "unarchive" else None), 303)


@pages.get("/<int:template_id>/versions")
def versions(template_id: int) -> str:
    """Every version, and the automations that follow the template."""
    return _versions(template_id, None)


@pages.post("/<int:template_id>/versions")
def keep(template_id: int) -> Response | tuple[str, int]:
    """Make the draft a version, and put it into the drafts of automations that were ticked."""
    who = scope.who()
    try:
        with scope.unit() as session:
            template = scope.own(session, EmailTemplate, template_id)
            if request.form.get("revision", template.revision, type=int) != template.revision:
                raise InvalidInput("revision", "The template has changed since you looked: look at it again.")
            kept = room.keep(session, template, who.user_id, request.form.get("note", ""))
            wanted = {int(one) for one in request.form.getlist("into") if one.isascii() and one.isdigit()}
            names = _put_into(session, template, kept, wanted)
            number = kept.number
    except room.NotKeepable:
        return _versions(template_id, "Some things are missing: mend them first."), 422
    except InvalidInput as wrong:
        return _versions(template_id, wrong.message), 422
    into = f" It is in the draft of {', '.join(names)}: publish to let it go out." if names else ""
    flash(f"Kept as version {number}.{into}", "success")
    return redirect(url_for("templates.versions", template_id=template_id), 303)


@pages.post("/<int:template_id>/versions/<int:kept_id>/restore")
def restore(template_id: int, kept_id: int) -> Response:
    """Make a version the draft again; what automations send does not change."""
    who = scope.who()
    try:
        with scope.unit() as session:
            template = scope.own(session, EmailTemplate, template_id)
            number = _own_version(session, template, kept_id).number
            room.restore(session, template, who.user_id, number, template.revision)
    except Final as error:
        flash(str(error), "error")
    else:
        flash(f"Version {number} is the draft again.", "success")
    return redirect(url_for("template_editor.page", template_id=template_id), 303)


def _own_version(session: Session, template: EmailTemplate, kept_id: int) -> EmailTemplateVersion:
    kept = session.get(EmailTemplateVersion, kept_id)
    if kept is None or kept.template_id != template.id:
        abort(404)
    return kept


def _put_into(session: Session, template: EmailTemplate, kept: EmailTemplateVersion, wanted: set[int]) -> list[str]:
    """Put a version into the drafts of automations whose steps follow the template; returns their names."""
    names = []
    settings = room.settings_of(template, kept)
    for use in reports.uses(session, template.account_id).get(template.id, ()):
        if use.automation.id not in wanted or use.draft in (None, kept.number):
            continue
        with_version(session, use.automation, use.step_id, settings, f"Version {kept.number} of “{template.name}”")
        names.append(f"“{use.automation.name}”")
    return list(dict.fromkeys(names))


def with_version(
    session: Session, automation: Automation, step_id: str, settings: dict[str, object], label: str
) -> Automation:
    """Save a draft whose step has a template's content: what else the step is set to stays."""

    def change_step(document: editing.Document) -> editing.Document:
        step = editing.find(document, step_id)
        own = {key: value for key, value in step.items() if key not in ("id", "kind", "template", *room.PARTS)}
        return editing.change(document, step_id, {**own, **settings})

    return drafts.edit(session, automation, scope.who().user_id, automation.draft_revision, label, change_step)


def _gallery(error: InvalidInput | None) -> str:
    return render_template(
        "pages/template_gallery.html",
        emails=all_emails(),
        triggers=TRIGGERS,
        is_marketing=room.is_marketing,
        error=error,
    )


def _versions(template_id: int, error: str | None) -> str:
    with scope.reading() as session:
        template = scope.own(session, EmailTemplate, template_id)
        rows = room.versions(session, template)
        people = dict(
            session.execute(select(User.id, User.email).where(User.id.in_({row.saved_by for row in rows}))).all()
        )
        return render_template(
            "pages/template_versions.html",
            template=template,
            rows=rows,
            people=people,
            uses=reports.uses(session, scope.account_id()).get(template.id, []),
            problems=room.problems(template.document, template.trigger),
            has_changes=not rows or rows[0].document != template.document,
            error=error,
        )
