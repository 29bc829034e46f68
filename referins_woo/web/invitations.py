"""The page behind the link of an invitation: see what is offered, and join as a new or an existing user."""

from __future__ import annotations

from flask import Blueprint, abort, flash, redirect, render_template, request, url_for
from flask_login import current_user
from werkzeug.wrappers import Response

from referins_woo import clock
from referins_woo.accounts import audit, invitations, passwords, users
from referins_woo.accounts.invitations import Offer
from referins_woo.errors import InvalidInput
from referins_woo.web import limits, scope, security, visitors

pages = Blueprint("invitations", __name__, url_prefix="/invitations/<token>")


@pages.get("")
def page(token: str) -> tuple[str, int]:
    """Who invites to what, and the way in."""
    return _page(token)


@pages.post("")
@limits.limiter.limit(limits.PER_BROWSER, deduct_when=limits.failed)
def accept(token: str) -> Response | tuple[str, int]:
    """Join: as who is signed in with the invited e-mail, or as a new user with that e-mail."""
    now = clock.now()
    with scope.reading() as session:
        offer = invitations.find(session, token, now)
    if offer is None:
        return _page(token)
    if current_user.is_authenticated:
        who = scope.who()
        if who.user_id != offer.user_id:
            return _page(token, InvalidInput("email", f"You are signed in as {who.email}."))
        with scope.unit() as session:
            joined = invitations.accept(session, offer, who.user_id, now)
        if not joined:
            return _page(token)
        visitors.renew(offer.account_id)
    elif offer.user_id is not None:
        abort(403, "This e-mail has a user: sign in first, then accept the invitation.")
    else:
        return _accept_as_new(token, offer)
    flash(f"Welcome to {offer.account_name}.", "success")
    return redirect(url_for("dashboard.page"), 303)


def _accept_as_new(token: str, offer: Offer) -> Response | tuple[str, int]:
    """The link proves that the e-mail is theirs: no further mail to confirm it."""
    name = request.form.get("name", "")
    try:
        password_hash = passwords.hash_password(request.form.get("password", ""))
        with scope.unit() as session:
            user = users.add_user(session, offer.email, password_hash, name)
            audit.act_as(audit.Actor(user.email, "browser", user.id, request.remote_addr or ""))
            if not invitations.accept(session, offer, user.id, clock.now()):
                raise InvalidInput("email", "Somebody else was quicker: the invitation is gone.")
    except InvalidInput as error:
        return _page(token, error, name)
    visitors.begin(user.id, offer.account_id)
    flash(f"Welcome to {offer.account_name}.", "success")
    return redirect(url_for("dashboard.page"), 303)


def _page(token: str, error: InvalidInput | None = None, name: str = "") -> tuple[str, int]:
    security.keep_address_secret()
    with scope.reading() as session:
        offer = invitations.find(session, token, clock.now())
    me = scope.who() if current_user.is_authenticated else None
    page = render_template("pages/invitation.html", token=token, offer=offer, me=me, error=error, name=name)
    return page, 422 if error is not None else 200 if offer is not None else 410
