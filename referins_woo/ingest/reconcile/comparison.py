"""How the store's list of ids differs from ours, stretch by stretch, and the books of one comparison.

It goes on after the last row that it compared, whenever its slice of time was up or its worker died.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

from sqlalchemy import ColumnElement, delete, select
from sqlalchemy.orm import Session

from referins_woo import clock, lease, queues
from referins_woo.commerce.models import Order, Tombstone
from referins_woo.commerce.upsert.bulk import among
from referins_woo.ingest import counts, gone, set_aside, watermarks
from referins_woo.ingest.models import SkippedRecord
from referins_woo.ingest.piecewise import Piecewise
from referins_woo.ingest.set_aside import SetAside
from referins_woo.ingest.walk import Fetch, Position, walk
from referins_woo.process import Process
from referins_woo.stores.door import Door
from referins_woo.stores.models import StoreLog

NIGHTLY: Final = "ids"
"""The row that says when all ids were last compared."""
LEASE_SECONDS: Final = 300.0
PACK: Final = 100
_HIGHEST: Final = 2**62


@dataclass(frozen=True, slots=True)
class Difference:
    """A stretch of the list: what stands there and not here, and here and not there."""

    unknown: list[int]
    missing: list[int]
    listed: list[int]
    low: int
    """The ids of the stretch are above this,"""
    high: int
    """up to this."""


class Comparison:
    """One comparison of a store under way."""

    def __init__(self, process: Process, door: Door, lease_name: str, fence: int, until: float) -> None:
        """`until` (monotonic) the lists are walked."""
        self.process, self.door, self.store = process, door, door.store
        self._lease_name, self._fence, self._until = lease_name, fence, until
        with process.database.reading() as session:
            rows = watermarks.read(session, door.store.id)
            self.imported = {
                element: counts.is_imported(session, door.store.id, element) for element in watermarks.ELEMENTS
            }
        self._cursor: dict[str, Any] = dict(rows[NIGHTLY].cursor) if NIGHTLY in rows else {}
        self.ended = False
        """Whether the last walk came to its end before the time was up."""

    # the walk

    def walk(
        self, path: str, model: Any, here: Iterable[ColumnElement[bool]], asked: dict[str, Any] | None = None
    ) -> Iterator[Difference]:
        """Walk a list of ids and yield, stretch by stretch, how it differs from what is `here`; then see `ended`."""
        self.ended = False
        position = Position(self._cursor.get("last_id", 0), self._cursor.get("offset", 0))

        def fetch(offset: int, per_page: int) -> Any:
            page = self.door.ids(path, offset=offset, per_page=per_page, **(asked or {}))
            return replace(page, rows=list(page.ids))  # the walk hands out rows

        low = position.last_id
        pages = self._past_what_breaks(fetch, position, asked or {}) if path == "orders" else fetch
        for step in walk(pages, position, per_page=PACK):
            high = step.position.last_id
            yield self._difference(model, here, low, high, step.ids)
            low = high
            self._save({**self._cursor, "last_id": step.position.last_id, "offset": step.position.offset})
            if time.monotonic() > self._until:
                return
        yield self._difference(model, here, low, _HIGHEST, [])
        self.ended = True

    def _past_what_breaks(self, fetch: Fetch[Any], position: Position, asked: dict[str, Any]) -> Fetch[Any]:
        """An order that the store cannot show makes an error of each page that holds it, of ids alone too (row 19)."""
        with self.process.database.reading() as session:
            suspects = set_aside.failed_after(session, self.store.id, "orders", 0, 1_000)
        return Piecewise(
            fetch,
            kind="Order",
            probe=self.door.probe,
            single=self.door.order,
            position=position,
            note=lambda size: None,
            several=lambda ids: self.door.orders(include=ids, statuses=asked.get("statuses")),
            suspects=suspects,
        )

    def _difference(
        self, model: Any, here: Iterable[ColumnElement[bool]], low: int, high: int, listed: list[int]
    ) -> Difference:
        query = select(model.woo_id).where(
            model.store_id == self.store.id, model.woo_id > low, model.woo_id <= high, *here
        )
        with self.process.database.reading() as session:
            ours = set(session.scalars(query))
        theirs = set(listed)
        return Difference(sorted(theirs - ours), sorted(ours - theirs), listed, low, high)

    # what is here

    def not_known(self, woo_ids: Sequence[int], element: str, *tables: Any) -> list[int]:
        """Return the ids that stand in none of the tables (gone and trashed rows are looked at anew), nor set aside."""
        if not woo_ids:
            return []
        store_id, known = self.store.id, set[int]()
        with self.process.database.reading() as session:
            for table in tables:
                there = select(table.woo_id).where(table.store_id == store_id, among(session, table.woo_id, woo_ids))
                if hasattr(table, "gone_at") and table is not Tombstone:
                    there = there.where(table.gone_at.is_(None))
                if table is Order:
                    there = there.where(Order.in_trash.is_(False))
                known |= set(session.scalars(there))
            known |= set_aside.noted(session, store_id, element, woo_ids)
        return [woo_id for woo_id in woo_ids if woo_id not in known]

    def unreadable(self, woo_ids: Sequence[int], element: str) -> list[int]:
        """Return those that could not be read before: they may be mended by now."""
        with self.process.database.reading() as session:
            return sorted(set_aside.noted(session, self.store.id, element, woo_ids, kind="failed"))

    def count_gone(self, model: Any, woo_ids: Sequence[int], words: str) -> None:
        """Count those that turned out to be gone."""
        query = select(model.id).where(model.store_id == self.store.id, model.gone_at.is_not(None))
        with self.process.database.reading() as session:
            self.found(words, len(session.scalars(query.where(among(session, model.woo_id, woo_ids))).all()))

    def mark_gone(self, model: Any, woo_ids: Sequence[int], words: str) -> None:
        """Mark and count what is gone."""
        if woo_ids:
            with self.process.database.unit() as session:
                self.hold(session)
                gone.mark(session, self.store.id, woo_ids, model=model)
            self.found(words, len(woo_ids))

    # what is set aside

    def forget_set_aside(self, element: str, found: Difference) -> None:
        """Take off the list of what is set aside what the store does not have any more."""
        ours = (SkippedRecord.store_id == self.store.id, SkippedRecord.element == element)
        inside = (*ours, SkippedRecord.woo_id > found.low, SkippedRecord.woo_id <= found.high)
        with self.process.database.reading() as session:
            stale = set(session.scalars(select(SkippedRecord.woo_id).where(*inside))) - set(found.listed)
        if stale:
            with self.process.database.unit() as session:
                self.hold(session)
                session.execute(delete(SkippedRecord).where(*ours, among(session, SkippedRecord.woo_id, stale)))

    def set_aside(self, element: str, entries: Sequence[SetAside]) -> None:
        """List what was not taken."""
        if entries:
            with self.process.database.unit() as session:
                self.hold(session)
                set_aside.note(session, self.store.account_id, self.store.id, None, element, entries, clock.now())

    # bookkeeping

    @property
    def done(self) -> list[str]:
        """The parts that have come to their end."""
        return list(self._cursor.get("done", []))

    def next_part(self, done: list[str]) -> None:
        """Begin the next part's list at its beginning."""
        self._save({"done": done, "found": self._cursor.get("found", {})})

    def found(self, words: str, count: int) -> None:
        """Count what the log will tell of."""
        if count > 0:
            found = dict(self._cursor.get("found", {}))
            found[words] = found.get(words, 0) + count
            self._save({**self._cursor, "found": found})

    def end(self) -> None:
        """Write down that all was compared, and what was found."""
        store, now = self.store, clock.now()
        found: dict[str, int] = self._cursor.get("found", {})
        with self.process.database.unit() as session:
            self.hold(session)
            watermarks.write(session, store.id, NIGHTLY, cursor={}, checked_at=now)
            if found:
                words = ", ".join(f"{count} {what}" for what, count in sorted(found.items()))
                text = f"Compared with WooCommerce by number: {words}."
                entry = StoreLog(account_id=store.account_id, store_id=store.id, at=now, kind="reconciled", text=text)
                entry.detail = dict(found)
                session.add(entry)
                queues.ring_after_commit(session, "catch_up", store.id)  # the ledger is counted anew

    def hold(self, session: Session) -> None:
        """Renew the comparison's lease in a transaction. Raises LeaseLost."""
        lease.renew(session, self._lease_name, self._fence, LEASE_SECONDS)

    def _save(self, cursor: dict[str, Any]) -> None:
        self._cursor = cursor
        with self.process.database.unit() as session:
            self.hold(session)
            watermarks.write(session, self.store.id, NIGHTLY, cursor=cursor)


def packs(woo_ids: Sequence[int]) -> Iterator[Sequence[int]]:
    """Cut ids into what one request asks for."""
    for start in range(0, len(woo_ids), PACK):
        yield woo_ids[start : start + PACK]
