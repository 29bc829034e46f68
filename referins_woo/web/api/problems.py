"""Errors of the API as RFC 9457 problems: what they are called, and how one is written.

`type` names the kind for programs, `detail` tells people what to do, `errors` names the fields.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import orjson
from flask import Response

from referins_woo.errors import ReferinsError
from referins_woo.web import security

MIMETYPE: Final = "application/problem+json"

KINDS: Final[dict[str, tuple[int, str]]] = {
    "malformed-body": (400, "The body is not JSON"),
    "unauthorised": (401, "No valid token"),
    "forbidden": (403, "This token may not do that"),
    "not-found": (404, "Not found"),
    "method-not-allowed": (405, "Method not allowed"),
    "conflict": (409, "That does not go now"),
    "precondition-failed": (412, "It has changed meanwhile"),
    "too-large": (413, "Too large"),
    "unsupported-media-type": (415, "Send JSON"),
    "invalid-input": (422, "Invalid input"),
    "too-many-requests": (429, "Too many requests"),
    "fault": (500, "Something broke on our side"),
    "unavailable": (503, "Not now"),
}
"""Every kind of problem: its status and its title. The API's document and docs/api.md list them."""

_BY_STATUS: Final = {status: kind for kind, (status, _) in KINDS.items()}


class Rejected(ReferinsError):
    """A request that the API does not take; `status` is one of KINDS. Nothing was changed."""

    def __init__(
        self,
        status: int,
        detail: str,
        errors: Sequence[dict[str, str]] = (),
        *,
        headers: dict[str, str] | None = None,
        more: dict[str, object] | None = None,
    ) -> None:
        super().__init__(detail)
        self.status = status
        self.errors = list(errors)
        self.headers = headers or {}
        self.more = more or {}


def problem(status: int, title: str = "", detail: str = "", **more: object) -> Response:
    """Return a problem, with the title of its kind unless another is given; `more` are extension members."""
    kind = _BY_STATUS.get(status)
    body: dict[str, object] = {
        "type": f"urn:referins:problem:{kind}" if kind else "about:blank",
        "title": title or (KINDS[kind][1] if kind else "That did not work"),
        "status": status,
        "request_id": security.request_id(),
    }
    if detail:
        body["detail"] = detail
    return Response(orjson.dumps(body | more), status, mimetype=MIMETYPE)


def answer(rejected: Rejected) -> Response:
    """Return the problem that a rejection is."""
    more = {"errors": rejected.errors} if rejected.errors else {}
    response = problem(rejected.status, "", str(rejected), **more, **rejected.more)
    response.headers.update(rejected.headers)
    return response


def field_error(field: str, message: str, remedy: str = "") -> dict[str, str]:
    """Return one member of `errors`."""
    return {"field": field, "message": message, "remedy": remedy or message}
