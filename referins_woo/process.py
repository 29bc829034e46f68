"""What one process shares: its settings, its database, its vault.

Set once by the entry points (web, worker, clock, command line) and read by the shells of jobs; rooms' inner
functions take what they need as arguments.
"""

from __future__ import annotations

from dataclasses import dataclass

from referins_woo import clock
from referins_woo.config import Config
from referins_woo.crypto import Vault
from referins_woo.db import Database


@dataclass(frozen=True, slots=True)
class Process:
    """The shared things of this process."""

    config: Config
    database: Database
    vault: Vault


_current: Process | None = None


def start(config: Config, *, synchronous: str = "FULL") -> Process:
    """Open what `config` names and make it this process's own; a second call replaces the first (tests)."""
    global _current
    if _current is not None:
        _current.database.dispose()
    clock.use_offset_file(config.test_clock)
    _current = Process(config, Database(config.database_url, synchronous=synchronous), Vault(config.encryption_keys))
    return _current


def use(process: Process | None) -> None:
    """Make `process` the current one without opening anything (tests)."""
    global _current
    _current = process


def current() -> Process:
    """Return this process's things; a call before `start` is a mistake in the program."""
    if _current is None:
        raise RuntimeError("process.start() has not run")
    return _current
