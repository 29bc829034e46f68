"""Error pages: what happened, what is kept, what to do, and the request's id. The API answers problems instead."""

from __future__ import annotations

import structlog
from flask import Flask, Response, make_response, redirect, render_template, request, url_for
from flask_login import current_user
from flask_wtf.csrf import CSRFError
from werkzeug.exceptions import HTTPException, MethodNotAllowed
from werkzeug.wrappers import Response as AnyResponse

from referins_woo.errors import Final, ReferinsError, RetryLater, StoreMustReconnect
from referins_woo.web import security
from referins_woo.web.api import problems

log = structlog.get_logger(__name__)

_WORDS = {
    400: ("That did not work", "The request could not be understood. Nothing was changed.", "Go back and try again."),
    403: ("Not allowed", "You are signed in, but this is not yours to do.", "Ask an owner of the account."),
    404: (
        "Page not found",
        "There is nothing at this address, or it belongs to another account.",
        "Check the address, or start from the dashboard.",
    ),
    405: ("That did not work", "This address does not take that kind of request.", "Go back and try again."),
    413: ("Too large", "What was sent is larger than we take. Nothing was changed.", "Send less at once."),
    419: (
        "This page was open too long",
        "For your safety a form is good for a limited time. Nothing was changed.",
        "Go back, reload the page and send the form again.",
    ),
    429: (
        "Too many tries",
        "For your safety we slow down repeated tries.",
        "Wait a minute, then try again.",
    ),
    500: (
        "Something broke on our side",
        "The fault is logged. What was saved before is safe.",
        "Try again; if it happens again, tell support the number below.",
    ),
    503: (
        "Not now",
        "Something that we need does not answer at the moment. What was saved before is safe.",
        "Try again in a minute.",
    ),
}


_API_WORDS = {
    404: "There is nothing at this address, or it belongs to another account.",
    405: "This address does not take that method; Allow names those that it takes.",
    413: "The body is larger than 1 MiB. Nothing was changed: send less at once.",
}
"""What a program is told instead."""


def install(app: Flask) -> None:
    """Answer every failure in words."""
    app.register_error_handler(CSRFError, lambda error: _answer(419, ""))
    app.register_error_handler(HTTPException, _http)
    app.register_error_handler(ReferinsError, _ours)
    app.register_error_handler(Exception, _fault)


def _http(error: HTTPException) -> AnyResponse:
    if error.response is not None:
        return error.response if isinstance(error.response, AnyResponse) else make_response(error.response)
    if error.code is not None and error.code < 400:
        return make_response(error.get_response(request.environ))
    answer = _answer(error.code or 500, _own_words(error))
    if error.code == 429:
        answer.headers["Retry-After"] = "60"
    if isinstance(error, MethodNotAllowed) and error.valid_methods:
        answer.headers["Allow"] = ", ".join(sorted(error.valid_methods))
    return answer


def _own_words(error: HTTPException) -> str:
    """The description that a view gave to `abort`, if any: Werkzeug's own sentences are not ours."""
    return error.description if error.description and error.description != type(error).description else ""


def _ours(error: ReferinsError) -> AnyResponse:
    if isinstance(error, RetryLater):
        return _answer(503, str(error))
    if isinstance(error, Final | StoreMustReconnect):
        return _answer(409 if isinstance(error, StoreMustReconnect) else 400, str(error))
    return _fault(error)


def _fault(error: Exception) -> AnyResponse:
    log.error("request failed", exc_info=error)
    return _answer(500, "")


def _answer(status: int, sentence: str) -> AnyResponse:
    if request.path.startswith("/api/"):
        what, remedy = _WORDS.get(status, _WORDS[400])[1:]
        return problems.problem(status, "", sentence or (_API_WORDS.get(status) or f"{what} {remedy}"))
    if status == 404 and request.path.startswith(("/hooks/", "/callbacks/")):
        return Response("not found\n", 404, mimetype="text/plain")
    title, what, remedy = _WORDS.get(status, _WORDS[500] if status >= 500 else _WORDS[400])
    signed_in = status != 500 and bool(current_user and current_user.is_authenticated)
    page = render_template(
        "pages/failure.html",
        status=status,
        title=title,
        what=sentence if sentence and status not in (413, 419, 429) else what,
        remedy=remedy,
        request_id=security.request_id(),
        signed_in=signed_in,
    )
    return make_response(page, status)


def to_sign_in() -> AnyResponse:
    """Send a visitor to the sign-in page, and back to where they wanted to go afterwards."""
    if request.headers.get("HX-Request"):
        return led_to(url_for("sign_in.form"))
    back = request.full_path.rstrip("?") if request.method == "GET" else None
    return led_to(url_for("sign_in.form", next=back))


def led_to(target: str) -> AnyResponse:
    """Send the browser to `target`; htmx too, which would swap the page in otherwise."""
    if request.headers.get("HX-Request"):
        answer = make_response("", 204)
        answer.headers["HX-Redirect"] = target
        return answer
    return redirect(target, 303)
