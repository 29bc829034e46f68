"""One HTTP exchange, between the socket and those who answer."""

from __future__ import annotations

from dataclasses import dataclass, field

import orjson


@dataclass(slots=True)
class Incoming:
    """A request. Header names are lower case; `path` is decoded, `raw_query` is not."""

    method: str
    path: str
    raw_query: str
    headers: dict[str, str]
    body: bytes
    secure: bool

    @property
    def wants_json(self) -> bool:
        """Whether the request says that it takes JSON: error pages then come as JSON (fact 70)."""
        return "application/json" in self.headers.get("accept", "")


@dataclass(slots=True)
class Reply:
    """An answer. `reset` drops the connection instead; `cut_after` sends only so many bytes of the body.

    `drip`: seconds to wait after each byte of the body.
    """

    status: int
    headers: list[tuple[str, str]] = field(default_factory=list)
    body: bytes = b""
    reset: bool = False
    cut_after: int | None = None
    clock_skew: float = 0.0
    drip: float = 0.0

    def header(self, name: str) -> str:
        """Return the first header of this name, or ""."""
        return next((value for known, value in self.headers if known.lower() == name.lower()), "")

    def without(self, *names: str) -> list[tuple[str, str]]:
        """Return the headers but those of these names."""
        lower = {name.lower() for name in names}
        return [(name, value) for name, value in self.headers if name.lower() not in lower]


@dataclass(frozen=True, slots=True)
class Logged:
    """One line of the request log. `query` has secrets taken out; `seconds` is the time to answer."""

    method: str
    path: str
    query: str
    status: int
    user_agent: str
    seconds: float


def json_reply(status: int, data: object, headers: list[tuple[str, str]] | None = None) -> Reply:
    """Return an answer in JSON."""
    return Reply(status, [("Content-Type", "application/json; charset=UTF-8"), *(headers or [])], orjson.dumps(data))


def html_reply(status: int, page: str, headers: list[tuple[str, str]] | None = None) -> Reply:
    """Return an answer in HTML."""
    return Reply(status, [("Content-Type", "text/html; charset=UTF-8"), *(headers or [])], page.encode())


UNCACHED = [
    ("Expires", "Wed, 11 Jan 1984 05:00:00 GMT"),
    ("Cache-Control", "no-cache, must-revalidate, max-age=0, no-store, private"),
]
"""What says that an answer is not to be kept."""


def die_reply(incoming: Incoming, status: int, message: str, headers: list[tuple[str, str]] | None = None) -> Reply:
    """Return what WordPress says when it stops: JSON for those who asked for it, else a small page (fact 70)."""
    headers = [*(headers or []), *UNCACHED]
    if incoming.wants_json:
        data = {"code": "wp_die", "message": message, "data": {"status": status}, "additional_errors": []}
        return json_reply(status, data, headers)
    page = (
        "<!DOCTYPE html>\n<html dir='ltr'>\n<head>\n<meta charset=\"UTF-8\">\n<title>WordPress &rsaquo; Error</title>\n"
        f'</head>\n<body id="error-page">\n<div class="wp-die-message">{message}</div></body>\n</html>\n'
    )
    return html_reply(status, page, headers)
