"""What becomes of a run that a mistake of the program stops: tried again later, then given up in words."""

from __future__ import annotations

from datetime import timedelta
from typing import Final

from sqlalchemy import select, update

from referins_woo import clock
from referins_woo.db import Database, insert
from referins_woo.runs.models import Run, RunLog

MOST_ATTEMPTS: Final = 6
_FIRST_PAUSE: Final = timedelta(seconds=30)


def note_failure(database: Database, run_id: int, error: BaseException) -> None:
    """Let the run be tried again later; after MOST_ATTEMPTS it is `failed` and says why."""
    with database.unit() as session:
        found = session.execute(
            select(Run.attempts, Run.state).where(Run.id == run_id, Run.ended_at.is_(None)).with_for_update()
        ).one_or_none()
        if found is None:
            return
        # A re-read counts its attempt when it takes its lease.
        attempts = found.attempts + (0 if found.state == "rereading" else 1)
        now = clock.now()
        given_up = attempts >= MOST_ATTEMPTS
        values = (
            {"state": "failed", "due_at": None, "ended_at": now, "ended_reason": f"error: {type(error).__name__}"}
            if given_up
            else {"due_at": now + _FIRST_PAUSE * 2 ** (attempts - 1)}
        )
        session.execute(
            update(Run)
            .where(Run.id == run_id)
            .values({**values, "attempts": attempts, "lease_until": None, "lease_token": ""})
            .execution_options(synchronize_session=False)
        )
        row = {
            "run_id": run_id,
            "step_key": f"failure:{attempts}",
            "at": now,
            "outcome": "failed",
            "text": "Given up." if given_up else "Failed; it is tried again.",
            "trace": [{"error": repr(error)[:500]}],
        }
        session.execute(insert(session, RunLog).values(row).on_conflict_do_nothing())
