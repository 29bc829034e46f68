"""The command line: one self-describing list of commands; `referins --help` shows it.

Exit codes: 0 done, 1 failed, 2 wrong usage. Every command takes `--json`. A command's module is imported when it
runs: a worker must not wait for what only the web server needs.
"""

from __future__ import annotations

import importlib
import sys
from typing import Any

import click

from referins_woo import __version__
from referins_woo.cli.output import fail, wants_json
from referins_woo.errors import ReferinsError

COMMANDS: dict[str, tuple[str, str]] = {
    "db": ("database", "Bring the database to the newest schema."),
    "web": ("web", "Serve the pages, the API and the webhooks."),
    "worker": ("worker", "Work on one queue."),
    "clock": ("clock", "Run what is periodic."),
    "user": ("user", "Make users, list them, and let them in again."),
    "token": ("token", "Make API tokens."),
    "store": ("store", "Connect, disconnect and list stores."),
    "import": ("imports", "Start, watch and steer imports."),
    "sync": ("sync", "Catch up with a store now."),
    "stock": ("stock", "Adjustments of stock as CSV, out and in; a store's opening stock."),
    "mapping": ("mapping", "A store's customer mapping as CSV, out and in."),
    "backup": ("backup", "Write all data to a file, while everything runs."),
    "restore": ("backup:restore", "Put a backup into the database."),
    "restored": ("backup:restored", "See and settle what a restore holds."),
    "keys": ("keys", "Make and change the keys that lock stored secrets."),
    "doctor": ("doctor", "Look whether everything is well, and say what to do."),
    "mail": ("mail", "Take in mails that came back."),
    "practice-store": ("practice", "Run the practice store, a small WooCommerce-compatible shop."),
}
"""Command → (module of this package, with its name there unless that is `command`; one line of help)."""


class _Commands(click.Group):
    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in COMMANDS:
            return None
        module, _, name = COMMANDS[cmd_name][0].partition(":")
        command: click.Command = getattr(importlib.import_module(f"{__name__}.{module}"), name or "command")
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        # The list is written without importing the commands.
        with formatter.section("Commands"):
            formatter.write_dl([(name, text) for name, (_, text) in COMMANDS.items()])


@click.command(cls=_Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__)
def cli() -> None:
    """Referins for WooCommerce."""


def main(arguments: list[str] | None = None) -> Any:
    """Run a command; errors that we raise on purpose become one line and exit code 1."""
    given = sys.argv[1:] if arguments is None else arguments
    try:
        return cli.main(given, prog_name="referins")
    except ReferinsError as error:
        return fail(str(error), as_json=wants_json(given))
