"""The doorbell: names of queues and bells, and how a bell is rung after a commit.

The database is the letter box, RQ is the doorbell. A bell says "there is work"; it carries ids at most. All of
Redis may be lost at any moment: a bell that fails is logged and counted, never raised, and the clock's sweeps ring
again for whatever was left lying. Bells are collapsed by a key that the job shell deletes before the job's first
claim, so a burst of a thousand webhooks is a few jobs.

A room registers its jobs with `@job("drain_deliveries")`; whoever leaves a row rings by name and imports nothing.
"""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Final, Protocol, TypeVar

import structlog
from redis import Redis
from redis.exceptions import RedisError
from rq import Queue, Retry
from rq.timeouts import JobTimeoutException, UnixSignalDeathPenalty

from referins_woo import logs
from referins_woo.bells import AT_ONCE, BELLS, QUEUES, QUICK, seconds_of
from referins_woo.lingering import Arg, Bell, Door

log = structlog.get_logger(__name__)

AFTER_COMMIT: Final = "referins_after_commit"
"""The list in `Session.info` that `db.Database.unit` calls once it has committed."""

_AT_ONCE_SECONDS = 10.0
"""A job that took longer leaves them to the queue: others have waited."""

_PATIENCE_SECONDS = 1.0

_COLLAPSED_MS = 2_000
_WORTHLESS_SECONDS = 300
"""A bell that nobody answered is forgotten: the sweep rings again. Counted from when RQ gives up its worker, or RQ
forgets the job of one that was killed before it comes to ring again."""
_SILENT_SECONDS = 1.0
_LONGEST_SILENCE = 8.0

_Call = TypeVar("_Call", bound=Callable[..., None])


class Bells(Protocol):
    """Where bells ring: Redis in the application, a list in tests."""

    failed: int
    """How many bells could not be rung since the process began."""

    def ring(self, name: str, queue: str, args: tuple[Arg, ...]) -> None:
        """Put a job of bell `name` on `queue`, unless one is waiting already. Never raises for a lost Redis."""

    def answered(self, name: str, args: tuple[Arg, ...]) -> None:
        """Let the bell be rung again: from now on new work is not covered by the job that runs."""


_jobs: dict[str, Callable[..., None]] = {}
_bells: Bells | None = None


def job(name: str) -> Callable[[_Call], _Call]:
    """Register the decorated function as the job that answers bell `name`; it gets the arguments of the bell.

    Raises LookupError for a name that is not in BELLS.
    """
    if name not in BELLS:
        raise LookupError(f"bell {name!r}: add it to referins_woo.bells.BELLS with its queue")

    def register(call: _Call) -> _Call:
        _jobs[name] = call
        return call

    return register


def jobs() -> frozenset[str]:
    """Return the names of all bells that have a job in this process."""
    return frozenset(_jobs)


def connect(
    redis_url: str | None, *, worker_of: str | None = None, stopped: Callable[[], bool] = lambda: True
) -> Bells:
    """Ring through the Redis at `redis_url` from now on; None keeps the bells in memory, for tests to drain.

    `worker_of`: the queue whose worker this process is; `stopped`: whether it was told to stop.
    """
    global _bells
    _bells = MemoryBells() if redis_url is None else RedisBells(redis_url, worker_of=worker_of, stopped=stopped)
    return _bells


def ring(name: str, *args: Arg) -> None:
    """Ring bell `name` for `args` (ids). Call it only for rows that are committed; it never raises for a lost Redis.

    Raises LookupError for a name that is not in BELLS and RuntimeError before `connect`.
    """
    if _bells is None:
        raise RuntimeError("queues.connect was not called in this process")
    _bells.ring(name, BELLS[name].queue, args)


def failed() -> int:
    """Return how many bells this process could not ring."""
    return _bells.failed if _bells is not None else 0


def ring_after_commit(session: Any, name: str, *args: Arg) -> None:
    """Ring once the unit of `session` has committed; never if it rolls back."""
    if name not in BELLS:  # fails beside its caller, not after the commit
        raise LookupError(f"there is no bell {name!r} in referins_woo.bells.BELLS")
    calls = session.info.setdefault(AFTER_COMMIT, [])
    bell = _Bell(name, args)
    if bell not in calls:  # two hundred messages of one unit are one bell
        calls.append(bell)


@dataclass(frozen=True, slots=True)
class _Bell:
    """A bell that waits for its commit."""

    name: str
    args: tuple[Arg, ...]

    def __call__(self) -> None:
        """Ring."""
        ring(self.name, *self.args)


def run_job(name: str, *args: Arg) -> None:
    """Job shell: answer the bell, run its job, log what fails, and linger for more. RQ calls this by its dotted path.

    Nothing is raised: what a job left undone lies in the database, and a sweep rings again.
    """
    if not isinstance(_bells, RedisBells):
        _answer(name, args)
        return
    until = time.monotonic() + _AT_ONCE_SECONDS
    _answer_with_its_own(_bells, (name, args), until)
    for bell in _bells.lingering(until):
        with UnixSignalDeathPenalty(seconds_of(bell[0]), JobTimeoutException):  # type: ignore[no-untyped-call]
            _answer_with_its_own(_bells, bell, until)


def _answer_with_its_own(bells: RedisBells, bell: Bell, until: float) -> None:
    """Answer a bell, and what it rings for on the queue of this worker itself."""
    todo = [bell]
    while todo:
        with bells.kept() as rung:
            _answer(*todo.pop(0))
        todo += [one for one in dict.fromkeys(rung) if one not in todo]
        if time.monotonic() > until:
            break
    for late, its_args in todo:
        ring(late, *its_args)


def _answer(name: str, args: tuple[Arg, ...]) -> None:
    if _bells is not None:
        _bells.answered(name, args)
    found = _jobs.get(name)
    if found is None:
        log.error("bell without a job", bell=name, args=args)
        return
    started = time.monotonic()
    with structlog.contextvars.bound_contextvars(job_id=logs.new_id(), bell=name):
        try:
            found(*args)
        except Exception:
            log.exception("job failed", args=args, seconds=round(time.monotonic() - started, 3))
        else:
            log.debug("job done", args=args, seconds=round(time.monotonic() - started, 3))


class RedisBells:
    """Bells as RQ jobs. After a failure it keeps silent for 1, 2, 4, 8 s: few answers wait for a dead Redis."""

    def __init__(
        self, redis_url: str, *, worker_of: str | None = None, stopped: Callable[[], bool] = lambda: True
    ) -> None:
        self.failed = 0
        self._worker_of = worker_of
        self._stopped = stopped
        self._kept: list[Bell] | None = None
        self._redis = Redis.from_url(redis_url, socket_timeout=2, socket_connect_timeout=1)
        self._queues = {name: Queue(name, connection=self._redis, serializer="json") for name in QUEUES}
        self._doors = {name: Door(self._redis, name) for name in QUEUES}
        self._silent_until = 0.0
        self._silence = _SILENT_SECONDS
        self._lock = threading.Lock()

    def ring(self, name: str, queue: str, args: tuple[Arg, ...]) -> None:
        """Enqueue `run_job`, unless the bell's key is still there; keep it where this worker will answer at once."""
        if self._kept is not None and queue == self._worker_of and name in AT_ONCE:
            self._kept.append((name, args))
            return
        if time.monotonic() < self._silent_until:
            self._count()
            return
        try:
            if not self._redis.set(_key(name, args), b"1", nx=True, px=_COLLAPSED_MS):
                return
            if name not in QUICK or not self._doors[queue].ring((name, args)):
                self._enqueue(name, queue, args)
            self._silence = _SILENT_SECONDS
        except (RedisError, OSError) as error:
            self._silent_until = time.monotonic() + self._silence
            self._silence = min(self._silence * 2, _LONGEST_SILENCE)
            self._count()
            log.warning("bell not rung", bell=name, args=args, error=str(error))

    def _enqueue(self, name: str, queue: str, args: tuple[Arg, ...]) -> None:
        seconds = seconds_of(name)
        self._queues[queue].enqueue_call(
            "referins_woo.queues.run_job",
            args=(name, *args),
            timeout=seconds,
            result_ttl=0,
            failure_ttl=60,
            ttl=seconds + _WORTHLESS_SECONDS,
            retry=Retry(max=3),  # without it RQ drops the job of a killed worker; an interval needs a scheduler
            description=name,
        )

    def lingering(self, until: float) -> Iterator[Bell]:
        """Yield the quick bells that ring while this worker stays at the door, at most until `until` (monotonic)."""
        queue = self._worker_of
        if queue is None or self._stopped():
            return
        try:
            yield from self._doors[queue].linger(until, _PATIENCE_SECONDS, self._stopped)
            for name, args in self._doors[queue].leave():
                self._enqueue(name, queue, args)
        except (RedisError, OSError) as error:
            log.warning("worker does not linger", error=str(error))

    def answered(self, name: str, args: tuple[Arg, ...]) -> None:
        """Delete the bell's key."""
        try:
            self._redis.delete(_key(name, args))
        except (RedisError, OSError) as error:
            log.warning("bell key kept", bell=name, args=args, error=str(error))

    @contextlib.contextmanager
    def kept(self) -> Iterator[list[Bell]]:
        """Keep the bells of the block that this worker answers itself: a job of RQ costs more than what it rings for.

        Bells that a kill takes along are rung again by the sweeps.
        """
        rung: list[Bell] = []
        self._kept = rung
        try:
            yield rung
        finally:
            self._kept = None

    def _count(self) -> None:
        with self._lock:
            self.failed += 1


class MemoryBells:
    """Bells in a list, for tests: a test drains by hand, and can stop between two rooms."""

    def __init__(self) -> None:
        self.failed = 0
        self.pending: list[tuple[str, str, tuple[Arg, ...]]] = []
        """(queue, bell, arguments), oldest first."""

    def ring(self, name: str, queue: str, args: tuple[Arg, ...]) -> None:
        """Append the bell, unless it hangs there already."""
        if (queue, name, args) not in self.pending:
            self.pending.append((queue, name, args))

    def answered(self, name: str, args: tuple[Arg, ...]) -> None:
        """Nothing to do: `drain` has taken the bell off the list."""

    def drain(self, *queues: str, limit: int = 1_000) -> int:
        """Run what is pending on `queues` (default: all), and what that rings, in order; returns how many ran.

        A job that raises ends the drain with its error: tests want to see it. Raises RuntimeError past `limit`.
        """
        done = 0
        while (next_one := next((bell for bell in self.pending if not queues or bell[0] in queues), None)) is not None:
            if done == limit:
                raise RuntimeError(f"{limit} jobs and still ringing: {self.pending[:3]}")
            self.pending.remove(next_one)
            _, name, args = next_one
            if name not in _jobs:
                raise LookupError(f"bell {name!r} has no job in this process: import the room's jobs module")
            _jobs[name](*args)
            done += 1
        return done


def _key(name: str, args: tuple[Arg, ...]) -> str:
    return ":".join(("wake", name, *map(str, args)))
