"""What is said of stock by hand, on its pages and by the API: adjustments, and what is tracked in batches."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date

from sqlalchemy.orm import Session

from referins_woo import clock
from referins_woo.accounts import audit
from referins_woo.accounts.books import books_of
from referins_woo.commerce import batch_assigning, batch_book, ledger
from referins_woo.commerce.batch_book import Line
from referins_woo.commerce.ledger import Goods
from referins_woo.commerce.models import Location, StockAdjustment, StockItem


def today(session: Session, account_id: int) -> date:
    """Return the day that it is in the account's time zone."""
    return clock.now().astimezone(clock.zone(books_of(session, account_id).time_zone)).date()


def enter(session: Session, location: Location, lines: Sequence[tuple[Goods, Line]], reason: str) -> StockAdjustment:
    """Write an adjustment with its line in the audit log; what comes to tracked goods names its batch.

    Raises InvalidInput.
    """
    made = ledger.enter_lines(
        session,
        location,
        lines,
        kind=ledger.BY_HAND,
        reason=reason,
        by=audit.acting(),
        now=clock.now(),
        today=today(session, location.account_id),
        named=True,
    )
    words = f"Adjustment {made.number}"
    audit.record(session, location.account_id, "stock_adjusted", words, location=location.name)
    return made


def correct(session: Session, adjustment: StockAdjustment, quantities: Mapping[int, int]) -> StockAdjustment | None:
    """Correct lines of an adjustment, with a line in the audit log; None where nothing differs. Raises InvalidInput."""
    made = ledger.correct(session, adjustment, quantities, audit.acting(), clock.now())
    if made is not None:
        words = f"Adjustment {adjustment.number}"
        audit.record(
            session, adjustment.account_id, "stock_adjustment_corrected", words, by=f"adjustment {made.number}"
        )
    return made


def track(session: Session, item: StockItem, *, wanted: bool) -> bool:
    """Track the batches of goods, or no longer, at all locations; returns whether that changes anything."""
    changed = batch_book.track(session, item, clock.now() if wanted else None)
    if changed:
        words = "tracked" if wanted else "not tracked"
        audit.record(session, item.account_id, "batches_switched", batch_book.label(item), batches=words)
    return changed


def assign(session: Session, item: StockItem) -> int:
    """Give what waits for a batch to those that hold some now; returns how much (1/10,000)."""
    given = batch_assigning.assign(session, item, clock.now(), audit.acting())
    if given:
        audit.record(session, item.account_id, "batches_assigned", batch_book.label(item))
    return given
