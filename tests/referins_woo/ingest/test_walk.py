"""A walk over drifting pages loses no row that stays and repeats none."""

from __future__ import annotations

import random
import threading
from dataclasses import dataclass

import pytest

from referins_woo.errors import RetryLater
from referins_woo.ingest.walk import Position, walk


@dataclass
class Page:
    """A page of numbers that are their own ids."""

    rows: list[int]
    ids: list[int]
    total: int | None


class Shelf:
    """A list of ids that changes between requests, and answers wrongly now and then."""

    def __init__(self, seed: int, *, faults: bool) -> None:
        self._random = random.Random(seed)
        self._faults = 40 if faults else 0
        self._lock = threading.Lock()
        self.ids = sorted(self._random.sample(range(1, 2000), self._random.randint(0, 500)))
        self.at_first = list(self.ids)

    def fetch(self, offset: int, per_page: int) -> Page:
        """Answer one request."""
        with self._lock:
            dice = self._random.random()
            if self._faults:
                self._faults -= 1
                if dice < 0.1:
                    return Page([], [], 0)
                if dice < 0.2 and len(self.ids) > 5:
                    self.ids.remove(self._random.choice(self.ids[:-1]))
                if dice > 0.9 and self.ids:
                    self.ids.append(self.ids[-1] + 1)
            page = self.ids[offset : offset + per_page]
            total = self._random.choice([0, 5, 9999]) if 0.3 < dice < 0.4 else len(self.ids)
            return Page(page, page, total)


@pytest.mark.parametrize("connections", [1, 4])
@pytest.mark.parametrize("per_page", [3, 10, 100])
def test_every_row_comes_once_whatever_drifts(connections: int, per_page: int) -> None:
    for seed in range(60):
        shelf = Shelf(seed, faults=True)
        rows: list[int] = []
        position = Position()
        for _ in range(20):
            try:
                bound = max(shelf.at_first, default=0)
                for step in walk(shelf.fetch, position, per_page=per_page, connections=connections, up_to=bound):
                    rows += step.rows
                    position = step.position
                break
            except RetryLater:
                continue
        else:
            pytest.fail(f"seed {seed}: the walk never ended")
        missing = [one for one in shelf.at_first if one in shelf.ids and one not in rows]
        assert not missing, f"seed {seed}"
        assert len(rows) == len(set(rows)), f"seed {seed}"


def test_a_walk_goes_on_from_any_position_it_gave() -> None:
    for seed in range(30):
        shelf = Shelf(seed, faults=False)
        stops = random.Random(seed)
        rows: list[int] = []
        position = Position()
        ended = False
        while not ended:
            ended = True
            for step in walk(shelf.fetch, position, per_page=7, up_to=max(shelf.ids, default=0)):
                rows += step.rows
                position = step.position
                if stops.random() < 0.3:
                    ended = False
                    break
        assert rows == shelf.ids


def test_a_store_that_serves_the_same_page_for_ever_is_left_alone() -> None:
    page = list(range(1, 11))
    with pytest.raises(RetryLater):
        for _ in walk(lambda _offset, _per_page: Page(page, page, 100), Position(), per_page=10):
            pass
