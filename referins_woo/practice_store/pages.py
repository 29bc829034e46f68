"""The shop's own pages: goods, checkout, and recent orders with the buttons of an owner and a payment provider."""

from __future__ import annotations

from functools import lru_cache
from html import unescape
from urllib.parse import unquote

from flask import Flask, redirect, render_template, request
from werkzeug.exceptions import Forbidden, NotFound
from werkzeug.wrappers import Response

from referins_woo.paths import templates_dir
from referins_woo.practice_store import product_rules, product_views
from referins_woo.practice_store.checkout import ACTIONS, PAYMENTS, buy
from referins_woo.practice_store.currencies import symbol
from referins_woo.practice_store.drawings import drawing
from referins_woo.practice_store.order_list import HIDDEN
from referins_woo.practice_store.rest_errors import RestError
from referins_woo.practice_store.shop import Shop
from referins_woo.practice_store.site import Json

RECENT = 12


def register(flask: Flask, shop: Shop) -> None:
    """Enter the shop's pages. They work without script."""
    flask.template_folder = str(templates_dir() / "practice_store")
    flask.jinja_env.filters["plain"] = lambda text: unescape(str(text))

    @flask.context_processor
    def what_pages_know() -> Json:
        return {"site": shop.site, "symbol": symbol(shop.site.currency)}

    @flask.before_request
    def own_pages_only() -> None:
        """Refuse forms that another site's page sent."""
        origin = request.headers.get("Origin")
        if request.method != "GET" and origin not in (None, "null", f"{request.scheme}://{request.host}"):
            raise Forbidden

    @flask.get("/")
    def home() -> str:
        return render_template("shop.html", goods=_goods(shop), orders=_recent(shop))

    @flask.get("/product/<slug>/")
    def product(slug: str) -> str:
        found = next((thing for thing in _goods(shop) if unquote(thing["slug"]) == slug), None)
        if found is None:
            raise NotFound
        return render_template(
            "product.html", thing=found, payments=PAYMENTS, known=_known_customers(shop), wrong="", given={}
        )

    @flask.post("/checkout")
    def checkout() -> Response | str:
        try:
            order_id = buy(shop, request.form.to_dict())
        except RestError as refused:
            found = next((thing for thing in _goods(shop) if thing["slug"] == request.form.get("slug")), None)
            if found is None:
                raise NotFound from None
            return render_template(
                "product.html",
                thing=found,
                payments=PAYMENTS,
                known=_known_customers(shop),
                wrong=str(refused),
                given=request.form,
            )
        return redirect(f"/order/{order_id}/", 303)

    @flask.get("/order/<int:order_id>/")
    @flask.get("/checkout/order-pay/<int:order_id>/")
    def order(order_id: int) -> str:
        doc = shop.get("order", order_id)
        if doc is None:
            raise NotFound
        return render_template("order.html", order=_row(shop, doc), doc=doc)

    @flask.post("/order/<int:order_id>/<action>")
    def act(order_id: int, action: str) -> Response:
        if action not in ACTIONS or shop.get("order", order_id) is None:
            raise NotFound
        ACTIONS[action](shop, order_id)
        return redirect("/" if request.form.get("back") == "/" else f"/order/{order_id}/", 303)

    @flask.get("/wp-content/uploads/<int:product_id>.svg")
    def picture(product_id: int) -> Response:
        doc = shop.get("product", product_id)
        if doc is None:
            raise NotFound
        return Response(drawing(product_id, str(doc.get("picture") or "")), content_type="image/svg+xml")

    @flask.get("/practice-store.css")
    def style() -> Response:
        return Response(_file("style.css"), content_type="text/css; charset=utf-8")

    @flask.errorhandler(NotFound)
    def missing(error: NotFound) -> Response:
        return Response(render_template("missing.html"), 404, content_type="text/html; charset=UTF-8")


def actions_of(doc: Json) -> list[tuple[str, str]]:
    """Return the buttons that make sense for an order: action and label."""
    status = doc["status"]
    if status == "trash":
        return [("restore", "Restore")]
    made = []
    if status in ("pending", "failed", "on-hold"):
        made.append(("pay", "Pay now"))
    if status in ("processing", "on-hold", "shipped"):
        made.append(("complete", "Complete"))
    if status in ("pending", "processing", "on-hold", "failed"):
        made.append(("cancel", "Cancel"))
    if status in ("processing", "completed") and doc["paid"]:
        made.append(("refund", "Refund"))
    return [*made, ("trash", "Trash")]


def _goods(shop: Shop) -> list[Json]:
    """Return what the shop window shows: published goods with a price, 48 at most."""
    shown: list[Json] = []
    for doc in product_rules.docs(shop, "product"):
        if len(shown) == 48:
            break
        known = product_views.prices(shop, doc)
        if doc["status"] != "publish" or doc["type"] not in ("simple", "variable") or not known:
            continue
        low, high = min(map(float, known)), max(map(float, known))
        children = product_views.children(shop, doc["id"]) if doc["type"] == "variable" else []
        shown.append(
            {
                "id": doc["id"],
                "slug": doc["slug"],
                "name": unescape(doc["name"]),
                "price": f"{low:,.2f}" if low == high else f"{low:,.2f} – {high:,.2f}",
                "old_price": f"{float(doc['regular_price']):,.2f}" if doc.get("sale_price") else "",
                "picture": f"/wp-content/uploads/{doc['id']}.svg",
                "category": (shop.get("category", doc["categories"][0]) or {"name": ""})["name"],
                "variations": [
                    (
                        child["id"],
                        ", ".join(row["option"] for row in child["attributes"]),
                        product_views.price_of(shop, child),
                    )
                    for i in children
                    if (child := shop.get("variation", i)) and child["status"] == "publish"
                ],
                "left": product_views.stock(shop, doc)[1],
            }
        )
    return shown


def _recent(shop: Shop) -> list[Json]:
    """Return the orders last made here, newest first."""
    ids = sorted(shop.changed("order"), reverse=True)
    docs = [doc for i in ids if (doc := shop.get("order", i)) is not None]
    return [_row(shop, doc) for doc in docs if doc["status"] not in HIDDEN or doc["status"] == "trash"][:RECENT]


def _row(shop: Shop, doc: Json) -> Json:
    billing = doc["billing"]
    return {
        "id": doc["id"],
        "when": str(shop.site.local(doc["created"])).replace("T", " ")[:16],
        "name": f"{billing['first_name']} {billing['last_name']}".strip() or "Guest",
        "email": billing["email"],
        "status": doc["status"],
        "total": doc["total"],
        "symbol": symbol(doc["currency"]),
        "items": ", ".join(f"{line['quantity']} × {unescape(line['name'])}" for line in doc["line_items"]),
        "actions": actions_of(doc),
    }


def _known_customers(shop: Shop) -> list[Json]:
    """Return a few customers to buy as."""
    ids = [*sorted(shop.changed("customer"), reverse=True)[:4], *shop.world.customer_ids[:8]]
    docs = [doc for i in dict.fromkeys(ids) if (doc := shop.get("customer", i)) is not None]
    return [
        {"id": doc["id"], "label": f"{unescape(doc['first_name'])} {unescape(doc['last_name'])} <{doc['email']}>"}
        for doc in docs
    ]


@lru_cache
def _file(name: str) -> bytes:
    return (templates_dir() / "practice_store" / name).read_bytes()
