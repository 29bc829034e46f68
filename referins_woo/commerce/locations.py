"""The locations of an account: added, renamed, one of them the default (L1). Deleting one is `stores.mapping`'s."""

from __future__ import annotations

from typing import Final

from sqlalchemy import func, select, update
from sqlalchemy.orm import Session

from referins_woo.commerce.matching import name_key
from referins_woo.commerce.models import Location
from referins_woo.commerce.upsert.bulk import lock_account
from referins_woo.errors import InvalidInput

LONGEST_NAME: Final = 200
MOST: Final = 500
"""Locations of one account."""


def of_account(session: Session, account_id: int) -> list[Location]:
    """Return the account's locations, the default first, without those that were deleted."""
    there = select(Location).where(Location.account_id == account_id, Location.deleted_at.is_(None))
    return list(session.scalars(there.order_by(Location.is_default.desc(), Location.id)))


def count(session: Session, account_id: int) -> int:
    """Return how many locations the account has: with one, nothing asks which (C11)."""
    there = (Location.account_id == account_id, Location.deleted_at.is_(None))
    return session.scalar(select(func.count()).select_from(Location).where(*there)) or 0


def own(session: Session, account_id: int, location_id: int) -> Location | None:
    """Return the account's location; None where there is no such one, or no longer."""
    return session.scalar(
        select(Location).where(
            Location.id == location_id, Location.account_id == account_id, Location.deleted_at.is_(None)
        )
    )


def add(session: Session, account_id: int, name: str) -> Location:
    """Add a location; the first one is the default. Raises InvalidInput for a name that is empty, long or taken."""
    lock_account(session, account_id)
    there = of_account(session, account_id)
    if len(there) >= MOST:
        raise InvalidInput("name", f"An account has at most {MOST} locations.")
    made = Location(account_id=account_id, name=_name(there, name), is_default=not there)
    session.add(made)
    session.flush()
    return made


def rename(session: Session, location: Location, name: str) -> bool:
    """Give a location another name; returns whether it has one now. Raises InvalidInput as `add`."""
    lock_account(session, location.account_id)
    others = [one for one in of_account(session, location.account_id) if one.id != location.id]
    wanted = _name(others, name)
    if wanted == location.name:
        return False
    location.name = wanted
    session.flush()
    return True


def make_default(session: Session, location: Location) -> bool:
    """Make it the location of new stores, instead of the one that is; returns whether it was not yet."""
    lock_account(session, location.account_id)
    if location.is_default:
        return False
    session.execute(
        update(Location)
        .where(Location.account_id == location.account_id, Location.is_default)
        .values(is_default=False)
        .execution_options(synchronize_session="fetch")
    )
    location.is_default = True
    session.flush()
    return True


def _name(others: list[Location], typed: str) -> str:
    """Return a name as it is kept; it must tell the location from the others as people read names."""
    wanted = " ".join(typed.split())
    if not wanted or not wanted.isprintable():
        raise InvalidInput("name", "Give the location a name, like “Warehouse Berlin”.")
    if len(wanted) > LONGEST_NAME:
        raise InvalidInput("name", f"A name has at most {LONGEST_NAME} characters.")
    if any(name_key(one.name) == name_key(wanted) for one in others):
        raise InvalidInput("name", f"There is a location “{wanted}” already: take another name.")
    return wanted
