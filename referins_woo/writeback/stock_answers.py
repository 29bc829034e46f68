"""What a look at a store, and its answers, say of quantities that it is told (K4, 56–60)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime
from itertools import groupby
from typing import Final

from sqlalchemy import update
from sqlalchemy.orm import Session

from referins_woo.commerce import stock, store_books
from referins_woo.commerce.models import StoreStock
from referins_woo.stores.door.shelf import MOST, Shown
from referins_woo.writeback.models import StoreWrite
from referins_woo.writeback.outbox import STOCK_SET

GONE: Final = "It is no longer in WooCommerce."
NOT_MANAGED: Final = "WooCommerce does not manage the stock of it: tick “Manage stock” there, or leave it out."
NO_ANSWER: Final = "No answer came; a look at the store settles it."
NO_KEY: Final = "WooCommerce does not take our key: once the store is reconnected, a look settles it."
NOT_ARRIVED: Final = "It did not arrive."


def accept(session: Session, row: StoreStock, quantity: int, *, asked: bool) -> bool:
    """Whether our books go on from what the store shows.

    Before the store is told anything (`asked` false), and at the first look at goods, it is simply taken for true.
    """
    if not asked or row.agreed_at is None or quantity == row.expected:
        return True
    if row.sent is not None and quantity == row.sent:
        return True
    return stock.explained(quantity - row.expected, store_books.sold_while_sending(session, row))


def outcome(row: StoreStock, pieces: int, answer: Shown | str | None, at: datetime) -> tuple[str, str]:
    """Take in one answer; returns the state and the words of the write.

    Orders that came in meanwhile have lowered what was sent, too: they stay lowered.
    """
    if isinstance(answer, str):
        row.sent = None
        return "failed", answer if answer.endswith(".") else f"{answer}."
    if answer is None or answer.quantity is None:
        row.sent = None
        return "failed", NOT_MANAGED if answer is not None else "WooCommerce's answer left it out."
    sold = pieces * stock.SCALE - (row.sent if row.sent is not None else pieces * stock.SCALE)
    row.expected, row.sent, row.sent_until = answer.quantity * stock.SCALE - sold, None, at
    if not answer.is_managed:
        return "failed", NOT_MANAGED
    if answer.quantity != pieces:
        return "failed", f"WooCommerce answered, but shows {answer.quantity}."
    return "done", ""


def settle(session: Session, row: StoreStock, quantity: int, now: datetime) -> None:
    """End the write whose answer was lost, by what the store shows."""
    if row.state != "unknown":
        return
    arrived = row.sent is not None and quantity == row.sent
    session.execute(
        update(StoreWrite)
        .where(
            StoreWrite.store_id == row.store_id,
            StoreWrite.kind == STOCK_SET,
            StoreWrite.subject == woo_id(row),
            StoreWrite.state == "unknown",
        )
        .values(state="done" if arrived else "failed", error="" if arrived else NOT_ARRIVED, done_at=now)
        .execution_options(synchronize_session=False)
    )


def woo_id(row: StoreStock) -> int:
    """Return the store's own number of the goods."""
    return row.woo_variation_id or row.woo_product_id


def batches(due: Sequence[tuple[int, int, int]]) -> Iterator[tuple[int, dict[int, int]]]:
    """Yield (product, Woo id → row) of at most a hundred: products together, variations by their product.

    `due`: (row, product, variation) each.
    """
    ordered = sorted(due, key=lambda one: (one[1] if one[2] else 0, one[2] or one[1]))
    for product, group in groupby(ordered, key=lambda one: one[1] if one[2] else 0):
        listed = [(variation or of, row) for row, of, variation in group]
        for start in range(0, len(listed), MOST):
            yield product, dict(listed[start : start + MOST])
