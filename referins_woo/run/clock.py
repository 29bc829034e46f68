"""The clock: the process that does what is periodic, and re-rings for what was left lying.

One clock works at a time, by a lease in the database; a second one waits to take over. The table of periodic jobs
is `referins_woo.schedule.TABLE`; its entries are short (a query and some bells) and may run twice.
"""

from __future__ import annotations

import signal
import threading
import time
from collections.abc import Callable, Sequence

import structlog
from sqlalchemy.exc import SQLAlchemyError

from referins_woo import lease, logs
from referins_woo.db import Database
from referins_woo.run.parent import watch_parent

log = structlog.get_logger(__name__)

_LEASE = lease.CLOCK
_LEASE_SECONDS = lease.CLOCK_SECONDS
_RENEW_SECONDS = 2.0


Line = tuple[str, float, Callable[[], None]]
"""Name, seconds between two calls (the first comes when the clock starts), what is called."""


class Clock:
    """Runs the lines of a table when they are due. Durations are real ones: a test's clock does not hurry them."""

    def __init__(self, table: Sequence[Line], database: Database, holder: str | None = None) -> None:
        self._table = table
        self._database = database
        self._holder = holder or lease.new_holder()
        self._due = {name: 0.0 for name, _, _ in table}
        self._fence: int | None = None
        self._held_until = 0.0

    def tick(self) -> list[str]:
        """Run what is due, if this clock is the one that works; returns the names of what ran."""
        if not self._holds_lease():
            return []
        ran = []
        for line in self._table:
            name, seconds, _ = line
            if time.monotonic() >= self._due[name]:
                self._due[name] = time.monotonic() + seconds
                run_line(line)
                ran.append(name)
        return ran

    def run(self, stop: threading.Event, pause: float = 0.5) -> None:
        """Tick until `stop` is set, then give the lease back."""
        while not stop.is_set():
            try:
                self.tick()
            except SQLAlchemyError:
                log.exception("clock: the database failed")
                self._held_until = 0.0
            stop.wait(pause)
        self._give_back()

    def _holds_lease(self) -> bool:
        if time.monotonic() < self._held_until - (_LEASE_SECONDS - _RENEW_SECONDS):
            return True
        asked = time.monotonic()
        with self._database.unit() as session:
            self._fence = lease.acquire(session, _LEASE, self._holder, _LEASE_SECONDS)
        self._held_until = asked + _LEASE_SECONDS if self._fence is not None else 0.0
        return self._fence is not None

    def _give_back(self) -> None:
        if self._held_until and self._fence is not None:
            with self._database.unit() as session:
                lease.release(session, _LEASE, self._fence)


def run_line(line: Line) -> None:
    """Job shell of one periodic job: what fails is logged, and tried again when it is due next."""
    name, _, call = line
    started = time.monotonic()
    with structlog.contextvars.bound_contextvars(job_id=logs.new_id(), periodic=name):
        try:
            call()
        except Exception:
            log.exception("periodic job failed")
        else:
            log.debug("periodic job done", seconds=round(time.monotonic() - started, 3))


def run(table: Sequence[Line], database: Database) -> None:
    """Be the clock until SIGTERM or SIGINT."""
    watch_parent()
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda _number, _frame: stop.set())
    Clock(table, database).run(stop)
