"""What happens to products, variations and categories; and who is told."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from referins_woo.practice_store import money, trash
from referins_woo.practice_store.checks import merge_meta, whole
from referins_woo.practice_store.params import moment
from referins_woo.practice_store.product_views import children
from referins_woo.practice_store.rest_errors import RestError
from referins_woo.practice_store.shop import Shop
from referins_woo.practice_store.site import Json
from referins_woo.practice_store.words import cleaned, slug

TEXTS = (
    *("name", "slug", "status", "type", "description", "short_description", "sku", "external_url", "button_text"),
    *("tax_status", "tax_class", "backorders", "weight", "purchase_note", "catalog_visibility", "global_unique_id"),
    *("post_password",),
)
FLAGS = ("featured", "virtual", "downloadable", "sold_individually", "reviews_allowed")
NUMBERS = ("menu_order", "download_limit", "download_expiry")
LISTS = ("upsell_ids", "cross_sell_ids", "grouped_products", "gallery_image_ids")
SHOWN = ("publish", "private")


def all_ids(shop: Shop, kind: str) -> list[int]:
    """Return the ids of all living products or variations, ascending."""
    seeded = shop.world.product_ids if kind == "product" else shop.world.variation_ids
    changed = shop.changed(kind)
    return sorted([i for i in seeded if i not in changed] + [i for i, doc in changed.items() if doc is not None])


def docs(shop: Shop, kind: str) -> Iterator[Json]:
    """Yield all living products or variations."""
    for record_id in all_ids(shop, kind):
        doc = shop.get(kind, record_id)
        if doc is not None:
            yield doc


def create(shop: Shop, body: Json) -> Json:
    """Make a product and tell it: published and created, or created alone for a draft (fact 86)."""
    with shop.lock:
        name = str(body.get("name") or "Product")
        doc: Json = {
            "id": shop.new_id("product"),
            "name": name,
            "created": shop.now(),
            "modified": shop.now(),
            "type": "simple",
            "status": "publish",
            "sku": "",
            "categories": [],
        }
        fill(shop, doc, body)
        doc["slug"] = "" if doc["status"] in ("draft", "pending") else str(body.get("slug") or slug(name))
        shop.save("product", doc)
        if doc["status"] in SHOWN:
            shop.news.tell("product.published", doc["id"])
        shop.news.tell("product.created", doc["id"])
        return doc


def update(shop: Shop, kind: str, doc: Json, body: Json) -> Json:
    """Change a product or variation; every save is told, one of the same value too."""
    with shop.lock:
        changed = dict(doc)
        fill(shop, changed, body)
        shop.save(kind, changed)
        shop.news.tell("product.updated", changed["id"])
        return changed


def create_variation(shop: Shop, parent_id: int, body: Json) -> Json:
    """Make a variation; it is told under product topics with its own id (fact 86)."""
    with shop.lock:
        doc: Json = {
            "id": shop.new_id("variation"),
            "parent_id": parent_id,
            "created": shop.now(),
            "modified": shop.now(),
            "type": "variation",
            "status": "publish",
            "sku": "",
            "tax_class": "parent",
            "attributes": [],
        }
        fill(shop, doc, {**body, "type": "variation"})
        parent = shop.get("product", parent_id) or {}
        known = {row["id"] or row["name"]: row for row in parent.get("attributes", [])}
        doc["attributes"] = [
            {
                "id": found["id"],
                "name": found["name"],
                "slug": found["slug"] if found["id"] else slug(found["name"]),
                "option": row.get("option", ""),
            }
            for row in body.get("attributes", [])
            if (found := known.get(row.get("id") or row.get("name")))
        ]
        shop.save("variation", doc)
        shop.news.tell("product.published", doc["id"])
        shop.news.tell("product.created", doc["id"])
        return doc


def fill(shop: Shop, doc: Json, body: Json) -> None:
    """Lay the fields of a request over a product. Raises RestError 400 for what WooCommerce refuses."""
    sku = body.get("sku")
    if sku and sku != doc.get("sku"):
        _refuse_known_sku(shop, str(sku), doc["id"])
    for name in TEXTS:
        if name in body:
            doc[name] = str(body[name])
    if "name" in body:
        doc["name"] = cleaned(str(body["name"]))
    for name in FLAGS:
        if name in body:
            doc[name] = bool(body[name])
    for name in NUMBERS:
        if name in body:
            doc[name] = whole(body[name])
    for name in LISTS:
        if isinstance(body.get(name), list):
            doc[name] = [whole(i) for i in body[name]]
    for name in ("default_attributes", "downloads"):
        if isinstance(body.get(name), list):
            doc[name] = body[name]
    if isinstance(body.get("dimensions"), dict):
        known = doc.get("dimensions") or {"length": "", "width": "", "height": ""}
        doc["dimensions"] = {side: str(body["dimensions"].get(side, known[side])) for side in known}
    for name in ("regular_price", "sale_price"):
        if name in body:
            doc[name] = money.typed(str(body[name]))
    regular, sale = doc.get("regular_price"), doc.get("sale_price")
    if sale and (not regular or float(sale) >= float(regular)):
        doc["sale_price"] = ""  # dropped without a word (fact 21)
    for name, as_gmt in (("", False), ("_gmt", True)):
        for edge in ("from", "to"):
            given = body.get(f"date_on_sale_{edge}{name}", "")
            if given != "":
                doc[f"sale_{edge}"] = moment(str(given), shop.site, as_gmt=as_gmt) if given else None
    if isinstance(body.get("categories"), list):
        given = [whole(row.get("id")) for row in body["categories"] if isinstance(row, dict)]
        doc["categories"] = [i for i in given if shop.get("category", i)] or [shop.world.category_ids.start]
    elif not doc.get("categories") and doc["type"] != "variation":
        doc["categories"] = [shop.world.category_ids.start]
    for name, kind in (("tags", "tag"), ("brands", "brand")):
        if isinstance(body.get(name), list):
            given = [whole(row.get("id")) for row in body[name] if isinstance(row, dict)]
            doc[name] = [i for i in given if shop.get(kind, i)]
    if isinstance(body.get("shipping_class"), str):
        known = next((row for row in _living(shop, "shipping_class") if row["slug"] == body["shipping_class"]), None)
        doc["shipping_class"], doc["shipping_class_id"] = (known["slug"], known["id"]) if known else ("", 0)
    if isinstance(body.get("attributes"), list) and doc["type"] != "variation":
        doc["attributes"] = [_attribute(place, row) for place, row in enumerate(body["attributes"])]
    if "meta_data" in body:
        doc["meta_data"] = merge_meta(doc.get("meta_data", []), body["meta_data"], lambda: shop.new_id("meta"))
    _fill_stock(doc, body)


def put_in_trash(shop: Shop, doc: Json) -> None:
    """Put a product into the trash; coupons' and products' `deleted` fire for each other (fact 85)."""
    with shop.lock:
        shop.save("product", trash.put(shop, doc))
        shop.news.tell("coupon.deleted", doc["id"])
        shop.news.tell("product.deleted", doc["id"])


def restore(shop: Shop, doc: Json) -> Json:
    """Take a product out of the trash."""
    with shop.lock:
        changed = trash.take(doc)
        shop.save("product", changed)
        for topic in ("product.published", "product.updated", "coupon.restored", "product.restored"):
            shop.news.tell(topic, doc["id"])
        return changed


def erase(shop: Shop, kind: str, doc: Json) -> None:
    """Delete for good, a product's variations too; nobody is told."""
    with shop.lock:
        if kind == "product":
            for child in children(shop, doc["id"]):
                shop.remove("variation", child)
        shop.remove(kind, doc["id"])


def _living(shop: Shop, kind: str) -> list[Json]:
    ids = {*shop.world.ids(kind), *shop.changed(kind)}
    return [doc for record_id in sorted(ids) if (doc := shop.get(kind, record_id)) is not None]


def _attribute(place: int, row: Json) -> Json:
    name = str(row.get("name", ""))
    return {
        "id": whole(row.get("id")),
        "name": name,
        "slug": name,
        "position": place,
        "visible": bool(row.get("visible", True)),
        "variation": bool(row.get("variation", False)),
        "options": [str(option) for option in row.get("options", [])],
    }


def _fill_stock(doc: Json, body: Json) -> None:
    """Set stock where it is managed; elsewhere a quantity is ignored with 200 (fact 56). Null sets 0 (fact 57)."""
    manages = body.get("manage_stock", doc.get("manage_stock", False))
    quantity: Any = body.get("stock_quantity", doc.get("stock_quantity"))
    if doc["type"] == "external" and manages is True:
        raise RestError(400, "product_external_invalid_manage_stock", "External products cannot be stock managed.")
    if doc["type"] == "grouped":
        manages = False
    doc["manage_stock"] = manages
    if "inventory_delta" in body and manages is True:
        quantity = (doc.get("stock_quantity") or 0) + whole(body["inventory_delta"])
    if manages is True:
        doc["stock_quantity"] = whole(quantity)
        allowed = doc.get("backorders", "no") != "no"
        doc["stock_status"] = "instock" if whole(quantity) > 0 else "onbackorder" if allowed else "outofstock"
    else:
        doc["stock_quantity"] = None
        if "stock_status" in body:
            doc["stock_status"] = str(body["stock_status"])
    if "low_stock_amount" in body:
        doc["low_stock_amount"] = body["low_stock_amount"]


def _refuse_known_sku(shop: Shop, sku: str, own_id: int) -> None:
    for kind in ("product", "variation"):
        for doc in docs(shop, kind):
            if doc["id"] != own_id and doc.get("sku", "").lower() == sku.lower() and doc["status"] != "trash":
                raise RestError(
                    *(400, "product_invalid_sku", "Invalid or duplicated SKU."),
                    {"status": 400, "resource_id": doc["id"], "unique_sku": f"{sku}-1"},
                )
