"""`referins token`."""

from __future__ import annotations

import click

from referins_woo import config, process
from referins_woo.accounts import audit, tokens
from referins_woo.accounts.roles import ALL_SCOPES
from referins_woo.accounts.users import user_in_account
from referins_woo.cli.output import json_option, show


@click.group("token")
def command() -> None:
    """Make API tokens."""
    audit.act_as(audit.COMMAND_LINE)


@command.command()
@click.argument("email")
@click.option("--account", "account_id", type=int, help="Which account, where the user has several.")
@click.option("--name", default="command line", show_default=True, help="What the token is for.")
@click.option(
    "--scope",
    "scopes",
    multiple=True,
    type=click.Choice(ALL_SCOPES),
    default=ALL_SCOPES,
    help="What it may do; repeat for several. Default: all.",
)
@json_option
def create(email: str, account_id: int | None, name: str, scopes: tuple[str, ...], as_json: bool) -> None:
    """Print a new API token of a user; it cannot be shown again."""
    opened = process.start(config.load())
    with opened.database.unit() as session:
        user, account = user_in_account(session, email, account_id)
        token = tokens.create(session, account, user.id, name, scopes=scopes)
        audit.record(session, account, "token_created", name, user=user.email, scopes=list(scopes))
    show({"token": token, "account_id": account, "scopes": list(scopes)}, token, as_json=as_json)
