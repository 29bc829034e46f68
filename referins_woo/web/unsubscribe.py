"""The links below marketing e-mails: unsubscribe and preferences, for people who have no account here.

A GET only shows a page, because scanners of mail providers open every link; a POST acts, with no sign-in, cookie or
token of a form, as RFC 8058 asks. The address holds 192 random bits and is the key.
"""

from __future__ import annotations

from typing import Any

from flask import Blueprint, abort, render_template, request

from referins_woo import clock
from referins_woo.mail import double_optin, permission
from referins_woo.mail.models import Message
from referins_woo.web import scope

pages = Blueprint("unsubscribe", __name__)

_WORDING = "Send me e-mails with news and offers from {sender}"


@pages.get("/u/<token>")
def ask(token: str) -> str:
    """Ask whether to unsubscribe; nothing changes."""
    return _page(token, "")


@pages.post("/u/<token>")
def unsubscribe(token: str) -> str:
    """Unsubscribe at once: a click on the page, or the mail program's own button (List-Unsubscribe=One-Click)."""
    one_click = request.form.get("List-Unsubscribe") == "One-Click"
    with scope.unit() as session:
        message = permission.message_of(session, token) or abort(404)
        if permission.is_subscribed(session, message):
            source = "unsubscribe button of the mail program" if one_click else "unsubscribe link"
            permission.unsubscribe(session, message, clock.now(), source)
    return _page(token, "done")


@pages.get("/preferences/<token>")
def preferences(token: str) -> str:
    """What the recipient gets."""
    return _page(token, "")


@pages.post("/preferences/<token>")
def change(token: str) -> str:
    """Subscribe or unsubscribe, as the recipient chose."""
    wanted = request.form.get("marketing") == "yes"
    with scope.unit() as session:
        message = permission.message_of(session, token) or abort(404)
        if wanted and not permission.is_subscribed(session, message):
            permission.subscribe_again(session, message, clock.now(), _WORDING.format(sender=_sender(message)))
        elif not wanted and permission.is_subscribed(session, message):
            permission.unsubscribe(session, message, clock.now(), "preference page")
    return _page(token, "saved")


@pages.get("/confirm/<token>")
def confirm_form(token: str) -> str:
    """Ask whether they want marketing, as the e-mail did; nothing changes."""
    return _confirmation(token)


@pages.post("/confirm/<token>")
def confirm(token: str) -> str:
    """They do."""
    with scope.unit() as session:
        message = double_optin.question_of(session, token) or abort(404)
        double_optin.confirm(session, message, clock.now())
    return _confirmation(token)


def _confirmation(token: str) -> str:
    with scope.reading() as session:
        message: Any = double_optin.question_of(session, token) or abort(404)
        return render_template(
            "pages/confirm_subscription.html",
            token=token,
            sender=_sender(message),
            email=_hidden(message.to_email),
            subscribed=permission.is_subscribed(session, message),
            wording=double_optin.WORDING.format(sender=_sender(message)),
        )


def _page(token: str, done: str) -> str:
    with scope.reading() as session:
        message: Any = permission.message_of(session, token) or abort(404)
        return render_template(
            "pages/unsubscribe.html",
            token=token,
            done=done,
            sender=_sender(message),
            email=_hidden(message.to_email),
            subscribed=permission.is_subscribed(session, message),
            wording=_WORDING.format(sender=_sender(message)),
            preferences=request.endpoint in ("unsubscribe.preferences", "unsubscribe.change"),
        )


def _sender(message: Message) -> str:
    return str((message.footer or {}).get("sender") or message.from_name or "this shop")


def _hidden(address: str) -> str:
    """The address as its owner knows it again, and nobody to whom the e-mail was forwarded learns it."""
    name, _, domain = address.partition("@")
    return f"{name[:2]}…@{domain}"
