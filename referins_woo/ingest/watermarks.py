"""How far each element of a store has been seen, what was counted there, and the last gap that a sweep closed.

One row an element. Whoever changes one names the columns that it is about: the others stay.
"""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime
from typing import Any, Final

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from referins_woo.db import insert
from referins_woo.ingest.models import Watermark

WHOLE: Final = "sweep"
"""The row of the sweep itself: when one of the whole store last ended, and how far the one under way is."""

ELEMENTS: Final = ("contacts", "orders", "transactions", "products", "collections")
"""The elements of the ledger."""


def read(session: Session, store_id: int) -> dict[str, Watermark]:
    """Return the store's rows by element."""
    rows = session.scalars(select(Watermark).where(Watermark.store_id == store_id))
    return {row.element: row for row in rows}


def write(session: Session, store_id: int, element: str, **values: Any) -> None:
    """Set columns of the element's row; it is made where there is none."""
    statement = insert(session, Watermark).values(
        **{"store_id": store_id, "element": element, "cursor": {}} | _ZERO | values
    )
    session.execute(statement.on_conflict_do_update(index_elements=["store_id", "element"], set_=values))


_ZERO: Final = {"here_count": 0, "skipped_count": 0, "failed_count": 0, "gap_count": 0}


def begin_again(session: Session, store_id: int, elements: Collection[str]) -> None:
    """Let the next sweep look at these elements from T0 on."""
    session.execute(
        update(Watermark)
        .where(Watermark.store_id == store_id, Watermark.element.in_(list(elements)))
        .values(watermark=None, cursor={}, checked_at=None)
        .execution_options(synchronize_session=False)
    )


def iso(moment: datetime | None) -> str | None:
    """Return a time as a cursor keeps it."""
    return None if moment is None else moment.isoformat()


def from_iso(text: str | None) -> datetime | None:
    """Return the time that a cursor kept."""
    return None if not text else datetime.fromisoformat(text)
