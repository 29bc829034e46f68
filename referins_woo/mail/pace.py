"""How fast e-mails may leave: a limit of the provider for all of them, and a slow start for bursts of marketing.

Mail providers distrust a sender who is silent for days and then sends a hundred thousand at once. After a quiet time
marketing therefore begins at MAIL_START_RATE, and twice as fast every minute; what an order brought about never waits
for that. Counted in Redis, so that several mail workers share one limit; by each for itself while Redis is away.
"""

from __future__ import annotations

import time
from typing import Final

from limits import RateLimitItem, RateLimitItemPerSecond, parse
from limits.errors import StorageError
from limits.storage import MemoryStorage, Storage, storage_from_string
from limits.strategies import MovingWindowRateLimiter
from redis.exceptions import RedisError

_QUIET: Final = 600.0
"""Seconds without marketing after which the next burst begins slowly again."""
_FASTEST: Final = 5_000
_PATIENCE: Final = 1.0
"""Seconds that a drain waits for its turn; then it ends, and the sweep rings again."""
_LOOK_AGAIN: Final = 0.02


class Pace:
    """The limits of one provider, as one process keeps them."""

    def __init__(self, rate: str | None = None, start_rate: int = 0, redis_url: str | None = None) -> None:
        """`rate`: like "50 per second", None for none; `start_rate`: e-mails a second, 0 for no slow start."""
        self._rate = parse(rate) if rate else None
        self._start = start_rate
        self._own = MovingWindowRateLimiter(MemoryStorage())
        self._shared = MovingWindowRateLimiter(_storage(redis_url)) if redis_url and self._limits else self._own
        self._began = self._last = float("-inf")

    @property
    def _limits(self) -> bool:
        return self._rate is not None or bool(self._start)

    def turn(self, *, bulk: bool) -> bool:
        """Wait up to a second for the turn of an e-mail; False: it is not its turn yet."""
        items = [("all", self._rate)] if self._rate is not None else []
        if self._start and bulk and (slow := self._slow_start(time.monotonic())) is not None:
            items.insert(0, ("marketing", slow))
        return all(self._wait(name, item) for name, item in items)

    def _slow_start(self, now: float) -> RateLimitItem | None:
        """Return the limit of a burst that began a while ago; None once it is as fast as anything."""
        if now - self._last > _QUIET:
            self._began = now
        self._last = now
        minutes = int((now - self._began) / 60)
        allowed = self._start << min(minutes, 16)
        return RateLimitItemPerSecond(allowed) if allowed < _FASTEST else None

    def _wait(self, name: str, item: RateLimitItem) -> bool:
        until = time.monotonic() + _PATIENCE
        while not self._hit(name, item):
            if time.monotonic() > until:
                return False
            time.sleep(_LOOK_AGAIN)
        return True

    def _hit(self, name: str, item: RateLimitItem) -> bool:
        try:
            return self._shared.hit(item, "mail", name)
        except (RedisError, StorageError, OSError):
            return self._own.hit(item, "mail", name)


def _storage(redis_url: str) -> Storage:
    url = "redis+" + redis_url if redis_url.startswith("unix://") else redis_url
    made = storage_from_string(url, socket_timeout=1, socket_connect_timeout=1)
    assert isinstance(made, Storage)
    return made
