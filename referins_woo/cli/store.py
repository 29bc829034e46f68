"""`referins store`."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import click
from sqlalchemy import select

from referins_woo import clock
from referins_woo.accounts import audit
from referins_woo.accounts.users import user_in_account
from referins_woo.cli.names import Names
from referins_woo.cli.opened import open_process
from referins_woo.cli.output import fail, json_option, show
from referins_woo.commerce.models import Location
from referins_woo.errors import InvalidInput, ReferinsError
from referins_woo.ingest import importing
from referins_woo.stores import connect, disconnect
from referins_woo.stores.choices import ELEMENTS, SYNC_COLUMNS, Choices
from referins_woo.stores.models import Store


@click.group("store")
def command() -> None:
    """Connect, disconnect and list stores."""
    audit.act_as(audit.COMMAND_LINE)


@command.command("connect")
@click.argument("url")
@click.option("--email", required=True, help="A user of the account.")
@click.option("--key", required=True, help="Consumer key, ck_…")
@click.option("--secret", required=True, help="Consumer secret, cs_…")
@click.option("--account", "account_id", type=int, help="Which account, where the user has several.")
@click.option(
    *("--import", "elements"),
    type=Names(ELEMENTS),
    default=",".join(ELEMENTS),
    show_default=True,
    help="Elements to import; '' imports nothing.",
)
@click.option(
    "--sync",
    type=Names(SYNC_COLUMNS),
    default=",".join(SYNC_COLUMNS),
    show_default=True,
    help="What to keep in sync; '' follows nothing.",
)
@click.option("--location", help="Name of the location to map the store to.")
@click.option("--contacts", type=click.Choice(["all", "on-orders"]), default="all", show_default=True)
@click.option(
    "--since",
    type=click.DateTime(["%Y-%m-%d"]),
    help="Import orders placed from this day on, by the store's calendar.",
)
@click.option("--statuses", type=Names(), default="", help="Import orders of these statuses only, parted by commas.")
@click.option("--import-stock", is_flag=True, help="Count the opening stock once the import has ended.")
@click.option(
    "--sync-stock",
    is_flag=True,
    help="Keep the store's quantities from here once the opening stock is counted; implies --import-stock.",
)
@json_option
def connect_store(
    url: str,
    email: str,
    key: str,
    secret: str,
    account_id: int | None,
    elements: tuple[str, ...],
    sync: tuple[str, ...],
    location: str | None,
    contacts: str,
    since: datetime | None,
    statuses: tuple[str, ...],
    import_stock: bool,
    sync_stock: bool,
    as_json: bool,
) -> None:
    """Connect the WooCommerce store at URL, start its import and print the store's id."""
    opened = open_process()
    address = connect.normalise_url(url, opened.config)
    with opened.database.reading() as session:
        _, account = user_in_account(session, email, account_id)
    seen = connect.preflight(opened, address.url, account_id=account)
    if seen.problem is not None:
        fail(" ".join((seen.problem.sentence, *seen.problem.steps)), as_json=as_json)
    chosen = Choices(
        elements=frozenset(elements),
        contacts_scope=contacts.replace("-", "_"),
        sync=frozenset(sync),
        import_since=clock.start_of(since.date(), seen.time_zone) if since is not None else None,
        import_statuses=statuses,
        import_stock=import_stock,
        push_when_counted=sync_stock,
    )
    with opened.database.unit() as session:
        place = _location(session, account, location)
        begun = clock.now()
        store = connect.create_pending_store(session, opened, account, seen.url, chosen, location_id=place)
        store.time_zone = seen.time_zone or store.time_zone
        store_id, is_new = store.id, store.created_at >= begun
    try:
        accepted = connect.accept_keys(opened, store_id, key, secret)
    except ReferinsError:
        if is_new:  # a script that failed leaves nothing behind
            with opened.database.unit() as session:
                connect.forget_pending(session, session.get_one(Store, store_id))
        raise
    with opened.database.unit() as session:
        importing.start_first(session, session.get_one(Store, accepted.store_id))
    show({"id": accepted.store_id, "state": accepted.state, "url": seen.url}, str(accepted.store_id), as_json=as_json)


@command.command("disconnect")
@click.argument("store", type=int)
@click.option("--delete-data", is_flag=True, help="Delete what came from the store, too.")
@json_option
def disconnect_store(store: int, delete_data: bool, as_json: bool) -> None:
    """Disconnect STORE: its webhooks are taken out, its keys erased, its data kept unless said otherwise."""
    opened = open_process()
    disconnect.disconnect(opened, store, delete_data)
    with opened.database.unit() as session:
        importing.leave(session, store)
    value = {"id": store, "state": "disconnected", "deleting": delete_data}
    show(
        value, f"Store {store} is disconnected{'; its data are being deleted' if delete_data else ''}.", as_json=as_json
    )


@command.command("list")
@json_option
def list_stores(as_json: bool) -> None:
    """List all stores of all accounts."""
    opened = open_process()
    with opened.database.reading() as session:
        rows = session.execute(
            select(Store.id, Store.account_id, Store.name, Store.url, Store.state, Store.cause).order_by(Store.id)
        ).mappings()
        stores = [dict(row) for row in rows]
    lines = [f"{one['id']:>5}  {one['state']:<16} {one['url']}  {one['name']}" for one in stores]
    show(stores, "\n".join(lines) or "There is no store yet.", as_json=as_json)


def _location(session: Any, account_id: int, name: str | None) -> int | None:
    if name is None:
        return None
    query = select(Location.id).where(
        Location.account_id == account_id, Location.name == name, Location.deleted_at.is_(None)
    )
    found: int | None = session.execute(query).scalar_one_or_none()
    if found is None:
        raise InvalidInput("location", f"There is no location {name!r} in this account.")
    return found
