"""Which goods of a store are told their quantity, and what it is to show of each (K2–K4).

Goods are told of that WooCommerce manages the stock of and that are counted at the store's location; by their SKU,
without one by the store's own numbers. Callers that write hold the account's lock (`bulk.lock_account`).
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from referins_woo.commerce import ledger, stock, stock_opening
from referins_woo.commerce.models import StockItem, StoreStock
from referins_woo.commerce.stock import Figures
from referins_woo.commerce.upsert.bulk import among, insert_rows, new_ids, update_rows

TWICE: Final = "Two products of this store have this SKU: which of them is meant is not known. Give each its own SKU."


@dataclass(frozen=True, slots=True)
class Terms:
    """By what a store is told of goods."""

    account_id: int
    store_id: int
    location_id: int
    buffer: int
    """In 1/10,000."""
    all_commitments: bool
    """What the orders of all stores hold is left out; else what its own hold (K3)."""


@dataclass(frozen=True, slots=True)
class Line:
    """Goods of a store, with the arithmetic of what it is to show."""

    row: StoreStock
    item: StockItem
    figures: Figures
    buffer: int
    target: int

    def arithmetic(self) -> dict[str, int | float]:
        """What is kept of a push: every number that it was made of, in pieces."""
        return {
            "on_hand": self.figures.on_hand / stock.SCALE,
            "committed": self.figures.committed / stock.SCALE,
            "buffer": self.buffer / stock.SCALE,
            "old": self.row.expected / stock.SCALE,
        }


def match(session: Session, terms: Terms) -> int:
    """Match the store's goods with what is counted at its location; returns how many are told of.

    What is new is compared before it is told anything; goods that are gone, no longer managed or no longer counted are
    told nothing more.
    """
    sold = stock_opening.managed(session, terms.store_id)
    counted = ledger.items(session, terms.location_id, {one.key for one in sold})
    wanted = {(one.woo_product_id, one.woo_variation_id): one for one in sold if one.key in counted}
    known = {
        (row.woo_product_id, row.woo_variation_id): row
        for row in session.scalars(select(StoreStock).where(StoreStock.store_id == terms.store_id))
    }
    left = [known[each].id for each in known.keys() - wanted.keys()]
    session.execute(
        delete(StoreStock).where(among(session, StoreStock.id, left)).execution_options(synchronize_session=False)
    )
    often: dict[str, int] = {}
    for one in wanted.values():
        often[one.key] = often.get(one.key, 0) + 1
    changed = [
        [row.id, wanted[each].key, wanted[each].sku or wanted[each].name, *_judged(row, often[wanted[each].key])]
        for each, row in known.items()
        if each in wanted
    ]
    update_rows(session, StoreStock, ("id", "stock_key", "label", "state", "error"), changed)
    fresh = [each for each in wanted if each not in known]
    columns = ("id", "account_id", "store_id", "stock_key", "woo_product_id", "woo_variation_id", "label", "expected")
    insert_rows(
        session,
        StoreStock,
        (*columns, "drift", "backorders", "state", "error", "revision", "pushes"),
        [
            [
                *(row_id, terms.account_id, terms.store_id, wanted[each].key, *each),
                *(wanted[each].sku or wanted[each].name, wanted[each].quantity, 0, False),
                *(("failed", TWICE) if often[wanted[each].key] > 1 else ("in_step", "")),
                *(-1, 0),
            ]
            for row_id, each in zip(new_ids(session, StoreStock, len(fresh)), fresh, strict=True)
        ],
    )
    return len(wanted)


def _judged(row: StoreStock, often: int) -> tuple[str, str]:
    if often > 1:
        return "failed", TWICE
    return ("in_step", "") if row.error == TWICE else (row.state, row.error)


def lines(session: Session, terms: Terms, rows: Sequence[StoreStock]) -> list[Line]:
    """Return the goods with what the store is to show of each; those that are not counted any more are left out."""
    known = ledger.items(session, terms.location_id, {row.stock_key for row in rows})
    figures = ledger.figures(session, list(known.values()))
    own = (
        {}
        if terms.all_commitments or not known
        else ledger.held_at(session, terms.account_id, known.keys(), terms.store_id)
    )
    made = []
    for row in rows:
        item = known.get(row.stock_key)
        if item is None:
            continue
        found = figures[item.id]
        if not terms.all_commitments:
            found = Figures(found.on_hand, own.get((terms.location_id, row.stock_key), 0))
        target = stock.to_push(found.on_hand, found.committed, terms.buffer, backorders=row.backorders)
        made.append(Line(row, item, found, terms.buffer, target))
    return made


def rows_of(session: Session, store_id: int, ids: Collection[int]) -> list[StoreStock]:
    """Return rows of a store by their ids, as they are now, by id."""
    wanted = (StoreStock.store_id == store_id, among(session, StoreStock.id, sorted(ids)))
    return list(session.scalars(select(StoreStock).where(*wanted).order_by(StoreStock.id)))


def agree(row: StoreStock, shown: int, at: datetime, now: datetime) -> None:
    """Note that the store shows what our books expect, or that what it shows is what they are to expect from now on."""
    row.expected, row.drift, row.sent = shown, 0, None
    row.agreed_at, row.looked_at = at.replace(microsecond=0), now
