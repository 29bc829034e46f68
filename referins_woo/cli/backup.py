"""`referins backup`, `referins restore` and `referins restored`."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from referins_woo import config, process
from referins_woo.backup import aftermath, dump
from referins_woo.backup import restore as restoring
from referins_woo.cli.opened import open_process
from referins_woo.cli.output import json_option, show


@click.command("backup")
@click.argument("file", type=click.Path(dir_okay=False, allow_dash=True, path_type=Path))
@click.option("--force", is_flag=True, help="Overwrite FILE.")
@json_option
def command(file: Path, force: bool, as_json: bool) -> None:
    """Write all data to FILE while the application runs; `-` writes to standard output.

    Keep SECRET_KEY and ENCRYPTION_KEYS besides: they are not in it.
    """
    opened = process.start(config.load())
    if str(file) == "-":
        dump.write_to(opened.database, opened.config, sys.stdout.buffer)
        return
    counts = dump.write(opened.database, opened.config, file, force=force)
    size = file.stat().st_size
    show(
        {"file": str(file), "bytes": size, "rows": counts},
        f"{sum(counts.values()):,} rows of {len(counts)} tables are in {file} ({size:,} bytes).\n"
        "Keep ENCRYPTION_KEYS and SECRET_KEY as well, at another place: they are not in it.",
        as_json=as_json,
    )


@click.command("restore")
@click.argument("file", type=click.Path(dir_okay=False, path_type=Path))
@click.option("--force", is_flag=True, help="Overwrite what is in the database.")
@click.option("--moved", is_flag=True, help="Nothing ran since the backup was taken: hold nothing.")
@json_option
def restore(file: Path, force: bool, moved: bool, as_json: bool) -> None:
    """Put the backup FILE into the database, of whichever kind; everything must be stopped."""
    opened = process.start(config.load())
    done = restoring.restore(opened, file, force=force, moved=moved)
    held = done.held
    show(
        {
            "taken_at": done.header.taken_at,
            "version": done.header.version,
            "rows": done.counts,
            "held": {"events": held.events, "runs": held.runs, "messages": held.messages},
        },
        f"The backup of {done.header.taken_at:%Y-%m-%d %H:%M} UTC is restored: {sum(done.counts.values()):,} rows.\n"
        f"Held, because it may have been done since: {held.runs} runs, {held.events} events; {held.messages} e-mails "
        "are marked as unknown.\nStart everything: orders of the time between come in with the next sweep, and what "
        "they would start is held as well. See `referins restored list`.",
        as_json=as_json,
    )


@click.group("restored")
def restored() -> None:
    """What a restore holds, because it may have been done before."""


@restored.command("list")
@json_option
def list_held(as_json: bool) -> None:
    """List the runs and events that wait for a word."""
    opened = process.start(config.load())
    with opened.database.reading() as session:
        runs, events = aftermath.held(session)
    lines = [f"run {row.id}: automation {row.automation_id}, order {row.order_id}, due {row.due_at}" for row in runs]
    lines += [f"event {row.id}: {row.kind} of order {row.subject}, store {row.store_id}" for row in events]
    value = {"runs": [dict(row._mapping) for row in runs], "events": [dict(row._mapping) for row in events]}
    show(value, "\n".join(lines) or "A restore holds nothing.", as_json=as_json)


@restored.command("release")
@json_option
def release(as_json: bool) -> None:
    """Let all of it go on: what was sent before the restore is sent again."""
    opened = open_process()
    with opened.database.unit() as session:
        done = aftermath.release(session)
    show(
        {"runs": done.runs, "events": done.events}, f"{done.runs} runs and {done.events} events go on.", as_json=as_json
    )


@restored.command("drop")
@json_option
def drop(as_json: bool) -> None:
    """Give all of it up: it was done before the restore."""
    opened = process.start(config.load())
    with opened.database.unit() as session:
        done = aftermath.drop(session)
    show({"runs": done.runs, "events": done.events}, f"{done.runs} runs and {done.events} events end.", as_json=as_json)
