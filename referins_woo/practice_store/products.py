"""The REST resources products and variations."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

from referins_woo.practice_store import product_rules, product_views, terms
from referins_woo.practice_store.call import (
    BATCH,
    CREATE,
    DELETE,
    EDIT,
    LIST,
    VIEW,
    Answer,
    Call,
    Handler,
    Routes,
    in_batch,
)
from referins_woo.practice_store.checks import check_body, of_type, one_of, rows_of
from referins_woo.practice_store.params import ListParams, ListSchema, Query, ids, several, single, truthy
from referins_woo.practice_store.rest_errors import RestError
from referins_woo.practice_store.rows import tie_breaker
from referins_woo.practice_store.shop import Shop
from referins_woo.practice_store.site import Json
from referins_woo.practice_store.words import folded

_POST_STATUSES = ("any", "future", "trash", "draft", "pending", "private", "publish")
_ORDERBY = (
    *("date", "id", "include", "title", "slug", "modified", "menu_order", "price", "popularity", "rating", "sales"),
)
SCHEMA = ListSchema(
    orderby=_ORDERBY,
    default_orderby="date",
    statuses=_POST_STATUSES,
    enums={"type": ("simple", "grouped", "external", "variable")},
)
VARIATIONS = ListSchema(orderby=_ORDERBY, default_orderby="date", statuses=_POST_STATUSES)
OF_PRODUCT = r"(?P<product_id>[\d]+)"
"""The `Location` of a new variation names the route's pattern in the product's place: recorded so."""

_BODY = {
    "name": of_type("string"),
    "type": one_of("simple", "grouped", "external", "variable"),
    "status": one_of("draft", "pending", "private", "publish", "future", "auto-draft", "trash"),
    "regular_price": of_type("string"),
    "sale_price": of_type("string"),
    "sku": of_type("string"),
    "stock_quantity": of_type("integer"),
    "stock_status": one_of("instock", "outofstock", "onbackorder"),
    "categories": rows_of({}),
    "meta_data": rows_of({}),
}
_VARIATION_BODY = {name: check for name, check in _BODY.items() if name not in ("name", "type")}


def register(routes: Routes) -> None:
    """Enter the routes of products and variations."""
    routes.add("GET", "products", LIST, listed)
    routes.add("POST", "products", CREATE, create)
    routes.add("POST PUT PATCH", "products/batch", BATCH, batch)
    routes.add("GET", "products/{id}", VIEW, show)
    routes.add("POST PUT PATCH", "products/{id}", EDIT, update)
    routes.add("DELETE", "products/{id}", DELETE, delete)
    routes.add("GET", "products/{product}/variations", LIST, variations_of)
    routes.add("POST", "products/{product}/variations", CREATE, create_variation)
    routes.add("POST PUT PATCH", "products/{product}/variations/batch", BATCH, batch_variations)
    routes.add("GET", "products/{product}/variations/{id}", VIEW, variation)
    routes.add("POST PUT PATCH", "products/{product}/variations/{id}", EDIT, update_variation)
    routes.add("DELETE", "products/{product}/variations/{id}", DELETE, delete_variation)
    routes.add("GET", "variations", LIST, variations)
    routes.add("GET", "products/custom-fields/names", LIST, custom_fields)


def listed(call: Call) -> Answer:
    """GET products: drafts, pending, private and future ones too (fact 51); variations only by `sku` (fact 52)."""
    params = call.listing(SCHEMA)
    shop, query = call.shop, params.query
    found = list(product_rules.docs(shop, "product"))
    skus = {sku.lower() for sku in several(query, "sku")}
    if skus:
        found += list(product_rules.docs(shop, "variation"))
    kept = [doc for doc in found if _matches(shop, doc, params, skus)]
    return _page(call, params, kept, product_views.product)


def show(call: Call, id: int) -> Answer:
    """GET products/ID; a variation's id answers too (fact 54)."""
    doc = call.shop.get("product", id) or call.shop.get("variation", id)
    if doc is None:
        raise _unknown(404)
    return Answer(product_views.product(call.shop, doc))


def create(call: Call) -> Answer:
    """POST products; without a name it is called "Product" (fact 61)."""
    _check(call, _BODY)
    for row in call.body.get("images") or []:
        source = row.get("src") if isinstance(row, dict) else None
        if source:
            raise RestError(
                *(400, "woocommerce_product_image_upload_error"),
                f"Error getting remote image {source}. Error: A valid URL was not provided.",
            )
    doc = product_rules.create(call.shop, call.body)
    return call.created(product_views.edited(call.shop, doc), f"products/{doc['id']}")


def update(call: Call, id: int) -> Answer:
    """PUT products/ID; variations are written elsewhere (fact 54)."""
    _check(call, _BODY)
    doc = call.shop.get("product", id)
    if doc is None:
        if call.shop.get("variation", id) is not None:
            raise RestError(
                *(404, "woocommerce_rest_invalid_product_id"),
                "To manipulate product variations you should use the "
                "/products/&lt;product_id&gt;/variations/&lt;id&gt; endpoint.",
            )
        raise _unknown(400)
    return Answer(product_views.edited(call.shop, product_rules.update(call.shop, "product", doc, call.body)))


def delete(call: Call, id: int) -> Answer:
    """DELETE products/ID."""
    doc = call.shop.get("product", id)
    if doc is None:
        raise _unknown(404)
    shown = product_views.edited(call.shop, doc)
    if call.force:
        product_rules.erase(call.shop, "product", doc)
    elif doc["status"] == "trash":
        raise RestError(410, "woocommerce_rest_already_trashed", "The product has already been deleted.")
    else:
        product_rules.put_in_trash(call.shop, doc)
    return Answer(shown)


def batch(call: Call) -> Answer:
    """POST products/batch."""
    return in_batch(call, {"create": create, "update": update, "delete": delete})


def variations_of(call: Call, product: int) -> Answer:
    """GET products/ID/variations; of a simple or unknown product the list is empty (fact 55)."""
    params = call.listing(VARIATIONS)
    docs = [call.shop.get("variation", i) for i in product_views.children(call.shop, product)]
    kept = [doc for doc in docs if doc is not None and _matches(call.shop, doc, params, _skus(params))]
    return _page(call, params, kept, product_views.variation)


def variations(call: Call) -> Answer:
    """GET variations: those of all products."""
    params = call.listing(VARIATIONS)
    every = product_rules.docs(call.shop, "variation")
    kept = [doc for doc in every if _matches(call.shop, doc, params, _skus(params))]
    return _page(call, params, kept, partial(product_views.variation, anywhere=True))


def custom_fields(call: Call) -> Answer:
    """GET products/custom-fields/names: keys of meta data that are not hidden."""
    docs = product_rules.docs(call.shop, "product")
    names = {row["key"] for doc in docs for row in doc.get("meta_data", []) if not row["key"].startswith("_")}
    found = sorted(names)
    return Answer(found, 200, [("X-WP-Total", str(len(found))), ("X-WP-TotalPages", str(-(-len(found) // 10)))])


def variation(call: Call, product: int, id: int) -> Answer:
    """GET products/PID/variations/ID."""
    return Answer(product_views.variation(call.shop, _variation(call, product, id)))


def create_variation(call: Call, product: int) -> Answer:
    """POST products/PID/variations."""
    _check(call, _VARIATION_BODY)
    if call.shop.get("product", product) is None:
        raise RestError(404, "woocommerce_rest_product_variation_invalid_parent", "Invalid parent ID.")
    doc = product_rules.create_variation(call.shop, product, call.body)
    return call.created(product_views.edited_variation(call.shop, doc), f"products/{OF_PRODUCT}/variations/{doc['id']}")


def update_variation(call: Call, product: int, id: int) -> Answer:
    """PUT products/PID/variations/ID."""
    _check(call, _VARIATION_BODY)
    doc = _variation(call, product, id)
    return Answer(
        product_views.edited_variation(call.shop, product_rules.update(call.shop, "variation", doc, call.body))
    )


def delete_variation(call: Call, product: int, id: int) -> Answer:
    """DELETE products/PID/variations/ID: gone for good in any case."""
    doc = _variation(call, product, id)
    shown = product_views.edited_variation(call.shop, doc)
    product_rules.erase(call.shop, "variation", doc)
    if call.force:
        shown["_links"]["self"][0].pop("targetHints")
    return Answer(shown, shows_methods=not call.force)


def batch_variations(call: Call, product: int) -> Answer:
    """POST products/PID/variations/batch."""
    handlers: dict[str, Handler] = {"create": create_variation, "update": update_variation, "delete": delete_variation}
    return in_batch(call, handlers, product=product)


def _matches(shop: Shop, doc: Json, params: ListParams, skus: set[str]) -> bool:
    query = params.query
    wanted = set(several(query, "include_status") or params.statuses or ["any"])
    if doc["status"] not in wanted and ("any" not in wanted or doc["status"] == "trash"):
        return False
    if doc["status"] in several(query, "exclude_status") or not params.within(doc):
        return False
    if skus and doc.get("sku", "").lower() not in skus:
        return False
    if params.search and folded(params.search) not in folded(f"{doc.get('name', '')} {doc.get('description', '')}"):
        return False
    part = single(query, "search_sku")
    if part and folded(part) not in folded(doc.get("sku", "")):
        return False
    return _of_kind(shop, doc, query) and _priced(shop, doc, query)


def _of_kind(shop: Shop, doc: Json, query: Query) -> bool:
    """Whether a product is what the filters by its own fields ask for."""
    plain = (("type", "type"), ("global_unique_id", "global_unique_id"), ("tax_class", "tax_class"))
    for name, own in (*plain, ("shipping_class", "shipping_class_id")):
        wanted = single(query, name)
        if wanted and str(doc.get(own, "")) != wanted:
            return False
    if wanted_categories := ids(query, "category"):
        under = terms.descendants(shop, wanted_categories)
        if not under & set(doc.get("categories", [])):
            return False
    for name, own in (("tag", "tags"), ("brand", "brands")):
        if (asked := ids(query, name)) and not set(asked) & set(doc.get(own, [])):
            return False
    for name in ("featured", "virtual", "downloadable"):
        flag = single(query, name)
        if flag is not None and bool(doc.get(name)) != truthy(flag):
            return False
    stock_status = single(query, "stock_status")
    return not stock_status or product_views.stock(shop, doc)[2] == stock_status


def _priced(shop: Shop, doc: Json, query: Query) -> bool:
    """Whether a product's price is what is asked for."""
    on_sale = single(query, "on_sale")
    if on_sale is not None:
        sold = (
            any(product_views.on_sale(shop, one) for one in product_views.parts(shop, doc)) and doc["type"] != "grouped"
        )
        if sold != truthy(on_sale):
            return False
    low, high = single(query, "min_price"), single(query, "max_price")
    if low is None and high is None:
        return True
    known = [float(price) for price in product_views.prices(shop, doc)]
    return any(float(low or 0) <= price <= float(high or "inf") for price in known)


def _page(call: Call, params: ListParams, docs: list[Json], view: Callable[[Shop, Json], Json]) -> Answer:
    """Return one page; popularity and rating ignore the order that is asked for, as recorded."""

    def price(doc: Json) -> float:
        known = product_views.prices(call.shop, doc)
        return min(map(float, known)) if known else 0.0

    keys: dict[str, Callable[[Json], Any]] = {
        "id": lambda doc: doc["id"],
        "modified": lambda doc: (doc["modified"], doc["id"]),
        "title": lambda doc: folded(doc.get("name", "")),
        "slug": lambda doc: doc.get("slug", ""),
        "menu_order": lambda doc: (doc.get("menu_order", 0), folded(doc.get("name", ""))),
        "price": price,
        "include": lambda doc: params.include.index(doc["id"]) if params.include else doc["created"],
    }
    turn = tie_breaker(call.shop.site, params.page) if params.orderby == "date" else None
    docs.sort(key=lambda doc: turn(doc["id"]) if turn else doc["id"])
    if params.orderby in ("popularity", "rating"):
        name = {"popularity": "total_sales", "rating": "average_rating"}[params.orderby]
        docs.sort(key=lambda doc: (float(doc.get(name, 0)), doc["id"]), reverse=True)
    else:
        key = keys.get(params.orderby) or (lambda doc: doc["created"])
        docs.sort(key=lambda doc: (key(doc), 0 if turn else doc["id"]), reverse=params.descending)
    cut = docs[params.offset : params.offset + params.per_page]
    return call.page(params, [view(call.shop, doc) for doc in cut], len(docs))


def _skus(params: ListParams) -> set[str]:
    return {sku.lower() for sku in several(params.query, "sku")}


def _variation(call: Call, product: int, record_id: int) -> Json:
    doc = call.shop.get("variation", record_id)
    if doc is None or doc["parent_id"] != product:
        raise RestError(404, "woocommerce_rest_product_variation_invalid_id", "Invalid ID.", shows_methods=False)
    return doc


def _unknown(status: int) -> RestError:
    return RestError(status, "woocommerce_rest_product_invalid_id", "Invalid ID.")


def _check(call: Call, schema: dict[str, Any]) -> None:
    if not call.loose:
        check_body(call.body, schema)
