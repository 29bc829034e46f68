"""The accounts of one person: which there are, changing between them, leaving one, making another.

A browser works in one account at a time. Changing gives its session a new token, so that a form that was opened for
one account cannot be sent to another.
"""

from __future__ import annotations

from flask import Blueprint, abort, flash, redirect, render_template, request, url_for
from flask_login import current_user
from werkzeug.wrappers import Response

from referins_woo import clock
from referins_woo.accounts import audit, sessions, team, users
from referins_woo.accounts.models import User
from referins_woo.errors import InvalidInput
from referins_woo.web import limits, scope, visitors

pages = Blueprint("own_accounts", __name__, url_prefix="/accounts")


@pages.get("")
def index() -> str:
    """All accounts of the person."""
    with scope.reading() as session:
        found = users.places_of(session, scope.who().user_id)
        return render_template("pages/own_accounts.html", places=found)


@pages.post("/<int:account_id>/switch")
def switch(account_id: int) -> Response:
    """Work in another account from now on."""
    with scope.reading() as session:
        found = {place.account_id: place.name for place in users.places_of(session, scope.who().user_id)}
    if account_id not in found:
        abort(404)
    visitors.renew(account_id)
    flash(f"You work in {found[account_id]} now.", "success")
    return redirect(url_for("dashboard.page"), 303)


@pages.post("/new")
@limits.limiter.limit("10 per day", key_func=limits.person)
def create() -> Response:
    """Make another account, owned by the person, and work in it."""
    with scope.unit() as session:
        user = session.get_one(User, scope.who().user_id)
        account = users.create_account(session, user, request.form.get("name", ""))
        audit.record(session, account.id, "account_created", account.name)
    visitors.renew(account.id)
    flash(f"{account.name} is ready: connect its first store.", "success")
    return redirect(url_for("dashboard.page"), 303)


@pages.get("/<int:account_id>/leave")
def leave_form(account_id: int) -> str:
    """Say what leaving means."""
    with scope.reading() as session:
        places = users.places_of(session, scope.who().user_id)
    found = next((place for place in places if place.account_id == account_id), None)
    if found is None:
        abort(404)
    return render_template("pages/leave_account.html", place=found)


@pages.post("/<int:account_id>/leave")
def leave(account_id: int) -> Response:
    """Leave an account; the last owner cannot."""
    who = scope.who()
    try:
        with scope.unit() as session:
            if not team.remove(session, account_id, who.user_id, clock.now(), by_themselves=True):
                abort(404)
            next_account = sessions.last_account(session, who.user_id)
            user = session.get_one(User, who.user_id)
    except InvalidInput as error:
        flash(error.message, "error")
        return redirect(url_for("own_accounts.index"), 303)
    if account_id == who.account_id:
        visitors.forget()  # the session ended with the membership
        if next_account is None:
            visitors.go_halfway(user, url_for("dashboard.page"), has_passed=True)
            return redirect(url_for("own_accounts.none"), 303)
        visitors.begin(user.id, next_account)
    flash("You left the account.", "success")
    return redirect(url_for("own_accounts.index"), 303)


@pages.get("/none")
def none() -> Response | str:
    """For who belongs to no account: wait for an invitation, or make one."""
    found = visitors.halfway()
    if current_user.is_authenticated or found is None or not found.has_passed:
        return redirect(url_for("dashboard.page"), 303)
    return render_template("pages/no_account.html", email=found.email)


@pages.post("/none")
@limits.limiter.limit(limits.PER_BROWSER)
def create_first() -> Response:
    """Make an account for who belongs to none."""
    found = visitors.halfway()
    if current_user.is_authenticated or found is None or not found.has_passed:
        return redirect(url_for("dashboard.page"), 303)
    with scope.unit() as session:
        user = session.get_one(User, found.user_id)
        audit.act_as(audit.Actor(user.email, "browser", user.id, request.remote_addr or ""))
        account = users.create_account(session, user, request.form.get("name", ""))
        audit.record(session, account.id, "account_created", account.name)
    visitors.begin(user.id, account.id)
    return redirect(found.target, 303)
