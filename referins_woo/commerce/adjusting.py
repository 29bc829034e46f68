"""Adjustments as people type or upload them: lines of a SKU, a quantity, and perhaps a batch.

Pure but for looking names up.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal, InvalidOperation
from typing import Final

from sqlalchemy import select
from sqlalchemy.orm import Session

from referins_woo.commerce import batches, stock, text_files
from referins_woo.commerce.batch_book import Line
from referins_woo.commerce.batches import Named
from referins_woo.commerce.ledger import LARGEST, Goods
from referins_woo.commerce.models import Product, StockItem, Variant
from referins_woo.commerce.upsert.bulk import among
from referins_woo.errors import InvalidInput

MOST_LINES: Final = 10_000
_COLUMNS: Final = ("sku", "quantity", "batch", "received", "expires")


def quantity(text: str, field: str = "lines", where: str = "") -> int:
    """Return a quantity in 1/10,000, which may be below zero. Raises InvalidInput."""
    try:
        scaled = Decimal(text.strip().replace("−", "-")) * stock.SCALE
        if scaled.is_finite() and scaled == scaled.to_integral_value() and abs(scaled) <= LARGEST:
            return int(scaled)
    except InvalidOperation:
        pass
    raise InvalidInput(field, f"{where}{text.strip()[:20]!r} is no quantity: give a number, like 12 or -3.")


def lines(rows: Iterable[Sequence[str]]) -> list[tuple[str, Line]]:
    """Return (SKU, line) of rows of cells: `SKU, quantity[, batch, received, expires]`.

    A heading says where the columns are; those that are none of these are passed over. Raises InvalidInput that names
    the line.
    """
    found: dict[tuple[str, str], tuple[str, Line]] = {}
    columns = {name: position for position, name in enumerate(_COLUMNS)}
    for number, row in enumerate(rows, start=1):
        cells = [cell.strip() for cell in row]
        if not any(cells):
            continue
        if number == 1 and "sku" in (named := {cell.casefold(): position for position, cell in enumerate(cells)}):
            columns = {"sku": 0, "quantity": 1} | {name: named[name] for name in _COLUMNS if name in named}
            continue
        where = f"Line {number}: "
        given = {name: cells[position] if position < len(cells) else "" for name, position in columns.items()}
        sku = text_files.as_typed(given["sku"])
        if not sku or not given["quantity"]:
            raise InvalidInput("lines", f"{where}give a SKU and a quantity, parted by a comma.")
        if len(sku) > 200 or not sku.isprintable():
            raise InvalidInput("lines", f"{where}{sku[:20]!r} is no SKU.")
        change = quantity(given["quantity"], "lines", where)
        batch = named_batch(given, ("lines", "lines", "lines"), where)
        key = (sku, batch.number if batch else "")
        if key in found:
            with_batch = f" with the batch {batch.number}" if batch else ""
            raise InvalidInput("lines", f"{where}the SKU {sku} is there twice{with_batch}.")
        if len(found) >= MOST_LINES:
            raise InvalidInput("lines", f"An adjustment has at most {MOST_LINES:,} lines: enter it in parts.")
        found[key] = (sku, Line(change, batch, "lines", where))
    return list(found.values())


def named_batch(
    given: Mapping[str, str], fields: tuple[str, str, str] = ("batch", "received", "expires"), where: str = ""
) -> Named | None:
    """Return the batch of what was typed as `batch`, `received` and `expires`; None where nothing was.

    `fields`: by which names the three are refused. Raises InvalidInput.
    """
    number = text_files.as_typed(given.get("batch", ""))
    received_on = batches.day(given.get("received", ""), fields[1], where)
    expires_on = batches.day(given.get("expires", ""), fields[2], where)
    if not number.strip() and received_on is None and expires_on is None:
        return None
    return batches.name(number, received_on, expires_on, fields[0], where)


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
