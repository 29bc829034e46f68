"""`referins mail …`: mails that come back."""

from __future__ import annotations

import sys

import click

from referins_woo import clock
from referins_woo.cli.opened import open_process
from referins_woo.cli.output import json_option, show
from referins_woo.errors import Final
from referins_woo.mail import bounces

_WORDS = {
    "bounced": "message {id} came back: its address gets no more mail",
    "delayed": "message {id} is delayed: the mail server still tries",
    "complained": "message {id} was marked as spam: its address gets no more mail",
    "": "no report about a message of ours: nothing done",
}


@click.group()
def command() -> None:
    """Mails that come back."""


@command.command()
@json_option
def bounce(as_json: bool) -> None:
    """Read one bounce or complaint from standard input, as a mail server pipes it."""
    raw = sys.stdin.buffer.read(bounces.LARGEST + 1)
    if len(raw) > bounces.LARGEST:
        raise Final("The mail is larger than 10 MB: that is no bounce.")
    with open_process().database.unit() as session:
        kind, message_id = bounces.take(session, raw, clock.now())
    show({"kind": kind or None, "message_id": message_id or None}, _WORDS[kind].format(id=message_id), as_json=as_json)
