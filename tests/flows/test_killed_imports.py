"""An import whose processes are killed again and again ends by itself, with what an undisturbed one brings."""

from __future__ import annotations

import random
import time
from collections import Counter
from collections.abc import Iterator
from functools import partial

import pytest
from sqlalchemy import func, select

from referins_woo.events.models import Event
from referins_woo.mail.models import Message
from referins_woo.practice_store import PracticeStore, StoreOptions
from tests.conftest import ClockHand
from tests.services.inside import Connected, Inside, difference, wait_until
from tests.services.instance import Instance
from tests.services.killing import Killer
from tests.services.postgres import Postgres

pytestmark = pytest.mark.storm
ORDERS = 600
SEEDS = 20
VICTIMS = ("bulk", "bulk", "bulk", "web", "live", "clock", "valkey", "flush", "lose-valkey", "supervisor")
_PATIENCE = 160
"""Seconds by which the clock is moved where an import stands still: the lease of its killed worker runs out."""


@pytest.fixture
def shop(clock: ClockHand) -> Iterator[PracticeStore]:
    with PracticeStore(StoreOptions(size=ORDERS, webhook_delay=None)) as store:
        yield store


@pytest.fixture
def inside(
    instance: Instance, clock: ClockHand, shop: PracticeStore, backend: str, request: pytest.FixtureRequest
) -> Iterator[Inside]:
    instance.environ |= {**clock.environ, "REFERINS_ALLOW_PRIVATE_STORES": shop.url}
    if backend == "postgresql":
        server: Postgres = request.getfixturevalue("postgres")
        instance.environ["DATABASE_URL"] = server.create(f"referins_{request.node.name[:20]}_{instance.port}")
    instance.start("--no-practice-store")
    instance.wait_for_all()
    opened = Inside(instance)
    yield opened
    opened.close()


def begin(inside: Inside, shop: PracticeStore, name: str) -> tuple[Connected, int]:
    """Connect the shop for a new user; returns it with the id of its import."""
    connected = inside.connect_here(f"{name}@example.com", shop.url, shop.consumer_key, shop.consumer_secret)
    newest = inside.newest_import(connected.store_id)
    assert newest is not None
    return connected, newest.id


def finish(inside: Inside, clock: ClockHand, connected: Connected) -> None:
    """Wait for the import's end; where it stands still, time passes."""
    still: list[object] = []

    def ended() -> bool:
        newest = inside.newest_import(connected.store_id)
        assert newest is not None
        assert newest.state in ("waiting", "running", "done"), f"{newest.state}: {newest.note}"
        now = (newest.heartbeat_at, newest.note)
        still.append(now)
        if len(still) > 30 and len(set(still[-30:])) == 1:
            clock.advance(seconds=_PATIENCE)
            still.clear()
        return newest.state == "done"

    wait_until(ended, 120, lambda: vars(inside.newest_import(connected.store_id)))


@pytest.mark.timeout(900)
@pytest.mark.parametrize("backend", ["sqlite", "postgresql"])
def test_killed_at_random_moments_it_brings_what_an_undisturbed_one_brings(
    instance: Instance, inside: Inside, shop: PracticeStore, clock: ClockHand, seed: int, backend: str
) -> None:
    first, first_import = begin(inside, shop, "undisturbed")
    finish(inside, clock, first)
    inside.forget(first.store_id)
    whole, counts = inside.mirror(first.account_id), inside.counts(first_import)
    assert sum(whole["orders"].values()) == counts["orders"][1] > ORDERS * 0.9

    shop.fault("latency", seconds=0.15)  # long enough to be killed in the middle, several times
    total: Counter[str] = Counter()
    seeds = SEEDS if backend == "sqlite" else 3
    for number in range(seeds):
        rng = random.Random(f"{seed} {number}")
        began = time.monotonic()
        killer = Killer(instance, rng, VICTIMS, pauses=(0.1, 0.5), most=6)
        connected, import_id = begin(inside, shop, f"killed{number}")
        killer.kill_during(partial(finish, inside, clock, connected))
        total += killer.deeds
        print(f"{time.monotonic() - began:.0f} s, seed {seed}, import {number}: {'; '.join(killer.story)}")
        assert killer.deeds
        assert inside.counts(import_id) == counts
        inside.forget(connected.store_id)  # its sweeps would stand in the next import's way
        mirror = inside.mirror(connected.account_id)
        for table, rows in whole.items():
            assert not (found := difference(rows, mirror[table])), (table, found[:10])
    print(f"{backend}: killed {dict(total)}")
    assert total.total() >= 4 * seeds
    with inside.database.reading() as session:
        assert session.scalar(select(func.count(Event.id))) == 0
        assert session.scalars(select(Message.once_key).where(Message.purpose != "system")).all() == []
