"""`/metrics` for Prometheus: the rows and queues of the installation, read at each scrape, and this process's counters.

Everything here is a number about the whole installation; no label holds what a merchant or a customer wrote.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Final

from prometheus_client import generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector, CollectorRegistry
from redis.exceptions import RedisError
from sqlalchemy.exc import SQLAlchemyError

from referins_woo import clock, lease, process, queues
from referins_woo.db import Database
from referins_woo.process import Process
from referins_woo.reports import operations
from referins_woo.reports.bell_queues import BellQueue, bell_queues, open_redis
from referins_woo.web.counters import REGISTRY

CONTENT_TYPE: Final = "text/plain; version=0.0.4; charset=utf-8"
_BELIEVED_SECONDS: Final = 5.0
_COUNTED_SECONDS: Final = 15.0
"""Counting a million rows by state costs a tenth of a second; no scraper needs it more often than this."""


class Writes:
    """Whether the database takes what is written to it. Asking costs a commit: what was well is believed for a while.

    A full disk and a server that was made read-only answer every question, and lose every webhook.
    """

    def __init__(self) -> None:
        self._well: tuple[Database, float] | None = None

    def problem(self, database: Database) -> str:
        """Return what is wrong; an empty text where it is well."""
        well = self._well
        if well is not None and well[0] is database and time.monotonic() - well[1] < _BELIEVED_SECONDS:
            return ""
        try:
            lease.prove_writes(database)
        except (SQLAlchemyError, OSError) as error:
            return f"takes no writes: {type(error).__name__}"
        self._well = database, time.monotonic()
        return ""


class Installation(Collector):
    """Reads the metrics of the installation when it is collected."""

    def __init__(self) -> None:
        self.forget()

    def forget(self) -> None:
        """Count anew at the next scrape."""
        self._counted: dict[str, dict[str, int]] = {}
        self._counted_at = -_COUNTED_SECONDS

    def describe(self) -> list[Metric]:
        """Nothing is read when the registry asks what it will get."""
        return []

    def collect(self) -> Iterator[Metric]:
        """Read and give the metrics; what cannot be reached is missing, and `referins_up` says so."""
        current = process.current()
        up = GaugeMetricFamily("referins_up", "Whether this part answered (1) or not (0).", labels=["part"])
        try:
            yield from self._rows(current)
            up.add_metric(["database"], 1)
        except SQLAlchemyError:
            up.add_metric(["database"], 0)
        up.add_metric(["writes"], int(not WRITES.problem(current.database)))
        try:
            yield from _queues(bell_queues(open_redis(current.config.redis_url)) if current.config.redis_url else [])
            up.add_metric(["redis"], 1)
        except RedisError:
            up.add_metric(["redis"], 0)
        yield up
        failed = CounterMetricFamily("referins_bells_failed", "Bells that this process could not ring.")
        failed.add_metric([], queues.failed())
        yield failed

    def _rows(self, current: Process) -> Iterator[Metric]:
        now = clock.now()
        with current.database.reading() as session:
            work = operations.waiting(session, now)
            stores = operations.stores_by_cause(session)
            webhooks = operations.webhooks_by_status(session)
            silent = operations.clock_silent_for(session, now)
            if time.monotonic() - self._counted_at >= _COUNTED_SECONDS:
                self._counted, self._counted_at = operations.by_state(session), time.monotonic()
        rows = GaugeMetricFamily("referins_waiting", "Rows whose time has come, by kind of work.", labels=["work"])
        age = GaugeMetricFamily(
            "referins_waiting_oldest_seconds", "For how long the oldest of them waits.", labels=["work"]
        )
        for each in work:
            rows.add_metric([each.work], each.rows)
            age.add_metric([each.work], each.oldest_seconds)
        yield from (rows, age)
        for name, counts in self._counted.items():
            family = GaugeMetricFamily(f"referins_{name}", f"{name.capitalize()} by state.", labels=["state"])
            for state, count in sorted(counts.items()):
                family.add_metric([state], count)
            yield family
        family = GaugeMetricFamily("referins_stores", "Stores by state and cause.", labels=["state", "cause"])
        for (state, cause), count in sorted(stores.items()):
            family.add_metric([state, cause], count)
        yield family
        family = GaugeMetricFamily("referins_store_webhooks", "Webhooks in stores by status.", labels=["status"])
        for status, count in sorted(webhooks.items()):
            family.add_metric([status], count)
        yield family
        if silent is not None:
            heartbeat = GaugeMetricFamily(
                "referins_clock_silent_seconds", "For how long no clock has renewed its lease; above 15 none works."
            )
            heartbeat.add_metric([], silent.total_seconds())
            yield heartbeat


def _queues(found: list[BellQueue]) -> Iterator[Metric]:
    depth = GaugeMetricFamily("referins_queue_depth", "Bells that wait in a queue.", labels=["queue"])
    age = GaugeMetricFamily("referins_queue_oldest_seconds", "For how long its first bell waits.", labels=["queue"])
    workers = GaugeMetricFamily("referins_queue_workers", "Workers that listen on it.", labels=["queue"])
    for queue in found:
        depth.add_metric([queue.name], queue.waiting)
        age.add_metric([queue.name], queue.oldest_seconds)
        workers.add_metric([queue.name], queue.workers)
    yield from (depth, age, workers)


WRITES: Final = Writes()
ROWS: Final = Installation()
_INSTALLATION: Final = CollectorRegistry(auto_describe=False)
_INSTALLATION.register(ROWS)


def exposition() -> bytes:
    """Return all metrics in Prometheus's text format."""
    return generate_latest(_INSTALLATION) + generate_latest(REGISTRY)
