"""Makes one signed call and says what came of it. Nothing is read from or written to the database here.

Whoever calls an address that a merchant chose does it here: endpoints, and the steps of automations.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import lru_cache
from typing import Final

from referins_woo import clock
from referins_woo.config import Config
from referins_woo.outbound import signing
from referins_woo.safe_http import SafeHttp, Unreachable

SECONDS: Final = 15.0
"""For all of a call: who needs longer should take it in first, and work on it afterwards."""
GONE: Final = 410
"""An address that answers this wants no more calls."""
LARGEST_BODY: Final = 64 * 1024
_CONNECTIONS: Final = 32
"""To one host: many merchants may use the same service, and one that hangs must not hold up the others."""
_LONGEST_WAIT: Final = timedelta(hours=24)


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of a call: taken where `error` is empty."""

    status: int | None
    error: str
    milliseconds: int
    wait: timedelta | None = None
    """How long the receiver asked us to wait."""

    @property
    def is_gone(self) -> bool:
        """Whether the receiver wants no more calls."""
        return self.status == GONE


def call(config: Config, url: str, secrets: Sequence[str], webhook_id: str, body: str) -> Outcome:
    """Post `body`, signed with each of `secrets`. Never raises for what the other side does; hold no transaction."""
    headers = signing.headers(secrets, webhook_id, clock.now(), body)
    started = clock.now()
    try:
        reply = _http(config).send(
            "POST",
            url,
            headers=headers,
            body=body.encode(),
            seconds=SECONDS,
            wants_body=False,
            connections=_CONNECTIONS,
        )
    except Unreachable as error:
        return Outcome(None, str(error), _milliseconds(started))
    return Outcome(reply.status, _error(reply.status), round(reply.seconds * 1000), _asked(reply.headers))


def _error(status: int) -> str:
    if 200 <= status < 300:
        return ""
    if 300 <= status < 400:
        return f"It answered {status}, a redirect: give the address that it leads to, we follow none."
    return f"It answered {status}."


def _asked(headers: Mapping[str, str]) -> timedelta | None:
    text = headers.get("Retry-After", "")
    if not text.isascii() or not text.isdigit():
        return None
    return min(timedelta(seconds=int(text[:9])), _LONGEST_WAIT)


def _milliseconds(started: datetime) -> int:
    return round((clock.now() - started).total_seconds() * 1000)


@lru_cache(maxsize=4)
def _http(config: Config) -> SafeHttp:
    """One client per process: connections to an address are kept."""
    return SafeHttp(config)
