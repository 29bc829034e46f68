"""`referins import`."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any, Final

import click
from sqlalchemy.orm import Session

from referins_woo import clock
from referins_woo.cli.names import Names
from referins_woo.cli.opened import open_process
from referins_woo.cli.output import fail, json_option, show
from referins_woo.ingest import importing
from referins_woo.ingest.models import Import
from referins_woo.process import Process
from referins_woo.reports import imports as reports
from referins_woo.stores.choices import ELEMENTS
from referins_woo.stores.models import Store

_ENDED: Final = ("done", "failed", "cancelled")


@click.group("import")
def command() -> None:
    """Start, watch and steer imports."""


@command.command()
@click.argument("store", type=int)
@click.option("--wait", is_flag=True, help="Come back when the import has ended; exit code 1 unless it is done.")
@json_option
def status(store: int, wait: bool, as_json: bool) -> None:
    """Print how far the newest import of STORE is."""
    opened = open_process()
    value = _progress(opened, store, as_json=as_json)
    while wait and value["state"] not in _ENDED:
        time.sleep(0.5)
        value = _progress(opened, store, as_json=as_json)
    show(value, _text(value), as_json=as_json)
    if wait and value["state"] != "done":
        raise SystemExit(1)


@command.command()
@click.argument("store", type=int)
@click.option(
    *("--elements", "elements"), type=Names(ELEMENTS), help="Elements to import, parted by commas; as chosen before."
)
@json_option
def start(store: int, elements: tuple[str, ...] | None, as_json: bool) -> None:
    """Import STORE again: it doubles nothing and starts no automation."""

    def act(session: Session, row: Store) -> None:
        importing.start(session, row, elements if elements is not None else row.import_elements)

    _of_store(store, act, f"The import of store {store} begins.", as_json=as_json)


@command.command()
@click.argument("store", type=int)
@json_option
def retry(store: int, as_json: bool) -> None:
    """Ask STORE again for the records that failed, and for nothing else."""

    def act(session: Session, row: Store) -> None:
        importing.retry_failed(session, row)

    _of_store(store, act, f"What failed in store {store} is tried again.", as_json=as_json)


@command.command()
@click.argument("store", type=int)
@json_option
def pause(store: int, as_json: bool) -> None:
    """Stop the import of STORE after the page in hand; everything is kept."""
    _steer(store, importing.pause, ("waiting", "running"), f"The import of store {store} is paused.", as_json=as_json)


@command.command()
@click.argument("store", type=int)
@json_option
def resume(store: int, as_json: bool) -> None:
    """Go on with the newest import of STORE where it was paused, waits or gave up."""
    goes_on = ("waiting", "running", "paused", "failed")
    _steer(store, importing.resume, goes_on, f"The import of store {store} goes on.", as_json=as_json)


@command.command()
@click.argument("store", type=int)
@json_option
def cancel(store: int, as_json: bool) -> None:
    """End the import of STORE; what came in stays."""
    words = f"The import of store {store} is cancelled."
    _steer(store, importing.cancel, importing.OPEN_STATES, words, as_json=as_json)


def _of_store(store_id: int, act: Callable[[Session, Store], None], words: str, *, as_json: bool) -> None:
    opened = open_process()
    with opened.database.unit() as session:
        store = session.get(Store, store_id)
        if store is None:
            fail(f"There is no store {store_id}: `referins store list` shows them.", as_json=as_json)
        act(session, store)
    show(_progress(opened, store_id, as_json=as_json), words, as_json=as_json)


def _steer(
    store_id: int, act: Callable[[Session, Import], None], states: tuple[str, ...], words: str, *, as_json: bool
) -> None:
    opened = open_process()
    with opened.database.unit() as session:
        row = reports.newest_import(session, store_id)
        if row is None:
            fail(f"Store {store_id} has no import.", as_json=as_json)
        if row.state not in states:
            fail(f"The newest import of store {store_id} is {row.state}.", as_json=as_json)
        act(session, row)
        importing.ring(session, row)
    show(_progress(opened, store_id, as_json=as_json), words, as_json=as_json)


def _progress(opened: Process, store_id: int, *, as_json: bool) -> dict[str, Any]:
    with opened.database.reading() as session:
        row = reports.newest_import(session, store_id)
        if row is None:
            fail(f"Store {store_id} has no import.", as_json=as_json)
        found = reports.progress(session, row, clock.now())
        counts = {
            one.element: {
                "total": one.total,
                "done": one.done,
                "skipped": one.skipped,
                "failed": one.failed,
                "state": one.state,
                "woo_count": one.woo_count,
                "filled": one.filled,
            }
            for one in found.elements
        }
        return {
            "id": row.id,
            "kind": row.kind,
            "state": row.state,
            "note": row.note,
            "percent": found.percent,
            "retry_at": row.retry_at,
            "elements": counts,
        }


def _text(value: dict[str, Any]) -> str:
    lines = [f"{value['state']}, {value['percent']} %{': ' if value['note'] else ''}{value['note']}"]
    for name, one in value["elements"].items():
        total = "?" if one["total"] is None else one["total"]
        line = (
            f"  {name:13} {one['state']:8} {one['done']} of {total}, {one['skipped']} skipped, {one['failed']} failed"
        )
        lines.append(line + (f"; the store counts {one['woo_count']}" if one["woo_count"] is not None else ""))
    return "\n".join(lines)
