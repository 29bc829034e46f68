"""Choosing a new password by e-mail, and confirming a changed e-mail: pages behind mailed links.

Opening a link changes nothing (mail programs look at links); its form does, once. Asking gets the same answer whether
or not there is a user. Links are made from PUBLIC_URL, never from the host that a request names.
"""

from __future__ import annotations

from flask import Blueprint, flash, redirect, render_template, request, url_for
from werkzeug.wrappers import Response

from referins_woo import clock, process
from referins_woo.accounts import credentials, mail_links, passwords
from referins_woo.errors import InvalidInput
from referins_woo.web import limits, scope, security, visitors

pages = Blueprint("forgotten", __name__)


@pages.get("/forgot-password")
def form() -> str:
    """Ask for the e-mail."""
    return render_template("pages/forgot_password.html", email=request.args.get("email", "")[:320], sent=False)


@pages.post("/forgot-password")
@limits.limiter.limit(limits.MAILS_ASKED_FOR)
def ask() -> str:
    """Mail a link, and say what is true either way."""
    email = request.form.get("email", "").strip()[:320]
    if email and limits.has_room(limits.MAILS_PER_NAME, "reset", email):
        with scope.unit() as session:
            credentials.ask_for_reset(session, process.current(), email, clock.now())
    return render_template("pages/forgot_password.html", email=email, sent=True)


@pages.get("/reset-password/<token>")
def choose_form(token: str) -> tuple[str, int]:
    """Ask for the new password."""
    return _choose(token)


@pages.post("/reset-password/<token>")
@limits.limiter.limit(limits.PER_BROWSER, deduct_when=limits.failed)
def choose(token: str) -> Response | tuple[str, int]:
    """Set the new password, end all sessions, and lead to sign-in."""
    with scope.reading() as session:
        if not mail_links.is_good(session, "password", token, clock.now()):
            return _choose(token)
    try:
        password_hash = passwords.hash_password(request.form.get("password", ""))
    except InvalidInput as error:
        return _choose(token, error)
    with scope.unit() as session:
        done = credentials.reset_password(session, process.current(), token, password_hash, clock.now())
    if not done:
        return _choose(token)
    visitors.forget()
    flash("Your password is changed, and every device is signed out. Sign in with the new one.", "success")
    return redirect(url_for("sign_in.form"), 303)


@pages.get("/confirm-email/<token>")
def confirm_form(token: str) -> tuple[str, int]:
    """Ask for the press of a button: a mail program that looks at the link must not confirm it."""
    return _confirm(token)


@pages.post("/confirm-email/<token>")
@limits.limiter.limit(limits.PER_BROWSER)
def confirm(token: str) -> Response | tuple[str, int]:
    """Make the new address the one to sign in with."""
    try:
        with scope.unit() as session:
            address = credentials.confirm_email(session, process.current(), token, clock.now())
    except InvalidInput as error:
        return _confirm(token, error.message)
    if address is None:
        return _confirm(token)
    flash(f"From now on you sign in with {address}.", "success")
    return redirect(url_for("dashboard.page"), 303)


def _choose(token: str, error: InvalidInput | None = None) -> tuple[str, int]:
    security.keep_address_secret()
    with scope.reading() as session:
        good = mail_links.is_good(session, "password", token, clock.now())
    page = render_template("pages/reset_password.html", token=token, good=good, error=error)
    return page, 422 if error is not None else 200 if good else 410


def _confirm(token: str, error: str = "") -> tuple[str, int]:
    security.keep_address_secret()
    with scope.reading() as session:
        good = mail_links.is_good(session, "email", token, clock.now())
    page = render_template("pages/confirm_email.html", token=token, good=good, error=error)
    return page, 422 if error else 200 if good else 410
