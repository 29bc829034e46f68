"""How the mapping of a store works: when it pushes, whom a pull brings, whose guest orders are (W6, W7)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from sqlalchemy import select
from sqlalchemy.orm import Session

from referins_woo.accounts import audit
from referins_woo.commerce.models import Contact, StoreMapping
from referins_woo.errors import InvalidInput
from referins_woo.stores.models import Store

SHORTEST_MINUTES: Final = 5
LONGEST_MINUTES: Final = 10_080
"""A week."""


@dataclass(frozen=True, slots=True)
class Choices:
    """What somebody chooses for a store."""

    push: str
    """`off`, `by_hand` or `timed`."""
    minutes: int | None
    pull_mapped_only: bool
    guest_contact_id: int | None


def of_store(session: Session, store: Store) -> StoreMapping:
    """Return how the mapping of a store works, made where nobody chose anything yet: then pushes are by hand."""
    row = session.scalar(select(StoreMapping).where(StoreMapping.store_id == store.id))
    if row is None:
        row = StoreMapping(account_id=store.account_id, store_id=store.id, pushes=True, batch=0, suggesting="")
        row.suggest_role = row.suggest_error = row.push_by = ""
        row.suggest_offset = row.suggest_last_id = 0
        session.add(row)
        session.flush()
    return row


def choose(session: Session, store: Store, choices: Choices, now: datetime) -> None:
    """Keep what somebody chooses. Raises InvalidInput."""
    row = of_store(session, store)
    if choices.push not in ("off", "by_hand", "timed"):
        raise InvalidInput("push", "Choose off, by hand, or every so many minutes.")
    minutes = choices.minutes if choices.push == "timed" else None
    if choices.push == "timed" and (minutes is None or not SHORTEST_MINUTES <= minutes <= LONGEST_MINUTES):
        raise InvalidInput("minutes", f"Give {SHORTEST_MINUTES} to {LONGEST_MINUTES:,} minutes between two pushes.")
    if choices.guest_contact_id is not None:
        own = select(Contact.id).where(Contact.id == choices.guest_contact_id, Contact.account_id == store.account_id)
        if session.scalar(own) is None:
            raise InvalidInput("guest_contact_id", f"There is no contact {choices.guest_contact_id} in this account.")
    row.pushes, row.guest_contact_id = choices.push != "off", choices.guest_contact_id
    if minutes != row.push_minutes:
        row.push_minutes, row.next_push_at = minutes, now + timedelta(minutes=minutes) if minutes else None
    if not row.pushes:
        row.push_cursor = None
    store.pull_mapped_only = choices.pull_mapped_only
    audit.record(
        session,
        store.account_id,
        "store_settings_changed",
        store.url,
        customer_push=f"every {minutes} minutes" if minutes else choices.push.replace("_", " "),
        pull="mapped only" if choices.pull_mapped_only else "all",
        guest_orders=f"contact {choices.guest_contact_id}" if choices.guest_contact_id else "each to its own",
    )
