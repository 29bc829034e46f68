"""`referins mapping`: a store's customer mapping as CSV, out and in."""

from __future__ import annotations

from typing import IO, Final

import click
from sqlalchemy.orm import Session

from referins_woo import clock
from referins_woo.accounts import audit
from referins_woo.cli.opened import open_process
from referins_woo.cli.output import json_option, show
from referins_woo.commerce import mapping, text_files
from referins_woo.customer_mapping import files as mapping_files
from referins_woo.errors import InvalidInput
from referins_woo.lists import files
from referins_woo.reports import customer_mapping as reports
from referins_woo.stores.models import Store

_PIECE: Final = 500


@click.group("mapping")
def command() -> None:
    """Write a store's customer mapping to a CSV file, and take one in."""
    audit.act_as(audit.COMMAND_LINE)


@command.command("export")
@click.argument("store", type=int)
@click.option("--state", type=click.Choice(mapping.STATES), help="Contacts of one state alone.")
def export(store: int, state: str | None) -> None:
    """Print the contacts of STORE's account with their mapping as CSV, newest first."""
    opened = open_process()
    with opened.database.unit() as session:
        found = _store(session, store)
        audit.record(session, found.account_id, "list_exported", f"customer mapping of {found.url}")
    click.echo(files.lines([mapping_files.HEADING]), nl=False)
    place, more = 0, True
    while more:
        with opened.database.reading() as session:
            rows = reports.piece(session, _store(session, store), state or "", place, _PIECE)
            click.echo(files.lines(map(reports.cells, rows)), nl=False)
            more = len(rows) == _PIECE
            place = rows[-1].contact.id if more else 0


@command.command("import")
@click.argument("store", type=int)
@click.argument("file", type=click.File("rb"))
@json_option
def take(store: int, file: IO[bytes], as_json: bool) -> None:
    """Take FILE ("-": standard input) into STORE's mapping, all of its lines or none.

    A heading names the columns: contact_id or email, and of username, webstore_customer (yes or no), email_too and
    webstore_id those that are to change. Nothing goes to the store before a push.
    """
    opened = open_process()
    with opened.database.reading() as session:
        _store(session, store)
    text = text_files.decoded(file.read(text_files.LARGEST + 1))
    taken = mapping_files.take(opened, store, text, clock.now())
    value = {"lines": taken.lines, "changed": taken.changed, "mapped": taken.mapped}
    show(value, taken.words, as_json=as_json)


def _store(session: Session, store_id: int) -> Store:
    found = session.get(Store, store_id)
    if found is None:
        raise InvalidInput("store", f"There is no store {store_id}.")
    return found
