"""How the whole installation fares, for operators: `/metrics`, `/readyz` and `referins doctor`.

The only reports that look across accounts: they give numbers, never a row's content.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from sqlalchemy import func, or_, select
from sqlalchemy.orm import Session

from referins_woo import lease
from referins_woo.events.models import Event
from referins_woo.ingest.models import Delivery, Import
from referins_woo.lease import Lease
from referins_woo.mail.models import Message
from referins_woo.runs.models import Run
from referins_woo.stores.models import Store, Webhook
from referins_woo.stores.readable import readable_and_placed

STATES: Final[tuple[tuple[str, Any], ...]] = (
    ("deliveries", Delivery.state),
    ("imports", Import.state),
    ("runs", Run.state),
    ("messages", Message.state),
)
"""What is counted by state: the name of the metric, the column."""


@dataclass(frozen=True, slots=True)
class Waiting:
    """Rows of one kind whose time has come and that nobody has worked on yet."""

    work: str
    rows: int
    oldest_seconds: float


def waiting(session: Session, now: datetime) -> list[Waiting]:
    """Return what waits, by kind of work; work for stores that cannot be read just now does not count."""
    store_works = readable_and_placed()
    kinds: tuple[tuple[str, Any, Any], ...] = (
        (
            "deliveries",
            func.coalesce(Delivery.due_at, Delivery.received_at),
            select(Delivery.id)
            .join(Store, Store.id == Delivery.store_id)
            .where(Delivery.state == "received", or_(Delivery.due_at.is_(None), Delivery.due_at <= now), store_works),
        ),
        (
            "imports",
            func.coalesce(Import.retry_at, Import.created_at),
            select(Import.id)
            .join(Store, Store.id == Import.store_id)
            .where(Import.state == "waiting", or_(Import.retry_at.is_(None), Import.retry_at <= now), store_works),
        ),
        (
            "events",
            Event.recorded_at,
            select(Event.id).where(Event.handed_over_at.is_(None), Event.state.in_(("fired", "released"))),
        ),
        (
            "runs",
            Run.due_at,
            select(Run.id).where(Run.state.in_(("active", "waiting", "rereading")), Run.due_at <= now),
        ),
        ("messages", Message.due_at, select(Message.id).where(Message.state == "created", Message.due_at <= now)),
    )
    found = []
    for work, since, rows in kinds:
        count, oldest = session.execute(rows.with_only_columns(func.count(), func.min(since))).one()
        found.append(Waiting(work, count, max(0.0, (now - _aware(oldest, now)).total_seconds())))
    return found


def by_state(session: Session) -> dict[str, dict[str, int]]:
    """Return how many rows there are in each state, by kind."""
    return {name: dict(session.execute(select(column, func.count()).group_by(column)).all()) for name, column in STATES}


def stores_by_cause(session: Session) -> dict[tuple[str, str], int]:
    """Return how many stores there are in each state, by cause."""
    rows = session.execute(select(Store.state, Store.cause, func.count()).group_by(Store.state, Store.cause))
    return {(state, cause): count for state, cause, count in rows}


def webhooks_by_status(session: Session) -> dict[str, int]:
    """Return how many of the webhooks that we made in connected stores have which status there."""
    rows = session.execute(
        select(Webhook.status, func.count())
        .join(Store, Store.id == Webhook.store_id)
        .where(Store.state != "disconnected")
        .group_by(Webhook.status)
    )
    return dict(rows.all())


def clock_silent_for(session: Session, now: datetime) -> timedelta | None:
    """Return for how long no clock has renewed its lease; None: there never was one."""
    until = session.execute(select(Lease.until).where(Lease.name == lease.CLOCK)).scalar_one_or_none()
    if until is None:
        return None
    return max(timedelta(0), now - until + timedelta(seconds=lease.CLOCK_SECONDS))


def _aware(value: datetime | str | None, now: datetime) -> datetime:
    """SQLite gives back the text of a time that was computed; None: nothing waits."""
    if value is None:
        return now
    found = datetime.fromisoformat(value) if isinstance(value, str) else value
    return found if found.tzinfo is not None else found.replace(tzinfo=now.tzinfo)
