"""Stock that orders take and give back; each change tells `product.updated` (fact 83)."""

from __future__ import annotations

from referins_woo.practice_store.order_lines import REDUCED, reduced_stock
from referins_woo.practice_store.shop import Shop
from referins_woo.practice_store.site import Json


def take(shop: Shop, doc: Json) -> None:
    """Take what an order holds from the stock, each line once."""
    lines = []
    for line in doc["line_items"]:
        held = any(row["key"] == REDUCED for row in line["meta_data"])
        if not held and _shift_stock(shop, line, -line["quantity"]):
            line = {**line, "meta_data": [*line["meta_data"], reduced_stock(shop.new_id("meta"), line["quantity"])]}
        lines.append(line)
    doc["line_items"] = lines


def count_sale(shop: Shop, doc: Json) -> None:
    """Count what an order sold in its products, once."""
    if doc.get("counted"):
        return
    doc["counted"] = True
    for line in doc["line_items"]:
        thing = shop.get("product", line["product_id"])
        if thing is not None:
            sold = int(thing.get("total_sales") or 0) + line["quantity"]
            shop.overlay.put("product", {**thing, "total_sales": sold})


def give_back(shop: Shop, doc: Json) -> None:
    """Put what an order took back into the stock."""
    lines = []
    for line in doc["line_items"]:
        if any(row["key"] == REDUCED for row in line["meta_data"]):
            _shift_stock(shop, line, line["quantity"])
            line = {**line, "meta_data": [row for row in line["meta_data"] if row["key"] != REDUCED]}
        lines.append(line)
    doc["line_items"] = lines


def adjust(shop: Shop, line: Json, quantity: int) -> Json:
    """Return a line that took stock with another quantity, the stock moved by the difference; 0 gives all back."""
    held = next((row for row in line["meta_data"] if row["key"] == REDUCED), None)
    if held is None:
        return line
    _shift_stock(shop, line, int(held["value"]) - quantity)
    changed = {**held, "value": str(quantity), "display_value": str(quantity)}
    return {**line, "meta_data": [changed if row is held else row for row in line["meta_data"]]}


def _shift_stock(shop: Shop, line: Json, by: int) -> bool:
    """Change the stock of a line's product, where it is managed; tells `product.updated`."""
    kind, record_id = ("variation", line["variation_id"]) if line["variation_id"] else ("product", line["product_id"])
    thing = shop.get(kind, record_id)
    if kind == "variation" and thing is not None and thing.get("manage_stock") is not True:
        # It draws on its product's stock, where that is managed (fact 24).
        kind, thing = "product", shop.get("product", thing["parent_id"])
    if thing is None or thing.get("manage_stock") is not True:
        return False
    shop.save(kind, {**thing, "stock_quantity": (thing.get("stock_quantity") or 0) + by})
    shop.news.tell("product.updated", thing["id"])
    return True
