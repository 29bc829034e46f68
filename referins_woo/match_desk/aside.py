"""What a merge does beside moving rows: kept as plain values with the merge, so that undoing puts each in its place.

A store whose guest orders all went to the contact that is gone; what was said of it as a customer where the contact
that stays has its own say; pairs that are asked about because the other one of them is gone.
"""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime
from typing import Any, Final

from sqlalchemy import delete, select, update
from sqlalchemy.orm import Session

from referins_woo.commerce.models import ContactMerge, CustomerMapping, Match, StoreMapping
from referins_woo.commerce.upsert.bulk import among
from referins_woo.db import UtcDateTime
from referins_woo.stores.models import Store

_QUIET: Final = {"synchronize_session": False}


def lay(session: Session, account_id: int, gone_id: int, kept_id: int) -> dict[str, Any]:
    """Take aside what the contact that goes leaves behind, once its rows have moved; returns what to keep of it."""
    stores = [StoreMapping.account_id == account_id, StoreMapping.guest_contact_id == gone_id]
    guests_of = list(session.scalars(select(StoreMapping.store_id).where(*stores)))
    session.execute(update(StoreMapping).where(*stores).values(guest_contact_id=kept_id).execution_options(**_QUIET))
    left = session.scalars(select(CustomerMapping).where(CustomerMapping.contact_id == gone_id))
    return {"guests_of": guests_of, "customer_mappings": [_values(row) for row in left]}


def put_back(session: Session, merge: ContactMerge) -> None:
    """Put what was taken aside in its place again, but for what somebody chose or decided since."""
    aside = merge.aside
    session.execute(
        update(StoreMapping)
        .where(
            StoreMapping.account_id == merge.account_id,
            among(session, StoreMapping.store_id, aside.get("guests_of", [])),
            StoreMapping.guest_contact_id == merge.kept_id,
        )
        .values(guest_contact_id=merge.gone_id)
        .execution_options(**_QUIET)
    )
    for values in aside.get("customer_mappings", []):
        if session.get(Store, values["store_id"]) is not None:
            row = {key: _value(key, value) for key, value in values.items()}
            if session.get(CustomerMapping, row["id"]) is not None:
                del row["id"]  # SQLite gave the number to a later row
            session.add(CustomerMapping(**row))
            session.flush()
    session.execute(
        delete(Match)
        .where(among(session, Match.id, aside.get("asked", [])), Match.state == "open", Match.decided_at.is_(None))
        .execution_options(**_QUIET)
    )
    session.flush()


def pairs_with(session: Session, contact_id: int) -> set[int]:
    """Return the numbers of all pairs of a contact."""
    return set(session.scalars(select(Match.id).where((Match.older_id == contact_id) | (Match.newer_id == contact_id))))


def asked(merge: ContactMerge, pairs: Collection[int]) -> None:
    """Keep which pairs are asked about because of the merge."""
    merge.aside = {**merge.aside, "asked": sorted(pairs)}


def _values(row: CustomerMapping) -> dict[str, Any]:
    values = {column.key: getattr(row, column.key) for column in CustomerMapping.__table__.columns}
    return {key: value.isoformat() if isinstance(value, datetime) else value for key, value in values.items()}


def _value(key: str, value: Any) -> Any:
    is_time = isinstance(CustomerMapping.__table__.columns[key].type, UtcDateTime) and value is not None
    return datetime.fromisoformat(value) if is_time else value
