"""Jobs of the mail room: the drain of the outbox, and the sweep behind it."""

from __future__ import annotations

import structlog

from referins_woo import clock, process, queues
from referins_woo.mail import claims
from referins_woo.mail.letters import Sender
from referins_woo.mail.pace import Pace
from referins_woo.mail.providers import Provider
from referins_woo.mail.providers.chosen import opened
from referins_woo.mail.providers.dev_mailbox import DevMailbox
from referins_woo.mail.send import Drain
from referins_woo.process import Process

log = structlog.get_logger(__name__)

_kept: tuple[Process, Provider, Pace] | None = None


@queues.job("send_messages")
def send_messages() -> None:
    """Send what is due for a few seconds; ring again if more is left."""
    current = process.current()
    sender = Sender.from_setting(current.config.mail_from, current.config.public_url)
    provider, pace = _kept_of(current)
    drain = Drain(current.database, provider, sender, current.vault, pace)
    if drain.run():
        queues.ring("send_messages")


def sweep_messages() -> None:
    """Give up messages whose sender died in the act, and ring for those that are due (in the clock's table)."""
    database, now = process.current().database, clock.now()
    with database.looking() as session:
        expired, due = claims.any_expired(session, now), claims.any_due(session, now)
    if expired:
        with database.unit() as session:
            given_up = claims.give_up_expired(session, now)
        log.warning("messages given up as unknown", count=given_up)
    if due:
        queues.ring("send_messages")


def _kept_of(current: Process) -> tuple[Provider, Pace]:
    """Return this process's provider, whose connection is kept from one drain to the next, and its pace."""
    global _kept
    if _kept is None or _kept[0] is not current:
        if _kept is not None:
            _kept[1].close()
        config = current.config
        pace = Pace(config.mail_rate, config.mail_start_rate, config.redis_url)
        _kept = (current, opened(config) or DevMailbox(current.database), pace)
    return _kept[1], _kept[2]
