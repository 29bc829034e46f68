"""A worker: one process for one queue, in which RQ calls the jobs of the rooms.

SimpleWorker (no fork per job: 1.5 ms instead of 12), one queue (on several RQ loses jobs of a killed worker), no RQ
scheduler (waits are rows, the clock polls them), and intervals short enough that the job of a killed worker runs
again within a minute instead of fifteen. docs/decisions/0001-rq-3.md has the measurements.
"""

from __future__ import annotations

import gc
import importlib
import logging
import sys
from typing import Final

from redis import Redis
from redis.client import Pipeline
from redis.exceptions import RedisError
from rq import SimpleWorker, worker_registration
from rq.job import Job

from referins_woo import queues
from referins_woo.bells import BULK, LIVE, MAIL, OUTBOUND, QUEUES
from referins_woo.errors import ReferinsError
from referins_woo.run.parent import watch_parent
from referins_woo.run.system import one_heap

_WORKER_TTL = 30
_MAINTENANCE = 15
_MONITORING = 10
_MAINTENANCE_LOCK = 2 * _MAINTENANCE
_SWITCH_SECONDS = 0.0005
_ROOMS: Final = {
    LIVE: ("ingest", "runs", "stores"),
    MAIL: ("mail", "accounts"),
    BULK: ("ingest", "lists", "stores", "retention", "writeback", "customer_mapping"),
    OUTBOUND: ("outbound", "runs", "accounts"),
}
"""Whose jobs each queue's bells are; a worker imports no more: the mail room alone brings 10 MB."""


class QueueWorker(SimpleWorker):
    """RQ's worker with a short memory for the dead."""

    log_result_lifespan = False

    def get_heartbeat_ttl(self, job: Job, working_time: float = 0.0) -> int:
        """Seconds until a silent worker's job counts as abandoned: its time-out and a little (RQ adds 60)."""
        return int(job.timeout or _WORKER_TTL) + 10

    def heartbeat(self, timeout: int | None = None, pipeline: Pipeline | None = None) -> None:
        """Also say again that this worker is there, where Redis has lost its memory: RQ says so at birth alone."""
        super().heartbeat(timeout, pipeline)
        if pipeline is None and not self.connection.sismember(self.redis_workers_keys, self.key):
            self.connection.hset(self.key, mapping=self.serialize())
            worker_registration.register(self)

    def clean_registries(self) -> None:
        """Ring again for what killed workers held, also where one was killed in the middle of this.

        RQ keeps the lock of such a worker for 15 minutes, in which nobody would look.
        """
        for queue in self.queues:
            if int(self.connection.ttl(queue.registry_cleaning_key)) > _MAINTENANCE_LOCK:
                self.connection.expire(queue.registry_cleaning_key, _MAINTENANCE_LOCK)
        super().clean_registries()  # type: ignore[no-untyped-call]


def load_jobs(queue: str | None = None) -> frozenset[str]:
    """Import the `jobs` modules that the bells of `queue` need (None: of all), which registers their jobs.

    Returns the names of the bells that have a job now.
    """
    for room in _ROOMS[queue] if queue else sorted({room for rooms in _ROOMS.values() for room in rooms}):
        importlib.import_module(f"referins_woo.{room}.jobs")
    return queues.jobs()


def settle() -> None:
    """Fit the interpreter to a process that lives long and shares itself between writing and waiting for stores."""
    # A thread with an answer to read asks for the interpreter several times a page, and waits so long each time.
    sys.setswitchinterval(_SWITCH_SECONDS)
    # What was imported stays: no collection need look through it again.
    gc.collect()
    gc.freeze()
    gc.enable()


def work(queue: str, redis_url: str) -> int:
    """Answer the bells of `queue` until SIGTERM (the job in hand ends first); returns the exit code.

    It also ends, with 1, when Redis fails: whoever runs it starts it again.
    Raises ReferinsError for an unknown queue.
    """
    if queue not in QUEUES:
        raise ReferinsError(f"There is no queue {queue!r}; there are {', '.join(QUEUES)}.")
    one_heap()
    watch_parent()
    logging.getLogger("rq.worker").setLevel(logging.WARNING)
    worker: QueueWorker | None = None
    queues.connect(redis_url, worker_of=queue, stopped=lambda: worker is None or worker._stop_requested)
    gc.disable()  # nothing that is imported is garbage: a fifth of the time of the imports went into looking for some
    load_jobs(queue)
    settle()
    try:
        worker = QueueWorker(
            [queue],
            connection=Redis.from_url(redis_url),
            serializer="json",
            worker_ttl=_WORKER_TTL,
            maintenance_interval=_MAINTENANCE,
            job_monitoring_interval=_MONITORING,
            log_job_description=False,
        )
        worker.work(logging_level="WARNING", with_scheduler=False)
    except RedisError as error:
        logging.getLogger(__name__).error("worker %s: Redis failed: %s", queue, error)
        return 1
    return 0 if worker._shutdown_requested_date else 1
