"""Settings > Team: who belongs to the account, invitations, and what each role may do."""

from __future__ import annotations

from flask import Blueprint, abort, flash, redirect, render_template, request, url_for
from werkzeug.wrappers import Response

from referins_woo import clock, process
from referins_woo.accounts import invitations, team
from referins_woo.accounts.roles import RIGHTS, ROLES
from referins_woo.errors import InvalidInput
from referins_woo.web import limits, scope

pages = Blueprint("team", __name__, url_prefix="/settings/team")


@pages.get("")
def page() -> tuple[str, int]:
    """Everybody, and the table of roles; members see it too."""
    return _page()


@pages.post("/invitations")
@limits.limiter.limit(limits.INVITATIONS, key_func=limits.account)
def invite() -> Response | tuple[str, int]:
    """Invite somebody by e-mail."""
    email, role = request.form.get("email", ""), request.form.get("role", "")
    who = scope.who()
    try:
        with scope.unit() as session:
            invited = invitations.invite(
                session, process.current(), who.account_id, who.user_id, email, role, clock.now()
            )
            address = invited.email
    except InvalidInput as error:
        return _page(error, email, role)
    flash(f"{address} gets an e-mail with the invitation.", "success")
    return redirect(url_for("team.page"), 303)


@pages.post("/invitations/<int:invitation_id>/resend")
@limits.limiter.limit(limits.INVITATIONS, key_func=limits.account)
def resend(invitation_id: int) -> Response:
    """Mail an invitation again."""
    with scope.unit() as session:
        address = invitations.resend(session, process.current(), scope.account_id(), invitation_id, clock.now())
    if address is None:
        abort(404)
    flash(f"{address} gets the invitation again; the link sent before no longer works.", "success")
    return redirect(url_for("team.page"), 303)


@pages.post("/invitations/<int:invitation_id>/revoke")
def revoke(invitation_id: int) -> Response:
    """Take an invitation back."""
    with scope.unit() as session:
        address = invitations.revoke(session, scope.account_id(), invitation_id, clock.now())
    if address is None:
        abort(404)
    flash(f"The invitation of {address} is taken back: its link opens nothing any more.", "success")
    return redirect(url_for("team.page"), 303)


@pages.post("/<int:user_id>/role")
def change_role(user_id: int) -> Response | tuple[str, int]:
    """Give somebody another role."""
    try:
        with scope.unit() as session:
            if not team.change_role(session, scope.account_id(), user_id, request.form.get("role", "")):
                abort(404)
    except InvalidInput as error:
        flash(error.message, "error")
    else:
        flash("The role is changed, from the next click on.", "success")
    return redirect(url_for("team.page"), 303)


@pages.get("/<int:user_id>/remove")
def remove_form(user_id: int) -> str:
    """Say what removing means."""
    with scope.reading() as session:
        people = [one for one in team.people(session, scope.account_id()) if one.user_id == user_id]
    if not people:
        abort(404)
    return render_template("pages/remove_person.html", person=people[0])


@pages.post("/<int:user_id>/remove")
def remove(user_id: int) -> Response:
    """Take somebody out of the account."""
    if user_id == scope.who().user_id:
        return redirect(url_for("own_accounts.leave_form", account_id=scope.account_id()), 303)
    try:
        with scope.unit() as session:
            if not team.remove(session, scope.account_id(), user_id, clock.now()):
                abort(404)
    except InvalidInput as error:
        flash(error.message, "error")
    else:
        flash("Removed: signed out of this account everywhere, and their API keys are revoked.", "success")
    return redirect(url_for("team.page"), 303)


def _page(error: InvalidInput | None = None, email: str = "", role: str = "member") -> tuple[str, int]:
    with scope.reading() as session:
        page = render_template(
            "pages/team.html",
            people=team.people(session, scope.account_id()),
            invitations=invitations.open_invitations(session, scope.account_id()),
            roles=ROLES,
            rights=RIGHTS,
            error=error,
            email=email,
            role=role,
            now=clock.now(),
        )
    return page, 422 if error is not None else 200
