"""Whether the process lives (`/healthz`), can work (`/readyz`), and what there is to watch (`/metrics`): N4."""

from __future__ import annotations

import hmac

from flask import Blueprint, Response, jsonify, request
from redis.exceptions import RedisError
from sqlalchemy.exc import SQLAlchemyError

from referins_woo import config, process, schema
from referins_woo.reports.bell_queues import open_redis
from referins_woo.web import metrics
from referins_woo.web.metrics import WRITES

pages = Blueprint("health", __name__)

_NOT_MIGRATED = "not migrated: run `referins db upgrade`"


@pages.get("/healthz")
def alive() -> Response:
    """The process answers."""
    return Response("ok\n", mimetype="text/plain")


@pages.get("/readyz")
def ready() -> tuple[Response, int]:
    """Each check with its result. 503 where the database is away, takes no writes, or is not migrated.

    Then nothing can be promised. A lost Redis is no reason to send merchants and webhooks away: it makes the answer
    "degraded", with 200.
    """
    checks = {name: {"ok": not problem, "detail": problem or "ok"} for name, problem in _problems().items()}
    working = checks["database"]["ok"] and checks["migrations"]["ok"]
    status = "not ready" if not working else "ready" if checks["queue"]["ok"] else "degraded"
    return jsonify({"status": status, "checks": checks}), 200 if working else 503


def _problems() -> dict[str, str]:
    """Return what is wrong with each part; an empty text where nothing is."""
    current = process.current()
    found = {"database": "", "migrations": "", "queue": ""}
    try:
        found["migrations"] = "" if schema.is_current(current.database) else _NOT_MIGRATED
    except SQLAlchemyError as error:
        found["database"] = f"does not answer: {type(error).__name__}"
        found["migrations"] = "unknown: the database does not answer"
    if not any(found.values()):
        found["database"] = WRITES.problem(current.database)
    if current.config.redis_url is not None:
        try:
            open_redis(current.config.redis_url).ping()
        except RedisError as error:
            found["queue"] = f"Redis does not answer: {type(error).__name__}. The sweeps ring again when it is back."
    return found


@pages.get("/metrics")
def measured() -> Response:
    """All metrics, for whoever has METRICS_TOKEN; where that is unset, for this machine alone."""
    wanted = process.current().config.metrics_token
    if wanted is not None:
        scheme, _, given = request.headers.get("Authorization", "").partition(" ")
        if scheme.lower() != "bearer" or not hmac.compare_digest(given.strip().encode(), wanted.encode()):
            headers = {"WWW-Authenticate": 'Bearer realm="metrics"'}
            return Response("Send METRICS_TOKEN as a bearer token.\n", 401, headers, mimetype="text/plain")
    elif not _is_from_here():
        return Response("Set METRICS_TOKEN to read this from elsewhere.\n", 403, mimetype="text/plain")
    return Response(metrics.exposition(), content_type=metrics.CONTENT_TYPE)


def _is_from_here() -> bool:
    """Whether the caller is on this machine. What a proxy hands on is not, however the proxy calls itself."""
    handed_on = any(request.headers.get(name) for name in ("X-Forwarded-For", "Forwarded", "X-Real-IP", "Via"))
    return not handed_on and config.is_loopback(request.remote_addr or "")
