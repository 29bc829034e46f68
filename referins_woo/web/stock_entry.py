"""Entering an adjustment of stock by hand: by the page of goods, by the form of many lines, by the API."""

from __future__ import annotations

from collections.abc import Mapping

from sqlalchemy.orm import Session

from referins_woo import clock
from referins_woo.accounts import audit
from referins_woo.commerce import ledger
from referins_woo.commerce.ledger import Goods
from referins_woo.commerce.models import Location, StockAdjustment


def enter(session: Session, location: Location, changes: Mapping[Goods, int], reason: str) -> StockAdjustment:
    """Write an adjustment (changes in 1/10,000 of a piece) with its line in the audit log. Raises InvalidInput."""
    made = ledger.adjust(
        session,
        location,
        changes,
        kind=ledger.BY_HAND,
        reason=reason,
        by=audit.acting(),
        now=clock.now(),
    )
    words = f"Adjustment {made.number}"
    audit.record(session, location.account_id, "stock_adjusted", words, location=location.name)
    return made
