"""Faults that a walk must survive: what peers lose orders to, with the bodies that real stores were recorded
to send."""

from __future__ import annotations

import json
import threading
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

from tests.replay.server import Fault, Reply, Request

Change = Callable[[Reply], Reply]

LISTS = ("orders", "customers", "products", "products/categories", "refunds")


def is_page(request: Request) -> bool:
    """Whether a request asks for a page of a list, variations among them; probes and look-ups of ids are none."""
    return (
        request.method == "GET"
        and (request.path in LISTS or request.path.endswith("/variations"))
        and "_fields" not in request.query
    )


class FirstTimes:
    """Changes the answer to each different page the first `times` times that it is asked for."""

    def __init__(self, change: Change, times: int = 1, only: Callable[[Request], bool] = is_page) -> None:
        self._change, self._times, self._only = change, times, only
        self._seen: Counter[str] = Counter()
        self._lock = threading.Lock()
        self.struck = 0

    def __call__(self, request: Request, reply: Reply) -> Reply:
        if not self._only(request):
            return reply
        with self._lock:
            key = f"{request.path} {sorted(request.query.items())}"
            self._seen[key] += 1
            if self._seen[key] > self._times:
                return reply
            self.struck += 1
        return self._change(reply)


class LastPageAgain:
    """A cache that answers a page with the one that was asked for before it, once for each page."""

    def __init__(self) -> None:
        self._before: dict[str, Reply] = {}
        self._once = FirstTimes(lambda reply: reply)
        self.struck = 0

    def __call__(self, request: Request, reply: Reply) -> Reply:
        if not is_page(request):
            return reply
        key = f"{request.path} {sorted((name, text) for name, text in request.query.items() if name != 'offset')}"
        stale, before = self._before.get(key), self._once.struck
        self._before[key] = reply
        self._once(request, reply)
        if stale is None or self._once.struck == before:
            return reply
        self.struck += 1
        return stale


def recorded(recordings: Path, name: str) -> Change:
    """Answer what a store in that state was recorded to answer."""
    found = json.loads((recordings / f"{name}.json").read_text())["response"]
    body = found["body"]
    content = (body if isinstance(body, str) else json.dumps(body)).encode()
    headers = {
        key: value
        for key, value in found["headers"].items()
        if key.lower() not in ("content-length", "transfer-encoding", "date", "connection", "content-encoding")
    }

    def change(reply: Reply) -> Reply:
        return Reply(found["status"], content, {"Date": reply.headers["Date"], **headers})

    return change


def in_front(recordings: Path, name: str) -> Change:
    """Put in front of the JSON what a store was recorded to put there."""
    text: str = json.loads((recordings / f"{name}.json").read_text())["response"]["body"]
    prefix = text[: text.index("[{")].encode()
    assert prefix

    def change(reply: Reply) -> Reply:
        return replace(reply, content=prefix + reply.content)

    return change


def with_status(status: int, content: bytes, **headers: str) -> Change:
    """Answer something else."""

    def change(reply: Reply) -> Reply:
        sent = {name.replace("_", "-"): value for name, value in headers.items()}
        return Reply(status, content, {"Date": reply.headers["Date"], **sent})

    return change


def cut_on_the_wire(reply: Reply) -> Reply:
    """Lose the connection after half of the body."""
    return replace(reply, cut_after=len(reply.content) // 2)


def hung_up(reply: Reply) -> Reply:
    """Lose the connection before a word."""
    return replace(reply, cut_after=-1)


def truncated(reply: Reply) -> Reply:
    """Half of the JSON, with a Content-Length that fits it."""
    return replace(reply, content=reply.content[: len(reply.content) // 2])


def empty_list(reply: Reply) -> Reply:
    """A well-formed answer without rows."""
    return replace(reply, content=b"[]")


def short_page(reply: Reply) -> Reply:
    """Half of the rows, and nothing that says so."""
    rows: list[Any] = json.loads(reply.content)
    return replace(reply, content=json.dumps(rows[: (len(rows) + 1) // 2]).encode())


def object_of_rows(reply: Reply) -> Reply:
    """A PHP list with gaps: an object with numbers for keys (row 23)."""
    rows: list[Any] = json.loads(reply.content)
    return replace(reply, content=json.dumps({str(index): row for index, row in enumerate(rows, 3)} or []).encode())


def broken_utf8(reply: Reply) -> Reply:
    """Bytes that are no UTF-8, in a field that nobody keeps."""
    return replace(reply, content=reply.content.replace(b'"meta_data": [', b'"broken": "\xff\xfe\xc3", "meta_data": ['))


def false_gzip(reply: Reply) -> Reply:
    """Say that it is packed, and do not pack it (row 30)."""
    return replace(reply, headers={**reply.headers, "Content-Encoding": "gzip"})


def total(value: str | None) -> Change:
    """Claim another total, or none at all."""

    def change(reply: Reply) -> Reply:
        headers = {name: text for name, text in reply.headers.items() if not name.startswith("X-WP-")}
        if value is not None:
            headers |= {"X-WP-Total": value, "X-WP-TotalPages": "1"}
        return replace(reply, headers=headers)

    return change


def too_large(most: int) -> Fault:
    """500 for every page of orders with more than `most` rows asked for (row 18)."""
    fatal = with_status(500, b'{"code":"internal_server_error","message":"memory","data":{"status":500}}')

    def fault(request: Request, reply: Reply) -> Reply:
        asked = int(request.query.get("per_page", "10"))
        return fatal(reply) if request.path == "orders" and asked > most and is_page(request) else reply

    return fault


def poisoned(order_id: int) -> Fault:
    """500 for every answer that would hold one order whole (row 19, recorded: an exception while preparing it)."""
    fatal = with_status(500, b'{"code":"internal_server_error","message":"fatal","data":{"status":500}}')

    def fault(request: Request, reply: Reply) -> Reply:
        if not request.path.startswith("orders") or "_fields" in request.query or reply.status != 200:
            return reply
        rows = json.loads(reply.content)
        held = rows if isinstance(rows, list) else [rows]
        return fatal(reply) if any(row.get("id") == order_id for row in held) else reply

    return fault
