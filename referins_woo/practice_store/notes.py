"""The notes of an order: what happened to it, and what was written down or to the customer."""

from __future__ import annotations

from referins_woo.practice_store import views
from referins_woo.practice_store.call import CREATE, DELETE, LIST, VIEW, Answer, Call, Routes
from referins_woo.practice_store.params import single
from referins_woo.practice_store.rest_errors import RestError, missing_params
from referins_woo.practice_store.shop import Shop
from referins_woo.practice_store.site import Json

SYSTEM = "WooCommerce"


def register(routes: Routes) -> None:
    """Enter the routes of notes."""
    routes.add("GET", "orders/{order}/notes", LIST, listed)
    routes.add("POST", "orders/{order}/notes", CREATE, create)
    routes.add("GET", "orders/{order}/notes/{id}", VIEW, show)
    routes.add("DELETE", "orders/{order}/notes/{id}", DELETE, delete)


def write(shop: Shop, order_id: int, words: str, *, author: str = SYSTEM, to_customer: bool = False) -> Json:
    """Keep a note; one to the customer is told."""
    made = {"id": shop.new_id("note"), "parent_id": order_id, "author": author, "created": shop.now()}
    doc = {**made, "note": words, "customer_note": to_customer}
    shop.save("note", doc, touch=False)
    if to_customer:
        shop.news.tell("action.woocommerce_new_customer_note", order_id, {"order_id": order_id, "customer_note": words})
    return doc


def of_order(shop: Shop, order_id: int) -> list[Json]:
    """Return the notes of an order, newest first; those of one second in the order of their ids."""
    docs = [doc for doc in shop.changed("note").values() if doc is not None and doc["parent_id"] == order_id]
    return sorted(docs, key=lambda doc: (-doc["created"], doc["id"]))


def listed(call: Call, order: int) -> Answer:
    """GET orders/ID/notes: come whole."""
    _known(call, order)
    kind = single(call.query, "type") or "any"
    docs = [doc for doc in of_order(call.shop, order) if kind == "any" or doc["customer_note"] == (kind == "customer")]
    return Answer([views.note(call.shop, doc) for doc in docs])


def create(call: Call, order: int) -> Answer:
    """POST orders/ID/notes."""
    if not call.body.get("note"):
        raise missing_params(["note"])
    _known(call, order)
    user = call.shop.get("customer", call.user_id) or {}
    author = str(user.get("username", "")) if call.body.get("added_by_user") is True else SYSTEM
    to_customer = call.body.get("customer_note") is True
    with call.shop.lock:
        doc = write(call.shop, order, str(call.body["note"]), author=author, to_customer=to_customer)
    return call.created(views.note(call.shop, doc), f"orders/{order}/notes/{doc['id']}")


def show(call: Call, order: int, id: int) -> Answer:
    """GET orders/ID/notes/ID."""
    return Answer(views.note(call.shop, _note(call, order, id)))


def delete(call: Call, order: int, id: int) -> Answer:
    """DELETE orders/ID/notes/ID: only with force."""
    doc = _note(call, order, id)
    if not call.force:
        raise RestError(501, "woocommerce_rest_trash_not_supported", "Webhooks do not support trashing.")
    call.shop.remove("note", id)
    return Answer(views.note(call.shop, doc))


def _known(call: Call, order: int) -> None:
    if call.shop.get("order", order) is None:
        raise RestError(404, "woocommerce_rest_shop_order_invalid_id", "Invalid order ID.")


def _note(call: Call, order: int, record_id: int) -> Json:
    _known(call, order)
    doc = call.shop.get("note", record_id)
    if doc is None or doc["parent_id"] != order:
        raise RestError(404, "woocommerce_rest_invalid_id", "Invalid resource ID.")
    return doc
