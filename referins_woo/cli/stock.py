"""`referins stock`: adjustments as CSV, out and in."""

from __future__ import annotations

from typing import IO

import click
from sqlalchemy import select
from sqlalchemy.orm import Session

from referins_woo import clock
from referins_woo.accounts import audit
from referins_woo.accounts.books import books_of
from referins_woo.accounts.users import user_in_account
from referins_woo.cli.opened import open_process
from referins_woo.cli.output import json_option, show
from referins_woo.commerce import adjusting, text_files
from referins_woo.commerce.models import Location
from referins_woo.commerce.upsert.bulk import lock_account
from referins_woo.errors import InvalidInput
from referins_woo.ingest import stock_count
from referins_woo.lists import files
from referins_woo.reports import stock_files
from referins_woo.reports import stock_opening as reports
from referins_woo.reports.listing import Wanted
from referins_woo.stores.models import Store
from referins_woo.web import stock_entry

_ACCOUNT = click.option("--account", "account_id", type=int, help="Which account, where the user has several.")
_EMAIL = click.option("--email", required=True, help="A user of the account.")


@click.group("stock")
def command() -> None:
    """Adjustments of stock as CSV, out and in, and the opening stock of a store."""
    audit.act_as(audit.COMMAND_LINE)


@command.command("export")
@_EMAIL
@_ACCOUNT
@click.option("--location", help="Name of the location; all, unless said.")
@click.option("--kind", type=click.Choice(["by_hand", "opening", "order", "correction"]), help="Of one kind alone.")
def export(email: str, account_id: int | None, location: str | None, kind: str | None) -> None:
    """Print every line of the account's adjustments as CSV, oldest first."""
    opened = open_process()
    with opened.database.unit() as session:
        _, account = user_in_account(session, email, account_id)
        filters = {"location": str(_location(session, account, location).id)} if location else {}
        filters |= {"kind": kind} if kind else {}
        wanted = Wanted(filters=filters, zone=clock.zone(books_of(session, account).time_zone))
        audit.record(session, account, "list_exported", "lines of stock adjustments")
    click.echo(files.lines([stock_files.HEADING]), nl=False)
    place, more = 0, True
    while more:
        with opened.database.reading() as session:
            rows, place = stock_files.lines(session, account, wanted, place)
        click.echo(files.lines(rows), nl=False)
        more = place > 0


@command.command("adjust")
@click.argument("file", type=click.File("rb"))
@_EMAIL
@_ACCOUNT
@click.option("--location", help="Name of the location; the account's only one, unless said.")
@click.option("--reason", default="By command line", show_default=True, help="What the adjustment says of itself.")
@json_option
def adjust(
    file: IO[bytes], email: str, account_id: int | None, location: str | None, reason: str, as_json: bool
) -> None:
    """Enter the lines of FILE ("-": standard input) as one adjustment, all of them or none.

    Columns: sku, quantity, and for batches batch, received, expires; a heading says where they are.
    """
    opened = open_process()
    typed = adjusting.lines(text_files.rows(text_files.decoded(file.read(text_files.LARGEST + 1))))
    with opened.database.unit() as session:
        _, account = user_in_account(session, email, account_id)
        lock_account(session, account)
        place = _location(session, account, location)
        goods = adjusting.goods(session, account, (sku for sku, _ in typed))
        made = stock_entry.enter(session, place, [(goods[sku], line) for sku, line in typed], reason)
        value = {"id": made.id, "number": made.number, "location": place.name, "lines": len(typed)}
    show(value, f"Adjustment {value['number']}: {len(typed):,} lines at {value['location']}.", as_json=as_json)


@command.command("opening")
@click.argument("store", type=int)
@click.option("--look", "act", flag_value="look", help="Have it counted; it waits to be confirmed.")
@click.option("--confirm", "act", flag_value="confirm", help="Write it as it is proposed.")
@click.option("--leave", "act", flag_value="leave", help="Do not count it.")
@json_option
def opening(store: int, act: str | None, as_json: bool) -> None:
    """Print how the opening stock of STORE stands; have it counted, confirm or leave it."""
    opened = open_process()
    with opened.database.unit() as session:
        found = session.get(Store, store)
        if found is None:
            raise InvalidInput("store", f"There is no store {store}.")
        if act == "look":
            stock_count.ask(session, found)
        elif act == "confirm":
            stock_count.confirm(session, found, {}, audit.acting())
        elif act == "leave":
            stock_count.leave(session, found)
        session.flush()
        it = reports.opening(session, found)
        value = {"store": store, "state": it.state, "first_time": len(it.fresh), "differing": len(it.differing)}
        value |= {"counted_before": len(it.before)}
    words = f"Opening stock of store {store}: {it.state.replace('_', ' ')}."
    if it.lines:
        words += f" {len(it.fresh):,} goods for the first time, {len(it.before):,} counted before"
        words += f", {len(it.differing):,} of them with another number."
    show(value, words, as_json=as_json)


def _location(session: Session, account_id: int, name: str | None) -> Location:
    mine = select(Location).where(Location.account_id == account_id, Location.deleted_at.is_(None))
    found = session.scalars(mine.where(Location.name == name) if name else mine.order_by(Location.id)).all()
    if len(found) == 1:
        return found[0]
    if name:
        raise InvalidInput("location", f"This account has no location {name!r}.")
    raise InvalidInput("location", "This account has several locations: say which with --location.")
