"""Walks a list of a store by pages without losing a row.

Woo's pages are offsets: a row trashed between two requests makes another one never appear (fact 5). So the list is
asked for in the order of ids and each page overlaps the last row of the page before: where that row is not found at
its place, rows have gone or come, and the walk steps back or forward. The end is a page that holds nothing but the
overlap; totals are hints only, good for a second look. Several requests may be in flight: pages ahead are guesses that
a drift throws away.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import Generic, Protocol, TypeVar

from referins_woo.errors import RetryLater

Row_co = TypeVar("Row_co", covariant=True)
Row = TypeVar("Row")


class PageOf(Protocol[Row_co]):
    """A page as the door hands it out."""

    @property
    def rows(self) -> Sequence[Row_co]: ...
    @property
    def ids(self) -> Sequence[int]: ...
    @property
    def total(self) -> int | None: ...


@dataclass(frozen=True, slots=True)
class Position:
    """Where a walk stands: the last row taken, and the place where it stood."""

    last_id: int = 0
    offset: int = 0


@dataclass(frozen=True, slots=True)
class Step(Generic[Row]):
    """New rows, and the position after them. `total` is the store's own count, where it gave one."""

    rows: list[Row]
    ids: list[int]
    position: Position
    total: int | None


Fetch = Callable[[int, int], PageOf[Row]]
"""(offset, per_page) → page, rows in ascending order of ids."""

_PATIENCE = 6
"""Answers without progress before the walk gives up for now."""

_PAGES_PER_CONNECTION = 2
"""Pages asked for ahead: a connection (the store's door counts them) has its next question while one page is put into
our words and another one is written."""

_DOUBTS = 3
"""How often an end is asked for again that something speaks against: the last known row is not reached (it may have
been trashed meanwhile), or the store itself counts more rows (its count may be wrong)."""


def walk(
    fetch: Fetch[Row],
    position: Position,
    *,
    per_page: int = 100,
    connections: int = 1,
    up_to: int = 0,
    most_rows: int = 300,
) -> Iterator[Step[Row]]:
    """Yield all rows after `position`, several ready pages at once up to `most_rows`.

    `up_to`: an id known to be in the list; the end is not believed before it. Raises what `fetch` raises, and
    RetryLater when the store keeps giving pages that lead nowhere. Rows that the consumer did not take are fetched
    again by the next walk from the position that it kept.
    """
    if connections <= 1:
        yield from _Walk(fetch, position, per_page, up_to, most_rows, None, 1).steps()
        return
    ahead = connections * _PAGES_PER_CONNECTION
    with ThreadPoolExecutor(ahead, thread_name_prefix="pages") as pool:
        walking = _Walk(fetch, position, per_page, up_to, most_rows, pool, ahead)
        try:
            yield from walking.steps()
        finally:
            walking.drop_guesses()


class _Walk(Generic[Row]):
    def __init__(
        self,
        fetch: Fetch[Row],
        position: Position,
        per_page: int,
        up_to: int,
        most_rows: int,
        pool: ThreadPoolExecutor | None,
        ahead: int,
    ) -> None:
        self._fetch, self._pool, self._ahead = fetch, pool, ahead
        self._position, self._per_page, self._up_to, self._most_rows = position, per_page, up_to, most_rows
        self._guesses: dict[int, Future[PageOf[Row]]] = {}
        self._total: int | None = None
        self._ended = False
        self._doubts = 0

    def steps(self) -> Iterator[Step[Row]]:
        stuck = 0
        while not self._ended:
            rows, ids = self._advance()
            stuck = 0 if rows else stuck + 1
            if stuck > _PATIENCE:
                raise RetryLater("The store keeps answering with pages that lead nowhere; it may serve a stale cache.")
            while rows and not self._ended and len(rows) < self._most_rows and self._is_ready():
                more_rows, more_ids = self._advance()
                if not more_rows:
                    break
                rows += more_rows
                ids += more_ids
            if rows:
                yield Step(rows, ids, self._position, self._total)

    def drop_guesses(self) -> None:
        """Forget the pages ahead."""
        for guess in self._guesses.values():
            guess.cancel()
        self._guesses.clear()

    def _is_ready(self) -> bool:
        guess = self._guesses.get(self._position.offset)
        return guess is not None and guess.done()

    def _advance(self) -> tuple[list[Row], list[int]]:
        """Look at the page of the position; return its new rows, or none after moving the position."""
        page = self._page(self._position.offset)
        ids = list(page.ids)
        if page.total:
            self._total = page.total
        last, offset = self._position.last_id, self._position.offset
        if not ids:
            self._nothing_there(page.total)
            return [], []
        new_from = next((index for index, woo_id in enumerate(ids) if woo_id > last), len(ids))
        if ids[0] > last and offset > 0:
            # Rows before this place have gone: the overlap slid out of the page.
            self._move(max(0, offset - self._per_page + 1))
            return [], []
        if new_from == len(ids):
            if ids[-1] == last and len(ids) < self._per_page:
                self._at_end(offset + len(ids) - 1, page.total)
            else:
                self._move(offset + max(1, len(ids) - 1))  # rows came in before: the overlap is further on
            return [], []
        if new_from != 1:
            self.drop_guesses()  # the pages ahead were guessed for other places
        self._position = Position(ids[-1], offset + len(ids) - 1)
        self._doubts = 0
        return list(page.rows[new_from:]), ids[new_from:]

    def _nothing_there(self, total: int | None) -> None:
        """An empty page is the end only where no overlap is due: at the very start of an empty list."""
        if self._position.offset == 0:
            self._at_end(0, total)
        else:
            self._move(max(0, self._position.offset - self._per_page + 1))

    def _at_end(self, offset: int, total: int | None) -> None:
        """Believe the end, unless something speaks against it: a short page may hold the overlap alone by chance."""
        seen_all = self._position.last_id >= max(self._up_to, 1)
        enough = _DOUBTS
        if seen_all and total is not None and total <= offset + 1:
            enough = 0
        elif (seen_all and total is None) or (total == 0 and not self._up_to and not self._position.last_id):
            enough = 1  # nothing speaks against it: a second look
        if self._doubts >= enough:
            self._ended = True
            return
        self._doubts += 1
        self._move(offset)

    def _move(self, offset: int) -> None:
        self.drop_guesses()
        self._position = Position(self._position.last_id, offset)

    def _page(self, offset: int) -> PageOf[Row]:
        if self._pool is None:
            return self._fetch(offset, self._per_page)
        guess = self._guesses.pop(offset, None) or self._pool.submit(self._fetch, offset, self._per_page)
        self._guess_ahead(offset)
        return guess.result()

    def _guess_ahead(self, offset: int) -> None:
        assert self._pool is not None
        if self._total is None:
            return  # the first page comes before any total is known
        for place in range(1, self._ahead):
            # The end shows itself where the last row is the overlap.
            ahead = min(offset + place * (self._per_page - 1), self._total - 1)
            if ahead > offset and ahead not in self._guesses:
                self._guesses[ahead] = self._pool.submit(self._fetch, ahead, self._per_page)
