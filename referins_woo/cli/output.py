"""What commands print: for people, or one JSON value with `--json`."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from typing import Any, NoReturn, TypeVar

import click
import orjson

_Command = TypeVar("_Command", bound=Callable[..., Any])


def json_option(command: _Command) -> _Command:
    """Give a command `--json` (argument `as_json`)."""
    return click.option("--json", "as_json", is_flag=True, help="Print one JSON value.")(command)


def show(value: Any, text: str, *, as_json: bool) -> None:
    """Print `value` as JSON, or `text`."""
    click.echo(orjson.dumps(value, default=str).decode() if as_json else text)


def fail(message: str, *, as_json: bool = False) -> NoReturn:
    """Say what failed on stderr and leave with exit code 1."""
    click.echo(orjson.dumps({"error": message}).decode() if as_json else f"referins: {message}", err=True)
    sys.exit(1)


def wants_json(arguments: Sequence[str]) -> bool:
    """Whether the command line asks for JSON (for errors that come before options are read)."""
    return "--json" in arguments
