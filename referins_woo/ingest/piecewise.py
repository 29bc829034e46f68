"""Reads a page that the store cannot give whole (reliability rows 18, 19).

Some hosts run out of memory over 100 orders, and one order with a broken plugin's data makes every page that holds it
an error, whatever is asked for (recorded: `_fields` do not help). So the page is read in smaller pieces, down to
single rows; a row that fails alone while the store answers otherwise is set aside, and everything around it comes.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final, Generic, TypeVar

from referins_woo.commerce.records import Unreadable
from referins_woo.ingest.walk import Fetch, PageOf, Position
from referins_woo.stores.door import ITS_OWN_FAULT, Faltered

Row = TypeVar("Row")

SIZES: Final = (50, 25, 10, 1)
"""Rows asked for at once, where more fail."""

_AT_ONCE: Final = 50
"""Ids in one question: a longer address may be refused (fact 10)."""
_ASKED: Final = 3
"""How often a row is asked for before it is taken for broken: to find out which it is costs more."""
_MOST_GUESSES: Final = 25
_FAR: Final = 5_000
"""How far from its neighbours a record is looked for where many ids can be asked for at once: orders share their
numbers with all that WordPress posts."""
_MOST_QUESTIONS: Final = 200


@dataclass(frozen=True, slots=True)
class _Whole(Generic[Row]):
    """A page put together from pieces."""

    rows: list[Row | Unreadable]
    ids: list[int]
    total: int | None
    date: Any


class Piecewise(Generic[Row]):
    """A `walk.Fetch` that gets past what the store cannot show. May be called from several threads.

    `kind` names a record for people ("Order"); `probe` raises where the store itself is down; `single` asks for one
    record by its id, and raises Faltered for the one that the store cannot show, `several` for several records of
    which it cannot show one; `suspects` are ids that it could not show before; `note` is told how many rows the store
    gave at once where it could not give more.
    """

    def __init__(
        self,
        fetch: Fetch[Row | Unreadable],
        *,
        kind: str,
        probe: Callable[[], object],
        single: Callable[[int], object],
        position: Position,
        note: Callable[[int], None],
        several: Callable[[Sequence[int]], object] | None = None,
        suspects: Collection[int] = (),
    ) -> None:
        self._fetch, self._kind, self._probe, self._single = fetch, kind, probe, single
        self._ids_at = {position.offset: position.last_id} if position.last_id else {}
        self._note, self._several, self._suspects = note, several, sorted(suspects)
        self._size: int | None = None
        self._questions = 0

    def __call__(self, offset: int, per_page: int) -> PageOf[Row | Unreadable]:
        """Return the page, whole or put together. Raises what `fetch` raises where the store is down."""
        page: PageOf[Row | Unreadable]
        if self._size is None:
            try:
                page = self._fetch(offset, per_page)
            except Faltered as error:
                if error.status not in ITS_OWN_FAULT:
                    raise
                page = self._in_pieces(offset, per_page, error)
        else:
            page = self._in_pieces(offset, per_page, None)
        if page.ids:
            self._ids_at[offset + len(page.ids) - 1] = page.ids[-1]
        return page

    def _in_pieces(self, offset: int, per_page: int, error: Faltered | None) -> _Whole[Row]:
        rows: list[Row | Unreadable | None] = []
        ids: list[int | None] = []
        total, date = None, None
        size, lives = min(self._size or per_page, per_page), False
        largest, broken, last_fault = 0, False, error
        suspected: Counter[int] = Counter()
        if error is not None:
            size = _smaller(size)
        while len(ids) < per_page:
            count, place = min(size, per_page - len(ids)), offset + len(ids)
            try:
                page = self._fetch(place, count)
            except Faltered as fault:
                if fault.status not in ITS_OWN_FAULT:
                    raise
                if count > 1:
                    size = _smaller(count)
                    continue
                if not lives:
                    self._probe()
                    lives = True
                suspected[place] += 1
                if suspected[place] < _ASKED:  # a moment's trouble is no broken record: the row is asked for again
                    continue
                rows.append(None)
                ids.append(None)
                broken, last_fault, size = True, fault, SIZES[-2]
                continue
            lives, total, date = True, page.total, getattr(page, "date", date)
            largest = max(largest, len(page.ids))
            rows.extend(page.rows)
            ids.extend(page.ids)
            if len(page.ids) < count:
                break
        if not broken and largest and self._size is None:
            self._size = size
            self._note(size)
        try:
            return self._named(offset, rows, ids, total, date)
        except LookupError:
            # Nothing that could stand there is broken: whatever it was, it was not a record.
            raise last_fault or Faltered("The store answers with errors.", 0.0, 500) from None

    def _named(
        self, offset: int, rows: list[Row | Unreadable | None], ids: list[int | None], total: int | None, date: Any
    ) -> _Whole[Row]:
        found_rows: list[Row | Unreadable] = []
        found_ids: list[int] = []
        for place, (row, woo_id) in enumerate(zip(rows, ids, strict=True)):
            if row is None or woo_id is None:
                before = found_ids[-1] if found_ids else self._ids_at.get(offset + place - 1)
                after = next((each for each in ids[place + 1 :] if each is not None), None)
                woo_id = self._ids_at.get(offset + place) or self._find(before, after)
                row = store_fails(self._kind, woo_id)
            found_rows.append(row)
            found_ids.append(woo_id)
        return _Whole(found_rows, found_ids, total, date)

    def _find(self, before: int | None, after: int | None) -> int:
        """Return the id of the row between two others: the first that fails alone. Raises LookupError if none does."""
        far = _MOST_GUESSES if self._several is None else _FAR
        if before is not None or after is None:
            first = (before or 0) + 1
            candidates = range(first, min(after or first + far, first + far))
        else:
            candidates = range(max(1, after - far), after)
        known = [woo_id for woo_id in self._suspects if woo_id in candidates]
        parts = [candidates[start : start + _AT_ONCE] for start in range(0, len(candidates), _AT_ONCE)]
        self._questions = 0
        for part in (known, *parts):
            for woo_id in self._guilty(part):
                if self._fails(woo_id) and self._fails(woo_id):
                    return woo_id
        raise LookupError

    def _guilty(self, ids: Sequence[int]) -> Iterator[int]:
        """Yield, of some ids, those worth asking for alone: halves that come whole hold nothing broken."""
        if len(ids) > 1 and self._several is not None:
            several = self._several
            self._questions += 1
            if self._questions > _MOST_QUESTIONS:
                raise LookupError  # it fails over this and over that: no one record is to blame
            if not _breaks(lambda: several(ids)):
                return
            middle = len(ids) // 2
            yield from self._guilty(ids[:middle])
            yield from self._guilty(ids[middle:])
            return
        yield from ids

    def _fails(self, woo_id: int) -> bool:
        return _breaks(lambda: self._single(woo_id))


def _breaks(ask: Callable[[], object]) -> bool:
    """Whether the store fails over a question in a way that may be about what was asked for."""
    try:
        ask()
    except Faltered as fault:
        if fault.status not in ITS_OWN_FAULT:
            raise
        return True
    return False


def store_fails(kind: str, woo_id: int) -> Unreadable:
    """Return the entry for a record that the store cannot show. `kind` names it for people ("Order")."""
    reason = f"The store answers with an error whenever it is asked for this {kind.lower()}"
    return Unreadable(woo_id, f"{kind} {woo_id}", "store_fails", reason)


def _smaller(size: int) -> int:
    return next((each for each in SIZES if each < size), 1)
