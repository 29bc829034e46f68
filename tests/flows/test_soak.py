"""Row 96: a day of faults for five accounts at once, by chance and seed, from the letter box to the outbox and back.

Every room takes part: import, live, sweeps, automations and mail by the watch; write-back, fulfilment, stock, matching
and mapping by the order desk. Processes that are killed for a day are in test_simulated_day.py, sockets and databases
in the rows of their own.
"""

from __future__ import annotations

import gc
import random
import statistics
from collections import Counter
from contextlib import AbstractContextManager, ExitStack
from itertools import combinations
from pathlib import Path
from typing import Any

import pytest

from referins_woo import clock as clocks
from referins_woo import schedule
from referins_woo.events.models import Event
from referins_woo.ingest import importing
from referins_woo.ingest import jobs as ingest_jobs
from referins_woo.ingest.models import Delivery, Import
from referins_woo.mail.models import Message
from referins_woo.runs.models import Run
from referins_woo.writeback.models import StoreWrite
from tests.flows.desks import Desk, stock_a_bag
from tests.flows.invariants import Watch, rows_of
from tests.flows.rows import Watching, mend, over, step
from tests.flows.test_store_faults import HARMLESS, LOST, TRANSIENT

pytestmark = [pytest.mark.storm, pytest.mark.timeout(1_800)]
ACCOUNTS, HOURS = 5, 24
FAULTS: dict[str, dict[str, Any]] = {
    **{name: options for name, (options, _) in LOST.items()},
    **TRANSIENT,
    **{name: options for name, options in HARMLESS.items() if name != "clock_skew"},
}
_ROOMS = ("stock", "fulfilment", "matching", "mapping", "changed there", "decided")
_WRITES = {"order_completed", "customer_created", "customer_updated", "stock_set"}
_MOST_AN_HOUR = 2 * 2**20
"""Bytes an hour of the day, in the middle; the five stores live in this process as well."""


@pytest.fixture
def backend() -> str:
    """What follows from an answer is the same on both databases."""
    return "sqlite"


def test_row_96_a_day_of_faults_by_chance_leaves_five_accounts_whole(watching: Watching, seed: int) -> None:
    rng, story, resident = random.Random(seed), [], []
    with ExitStack() as open_:
        # The same names and numbers would make one shop a copy of another.
        shops = [open_.enter_context(_shop(watching, number)) for number in range(1, ACCOUNTS + 1)]
        desks = [Desk(it, rng) for it in shops]
        for hour in range(HOURS):
            for number, (it, desk) in enumerate(zip(shops, desks, strict=True), 1):
                mend(it)
                if rng.random() < 0.6:
                    fault = rng.choice(sorted(FAULTS))
                    count = rng.choice((1, 3, None))
                    it.merchant.practice.fault(fault, **{"count": count} | FAULTS[fault])
                    story.append(f"{hour:02d}:00 {number} {fault} {count or ''}")
                desk.an_hour()
                _an_hour(it, rng)
                it.merchant.practice.forget_requests()
            shops[0].merchant.clock.advance(hours=1)
            ingest_jobs.ring_for_deliveries()
            resident.append(_resident())
        print(f"seed {seed}: {'; '.join(story)}")
        _empties_within_two_minutes(shops, desks)
        assert _slope(resident[HOURS // 3 :]) < _MOST_AN_HOUR
        for it, desk in zip(shops, desks, strict=True):
            mend(it)
            desk.rest()
            over(it)
            desk.hold()
        did = sum((desk.did for desk in desks), Counter())
        assert all(did[room] for room in _ROOMS), did
        done = {one.kind for it in shops for one in it.merchant.rows(StoreWrite, StoreWrite.state == "done")}
        assert done == _WRITES, "each kind of change went out"


def _shop(watching: Watching, number: int) -> AbstractContextManager[Watch]:
    return watching(
        stock_a_bag,
        email=f"owner-{number}@shop.example",
        domain=f"{number}.test",
        seed=number,
        name=f"Shop {number}",
    )


def _an_hour(it: Watch, rng: random.Random) -> None:
    for _ in range(rng.randint(0, 2)):
        it.sell(paid=rng.random() < 0.5, told=rng.random() < 0.7)
    step(it)


def _empties_within_two_minutes(shops: list[Watch], desks: list[Desk]) -> None:
    """The last fault is over: by the clock's own calls, at their times, nothing that is due is left two minutes on.

    What a store asked patience for, or is tried again later, is due later.
    """
    for it in shops:
        mend(it)
        it.nobody_else_is_touched()
    hand, bells = shops[0].merchant.clock, shops[0].merchant.bells
    for second in range(0, 120, 5):
        hand.advance(seconds=5)
        for _, every, call in schedule.TABLE:
            if every <= 60 and second % max(every, 5) == 0:
                call()
        bells.drain(limit=5_000)
    assert bells.pending == []
    for it in shops:  # the clock's calls are for all accounts: what the others had lying is done as well
        it.others = rows_of(it.merchant.process, it.other_id)
    for it, desk in zip(shops, desks, strict=True):
        now, mine, merchant = clocks.now(), it.account_id, it.merchant
        is_patient = merchant.store.retry_after is not None and merchant.store.retry_after > now
        left = {
            "deliveries": merchant.count(Delivery, Delivery.account_id == mine, Delivery.state == "received"),
            "events": merchant.count(Event, Event.account_id == mine, Event.handed_over_at.is_(None)),
            "runs": merchant.count(Run, Run.account_id == mine, Run.state == "active"),
            "messages": merchant.count(Message, Message.account_id == mine, Message.state.in_(("created", "sending"))),
        }
        if not is_patient:
            left |= desk.due()
            left["imports"] = merchant.count(Import, Import.account_id == mine, Import.state.in_(importing.OPEN_STATES))
        assert not any(left.values()), f"{merchant.email}: {left}"


def _slope(series: list[int]) -> float:
    """Bytes an hour: the median of the slopes between all pairs, which no single hour decides."""
    return statistics.median((b - a) / (j - i) for (i, a), (j, b) in combinations(enumerate(series), 2))


def _resident() -> int:
    gc.collect()
    return int(Path("/proc/self/statm").read_text().split()[1]) * 4096
