"""Row 96: a day of faults for five accounts at once, by chance and seed, from the letter box to the outbox.

Processes that are killed for a day are in test_simulated_day.py, sockets and databases in the rows of their own.
"""

from __future__ import annotations

import gc
import random
from contextlib import AbstractContextManager, ExitStack
from pathlib import Path
from typing import Any

import pytest

from referins_woo.ingest import jobs as ingest_jobs
from tests.flows.invariants import Watch
from tests.flows.rows import Watching, mend, over, step
from tests.flows.test_store_faults import HARMLESS, LOST, TRANSIENT

pytestmark = [pytest.mark.storm, pytest.mark.timeout(900)]
ACCOUNTS, HOURS = 5, 24
FAULTS: dict[str, dict[str, Any]] = {
    **{name: options for name, (options, _) in LOST.items()},
    **TRANSIENT,
    **{name: options for name, options in HARMLESS.items() if name != "clock_skew"},
}
_MOST_GROWTH = 96 * 2**20
"""Bytes by which the process may grow after the first third of the day; the five stores live in it as well."""


@pytest.fixture
def backend() -> str:
    """What follows from an answer is the same on both databases."""
    return "sqlite"


def test_row_96_a_day_of_faults_by_chance_leaves_five_accounts_whole(watching: Watching, seed: int) -> None:
    rng, story = random.Random(seed), []
    with ExitStack() as open_:
        # The same names and numbers would make one shop a copy of another.
        shops = [open_.enter_context(_shop(watching, number)) for number in range(1, ACCOUNTS + 1)]
        settled = 0
        for hour in range(HOURS):
            for number, it in enumerate(shops, 1):
                mend(it)
                if rng.random() < 0.6:
                    fault = rng.choice(sorted(FAULTS))
                    count = rng.choice((1, 3, None))
                    it.merchant.practice.fault(fault, **{"count": count} | FAULTS[fault])
                    story.append(f"{hour:02d}:00 {number} {fault} {count or ''}")
                _an_hour(it, rng)
            shops[0].merchant.clock.advance(hours=1)
            ingest_jobs.ring_for_deliveries()
            if hour == HOURS // 3:
                settled = _resident()
        print(f"seed {seed}: {'; '.join(story)}")
        assert _resident() - settled < _MOST_GROWTH
        for it in shops:
            over(it)


def _shop(watching: Watching, number: int) -> AbstractContextManager[Watch]:
    return watching(email=f"owner-{number}@shop.example", domain=f"{number}.test", seed=number, name=f"Shop {number}")


def _an_hour(it: Watch, rng: random.Random) -> None:
    for _ in range(rng.randint(0, 2)):
        it.sell(paid=rng.random() < 0.5, told=rng.random() < 0.7)
    step(it)


def _resident() -> int:
    gc.collect()
    return int(Path("/proc/self/statm").read_text().split()[1]) * 4096
