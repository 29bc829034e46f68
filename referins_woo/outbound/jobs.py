"""Jobs of the outbound room: the drain of its outbox, and the sweep behind it."""

from __future__ import annotations

from referins_woo import clock, process, queues
from referins_woo.outbound import claims
from referins_woo.outbound.send import Drain


@queues.job("send_calls")
def send_calls() -> None:
    """Make the calls that are due; ring again if more may be left."""
    if Drain(process.current()).run():
        queues.ring("send_calls")


def ring_for_calls() -> None:
    """Sweep: calls that nobody makes: a lost bell, a killed worker, a pause that is over."""
    with process.current().database.reading() as session:
        due = claims.any_due(session, clock.now())
    if due:
        queues.ring("send_calls")
