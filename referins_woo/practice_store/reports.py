"""The REST resource reports, as far as it counts: totals by kind, sales of a day, top sellers."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime, time

from referins_woo.practice_store import coupons, money, product_rules
from referins_woo.practice_store.call import LIST, Answer, Call, Routes
from referins_woo.practice_store.orders import NAMES
from referins_woo.practice_store.seed.layout import CYCLE, KINDS
from referins_woo.practice_store.shop import Shop
from referins_woo.practice_store.site import Json

_REPORTS = (
    ("sales", "List of sales reports."),
    ("top_sellers", "List of top sellers products."),
    ("orders/totals", "Orders totals."),
    ("products/totals", "Products totals."),
    ("customers/totals", "Customers totals."),
    ("coupons/totals", "Coupons totals."),
    ("reviews/totals", "Reviews totals."),
    ("categories/totals", "Categories totals."),
    ("tags/totals", "Tags totals."),
    ("attributes/totals", "Attributes totals."),
)
_TYPES = (
    ("external", "External/Affiliate product"),
    ("grouped", "Grouped product"),
    ("simple", "Simple product"),
    ("variable", "Variable product"),
)
_DISCOUNTS = (
    ("percent", "Percentage discount"),
    ("fixed_cart", "Fixed cart discount"),
    ("fixed_product", "Fixed product discount"),
)
SOLD = ("processing", "completed", "on-hold", "refunded")


def register(routes: Routes) -> None:
    """Enter the routes of reports."""
    routes.add("GET", "reports", LIST, index)
    routes.add("GET", "reports/sales", LIST, sales)
    routes.add("GET", "reports/top_sellers", LIST, top_sellers)
    routes.add("GET", "reports/orders/totals", LIST, orders)
    routes.add("GET", "reports/products/totals", LIST, products)
    routes.add("GET", "reports/customers/totals", LIST, customers)
    routes.add("GET", "reports/coupons/totals", LIST, discounts)


def index(call: Call) -> Answer:
    """GET reports."""
    site = call.shop.site
    rows = []
    for name, words in _REPORTS:
        links = {**site.links(f"reports/{name}", ("GET",)), "collection": [{"href": site.api("reports")}]}
        rows.append({"slug": name, "description": words, "_links": links})
    return Answer(rows)


def orders(call: Call) -> Answer:
    """GET reports/orders/totals: arithmetic over the seeded ones, a look at each changed one."""
    shop = call.shop
    size, changed = len(shop.world.order_ids), shop.changed("order")
    found: Counter[str] = Counter()
    for place, (status, _) in enumerate(KINDS):
        found[status] += len(range(place, size, CYCLE))
    for record_id, doc in changed.items():
        if record_id in shop.world.order_ids:
            found[shop.world.orders.status(record_id - shop.world.layout.first_order)] -= 1
        if doc is not None:
            found[doc["status"]] += 1
    return Answer([{"slug": slug, "name": name, "total": found[slug]} for slug, name in NAMES.items()])


def products(call: Call) -> Answer:
    """GET reports/products/totals: published ones by type."""
    found = Counter(doc["type"] for doc in product_rules.docs(call.shop, "product") if doc["status"] == "publish")
    return Answer([{"slug": slug, "name": name, "total": found[slug]} for slug, name in _TYPES])


def customers(call: Call) -> Answer:
    """GET reports/customers/totals: users other than administrators and shop managers, who paid and who did not."""
    shop = call.shop
    ids = {*shop.world.staff_ids, *shop.world.customer_ids, *shop.changed("customer")}
    found: Counter[bool] = Counter()
    for record_id in ids:
        doc = shop.get("customer", record_id)
        if doc is not None and not {"administrator", "shop_manager"} & set(doc["roles"]):
            found[bool(doc["is_paying_customer"])] += 1
    rows = (("paying", "Paying customer", True), ("non_paying", "Non-paying customer", False))
    return Answer([{"slug": slug, "name": name, "total": found[paid]} for slug, name, paid in rows])


def discounts(call: Call) -> Answer:
    """GET reports/coupons/totals."""
    found = Counter(doc["discount_type"] for doc in coupons.every(call.shop))
    return Answer([{"slug": slug, "name": name, "total": found[slug]} for slug, name in _DISCOUNTS])


def sales(call: Call) -> Answer:
    """GET reports/sales: those of today."""
    shop = call.shop
    day = datetime.fromtimestamp(shop.now(), shop.site.zone).date()
    docs = _since(shop, int(datetime.combine(day, time(), shop.site.zone).astimezone(UTC).timestamp()))
    total = sum(money.cents(doc["total"]) for doc in docs)
    tax = sum(money.cents(doc["total_tax"]) for doc in docs)
    carriage = sum(money.cents(doc["shipping_total"]) for doc in docs)
    off = sum(money.cents(doc["discount_total"]) for doc in docs)
    back = -sum(money.cents(row["total"]) for doc in docs for row in doc["refunds"])
    items = sum(line["quantity"] for doc in docs for line in doc["line_items"])
    row: Json = {
        "sales": money.text(total),
        "orders": len(docs),
        "items": items,
        "tax": money.text(tax),
        "shipping": money.text(carriage),
        "discount": money.text(off),
        "customers": 0,
    }
    report = {
        "total_sales": row["sales"],
        "net_sales": money.text(total - tax - carriage - back),
        "average_sales": money.text(total - tax - carriage - back),
        "total_orders": row["orders"],
        "total_items": items,
        "total_tax": row["tax"],
        "total_shipping": row["shipping"],
        "total_refunds": back // 100,
        "total_discount": row["discount"],
        "totals_grouped_by": "day",
        "totals": {day.isoformat(): {**row, "refunds": money.text(back)}},
        "total_customers": 0,
        "_links": {"about": [{"href": shop.site.api("reports")}]},
    }
    return Answer([report])


def top_sellers(call: Call) -> Answer:
    """GET reports/top_sellers: those of today."""
    day = datetime.fromtimestamp(call.shop.now(), call.shop.site.zone).date()
    start = int(datetime.combine(day, time(), call.shop.site.zone).timestamp())
    sold: Counter[tuple[int, str]] = Counter()
    for doc in _since(call.shop, start):
        for line in doc["line_items"]:
            sold[line["product_id"], line["name"]] += line["quantity"]
    rows = [{"name": name, "product_id": number, "quantity": count} for (number, name), count in sold.most_common(12)]
    return Answer([{**row, "_links": {"about": [{"href": call.shop.site.api("reports")}]}} for row in rows])


def _since(shop: Shop, moment: int) -> list[Json]:
    """Return the sold orders made at or after a moment."""
    changed = shop.changed("order")
    ids = shop.world.order_ids
    fresh = [i for i in ids[-2000:] if i not in changed and shop.world.orders.created(i - ids.start) >= moment]
    docs = [doc for i in [*fresh, *changed] if (doc := shop.get("order", i)) is not None]
    return [doc for doc in docs if doc["status"] in SOLD and doc["created"] >= moment]
