"""`referins worker QUEUE`."""

from __future__ import annotations

import sys

import click

from referins_woo import logs
from referins_woo.bells import MAIL, QUEUES
from referins_woo.cli.opened import open_process
from referins_woo.run.worker import work


@click.command("worker")
@click.argument("queue", type=click.Choice(QUEUES))
def command(queue: str) -> None:
    """Work on one queue until it is told to stop."""
    logs.configure(role=queue)
    # Answers and mails promise more than NORMAL keeps after a power cut: web and mail sync each commit, and with it all
    # that was committed before. What live and bulk work may lose then is worked through again: the delivery is still
    # there, undone, and an import's rows share a transaction with its cursor.
    opened = open_process(synchronous="FULL" if queue == MAIL else "NORMAL")
    sys.exit(work(queue, opened.config.needed_redis_url))
