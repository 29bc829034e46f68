"""The nightly job: rung by the clock, worked on by the bulk worker in slices."""

from __future__ import annotations

import time
from typing import Final

from referins_woo import clock, process, queues
from referins_woo.retention import enforce

_SLICE_SECONDS: Final = 20.0


@queues.job("enforce_retention")
def enforce_retention() -> None:
    """Remove what is older than the settings say."""
    current = process.current()
    if enforce.enforce(current.database, current.config.kept, time.monotonic() + _SLICE_SECONDS):
        queues.ring("enforce_retention")


def ring_at_night() -> None:
    """Ring once a night, and for what a killed worker left (in the clock's table)."""
    current = process.current()
    with current.database.reading() as session:
        due = enforce.due_rules(session, current.config.kept, clock.now())
    if due:
        queues.ring("enforce_retention")
