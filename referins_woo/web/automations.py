"""Automations: list, and the gallery of ready-made ones (A3)."""

from __future__ import annotations

from flask import Blueprint, abort, flash, redirect, render_template, request, url_for
from werkzeug.wrappers import Response

from automations import editing, words
from automations.recipes import all_recipes, recipe
from automations.steps import STEPS
from automations.triggers import TRIGGERS
from referins_woo import clock
from referins_woo.errors import Final
from referins_woo.reports import automations as reports
from referins_woo.runs import automations as room
from referins_woo.runs.models import Automation
from referins_woo.web import scope

pages = Blueprint("automations", __name__, url_prefix="/automations")


@pages.get("")
def index() -> str:
    """The list."""
    with scope.reading() as session:
        zone = clock.zone(scope.who().time_zone)
        rows = reports.automations(session, scope.account_id(), clock.now(), zone)
        return render_template("pages/automations.html", rows=rows, triggers=TRIGGERS, days=reports.DAYS)


@pages.get("/new")
def gallery() -> str:
    """Ready-made automations, complete with their e-mails; and one from scratch."""
    goals = list(dict.fromkeys(one.goal for one in all_recipes()))
    goal = request.args.get("goal", "")
    shown = [one for one in all_recipes() if goal not in goals or one.goal == goal]
    with scope.reading() as session:
        used = reports.used_recipes(session, scope.account_id())
        return render_template(
            "pages/recipes.html",
            recipes=shown,
            triggers=TRIGGERS,
            steps=STEPS,
            used=used,
            goals=goals,
            goal=goal,
            words=words,
            count=editing.walk,
        )


@pages.post("/new")
def make() -> Response:
    """Make a draft: of a recipe, or from scratch on a trigger. It is never live before it is published."""
    key, trigger = request.form.get("recipe", ""), request.form.get("trigger", "")
    if recipe(key) is None and trigger not in TRIGGERS:
        abort(404)
    with scope.unit() as session:
        if key:
            made = room.create_from_recipe(session, scope.account_id(), key)
        else:
            name = request.form.get("name", "").strip() or f"On {TRIGGERS[trigger].label}"
            made = room.create(session, scope.account_id(), name[:200], {"trigger": trigger, "steps": []})
        automation_id, name = made.id, made.name
    flash(f"“{name}” is a draft: nothing is sent until you publish it.", "success")
    return redirect(url_for("builder.page", automation_id=automation_id), 303)


@pages.get("/<int:automation_id>")
def page(automation_id: int) -> Response:
    """One automation: its builder."""
    with scope.reading() as session:
        scope.own(session, Automation, automation_id)
    return redirect(url_for("builder.page", automation_id=automation_id), 302)


@pages.post("/<int:automation_id>/<any(pause, resume):act>")
def steer(automation_id: int, act: str) -> Response:
    """Pause or resume."""
    who = scope.who()
    said = {
        "pause": "It is paused: new runs are held, none is dropped.",
        "resume": "It goes on; what was held goes on with it.",
    }
    try:
        with scope.unit() as session:
            scope.own(session, Automation, automation_id)
            if act == "pause":
                room.pause(session, automation_id, who.account_id)
            else:
                room.resume(session, automation_id, who.account_id)
    except Final as error:
        flash(str(error), "error")
    else:
        flash(said[act], "success")
    if request.form.get("back") == "list":
        return redirect(url_for("automations.index"), 303)
    return redirect(url_for("builder.page", automation_id=automation_id), 303)
