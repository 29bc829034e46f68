"""Short links and the picture of opens, for people who have no account here (E5).

A link leads where its e-mail named, and nowhere else. Whoever follows one arrives, whether or not it could be written
down. What asks is judged by its headers, and neither they nor its address are kept.
"""

from __future__ import annotations

import base64
from collections.abc import Callable
from typing import TypeVar

import structlog
from flask import Blueprint, Response, abort, make_response, redirect, request
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response as AnyResponse

from referins_woo import clock
from referins_woo.mail import tracking
from referins_woo.web import scope

log = structlog.get_logger(__name__)

pages = Blueprint("measured", __name__)

_Answer = TypeVar("_Answer", bound=AnyResponse)
_DOT = base64.b64decode("R0lGODlhAQABAIAAAAAAAP///yH5BAEAAAAALAAAAAABAAEAAAIBRAA7")


@pages.get("/o/<token>.gif")
def opened(token: str) -> Response:
    """A transparent dot, the same for every token, so that nobody learns which ones are good."""
    if request.method == "GET":
        _note(lambda session: tracking.opened(session, token, dict(request.headers), clock.now()))
    return _unkept(make_response(_DOT, {"Content-Type": "image/gif"}))


@pages.get("/c/<place>")
def clicked(place: str) -> AnyResponse:
    """Lead on to where the e-mail's link leads."""
    with scope.reading() as session:
        target = tracking.target(session, place)
    if target is None:
        abort(404, "This link leads nowhere any more: the e-mail that it stood in is no longer kept.")
    if request.method == "GET":
        _note(lambda session: tracking.clicked(session, place, dict(request.headers), clock.now()))
    return _unkept(redirect(target, 302))


def _note(what: Callable[[Session], None]) -> None:
    try:
        with scope.unit() as session:
            what(session)
    except SQLAlchemyError as error:
        log.warning("an opening or click was not written down", error=type(error).__name__)


def _unkept(answer: _Answer) -> _Answer:
    answer.headers["Cache-Control"] = "no-store"
    answer.headers["X-Robots-Tag"] = "noindex"
    return answer
