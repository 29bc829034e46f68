"""What an element's walk hands to the importer, one batch at a time, and what an element can be asked for."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Final, Generic, TypeVar

from sqlalchemy.orm import Session

from referins_woo.commerce.records import Unreadable
from referins_woo.ingest import page_size
from referins_woo.ingest.piecewise import Piecewise, store_fails
from referins_woo.ingest.set_aside import SetAside, unreadable
from referins_woo.ingest.walk import Fetch, PageOf, Position
from referins_woo.process import Process
from referins_woo.stores.door import ITS_OWN_FAULT, Door, Faltered
from referins_woo.stores.view import StoreView

Row = TypeVar("Row")


@dataclass(slots=True)
class Outcome:
    """What writing a batch came to: how many records came in, and which were set aside."""

    done: int = 0
    came_in: list[int] = field(default_factory=list)
    """Woo ids that came in: an older entry among the set-aside ones is taken off."""
    set_aside: list[SetAside] = field(default_factory=list)
    parts: list[SetAside] = field(default_factory=list)
    """Parts of records that came in without them: listed, but not counted as records of the element."""
    parts_in: dict[str, list[int]] = field(default_factory=dict)
    """Parts that came in, by their element."""


Write = Callable[[Session], Outcome]


@dataclass(frozen=True, slots=True)
class Batch:
    """Records to write, and the cursor after them: both are committed in one transaction."""

    write: Write
    cursor: dict[str, Any]
    total: int | None
    """The store's own count of the element, where it gave one."""
    fills: bool = False
    """These records are holes that the comparison found (I6)."""


@dataclass(frozen=True, slots=True)
class Limits:
    """Which contacts and orders an import is about (C3, I7)."""

    contacts_scope: str = "all"
    since: datetime | None = None
    statuses: tuple[str, ...] = ()

    @property
    def of_orders(self) -> dict[str, Any]:
        """The limits as the door takes them. Woo leaves the very second of `after` out (fact 14)."""
        after = self.since - timedelta(seconds=1) if self.since is not None else None
        return {"after": after, "statuses": self.statuses or None}


@dataclass(frozen=True, slots=True)
class Job:
    """What an element's walk needs to know."""

    process: Process
    door: Door
    import_id: int
    elements: frozenset[str]
    """All elements of this import."""
    careful: bool = False
    """The last try failed, or larger pages are being tried: read them piece by piece where the store gives no more."""
    limits: Limits = Limits()

    @property
    def store(self) -> StoreView:
        """The store as it was when the door was opened."""
        return self.door.store

    def note_size(self, size: int) -> None:
        """Remember that the store gives so many rows at once and not more."""
        with self.process.database.unit() as session:
            page_size.shrink(session, self.store.id, size)


Walker = Callable[[Job, dict[str, Any]], Iterator[Batch]]
"""(job, cursor) → batches after the cursor. Raises what the door raises."""


@dataclass(frozen=True, slots=True)
class Element:
    """One element: how it is walked, counted, compared and asked for again."""

    walk: Walker
    count: Callable[[Job], int | None]
    """The store's own count under the import's limits; None where it gives none."""
    ids: Callable[[Job, int, int], PageOf[Any]]
    """(offset, per_page) → a page of ids alone, ascending, under the same limits."""
    known: Callable[[Session, Job, Sequence[int]], set[int]]
    """Which of these ids are here. What is set aside is known, too, but not asked for here."""
    again: Callable[[Job, Sequence[int]], Write]
    """Ask the store for these records by their ids; what they bring is to be written."""
    compares: Callable[[Job], bool] = lambda _: True
    """Whether the store's count says anything about this import."""
    besides: Callable[[Job], int] = lambda _: 0
    """What counts beside the ids."""
    pieces: Callable[[Job, Fetch[Any], Position], Fetch[Any]] = lambda job, whole, position: whole
    """(job, fetch, where the walk begins) → the fetch in a form that gets past what the store cannot show."""


def piece_by_piece(
    job: Job,
    whole: Callable[[int, int], Any],
    kind: str,
    single: Callable[[int], object],
    position: Position,
    *,
    several: Callable[[Sequence[int]], object] | None = None,
    suspects: Collection[int] = (),
) -> Fetch[Any]:
    """Return `whole`, a fetch of pages, after a failure in a form that gets past what the store cannot show."""
    if not job.careful:
        return whole
    return Piecewise(
        whole,
        kind=kind,
        probe=job.door.probe,
        single=single,
        position=position,
        note=job.note_size,
        several=several,
        suspects=suspects,
    )


@dataclass(slots=True)
class Asked(Generic[Row]):
    """What became of records that were asked for by their ids; who is in neither is gone from the store."""

    found: dict[int, Row | Unreadable] = field(default_factory=dict)

    def rows(self, kind: type[Row]) -> list[Row]:
        """Return the records that can be read."""
        return [row for row in self.found.values() if isinstance(row, kind)]

    @property
    def failed(self) -> list[SetAside]:
        """Those that still cannot be read."""
        return [unreadable(row) for row in self.found.values() if isinstance(row, Unreadable)]


_MOST: Final = 50
"""Ids in one request: a longer address may be refused (fact 10)."""


def ask_for(
    door: Door,
    ids: Sequence[int],
    several: Callable[[Sequence[int]], Iterable[tuple[int, Any]]],
    single: Callable[[int], Any] | None,
    kind: str,
) -> Asked[Any]:
    """Ask for records by their ids, a few at a time; where the store fails, for half of them, down to the one.

    `several` answers with (id, record) pairs; who is missing there is asked for by `single`, which gives None for what
    is gone.
    """
    asked: Asked[Any] = Asked()
    for start in range(0, len(ids), _MOST):
        part = list(ids[start : start + _MOST])
        asked.found.update(_in_halves(door, part, several, kind))
        if single is None:
            continue
        for woo_id in (each for each in part if each not in asked.found):
            row = _alone(door, woo_id, single, kind)
            if row is not None:
                asked.found[woo_id] = row
    return asked


def _in_halves(
    door: Door, ids: Sequence[int], several: Callable[[Sequence[int]], Iterable[tuple[int, Any]]], kind: str
) -> dict[int, Any]:
    try:
        return {woo_id: row for woo_id, row in several(ids) if woo_id in ids}
    except Faltered as error:
        if error.status not in ITS_OWN_FAULT:
            raise
    if len(ids) == 1:
        found = _alone(door, ids[0], lambda woo_id: dict(several([woo_id])).get(woo_id), kind)
        return {} if found is None else {ids[0]: found}
    middle = len(ids) // 2
    return _in_halves(door, ids[:middle], several, kind) | _in_halves(door, ids[middle:], several, kind)


def _alone(door: Door, woo_id: int, single: Callable[[int], Any], kind: str) -> Any:
    """Ask for one record, twice where the store fails but lives; a record that it cannot show is unreadable."""
    for _ in range(2):
        try:
            return single(woo_id)
        except Faltered as error:
            if error.status not in ITS_OWN_FAULT:
                raise
        door.probe()
    return store_fails(kind, woo_id)
