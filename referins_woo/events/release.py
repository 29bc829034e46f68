"""Lets a suppressed event start its automations after all, at the merchant's word."""

from __future__ import annotations

from sqlalchemy import update
from sqlalchemy.orm import Session

from referins_woo import queues
from referins_woo.events.announce import announce
from referins_woo.events.models import Event

RELEASABLE = ("too_late", "restored")
"""Lateness is a matter of opinion, and whether a mail went out before a restore is known to people only. A switch that
was off suppresses for good, and history stays silent."""


def release(session: Session, account_id: int, event_id: int) -> bool:
    """Release an event of the account; returns whether it could be. Once only: a second call finds it released."""
    released = session.execute(
        update(Event)
        .where(
            Event.id == event_id,
            Event.account_id == account_id,
            Event.state == "suppressed",
            Event.reason.in_(RELEASABLE),
        )
        .values(state="released", handed_over_at=None)
        .returning(Event.id)
        .execution_options(synchronize_session=False)
    ).scalar_one_or_none()
    if released is not None:
        announce(session, account_id, [released])
        queues.ring_after_commit(session, "start_runs")
    return released is not None
