"""Leases with fencing: one worker at a time, whatever dies or sleeps.

A lease is a row with a deadline and a number that grows with every holder. Whoever works under one renews it inside
each of its transactions: a worker that slept past its deadline finds the number grown and must write nothing.
"""

from __future__ import annotations

import hashlib
import os
import secrets
from datetime import datetime, timedelta
from functools import lru_cache
from pathlib import Path
from typing import Any, Final, cast

from sqlalchemy import String, Table, bindparam, or_, select, update
from sqlalchemy.orm import Mapped, Session, mapped_column

from referins_woo import clock
from referins_woo.conditions import one_of
from referins_woo.db import Base, Database, insert, insert_of
from referins_woo.errors import LeaseLost

CLOCK: Final = "clock"
"""The lease of the clock that works; `reports.operations` looks whether it is renewed."""
CLOCK_SECONDS: Final = 6.0
_PROOF: Final = "proof-of-writing"


class Lease(Base):
    """Who holds what, until when."""

    __tablename__ = "leases"

    name: Mapped[str] = mapped_column(String(120), primary_key=True)
    holder: Mapped[str] = mapped_column(String(60))
    fence: Mapped[int]
    until: Mapped[datetime]


def new_holder() -> str:
    """Return a name for this attempt at work: where its process lives, the process id, and a random part."""
    return f"{_home()}-{os.getpid()}-{secrets.token_hex(6)}"


@lru_cache(maxsize=1)
def _home() -> str:
    """A short name of the place where our process ids mean something: this boot of this machine, this namespace."""
    try:
        boot = Path("/proc/sys/kernel/random/boot_id").read_text().strip()
        space = Path("/proc/self/ns/pid").stat().st_ino
    except OSError:
        boot, space = secrets.token_hex(16), 0  # no other process is known to be a neighbour
    return hashlib.sha256(f"{boot} {space}".encode()).hexdigest()[:12]


def _is_dead(holder: str) -> bool:
    """Whether `holder` was a process of this place that is gone: nobody need wait for the end of its lease."""
    home, _, rest = holder.partition("-")
    number = rest.partition("-")[0]
    if home != _home() or not number.isdigit():
        return False
    try:
        os.kill(int(number), 0)
    except ProcessLookupError:
        return True
    except PermissionError:
        return False
    return False


def prove_writes(database: Database) -> None:
    """Write one row and commit it: whether a database answers says nothing of one that is full or read-only.

    Raises SQLAlchemyError or OSError where it takes nothing.
    """
    now = clock.now()
    with database.unit() as session:
        statement = insert(session, Lease).values(name=_PROOF, holder="", fence=1, until=now)
        session.execute(statement.on_conflict_do_update(index_elements=["name"], set_={"until": now}))


def acquire(session: Session, name: str, holder: str, seconds: float) -> int | None:
    """Take lease `name` for `seconds`; returns its fencing number, or None while somebody else holds it.

    A lease whose holder was a process of this machine that is dead is taken at once.
    """
    now = clock.now()
    until = now + timedelta(seconds=seconds)
    given = {"name": name, "holder": holder, "until": until, "now": now, "dead": []}
    statement = _acquired(session.get_bind().dialect.name)
    fence: int | None = session.execute(statement, given).scalar_one_or_none()
    if fence is None:
        before = session.execute(_HOLDER, {"name": name}).scalar_one_or_none()
        if before is not None and _is_dead(before):
            fence = session.execute(statement, {**given, "dead": [before]}).scalar_one_or_none()
    return fence


def renew(session: Session, name: str, fence: int, seconds: float) -> None:
    """Hold the lease for `seconds` more, in the caller's transaction; raises LeaseLost when another one took it."""
    until = clock.now() + timedelta(seconds=seconds)
    held = session.execute(_RENEWED, {"b_name": name, "b_fence": fence, "b_until": until})
    if held.rowcount != 1:  # type: ignore[attr-defined]
        raise LeaseLost(f"lease {name} was taken by another worker")


def release(session: Session, name: str, fence: int) -> None:
    """Give the lease back; nothing happens when another one took it already."""
    session.execute(_RENEWED, {"b_name": name, "b_fence": fence, "b_until": clock.now()})


def take_away(session: Session, name: str) -> None:
    """End a lease whoever holds it: what its holder had in hand is refused when it renews."""
    session.execute(
        update(Lease)
        .where(Lease.name == name)
        .values(until=clock.now(), fence=Lease.fence + 1)
        .execution_options(synchronize_session=False)
    )


# Made once: these run for every slice of work.
_T: Final = Lease.__table__.c
_HOLDER: Final = select(_T.holder).where(_T.name == bindparam("name"))
_RENEWED: Final = (
    update(cast(Table, Lease.__table__))
    .where(_T.name == bindparam("b_name"), _T.fence == bindparam("b_fence"))
    .values(until=bindparam("b_until"))
)


@lru_cache(maxsize=2)
def _acquired(dialect: str) -> Any:
    """Return the statement that takes a lease where nobody holds it; its row is the fencing number."""
    given = {name: bindparam(name, type_=_T[name].type) for name in ("name", "holder", "until")}
    statement = insert_of(dialect)(cast(Table, Lease.__table__)).values(**given, fence=1)
    return statement.on_conflict_do_update(
        index_elements=["name"],
        set_={"holder": statement.excluded.holder, "until": statement.excluded.until, "fence": _T.fence + 1},
        where=or_(
            _T.until <= bindparam("now", type_=_T.until.type),
            _T.holder == bindparam("holder"),
            one_of(_T.holder, "dead"),
        ),
    ).returning(_T.fence)
