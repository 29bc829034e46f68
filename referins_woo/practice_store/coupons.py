"""The REST resource coupons, and what a coupon takes off an order."""

from __future__ import annotations

from referins_woo.practice_store import money, trash, views
from referins_woo.practice_store.call import BATCH, CREATE, DELETE, EDIT, LIST, VIEW, Answer, Call, Routes, in_batch
from referins_woo.practice_store.checks import check_body, merge_meta, one_of
from referins_woo.practice_store.params import ListSchema, moment, single
from referins_woo.practice_store.rest_errors import RestError, missing_params
from referins_woo.practice_store.seed.coupons import BLANK
from referins_woo.practice_store.shop import Shop
from referins_woo.practice_store.site import Json
from referins_woo.practice_store.words import folded

SCHEMA = ListSchema(
    orderby=("date", "id", "include", "title", "slug", "modified"),
    default_orderby="date",
    statuses=("any", "draft", "pending", "private", "publish", "future", "trash"),
)
_BODY = {"discount_type": one_of("percent", "fixed_cart", "fixed_product")}
_AMOUNTS = ("amount", "minimum_amount", "maximum_amount")


def register(routes: Routes) -> None:
    """Enter the routes of coupons."""
    routes.add("GET", "coupons", LIST, listed)
    routes.add("POST", "coupons", CREATE, create)
    routes.add("POST PUT PATCH", "coupons/batch", BATCH, batch)
    routes.add("GET", "coupons/{id}", VIEW, show)
    routes.add("POST PUT PATCH", "coupons/{id}", EDIT, update)
    routes.add("DELETE", "coupons/{id}", DELETE, delete)


def every(shop: Shop) -> list[Json]:
    """Return all living coupons, oldest first."""
    ids = sorted({*shop.world.ids("coupon"), *shop.changed("coupon")})
    return [doc for record_id in ids if (doc := shop.get("coupon", record_id)) is not None]


def by_code(shop: Shop, code: str) -> Json | None:
    """Return the living coupon of a code, in any case, or None."""
    wanted = folded(code)
    return next((doc for doc in every(shop) if folded(doc["code"]) == wanted and doc["status"] == "publish"), None)


def listed(call: Call) -> Answer:
    """GET coupons: those that are published, others by status."""
    params = call.listing(SCHEMA)
    status = params.statuses[0] if params.statuses else "publish"
    code = single(params.query, "code")
    found = [
        doc
        for doc in every(call.shop)
        if (doc["status"] == status or (status == "any" and doc["status"] != "trash"))
        and (code is None or folded(doc["code"]) == folded(code))
        and folded(params.search) in folded(f"{doc['code']} {doc['description']}")
        and params.within(doc)
    ]
    by = {"id": "id", "modified": "modified", "title": "code", "slug": "code"}.get(params.orderby, "created")
    found.sort(key=lambda doc: (doc[by], doc["id"]), reverse=params.descending)
    cut = found[params.offset : params.offset + params.per_page]
    return call.page(params, [views.coupon(call.shop, doc) for doc in cut], len(found))


def show(call: Call, id: int) -> Answer:
    """GET coupons/ID."""
    return Answer(views.coupon(call.shop, _coupon(call, id, 404)))


def create(call: Call) -> Answer:
    """POST coupons."""
    if not call.body.get("code"):
        raise missing_params(["code"])
    _check(call)
    shop = call.shop
    with shop.lock:
        if by_code(shop, str(call.body["code"])) is not None:
            code = "woocommerce_rest_coupon_code_already_exists"
            raise RestError(400, code, "The coupon code already exists")
        doc = {"id": shop.new_id("coupon"), **BLANK, "created": shop.now(), "modified": shop.now()}
        _fill(shop, doc, call.body)
        shop.save("coupon", doc)
        shop.news.tell("coupon.created", doc["id"])
    return call.created(views.coupon(shop, doc), f"coupons/{doc['id']}")


def update(call: Call, id: int) -> Answer:
    """PUT coupons/ID."""
    _check(call)
    doc = dict(_coupon(call, id, 400))
    with call.shop.lock:
        _fill(call.shop, doc, call.body)
        call.shop.save("coupon", doc)
        call.shop.news.tell("coupon.updated", id)
    return Answer(views.coupon(call.shop, doc))


def delete(call: Call, id: int) -> Answer:
    """DELETE coupons/ID: into the trash, or with force for good."""
    doc = _coupon(call, id, 404)
    shown = views.coupon(call.shop, doc)
    if call.force:
        call.shop.remove("coupon", id)
    elif doc["status"] == "trash":
        raise RestError(410, "woocommerce_rest_already_trashed", "The shop_coupon has already been deleted.")
    else:
        put_in_trash(call.shop, doc)
    return Answer(shown)


def put_in_trash(shop: Shop, doc: Json) -> None:
    """Put a coupon into the trash; coupons' and products' `deleted` fire for each other (fact 85)."""
    with shop.lock:
        shop.save("coupon", trash.put(shop, doc))
        shop.news.tell("coupon.deleted", doc["id"])
        shop.news.tell("product.deleted", doc["id"])


def restore(shop: Shop, doc: Json) -> None:
    """Take a coupon out of the trash."""
    with shop.lock:
        shop.save("coupon", trash.take(doc))
        shop.news.tell("coupon.restored", doc["id"])
        shop.news.tell("product.restored", doc["id"])


def batch(call: Call) -> Answer:
    """POST coupons/batch."""
    return in_batch(call, {"create": create, "update": update, "delete": delete})


def _coupon(call: Call, record_id: int, status: int) -> Json:
    doc = call.shop.get("coupon", record_id)
    if doc is None:
        raise RestError(status, "woocommerce_rest_shop_coupon_invalid_id", "Invalid ID.")
    return doc


def _check(call: Call) -> None:
    if not call.loose:
        check_body(call.body, _BODY)


def _fill(shop: Shop, doc: Json, body: Json) -> None:
    for name in BLANK:
        if name in body and name not in ("meta_data", "used_by", "usage_count"):
            doc[name] = body[name]
    if "code" in body:
        doc["code"] = str(body["code"]).lower()
    for name in _AMOUNTS:
        doc[name] = money.text(money.cents(doc[name]))
    for name, local in (("date_expires", False), ("date_expires_gmt", True)):
        if body.get(name):
            doc["expires"] = moment(str(body[name]), shop.site, as_gmt=local)
    if "meta_data" in body:
        doc["meta_data"] = merge_meta(doc["meta_data"], body["meta_data"], lambda: shop.new_id("meta"))
