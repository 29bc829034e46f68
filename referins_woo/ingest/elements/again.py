"""Asks again for the records of an element that failed, and for nothing else (I4)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, Final

from sqlalchemy import select
from sqlalchemy.orm import Session

from referins_woo.ingest import set_aside
from referins_woo.ingest.elements.batch import Batch, Job, Outcome
from referins_woo.ingest.elements.table import ELEMENTS
from referins_woo.ingest.models import SkippedRecord

_AT_ONCE: Final = 100
_PARTS: Final = {"products": "variations"}


def batches(job: Job, element: str, cursor: dict[str, Any]) -> Iterator[Batch]:
    """Walk what failed, ascending by id. Products whose variations failed are asked for with them."""
    part = _PARTS.get(element)
    for name in (element, *([part] if part else ())):
        last = int(cursor.get(name, 0))
        while True:
            with job.process.database.reading() as session:
                ids = set_aside.failed_after(session, job.store.id, name, last, _AT_ONCE)
                wanted = ids if name == element else _parents(session, job.store.id, name, ids)
            if not ids:
                break
            last = ids[-1]
            cursor = {**cursor, name: last}
            yield Batch(_write(job, element, wanted, name, ids), cursor, None)


def _write(job: Job, element: str, wanted: Sequence[int], listed_as: str, ids: Sequence[int]) -> Any:
    inner = ELEMENTS[element].again(job, wanted)

    def write(session: Session) -> Outcome:
        outcome = inner(session)
        # What is neither in nor set aside anew is gone from the store: it counts on neither side.
        if listed_as == element:
            set_aside.clear(session, job.store.id, element, ids)
            return outcome
        broken = {entry.woo_id for entry in outcome.parts}
        set_aside.clear(session, job.store.id, listed_as, ids)
        failed = [entry for entry in outcome.parts if entry.woo_id in set(ids)]
        return Outcome(
            done=sum(woo_id not in broken for woo_id in ids),
            came_in=outcome.came_in,
            set_aside=failed,
            parts=[entry for entry in outcome.parts if entry not in failed],
        )

    return write


def _parents(session: Session, store_id: int, element: str, ids: Sequence[int]) -> list[int]:
    found = select(SkippedRecord.parent_woo_id).where(
        SkippedRecord.store_id == store_id, SkippedRecord.element == element, SkippedRecord.woo_id.in_(ids)
    )
    return sorted(set(session.execute(found.distinct()).scalars()) - {0})
