"""Answers that are kept for a day, so that a call that is sent again with its `Idempotency-Key` is not done again.

A call first takes its key (`take`, a transaction of its own), then does its work and keeps its answer (`keep`) in one
transaction: a key without an answer has done nothing, and whoever finds it after its time is up may begin anew.
"""

from __future__ import annotations

import hashlib
import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from sqlalchemy import delete, select, update
from sqlalchemy.orm import Session

from referins_woo.accounts.models import KeptAnswer
from referins_woo.db import insert
from referins_woo.errors import LeaseLost

KEPT: Final = timedelta(hours=24)
WORKS: Final = timedelta(seconds=60)
"""Longer than any call takes: a key that is at work for longer was left by a process that died."""
LONGEST: Final = 255


@dataclass(frozen=True, slots=True)
class Taken:
    """The key is this call's: it does its work."""

    row_id: int
    holder: str


@dataclass(frozen=True, slots=True)
class Kept:
    """The call was done before; this is what it was answered."""

    status: int
    location: str
    body_locked: str


class AtWork(Exception):
    """The same call is being done at this moment."""


class AnotherCall(Exception):
    """The key was used for another call."""


def fingerprint(method: str, address: str, body: bytes) -> str:
    """Return what tells one call from another."""
    return hashlib.sha256(b"\0".join((method.encode(), address.encode(), body))).hexdigest()


def take(session: Session, account_id: int, token_id: int, key: str, call: str, now: datetime) -> Taken | Kept:
    """Take `key` for `call` (a fingerprint), or return the answer that is kept. Raises AtWork or AnotherCall."""
    holder = secrets.token_hex(16)
    fresh = {
        "account_id": account_id,
        "token_id": token_id,
        "key": key,
        "fingerprint": call,
        "holder": holder,
        "status": None,
        "location": "",
        "body_locked": None,
        "created_at": now,
    }
    abandoned = KeptAnswer.status.is_(None) & (KeptAnswer.created_at <= now - WORKS)
    statement = insert(session, KeptAnswer).values(fresh)
    statement = statement.on_conflict_do_update(
        index_elements=["token_id", "key"],
        set_={name: value for name, value in fresh.items() if name not in ("account_id", "token_id", "key")},
        where=(KeptAnswer.created_at <= now - KEPT) | (abandoned & (KeptAnswer.fingerprint == call)),
    ).returning(KeptAnswer.id)
    row_id = session.execute(statement).scalar_one_or_none()
    if row_id is not None:
        return Taken(row_id, holder)
    found = session.scalars(select(KeptAnswer).where(KeptAnswer.token_id == token_id, KeptAnswer.key == key)).one()
    if found.fingerprint != call:
        raise AnotherCall
    if found.status is None:
        raise AtWork
    return Kept(found.status, found.location, found.body_locked or "")


def keep(session: Session, taken: Taken, status: int, location: str, body_locked: str) -> None:
    """Keep the answer, in the transaction of the work; raises LeaseLost where another call has the key by now."""
    kept = session.execute(
        update(KeptAnswer)
        .where(KeptAnswer.id == taken.row_id, KeptAnswer.holder == taken.holder, KeptAnswer.status.is_(None))
        .values(status=status, location=location, body_locked=body_locked)
        .execution_options(synchronize_session=False)
    )
    if kept.rowcount != 1:  # type: ignore[attr-defined]
        raise LeaseLost("another call with this Idempotency-Key took over")


def give_back(session: Session, taken: Taken) -> None:
    """Forget a key whose call did nothing: it may be sent again, corrected."""
    session.execute(
        delete(KeptAnswer).where(
            KeptAnswer.id == taken.row_id, KeptAnswer.holder == taken.holder, KeptAnswer.status.is_(None)
        )
    )


def forget(session: Session, now: datetime) -> int:
    """Delete what is older than a day; returns how many."""
    gone = session.execute(delete(KeptAnswer).where(KeptAnswer.created_at <= now - KEPT))
    return int(gone.rowcount)  # type: ignore[attr-defined]
