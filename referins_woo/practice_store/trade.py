"""The REST resources around selling: tax rates and classes, shipping zones and methods."""

from __future__ import annotations

from typing import Any

from referins_woo.practice_store.call import BATCH, CREATE, DELETE, EDIT, LIST, VIEW, Answer, Call, Routes, in_batch
from referins_woo.practice_store.checks import whole
from referins_woo.practice_store.params import ListSchema, single
from referins_woo.practice_store.rest_errors import RestError
from referins_woo.practice_store.shop import Shop
from referins_woo.practice_store.site import Json
from referins_woo.practice_store.taxes import Rate

TAXES = ListSchema(orderby=("id", "order", "priority"), default_orderby="order", default_order="asc", dates=())
CLASSES = (("standard", "Standard rate"), ("reduced-rate", "Reduced rate"), ("zero-rate", "Zero rate"))
METHODS = (
    ("flat_rate", "Flat rate", "A fixed price for each order."),
    ("free_shipping", "Free shipping", "Costs nothing, for everybody or with a coupon."),
    ("local_pickup", "Local pickup", "The customer fetches the order."),
    ("pickup_location", "Local pickup", "The customer chooses where to fetch the order."),
)
ZONES = (
    (0, "Locations not covered by your other zones", ()),
    (1, "United States", (("US", "country"),)),
    (2, "Europe", (("EU", "continent"),)),
)
_ZONE_METHODS: dict[int, tuple[tuple[int, str, str], ...]] = {
    1: ((1, "flat_rate", "7.50"), (2, "free_shipping", ""), (3, "local_pickup", "")),
    2: ((4, "flat_rate", "9.90"),),
}


def register(routes: Routes) -> None:
    """Enter the routes of taxes and shipping."""
    routes.add("GET", "taxes", LIST, taxes)
    routes.add("POST", "taxes", CREATE, create_tax)
    routes.add("POST PUT PATCH", "taxes/batch", BATCH, batch_taxes)
    routes.add("GET", "taxes/classes", LIST, classes)
    routes.add("POST", "taxes/classes", CREATE, no_more_classes)
    routes.add("GET", "taxes/{id}", VIEW, tax)
    routes.add("POST PUT PATCH", "taxes/{id}", EDIT, update_tax)
    routes.add("DELETE", "taxes/{id}", DELETE, delete_tax)
    routes.add("GET", "shipping_methods", LIST, methods)
    routes.add("GET", "shipping_methods/{name:text}", VIEW, method)
    routes.add("GET", "shipping/zones", LIST, zones)
    routes.add("GET", "shipping/zones/{id}", VIEW, zone)
    routes.add("GET", "shipping/zones/{id}/locations", LIST, locations)
    routes.add("GET", "shipping/zones/{id}/methods", LIST, zone_methods)
    for path in ("shipping/zones", "shipping/zones/{id}/methods"):
        routes.add("POST", path, CREATE, fixed)
    routes.add("POST PUT PATCH", "shipping/zones/{id}/locations", EDIT, fixed)
    routes.add("POST PUT PATCH DELETE", "shipping/zones/{id}", EDIT, fixed)


def taxes(call: Call) -> Answer:
    """GET taxes."""
    params = call.listing(TAXES)
    wanted = single(params.query, "class")
    rows = [rate for rate in call.shop.rates.table if wanted in (None, rate.tax_class)]
    rows.sort(key=lambda rate: rate.id, reverse=params.descending)
    cut = rows[params.offset : params.offset + params.per_page]
    return call.page(params, [_shown(call.shop, rate.id) for rate in cut], len(rows))


def tax(call: Call, id: int) -> Answer:
    """GET taxes/ID."""
    return Answer(_shown(call.shop, id))


def create_tax(call: Call) -> Answer:
    """POST taxes."""
    blank = Rate(call.shop.new_id("tax"), "", "", "Tax", 0).document()
    doc = _filled(blank, call.body)
    call.shop.save("tax", doc)
    return call.created(_shown(call.shop, doc["id"]), f"taxes/{doc['id']}")


def update_tax(call: Call, id: int) -> Answer:
    """PUT taxes/ID."""
    call.shop.save("tax", _filled(_tax(call.shop, id), call.body))
    return Answer(_shown(call.shop, id))


def delete_tax(call: Call, id: int) -> Answer:
    """DELETE taxes/ID: only with force."""
    shown = _shown(call.shop, id)
    if not call.force:
        raise RestError(501, "woocommerce_rest_trash_not_supported", "Taxes do not support trashing.")
    call.shop.remove("tax", id)
    return Answer(shown)


def batch_taxes(call: Call) -> Answer:
    """POST taxes/batch."""
    return in_batch(call, {"create": create_tax, "update": update_tax, "delete": delete_tax})


def classes(call: Call) -> Answer:
    """GET taxes/classes."""
    link = {"collection": [{"href": call.shop.site.api("taxes/classes")}]}
    return _whole([{"slug": slug, "name": name, "_links": link} for slug, name in CLASSES])


def no_more_classes(call: Call) -> Answer:
    """POST taxes/classes: this shop keeps the three that it has."""
    raise RestError(400, "woocommerce_rest_tax_class_exists", "Cannot create existing resource.")


def methods(call: Call) -> Answer:
    """GET shipping_methods."""
    return _whole([_method(call.shop, *row) for row in METHODS])


def method(call: Call, name: str) -> Answer:
    """GET shipping_methods/NAME."""
    found = next((row for row in METHODS if row[0] == name), None)
    if found is None:
        raise RestError(404, "woocommerce_rest_shipping_method_invalid", "Resource does not exist.")
    return Answer(_method(call.shop, *found))


def zones(call: Call) -> Answer:
    """GET shipping/zones."""
    return _whole([_zone(call.shop, number) for number, _, _ in ZONES])


def zone(call: Call, id: int) -> Answer:
    """GET shipping/zones/ID."""
    return Answer(_zone(call.shop, id))


def locations(call: Call, id: int) -> Answer:
    """GET shipping/zones/ID/locations."""
    _zone(call.shop, id)
    here = call.shop.site.api(f"shipping/zones/{id}")
    links = {"collection": [{"href": f"{here}/locations"}], "describes": [{"href": here}]}
    return _whole([{"code": code, "type": kind, "_links": links} for code, kind in ZONES[id][2]])


def zone_methods(call: Call, id: int) -> Answer:
    """GET shipping/zones/ID/methods."""
    _zone(call.shop, id)
    rows = []
    for order, (number, name, cost) in enumerate(_ZONE_METHODS.get(id, ()), 1):
        _, title, words = next(row for row in METHODS if row[0] == name)
        links = call.shop.site.links(f"shipping/zones/{id}/methods/{number}")
        links["describes"] = [{"href": call.shop.site.api(f"shipping/zones/{id}")}]
        rows.append(
            {
                "id": number,
                "instance_id": number,
                "title": title,
                "order": order,
                "enabled": True,
                "method_id": name,
                "method_title": title,
                "method_description": f"<p>{words}</p>\n",
                "settings": {"cost": {"id": "cost", "label": "Cost", "type": "text", "value": cost}} if cost else {},
                "_links": links,
            }
        )
    return _whole(rows)


def fixed(call: Call, **ids: int) -> Answer:
    """Refuse to change what this shop keeps as it is: its shipping zones."""
    raise RestError(501, "practice_store_fixed", "The shipping zones of the practice store stay as they are.")


def _whole(rows: list[Json]) -> Answer:
    return Answer(rows, 200, [("X-WP-Total", str(len(rows))), ("X-WP-TotalPages", "1")])


def _tax(shop: Shop, record_id: int) -> Json:
    doc = shop.get("tax", record_id)
    if doc is None:
        raise RestError(404, "woocommerce_rest_invalid_id", "Invalid resource ID.")
    return doc


def _filled(doc: Json, body: Json) -> Json:
    given: dict[str, Any] = {name: body[name] for name in doc if name in body and name != "id"}
    made = {**doc, **given}
    try:
        made["rate"] = f"{float(made['rate']):.4f}"
    except (TypeError, ValueError):
        made["rate"] = "0.0000"
    return {**made, "priority": whole(made["priority"], 1)}


def _shown(shop: Shop, record_id: int) -> Json:
    return {**_tax(shop, record_id), "_links": shop.site.links(f"taxes/{record_id}")}


def _method(shop: Shop, name: str, title: str, words: str) -> Json:
    links = shop.site.links(f"shipping_methods/{name}", ("GET",))
    return {"id": name, "title": title, "description": words, "_links": links}


def _zone(shop: Shop, number: int) -> Json:
    if number >= len(ZONES):
        raise RestError(404, "woocommerce_rest_shipping_zone_invalid", "Resource does not exist.")
    links = shop.site.links(f"shipping/zones/{number}")
    links["describedby"] = [{"href": shop.site.api(f"shipping/zones/{number}/locations")}]
    return {"id": number, "name": ZONES[number][1], "order": 0, "_links": links}
