"""Settings > Quiet hours and caps: when marketing e-mails wait, and how many a contact gets of all automations (E4)."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, flash, redirect, render_template, request, url_for
from werkzeug.wrappers import Response

from referins_woo.errors import InvalidInput
from referins_woo.runs import rules
from referins_woo.web import scope

pages = Blueprint("quiet_hours", __name__, url_prefix="/settings/quiet-hours")


@pages.get("")
def page() -> tuple[str, int]:
    """What the account allows its automations."""
    return _page()


@pages.post("")
def change() -> Response | tuple[str, int]:
    """Keep what was typed; nothing of it where one field is wrong."""
    try:
        with scope.unit() as session:
            rules.write(session, scope.account_id(), _wanted())
    except InvalidInput as error:
        return _page(error)
    flash("Saved: it holds from the next e-mail on.", "success")
    return redirect(url_for("quiet_hours.page"), 303)


def _wanted() -> dict[str, Any]:
    form = request.form
    quiet = {
        name: form.get(name, "").strip() if form.get("quiet") == "1" else "" for name in ("quiet_from", "quiet_to")
    }
    if form.get("quiet") == "1" and not any(quiet.values()):
        raise InvalidInput("quiet_from", "Write when the quiet hours begin, like 21:00.")
    if form.get("cap") != "1":
        return {**quiet, "cap_messages": None}
    capped = {name: _number(form.get(name, "")) for name in ("cap_messages", "cap_hours")}
    if capped["cap_messages"] is None:
        raise InvalidInput("cap_messages", "Write how many e-mails a contact gets at most.")
    return {**quiet, **capped, "cap_action": form.get("cap_action", "")}


def _number(text: str) -> int | str | None:
    """Return a whole number; what is none stays as it is, for the rules to refuse."""
    text = text.strip()
    return int(text) if text.isascii() and text.isdigit() and len(text) < 9 else text or None


def _page(error: InvalidInput | None = None) -> tuple[str, int]:
    with scope.reading() as session:
        kept: dict[str, Any] = dict(rules.read(session, scope.account_id()))
    values = {**kept, "quiet": bool(kept["quiet_from"]), "cap": bool(kept["cap_messages"])}
    if error is not None:
        values |= {name: request.form.get(name, "") for name in kept}
        values |= {name: request.form.get(name) == "1" for name in ("quiet", "cap")}
    page = render_template("pages/quiet_hours.html", values=values, error=error)
    return page, 422 if error is not None else 200
