"""Rows LOAD1 and LOAD2 of the reliability notes, kept short: what must hold under load. How fast, how large: bin/bench.

LOAD3 is `test_load_3_…` of test_killed_deliveries.
"""

from __future__ import annotations

import random
from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.flows.test_killed_deliveries import Seeded, World, check, post_all, sell, settle, world

__all__ = ["world"]

_AT_ONCE = 16


@pytest.mark.storm
@pytest.mark.timeout(600)
@pytest.mark.parametrize("backend", ["sqlite", "postgresql"])
def test_load_1_a_burst_of_signed_webhooks_is_taken_whole_and_each_enters_once(world: World, seed: int) -> None:
    seeded = sell(world, random.Random(seed), 1, orders=150)
    parts = [seeded.deliveries[first::_AT_ONCE] for first in range(_AT_ONCE)]
    with ThreadPoolExecutor(_AT_ONCE) as pool:
        list(pool.map(lambda part: post_all(world, part, seconds=0.001), parts))
    told = {delivery.body for delivery in seeded.deliveries}
    assert len({digest for _, digest in world.acknowledged}) == len(told), "every one was answered with 200"
    settle(world, seeded)
    assert check(world, seeded.orders) == 0


@pytest.mark.storm
@pytest.mark.timeout(600)
@pytest.mark.parametrize("backend", ["sqlite"])
def test_load_2_a_steady_stream_is_mailed_once_each(world: World, seed: int) -> None:
    sold: dict[int, bool] = {}
    for number in range(3):
        seeded = sell(world, random.Random(seed + number), number, orders=40)
        sold |= seeded.orders
        post_all(world, seeded.deliveries, seconds=len(seeded.deliveries) / 40)
    settle(world, Seeded(sold))
    assert check(world, sold) == 0
