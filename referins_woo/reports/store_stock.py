"""A store's quantities for its tab Stock and the API: the dry run, what waits for somebody, what was told (K0–K4)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from referins_woo import clock
from referins_woo.commerce import ledger, stock_opening, store_shelf
from referins_woo.commerce.models import Product, StockItem, StoreStock, Variant
from referins_woo.commerce.stock_opening import Managed
from referins_woo.commerce.store_shelf import Line
from referins_woo.stores.models import Store
from referins_woo.writeback import stock_desk, stock_due
from referins_woo.writeback.models import StoreWrite
from referins_woo.writeback.outbox import STOCK_SET

MOST_ROWS: Final = 100
"""Of goods that wait for somebody: what is decided for all holds for the others, too."""
MOST_TOLD: Final = 50
MOST_LEFT_OUT: Final = 50


@dataclass(frozen=True, slots=True)
class DryRun:
    """What a store would be told: by SKU those that would change, and how many would not."""

    changes: list[Line]
    unchanged: int

    @property
    def to_zero(self) -> int:
        """How many would be sold out by it."""
        return sum(line.target <= 0 < line.row.expected for line in self.changes)


@dataclass(frozen=True, slots=True)
class LeftOut:
    """Goods of a store that it is told nothing of."""

    uncounted: list[Managed]
    """WooCommerce manages their stock, and nothing is counted at the location; the first of them."""
    uncounted_total: int
    unmanaged: int
    """WooCommerce does not manage their stock."""


@dataclass(frozen=True, slots=True)
class Waits:
    """How many goods a store is not told of for now, and why."""

    goods: int
    because: str


@dataclass(frozen=True, slots=True)
class Told:
    """All that the tab shows of a store's quantities."""

    counts: dict[str, int]
    is_comparing: bool
    compared: int
    """While it compares: how many were."""
    on_since: datetime | None
    waits: Waits | None
    """What cannot be told just now, and why; None: nothing of the kind."""
    dry_run: DryRun | None
    changed: list[tuple[StoreStock, Line | None]]
    failed: list[tuple[StoreStock, StockItem | None]]
    writes: Sequence[StoreWrite]
    left_out: LeftOut | None
    """None before the store was compared."""

    @property
    def goods(self) -> int:
        """How many the store is told of."""
        return sum(self.counts.values())


def told(session: Session, store: Store) -> Told:
    """Return what the tab of a store shows."""
    is_comparing = stock_due.is_comparing(store)
    changed = rows(session, store, "changed")
    failed = rows(session, store, "failed")
    lines = {line.row.id: line for line in lines_of(session, store, changed)}
    items = ledger.items(session, store.location_id or 0, {row.stock_key for row in failed})
    return Told(
        counts=stock_desk.counts(session, store.id),
        is_comparing=is_comparing,
        compared=compared(session, store) if is_comparing else 0,
        on_since=store.push_stock_since,
        waits=waits(session, store, clock.now()) if store.push_stock else None,
        dry_run=None if store.push_stock else dry_run(session, store),
        changed=[(row, lines.get(row.id)) for row in changed],
        failed=[(row, items.get(row.stock_key)) for row in failed],
        writes=_writes(session, store),
        left_out=_left_out(session, store) if store.stock_checked_at is not None else None,
    )


def waits(session: Session, store: Store, now: datetime) -> Waits | None:
    """Return what waits because the store cannot be told anything now; None where it can, or nothing waits."""
    if store.state == "needs_reconnect":
        because = "the store must be reconnected first"
    elif store.location_id is None:
        because = "the store needs a location first"
    elif store.failing_since is not None:
        because = "the store does not answer just now; it is tried again by itself"
    elif store.retry_after is not None and store.retry_after > now:
        because = "the store asked for a pause; it goes on by itself"
    else:
        return None
    goods = stock_due.waiting(session, store, now)
    return Waits(goods, because) if goods else None


def compared(session: Session, store: Store) -> int:
    """Return how many goods were looked at since the store was last asked to be compared."""
    since = (StoreStock.store_id == store.id, StoreStock.looked_at >= store.stock_asked_at)
    return session.scalar(select(func.count()).select_from(StoreStock).where(*since)) or 0


def dry_run(session: Session, store: Store) -> DryRun | None:
    """Return what the store would be told now; None where it was not compared, or is being.

    What waits for somebody, or cannot be told, is neither changed nor unchanged.
    """
    if store.stock_checked_at is None or stock_due.is_comparing(store):
        return None
    mine = (StoreStock.store_id == store.id, StoreStock.state == "in_step", StoreStock.agreed_at.is_not(None))
    found = session.scalars(select(StoreStock).where(*mine).order_by(StoreStock.label, StoreStock.id)).all()
    lines = lines_of(session, store, found)
    changes = [line for line in lines if line.target != line.row.expected]
    return DryRun(changes, len(lines) - len(changes))


def lines_of(session: Session, store: Store, found: Sequence[StoreStock]) -> list[Line]:
    """Return goods with the arithmetic of what the store is to show; none where it is not told of anything."""
    by = stock_due.terms_of(session, store.id)
    return [] if by is None else store_shelf.lines(session, by.terms, found)


def rows(session: Session, store: Store, state: str) -> Sequence[StoreStock]:
    """Return the first goods of a store in a state, by SKU."""
    mine = (StoreStock.store_id == store.id, StoreStock.state == state)
    return session.scalars(
        select(StoreStock).where(*mine).order_by(StoreStock.label, StoreStock.id).limit(MOST_ROWS)
    ).all()


def arithmetic_words(numbers: Mapping[str, Any]) -> str:
    """Return what a quantity was made of (`Line.arithmetic`), in words: "on hand 45 − committed 3 − buffer 0"."""
    parts = ((words, numbers.get(key)) for key, words in _PARTS)
    return " − ".join(f"{words} {plain(value)}" for words, value in parts if value is not None)


_PARTS: Final = (("on_hand", "on hand"), ("committed", "committed"), ("buffer", "buffer"))


def plain(value: float) -> str:
    """Return a number of pieces without needless decimals."""
    text = f"{value:,.4f}"
    return text.rstrip("0").rstrip(".")


def _writes(session: Session, store: Store) -> Sequence[StoreWrite]:
    mine = (StoreWrite.store_id == store.id, StoreWrite.kind == STOCK_SET)
    return session.scalars(select(StoreWrite).where(*mine).order_by(StoreWrite.id.desc()).limit(MOST_TOLD)).all()


def _left_out(session: Session, store: Store) -> LeftOut:
    sold = stock_opening.managed(session, store.id)
    counted = ledger.items(session, store.location_id or 0, {one.key for one in sold})
    uncounted = sorted((one for one in sold if one.key not in counted), key=lambda one: (one.sku, one.name))
    products = (
        *(Product.store_id == store.id, Product.gone_at.is_(None)),
        *(Product.type != "variable", Product.manage_stock.is_(False)),
    )
    variants = (Variant.store_id == store.id, Variant.gone_at.is_(None), Variant.manage_stock == "no")
    unmanaged = session.scalar(select(func.count()).select_from(Product).where(*products)) or 0
    unmanaged += session.scalar(select(func.count()).select_from(Variant).where(*variants)) or 0
    return LeftOut(uncounted[:MOST_LEFT_OUT], len(uncounted), unmanaged)
