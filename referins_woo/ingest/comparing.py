"""Compares what an import looked at with the store's own count, and finds what is missing by ids alone (I6).

A count that agrees needs no second look: it costs one request. One that does not agree is no proof of a hole (orders
come and go meanwhile, and some hosts send wrong totals), so the ids are walked: each that is neither here nor set
aside is asked for.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from sqlalchemy.orm import Session

from referins_woo.ingest import set_aside
from referins_woo.ingest.elements.batch import Batch, Element, Job, Outcome
from referins_woo.ingest.elements.table import ELEMENTS
from referins_woo.ingest.models import ImportElement
from referins_woo.ingest.walk import PageOf, Position, walk
from referins_woo.stores.door import NotSupported

_IDS_AT_ONCE: Final = 2_000


@dataclass(frozen=True, slots=True)
class _Ids:
    """A page of ids as the walk takes it: an id is its own row."""

    ids: Sequence[int]
    total: int | None

    @property
    def rows(self) -> Sequence[int]:
        return self.ids


@dataclass(slots=True)
class Comparison:
    """One element's comparison. `woo_count` is set once it is known: after `batches` have ended."""

    job: Job
    row: ImportElement
    woo_count: int | None
    needed: bool
    """Whether the ids must be walked."""
    element: Element = field(init=False)

    def __post_init__(self) -> None:
        self.element = ELEMENTS[self.row.element]

    def batches(self) -> Iterator[Batch]:
        """Yield the holes, and the cursor behind them; the last of them knows how many ids there are."""
        if not self.needed:
            return
        cursor = dict(self.row.cursor)
        seen = int(cursor.get("seen", 0))
        position = Position(cursor.get("last_id", 0), cursor.get("offset", 0))
        fetch = self.element.pieces(self.job, self._page, position)
        for step in walk(fetch, position, connections=self.job.store.connections, most_rows=_IDS_AT_ONCE):
            seen += len(step.ids)
            after = {"last_id": step.position.last_id, "offset": step.position.offset, "seen": seen}
            holes = self._holes(step.ids)
            write = self.element.again(self.job, holes) if holes else _nothing
            yield Batch(write, after, None, fills=bool(holes))
        self.woo_count = seen + (self.woo_count or 0)

    def _page(self, offset: int, per_page: int) -> PageOf[Any]:
        page = self.element.ids(self.job, offset, per_page)
        return _Ids(page.ids, page.total)

    def _holes(self, ids: Sequence[int]) -> list[int]:
        with self.job.process.database.reading() as session:
            known = self.element.known(session, self.job, ids)
            missing = [woo_id for woo_id in ids if woo_id not in known]
            if missing:
                aside = set_aside.noted(session, self.job.store.id, self.row.element, missing)
                missing = [woo_id for woo_id in missing if woo_id not in aside]
        return missing


def compare(job: Job, row: ImportElement) -> Comparison:
    """Ask the store for its count of an element whose walk has ended. Raises what the door raises."""
    element = ELEMENTS[row.element]
    unseen = Comparison(job, row, None, needed=False)
    if not element.compares(job):
        return unseen
    try:
        count = element.count(job)
    except NotSupported:
        return unseen
    if count == row.done + row.skipped + row.failed and not row.cursor:  # a cursor: the ids are being walked already
        return Comparison(job, row, count, needed=False)
    return Comparison(job, row, element.besides(job), needed=True)


def _nothing(_session: Session) -> Outcome:
    return Outcome()
