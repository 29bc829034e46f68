"""Makes the calls that are due: claimed in a short transaction, made without one, written down as each is answered.

A receiver that hangs holds one of this process's threads for as long as a call may take, and no other receiver's.
"""

from __future__ import annotations

import secrets
import time
from collections import Counter
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from typing import Final

import structlog

from referins_woo import clock
from referins_woo.errors import Final as FinalError
from referins_woo.outbound import calling, claims
from referins_woo.outbound.calling import Outcome
from referins_woo.outbound.claims import Claimed
from referins_woo.process import Process

log = structlog.get_logger(__name__)

THREADS: Final = 16
DRAIN_SECONDS: Final = 8.0
_LOOK_AGAIN: Final = 0.2
"""Seconds between two claims while calls are under way."""


class Drain:
    """One drain of the outbox of webhooks. `last_account` keeps the accounts' turn between drains."""

    last_account = 0

    def __init__(self, current: Process) -> None:
        self._current = current
        self._token = secrets.token_hex(12)
        self._calls: dict[Future[Outcome], Claimed] = {}

    def run(self, seconds: float = DRAIN_SECONDS) -> bool:
        """Call for up to `seconds`, and as long as the last call takes; returns whether calls may be left."""
        until = time.monotonic() + seconds
        more = True
        with ThreadPoolExecutor(THREADS, "webhook") as pool:
            while True:
                open_for_more = time.monotonic() < until
                claimed = self._claim() if open_for_more and len(self._calls) < THREADS else []
                for call in claimed:
                    self._calls[pool.submit(self._make, call)] = call
                more = bool(claimed) or not open_for_more
                if not self._calls:
                    return more
                done, _ = wait(self._calls, timeout=_LOOK_AGAIN, return_when=FIRST_COMPLETED)
                for future in done:
                    self._record(self._calls.pop(future), future.result())

    def _claim(self) -> list[Claimed]:
        in_flight = Counter(call.endpoint_id for call in self._calls.values())
        with self._current.database.unit() as session:
            claimed = claims.claim(
                session, self._token, clock.now(), THREADS - len(self._calls), in_flight, Drain.last_account
            )
        if claimed:
            Drain.last_account = claimed[-1].account_id
        return claimed

    def _make(self, call: Claimed) -> Outcome:
        try:
            return calling.call(self._current.config, call.url, self._secrets(call), call.webhook_id, call.body)
        except FinalError as error:  # the secret's key is gone from ENCRYPTION_KEYS
            return Outcome(None, str(error), 0)

    def _secrets(self, call: Claimed) -> list[str]:
        locked = [call.secret_locked]
        if call.previous_secret_locked and call.previous_secret_until > clock.now():
            locked.append(call.previous_secret_locked)
        return [self._current.vault.unlock(one) for one in locked]

    def _record(self, call: Claimed, outcome: Outcome) -> None:
        with self._current.database.unit() as session:
            claims.record(session, self._token, call, outcome, clock.now())
        if outcome.error:
            log.info("webhook not taken", call_id=call.id, endpoint_id=call.endpoint_id, why=outcome.error)
