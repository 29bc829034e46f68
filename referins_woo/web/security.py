"""What every answer carries: a request id, the Content-Security-Policy and the other headers that browsers obey.

No page has inline script; style attributes are allowed, style elements are not. A view may loosen single directives for
its own answer through `allow` (the wizard's `form-action`, the mail preview's sandbox).
"""

from __future__ import annotations

import secrets
import time

import structlog
from flask import Flask, Response, g, request, session

from referins_woo import logs
from referins_woo.config import Config
from referins_woo.web.counters import REQUESTS

log = structlog.get_logger(__name__)

_METHODS = frozenset({"GET", "HEAD", "OPTIONS", "POST", "PUT", "PATCH", "DELETE"})
_DIRECTIVES = {
    "default-src": "'self'",
    "script-src": "'self'",
    "style-src": "'self'",
    "style-src-attr": "'unsafe-inline'",
    "img-src": "'self' data: https:",
    "font-src": "'self'",
    "connect-src": "'self'",
    "object-src": "'none'",
    "base-uri": "'none'",
    "frame-ancestors": "'none'",
    "form-action": "'self'",
}


def allow(directive: str, *sources: str) -> None:
    """Add sources to one directive of this answer's policy."""
    g.setdefault("extra_sources", {}).setdefault(directive, []).extend(sources)


def style_nonce() -> str:
    """Let the library of the text fields set its styles, and nobody else: pages have no style elements otherwise."""
    nonce = secrets.token_urlsafe(16)
    allow("style-src", f"'nonce-{nonce}'")
    return nonce


def replace_policy(policy: str) -> None:
    """Send `policy` instead of ours with this answer."""
    g.policy = policy


def keep_address_secret() -> None:
    """Send no referrer from this answer: whoever has its address can do something with it."""
    g.referrer_policy = "no-referrer"


def request_id() -> str:
    """Return this request's id, shown on error pages and in every log line."""
    found: str = g.get("request_id", "")
    return found


def install(app: Flask, config: Config) -> None:
    """Give every request its id and every answer its headers."""
    directives = dict(_DIRECTIVES)
    if config.allowed_store_origins:
        # Product pictures of a store on this machine.
        directives["img-src"] += " " + " ".join(config.allowed_store_origins)
    policy = "; ".join(f"{name} {value}" for name, value in directives.items())

    @app.before_request
    def _begin() -> None:
        g.request_id = logs.new_id()
        g.started = time.monotonic()
        structlog.contextvars.clear_contextvars()
        structlog.contextvars.bind_contextvars(request_id=g.request_id)

    @app.after_request
    def _end(response: Response) -> Response:
        headers = response.headers
        headers["X-Request-Id"] = request_id()
        headers["X-Content-Type-Options"] = "nosniff"
        headers["Referrer-Policy"] = g.get("referrer_policy", "strict-origin-when-cross-origin")
        headers["Cross-Origin-Opener-Policy"] = "same-origin"
        headers["Permissions-Policy"] = "camera=(), microphone=(), geolocation=(), payment=()"
        if config.public_is_https:
            headers["Strict-Transport-Security"] = "max-age=31536000"
        if "policy" in g:
            headers["Content-Security-Policy"] = g.policy
        elif "extra_sources" in g:
            more = {name: " ".join([directives.get(name, ""), *extra]) for name, extra in g.extra_sources.items()}
            headers["Content-Security-Policy"] = "; ".join(f"{n} {v}" for n, v in (directives | more).items())
        else:
            headers["Content-Security-Policy"] = policy
        if "policy" not in g:
            headers["X-Frame-Options"] = "DENY"
        if request.endpoint == "static":
            session.accessed = False  # signing in looks into it each time; a file is the same for everybody
            headers["Cache-Control"] = "public, max-age=31536000, immutable"  # the names carry a hash
        elif "Cache-Control" not in headers:
            headers["Cache-Control"] = "no-store"
        _log(response)
        return response


def _log(response: Response) -> None:
    """One line a request. The rule, not the path: paths carry hook, state and link tokens."""
    if request.endpoint == "static" or "started" not in g:
        return
    REQUESTS.labels(request.method if request.method in _METHODS else "other", str(response.status_code)).observe(
        time.monotonic() - g.started
    )
    log.info(
        "request",
        method=request.method,
        rule=request.url_rule.rule if request.url_rule else None,
        status=response.status_code,
        milliseconds=round((time.monotonic() - g.started) * 1000, 1),
    )
