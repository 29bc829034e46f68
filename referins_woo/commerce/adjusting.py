"""Adjustments as people type or upload them: lines of a SKU and a quantity. Pure but for looking names up."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from decimal import Decimal, InvalidOperation
from typing import Final

from sqlalchemy import select
from sqlalchemy.orm import Session

from referins_woo.commerce import stock
from referins_woo.commerce.ledger import LARGEST, Goods
from referins_woo.commerce.models import Product, StockItem, Variant
from referins_woo.commerce.upsert.bulk import among
from referins_woo.errors import InvalidInput

MOST_LINES: Final = 10_000


def quantity(text: str, field: str = "lines", where: str = "") -> int:
    """Return a quantity in 1/10,000, which may be below zero. Raises InvalidInput."""
    try:
        scaled = Decimal(text.strip().replace("−", "-")) * stock.SCALE
        if scaled.is_finite() and scaled == scaled.to_integral_value() and abs(scaled) <= LARGEST:
            return int(scaled)
    except InvalidOperation:
        pass
    raise InvalidInput(field, f"{where}{text.strip()[:20]!r} is no quantity: give a number, like 12 or -3.")


def lines(rows: Iterable[Sequence[str]]) -> dict[str, int]:
    """Return SKU → quantity of rows of cells; a heading is passed over. Raises InvalidInput that names the line."""
    found: dict[str, int] = {}
    for number, row in enumerate(rows, start=1):
        cells = [cell.strip() for cell in row]
        if not any(cells):
            continue
        if number == 1 and cells[0].casefold() == "sku":
            continue
        if len(cells) < 2 or not cells[0]:
            raise InvalidInput("lines", f"Line {number}: give a SKU and a quantity, parted by a comma.")
        if len(cells[0]) > 200 or not cells[0].isprintable():
            raise InvalidInput("lines", f"Line {number}: {cells[0][:20]!r} is no SKU.")
        if cells[0] in found:
            raise InvalidInput("lines", f"Line {number}: the SKU {cells[0]} is there twice.")
        if len(found) >= MOST_LINES:
            raise InvalidInput("lines", f"An adjustment has at most {MOST_LINES:,} lines: enter it in parts.")
        found[cells[0]] = quantity(cells[1], "lines", f"Line {number}: ")
    return found


def goods(session: Session, account_id: int, skus: Iterable[str]) -> dict[str, Goods]:
    """Return the goods of these SKUs, with the names that they have here. Raises InvalidInput for unknown SKUs."""
    wanted = sorted(set(skus))
    names: dict[str, str] = {}
    for sku, name in session.execute(
        select(Variant.sku, Product.name)
        .join(Product, Product.id == Variant.product_id)
        .where(Variant.account_id == account_id, among(session, Variant.sku, wanted))
    ):
        names[sku] = name
    for table in (Product, StockItem):
        rows = session.execute(
            select(table.sku, table.name).where(table.account_id == account_id, among(session, table.sku, wanted))
        )
        for sku, name in rows:
            names[sku] = name
    unknown = [sku for sku in wanted if sku not in names]
    if unknown:
        more = f" and {len(unknown) - 5:,} more" if len(unknown) > 5 else ""
        raise InvalidInput(
            "lines", f"No product here has the SKU {', '.join(unknown[:5])}{more}. SKUs are compared letter by letter."
        )
    return {sku: Goods(stock.key_of(sku, 0, 0, 0), sku, names[sku]) for sku in wanted}
