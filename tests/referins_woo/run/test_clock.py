"""The clock: every line when it is due, one clock at a time."""

from __future__ import annotations

import time
from datetime import timedelta

from referins_woo.db import Database
from referins_woo.run.clock import Clock
from tests.conftest import ClockHand


def test_each_line_runs_at_once_and_again_when_it_is_due(database: Database) -> None:
    calls: list[str] = []
    table = (("often", 0.05, lambda: calls.append("often")), ("seldom", 60.0, lambda: calls.append("seldom")))
    ticking = Clock(table, database)
    assert ticking.tick() == ["often", "seldom"]
    assert ticking.tick() == []
    time.sleep(0.06)
    assert ticking.tick() == ["often"]
    assert calls == ["often", "seldom", "often"]


def test_a_line_that_fails_does_not_stop_the_others(database: Database) -> None:
    calls: list[str] = []

    def broken() -> None:
        raise ValueError("on purpose")

    Clock((("broken", 1.0, broken), ("next", 1.0, lambda: calls.append("next"))), database).tick()
    assert calls == ["next"]


def test_a_second_clock_waits_until_the_first_one_is_gone(database: Database, clock: ClockHand) -> None:
    first = Clock((("line", 0.0, lambda: None),), database)
    second = Clock((("line", 0.0, lambda: None),), database)
    assert first.tick() == ["line"]
    assert second.tick() == []
    clock.advance(seconds=timedelta(seconds=7).total_seconds())
    assert second.tick() == ["line"]
