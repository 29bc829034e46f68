"""`referins db`."""

from __future__ import annotations

import click

from referins_woo import config, migrate, process
from referins_woo.cli.output import json_option, show


@click.group("db")
def command() -> None:
    """Bring the database to the newest schema."""


@command.command()
@json_option
def upgrade(as_json: bool) -> None:
    """Run the migrations that are missing."""
    opened = process.start(config.load())
    migrate.upgrade(opened.database)
    show({"database": "current"}, "The database has the newest schema.", as_json=as_json)
