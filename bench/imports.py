"""Import: ours beside a bare loop of the same work, with and without the store's latency, and the worker's memory."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from typing import Any

from sqlalchemy import select

from bench import Row
from bench._databases import Databases, databases
from bench._processes import measured, peak_mb, running, serving
from bench._store import connect, environ, start
from referins_woo import queues
from referins_woo.ingest import importing
from referins_woo.ingest.models import Import
from referins_woo.stores.models import Store
from tests.services.valkey import Valkey

_NAME = "imports"
_CONNECTIONS = 4
_GATES = {"sqlite": 0.25, "postgresql": 0.38}
_MOST_MB = 120.0

Measured = dict[str, Any]


def run(quick: bool) -> list[Row]:
    """Measure with 100,000 orders (fewer when quick) and return the rows."""
    if quick:
        return rows_of(orders=20_000, delayed=50_000, pairs=1, memory=(10_000, 100_000))
    return rows_of(orders=100_000, delayed=100_000, pairs=3, memory=(10_000, 100_000, 1_000_000))


def rows_of(*, orders: int, delayed: int, pairs: int, memory: Sequence[int]) -> list[Row]:
    """Measure: `orders` without latency, `delayed` with 100 ms a page, the worker's memory at the sizes of `memory`."""
    with databases() as empty:
        rows = []
        with serving("bench._pages", "--orders", orders) as port:
            for kind, gate in _GATES.items():
                rows += _without_latency(empty, kind, port, orders, pairs, gate)
        with serving("bench._pages", "--orders", delayed, "--delay", 100) as port:
            rows += _with_latency(empty, port, delayed, pairs)
        return rows + _memory(empty, memory)


def _without_latency(empty: Databases, kind: str, port: int, orders: int, pairs: int, gate: float) -> list[Row]:
    def bare() -> Measured:
        return measured("bench._bare", port, _connected(empty, kind, port), "--orders", orders)

    def ours() -> Measured:
        return measured("bench._ours", _connected(empty, kind, port), "--orders", orders)

    limit, own, ratio = _in_turns(bare, ours, pairs)
    return [
        Row(_NAME, f"{kind}, 0 ms, {orders:,} orders: ours / bare loop", ratio, "of it", gate),
        Row(_NAME, f"{kind}, 0 ms: bare loop", limit, "orders/s"),
        Row(_NAME, f"{kind}, 0 ms: ours", own, "orders/s"),
    ]


def _with_latency(empty: Databases, port: int, orders: int, pairs: int) -> list[Row]:
    def fetch() -> Measured:
        return measured("bench._bare", port, "-", "--orders", orders, "--connections", _CONNECTIONS, "--discard")

    def ours() -> Measured:
        return measured("bench._ours", _connected(empty, "sqlite", port), "--orders", orders)

    limit, own, ratio = _in_turns(fetch, ours, pairs)
    return [
        Row(
            _NAME,
            f"sqlite, 100 ms a page, {_CONNECTIONS} connections, {orders:,} orders: ours / fetch and discard",
            ratio,
            "of it",
            0.8,
        ),
        Row(_NAME, "100 ms a page: fetch and discard", limit, "orders/s"),
        Row(_NAME, "100 ms a page: ours", own, "orders/s"),
    ]


def _memory(empty: Databases, sizes: Sequence[int]) -> list[Row]:
    """The real bulk worker: its peak at each size, and what ten times as many orders add."""
    peaks = [_peak_of_worker(empty, orders) for orders in sizes]
    rows = [
        Row(_NAME, f"bulk worker, {orders:,} orders: peak memory", peak, "MB", _MOST_MB, higher_is_better=False)
        for orders, peak in zip(sizes, peaks, strict=True)
    ]
    growth = (peaks[-1] - peaks[0]) / (sizes[-1] - sizes[0]) * 100_000
    return [*rows, Row(_NAME, "bulk worker: growth", growth, "MB per 100,000 orders")]


def _peak_of_worker(empty: Databases, orders: int) -> float:
    valkey = Valkey()
    try:
        with serving("bench._pages", "--orders", orders) as port, TemporaryDirectory() as folder:
            url = _connected(empty, "sqlite", port)
            own = start(url)
            settings = environ(url, REDIS_URL=valkey.url, REFERINS_DATA=folder)
            with running(["worker", "bulk"], settings, Path(folder) / "log") as worker:
                queues.connect(valkey.url)
                with own.database.unit() as session:
                    begun = importing.start_first(session, session.execute(select(Store)).scalar_one())
                    assert begun is not None
                while True:
                    time.sleep(0.2)
                    with own.database.reading() as session:
                        row = session.get_one(Import, begun.id)
                    if row.state not in ("waiting", "running") or worker.poll() is not None:
                        break
                if row.state != "done":
                    raise RuntimeError(
                        f"the import ended {row.state}: {row.note}\n{(Path(folder) / 'log').read_text()}"
                    )
                return peak_mb(worker.pid)
    finally:
        valkey.close()


def _connected(empty: Databases, kind: str, port: int) -> str:
    """Return the URL of an empty database with the store on `port`."""
    url = empty.fresh(kind)
    opened = start(url)
    connect(opened, port, _CONNECTIONS)
    opened.database.dispose()
    return url


def _in_turns(limit: Callable[[], Measured], ours: Callable[[], Measured], pairs: int) -> tuple[float, float, float]:
    """Return orders/s of both and their ratio: medians of `pairs` runs in turns (A B A B)."""
    rates: list[tuple[float, float]] = []
    for _ in range(pairs):
        first, second = limit(), ours()
        rates.append((first["orders"] / first["seconds"], second["orders"] / second["seconds"]))
    return (
        median(first for first, _ in rates),
        median(second for _, second in rates),
        median(second / first for first, second in rates),
    )
