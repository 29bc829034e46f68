"""`referins practice-store`."""

from __future__ import annotations

import click

from referins_woo.practice_store import main


@click.command(
    "practice-store",
    context_settings={"ignore_unknown_options": True, "help_option_names": []},
    add_help_option=False,
)
@click.argument("arguments", nargs=-1, type=click.UNPROCESSED)
def command(arguments: tuple[str, ...]) -> None:
    """Run the practice store; see `referins practice-store --help`."""
    raise SystemExit(main(list(arguments)))
