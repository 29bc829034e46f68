"""`referins sync`."""

from __future__ import annotations

import click

from referins_woo import queues
from referins_woo.cli.opened import open_process
from referins_woo.cli.output import fail, json_option, show
from referins_woo.stores.models import Store


@click.group("sync")
def command() -> None:
    """Catch up with a store now."""


@command.command()
@click.argument("store", type=int)
@json_option
def now(store: int, as_json: bool) -> None:
    """Ring for a sweep of STORE."""
    opened = open_process()
    with opened.database.reading() as session:
        row = session.get(Store, store)
        state = row.state if row is not None else None
    if state is None:
        fail(f"There is no store {store}.", as_json=as_json)
    if state != "connected":
        fail(f"Store {store} is not connected: its state is {state}.", as_json=as_json)
    queues.ring("catch_up", store)
    show({"store": store, "rung": True}, f"Store {store} is being swept.", as_json=as_json)
