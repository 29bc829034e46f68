"""Settings > Security, of the person alone: password, e-mail, two-step sign-in, and the devices that are signed in.

What changes how somebody signs in asks for the password once more: a browser left open must not be enough.
"""

from __future__ import annotations

import io

import segno
from flask import Blueprint, abort, flash, redirect, render_template, request, url_for
from markupsafe import Markup
from werkzeug.wrappers import Response

from referins_woo import clock, process
from referins_woo.accounts import audit, credentials, devices, passwords, second_factor, sessions, users
from referins_woo.accounts.models import User
from referins_woo.errors import InvalidInput
from referins_woo.web import limits, scope, visitors

pages = Blueprint("security", __name__, url_prefix="/settings/security")


@pages.get("")
def page() -> tuple[str, int]:
    """All of it."""
    return _page()


@pages.post("/name")
def change_name() -> Response:
    """Change the name that others see."""
    with scope.unit() as session:
        session.get_one(User, scope.who().user_id).name = " ".join(request.form.get("name", "").split())[:200]
    flash("Your name is saved.", "success")
    return redirect(url_for("security.page"), 303)


@pages.post("/password")
@limits.limiter.limit(limits.PER_FACTOR, key_func=limits.person, deduct_when=limits.failed)
def change_password() -> Response | tuple[str, int]:
    """Change the password; every other device is signed out."""
    who, running = scope.who(), process.current()
    try:
        _check_password("current")
        fresh = passwords.hash_password(request.form.get("password", ""))
    except InvalidInput as error:
        return _page(error)
    with scope.unit() as session:
        user = session.get_one(User, who.user_id)
        credentials.set_password(session, running, user, fresh, clock.now(), but=who.session_id)
        audit.record_for_user(session, user.id, "password_changed", user.email)
    visitors.renew()
    flash("Your password is changed. Every other device is signed out.", "success")
    return redirect(url_for("security.page"), 303)


@pages.post("/email")
@limits.limiter.limit(limits.MAILS_ASKED_FOR, key_func=limits.person)
def change_email() -> Response | tuple[str, int]:
    """Mail a link to the new address; the old one stays until it is opened."""
    try:
        _check_password("email_password")
        with scope.unit() as session:
            user = session.get_one(User, scope.who().user_id)
            address = credentials.ask_for_email(
                session, process.current(), user, request.form.get("email", ""), clock.now()
            )
    except InvalidInput as error:
        return _page(error)
    flash(f"Open the link that we mailed to {address}. Until then you sign in as before.", "success")
    return redirect(url_for("security.page"), 303)


@pages.get("/two-step")
def second_factor_form() -> Response | tuple[str, int]:
    """Set two-step sign-in up: a QR code, and a field for the first code."""
    return _set_up()


@pages.post("/two-step")
@limits.limiter.limit(limits.PER_FACTOR, key_func=limits.person, deduct_when=limits.failed)
def switch_second_factor_on() -> Response | tuple[str, int]:
    """Switch it on once the app has shown a code; the recovery codes can be read in this answer alone."""
    who, running, now = scope.who(), process.current(), clock.now()
    with scope.unit() as session:
        code = request.form.get("code", "")[:100]
        codes = second_factor.confirm(session, running.vault, who.user_id, code, now)
        if codes is not None:
            sessions.end_all(session, who.user_id, now, but=who.session_id)
            audit.record_for_user(session, who.user_id, "second_factor_on", who.email)
            credentials.tell(session, running, who.email, "second_factor_on", now)
    if codes is None:
        return _set_up("This code is wrong. Does the phone show the right time? Type the newest code.")
    visitors.renew()
    return render_template("pages/recovery_codes.html", codes=codes, first=True), 200


@pages.post("/two-step/off")
@limits.limiter.limit(limits.PER_FACTOR, key_func=limits.person, deduct_when=limits.failed)
def switch_second_factor_off() -> Response | tuple[str, int]:
    """Switch it off, unless an account of the person asks for it."""
    who, running, now = scope.who(), process.current(), clock.now()
    try:
        _check_password("factor_password")
        with scope.unit() as session:
            asking = [place.name for place in users.places_of(session, who.user_id) if place.requires_second_factor]
            if asking:
                raise InvalidInput("factor_password", f"{', '.join(asking)} asks everybody for two-step sign-in.")
            second_factor.switch_off(session, who.user_id)
            audit.record_for_user(session, who.user_id, "second_factor_off", who.email)
            credentials.tell(session, running, who.email, "second_factor_off", now)
    except InvalidInput as error:
        return _page(error)
    flash("Two-step sign-in is off.", "success")
    return redirect(url_for("security.page"), 303)


@pages.post("/two-step/codes")
@limits.limiter.limit(limits.PER_FACTOR, key_func=limits.person, deduct_when=limits.failed)
def make_codes() -> tuple[str, int]:
    """Make new recovery codes; they can be read in this answer alone."""
    who = scope.who()
    try:
        _check_password("codes_password")
    except InvalidInput as error:
        return _page(error)
    with scope.unit() as session:
        if session.get_one(User, who.user_id).totp_since is None:
            abort(404)
        codes = second_factor.new_recovery_codes(session, who.user_id)
        audit.record_for_user(session, who.user_id, "recovery_codes_made", who.email)
    return render_template("pages/recovery_codes.html", codes=codes, first=False), 200


@pages.post("/sessions/<int:session_id>/end")
def end_session(session_id: int) -> Response:
    """Sign one device out."""
    who = scope.who()
    if session_id == who.session_id:
        visitors.leave()
        flash("You are signed out.", "success")
        return redirect(url_for("sign_in.form"), 303)
    with scope.unit() as session:
        if not sessions.end(session, session_id, who.user_id, clock.now()):
            abort(404)
    flash("That device is signed out.", "success")
    return redirect(url_for("security.page"), 303)


@pages.post("/sessions/end-others")
def end_others() -> Response:
    """Sign every other device out."""
    who = scope.who()
    with scope.unit() as session:
        count = sessions.end_all(session, who.user_id, clock.now(), but=who.session_id)
        if count:
            audit.record_for_user(session, who.user_id, "sessions_ended", who.email, count=count)
    flash(f"Signed out: {count} device{'' if count == 1 else 's'}.", "success")
    return redirect(url_for("security.page"), 303)


def _check_password(field: str) -> None:
    """Ask for the password once more. Raises InvalidInput for `field`."""
    with scope.reading() as session:
        kept = session.get_one(User, scope.who().user_id).password_hash
    if not passwords.matches(kept, request.form.get(field, "")):
        raise InvalidInput(field, "This is not your password.")


def _page(error: InvalidInput | None = None) -> tuple[str, int]:
    who, now = scope.who(), clock.now()
    with scope.reading() as session:
        page = render_template(
            "pages/security.html",
            user=session.get_one(User, who.user_id),
            devices=[
                (one, devices.name_of(one.user_agent)) for one in sessions.open_sessions(session, who.user_id, now)
            ],
            codes_left=second_factor.codes_left(session, who.user_id),
            asking=[place.name for place in users.places_of(session, who.user_id) if place.requires_second_factor],
            error=error,
            typed_email=request.form.get("email", "") if error is not None else "",
        )
    return page, 422 if error is not None else 200


def _set_up(error: str = "") -> Response | tuple[str, int]:
    who = scope.who()
    with scope.unit() as session:
        if session.get_one(User, who.user_id).totp_since is not None:
            return redirect(url_for("security.page"), 303)
        secret = second_factor.begin(session, process.current().vault, who.user_id)
    page = render_template(
        "pages/second_factor.html", qr=_qr(second_factor.address(secret, who.email)), secret=secret, error=error
    )
    return page, 422 if error else 200


def _qr(text: str) -> Markup:
    """Return a QR code as inline SVG: no script and no other address is needed to draw it."""
    drawn = io.BytesIO()
    segno.make(text, error="m").save(
        drawn, kind="svg", xmldecl=False, svgns=False, border=3, light="#ffffff", dark="#111827", omitsize=True
    )
    return Markup(drawn.getvalue().decode())  # noqa: S704 - segno draws paths, the text is in their shape only
