"""How far an import is, what it set aside, and whether its counts agree with the store's."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from typing import Final

from sqlalchemy import ColumnElement, func, select
from sqlalchemy.orm import Session

from referins_woo.ingest.models import Import, ImportElement, SkippedRecord

STALLED_SECONDS: Final = 60
_ETA_FROM: Final = 0.05
"""A guess made earlier would jump about."""
_LIGHT: Final = {"transactions": 0.1}
"""What an element's records weigh in the bar of the whole: payments come from the orders that are here already."""


@dataclass(frozen=True, slots=True)
class ElementProgress:
    """One element of an import."""

    element: str
    state: str
    total: int | None
    done: int
    skipped: int
    failed: int
    per_second: float
    seconds_left: float | None
    woo_count: int | None
    filled: int

    @property
    def handled(self) -> int:
        """Records looked at, whatever came of them."""
        return self.done + self.skipped + self.failed

    @property
    def percent(self) -> int:
        """Of the total; 100 only when it is really done."""
        if self.state == "done":
            return 100
        return min(99, 100 * self.handled // self.total) if self.total else 0

    @property
    def verdict(self) -> str:
        """What the comparison with the store's own count came to, in words; empty where there was none (I6)."""
        if self.woo_count is None:
            return ""
        words = f"The store counts {self.woo_count:,}"
        beyond = self.handled - self.woo_count
        if beyond > 0:
            words += f", {beyond:,} fewer than we looked at: they left its list meanwhile"
        elif beyond < 0:
            words += f", {-beyond:,} more than we looked at: they came meanwhile, and the sync brings them"
        else:
            words += ": all are accounted for"
        return words + (f". {self.filled:,} that were missed at first were found and fetched." if self.filled else ".")


@dataclass(frozen=True, slots=True)
class ImportProgress:
    """One import."""

    run: Import
    elements: list[ElementProgress]
    percent: int
    seconds: float
    """Since it began, to its end."""
    silent_seconds: float
    """Since the import last got on."""

    @property
    def is_open(self) -> bool:
        """Whether it goes on by itself or can be resumed."""
        return self.run.state in ("waiting", "running", "paused")

    @property
    def is_moving(self) -> bool:
        """Whether the page should look again soon."""
        return self.run.state in ("waiting", "running")

    @property
    def is_stalled(self) -> bool:
        """Whether the store keeps us waiting."""
        return self.is_moving and self.silent_seconds > STALLED_SECONDS

    @property
    def per_second(self) -> float:
        """Records a second of what is running now."""
        return max((one.per_second for one in self.elements if one.state == "running"), default=0.0)

    @property
    def done(self) -> int:
        """Records that came in."""
        return sum(one.done for one in self.elements)

    @property
    def skipped(self) -> int:
        """Records set aside by a rule."""
        return sum(one.skipped for one in self.elements)

    @property
    def failed(self) -> int:
        """Records set aside by a fault."""
        return sum(one.failed for one in self.elements)

    @property
    def version(self) -> str:
        """Names what the page shows: while it stays the same there is nothing new to send."""
        run = self.run
        shown = (run.state, run.note, run.retry_at, run.retries, run.heartbeat_at, self.is_stalled)
        counts = [(one.state, one.total, one.handled) for one in self.elements]
        return sha256(repr((*shown, *counts)).encode()).hexdigest()[:16]


def progress(session: Session, run: Import, now: datetime) -> ImportProgress:
    """Return how far `run` is."""
    rows = session.scalars(
        select(ImportElement).where(ImportElement.import_id == run.id).order_by(ImportElement.position)
    ).all()
    elements = [_element(row) for row in rows]
    stirred = run.heartbeat_at or run.started_at or run.created_at
    return ImportProgress(
        run=run,
        elements=elements,
        percent=100 if run.state == "done" else _percent(elements),
        seconds=((run.finished_at or now) - run.started_at).total_seconds() if run.started_at else 0.0,
        silent_seconds=max(0.0, (now - stirred).total_seconds()),
    )


def _element(row: ImportElement) -> ElementProgress:
    handled = row.done + row.skipped + row.failed
    per_second = handled * 1000 / row.active_ms if row.active_ms else 0.0
    left = None
    if row.state == "running" and row.total and per_second and handled >= row.total * _ETA_FROM:
        left = max(0, row.total - handled) / per_second
    return ElementProgress(
        *(row.element, row.state, row.total, row.done, row.skipped, row.failed, per_second, left),
        *(row.woo_count, row.filled),
    )


def _percent(elements: list[ElementProgress]) -> int:
    """Of the whole, by records; what was not counted yet weighs as much as the orders, so that it never goes back."""
    if not elements:
        return 0
    orders = next((one.total for one in elements if one.element == "orders"), None)
    weights = [_LIGHT.get(one.element, 1.0) * max(one.total or orders or 1, 1) for one in elements]
    moved = sum(weight * one.percent for weight, one in zip(weights, elements, strict=True))
    return min(99, int(moved / sum(weights)))


def newest_import(session: Session, store_id: int) -> Import | None:
    """Return the store's newest import."""
    return session.scalar(select(Import).where(Import.store_id == store_id).order_by(Import.id.desc()).limit(1))


def is_first(session: Session, run: Import) -> bool:
    """Whether no import of the account has ended before this one began."""
    before = select(Import.id).where(Import.account_id == run.account_id, Import.state == "done", Import.id < run.id)
    return session.execute(before.limit(1)).first() is None


@dataclass(frozen=True, slots=True)
class SetAsideFilter:
    """Which of the records set aside are wanted; an empty field wants all."""

    kind: str = ""
    element: str = ""
    reason_code: str = ""
    import_id: int | None = None

    def conditions(self, store_id: int) -> list[ColumnElement[bool]]:
        """Return it as SQL."""
        wanted: list[ColumnElement[bool]] = [SkippedRecord.store_id == store_id]
        if self.kind:
            wanted.append(SkippedRecord.kind == self.kind)
        if self.element:
            wanted.append(SkippedRecord.element == self.element)
        if self.reason_code:
            wanted.append(SkippedRecord.reason_code == self.reason_code)
        if self.import_id is not None:
            wanted.append(SkippedRecord.import_id == self.import_id)
        return wanted


@dataclass(frozen=True, slots=True)
class Reason:
    """Records set aside for one reason. `sentence` is that of one of them: they may differ in what they name."""

    element: str
    kind: str
    code: str
    sentence: str
    count: int
    same: bool
    """Whether the sentence is that of all."""


def reasons(session: Session, store_id: int, wanted: SetAsideFilter) -> list[Reason]:
    """Return what was set aside by reason: faults first, then the most frequent."""
    text = SkippedRecord.reason
    rows = session.execute(
        select(
            *(SkippedRecord.element, SkippedRecord.kind, SkippedRecord.reason_code),
            *(func.min(text), func.count(), func.max(text)),
        )
        .where(*wanted.conditions(store_id))
        .group_by(SkippedRecord.element, SkippedRecord.kind, SkippedRecord.reason_code)
        .order_by(SkippedRecord.kind, func.count().desc(), SkippedRecord.element, SkippedRecord.reason_code)
    )
    return [Reason(row[0], row[1], row[2], row[3], int(row[4]), row[3] == row[5]) for row in rows]


def set_aside(
    session: Session, store_id: int, wanted: SetAsideFilter, *, batch: int = 1_000, after: int = 0
) -> Iterator[SkippedRecord]:
    """Yield what was set aside, by id, `batch` rows at a time: a list of 100,000 does not fill the memory."""
    last = after
    while True:
        conditions = [*wanted.conditions(store_id), SkippedRecord.id > last]
        rows = session.scalars(select(SkippedRecord).where(*conditions).order_by(SkippedRecord.id).limit(batch)).all()
        yield from rows
        if len(rows) < batch:
            return
        last = rows[-1].id
        session.expunge_all()


def failed_count(session: Session, store_id: int) -> int:
    """Return how many records of a store could not be read: "Retry failed only" asks for them again."""
    wanted = SetAsideFilter(kind="failed").conditions(store_id)
    return session.scalar(select(func.count()).select_from(SkippedRecord).where(*wanted)) or 0
