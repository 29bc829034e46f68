"""`referins keys`."""

from __future__ import annotations

import click
from cryptography.fernet import Fernet

from referins_woo import config, process, relock
from referins_woo.cli.output import fail, json_option, show


@click.group("keys")
def command() -> None:
    """Make and change the keys that lock stored secrets."""


@command.command("new")
@json_option
def new(as_json: bool) -> None:
    """Print a new key; put it in front of ENCRYPTION_KEYS."""
    key = Fernet.generate_key().decode()
    show({"key": key}, key, as_json=as_json)


@command.command("relock")
@json_option
def relock_all(as_json: bool) -> None:
    """Lock every stored secret with the newest key; the older ones can then be taken out of ENCRYPTION_KEYS."""
    opened = process.start(config.load())
    keys = opened.config.encryption_keys
    changed = relock.relock(opened.database, keys, opened.vault)
    with opened.database.reading() as session:
        found = relock.census(session, keys)
    if found.unreadable or found.behind:
        fail(
            f"{changed} secrets were locked anew, but {found.unreadable} are locked with a key that is not in "
            f"ENCRYPTION_KEYS and {found.behind} still with an older one: keep the old keys, see `referins doctor`.",
            as_json=as_json,
        )
    show(
        {"relocked": changed, "secrets": found.by_key[0]},
        f"{changed} secrets were locked anew; all {found.by_key[0]} are locked with the newest key.\n"
        "Older keys can be taken out of ENCRYPTION_KEYS. Backups taken before need them still.",
        as_json=as_json,
    )
