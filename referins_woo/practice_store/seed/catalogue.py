"""The invented goods of Marlow & Finch, a shop for kitchen, table, garden and rest."""

from __future__ import annotations

from typing import Any

CATEGORIES: tuple[tuple[str, str, int], ...] = (
    ("Uncategorized", "uncategorized", 0),
    ("Kitchen", "kitchen", 0),
    ("Table &amp; Linen", "table-linen", 0),
    ("Garden", "garden", 0),
    ("Candles &amp; Scent", "candles-scent", 0),
    ("Rest", "rest", 0),
    ("Paper", "paper", 0),
    ("Knives &amp; Boards", "knives-boards", 2),
    ("Gift ideas 🎁", "gift-ideas", 0),
    ("Seasonal", "seasonal", 0),
    ("Sets", "sets", 0),
    ("Samples", "samples", 0),
)
"""Name as stored (entities encoded, fact 26), slug, number of the parent counted from 1 (0: none). Ids from 15 on."""

FIRST_CATEGORY = 15


def _simple(name: str, sku: str, price: str, category: int, shape: str, **more: Any) -> dict[str, Any]:
    return {"name": name, "sku": sku, "regular_price": price, "category": category, "shape": shape, **more}


def _variable(
    name: str, sku: str, category: int, shape: str, kinds: dict[str, list[str]], prices: list[str], **more: Any
) -> dict[str, Any]:
    made = {"name": name, "sku": sku, "regular_price": "", "category": category, "shape": shape, "type": "variable"}
    return {**made, "kinds": kinds, "prices": prices, **more}


PRODUCTS: tuple[dict[str, Any], ...] = (
    _simple("Stoneware Mug, Oat", "MF-MUG-OAT", "18.00", 2, "cup", stock=64, featured=True),
    _simple("Enamel Kettle 1.2 L", "MF-KETTLE", "49.00", 2, "pot", stock=12, sale="42.50"),
    _simple("Linen Tea Towel, Fern", "MF-TOWEL-FERN", "14.50", 3, "cloth", stock=80),
    _simple("Beech Chopping Board", "MF-BOARD", "36.00", 8, "board", stock=25),
    _simple("Paring Knife No. 3", "MF-KNIFE-3", "27.90", 8, "knife", stock=31),
    _simple("Beeswax Candle, Tall", "MF-CANDLE-T", "16.00", 5, "candle", featured=True),
    _simple("Cedar &amp; Fig Candle", "MF-CANDLE-CF", "29.00", 5, "candle", stock=44),
    _variable(
        *("Lambswool Throw", "MF-THROW", 6, "cloth"),
        {"Color": ["Moss", "Rust", "Slate", "Oat"], "Size": ["Single", "Double"]},
        ["89.00", "119.00"],
        stocked=True,
        sale={0: "75.00"},
    ),
    _variable("Linen Apron", "MF-APRON", 3, "cloth", {"Color": ["Charcoal", "Sage"]}, ["42.00"], stocked=True),
    _variable(
        "Garden Gloves",
        "MF-GLOVES",
        4,
        "leaf",
        {"Size": ["S", "M", "L"]},
        ["19.50"],
        parent_stock=40,
        variant_skus=False,
    ),
    _variable(
        "Botanical Poster", "MF-POSTER", 7, "paper", {"Format": ["A3", "A2", "Digital"]}, ["24.00", "34.00", "7.00"]
    ),
    _simple("Copper Watering Can", "MF-CAN", "64.00", 4, "pot", stock=9, low=3),
    _simple("Seed Box, Kitchen Herbs", "MF-SEEDS-H", "12.00", 4, "leaf", stock=120),
    _simple("Hand Trowel, Ash Handle", "MF-TROWEL", "22.00", 4, "leaf", stock=38),
    _simple("Notebook, Ruled, A5", "MF-NOTE-A5", "11.90", 7, "paper"),
    _simple("Letter Set “Finch”", "MF-LETTER", "15.00", 7, "paper"),
    _simple("Olive Wood Spoon", "MF-SPOON", "9.50", 2, "spoon", stock=150),
    _simple("Cast Iron Skillet 26 cm", "MF-SKILLET", "72.00", 2, "bowl", stock=18),
    _simple("Glass Storage Jar 1 L", "MF-JAR-1", "13.00", 2, "jar", stock=90),
    _simple("Table Runner, Natural", "MF-RUNNER", "39.00", 3, "cloth"),
    _simple("Hot Water Bottle, Knit", "MF-BOTTLE", "33.00", 6, "jar", stock=27, category_too=9),
    _simple("Lavender Pillow", "MF-LAV", "17.00", 6, "pillow", stock=55),
    _simple("Gift Card $50", "MF-GC50", "50", 9, "gift", virtual=True, tax_class="zero-rate"),
    _simple("Bread Baking, an E-book", "MF-EBOOK", "8.00", 7, "paper", virtual=True, downloadable=True),
    _simple("Herb Sample Sachet", "MF-SAMPLE", "0", 12, "leaf"),
    _simple("手ぬぐい「雀」Tenugui Cloth", "MF-TENUGUI", "18.00", 3, "cloth"),
    _simple("Café Crème Bowl – Ø 14 cm", "MF-BOWL", "21.00", 2, "bowl", stock=33),
    _simple("Repair Workshop Voucher", "MF-WORK", "65", 9, "gift", virtual=True, sold_individually=True),
    _simple("Wrapping Paper, Five Sheets", "", "6.40", 7, "gift"),
    _simple("Antique Scale (price on request)", "MF-SCALE", "", 2, "bowl"),
    _simple("Partner Oven", "MF-OVEN", "640", 2, "box", type="external", external="https://example.com/oven?ref=mf"),
    _simple("Breakfast Set", "MF-SET-B", "", 11, "bowl", type="grouped", grouped=[0, 16, 26]),
    _variable("Felt Slippers (sizes to come)", "MF-SLIP", 6, "pillow", {"Size": ["38", "40"]}, [], none=True),
    _simple("Autumn Wreath", "MF-WREATH", "58.00", 10, "leaf", status="draft"),
    _simple("Staff Mug", "MF-STAFF", "5.00", 2, "cup", status="private"),
    _simple("Spring Tray", "MF-TRAY", "34.00", 10, "board", status="pending"),
    _simple("Last Year’s Calendar", "MF-CAL", "14.00", 7, "paper", status="trash"),
)
"""Every kind of product that the recordings hold: drafts, trash, no price, free, virtual, external, grouped,
variable with own stock, with the parent's stock, and without variations."""

MATERIALS = ("Stoneware", "Linen", "Oak", "Brass", "Wool", "Glass", "Cork", "Enamel", "Walnut", "Cotton")
THINGS = ("Bowl", "Plate", "Vase", "Basket", "Tray", "Cushion", "Lantern", "Pitcher", "Coaster", "Hook", "Crate")
"""Larger shops have more goods, named by number: "Oak Tray 17"."""
