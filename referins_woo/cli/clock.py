"""`referins clock`."""

from __future__ import annotations

import click

from referins_woo import logs
from referins_woo.cli.opened import open_process
from referins_woo.run import clock
from referins_woo.schedule import TABLE


@click.command("clock")
def command() -> None:
    """Run what is periodic; of several clocks one works."""
    logs.configure(role="clock")
    clock.run(TABLE, open_process().database)
