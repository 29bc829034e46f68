"""Products and variations as the REST API shows them."""

from __future__ import annotations

from itertools import islice
from typing import Any
from urllib.parse import quote_plus, unquote

from referins_woo.practice_store.shop import Shop
from referins_woo.practice_store.site import Json
from referins_woo.practice_store.views import price_html
from referins_woo.practice_store.words import folded, paragraphs, slug

PLAIN: Json = {
    "slug": "",
    "type": "simple",
    "status": "publish",
    "featured": False,
    "catalog_visibility": "visible",
    "description": "",
    "short_description": "",
    "sku": "",
    "regular_price": "",
    "sale_price": "",
    "sale_from": None,
    "sale_to": None,
    "total_sales": 0,
    "virtual": False,
    "downloadable": False,
    "downloads": None,
    "download_limit": -1,
    "download_expiry": -1,
    "external_url": "",
    "button_text": "",
    "tax_status": "taxable",
    "tax_class": "",
    "manage_stock": False,
    "stock_quantity": None,
    "stock_status": None,
    "backorders": "no",
    "low_stock_amount": None,
    "sold_individually": False,
    "weight": "",
    "dimensions": {"length": "", "width": "", "height": ""},
    "shipping_class": "",
    "shipping_class_id": 0,
    "reviews_allowed": True,
    "average_rating": "0.00",
    "rating_count": 0,
    "upsell_ids": [],
    "cross_sell_ids": [],
    "purchase_note": "",
    "categories": [],
    "brands": [],
    "tags": [],
    "images": None,
    "attributes": [],
    "default_attributes": [],
    "grouped_products": [],
    "menu_order": 0,
    "meta_data": [],
    "post_password": "",
    "picture": "",
    "global_unique_id": "",
    "gallery_image_ids": [],
    "parent_id": 0,
}
"""What a product is where its document does not say otherwise. `stock_status` None: follows from the quantity;
`images` None: the drawing that `picture` names; `downloads` None: a made-up file."""


def children(shop: Shop, product_id: int) -> list[int]:
    """Return the ids of the living variations of a product, ascending."""
    changed = shop.changed("variation")
    seeded = [record_id for record_id in shop.world.variations_of(product_id) if record_id not in changed]
    return sorted(seeded + [i for i, doc in changed.items() if doc is not None and doc["parent_id"] == product_id])


def on_sale(shop: Shop, doc: Json) -> bool:
    """Whether the sale price counts now: it may have a first and a last moment."""
    if not doc.get("sale_price"):
        return False
    moment = shop.now()
    begun = doc.get("sale_from") is None or doc["sale_from"] <= moment
    return begun and (doc.get("sale_to") is None or moment <= doc["sale_to"])


def price_of(shop: Shop, doc: Json) -> str:
    """Return the price that is asked now: the sale price while it counts."""
    return str(doc["sale_price"] if on_sale(shop, doc) else doc.get("regular_price") or "")


def parts(shop: Shop, doc: Json) -> list[Json]:
    """Return what a product is sold as: itself, its public variations, its group."""
    kind = doc.get("type", "simple")
    if kind == "variable":
        found = [shop.get("variation", child) for child in children(shop, doc["id"])]
        return [one for one in found if one is not None and one["status"] == "publish"]
    if kind == "grouped":
        return [one for other in doc.get("grouped_products", []) if (one := shop.get("product", other)) is not None]
    return [doc]


def prices(shop: Shop, doc: Json) -> list[str]:
    """Return all prices that a product is sold at: its own, its variations', its group's."""
    return [price for one in parts(shop, doc) if (price := price_of(shop, one)) != ""]


def stock(shop: Shop, doc: Json) -> tuple[Any, int | None, str]:
    """Return (manage_stock, stock_quantity, stock_status); a variation may follow its parent (fact 24)."""
    source, managed = doc, doc.get("manage_stock", False)
    if doc.get("type") == "variation" and managed is not True:
        parent = shop.get("product", doc["parent_id"]) or {}
        managed = "parent" if parent.get("manage_stock") is True else False
        source = parent if managed else doc
    quantity = source.get("stock_quantity") if source.get("manage_stock") else None
    status = doc.get("stock_status")
    if quantity is not None:
        status = "instock" if quantity > 0 else "onbackorder" if doc.get("backorders", "no") != "no" else "outofstock"
    elif doc.get("type") == "variable" and not children(shop, doc["id"]):
        status = "outofstock"
    return managed, quantity, status or "instock"


def images(shop: Shop, doc: Json, *, full: bool) -> list[Json]:
    """Return the pictures of a product; `full` adds what only products of newer stores have."""
    found: list[Json]
    if doc.get("images") is not None:
        found = doc["images"]
    elif not doc.get("picture"):
        return []
    else:
        owner = doc.get("parent_id") or doc["id"]
        source = f"{shop.site.home}/wp-content/uploads/{owner}.svg"
        born = shop.world.born
        local, gmt = shop.site.local(born), shop.site.gmt(born)
        dates = {"date_created": local, "date_created_gmt": gmt, "date_modified": local, "date_modified_gmt": gmt}
        named = {"src": source, "name": f"Picture {owner}", "alt": ""}
        sizes = {"srcset": f"{source} 320w", "sizes": "(max-width: 320px) 100vw, 320px", "thumbnail": source}
        found = [{"id": owner + 100_000, **dates, **named, **sizes}]
    if full and shop.site.version.order_tables:
        return found
    return [{name: value for name, value in one.items() if name not in _SIZES} for one in found]


_SIZES = ("srcset", "sizes", "thumbnail")
_UNSEEN = ("draft", "pending", "future", "auto-draft", "trash")


def product(shop: Shop, given: Json) -> Json:
    """Return a product as `GET products/ID` shows it; a variation asked for there too (fact 54)."""
    site, doc = shop.site, {**PLAIN, **given}
    record_id, kind = doc["id"], doc["type"]
    parent = shop.get("product", doc["parent_id"]) if kind == "variation" else None
    name = doc.get("name", "")
    address = f"{site.home}/product/{doc['slug']}/"
    if kind == "variation":
        doc["images"] = images(shop, doc, full=True) or (images(shop, {**PLAIN, **parent}, full=True) if parent else [])
        options = ", ".join(row["option"] for row in doc["attributes"])
        name = f"{parent['name']} - {options}" if parent else options
        doc |= {"slug": slug(name), "categories": [], "reviews_allowed": False, "total_sales": "0"}
        doc["sku"] = doc["sku"] or (parent or {}).get("sku", "")
        doc["tax_class"] = _tax_class(doc, parent)
        address = variation_address(shop, doc, parent)
    elif doc["status"] in _UNSEEN:
        address = f"{site.home}/?post_type=product&p={record_id}"
    all_prices = prices(shop, doc)
    price = min(all_prices, key=float) if all_prices else ""
    managed, quantity, stock_status = stock(shop, doc)
    made: Json = {
        "id": record_id,
        "name": name,
        "slug": doc["slug"],
        "permalink": address,
        **_dates(shop, doc),
        "type": kind,
        "status": doc["status"],
        "featured": doc["featured"],
        "catalog_visibility": doc["catalog_visibility"],
        "description": paragraphs(doc["description"]),
        "short_description": paragraphs(doc["short_description"]),
        "sku": doc["sku"],
        "price": price,
        "regular_price": doc["regular_price"],
        "sale_price": doc["sale_price"],
        **_sale_dates(shop, doc),
        "on_sale": any(on_sale(shop, one) for one in parts(shop, doc)),
        "purchasable": price != "" and kind not in ("grouped", "external"),
        "total_sales": doc["total_sales"],
        "virtual": doc["virtual"],
        "downloadable": doc["downloadable"],
        "downloads": downloads(shop, doc),
        "download_limit": doc["download_limit"],
        "download_expiry": doc["download_expiry"],
        "external_url": doc["external_url"],
        "button_text": doc["button_text"],
        "tax_status": doc["tax_status"],
        "tax_class": doc["tax_class"],
        "manage_stock": managed,
        "stock_quantity": quantity,
        "backorders": doc["backorders"],
        "backorders_allowed": doc["backorders"] != "no",
        "backordered": stock_status == "onbackorder",
        "low_stock_amount": doc["low_stock_amount"],
        "sold_individually": doc["sold_individually"],
        "weight": doc["weight"],
        "dimensions": doc["dimensions"],
        "shipping_required": not doc["virtual"],
        "shipping_taxable": not doc["virtual"] and doc["tax_status"] == "taxable",
        "shipping_class": doc["shipping_class"],
        "shipping_class_id": doc["shipping_class_id"],
        "reviews_allowed": doc["reviews_allowed"],
        "average_rating": doc["average_rating"],
        "rating_count": doc["rating_count"],
        "upsell_ids": doc["upsell_ids"],
        "cross_sell_ids": doc["cross_sell_ids"],
        "parent_id": doc["parent_id"],
        "purchase_note": paragraphs(doc["purchase_note"]),
        "categories": _named(shop, "category", doc["categories"]),
        "brands": _named(shop, "brand", doc["brands"]),
        "tags": _named(shop, "tag", doc["tags"]),
        "images": images(shop, doc, full=True),
        "attributes": doc["attributes"],
        "default_attributes": doc["default_attributes"],
        "variations": children(shop, record_id) if kind == "variable" else [],
        "grouped_products": doc["grouped_products"],
        "menu_order": doc["menu_order"],
        "price_html": _price_html(shop, doc, all_prices),
        "related_ids": _related(shop, doc),
        "meta_data": doc["meta_data"],
        "stock_status": stock_status,
        "has_options": kind == "variable",
        "post_password": doc["post_password"],
        "global_unique_id": doc["global_unique_id"],
        "_links": site.links(f"products/{record_id}"),
    }
    if kind == "variation":
        made["_links"]["up"] = [{"href": site.api(f"products/{doc['parent_id']}")}]
    return made


def _dates(shop: Shop, doc: Json) -> Json:
    site = shop.site
    return {
        "date_created": site.local(doc["created"]),
        "date_created_gmt": site.gmt(doc["created"]),
        "date_modified": site.local(doc["modified"]),
        "date_modified_gmt": site.gmt(doc["modified"]),
    }


def _sale_dates(shop: Shop, doc: Json) -> Json:
    site = shop.site
    return {
        "date_on_sale_from": site.local(doc["sale_from"]),
        "date_on_sale_from_gmt": site.gmt(doc["sale_from"]),
        "date_on_sale_to": site.local(doc["sale_to"]),
        "date_on_sale_to_gmt": site.gmt(doc["sale_to"]),
    }


def _named(shop: Shop, kind: str, numbers: list[int]) -> list[Json]:
    found = (shop.get(kind, number) for number in numbers)
    rows = [{"id": doc["id"], "name": doc["name"], "slug": doc["slug"]} for doc in found if doc is not None]
    return sorted(rows, key=lambda row: folded(row["name"]))


def _price_html(shop: Shop, doc: Json, all_prices: list[str]) -> str:
    if not all_prices:
        return ""
    low, high = min(all_prices, key=float), max(all_prices, key=float)
    alone = doc["type"] not in ("variable", "grouped")
    return price_html(shop.site, low, high, doc["regular_price"] if alone and on_sale(shop, doc) else "")


def _related(shop: Shop, doc: Json) -> list[int]:
    """Return a few other public products that share a category or tag."""
    if doc["type"] == "variation":
        return []
    own = {*doc["categories"], *doc["tags"]} - {shop.world.category_ids.start}
    if not own:
        return []
    ids = [*shop.world.product_ids[:60], *shop.changed("product")]
    found = (other for i in dict.fromkeys(ids) if i != doc["id"] and (other := shop.get("product", i)) is not None)
    shared = (
        other["id"]
        for other in found
        if other["status"] == "publish" and own & {*other.get("categories", []), *other.get("tags", [])}
    )
    return list(islice(shared, 5))


def _tax_class(doc: Json, parent: Json | None) -> str:
    return str((parent or {}).get("tax_class", "") if doc["tax_class"] == "parent" else doc["tax_class"])


def edited(shop: Shop, given: Json) -> Json:
    """Return a product as the answer to a write shows it: texts as they are kept, and two fields more."""
    shown = product(shop, given)
    shown |= {name: given.get(name, "") for name in ("description", "short_description", "purchase_note")}
    links = shown.pop("_links")
    shown["permalink_template"] = f"{shop.site.home}/product/%pagename%/"
    shown["generated_slug"] = unquote(slug(shown["name"]))
    if not shown["rating_count"]:
        shown["average_rating"] = "0"
    return {**shown, "_links": links}


def edited_variation(shop: Shop, given: Json) -> Json:
    """Return a variation as the answer to a write shows it: nothing is taken from its product."""
    shown = variation(shop, given)
    own = images(shop, {**PLAIN, **given}, full=False) if given.get("images") else []
    return {
        **shown,
        "description": given.get("description", ""),
        "tax_class": given.get("tax_class", "parent"),
        "image": own[0] if own else None,
    }


def variation(shop: Shop, given: Json, *, anywhere: bool = False) -> Json:
    """Return a variation as `GET products/PID/variations/ID` shows it; without an own SKU the parent's (fact 53).

    `anywhere` gives it the links of the route over all products.
    """
    site, doc = shop.site, {**PLAIN, **given}
    parent = shop.get("product", doc["parent_id"])
    managed, quantity, stock_status = stock(shop, doc)
    price = price_of(shop, doc)
    path = "variations" if anywhere else f"products/{doc['parent_id']}/variations"
    pictures = images(shop, doc, full=False) or (images(shop, {**PLAIN, **parent}, full=False) if parent else [])
    made: Json = {
        "id": doc["id"],
        "type": "variation",
        **_dates(shop, doc),
        "description": paragraphs(doc["description"]),
        "permalink": variation_address(shop, doc, parent),
        "sku": doc["sku"] or (parent or {}).get("sku", ""),
        "global_unique_id": doc["global_unique_id"],
        "price": price,
        "regular_price": doc["regular_price"],
        "sale_price": doc["sale_price"],
        **_sale_dates(shop, doc),
        "on_sale": on_sale(shop, doc),
        "status": doc["status"],
        "purchasable": price != "" and doc["status"] == "publish",
        "virtual": doc["virtual"],
        "downloadable": doc["downloadable"],
        "downloads": downloads(shop, doc),
        "download_limit": doc["download_limit"],
        "download_expiry": doc["download_expiry"],
        "tax_status": doc["tax_status"],
        "tax_class": _tax_class(doc, parent),
        "manage_stock": managed,
        "stock_quantity": quantity,
        "stock_status": stock_status,
        "backorders": doc["backorders"],
        "backorders_allowed": doc["backorders"] != "no",
        "backordered": stock_status == "onbackorder",
        "low_stock_amount": doc["low_stock_amount"],
        "weight": doc["weight"],
        "dimensions": doc["dimensions"],
        "shipping_class": doc["shipping_class"],
        "shipping_class_id": doc["shipping_class_id"],
        "image": pictures[0] if pictures else None,
        **({"gallery_image_ids": doc["gallery_image_ids"]} if site.version.order_tables else {}),
        "attributes": doc["attributes"],
        "menu_order": doc["menu_order"],
        "meta_data": doc["meta_data"],
        "name": ", ".join(row["option"] for row in doc["attributes"]),
        "parent_id": doc["parent_id"],
        "_links": site.links(f"{path}/{doc['id']}"),
    }
    made["_links"]["up"] = [{"href": site.api(f"products/{0 if anywhere else doc['parent_id']}")}]
    if anywhere:
        made["_links"]["self"][0].pop("targetHints")
    return made


def downloads(shop: Shop, doc: Json) -> list[Json]:
    """Return the files that a buyer may fetch."""
    if doc["downloads"] is not None or not doc["downloadable"]:
        return doc["downloads"] or []
    file = f"{shop.site.home}/wp-content/uploads/woocommerce_uploads/{doc['id']}.pdf"
    return [{"id": f"d{doc['id']}", "name": "Download", "file": file}]


def variation_address(shop: Shop, doc: Json, parent: Json | None) -> str:
    """Return the address of a variation's page."""
    chosen = "&".join(
        f"attribute_{row['slug']}={slug(row['option']) if row['id'] else quote_plus(row['option'])}"
        for row in doc["attributes"]
    )
    return f"{shop.site.home}/product/{(parent or {}).get('slug', '')}/{'?' if chosen else ''}{chosen}"
