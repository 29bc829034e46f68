"""The REST resources orders and refunds."""

from __future__ import annotations

from referins_woo.practice_store import order_rules, views
from referins_woo.practice_store.call import BATCH, CREATE, DELETE, EDIT, LIST, VIEW, Answer, Call, Routes, in_batch
from referins_woo.practice_store.checks import an_address, check_body, of_type, one_of, rows_of
from referins_woo.practice_store.currencies import CODES
from referins_woo.practice_store.order_list import SCHEMA, STATUSES, select
from referins_woo.practice_store.params import ListSchema
from referins_woo.practice_store.rest_errors import RestError
from referins_woo.practice_store.rows import Cycled, Rows, cut
from referins_woo.practice_store.site import Json

NAMES = {
    "pending": "Pending payment",
    "processing": "Processing",
    "on-hold": "On hold",
    "completed": "Completed",
    "cancelled": "Cancelled",
    "refunded": "Refunded",
    "failed": "Failed",
    "shipped": "Shipped",
    "checkout-draft": "Draft",
}
_LINE = {"total": "string", "subtotal": "string", "product_id": "integer", "quantity": "integer", "id": "integer"}
_BODY = {
    "status": one_of(*STATUSES),
    "currency": one_of(*CODES),
    "customer_id": of_type("integer"),
    "customer_note": of_type("string"),
    "billing": an_address,
    "shipping": of_type("object"),
    "line_items": rows_of(_LINE),
    "shipping_lines": rows_of({"total": "string"}),
    "fee_lines": rows_of({"total": "string"}),
    "coupon_lines": rows_of({"code": "string"}),
    "meta_data": rows_of({}),
    "set_paid": of_type("boolean"),
}
_REFUNDS = ListSchema(orderby=("date", "id", "include", "title", "slug", "modified"), default_orderby="date")


def register(routes: Routes) -> None:
    """Enter the routes of orders and refunds."""
    routes.add("GET", "orders", LIST, listed)
    routes.add("POST", "orders", CREATE, create)
    routes.add("GET", "orders/statuses", LIST, statuses)
    routes.add("POST PUT PATCH", "orders/batch", BATCH, batch)
    routes.add("GET", "orders/{id}", VIEW, show)
    routes.add("POST PUT PATCH", "orders/{id}", EDIT, update)
    routes.add("DELETE", "orders/{id}", DELETE, delete)
    routes.add("GET", "orders/{order}/refunds", LIST, refunds_of)
    routes.add("POST", "orders/{order}/refunds", CREATE, refund)
    routes.add("GET", "orders/{order}/refunds/{id}", VIEW, one_refund)
    routes.add("DELETE", "orders/{order}/refunds/{id}", DELETE, delete_refund)
    routes.add("GET", "refunds", LIST, refunds)


def listed(call: Call) -> Answer:
    """GET orders."""
    params = call.listing(SCHEMA)
    found, total = select(call, params)
    if not found and call.shop.site.version.order_tables:
        total = 0  # on order tables a page past the end says 0/0 (fact 2)
    docs = [doc for i in found if (doc := call.shop.get("order", i)) is not None]
    asked = params.statuses or ["any"]
    extra = [(f"status[{place}]", status) for place, status in enumerate(asked)]
    digits = call.digits
    rows = [views.order(call.shop, doc, digits) for doc in docs]
    tail = [("dp", str(call.shop.site.decimals)), ("context", "view")] if rows else []
    return call.page(params, rows, total, (*extra, *tail))


def show(call: Call, id: int) -> Answer:
    """GET orders/ID; one in the trash is shown too (fact 29)."""
    return Answer(views.order(call.shop, _order(call, id, 404), call.digits))


def create(call: Call) -> Answer:
    """POST orders."""
    _check(call)
    doc = order_rules.create(call.shop, call.body, "rest-api")
    return call.created(views.order(call.shop, doc), f"orders/{doc['id']}")


def update(call: Call, id: int) -> Answer:
    """PUT orders/ID; an unknown id is 400 here (fact 34)."""
    _check(call)
    _order(call, id, 400)
    return Answer(views.order(call.shop, order_rules.update(call.shop, id, call.body)))


def delete(call: Call, id: int) -> Answer:
    """DELETE orders/ID: into the trash, or with force for good; shows the order as it was (fact 30)."""
    doc = _order(call, id, 404)
    shown = views.order(call.shop, doc)
    if call.force:
        order_rules.erase(call.shop, id)
    elif doc["status"] == "trash":
        raise RestError(410, "woocommerce_rest_already_trashed", "The shop_order has already been deleted.")
    else:
        order_rules.trash(call.shop, id)
    return Answer(shown)


def batch(call: Call) -> Answer:
    """POST orders/batch."""
    return in_batch(call, {"create": create, "update": update, "delete": delete})


def statuses(call: Call) -> Answer:
    """GET orders/statuses."""
    return Answer([{"slug": slug, "name": name} for slug, name in NAMES.items()])


def refunds_of(call: Call, order: int) -> Answer:
    """GET orders/ID/refunds; of an unknown order the list is empty."""
    params = call.listing(_REFUNDS)
    doc = call.shop.get("order", order)
    found = sorted((row["id"] for row in doc["refunds"]), reverse=params.descending) if doc else []
    page = found[params.offset : params.offset + params.per_page]
    docs = [made for i in page if (made := call.shop.get("refund", i)) is not None]
    return call.page(
        params, [views.refund(call.shop, made, digits=call.digits) for made in docs], len(found), (("dp", "2"),)
    )


def one_refund(call: Call, order: int, id: int) -> Answer:
    """GET orders/ID/refunds/ID."""
    return Answer(views.refund(call.shop, _refund(call, order, id)))


def refund(call: Call, order: int) -> Answer:
    """POST orders/ID/refunds."""
    made = order_rules.refund(call.shop, order, call.body)
    # The store names the route's pattern, not the order: recorded so.
    return call.created(views.refund(call.shop, made), f"orders/(?P<order_id>[\\d]+)/refunds/{made['id']}")


def delete_refund(call: Call, order: int, id: int) -> Answer:
    """DELETE orders/ID/refunds/ID: gone for good, with or without force, as recorded."""
    made = _refund(call, order, id)
    shown = views.refund(call.shop, made)
    with call.shop.lock:
        doc = call.shop.get("order", order)
        call.shop.remove("refund", id)
        if doc is not None:
            call.shop.save("order", {**doc, "refunds": [row for row in doc["refunds"] if row["id"] != id]})
            call.shop.news.tell("order.updated", order)
    return Answer(shown)


def refunds(call: Call) -> Answer:
    """GET refunds: those of all orders (fact 43)."""
    params = call.listing(_REFUNDS)
    shop = call.shop
    ids = shop.world.refund_ids
    base: Rows = Cycled(ids.start, 0, len(ids), [0], 1)
    changed = shop.changed("refund")
    added = [i for i, doc in changed.items() if doc is not None]
    page, total = cut(
        base, list(changed), added, offset=params.offset, limit=params.per_page, descending=params.descending
    )
    docs = [doc for i in page if (doc := shop.get("refund", i)) is not None]
    return call.page(params, [views.refund(shop, doc, with_parent=True) for doc in docs], total, (("dp", "2"),))


def _order(call: Call, record_id: int, status: int) -> Json:
    doc = call.shop.get("order", record_id)
    if doc is None:
        message = "ID is invalid." if status == 400 else "Invalid ID."
        raise RestError(status, "woocommerce_rest_shop_order_invalid_id", message)
    return doc


def _refund(call: Call, order: int, record_id: int) -> Json:
    made = call.shop.get("refund", record_id)
    if made is None:
        raise RestError(404, "woocommerce_rest_shop_order_refund_invalid_id", "Invalid ID.")
    if made["parent_id"] != order:
        raise RestError(500, "woocommerce_rest_invalid_order_refund_id", "Invalid order refund ID.", 404)
    return made


def _check(call: Call) -> None:
    if not call.loose:
        check_body(call.body, _BODY)
    elif call.body.get("status") not in (None, *STATUSES):
        call.body["status"] = "pending"  # a batch lets an unknown status silently be pending (fact 58)
