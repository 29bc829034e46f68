"""Where WooCommerce posts its webhooks: `POST /hooks/woocommerce/<hook token>`.

It stands before the pages, not among them: no session, no CSRF token, no limiter, no rendering. The raw bytes go to
`ingest.receive`, its answer goes back. A flash sale sends a thousand a second, and a shop waits for each answer.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from http import HTTPStatus
from typing import Any

import structlog

from referins_woo import logs
from referins_woo.ingest.receive import MAX_BODY, Receipt, Receiver
from referins_woo.web.counters import HOOKS

PREFIX = "/hooks/woocommerce/"

Environ = dict[str, Any]
Wsgi = Callable[[Environ, Callable[..., Any]], Iterable[bytes]]


class Names(Mapping[str, str]):
    """The headers of a WSGI request as a mapping whose keys have no case."""

    def __init__(self, environ: Environ) -> None:
        self._environ = environ

    def __getitem__(self, name: str) -> str:
        """The header of that name."""
        value: str = self._environ["HTTP_" + name.upper().replace("-", "_")]
        return value

    def __iter__(self) -> Iterator[str]:
        """The names, in title case."""
        return (key[5:].replace("_", "-").title() for key in self._environ if key.startswith("HTTP_"))

    def __len__(self) -> int:
        """How many headers there are."""
        return sum(1 for _ in self)


class LetterBox:
    """Takes the deliveries, and lets everything else through to the pages."""

    def __init__(self, pages: Wsgi, receiver: Receiver) -> None:
        self._pages, self._receiver = pages, receiver

    def __call__(self, environ: Environ, start_response: Callable[..., Any]) -> Iterable[bytes]:
        """Answer one request, by WSGI."""
        path: str = environ.get("PATH_INFO", "")
        token = path.removeprefix(PREFIX)
        if token == path or not token or "/" in token:
            return self._pages(environ, start_response)
        request_id = logs.new_id()
        with structlog.contextvars.bound_contextvars(request_id=request_id):
            receipt = self._take(token, environ)
        HOOKS.labels(str(receipt.status)).inc()
        text = f"{receipt.text}\n".encode()
        headers = [("Content-Type", "text/plain; charset=utf-8"), ("Content-Length", str(len(text)))]
        headers += [("Cache-Control", "no-store"), ("X-Content-Type-Options", "nosniff")]
        headers.append(("X-Request-Id", request_id))
        if receipt.status == 405:
            headers.append(("Allow", "POST"))
        start_response(f"{receipt.status} {HTTPStatus(receipt.status).phrase}", headers)
        return [text]

    def _take(self, token: str, environ: Environ) -> Receipt:
        if environ["REQUEST_METHOD"] != "POST":
            return Receipt(405, "webhooks are posted here")
        given = environ.get("CONTENT_LENGTH") or ""
        if given.isdigit() and int(given) > MAX_BODY:
            return Receipt(413, "too large")
        # Without a length: chunks, whose end the server knows and says so.
        length = int(given) if given.isdigit() else (MAX_BODY + 1) * bool(environ.get("wsgi.input_terminated"))
        return self._receiver.receive(token, Names(environ), environ["wsgi.input"].read(length))
