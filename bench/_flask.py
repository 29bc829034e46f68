"""The limit of the intake: a bare Flask route that verifies and inserts, on the server settings that ours has.

`python -m bench._flask PORT DATABASE_URL`. A transaction for each request, in the thread that answers it; a connection
for each thread; as durable as ours (SQLite FULL, PostgreSQL synchronous_commit).
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import sqlite3
import sys
import threading
from typing import Any

import psycopg
from flask import Flask, Response, request

from bench._bare import NOW
from bench._store import HOOK_SECRET
from referins_woo.run.web import serve

_COLUMNS = (
    "account_id, store_id, topic, woo_webhook_id, woo_delivery_id, source, body, body_sha256, state, reason, error,"
    " attempts, received_at"
)


def create_app(url: str) -> Flask:
    """Return the application for the database at `url`."""
    app = Flask("bare")
    own = threading.local()
    mark = "?" if url.startswith("sqlite") else "%s"
    statement = f"INSERT INTO deliveries ({_COLUMNS}) VALUES ({', '.join([mark] * 13)}) ON CONFLICT DO NOTHING"

    def connection() -> Any:
        if not hasattr(own, "connection"):
            own.connection = connect(url)
        return own.connection

    @app.post("/hook")
    def take() -> Response:
        body = request.get_data(cache=False)
        signed = base64.b64encode(hmac.new(HOOK_SECRET.encode(), body, hashlib.sha256).digest()).decode()
        if not hmac.compare_digest(signed, request.headers.get("X-WC-Webhook-Signature", "")):
            return Response("wrong signature\n", 401, mimetype="text/plain")
        headers = request.headers
        values = (
            *(1, 1, headers["X-WC-Webhook-Topic"], int(headers["X-WC-Webhook-ID"])),
            *(headers["X-WC-Webhook-Delivery-ID"], headers["X-WC-Webhook-Source"], body),
            *(hashlib.sha256(body).hexdigest(), "received", "", "", 0, NOW),
        )
        connection().execute(statement, values)
        return Response("stored\n", 200, mimetype="text/plain")

    @app.get("/healthz")
    def health() -> str:
        return "ok\n"

    return app


def connect(url: str) -> Any:
    """Return a connection of which each statement is a transaction."""
    if not url.startswith("sqlite"):
        return psycopg.connect(url, autocommit=True)
    connection = sqlite3.connect(url.removeprefix("sqlite:///"), isolation_level=None, timeout=15)
    connection.execute("PRAGMA journal_mode=WAL")
    connection.execute("PRAGMA synchronous=FULL")
    return connection


if __name__ == "__main__":
    serve(lambda: create_app(sys.argv[2]), f"127.0.0.1:{sys.argv[1]}")
