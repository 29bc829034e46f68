"""Publishing a draft, and the versions there were: what changes, who published it, and back again."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, abort, flash, redirect, render_template, request, url_for
from sqlalchemy import select
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response

from automations import words
from automations.recipes import recipe
from referins_woo.accounts.models import User
from referins_woo.errors import Final, InvalidInput
from referins_woo.reports import builder as reports
from referins_woo.runs import automations as room
from referins_woo.runs import drafts, publishable
from referins_woo.runs import inside as people
from referins_woo.runs.models import Automation, AutomationVersion
from referins_woo.web import scope
from referins_woo.web.builder import by_card, problems_of

pages = Blueprint("versions", __name__, url_prefix="/automations/<int:automation_id>")


@pages.get("/publish")
def ask(automation_id: int) -> str:
    """The check list, what changes, and what becomes of people inside."""
    return _ask(automation_id, None)


@pages.post("/publish")
def publish(automation_id: int) -> Response | tuple[str, int]:
    """Make the draft live."""
    who = scope.who()
    inside, _, anew = request.form.get("inside", "finish").partition(":")
    note = request.form.get("note", "")
    try:
        with scope.unit() as session:
            automation = scope.own(session, Automation, automation_id)
            if request.form.get("revision", 0, type=int) != automation.draft_revision:
                raise InvalidInput("revision", "The draft has changed since you looked: look at it again.")
            room.publish(
                session,
                automation_id,
                who.account_id,
                who.user_id,
                inside=inside,
                reschedule=anew == "reschedule",
                note=note,
            )
    except publishable.NotPublishable:
        return _ask(automation_id, "Some things are missing before it can be published."), 422
    except InvalidInput as wrong:
        return _ask(automation_id, wrong.message), 422
    flash("Published: it starts for events from now on. Past orders never start it.", "success")
    return redirect(url_for("builder.page", automation_id=automation_id), 303)


@pages.get("/versions")
def index(automation_id: int) -> str:
    """Every version, newest first, with what it changed."""
    with scope.reading() as session:
        automation = scope.own(session, Automation, automation_id)
        found = _versions(session, automation)
        rows: list[dict[str, Any]] = []
        for number, (version, user) in enumerate(found):
            before = found[number + 1][0].definition if number + 1 < len(found) else None
            changes = words.differences(before, version.definition) if before is not None else ["The first version."]
            rows.append({"version": version, "user": user, "changes": changes})
        live = next((row["version"] for row in rows if row["version"].id == automation.live_version_id), None)
        return render_template(
            "pages/versions.html",
            automation=automation,
            rows=rows,
            draft_changes=words.differences(live.definition, automation.draft) if live is not None else [],
        )


@pages.post("/versions/<int:version_id>/restore")
def restore(automation_id: int, version_id: int) -> Response:
    """Make a version the draft; what is live does not change, and undo brings the draft back."""
    who = scope.who()
    try:
        with scope.unit() as session:
            automation = scope.own(session, Automation, automation_id)
            version = _own_version(session, automation, version_id)
            label = f"Restored version {version.number}"
            drafts.edit(
                session, automation, who.user_id, automation.draft_revision, label, lambda _: dict(version.definition)
            )
    except Final as error:
        flash(str(error), "error")
    else:
        flash(f"{label} as the draft. Undo brings back what was there.", "success")
    return redirect(url_for("builder.page", automation_id=automation_id), 303)


@pages.post("/versions/<int:version_id>/duplicate")
def duplicate(automation_id: int, version_id: int) -> Response:
    """Make a new automation of a version, as a draft."""
    who = scope.who()
    with scope.unit() as session:
        automation = scope.own(session, Automation, automation_id)
        version = _own_version(session, automation, version_id)
        name = f"{automation.name[:180]} (copy)"
        made = room.create(session, who.account_id, name, dict(version.definition)).id
    flash("A copy, as a draft: nothing is sent until you publish it.", "success")
    return redirect(url_for("builder.page", automation_id=made), 303)


def _ask(automation_id: int, error: str | None) -> str:
    with scope.reading() as session:
        automation = scope.own(session, Automation, automation_id)
        live = session.get(AutomationVersion, automation.live_version_id) if automation.live_version_id else None
        problems = problems_of(automation.draft)
        lacking = publishable.lacking(session, automation.account_id, automation.draft)
        return render_template(
            "pages/publish.html",
            automation=automation,
            problems=by_card(automation.draft, problems),
            lacking=lacking,
            changes=words.differences(live.definition, automation.draft) if live is not None else [],
            live=live,
            inside=people.outlook(session, automation.id, automation.draft),
            checks=reports.checks(session, automation.account_id, automation.draft),
            sent_by_woo=made_of.warning if (made_of := recipe(automation.recipe)) is not None else "",
            error=error,
        )


def _versions(session: Session, automation: Automation) -> list[tuple[AutomationVersion, str]]:
    rows = session.execute(
        select(AutomationVersion, User.email)
        .join(User, User.id == AutomationVersion.published_by, isouter=True)
        .where(AutomationVersion.automation_id == automation.id)
        .order_by(AutomationVersion.number.desc())
    )
    return [(version, email or "") for version, email in rows]


def _own_version(session: Session, automation: Automation, version_id: int) -> AutomationVersion:
    version = session.get(AutomationVersion, version_id)
    if version is None or version.automation_id != automation.id:
        abort(404)
    return version
