"""Leases: one holder at a time, fenced, and not waited for when the holder is known to be dead."""

from __future__ import annotations

import subprocess
import sys
from typing import Any

import pytest

from referins_woo import lease
from referins_woo.db import Database
from referins_woo.errors import LeaseLost


def take(database: Database, holder: str, seconds: float = 60) -> int | None:
    """Try to take the lease `work`."""
    with database.unit() as session:
        return lease.acquire(session, "work", holder, seconds)


def test_one_holder_at_a_time_until_it_gives_back(database: Database) -> None:
    first = take(database, lease.new_holder())
    assert first == 1
    assert take(database, lease.new_holder()) is None
    with database.unit() as session:
        lease.release(session, "work", first)
    assert take(database, lease.new_holder()) == 2


def test_who_slept_past_the_deadline_may_not_write(database: Database, clock: Any) -> None:
    sleeper = take(database, lease.new_holder())
    assert sleeper is not None
    clock.advance(seconds=61)
    assert take(database, lease.new_holder()) == sleeper + 1
    with pytest.raises(LeaseLost), database.unit() as session:
        lease.renew(session, "work", sleeper, 60)


def test_the_lease_of_a_dead_process_of_this_machine_is_taken_at_once(database: Database) -> None:
    dead = subprocess.run([sys.executable, "-c", "import os; print(os.getpid())"], capture_output=True, text=True)
    home, _, rest = lease.new_holder().partition("-")
    gone = f"{home}-{dead.stdout.strip()}-{rest.partition('-')[2]}"
    assert take(database, gone) == 1
    assert take(database, lease.new_holder()) == 2


def test_the_lease_of_a_process_elsewhere_is_waited_for(database: Database) -> None:
    assert take(database, "another0host-999999-abc") == 1
    assert take(database, lease.new_holder()) is None
