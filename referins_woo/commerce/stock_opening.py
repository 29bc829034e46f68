"""The first count of a store's goods at its location, from what the store shows and what open orders hold (K1)."""

from __future__ import annotations

from collections.abc import Mapping
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
    held = ledger.held_at(session, location.account_id, shown.keys()) if shown else {}
    known = ledger.items(session, location.id, shown)
    counted = ledger.figures(session, list(known.values()))
    return stock.propose(
        shown,
        {key: quantity for (location_id, key), quantity in held.items() if location_id == location.id},
        {key: counted[item.id].on_hand for key, item in known.items()},
    )


def count_first(
    session: Session, location: Location, lines: list[Proposed], store_name: str, by: str, now: datetime, at: datetime
) -> StockAdjustment | None:
    """Write the lines that were never counted at the location as one adjustment; None where there is none.

    `at`: the moment, on the store's clock, for which the store showed its quantities.
    """
    fresh = {Goods(one.key, one.sku, one.name): one.on_hand for one in lines if one.counted is None}
    if not fresh:
        return None
    reason = f"Opening stock of {store_name}"
    return ledger.adjust(session, location, fresh, kind=ledger.OPENING, reason=reason, by=by, now=now, opened_at=at)


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


def _shown(session: Session, store_id: int) -> dict[str, tuple[str, str, int]]:
    """Return key → (SKU, name, quantity) of all goods whose stock the store manages, but those that are gone."""
    products, variants = _keys(session, store_id)
    shown: dict[str, tuple[str, str, int]] = {}
    names: dict[int, str] = {}
    for one in session.execute(
        select(Product.id, Product.sku, Product.name, Product.manage_stock, Product.stock_quantity)
        .where(Product.store_id == store_id, Product.gone_at.is_(None))
        .order_by(Product.id)
    ):
        names[one.id] = one.name
        if one.manage_stock and one.stock_quantity is not None:
            shown.setdefault(products[one.id], (one.sku, one.name, one.stock_quantity * stock.SCALE))
    for each in session.execute(
        select(Variant.id, Variant.sku, Variant.product_id, Variant.attributes, Variant.stock_quantity)
        .where(
            Variant.store_id == store_id,
            Variant.gone_at.is_(None),
            Variant.manage_stock == "yes",
            Variant.stock_quantity.is_not(None),
        )
        .order_by(Variant.id)
    ):
        if each.product_id in names:
            options = ", ".join(str(one.get("option") or "any") for one in each.attributes)
            name = f"{names[each.product_id]} ({options})" if options else names[each.product_id]
            shown.setdefault(variants[each.id], (each.sku, name, each.stock_quantity * stock.SCALE))
    return shown
