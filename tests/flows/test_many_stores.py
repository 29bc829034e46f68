"""Many stores import at once: each has its turn, and a large one holds up no small one (LOAD7).

What is counted are turns, not seconds: a turn is one job of one import, here a page of orders.
"""

from __future__ import annotations

from collections.abc import Iterator
from statistics import mean

import pytest

from bench._processes import serving
from bench._store import connect
from referins_woo import queues
from referins_woo.commerce.models import Order
from referins_woo.ingest import import_run, importing
from referins_woo.ingest import jobs as ingest_jobs
from referins_woo.ingest.models import Import
from referins_woo.process import Process
from referins_woo.stores.models import Store

STORES, ORDERS, MANY_ORDERS = 40, 500, 6_000


@pytest.fixture
def backend() -> str:
    """Turns are the same on both."""
    return "sqlite"


@pytest.fixture
def turns(running: Process, bells: queues.MemoryBells, monkeypatch: pytest.MonkeyPatch) -> Iterator[list[int]]:
    """The store of each turn that was taken, oldest first; a turn is as short as it can be."""
    monkeypatch.setattr(import_run, "_SLICE_SECONDS", 0.0)
    taken: list[int] = []
    run = import_run.run

    def noted(process: Process, import_id: int) -> bool:
        with process.database.reading() as session:
            taken.append(session.get_one(Import, import_id).store_id)
        return run(process, import_id)

    monkeypatch.setattr(ingest_jobs.import_run, "run", noted)
    yield taken


def _begin(running: Process, port: int) -> int:
    store_id = connect(running, port).id
    with running.database.unit() as session:
        importing.start(session, session.get_one(Store, store_id), ["orders"])
    return store_id


def _ends(turns: list[int]) -> dict[int, int]:
    """The number of the last turn of each store."""
    return {store_id: number for number, store_id in enumerate(turns, 1)}


@pytest.mark.storm
def test_load7_many_stores_import_in_turns_and_the_slowest_ends_soon_after_the_mean(
    running: Process, bells: queues.MemoryBells, turns: list[int]
) -> None:
    with serving("bench._pages", "--orders", ORDERS) as port:
        stores = [_begin(running, port) for _ in range(STORES)]
        bells.drain("bulk")
    ends = _ends(turns)
    assert set(ends) == set(stores)
    assert len(turns) >= STORES * ORDERS // 100, "a page a turn"
    assert max(ends.values()) < 2 * mean(ends.values())
    with running.database.reading() as session:
        assert session.query(Order).count() == STORES * ORDERS
        assert {row.state for row in session.query(Import)} == {"done"}


def test_load7_a_large_store_that_began_first_holds_up_no_small_one(
    running: Process, bells: queues.MemoryBells, turns: list[int]
) -> None:
    with serving("bench._pages", "--orders", MANY_ORDERS) as many, serving("bench._pages", "--orders", 200) as few:
        large = _begin(running, many)
        small = [_begin(running, few) for _ in range(3)]
        bells.drain("bulk")
    ends = _ends(turns)
    assert max(ends[store_id] for store_id in small) < ends[large] / 2
    last_small = max(ends[store_id] for store_id in small)
    assert turns[:last_small].count(large) <= last_small // len(small), "it had its own turns, no more"
