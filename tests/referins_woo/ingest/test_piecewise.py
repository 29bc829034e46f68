"""Pages that a store cannot give whole (reliability rows 18, 19)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import pytest

from referins_woo.commerce.records import Unreadable
from referins_woo.ingest.piecewise import Piecewise
from referins_woo.ingest.walk import Position, walk
from referins_woo.stores.door import Faltered


@dataclass
class Page:
    """A page as the door hands it out; a row is its own id."""

    ids: list[int]
    total: int | None = None

    @property
    def rows(self) -> list[Any]:
        return self.ids


@dataclass
class Shop:
    """A list of ids, some of which the shop cannot show, and a most that it can show at once."""

    ids: list[int]
    broken: set[int] = field(default_factory=set)
    most: int = 100
    is_down: bool = False
    asked: list[tuple[int, int]] = field(default_factory=list)
    noted: list[int] = field(default_factory=list)

    def fetch(self, offset: int, per_page: int) -> Page:
        self.asked.append((offset, per_page))
        shown = self.ids[offset : offset + per_page]
        if self.is_down or per_page > self.most or self.broken & set(shown):
            raise Faltered("error", 0.0, 500)
        return Page(shown, len(self.ids))

    def probe(self) -> None:
        if self.is_down:
            raise Faltered("error", 0.0, 500)

    def single(self, woo_id: int) -> object:
        if woo_id in self.broken:
            raise Faltered("error", 0.0, 500)
        return None

    def pieces(self, position: Position | None = None) -> Piecewise[int]:
        return Piecewise(
            self.fetch,
            kind="Order",
            probe=self.probe,
            single=self.single,
            position=position or Position(),
            note=self.noted.append,
        )

    def walked(self, connections: int = 1, position: Position | None = None) -> dict[int, Any]:
        start = position or Position()
        steps = walk(self.pieces(start), start, per_page=100, connections=connections)
        return {woo_id: row for step in steps for woo_id, row in zip(step.ids, step.rows, strict=True)}


@pytest.mark.parametrize("connections", [1, 4])
@pytest.mark.parametrize("broken", [{3}, {999}, {300}, {150, 153, 156}, {300, 303}, {3, 6, 9, 500}, {297, 300}])
def test_a_record_that_cannot_be_shown_is_named_and_all_others_come(broken: set[int], connections: int) -> None:
    shop = Shop(list(range(3, 1002, 3)), broken)
    found = shop.walked(connections)
    assert list(found) == shop.ids
    assert {woo_id for woo_id, row in found.items() if isinstance(row, Unreadable)} == broken & set(shop.ids)
    assert all(isinstance(row, Unreadable) or row == woo_id for woo_id, row in found.items())


def test_a_walk_goes_on_behind_a_record_that_cannot_be_shown() -> None:
    shop = Shop(list(range(10, 3000, 10)), {1000})
    found = shop.walked(position=Position(1000, 99))
    assert list(found) == list(range(1010, 3000, 10))
    assert not any(isinstance(row, Unreadable) for row in found.values())


@pytest.mark.parametrize(("most", "noted"), [(60, 50), (30, 25), (12, 10), (4, 1)])
def test_a_store_that_cannot_give_many_at_once_gives_them_in_pieces_and_is_remembered(most: int, noted: int) -> None:
    shop = Shop(list(range(1, 251)), most=most)
    assert list(shop.walked()) == shop.ids
    assert shop.noted == [noted]
    refused = [asked for asked in shop.asked if asked[1] > most]
    assert len(refused) <= 4  # the size is learnt once, not for every page


@pytest.mark.parametrize("times", [1, 2, 3])
def test_errors_of_a_moment_are_no_broken_records(times: int) -> None:
    shop = Shop(list(range(1, 251)))
    seen: Counter[tuple[int, int]] = Counter()

    def fetch(offset: int, per_page: int) -> Page:
        seen[offset, per_page] += 1
        if seen[offset, per_page] <= times:
            raise Faltered("error", 0.0, 500)
        return shop.fetch(offset, per_page)

    found: dict[int, Any] = {}
    position, tries = Position(), 0
    while position.last_id < 250:
        tries += 1
        pieces: Piecewise[int] = Piecewise(
            fetch, kind="Order", probe=shop.probe, single=shop.single, position=position, note=shop.noted.append
        )
        try:
            for step in walk(pieces, position, per_page=100):
                found |= dict(zip(step.ids, step.rows, strict=True))
                position = step.position
        except Faltered:
            assert tries < 50
    assert list(found) == shop.ids
    assert not any(isinstance(row, Unreadable) for row in found.values())


def test_a_store_that_is_down_is_not_taken_for_broken_records() -> None:
    shop = Shop(list(range(1, 251)), is_down=True)
    with pytest.raises(Faltered):
        shop.walked()
    assert len(shop.asked) <= 6


@pytest.mark.parametrize("status", [503, 429, None])
def test_pauses_and_lost_connections_say_nothing_about_the_page(status: int | None) -> None:
    def fetch(offset: int, per_page: int) -> Page:
        asked.append(per_page)
        raise Faltered("wait", 0.0, status)

    asked: list[int] = []
    shop = Shop([])
    pieces: Piecewise[int] = Piecewise(
        fetch, kind="Order", probe=shop.probe, single=shop.single, position=Position(), note=shop.noted.append
    )
    with pytest.raises(Faltered):
        pieces(0, 100)
    assert asked == [100]


@pytest.mark.parametrize("broken", [9_000, 3, 12_000])
def test_a_broken_record_is_found_however_far_its_neighbours_are(broken: int) -> None:
    """Orders share their numbers with all that WordPress posts: one in three thousand may be an order."""
    shop = Shop(list(range(3_000, 12_001, 3_000)), {broken} if broken != 3 else {3_000})
    asked: list[int] = []

    def several(ids: Sequence[int]) -> object:
        asked.append(len(ids))
        if shop.broken & set(ids):
            raise Faltered("error", 0.0, 500)
        return None

    def pieces(*suspects: int) -> Piecewise[int]:
        return Piecewise(
            shop.fetch,
            kind="Order",
            probe=shop.probe,
            single=shop.single,
            position=Position(),
            note=shop.noted.append,
            several=several,
            suspects=suspects,
        )

    page = pieces()(0, 100)
    assert page.ids == shop.ids
    assert [row.woo_id for row in page.rows if isinstance(row, Unreadable)] == sorted(shop.broken)
    assert max(asked) <= 50, "a longer address may be refused"
    assert len(asked) <= 80
    asked.clear()
    pieces(*shop.broken)(0, 100)
    assert asked == [], "what could not be shown before is asked for first"
