"""How the opening stock of a store stands, and what it would write (K1)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from sqlalchemy.orm import Session

from referins_woo.commerce import locations, stock_opening
from referins_woo.commerce.models import Location
from referins_woo.commerce.stock import Proposed
from referins_woo.stores.models import Store

State = Literal["not_asked", "asked", "proposed", "confirmed", "counted"]


@dataclass(frozen=True, slots=True)
class Opening:
    """What stands on the tab, and what it is made of."""

    state: State
    location: Location | None
    lines: list[Proposed]
    """Once there is something to look at; by SKU."""

    @property
    def fresh(self) -> list[Proposed]:
        """Goods that were never counted at the location."""
        return [one for one in self.lines if one.counted is None]

    @property
    def before(self) -> list[Proposed]:
        """Goods that were."""
        return [one for one in self.lines if one.counted is not None]

    @property
    def differing(self) -> list[Proposed]:
        """Of these, those whose number is another one than the store shows."""
        return [one for one in self.before if one.counted != one.on_hand]


def opening(session: Session, store: Store) -> Opening:
    """Return how the opening stock of a store stands."""
    location = locations.own(session, store.account_id, store.location_id) if store.location_id else None
    state = _state(store)
    shows = state in ("proposed", "counted") and location is not None
    lines = stock_opening.proposal(session, store.id, location) if shows and location is not None else []
    return Opening(state, location, lines)


def _state(store: Store) -> State:
    if store.stock_counted_at is not None:
        return "counted"
    if store.stock_choices is not None:
        return "confirmed"
    if store.stock_proposed_at is not None:
        return "proposed"
    return "asked" if store.import_stock else "not_asked"
