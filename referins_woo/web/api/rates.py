"""How often a token may call: a limit per token, counted in Redis, in this process's memory while Redis is away.

Each answer says what is left (`RateLimit`, `RateLimit-Policy`; the older `RateLimit-Limit`, `-Remaining`, `-Reset`).
"""

from __future__ import annotations

import math
import threading
import time
from dataclasses import dataclass
from typing import Final

import structlog
from flask import Response
from limits import RateLimitItem, parse
from limits.storage import MemoryStorage, Storage, storage_from_string
from limits.strategies import SlidingWindowCounterRateLimiter
from redis.exceptions import RedisError

from referins_woo import clock
from referins_woo.config import Config

log = structlog.get_logger(__name__)

_SILENT_SECONDS: Final = 5.0
"""After a failure of Redis it is left alone for so long."""


@dataclass(frozen=True, slots=True)
class Rate:
    """What a token has left."""

    limit: int
    window_seconds: int
    remaining: int
    reset_seconds: int
    exceeded: bool

    def write(self, response: Response) -> Response:
        """Say so in the headers of an answer."""
        headers = response.headers
        headers["RateLimit-Policy"] = f'"token";q={self.limit};w={self.window_seconds}'
        headers["RateLimit"] = f'"token";r={self.remaining};t={self.reset_seconds}'
        headers["RateLimit-Limit"] = str(self.limit)
        headers["RateLimit-Remaining"] = str(self.remaining)
        headers["RateLimit-Reset"] = str(self.reset_seconds)
        if self.exceeded:
            headers["Retry-After"] = str(self.reset_seconds)
        return response


class Rates:
    """The counts of this process; one for all its threads."""

    def __init__(self, config: Config) -> None:
        self._item: RateLimitItem = parse(config.api_rate)
        self._memory = SlidingWindowCounterRateLimiter(MemoryStorage())
        self._redis: SlidingWindowCounterRateLimiter | None = None
        self._url = config.redis_url
        self._silent_until = 0.0
        self._lock = threading.Lock()

    def take(self, token_id: int) -> Rate:
        """Count one call of a token, and return what is left."""
        if self._url is not None and time.monotonic() >= self._silent_until:
            try:
                return self._take(self._shared(), token_id)
            except (RedisError, OSError) as error:
                self._silent_until = time.monotonic() + _SILENT_SECONDS
                log.warning("rates are counted in memory", error=str(error))
        return self._take(self._memory, token_id)

    def _take(self, counter: SlidingWindowCounterRateLimiter, token_id: int) -> Rate:
        allowed = counter.hit(self._item, "api", str(token_id))
        stats = counter.get_window_stats(self._item, "api", str(token_id))
        window = self._item.get_expiry()
        left = min(window, max(1, math.ceil(stats.reset_time - clock.now().timestamp())))
        return Rate(self._item.amount, window, stats.remaining if allowed else 0, left, not allowed)

    def _shared(self) -> SlidingWindowCounterRateLimiter:
        with self._lock:
            if self._redis is None:
                url = str(self._url)
                storage = storage_from_string(
                    f"redis+{url}" if url.startswith("unix://") else url,
                    socket_timeout=1,
                    socket_connect_timeout=1,
                )
                assert isinstance(storage, Storage)
                self._redis = SlidingWindowCounterRateLimiter(storage)
            return self._redis
