"""Seeded products and variations as documents."""

from __future__ import annotations

from itertools import product as every_mix
from typing import Any

from referins_woo.practice_store.seed.catalogue import FIRST_CATEGORY, MATERIALS, PRODUCTS, THINGS
from referins_woo.practice_store.seed.dice import Dice
from referins_woo.practice_store.seed.layout import FIRST_PRODUCT
from referins_woo.practice_store.seed.terms import ATTRIBUTES
from referins_woo.practice_store.site import Json
from referins_woo.practice_store.words import slug

DAY = 86_400


def entry(number: int) -> dict[str, Any]:
    """Return what the catalogue says of product `number`; past its end goods are made up by number."""
    if number < len(PRODUCTS):
        return PRODUCTS[number]
    dice = Dice(0, "goods", number)
    name = f"{dice.pick(MATERIALS)} {dice.pick(THINGS)} {number}"
    price = f"{5 + dice.below(90)}.{dice.pick(('00', '50', '90', '95'))}"
    stock = {"stock": 20 + dice.below(200)} if dice.below(3) else {}
    return {"name": name, "sku": f"MF-{number:05d}", "regular_price": price, "category": 2 + dice.below(6), **stock}


def mixes(number: int) -> list[dict[str, str]]:
    """Return the variations of product `number` as attribute values, in the order of their ids."""
    given = entry(number)
    if given.get("type") != "variable" or given.get("none"):
        return []
    kinds: dict[str, list[str]] = given["kinds"]
    return [dict(zip(kinds, values, strict=True)) for values in every_mix(*kinds.values())]


def product(number: int, seed: int, born: int) -> Json:
    """Return product `number` as a document: fields that differ from a plain simple product."""
    given = entry(number)
    dice = Dice(seed, "product", number)
    created = born - 400 * DAY - dice.below(200 * DAY)
    kind = given.get("type", "simple")
    status = given.get("status", "publish")
    stock = given.get("stock", given.get("parent_stock"))
    numbers = [given["category"], *([given["category_too"]] if "category_too" in given else [])]
    doc: Json = {
        "id": FIRST_PRODUCT + number,
        "name": given["name"],
        "slug": "" if status in ("draft", "pending") else slug(given["name"]),
        "created": created,
        "modified": min(created + dice.below(390 * DAY), born - 3600),
        "type": kind,
        "status": status,
        "featured": given.get("featured", False),
        "description": f"<p>{given['name']}, made to be used every day.</p>" if number % 2 == 0 else "",
        "sku": given["sku"],
        "regular_price": given["regular_price"],
        "sale_price": given["sale"] if isinstance(given.get("sale"), str) else "",
        "total_sales": dice.below(60),
        "virtual": given.get("virtual", False),
        "downloadable": given.get("downloadable", False),
        "external_url": given.get("external", ""),
        "button_text": "Buy at partner" if "external" in given else "",
        "tax_class": given.get("tax_class", ""),
        "manage_stock": stock is not None,
        "stock_quantity": stock,
        "low_stock_amount": given.get("low"),
        "sold_individually": given.get("sold_individually", False),
        "weight": "" if given.get("virtual") else f"0.{1 + dice.below(8)}",
        "categories": [FIRST_CATEGORY + place - 1 for place in numbers],
        "picture": given.get("shape", "box") if number % 9 != 5 else "",
        "grouped_products": [FIRST_PRODUCT + other for other in given.get("grouped", [])],
    }
    if kind == "variable":
        doc["attributes"] = [
            {
                "id": ATTRIBUTES.get(name, 0),
                "name": name,
                "slug": f"pa_{slug(name)}" if name in ATTRIBUTES else name,
                "position": place,
                "visible": True,
                "variation": True,
                "options": values,
            }
            for place, (name, values) in enumerate(given["kinds"].items())
        ]
    return doc


def variation(number: int, which: int, variation_id: int, seed: int, born: int) -> Json:
    """Return the variation `which` of product `number` as a document."""
    given = entry(number)
    values = mixes(number)[which]
    dice = Dice(seed, "variation", variation_id)
    created = born - 400 * DAY - dice.below(100 * DAY)
    prices: list[str] = given["prices"]
    own_sku = given.get("variant_skus", True)
    parts = "-".join(slug(value).upper()[:3] for value in values.values())
    sale: dict[int, str] = given["sale"] if isinstance(given.get("sale"), dict) else {}
    shared = "parent_stock" in given
    return {
        "id": variation_id,
        "parent_id": FIRST_PRODUCT + number,
        "created": created,
        "modified": min(created + dice.below(390 * DAY), born - 3600),
        "type": "variation",
        "status": "private" if given.get("stocked") and which == 1 else "publish",
        "sku": f"{given['sku']}-{parts}" if own_sku else "",
        "regular_price": prices[which % len(prices)],
        "sale_price": sale.get(which, ""),
        "virtual": values.get("Format") == "Digital",
        "downloadable": values.get("Format") == "Digital",
        "manage_stock": "parent" if shared else bool(given.get("stocked")),
        "stock_quantity": 4 + dice.below(30) if given.get("stocked") else None,
        "weight": "",
        "picture": given.get("shape", ""),
        "attributes": [
            {
                "id": ATTRIBUTES.get(name, 0),
                "name": name,
                "slug": f"pa_{slug(name)}" if name in ATTRIBUTES else slug(name),
                "option": value,
            }
            for name, value in values.items()
        ],
    }
