"""Batches in the ledger of stock: what each holds, what lines and orders take of them, and the switch (O9).

What a batch holds is the sum of the entries that name it. Callers hold the account's lock (`bulk.lock_account`).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime

from sqlalchemy import ColumnElement, case, func, or_, select, update
from sqlalchemy.orm import Session

from referins_woo.commerce import batches, money
from referins_woo.commerce.batches import Named, Split
from referins_woo.commerce.models import StockAdjustment, StockBatch, StockEntry, StockItem
from referins_woo.commerce.stock import SCALE
from referins_woo.commerce.upsert.bulk import among
from referins_woo.errors import InvalidInput


@dataclass(frozen=True, slots=True)
class Line:
    """By how much a line of an adjustment changes its goods; `field` and `where` say which line it is."""

    quantity: int
    batch: Named | None = None
    field: str = "lines"
    where: str = ""
    already_here: bool = False
    """It is on hand already, without a batch: the batch gets it, and nothing on hand changes."""

    def refuse(self, words: str) -> InvalidInput:
        """Return why the line cannot be."""
        return InvalidInput(self.field, f"{self.where}{words}")


@dataclass(slots=True)
class Held:
    """A batch, and what it holds."""

    batch: StockBatch
    quantity: int


@dataclass(slots=True)
class Taken:
    """What an order has taken of some goods since they are batch-tracked, less what came back."""

    unassigned: int = 0
    of: list[tuple[int, int]] = field(default_factory=list)
    """(batch, quantity) in the order in which they gave it."""


class Shelf:
    """The batches of some goods while one adjustment or several take of them."""

    def __init__(self, session: Session, items: Iterable[StockItem]) -> None:
        """Read what the batches hold."""
        self.session = session
        self.held = holding(session, {item.id for item in items})

    @property
    def is_bare(self) -> bool:
        """Whether there are no batches at all."""
        return not self.held

    def take(self, item: StockItem, quantity: int) -> Split:
        """Take of the batches of tracked goods, first in first out; returns what changes, below zero."""
        here = self.held.get(item.id, {}) if item.is_batched else {}
        split = batches.take(quantity, [(batch_id, one.quantity) for batch_id, one in here.items()])
        return self._moved(item, {batch_id: -part for batch_id, part in split.items()})

    def put_back(self, item: StockItem, quantity: int, taken: Taken) -> Split:
        """Let what an order took come back to where it came from; returns what changes."""
        return self._moved(item, batches.put_back(quantity, taken.unassigned, taken.of))

    def change(self, item: StockItem, line: Line, today: date) -> int:
        """Change a batch by its name, made here where there is none of it; returns its id. Raises InvalidInput."""
        assert line.batch is not None
        here = self.held.setdefault(item.id, {})
        held = next((one for one in here.values() if one.batch.number == line.batch.number), None)
        if held is None:
            if line.quantity < 0:
                raise line.refuse(f"There is no batch {line.batch.number} of {label(item)} at this location.")
            made = StockBatch(
                account_id=item.account_id,
                item_id=item.id,
                number=line.batch.number,
                received_on=line.batch.received_on or today,
                expires_on=line.batch.expires_on,
            )
            self.session.add(made)
            held = Held(made, 0)
        else:
            held.batch.received_on = line.batch.received_on or held.batch.received_on
            held.batch.expires_on = line.batch.expires_on or held.batch.expires_on
        if held.batch.expires_on is not None and held.batch.expires_on < held.batch.received_on:
            raise line.refuse(f"Batch {held.batch.number} would expire before it was received.")
        self.session.flush()
        here[held.batch.id] = held
        self.held[item.id] = _first_in(here)
        held.quantity += line.quantity
        return held.batch.id

    def _moved(self, item: StockItem, split: Split) -> Split:
        for batch_id, part in split.items():
            if batch_id is not None:
                self.held[item.id][batch_id].quantity += part
        return split


def label(item: StockItem) -> str:
    """Return by what people know goods."""
    return item.sku or item.name or "these goods"


def _first_in(held: dict[int, Held]) -> dict[int, Held]:
    return dict(sorted(held.items(), key=lambda one: (one[1].batch.received_on, one[0])))


def holding(session: Session, item_ids: Collection[int]) -> dict[int, dict[int, Held]]:
    """Return item → batch → what it holds, first in first."""
    if not item_ids:
        return {}
    rows = session.execute(
        select(StockBatch, func.coalesce(func.sum(StockEntry.quantity), 0))
        .outerjoin(StockEntry, StockEntry.batch_id == StockBatch.id)
        .where(among(session, StockBatch.item_id, sorted(item_ids)))
        .group_by(StockBatch.id)
    )
    found: dict[int, dict[int, Held]] = defaultdict(dict)
    for batch, quantity in rows:
        found[batch.item_id][batch.id] = Held(batch, int(quantity))
    return {item_id: _first_in(held) for item_id, held in found.items()}


def split(session: Session, lines: Sequence[tuple[StockItem, Line]], today: date, *, named: bool) -> dict[int, Split]:
    """Return item → how the lines of an adjustment change its batches. Raises InvalidInput.

    Lines that name a batch come first; what is taken without naming one goes first in, first out over what is left.
    `named`: what comes to tracked goods must name one; otherwise it is there without a batch.
    """
    shelf = Shelf(session, (item for item, _ in lines))
    changes: dict[int, Split] = defaultdict(lambda: defaultdict(int))
    for item, line in lines:
        if line.batch is not None:
            if not item.is_batched:
                words = f"{label(item)} is not batch-tracked: turn “Track batches” on first, or name no batch."
                raise line.refuse(words)
            changes[item.id][shelf.change(item, line, today)] += line.quantity
            if line.already_here:
                _must_be_here(session, item, line)
                changes[item.id][None] -= line.quantity
    for item, line in lines:
        if line.batch is not None:
            held = next(one for one in shelf.held[item.id].values() if one.batch.number == line.batch.number)
            if line.quantity < 0 and held.quantity < 0:
                has = held.quantity - line.quantity
                raise line.refuse(f"Batch {held.batch.number} of {label(item)} holds only {_plain(has)}.")
        elif line.quantity > 0 and item.is_batched and named:
            raise line.refuse(f"{label(item)} is batch-tracked: name the batch that comes in.")
        elif line.quantity < 0 and item.is_batched:
            for batch_id, part in shelf.take(item, -line.quantity).items():
                changes[item.id][batch_id] += part
        else:
            changes[item.id][None] += line.quantity
    return changes


def _must_be_here(session: Session, item: StockItem, line: Line) -> None:
    loose = select(func.sum(StockEntry.quantity)).where(StockEntry.item_id == item.id, StockEntry.batch_id.is_(None))
    here = max(int(session.scalar(loose) or 0), 0)
    if not 0 < line.quantity <= here:
        raise line.refuse(f"Of {label(item)} {_plain(here)} are here without a batch: give at most that, above zero.")


def must_not_fall_below_zero(session: Session, batch_ids: Collection[int]) -> None:
    """Refuse what would leave a batch with less than nothing. Raises InvalidInput."""
    rows = session.execute(
        select(StockBatch.number, func.sum(StockEntry.quantity))
        .join(StockEntry, StockEntry.batch_id == StockBatch.id)
        .where(among(session, StockBatch.id, sorted(batch_ids)))
        .group_by(StockBatch.id, StockBatch.number)
        .having(func.sum(StockEntry.quantity) < 0)
        .order_by(StockBatch.id)
    )
    for number, quantity in rows:
        raise InvalidInput(
            "lines",
            f"Batch {number} would hold {_plain(int(quantity))}: more than that was taken of it since.",
        )


def counts() -> ColumnElement[bool]:
    """Return the condition of entries that count: those of a batch, and those since the goods are tracked.

    What orders took before that was no batch's, and waits for none.
    """
    return or_(StockEntry.batch_id.is_not(None), StockAdjustment.created_at >= StockItem.batched_at)


def of_orders(
    session: Session, order_ids: Collection[int], item_ids: Collection[int] | None = None
) -> dict[tuple[int, int], Taken]:
    """Return (order, item) → what the order has taken."""
    rows = session.execute(
        select(
            StockAdjustment.order_id,
            StockEntry.item_id,
            StockEntry.batch_id,
            func.sum(StockEntry.quantity),
            func.max(case((StockEntry.quantity < 0, StockEntry.id), else_=0)).label("gave"),
        )
        .join(StockAdjustment, StockAdjustment.id == StockEntry.adjustment_id)
        .join(StockItem, StockItem.id == StockEntry.item_id)
        .where(
            among(session, StockAdjustment.order_id, sorted(order_ids)),
            *(() if item_ids is None else (among(session, StockEntry.item_id, sorted(item_ids)),)),
            counts(),
        )
        .group_by(StockAdjustment.order_id, StockEntry.item_id, StockEntry.batch_id)
        .order_by("gave")
    )
    found: dict[tuple[int, int], Taken] = defaultdict(Taken)
    for order_id, item_id, batch_id, quantity, _ in rows:
        out = -int(quantity)
        if out > 0 and batch_id is None:
            found[order_id, item_id].unassigned = out
        elif out > 0:
            found[order_id, item_id].of.append((batch_id, out))
    return found


def track(session: Session, item: StockItem, now: datetime | None) -> bool:
    """Track the batches of goods from now on, at all locations of the account; None: no longer. Returns whether that
    changes anything. What is on hand stays: it is there without a batch."""
    if item.is_batched == (now is not None):
        return False
    session.execute(
        update(StockItem)
        .where(StockItem.account_id == item.account_id, StockItem.stock_key == item.stock_key)
        .values(batched_at=now)
        .execution_options(synchronize_session=False)
    )
    session.refresh(item)
    return True


def tracked_since(session: Session, account_id: int, keys: Iterable[str]) -> dict[str, datetime]:
    """Return since when goods are tracked at other locations, by key."""
    rows = session.execute(
        select(StockItem.stock_key, StockItem.batched_at).where(
            StockItem.account_id == account_id,
            among(session, StockItem.stock_key, sorted(keys)),
            StockItem.batched_at.is_not(None),
        )
    )
    return {row.stock_key: row.batched_at for row in rows if row.batched_at is not None}


def _plain(quantity: int) -> str:
    return money.to_text(quantity, SCALE, at_least=0)
