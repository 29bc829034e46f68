"""Sign-up, sign-in with its second step, sign-out, and the guard before every route that is not in PUBLIC.

The Flask session cookie carries the token of a row of `user_sessions` (`web.visitors`); ending the row signs the
browser out wherever the cookie is.
"""

from __future__ import annotations

from typing import Final

from flask import Blueprint, Flask, abort, flash, redirect, render_template, request, url_for
from flask_login import current_user
from werkzeug.wrappers import Response

from referins_woo import clock, process
from referins_woo.accounts import audit, credentials, passwords, second_factor, sessions, users
from referins_woo.accounts.models import User
from referins_woo.errors import InvalidInput
from referins_woo.web import failures, limits, rights, scope, visitors

pages = Blueprint("sign_in", __name__)

PUBLIC: Final = frozenset(
    {
        "static",
        "picture_files.show",
        "health.alive",
        "health.ready",
        "health.measured",
        "sign_in.form",
        "sign_in.enter",
        "sign_in.code_form",
        "sign_in.enter_code",
        "forgotten.form",
        "forgotten.ask",
        "forgotten.choose_form",
        "forgotten.choose",
        "forgotten.confirm_form",
        "forgotten.confirm",
        "invitations.page",
        "invitations.accept",
        "own_accounts.none",
        "own_accounts.create_first",
        "sign_in.new_form",
        "sign_in.new",
        "api_docs.document",
        "api_docs.page",
        "callbacks.take_keys",
        "callbacks.come_back",
        "callbacks.progress",
        "callbacks.caught_up",
        "reconnect.page",
        "reconnect.ask_permission",
        "reconnect.type_keys",
        "reconnect.test_again",
        "reconnect.progress",
        "reconnect.new_link",
        "mail_hooks.postmark",
        "measured.opened",
        "measured.clicked",
        "view_online.page",
        "unsubscribe.ask",
        "unsubscribe.unsubscribe",
        "unsubscribe.preferences",
        "unsubscribe.change",
        "unsubscribe.confirm_form",
        "unsubscribe.confirm",
    }
)
"""Routes that need no sign-in. The API's routes are not here: they need a token (`web.api.bearer`)."""

_WITHOUT_FACTOR: Final = frozenset(
    {
        "sign_in.leave",
        "security.second_factor_form",
        "security.switch_second_factor_on",
        "own_accounts.index",
        "own_accounts.switch",
    }
)
"""What somebody may do who owes the account a second factor."""


def install(app: Flask) -> None:
    """Ask for sign-in before every route that is not public."""
    visitors.login.session_protection = None  # rows end sessions; a phone changes its address all day
    visitors.login.init_app(app)

    @app.before_request
    def _guard() -> Response | None:
        endpoint, address = request.endpoint, request.remote_addr or ""
        audit.act_as(audit.Actor("Not signed in", "browser", ip=address))
        is_public = endpoint is None or endpoint in PUBLIC
        if request.blueprint == "api" or (is_public and request.method == "GET"):
            return None
        if current_user.is_authenticated:
            who = scope.who()
            audit.act_as(audit.Actor(who.email, "browser", who.user_id, address))
            if not is_public and endpoint is not None and not rights.may_open(who.role, endpoint):
                abort(403, scope.not_allowed(rights.needed(endpoint)))
            if who.owes_second_factor and endpoint not in _WITHOUT_FACTOR and not is_public:
                return failures.led_to(url_for("security.second_factor_form"))
            return None
        return None if is_public else failures.to_sign_in()

    @app.teardown_request
    def _nobody(_error: BaseException | None) -> None:
        audit.act_as(None)


@pages.get("/sign-in")
def form() -> Response | str:
    """The sign-in form."""
    if current_user.is_authenticated:
        return redirect(local(request.args.get("next", "")))
    return render_template("pages/sign_in.html", email="", error=None, next=request.args.get("next", ""))


@pages.post("/sign-in")
@limits.limiter.limit(limits.PER_BROWSER, deduct_when=limits.failed)
@limits.limiter.limit(limits.PER_NAME_AND_BROWSER, key_func=limits.name_and_browser, deduct_when=limits.failed)
@limits.limiter.limit(limits.PER_NAME, key_func=limits.name_typed, deduct_when=limits.failed)
def enter() -> Response | tuple[str, int]:
    """Take e-mail and password; both wrong ways get the same sentence, and take as long."""
    email, password = request.form.get("email", ""), request.form.get("password", "")
    with scope.reading() as session:
        user = users.find_user(session, email)
    good = passwords.matches(user.password_hash if user is not None else None, password)
    if user is None or not good or not user.active:
        _tell_of_burst(email, user)
        page = render_template(
            "pages/sign_in.html",
            email=email,
            error="E-mail or password is wrong. Check both and try again.",
            next=request.form.get("next", ""),
        )
        return page, 422
    if passwords.needs_rehash(user.password_hash):
        fresh_hash = passwords.hash_password(password)
        with scope.unit() as session:
            user = session.get_one(User, user.id)
            user.password_hash = fresh_hash
    target = local(request.form.get("next", ""))
    if user.totp_since is not None:
        visitors.go_halfway(user, target)
        return redirect(url_for("sign_in.code_form"), 303)
    return go_in(user, target)


@pages.get("/sign-in/code")
def code_form() -> Response | str:
    """The form for the code of the second factor."""
    found = visitors.halfway()
    if found is None:
        return redirect(url_for("sign_in.form"), 303)
    return render_template("pages/sign_in_code.html", email=found.email, error=None)


@pages.post("/sign-in/code")
@limits.limiter.limit(limits.PER_BROWSER, deduct_when=limits.failed)
@limits.limiter.limit(limits.PER_FACTOR, key_func=limits.person_halfway, deduct_when=limits.failed)
def enter_code() -> Response | tuple[str, int]:
    """Take the code of the app, or one to recover with; either is good once."""
    found = visitors.halfway()
    if found is None:
        flash("It took too long: sign in again.", "error")
        return redirect(url_for("sign_in.form"), 303)
    now, running = clock.now(), process.current()
    with scope.unit() as session:
        user = session.get_one(User, found.user_id)
        kind = second_factor.take(session, running.vault, user.id, request.form.get("code", "")[:100], now)
        if kind == "recovery":
            audit.act_as(audit.Actor(user.email, "browser", user.id, request.remote_addr or ""))
            audit.record_for_user(session, user.id, "recovery_code_used")
            credentials.tell(session, running, user.email, "recovery_code", now)
    if not kind:
        _tell_of_burst(user.email, user)
        error = "This code is wrong or was used before. Wait for the next one and type that."
        return render_template("pages/sign_in_code.html", email=found.email, error=error), 422
    return go_in(user, found.target)


@pages.get("/sign-up")
def new_form() -> Response | str:
    """The sign-up form."""
    if current_user.is_authenticated:
        return redirect(url_for("dashboard.page"))
    return render_template("pages/sign_up.html", values={}, error=None)


@pages.post("/sign-up")
@limits.limiter.limit(limits.PER_BROWSER, deduct_when=limits.failed)
@limits.limiter.limit(limits.NEW_USERS)
def new() -> Response | tuple[str, int]:
    """Make a user with an account of their own, and sign them in."""
    values = {name: request.form.get(name, "").strip() for name in ("email", "name", "account_name")}
    try:
        users.normalise_email(values["email"])
        password_hash = passwords.hash_password(request.form.get("password", ""))
        with scope.unit() as session:
            user = users.create_user_with_hash(
                session, values["email"], password_hash, name=values["name"], account_name=values["account_name"]
            )
    except InvalidInput as error:
        return render_template("pages/sign_up.html", values=values, error=error), 422
    return go_in(user, url_for("dashboard.page"))


@pages.post("/sign-out")
def leave() -> Response:
    """End this browser's session."""
    visitors.leave()
    flash("You are signed out.", "success")
    return redirect(url_for("sign_in.form"), 303)


def go_in(user: User, target: str) -> Response:
    """Sign in to the account used last; who belongs to none is asked what to do."""
    with scope.reading() as session:
        account_id = sessions.last_account(session, user.id)
    if account_id is None:
        visitors.go_halfway(user, target, has_passed=True)
        return redirect(url_for("own_accounts.none"), 303)
    visitors.begin(user.id, account_id)
    return redirect(target, 303)


def local(target: str) -> str:
    """Where to go after signing in: a path of ours, never another site."""
    if target.startswith("/") and not target.startswith(("//", "/\\")) and "\n" not in target:
        return target
    return url_for("dashboard.page")


def _tell_of_burst(email: str, user: User | None) -> None:
    """Write down, and tell the person, that somebody keeps on guessing: once per burst."""
    if not limits.is_burst(email) or user is None:
        return
    with scope.unit() as session:
        audit.record_for_user(session, user.id, "sign_in_failed", user.email)
        credentials.tell(session, process.current(), user.email, "guesses", clock.now())
