"""Webhook intake: our web process beside a bare Flask route, on SQLite and PostgreSQL; and 1,000 a second."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from typing import Any

from sqlalchemy import func, select

from bench import Row
from bench._databases import Databases, databases
from bench._processes import free_port, measured, python, running, wait_for
from bench._store import connect, environ, start
from referins_woo.ingest.models import Delivery
from tests.services.valkey import Valkey

_NAME = "intake"
_CONNECTIONS = 32
_RATE = 1_000

Measured = dict[str, Any]


def run(quick: bool) -> list[Row]:
    """Measure and return the rows."""
    return rows_of(count=4_000 if quick else 10_000, pairs=3, burst_seconds=10)


def rows_of(*, count: int, pairs: int, burst_seconds: int) -> list[Row]:
    """Measure with `count` deliveries a run, in `pairs` turns, and a burst of `burst_seconds`."""
    rows: list[Row] = []
    with databases() as empty:
        for kind in ("sqlite", "postgresql"):
            ours, bare = [], []
            for _ in range(pairs):
                bare.append(_load_on_bare(empty, kind, count))
                ours.append(_load_on_ours(empty, kind, count, rate=None))
            rows += _side_by_side(kind, bare, ours)
            rows += _burst(kind, _load_on_ours(empty, kind, _RATE * burst_seconds, rate=_RATE))
    return rows


def _side_by_side(kind: str, bare: list[Measured], ours: list[Measured]) -> list[Row]:
    ratio = median(one["accepted"] / one["seconds"] for one in ours) / median(
        one["accepted"] / one["seconds"] for one in bare
    )
    rows = [Row(_NAME, f"{kind}, {_CONNECTIONS} connections: ours / bare Flask route", ratio, "of it", 0.6)]
    for name, all_of, most in (("ours", ours, 100.0), ("bare Flask route", bare, None)):
        rate = median(one["accepted"] / one["seconds"] for one in all_of)
        p99 = median(one["p99_ms"] for one in all_of)
        rows.append(Row(_NAME, f"{kind}: {name}", rate, "deliveries/s"))
        rows.append(Row(_NAME, f"{kind}: {name}, p99", p99, "ms", most, higher_is_better=False))
    return rows


def _burst(kind: str, found: Measured) -> list[Row]:
    lost = found["sent"] - found["stored"]
    return [
        Row(_NAME, f"{kind}: lost of {found['sent']:,} at {_RATE:,}/s", lost, "deliveries", 0, higher_is_better=False),
        Row(_NAME, f"{kind}: refused of them", found["sent"] - found["accepted"], "deliveries", 0, False),
        Row(_NAME, f"{kind}: p99 at {_RATE:,}/s", found["p99_ms"], "ms"),
    ]


def _load_on_bare(empty: Databases, kind: str, count: int) -> Measured:
    url = empty.fresh(kind)
    opened = start(url)
    connect(opened, 1)
    port = free_port()
    with python(["-m", "bench._flask", str(port), url], {}, Path("/dev/null")):
        wait_for(port)
        found = measured("bench._load", port, "/hook", "--count", count, "--connections", _CONNECTIONS)
    return found | {"stored": _stored(url)}


def _load_on_ours(empty: Databases, kind: str, count: int, rate: int | None) -> Measured:
    url = empty.fresh(kind)
    opened = start(url)
    path = f"/hooks/woocommerce/{connect(opened, 1).hook_token}"
    with _web(url) as port:
        how = ("--rate", rate) if rate else ("--connections", _CONNECTIONS)
        found = measured("bench._load", port, path, "--count", count, *how)
    return found | {"stored": _stored(url)}


@contextlib.contextmanager
def _web(url: str) -> Iterator[int]:
    """Our web process, as the supervisor starts it, with a Valkey for its bells."""
    valkey, port = Valkey(), free_port()
    try:
        with TemporaryDirectory() as folder:
            settings = environ(url, REDIS_URL=valkey.url, REFERINS_DATA=folder, PUBLIC_URL=f"http://127.0.0.1:{port}")
            with running(["web", "--bind", f"127.0.0.1:{port}"], settings, Path(folder) / "log"):
                wait_for(port)
                yield port
    finally:
        valkey.close()


def _stored(url: str) -> int:
    opened = start(url)
    with opened.database.reading() as session:
        count = session.execute(select(func.count()).select_from(Delivery)).scalar_one()
    opened.database.dispose()
    return count
