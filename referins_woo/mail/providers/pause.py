"""How long a provider that is away is left alone: 1, 2, 4 … 60 s."""

from __future__ import annotations

import time
from typing import Final

import structlog

from referins_woo.mail.providers import Away

log = structlog.get_logger(__name__)

FIRST: Final = 1.0
LONGEST: Final = 60.0


class Pause:
    """The pause before a provider is asked again; it doubles with every failure in a row."""

    def __init__(self, who: str) -> None:
        """`who`: the provider, as the beginning of a sentence: "The mail server"."""
        self._who = who
        self._seconds = 0.0
        self._until = 0.0

    def check(self) -> None:
        """Raise Away while the pause lasts."""
        left = self._until - time.monotonic()
        if left > 0:
            raise Away(f"{self._who} was away a moment ago.", left)

    def begin(self, why: str, least: float = 0.0) -> Away:
        """Begin a pause of at least `least` seconds; returns the error to raise."""
        self._seconds = max(min(self._seconds * 2 or FIRST, LONGEST), least)
        self._until = time.monotonic() + self._seconds
        log.warning("mail provider away", provider=self._who, reason=why, pause=self._seconds)
        return Away(why, self._seconds)

    def end(self) -> None:
        """All is well: the next pause is a short one."""
        self._seconds = self._until = 0.0
