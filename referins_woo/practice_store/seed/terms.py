"""Tags, brands, shipping classes and attributes of the seeded shop; like categories they share one counter of ids."""

from __future__ import annotations

from typing import Any

from referins_woo.practice_store.seed.catalogue import CATEGORIES, FIRST_CATEGORY, PRODUCTS
from referins_woo.practice_store.site import Json
from referins_woo.practice_store.words import slug

ATTRIBUTES = {"Color": 1, "Size": 2}
FIRST_NEW = 100
"""The first id that no seeded term has."""

_PLAIN: dict[str, tuple[str, ...]] = {
    "tag": ("bestseller", "café", "gift", "new"),
    "brand": ("Fernhill", "North Fold"),
    "shipping_class": ("Bulky", "Fragile"),
}
_DISPLAY: Json = {"display": "default", "image": None, "menu_order": 0}


def _values() -> list[tuple[int, str]]:
    found: dict[tuple[int, str], None] = {}
    for entry in PRODUCTS:
        kinds: dict[str, list[str]] = entry.get("kinds", {})
        for name, values in kinds.items():
            found |= {(ATTRIBUTES[name], value): None for value in values if name in ATTRIBUTES}
    return list(found)


def _table() -> dict[str, dict[int, Json]]:
    made: dict[str, dict[int, Json]] = {
        "category": {
            FIRST_CATEGORY + number: {
                "id": FIRST_CATEGORY + number,
                "name": name,
                "slug": own_slug,
                "parent": FIRST_CATEGORY + parent - 1 if parent else 0,
                "description": "",
                **_DISPLAY,
            }
            for number, (name, own_slug, parent) in enumerate(CATEGORIES)
        }
    }
    next_id = FIRST_CATEGORY + len(CATEGORIES)
    for kind, names in _PLAIN.items():
        more: dict[str, Any] = {"parent": 0} if kind == "brand" else {}
        tail = _DISPLAY if kind == "brand" else {}
        for name in names:
            doc = {"id": next_id, "name": name, "slug": slug(name), **more, "description": "", **tail}
            made.setdefault(kind, {})[next_id] = doc
            next_id += 1
    for attribute, name in _values():
        doc = {"id": next_id, "name": name, "slug": slug(name), "description": "", "menu_order": 0}
        made.setdefault("attribute_term", {})[next_id] = {**doc, "parent_id": attribute}
        next_id += 1
    made["attribute"] = {
        number: {
            "id": number,
            "name": name,
            "slug": f"pa_{slug(name)}",
            "type": "select",
            "order_by": "menu_order",
            "has_archives": False,
        }
        for name, number in ATTRIBUTES.items()
    }
    return made


TERMS = _table()
"""Kind to id to document."""
