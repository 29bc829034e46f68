"""The first count of a store's goods at its location, from what the store shows and what open orders hold (K1)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from referins_woo.commerce import ledger, stock
from referins_woo.commerce.ledger import Goods
from referins_woo.commerce.models import Location, OrderLine, Product, StockAdjustment, Variant
from referins_woo.commerce.stock import Proposed
from referins_woo.commerce.upsert.bulk import update_rows


def proposal(session: Session, store_id: int, location: Location) -> list[Proposed]:
    """Return the lines of a store's opening at a location, by SKU: goods whose stock WooCommerce manages."""
    shown = _shown(session, store_id)
    # Orders of other stores took nothing from what this one shows.
    held = ledger.held_at(session, location.account_id, shown.keys(), store_id) if shown else {}
    known = ledger.items(session, location.id, shown)
    counted = ledger.figures(session, list(known.values()))
    return stock.propose(
        shown,
        {key: quantity for (location_id, key), quantity in held.items() if location_id == location.id},
        {key: counted[item.id].on_hand for key, item in known.items()},
    )


def count_first(
    session: Session,
    location: Location,
    lines: list[Proposed],
    store_id: int,
    store_name: str,
    by: str,
    now: datetime,
    at: datetime,
    choices: Mapping[str, int],
) -> StockAdjustment | None:
    """Write what was never counted at the location as one adjustment; None where there is nothing to write.

    `at`: the moment, on the store's clock, for which the store showed its quantities. `choices`: by how much, by key,
    what is counted is to be other than proposed; of goods that were counted before, by how much they change.
    """
    changes: dict[Goods, int] = {}
    for one in lines:
        goods, chosen = Goods(one.key, one.sku, one.name), choices.get(one.key, 0)
        if one.counted is None:
            changes[goods] = one.on_hand + chosen
        elif chosen:
            changes[goods] = chosen
    if not changes:
        return None
    reason = f"Opening stock of {store_name}"
    return ledger.adjust(
        session,
        location,
        changes,
        kind=ledger.OPENING,
        reason=reason,
        by=by,
        now=now,
        opened_at=at,
        opened_store_id=store_id,
    )


def count_again(
    session: Session,
    location: Location,
    lines: list[Proposed],
    wanted: Mapping[str, int],
    store_name: str,
    by: str,
    now: datetime,
) -> StockAdjustment | None:
    """Change what was counted before to what somebody chose, by key; None where nothing changes.

    Raises InvalidInput.
    """
    changes = {
        Goods(one.key, one.sku, one.name): wanted[one.key] - one.counted
        for one in lines
        if one.counted is not None and one.key in wanted and wanted[one.key] != one.counted
    }
    if not changes:
        return None
    reason = f"Counted again for {store_name}"
    return ledger.adjust(session, location, changes, kind=ledger.OPENING, reason=reason, by=by, now=now)


def mend_keys(session: Session, store_id: int) -> None:
    """Let rows that hold stock name the goods by which the store counts them now: a variation may have come to draw on
    its product's stock, or a product to another SKU."""
    holding = session.execute(
        select(OrderLine.id, OrderLine.stock_key, OrderLine.product_id, OrderLine.variant_id)
        .join(Product, Product.id == OrderLine.product_id)
        .where(Product.store_id == store_id, OrderLine.reduced_stock > OrderLine.stock_taken)
    ).all()
    products, variants = _keys(session, store_id)
    rows = []
    for row in holding:
        key = variants.get(row.variant_id) if row.variant_id else products.get(row.product_id)
        if key is not None and key != row.stock_key:
            rows.append([row.id, key])
    update_rows(session, OrderLine, ("id", "stock_key"), rows)


def _keys(session: Session, store_id: int) -> tuple[dict[int, str], dict[int, str]]:
    products = {
        row.id: stock.key_of(row.sku, store_id, row.woo_id, 0)
        for row in session.execute(select(Product.id, Product.sku, Product.woo_id).where(Product.store_id == store_id))
    }
    variants = {
        row.id: products[row.product_id]
        if row.manage_stock == "parent"
        else stock.key_of(row.sku, store_id, row.parent_woo_id, row.woo_id)
        for row in session.execute(
            select(
                Variant.id,
                Variant.product_id,
                Variant.sku,
                Variant.woo_id,
                Variant.manage_stock,
                Product.woo_id.label("parent_woo_id"),
            )
            .join(Product, Product.id == Variant.product_id)
            .where(Variant.store_id == store_id)
        )
    }
    return products, variants


@dataclass(frozen=True, slots=True)
class Managed:
    """Goods whose stock a store manages; the quantity in 1/10,000."""

    key: str
    sku: str
    name: str
    quantity: int
    woo_product_id: int
    woo_variation_id: int


def managed(session: Session, store_id: int) -> list[Managed]:
    """Return all goods whose stock the store manages, but those that are gone; products first."""
    products, variants = _keys(session, store_id)
    found: list[Managed] = []
    parents: dict[int, tuple[str, int]] = {}
    for one in session.execute(
        select(Product.id, Product.woo_id, Product.sku, Product.name, Product.manage_stock, Product.stock_quantity)
        .where(Product.store_id == store_id, Product.gone_at.is_(None))
        .order_by(Product.id)
    ):
        parents[one.id] = one.name, one.woo_id
        if one.manage_stock and one.stock_quantity is not None:
            quantity = one.stock_quantity * stock.SCALE
            found.append(Managed(products[one.id], one.sku, one.name, quantity, one.woo_id, 0))
    for each in session.execute(
        select(
            *(Variant.id, Variant.woo_id, Variant.sku, Variant.product_id, Variant.attributes, Variant.stock_quantity)
        )
        .where(
            Variant.store_id == store_id,
            Variant.gone_at.is_(None),
            Variant.manage_stock == "yes",
            Variant.stock_quantity.is_not(None),
        )
        .order_by(Variant.id)
    ):
        if each.product_id in parents:
            parent, parent_woo_id = parents[each.product_id]
            options = ", ".join(str(one.get("option") or "any") for one in each.attributes)
            name = f"{parent} ({options})" if options else parent
            quantity = (each.stock_quantity or 0) * stock.SCALE
            found.append(Managed(variants[each.id], each.sku, name, quantity, parent_woo_id, each.woo_id))
    return found


def _shown(session: Session, store_id: int) -> dict[str, tuple[str, str, int]]:
    """Return key → (SKU, name, quantity); where two have one SKU, the first."""
    shown: dict[str, tuple[str, str, int]] = {}
    for one in managed(session, store_id):
        shown.setdefault(one.key, (one.sku, one.name, one.quantity))
    return shown
