"""Settings > API keys."""

from __future__ import annotations

from datetime import timedelta
from typing import Final

from flask import Blueprint, abort, flash, redirect, render_template, request, url_for
from werkzeug.wrappers import Response

from referins_woo import clock
from referins_woo.accounts import audit, tokens
from referins_woo.accounts.roles import SCOPES
from referins_woo.errors import InvalidInput
from referins_woo.web import scope

pages = Blueprint("api_keys", __name__, url_prefix="/settings/api-keys")

_LIVES: Final = {"30": "30 days", "90": "90 days", "365": "One year", "": "Never"}


@pages.get("")
def index() -> tuple[str, int]:
    """The account's keys."""
    return _page()


@pages.post("")
def create() -> tuple[str, int]:
    """Make a key; this answer is the only place where it can be read."""
    name, chosen, life = request.form.get("name", ""), request.form.getlist("scopes"), request.form.get("life", "")
    now = clock.now()
    try:
        if not name.strip():
            raise InvalidInput("name", "Give the key a name, so that you know it when you revoke it.")
        if life not in _LIVES:
            raise InvalidInput("life", "Choose when the key expires.")
        with scope.unit() as session:
            fresh = tokens.create(
                session,
                scope.account_id(),
                scope.who().user_id,
                name,
                scopes=chosen,
                expires_at=now + timedelta(days=int(life)) if life else None,
            )
            audit.record(session, scope.account_id(), "token_created", name.strip()[:100], scopes=chosen)
    except InvalidInput as error:
        return _page(error)
    return _page(fresh=fresh)


@pages.get("/<int:token_id>/revoke")
def revoke_form(token_id: int) -> str:
    """Say what revoking means."""
    with scope.reading() as session:
        found = [one for one in tokens.tokens_of(session, scope.account_id()) if one.token.id == token_id]
    if not found:
        abort(404)
    return render_template("pages/revoke_key.html", key=found[0].token)


@pages.post("/<int:token_id>/revoke")
def revoke(token_id: int) -> Response:
    """Revoke a key."""
    with scope.unit() as session:
        name = tokens.revoke(session, token_id, scope.account_id(), clock.now())
        if name is None:
            abort(404)
        audit.record(session, scope.account_id(), "token_revoked", name)
    flash("The key is revoked: it opens nothing any more.", "success")
    return redirect(url_for("api_keys.index"), 303)


def _page(error: InvalidInput | None = None, fresh: str = "") -> tuple[str, int]:
    with scope.reading() as session:
        found = tokens.tokens_of(session, scope.account_id())
    values = request.form if error is not None else {"name": "", "life": "365"}
    page = render_template(
        "pages/api_keys.html",
        keys=found,
        fresh=fresh,
        error=error,
        values=values,
        chosen=request.form.getlist("scopes") if error is not None else ["read"],
        scopes=SCOPES,
        lives=_LIVES,
        now=clock.now(),
    )
    return page, 422 if error is not None else 200
