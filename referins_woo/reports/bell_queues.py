"""The bells' queues as Redis has them: how many wait, how long the first has, and who listens."""

from __future__ import annotations

from dataclasses import dataclass

from redis import Redis
from rq import Queue, Worker

from referins_woo import clock
from referins_woo.bells import QUEUES


@dataclass(frozen=True, slots=True)
class BellQueue:
    """One queue at one moment."""

    name: str
    waiting: int
    oldest_seconds: float
    """How long the first bell has been waiting; 0 where none is."""
    workers: int
    """A killed worker is counted until its entry runs out, 90 s at most."""


def open_redis(url: str) -> Redis:
    """Return a client that gives up soon: whoever looks must not wait for a dead Redis."""
    return Redis.from_url(url, socket_timeout=2, socket_connect_timeout=1)


def bell_queues(client: Redis) -> list[BellQueue]:
    """Look at every queue; raises RedisError where Redis does not answer."""
    found = []
    for name in QUEUES:
        queue = Queue(name, connection=client, serializer="json")
        ids = queue.get_job_ids(0, 1)
        job = queue.fetch_job(ids[0]) if ids else None
        since = job.enqueued_at if job is not None else None
        age = max(0.0, (clock.now() - since).total_seconds()) if since is not None else 0.0
        at_the_door = int(client.llen(f"bells:{name}"))
        found.append(BellQueue(name, queue.count + at_the_door, age, Worker.count(queue=queue)))
    return found
