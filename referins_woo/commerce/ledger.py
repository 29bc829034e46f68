"""The ledger of stock: adjustments are written, read and corrected here; orders move it by `order_stock` (K2).

What is on hand is the sum of adjustments, nothing else. Callers hold the account's lock (`bulk.lock_account`).
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Final

from sqlalchemy import bindparam, func, select, update
from sqlalchemy.orm import Session

from referins_woo import queues
from referins_woo.commerce import batch_book, stock
from referins_woo.commerce.batch_book import Line
from referins_woo.commerce.models import Location, Order, OrderLine, StockAdjustment, StockEntry, StockItem
from referins_woo.commerce.stock import Figures
from referins_woo.commerce.upsert.bulk import among, table_of
from referins_woo.errors import InvalidInput

BY_HAND: Final = "by_hand"
OPENING: Final = "opening"
OF_ORDER: Final = "order"
CORRECTION: Final = "correction"
CORRECTABLE: Final = (BY_HAND, OPENING)
LARGEST: Final = 10**9 * stock.SCALE
LONGEST_REASON: Final = 500
_I: Final = table_of(StockItem).c
_ANY_COUNTED: Final = select(_I.id).where(_I.account_id == bindparam("account_id")).limit(1)


@dataclass(frozen=True, slots=True)
class Goods:
    """Goods as an adjustment names them."""

    key: str
    sku: str
    name: str


def items(session: Session, location_id: int, keys: Iterable[str]) -> dict[str, StockItem]:
    """Return what is counted at a location of these goods, by key."""
    wanted = among(session, StockItem.stock_key, sorted(set(keys)))
    found = session.scalars(select(StockItem).where(StockItem.location_id == location_id, wanted))
    return {one.stock_key: one for one in found}


def figures(session: Session, wanted: Sequence[StockItem]) -> dict[int, Figures]:
    """Return what is on hand and committed of each item, by its id."""
    ids = [one.id for one in wanted]
    on_hand = dict(
        session.execute(
            select(StockEntry.item_id, func.sum(StockEntry.quantity))
            .where(among(session, StockEntry.item_id, ids))
            .group_by(StockEntry.item_id)
        ).all()
    )
    held = held_at(session, wanted[0].account_id, {one.stock_key for one in wanted}) if wanted else {}
    return {
        one.id: Figures(int(on_hand.get(one.id, 0)), held.get((one.location_id, one.stock_key), 0)) for one in wanted
    }


def held_at(
    session: Session, account_id: int, keys: Collection[str], store_id: int | None = None
) -> dict[tuple[int | None, str], int]:
    """Return what rows of orders hold of these goods, by location and key; `store_id`: of that store's orders alone."""
    held = func.sum(OrderLine.reduced_stock - OrderLine.stock_taken)
    rows = session.execute(
        select(Order.location_id, OrderLine.stock_key, held)
        .join(Order, Order.id == OrderLine.order_id)
        .where(
            OrderLine.account_id == account_id,
            among(session, OrderLine.stock_key, sorted(keys)),
            OrderLine.reduced_stock > OrderLine.stock_taken,
            *(() if store_id is None else (Order.store_id == store_id,)),
        )
        .group_by(Order.location_id, OrderLine.stock_key)
    )
    return {(location_id, key): int(quantity) for location_id, key, quantity in rows}


def adjust(
    session: Session,
    location: Location,
    changes: Mapping[Goods, int],
    *,
    kind: str,
    reason: str,
    by: str,
    now: datetime,
    opened_at: datetime | None = None,
    opened_store_id: int | None = None,
) -> StockAdjustment:
    """Write one adjustment; goods that were not counted there yet are from now on. Raises InvalidInput.

    What is taken of batch-tracked goods goes first in, first out; what comes to them is there without a batch.
    """
    lines = [(goods, Line(quantity)) for goods, quantity in changes.items()]
    return enter_lines(
        session,
        location,
        lines,
        kind=kind,
        reason=reason,
        by=by,
        now=now,
        today=now.date(),
        opened_at=opened_at,
        opened_store_id=opened_store_id,
    )


def enter_lines(
    session: Session,
    location: Location,
    lines: Sequence[tuple[Goods, Line]],
    *,
    kind: str,
    reason: str,
    by: str,
    now: datetime,
    today: date,
    opened_at: datetime | None = None,
    opened_store_id: int | None = None,
    named: bool = False,
) -> StockAdjustment:
    """Write one adjustment of lines that may name batches (O9). Raises InvalidInput.

    `today`: on which a new batch came in, unless its line says so. `named`: what comes to batch-tracked goods must name
    a batch.
    """
    if not lines:
        raise InvalidInput("lines", "Give at least one line: a SKU and by how much its stock changes.")
    if any(abs(line.quantity) > LARGEST for _, line in lines):
        raise InvalidInput("lines", "A quantity is at most 1,000,000,000.")
    with session.begin_nested():  # pages answer an error in the same transaction: none of it may stay
        wanted = [goods for goods, _ in lines]
        known = _known_or_made(session, location, wanted, opened_at or now, opened_store_id, now)
        changes = batch_book.split(session, [(known[goods.key], line) for goods, line in lines], today, named=named)
        made = begin(session, location.account_id, location.id, kind, reason, by, now, None)
        for item_id, split in changes.items():
            for batch_id, quantity in split.items():
                enter(session, made, item_id, quantity, batch_id)
    touch(session, location.id, known)
    return made


def _known_or_made(
    session: Session,
    location: Location,
    wanted: Sequence[Goods],
    opened_at: datetime,
    opened_store_id: int | None,
    now: datetime,
) -> dict[str, StockItem]:
    known = items(session, location.id, (goods.key for goods in wanted))
    fresh = {goods.key: goods for goods in wanted if goods.key not in known}
    tracked = batch_book.tracked_since(session, location.account_id, fresh) if fresh else {}
    for goods in fresh.values():
        known[goods.key] = StockItem(
            account_id=location.account_id,
            location_id=location.id,
            stock_key=goods.key,
            sku=goods.sku,
            name=goods.name,
            opened_at=opened_at.replace(microsecond=0),  # orders are dated in whole seconds
            opened_store_id=opened_store_id,
            created_at=now,
            batched_at=tracked.get(goods.key),
        )
        session.add(known[goods.key])
    session.flush()
    return known


def corrected(session: Session, adjustment_ids: Collection[int]) -> dict[tuple[int, int, int | None], int]:
    """Return by how much later corrections change lines: (adjustment, item, batch) → quantity."""
    rows = session.execute(
        select(StockAdjustment.corrects_id, StockEntry.item_id, StockEntry.batch_id, func.sum(StockEntry.quantity))
        .join(StockEntry, StockEntry.adjustment_id == StockAdjustment.id)
        .where(among(session, StockAdjustment.corrects_id, sorted(adjustment_ids)))
        .group_by(StockAdjustment.corrects_id, StockEntry.item_id, StockEntry.batch_id)
    )
    return {(of or 0, item_id, batch_id): int(quantity) for of, item_id, batch_id, quantity in rows}


def correct(
    session: Session, adjustment: StockAdjustment, quantities: Mapping[int, int], by: str, now: datetime
) -> StockAdjustment | None:
    """Give lines of an adjustment (by their ids) the quantities that they ought to have had, by another adjustment.

    What was entered stays as it was: the difference is entered as its correction, which is returned; None where nothing
    differs. Raises InvalidInput for an adjustment that people did not make, or a quantity that cannot be.
    """
    if adjustment.kind not in CORRECTABLE:
        whose = "a correction" if adjustment.kind == CORRECTION else "what an order has moved"
        raise InvalidInput("lines", f"This is {whose}: it is not corrected. Enter an adjustment of your own.")
    if any(abs(quantity) > LARGEST for quantity in quantities.values()):
        raise InvalidInput("lines", "A quantity is at most 1,000,000,000.")
    mine = session.scalars(select(StockEntry).where(StockEntry.adjustment_id == adjustment.id)).all()
    unknown = set(quantities) - {entry.id for entry in mine}
    if unknown:
        raise InvalidInput("lines", f"Adjustment {adjustment.number} has no line {min(unknown)}.")
    before = corrected(session, [adjustment.id])
    changes = []
    for entry in mine:
        now_has = entry.quantity + before.get((adjustment.id, entry.item_id, entry.batch_id), 0)
        if (difference := quantities.get(entry.id, now_has) - now_has) != 0:
            changes.append((entry, difference))
    if not changes:
        return None
    with session.begin_nested():  # as in `enter_lines`
        reason = f"Correction of adjustment {adjustment.number}"
        made = begin(session, adjustment.account_id, adjustment.location_id, CORRECTION, reason, by, now, None)
        made.corrects_id = adjustment.id
        for entry, difference in changes:
            enter(session, made, entry.item_id, difference, entry.batch_id)
        session.flush()
        batch_book.must_not_fall_below_zero(session, {one.batch_id for one, _ in changes if one.batch_id is not None})
    ids = [entry.item_id for entry, _ in changes]
    keys = session.scalars(select(StockItem.stock_key).where(among(session, StockItem.id, ids))).all()
    touch(session, adjustment.location_id, keys)
    return made


def touch(session: Session, location_id: int, keys: Collection[str]) -> None:
    """Note that what is on hand or committed of goods at a location has changed: stores are told of it."""
    if not keys:
        return
    touched: Any = session.execute(
        update(StockItem)
        .where(StockItem.location_id == location_id, among(session, StockItem.stock_key, sorted(set(keys))))
        .values(revision=StockItem.revision + 1)
        .execution_options(synchronize_session=False)
    )
    if touched.rowcount:
        queues.ring_after_commit(session, "tell_stock", location_id)


def is_open(session: Session, account_id: int) -> bool:
    """Whether anything is counted in the account: before that, orders move nothing."""
    return session.execute(_ANY_COUNTED, {"account_id": account_id}).first() is not None


def begin(
    session: Session,
    account_id: int,
    location_id: int,
    kind: str,
    reason: str,
    by: str,
    now: datetime,
    order_id: int | None,
) -> StockAdjustment:
    """Begin an adjustment; its lines are entered next."""
    number = session.scalar(select(func.max(StockAdjustment.number)).where(StockAdjustment.account_id == account_id))
    made = StockAdjustment(
        account_id=account_id,
        number=(number or 0) + 1,
        location_id=location_id,
        kind=kind,
        order_id=order_id,
        reason=" ".join(reason.split())[:LONGEST_REASON],
        by=by[:320],
        created_at=now,
    )
    session.add(made)
    session.flush()
    return made


def enter(
    session: Session, adjustment: StockAdjustment, item_id: int, quantity: int, batch_id: int | None = None
) -> None:
    """Enter a line."""
    session.add(
        StockEntry(
            account_id=adjustment.account_id,
            adjustment_id=adjustment.id,
            item_id=item_id,
            batch_id=batch_id,
            quantity=quantity,
        )
    )
