"""Whether a connection is true: the store's counts beside ours, its answers, its webhooks, what waits (S8)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from referins_woo.ingest import counts, watermarks
from referins_woo.ingest.counts import Counts
from referins_woo.ingest.jobs import SWEEP_EVERY, SWEEP_ONLY_EVERY
from referins_woo.ingest.models import Delivery, Watermark
from referins_woo.stores.models import Store, StoreLog, Webhook

_SWITCHES: Final = {
    "contacts": "sync_contacts",
    "orders": "sync_orders",
    "transactions": "sync_transactions",
    "products": "sync_products",
    "collections": "sync_collections",
}


_OURS: Final[dict[str, Callable[[Session, int], Counts]]] = {
    "contacts": counts.of_contacts,
    "orders": lambda session, store_id: counts.of_orders(session, store_id, counts.Scope()),
    "transactions": lambda session, store_id: counts.of_transactions(session, store_id)[0],
    "products": counts.of_products,
    "collections": counts.of_collections,
}


@dataclass(frozen=True, slots=True)
class Line:
    """One element of the ledger. The four counts were taken together, at `counted_at`."""

    element: str
    is_synced: bool
    woo_count: int | None
    """None: not comparable, because not all of it was imported, or nothing is synced."""
    here: int
    skipped: int
    failed: int
    counted_at: datetime | None
    checked_at: datetime | None
    watermark: datetime | None
    gap_count: int
    gap_since: datetime | None
    gap_until: datetime | None
    gap_repaired_at: datetime | None

    @property
    def off(self) -> int | None:
        """How many more the store counts than are accounted for here; None where that cannot be said."""
        return None if self.woo_count is None else self.woo_count - self.here - self.skipped - self.failed

    @property
    def expected(self) -> int | None:
        """How many are to be here: what the store counts, but for what was set aside."""
        return None if self.woo_count is None else self.woo_count - self.skipped - self.failed


@dataclass(frozen=True, slots=True)
class CatchingUp:
    """A repair under way: what changed since the connection was lost, and how much of it was looked at."""

    since: datetime
    listed: int
    taken: int


@dataclass(frozen=True, slots=True)
class Health:
    """How one store's connection fares."""

    lines: list[Line]
    webhooks: list[Webhook]
    last_delivery_at: datetime | None
    waiting: int
    oldest_waiting_at: datetime | None
    failed: int
    last_sweep_at: datetime | None
    next_sweep_at: datetime | None
    catching_up: CatchingUp | None


def health(session: Session, store: Store, now: datetime) -> Health:
    """Return how the connection of `store` fares."""
    rows = watermarks.read(session, store.id)
    whole = rows.get(watermarks.WHOLE)
    waiting, oldest = session.execute(
        select(func.count(), func.min(Delivery.received_at)).where(
            Delivery.store_id == store.id, Delivery.state == "received"
        )
    ).one()
    return Health(
        lines=[_line(session, store, element, rows.get(element)) for element in watermarks.ELEMENTS],
        webhooks=list(session.scalars(select(Webhook).where(Webhook.store_id == store.id).order_by(Webhook.topic))),
        last_delivery_at=session.scalar(
            select(Delivery.received_at).where(Delivery.store_id == store.id).order_by(Delivery.id.desc()).limit(1)
        ),
        waiting=waiting,
        oldest_waiting_at=oldest,
        failed=session.scalar(select(func.count()).where(Delivery.store_id == store.id, Delivery.state == "failed"))
        or 0,
        last_sweep_at=whole.checked_at if whole is not None else None,
        next_sweep_at=_next_sweep(store, whole, now),
        catching_up=_catching_up(store, whole),
    )


def _line(session: Session, store: Store, element: str, row: Watermark | None) -> Line:
    synced: bool = getattr(store, _SWITCHES[element])
    if row is None or row.counted_at is None:
        ours = _OURS[element](session, store.id)
        checked, mark = (row.checked_at, row.watermark) if row is not None else (None, None)
        return Line(
            element, synced, None, ours.here, ours.skipped, ours.failed, None, checked, mark, 0, None, None, None
        )
    return Line(
        element,
        synced,
        row.woo_count,
        row.here_count,
        row.skipped_count,
        row.failed_count,
        row.counted_at,
        row.checked_at or row.counted_at,
        row.watermark,
        row.gap_count,
        row.gap_since,
        row.gap_until,
        row.gap_repaired_at,
    )


def _next_sweep(store: Store, whole: Watermark | None, now: datetime) -> datetime | None:
    if store.state not in ("connected", "needs_reconnect") or (
        store.state == "needs_reconnect" and store.cause != "read_only_key"
    ):
        return None
    pause: timedelta = SWEEP_ONLY_EVERY if store.sweep_only else SWEEP_EVERY
    due = whole.checked_at + pause if whole is not None and whole.checked_at is not None else now
    return max(due, store.retry_after or due, now)


def _catching_up(store: Store, whole: Watermark | None) -> CatchingUp | None:
    if store.catching_up_since is None:
        return None
    cursor = whole.cursor if whole is not None and "began" in whole.cursor else {}
    return CatchingUp(store.catching_up_since, int(cursor.get("listed", 0)), int(cursor.get("taken", 0)))


LOG_KINDS: Final = (
    ("connected", "Connected"),
    ("connection_lost", "Lost"),
    ("reconnected", "Reconnected"),
    ("unreachable", "Unreachable"),
    ("answers_again", "Answers again"),
    ("webhooks_healed", "Webhooks"),
    ("picked_up", "Picked up"),
    ("caught_up", "Caught up"),
    ("reconciled", "Compared"),
    ("customers", "Customers"),
    ("other_site", "Other site"),
    ("disconnected", "Disconnected"),
)
"""(kind, words) of the entries that the log may be filtered by."""


@dataclass(frozen=True, slots=True)
class LogEntry:
    """One entry of a store's log; `since` and `until` bound the changes that it speaks of."""

    entry: StoreLog
    since: datetime | None
    until: datetime | None


def log(session: Session, store_id: int, kind: str, page: int, size: int) -> tuple[list[LogEntry], int]:
    """Return one page of a store's log, newest first, and how many entries there are."""
    found = [StoreLog.store_id == store_id]
    if kind:
        found.append(StoreLog.kind == kind)
    total = session.scalar(select(func.count()).select_from(StoreLog).where(*found)) or 0
    rows = session.scalars(
        select(StoreLog).where(*found).order_by(StoreLog.id.desc()).limit(size).offset((page - 1) * size)
    )
    return [_entry(row) for row in rows], total


def _entry(row: StoreLog) -> LogEntry:
    since, until = (watermarks.from_iso((row.detail or {}).get(name)) for name in ("since", "until"))
    return LogEntry(row, since, until)
