"""The REST resource webhooks."""

from __future__ import annotations

import re
import secrets
from datetime import UTC, datetime
from urllib.parse import urlsplit

from referins_woo.practice_store import views
from referins_woo.practice_store.call import BATCH, CREATE, DELETE, EDIT, LIST, VIEW, Answer, Call, Routes, in_batch
from referins_woo.practice_store.checks import check_body, one_of
from referins_woo.practice_store.delivery import ping
from referins_woo.practice_store.params import ListSchema
from referins_woo.practice_store.rest_errors import RestError, missing_params
from referins_woo.practice_store.site import Json

SCHEMA = ListSchema(
    orderby=("date", "id", "include", "title"),
    default_orderby="date",
    statuses=("all", "active", "paused", "disabled"),
)
HOOKS: dict[str, tuple[str, ...]] = {
    "order.created": ("woocommerce_new_order",),
    "order.updated": ("woocommerce_update_order", "woocommerce_order_refunded"),
    "order.deleted": ("wp_trash_post", "woocommerce_trash_order"),
    "order.restored": ("untrashed_post", "woocommerce_untrash_order"),
    "customer.created": ("user_register", "woocommerce_created_customer", "woocommerce_new_customer"),
    "customer.updated": ("profile_update", "woocommerce_update_customer"),
    "customer.deleted": ("delete_user",),
    "product.created": (
        *("woocommerce_process_product_meta", "woocommerce_new_product", "woocommerce_new_product_variation"),
    ),
    "product.updated": (
        *("woocommerce_process_product_meta", "woocommerce_update_product", "woocommerce_update_product_variation"),
    ),
    "product.deleted": ("wp_trash_post",),
    "product.restored": ("untrashed_post",),
    "product.published": ("woocommerce_product_published",),
    "coupon.created": ("woocommerce_process_shop_coupon_meta", "woocommerce_new_coupon"),
    "coupon.updated": ("woocommerce_process_shop_coupon_meta", "woocommerce_update_coupon"),
    "coupon.deleted": ("wp_trash_post",),
    "coupon.restored": ("untrashed_post",),
}
"""The topics that exist, and the WordPress hooks that the answer shows for them."""

_BODY = {"status": one_of("active", "paused", "disabled")}
_LETTERS = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789!#$%&()*+,-./:;<=>?@[]^_{|}~"


def register(routes: Routes) -> None:
    """Enter the routes of webhooks."""
    routes.add("GET", "webhooks", LIST, listed)
    routes.add("POST", "webhooks", CREATE, create)
    routes.add("POST PUT PATCH", "webhooks/batch", BATCH, batch)
    routes.add("GET", "webhooks/{id}", VIEW, show)
    routes.add("POST PUT PATCH", "webhooks/{id}", EDIT, update)
    routes.add("DELETE", "webhooks/{id}", DELETE, delete)


def listed(call: Call) -> Answer:
    """GET webhooks."""
    params = call.listing(SCHEMA)
    status = params.statuses[0] if params.statuses else "all"
    found = [
        doc
        for doc in call.shop.changed("webhook").values()
        if doc is not None and status in ("all", doc["status"]) and params.search in doc["name"].lower()
    ]
    if params.orderby == "title":
        found.sort(key=lambda doc: doc["name"], reverse=params.descending)
    else:
        by_date = params.orderby == "date"
        found.sort(key=lambda doc: (doc["created"] if by_date else 0, doc["id"]), reverse=params.descending)
    cut = found[params.offset : params.offset + params.per_page]
    return call.page(params, [views.webhook(call.shop, doc) for doc in cut], len(found))


def show(call: Call, id: int) -> Answer:
    """GET webhooks/ID."""
    return Answer(views.webhook(call.shop, _webhook(call, id, 404, "ID is invalid.")))


def create(call: Call) -> Answer:
    """POST webhooks: the URL is pinged before the answer; a failing ping changes nothing (fact 75)."""
    body = call.body
    if "delivery_url" not in body and not call.loose:
        raise missing_params(["delivery_url"])
    topic = _topic(str(body.get("topic") or ""))
    url = _url(str(body.get("delivery_url") or ""))
    moment = datetime.fromtimestamp(call.shop.now(), UTC)
    default_name = f"Webhook created on {moment:%b %d, %Y @ %I:%M %p}"
    doc = {
        "id": call.shop.new_id("webhook"),
        "name": str(body.get("name") or default_name),
        "status": "active",  # a given status is ignored (fact 89)
        "topic": topic,
        "hooks": _hooks(topic),
        "delivery_url": url,
        "secret": str(body.get("secret") or "".join(secrets.choice(_LETTERS) for _ in range(50))),
        "created": call.shop.now(),
        "modified": None,
        "owner": call.user_id,
        "failures": 0,
        "ping_pending": False,
    }
    shown = views.webhook(call.shop, doc)
    doc["ping_pending"] = not ping(call.shop, doc)
    # A ping that arrives is a save; the answer was made before.
    call.shop.save("webhook", doc, touch=not doc["ping_pending"])
    return call.created(shown, f"webhooks/{doc['id']}")


def update(call: Call, id: int) -> Answer:
    """PUT webhooks/ID: a new URL is pinged; activating does not reset the count of failures (fact 77)."""
    if not call.loose:
        check_body(call.body, _BODY)
    doc = dict(_webhook(call, id, 400, "ID is invalid."))
    body = call.body
    if "topic" in body:
        doc["topic"] = _topic(str(body["topic"]))
        doc["hooks"] = _hooks(doc["topic"])
    for name in ("name", "status", "secret"):
        if body.get(name):
            doc[name] = str(body[name])
    if "delivery_url" in body and body["delivery_url"] != doc["delivery_url"]:
        doc["delivery_url"] = _url(str(body["delivery_url"]))
        doc["ping_pending"] = not ping(call.shop, doc)
    call.shop.save("webhook", doc)
    return Answer(views.webhook(call.shop, doc))


def delete(call: Call, id: int) -> Answer:
    """DELETE webhooks/ID: only with force."""
    doc = _webhook(call, id, 404, "Invalid ID.")
    if not call.force:
        raise RestError(501, "woocommerce_rest_trash_not_supported", "Webhooks do not support trashing.")
    call.shop.remove("webhook", id)
    return Answer(views.webhook(call.shop, doc))


def batch(call: Call) -> Answer:
    """POST webhooks/batch."""
    return in_batch(call, {"create": create, "update": update, "delete": delete})


def _webhook(call: Call, record_id: int, status: int, message: str) -> Json:
    doc = call.shop.get("webhook", record_id)
    if doc is None:
        raise RestError(status, "woocommerce_rest_shop_webhook_invalid_id", message)
    return doc


def _topic(topic: str) -> str:
    """Return the topic as it is kept: one in upper case passes but is kept as "" and never fires (fact 89)."""
    lower = topic.lower()
    if lower in HOOKS or re.fullmatch(r"action\.woocommerce_\w+", lower):
        return topic if topic == lower else ""
    raise RestError(400, "woocommerce_rest_shop_webhook_invalid_topic", "Webhook topic is required and must be valid.")


def _hooks(topic: str) -> list[str]:
    return [topic.removeprefix("action.")] if topic.startswith("action.") else list(HOOKS.get(topic, ()))


def _url(url: str) -> str:
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.netloc or not url.isascii():
        raise RestError(
            *(400, "woocommerce_rest_shop_webhook_invalid_delivery_url"),
            "Webhook delivery URL must be a valid URL starting with http:// or https://.",
        )
    return url
