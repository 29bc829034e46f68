"""Where mail providers tell of bounces and complaints: `POST /hooks/mail/postmark`, signed in with a password.

What is told is written down before it is answered; a database that cannot is answered 503, and Postmark tells again.
"""

from __future__ import annotations

import hmac

import orjson
from flask import Blueprint, Response, request
from sqlalchemy.exc import SQLAlchemyError

from referins_woo import clock, process
from referins_woo.mail import postmark_hooks
from referins_woo.web import scope

pages = Blueprint("mail_hooks", __name__, url_prefix="/hooks/mail")


@pages.post("/postmark")
def postmark() -> Response:
    """Take one record of Postmark's in."""
    if not _may():
        return _say(401, "sign in", {"WWW-Authenticate": 'Basic realm="Referins"'})
    if (request.content_length or 0) > postmark_hooks.LARGEST:
        return _say(413, "too large")
    try:
        record = orjson.loads(request.get_data(cache=False))
    except orjson.JSONDecodeError:
        return _say(400, "this is no JSON")
    if not isinstance(record, dict):
        return _say(400, "this is no record")
    try:
        with scope.unit() as session:
            done = postmark_hooks.take(session, record, clock.now())
    except SQLAlchemyError:
        return _say(503, "not now")
    return _say(200, done or "ignored")


def _may() -> bool:
    settings, given = process.current().config.postmark, request.authorization
    if settings is None or settings.hook_password is None or given is None or given.password is None:
        return False
    return hmac.compare_digest(given.password.encode(), settings.hook_password.encode())


def _say(status: int, words: str, headers: dict[str, str] | None = None) -> Response:
    return Response(f"{words}\n", status, headers, mimetype="text/plain")
