"""Sweeps one list of a store for what changed since its watermark, a bounded slice at a time.

The watermark is the newest `date_modified_gmt` in the answers of the last sweep that ended, never above the `Date` of
its first answer (what changes behind the walk's back is younger); rows that webhooks stored never move it, nor does
our clock. Each sweep asks a little further back (stamps have seconds, writes overlap). A store in which nothing has
happened is asked one small question; a walk that time cuts short goes on where it stopped.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Final

from sqlalchemy import select
from sqlalchemy.orm import Session

from referins_woo import clock
from referins_woo.commerce.records import Unreadable
from referins_woo.errors import Final as FinalError
from referins_woo.ingest import page_size, set_aside, watermarks
from referins_woo.ingest.models import SkippedRecord, Watermark
from referins_woo.ingest.piecewise import Piecewise
from referins_woo.ingest.walk import Position, Step, walk
from referins_woo.process import Process
from referins_woo.stores.door import ITS_OWN_FAULT, Door, Faltered

OVERLAP: Final = timedelta(seconds=120)
_ON_ITS_WAY: Final = timedelta(seconds=120)
"""A change so young may still be brought by its webhook: a sweep that sees it first has closed no gap."""
_SLOW_SECONDS: Final = 15.0
"""A page that takes longer is near the time limits of PHP and of proxies (30 s and 60 s as a rule)."""
_MANY: Final = 1_000
_SELDOM: Final = timedelta(hours=1)
"""How often a store that cannot say what changed is walked whole, where it has more than `_MANY` rows."""


@dataclass(slots=True)
class Gap:
    """Changes that no webhook had brought."""

    count: int = 0
    since: datetime | None = None
    until: datetime | None = None

    def add(self, at: datetime) -> None:
        """Count a change."""
        self.count += 1
        self.since = min(at, self.since or at)
        self.until = max(at, self.until or at)


@dataclass(slots=True)
class Round:
    """One sweep of a store, in one or more slices: what its elements share."""

    process: Process
    door: Door
    hold: Callable[[Session], None]
    """Renews the sweep's lease in a transaction. Raises LeaseLost."""
    until: float
    """When this slice is to end (monotonic)."""
    began: datetime
    rows: dict[str, Watermark]
    skews: list[float] = field(default_factory=list)
    totals: dict[str, int | None] = field(default_factory=dict)
    """The store's count of all rows of an element, changed or not, where an answer held it."""
    listed: int = 0
    """Changes that the store listed so far, in this round."""
    taken: int = 0

    @property
    def is_over(self) -> bool:
        """Whether the slice's time is up."""
        return time.monotonic() > self.until

    @property
    def is_repair(self) -> bool:
        """Whether this round catches up after the connection was lost."""
        return self.door.store.catching_up_since is not None

    def is_done(self, element: str) -> bool:
        """Whether an earlier slice of this round has swept the element to its end."""
        row = self.rows.get(element)
        return row is not None and row.checked_at is not None and row.checked_at >= self.began

    def saw(self, date: datetime) -> None:
        """Note the store's clock."""
        self.skews.append((date - clock.now()).total_seconds())

    def note_progress(self, session: Session) -> None:
        """Write down how far the round is, for the page that shows it."""
        cursor = {"began": self.began.isoformat(), "listed": self.listed, "taken": self.taken}
        watermarks.write(session, self.door.store.id, watermarks.WHOLE, cursor=cursor)


class ElementSweep:
    """The sweep of one element. Take `steps`, tell `took` what they brought, and `result` what to write at the end."""

    def __init__(
        self,
        round_: Round,
        element: str,
        fetch: Callable[[datetime, int, int], Any],
        kind: str,
        single: Callable[[int], object],
        *,
        newest: str = "",
        several: Callable[[Sequence[int]], object] | None = None,
    ) -> None:
        """`fetch`: (changed since, offset, rows a page) → page; `newest`: the list to ask for its newest change.

        `single` and `several` find the record that the store cannot show: see `Piecewise`.
        """
        self.element = element
        self._round, self._fetch, self._kind, self._single = round_, fetch, kind, single
        self._newest_path, self._several = newest, several
        self._row = round_.rows.get(element)
        store = round_.door.store
        self._before = self._row.watermark if self._row is not None else None
        cursor = dict(self._row.cursor) if self._row is not None else {}
        self._resumes = bool(cursor.get("since"))
        floor = (self._before or store.live_since or clock.now()) - OVERLAP
        self._since = watermarks.from_iso(cursor.get("since")) or floor
        self._position = Position(cursor.get("last_id", 0), cursor.get("offset", 0))
        self._newest = watermarks.from_iso(cursor.get("newest")) or self._before
        self._first_date = watermarks.from_iso(cursor.get("date"))
        self._read_at = watermarks.from_iso(cursor.get("read"))
        gap_at = [watermarks.from_iso(cursor.get(name)) for name in ("gap_since", "gap_until")]
        self.gap = Gap(int(cursor.get("gap", 0)), *gap_at)
        self.brought = int(cursor.get("brought", 0))
        self._failed_before: set[int] = set()
        self.unchanged = False
        self._unfiltered = bool(cursor.get("unfiltered"))
        self._ended = False

    def steps(self) -> Iterator[Step[Any]]:
        """Yield what changed. A record that the store cannot show is passed by, lest it hold up everything (row 19)."""
        if self._is_seldom() or (not self._resumes and self._is_unchanged()):
            self.unchanged = self._ended = True
            return
        self._failed_before = self._failed()
        store = self._round.door.store
        pieces: Piecewise[Any] = Piecewise(
            self._page,
            kind=self._kind,
            probe=self._round.door.probe,
            single=self._single,
            position=self._position,
            note=self._shrink,
            several=self._several,
            suspects=self._failed_before,
        )
        first = None if self._resumes else pieces(0, store.page_size)
        if first is not None:
            self._round.listed += first.total or 0
            if first.total == len(first.ids) < store.page_size:
                if first.ids:  # the whole list in one answer
                    yield self._seen(Step(list(first.rows), list(first.ids), Position(), first.total))
                self._ended = True
                return
        held = [] if first is None else [first]

        def fetch(offset: int, per_page: int) -> Any:
            return held.pop() if offset == 0 and held else pieces(offset, per_page)

        for step in walk(fetch, self._position, per_page=store.page_size):
            yield self._seen(step)
            self._position = step.position
            if self._round.is_over:
                return
        self._ended = True

    def noting(self, step: Step[Any], skipped: Sequence[set_aside.SetAside] = ()) -> Callable[[Session], None]:
        """Return what is committed with the step: the lease, what is `skipped`, and what could not be read (I4)."""
        store = self._round.door.store
        failed = [set_aside.unreadable(row) for row in step.rows if isinstance(row, Unreadable)]
        entries = [*failed, *skipped]
        came_in = self._cleared(step)

        def note(session: Session) -> None:
            self._round.hold(session)
            set_aside.clear_failed(session, store.id, self.element, came_in)
            if entries:
                set_aside.note(session, store.account_id, store.id, None, self.element, entries, clock.now())
            if self._round.is_repair:
                self._round.note_progress(session)

        return note

    def must_note(self, step: Step[Any]) -> bool:
        """Whether there is something to write for a step that changed nothing."""
        return bool(self._cleared(step)) or any(
            isinstance(row, Unreadable) and row.woo_id not in self._failed_before for row in step.rows
        )

    def took(self, changed: Sequence[Any], step: Step[Any]) -> None:
        """Count what a step brought; `changed` are its records that were new here, or newer."""
        self.brought += len(changed)
        self._round.taken += len(step.rows)
        if self._round.door.store.sweep_only or self._first_date is None:
            return
        for record in changed:
            at = record.modified_at
            if at is not None and at < self._first_date - _ON_ITS_WAY:
                self.gap.add(at)

    @property
    def has_ended(self) -> bool:
        """Whether the list was seen to its end."""
        return self._ended

    @property
    def stopped_at(self) -> datetime | None:
        """The watermark that this sweep began from: whoever has moved it meanwhile is right."""
        return self._before

    def result(self, now: datetime) -> dict[str, Any]:
        """Return the columns to write into the element's row when the slice ends."""
        if not self._ended:
            return {"cursor": self._cursor()}
        newest = self._newest
        # Scheduled products are dated in the future: the store's own clock is the limit.
        if newest is not None and self._first_date is not None:
            newest = min(newest, self._first_date)
        read_at = watermarks.iso(self._first_date or self._read_at)
        cursor = ({"read": read_at} if read_at else {}) | ({"unfiltered": True} if self._unfiltered else {})
        values: dict[str, Any] = {"watermark": newest, "checked_at": now, "cursor": cursor}
        if self.gap.count:
            values |= {"gap_count": self.gap.count, "gap_since": self.gap.since, "gap_until": self.gap.until}
            values["gap_repaired_at"] = now
        return values

    def _cursor(self) -> dict[str, Any]:
        gap = {"gap_since": watermarks.iso(self.gap.since), "gap_until": watermarks.iso(self.gap.until)}
        return gap | {
            "since": watermarks.iso(self._since),
            "last_id": self._position.last_id,
            "offset": self._position.offset,
            "newest": watermarks.iso(self._newest),
            "date": watermarks.iso(self._first_date),
            "read": watermarks.iso(self._read_at),
            "brought": self.brought,
            "gap": self.gap.count,
            "unfiltered": self._unfiltered,
        }

    def _is_seldom(self) -> bool:
        """A store whose WooCommerce knows no `modified_after` (before 5.8) lists everything each time (row 29)."""
        row = self._row
        if not self._unfiltered or row is None or row.checked_at is None or self._resumes:
            return False
        return (row.woo_count or 0) > _MANY and clock.now() - row.checked_at < _SELDOM

    def _is_unchanged(self) -> bool:
        if not self._newest_path:
            return False
        try:
            seen = self._round.door.newest_change(self._newest_path)
        except FinalError:
            return False  # an old WooCommerce cannot sort so
        except Faltered as fault:
            if fault.status in ITS_OWN_FAULT:
                return False  # it may be the one record that the store cannot show
            raise
        self._round.saw(seen.date)
        self._round.totals[self.element] = seen.total
        if seen.modified_at is None or seen.total == 0:
            return False  # nothing there, or nothing but the future: the list itself tells
        if self._before is None:
            # Nothing was seen to change since the store was connected, and still nothing has.
            return seen.modified_at < self._since
        # A change in the very second of the watermark may have been written after the list was read: it counts as
        # unchanged once it was read again well after that second.
        read_late = self._read_at is not None and self._before < self._read_at - 2 * OVERLAP
        return seen.modified_at <= self._before and read_late

    def _page(self, offset: int, per_page: int) -> Any:
        began = time.monotonic()
        page = self._fetch(self._since, offset, per_page)
        if time.monotonic() - began > _SLOW_SECONDS and per_page > page_size.SMALLEST:
            self._shrink(per_page // 2)
        self._first_date = self._first_date or page.date
        self._round.saw(page.date)
        return page

    def _shrink(self, size: int) -> None:
        """Remember that the store gives so many rows at once and not more."""
        with self._round.process.database.unit() as session:
            page_size.shrink(session, self._round.door.store.id, size)

    def _seen(self, step: Step[Any]) -> Step[Any]:
        stamps = [at for row in step.rows if (at := getattr(row, "modified_at", None)) is not None]
        self._newest = max([*stamps, *([self._newest] if self._newest else [])], default=self._newest)
        self._unfiltered = self._unfiltered or any(at <= self._since for at in stamps)
        return step

    def _cleared(self, step: Step[Any]) -> list[int]:
        readable = zip(step.rows, step.ids, strict=True)
        return [woo_id for row, woo_id in readable if not isinstance(row, Unreadable) and woo_id in self._failed_before]

    def _failed(self) -> set[int]:
        query = select(SkippedRecord.woo_id).where(
            SkippedRecord.store_id == self._round.door.store.id,
            SkippedRecord.element == self.element,
            SkippedRecord.kind == "failed",
        )
        with self._round.process.database.reading() as session:
            return set(session.scalars(query))
