"""A worker that has just worked stays at the door for a second: what rings then is answered without RQ.

RQ keeps books of every job, 4 ms of the worker and 1 ms of whoever rings, as much as most jobs need themselves
(docs/decisions/0014). While a worker lingers, bells go into a list of Redis that it reads; it goes back to RQ as soon
as RQ has a job for it. Only bells that a sweep rings again within seconds go this way: a worker that is killed takes
the one in its hand along.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from typing import Final

import orjson
from redis import Redis

Arg = int | str
Bell = tuple[str, tuple[Arg, ...]]

_ALIVE_MS: Final = 2_000
_LISTEN_SECONDS: Final = 0.2
"""How long a worker that is told to stop may still wait."""

# The keys: the mark that somebody lingers, the list of bells, RQ's own list.
_RING: Final = """
if redis.call('EXISTS', KEYS[1]) == 0 then return 0 end
redis.call('RPUSH', KEYS[2], ARGV[1])
return 1
"""
_NEXT: Final = """
if redis.call('LLEN', KEYS[3]) > 0 then return false end
redis.call('SET', KEYS[1], '1', 'PX', ARGV[1])
return redis.call('LPOP', KEYS[2]) or ''
"""
_LEAVE: Final = """
local left = redis.call('LRANGE', KEYS[2], 0, -1)
redis.call('DEL', KEYS[1], KEYS[2])
return left
"""


class Door:
    """The door of one queue, as whoever rings and whoever lingers see it. Each method may raise RedisError."""

    def __init__(self, redis: Redis, queue: str) -> None:
        self._redis = redis
        self._keys = [f"lingers:{queue}", f"bells:{queue}", f"rq:queue:{queue}"]
        self._ring, self._next, self._leave = (redis.register_script(text) for text in (_RING, _NEXT, _LEAVE))

    def ring(self, bell: Bell) -> bool:
        """Hand the bell to a worker that lingers; False where none does."""
        return bool(self._ring(keys=self._keys, args=[orjson.dumps(bell)]))

    def linger(self, until: float, patience: float, stopped: Callable[[], bool]) -> Iterator[Bell]:
        """Yield bells until the time `until` (monotonic), until none came for `patience` seconds, or RQ has a job."""
        quiet_since = time.monotonic()
        while not stopped() and time.monotonic() < min(until, quiet_since + patience):
            found = self._next(keys=self._keys, args=[_ALIVE_MS])
            if found is None:
                return
            if not found:
                came = self._redis.blpop([self._keys[1]], timeout=_LISTEN_SECONDS)
                found = came[1] if came else b""
            if found:
                yield _bell(found)
                quiet_since = time.monotonic()

    def leave(self) -> list[Bell]:
        """Go away from the door; returns the bells that nobody has answered."""
        return [_bell(one) for one in self._leave(keys=self._keys)]


def _bell(text: bytes) -> Bell:
    name, args = orjson.loads(text)
    return name, tuple(args)
