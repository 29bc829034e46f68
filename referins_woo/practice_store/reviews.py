"""The REST resource reviews: what customers say of products; made here or through REST, none are seeded."""

from __future__ import annotations

from hashlib import sha256

from referins_woo.practice_store.call import BATCH, CREATE, DELETE, EDIT, LIST, VIEW, Answer, Call, Routes, in_batch
from referins_woo.practice_store.checks import whole
from referins_woo.practice_store.params import ListSchema, ids
from referins_woo.practice_store.rest_errors import RestError, missing_params
from referins_woo.practice_store.shop import Shop
from referins_woo.practice_store.site import Json

SCHEMA = ListSchema(
    orderby=("date", "date_gmt", "id", "include", "product"),
    default_orderby="date_gmt",
    statuses=("all", "hold", "approved", "spam", "trash"),
)
_SIZES = (24, 48, 96)
_FIELDS = ("status", "reviewer", "reviewer_email", "review", "rating", "verified")


def register(routes: Routes) -> None:
    """Enter the routes of reviews."""
    routes.add("GET", "products/reviews", LIST, listed)
    routes.add("POST", "products/reviews", CREATE, create)
    routes.add("POST PUT PATCH", "products/reviews/batch", BATCH, batch)
    routes.add("GET", "products/reviews/{id}", VIEW, show)
    routes.add("POST PUT PATCH", "products/reviews/{id}", EDIT, update)
    routes.add("DELETE", "products/reviews/{id}", DELETE, delete)


def listed(call: Call) -> Answer:
    """GET products/reviews: the approved ones, others by status."""
    params = call.listing(SCHEMA)
    status = params.statuses[0] if params.statuses else "approved"
    products = ids(params.query, "product")
    docs = [
        doc
        for doc in call.shop.changed("review").values()
        if doc is not None
        and (doc["status"] == status or (status == "all" and doc["status"] not in ("spam", "trash")))
        and (not products or doc["product_id"] in products)
        and params.within({**doc, "modified": doc["created"]})
    ]
    docs.sort(key=lambda doc: (doc["created"] if params.orderby != "id" else 0, doc["id"]), reverse=params.descending)
    cut = docs[params.offset : params.offset + params.per_page]
    return call.page(params, [_shown(call.shop, doc) for doc in cut], len(docs))


def show(call: Call, id: int) -> Answer:
    """GET products/reviews/ID."""
    return Answer(_shown(call.shop, _review(call, id)))


def create(call: Call) -> Answer:
    """POST products/reviews."""
    missing = [name for name in ("product_id", "review", "reviewer", "reviewer_email") if not call.body.get(name)]
    if missing:
        raise missing_params(missing)
    product = whole(call.body["product_id"])
    if call.shop.get("product", product) is None:
        raise RestError(404, "woocommerce_rest_product_invalid_id", "Invalid product ID.")
    blank = {"id": call.shop.new_id("review"), "created": call.shop.now(), "product_id": product, "status": "approved"}
    doc = {**blank, "rating": 0, "verified": False, **{n: call.body[n] for n in _FIELDS if n in call.body}}
    call.shop.save("review", doc, touch=False)
    return call.created(_shown(call.shop, doc), f"products/reviews/{doc['id']}")


def update(call: Call, id: int) -> Answer:
    """PUT products/reviews/ID."""
    doc = {**_review(call, id), **{name: call.body[name] for name in _FIELDS if name in call.body}}
    call.shop.save("review", doc, touch=False)
    return Answer(_shown(call.shop, doc))


def delete(call: Call, id: int) -> Answer:
    """DELETE products/reviews/ID: into the trash, or with force for good."""
    doc = _review(call, id)
    if call.force:
        call.shop.remove("review", id)
        return Answer({"deleted": True, "previous": _shown(call.shop, doc)})
    if doc["status"] == "trash":
        raise RestError(410, "woocommerce_rest_already_trashed", "The object has already been trashed.")
    call.shop.save("review", {**doc, "status": "trash"}, touch=False)
    return Answer(_shown(call.shop, {**doc, "status": "trash"}))


def batch(call: Call) -> Answer:
    """POST products/reviews/batch."""
    return in_batch(call, {"create": create, "update": update, "delete": delete})


def _review(call: Call, record_id: int) -> Json:
    doc = call.shop.get("review", record_id)
    if doc is None:
        raise RestError(404, "woocommerce_rest_review_invalid_id", "Invalid review ID.")
    return doc


def _shown(shop: Shop, doc: Json) -> Json:
    product = shop.get("product", doc["product_id"]) or {"name": "", "slug": ""}
    face = sha256(str(doc["reviewer_email"]).lower().encode()).hexdigest()
    links = shop.site.links(f"products/reviews/{doc['id']}")
    return {
        "id": doc["id"],
        "date_created": shop.site.local(doc["created"]),
        "date_created_gmt": shop.site.gmt(doc["created"]),
        "product_id": doc["product_id"],
        "product_name": product["name"],
        "product_permalink": f"{shop.site.home}/product/{product['slug']}/",
        "status": doc["status"],
        "reviewer": doc["reviewer"],
        "reviewer_email": doc["reviewer_email"],
        "review": doc["review"],
        "rating": doc["rating"],
        "verified": doc["verified"],
        "reviewer_avatar_urls": {
            str(size): f"https://secure.gravatar.com/avatar/{face}?s={size}&d=mm&r=g" for size in _SIZES
        },
        "_links": {**links, "up": [{"href": shop.site.api(f"products/{doc['product_id']}")}]},
    }
