"""Long lists of ids that are counted and cut without being written out, and the changed ones merged into them."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterator, Sequence
from typing import Protocol

from referins_woo.practice_store.site import Site


class Rows(Protocol):
    """Ids in ascending order."""

    def __len__(self) -> int: ...

    def __getitem__(self, place: int, /) -> int: ...

    def rank(self, record_id: int) -> int:
        """Return how many ids are smaller."""
        ...


class Listed:
    """Ids that were written out."""

    def __init__(self, ids: Sequence[int]) -> None:
        self._ids = ids

    def __len__(self) -> int:
        return len(self._ids)

    def __getitem__(self, place: int) -> int:
        return self._ids[place]

    def rank(self, record_id: int) -> int:
        """Return how many ids are smaller."""
        return bisect_left(self._ids, record_id)


class Cycled:
    """Ids first + n, for n in [low, high), whose place n % cycle is one of `places`."""

    def __init__(self, first: int, low: int, high: int, places: Sequence[int], cycle: int) -> None:
        self._first, self._low, self._cycle = first, low, cycle
        self._places = sorted(places)
        self._before = self._count(low)
        self._length = max(self._count(high) - self._before, 0) if high > low else 0

    def __len__(self) -> int:
        return self._length

    def __getitem__(self, place: int) -> int:
        if not 0 <= place < self._length:
            raise IndexError(place)
        whole, slot = divmod(self._before + place, len(self._places))
        return self._first + whole * self._cycle + self._places[slot]

    def rank(self, record_id: int) -> int:
        """Return how many ids are smaller."""
        return min(max(self._count(max(record_id - self._first, self._low)) - self._before, 0), self._length)

    def _count(self, number: int) -> int:
        whole, rest = divmod(number, self._cycle)
        return whole * len(self._places) + bisect_left(self._places, rest)


class Chained:
    """One list after the other; every id of the first is smaller than those of the second."""

    def __init__(self, first: Rows, second: Rows) -> None:
        self._first, self._second = first, second

    def __len__(self) -> int:
        return len(self._first) + len(self._second)

    def __getitem__(self, place: int) -> int:
        return self._first[place] if place < len(self._first) else self._second[place - len(self._first)]

    def rank(self, record_id: int) -> int:
        """Return how many ids are smaller."""
        return self._first.rank(record_id) + self._second.rank(record_id)


def tie_breaker(site: Site, page: int) -> Callable[[int], int] | None:
    """Return what orders the rows of one sort value on post storage: every page orders them anew (fact 6).

    None on order tables, where ties come in the order of their ids.
    """
    if site.version.order_tables:
        return None
    return lambda record_id: record_id * (2 * page + 1) * 2_654_435_761 % 4_294_967_296


def contains(rows: Rows, record_id: int) -> bool:
    """Whether the id is in the list."""
    place = rows.rank(record_id)
    return place < len(rows) and rows[place] == record_id


def cut(
    base: Rows, touched: Sequence[int], added: Sequence[int], *, offset: int, limit: int, descending: bool
) -> tuple[list[int], int]:
    """Return one page of ids and the total.

    `touched` are ids that no longer count as seeded (changed or gone), `added` those that match as they are now.
    """
    removed = sorted(record_id for record_id in touched if contains(base, record_id))
    fresh = sorted(added)
    total = len(base) - len(removed) + len(fresh)
    low, high = (max(total - offset - limit, 0), max(total - offset, 0)) if descending else (offset, offset + limit)
    page = list(_between(base, removed, fresh, low, min(high, total)))
    return (page[::-1] if descending else page), total


def _between(base: Rows, removed: list[int], fresh: list[int], low: int, high: int) -> Iterator[int]:
    """Yield the merged ids at the places [low, high)."""

    def place_of(which: int) -> int:
        return which + base.rank(fresh[which]) - bisect_left(removed, fresh[which])

    take = bisect_left(range(len(fresh)), low, key=place_of)
    skipped = low - take
    at = skipped
    while at < len(base):
        shifted = skipped + bisect_right(removed, base[at])
        if shifted == at:
            break
        at = shifted
    gone = set(removed)
    left = high - low
    while left > 0:
        while at < len(base) and base[at] in gone:
            at += 1
        seeded = base[at] if at < len(base) else None
        if take < len(fresh) and (seeded is None or fresh[take] < seeded):
            yield fresh[take]
            take += 1
        elif seeded is not None:
            yield seeded
            at += 1
        else:
            return
        left -= 1
