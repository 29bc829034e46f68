"""Records as the REST API shows them, in the field order of the recordings."""

from __future__ import annotations

from hashlib import sha256

from referins_woo.practice_store import money
from referins_woo.practice_store.currencies import entity, symbol
from referins_woo.practice_store.shop import Shop
from referins_woo.practice_store.site import Json, Site

EDITABLE = ("pending", "on-hold", "auto-draft")
UNPAID = ("pending", "failed", "checkout-draft")
_TOTALS = ("discount_total", "discount_tax", "shipping_total", "shipping_tax", "cart_tax", "total", "total_tax")
_LINES = ("line_items", "tax_lines", "shipping_lines", "fee_lines", "refunds")
_AMOUNTS = ("subtotal", "subtotal_tax", "total", "total_tax", "tax_total", "shipping_tax_total")


def order(shop: Shop, doc: Json, digits: int | None = None) -> Json:
    """Return an order as `GET orders/ID` shows it; `digits` after the point, those of the site by default (fact 20)."""
    made = _order(shop, doc)
    decimals = shop.site.decimals
    if digits is None:
        digits = decimals
    if digits != 2 or decimals != 2 or doc.get("precise"):
        for name in _TOTALS:  # rounded as the site rounds, then written out
            made[name] = money.shown(money.shown(made[name], decimals), digits)
        for name in _LINES:
            made[name] = [_written(row, digits) for row in made[name]]
    if not shop.site.version.order_tables:
        made["refunds"] = [{n: v for n, v in row.items() if n != "total_tax"} for row in made["refunds"]]
        made["line_items"] = [{n: v for n, v in row.items() if n != "global_unique_id"} for row in made["line_items"]]
    return made


def _written(row: Json, digits: int) -> Json:
    """Return a line with its amounts written with so many digits; empty ones stay empty."""
    made = {**row, **{name: money.shown(row[name], digits) for name in _AMOUNTS if row.get(name)}}
    if "taxes" in row:
        made["taxes"] = [_written(tax, digits) for tax in row["taxes"]]
    return made


def _order(shop: Shop, doc: Json) -> Json:
    site, record_id = shop.site, doc["id"]
    local, gmt = site.local, site.gmt
    created, modified, paid, completed = doc["created"], doc["modified"], doc["paid"], doc["completed"]
    links = site.links(f"orders/{record_id}")
    links["email_templates"] = [{"embeddable": True, "href": site.api(f"orders/{record_id}/actions/email_templates")}]
    if doc["customer_id"]:
        links["customer"] = [{"href": site.api(f"customers/{doc['customer_id']}")}]
    if doc["parent_id"]:
        links["up"] = [{"href": site.api(f"orders/{doc['parent_id']}")}]
    return {
        "id": record_id,
        "parent_id": doc["parent_id"],
        "status": doc["status"],
        "currency": doc["currency"],
        "version": doc.get("version") or site.version.woocommerce,
        "prices_include_tax": doc["prices_include_tax"],
        "date_created": local(created),
        "date_modified": local(modified),
        "discount_total": doc["discount_total"],
        "discount_tax": doc["discount_tax"],
        "shipping_total": doc["shipping_total"],
        "shipping_tax": doc["shipping_tax"],
        "cart_tax": doc["cart_tax"],
        "total": doc["total"],
        "total_tax": doc["total_tax"],
        "customer_id": doc["customer_id"],
        "order_key": doc["order_key"],
        "billing": doc["billing"],
        "shipping": doc["shipping"],
        "payment_method": doc["payment_method"],
        "payment_method_title": doc["payment_method_title"],
        "transaction_id": doc["transaction_id"],
        "customer_ip_address": doc["customer_ip_address"],
        "customer_user_agent": doc["customer_user_agent"],
        "created_via": doc["created_via"],
        "customer_note": doc["customer_note"],
        "date_completed": local(completed),
        "date_paid": local(paid),
        "cart_hash": doc.get("cart_hash", ""),
        "number": str(record_id),
        "meta_data": doc["meta_data"],
        "line_items": _living(shop, doc["line_items"]),
        "tax_lines": doc["tax_lines"],
        "shipping_lines": doc["shipping_lines"],
        "fee_lines": doc["fee_lines"],
        "coupon_lines": doc["coupon_lines"],
        "refunds": doc["refunds"],
        "payment_url": f"{site.home}/checkout/order-pay/{record_id}/?pay_for_order=true&key={doc['order_key']}",
        "is_editable": doc["status"] in EDITABLE,
        "needs_payment": doc["status"] in UNPAID and doc["total"] != "0.00",
        "needs_processing": doc["needs_processing"],
        "date_created_gmt": gmt(created),
        "date_modified_gmt": gmt(modified),
        "date_completed_gmt": gmt(completed),
        "date_paid_gmt": gmt(paid),
        "currency_symbol": symbol(doc["currency"]),
        "_links": links,
    }


def _living(shop: Shop, lines: list[Json]) -> list[Json]:
    """Take the product out of lines whose product or variation was deleted (fact 23)."""

    def gone(kind: str, record_id: int) -> bool:
        return shop.overlay.knows(kind, record_id) and shop.get(kind, record_id) is None

    if not any(gone("product", line["product_id"]) or gone("variation", line["variation_id"]) for line in lines):
        return lines
    shown = []
    for line in lines:
        made = line
        if gone("product", line["product_id"]):
            made = {**line, "product_id": 0, "variation_id": 0, "sku": None, "global_unique_id": None}
            made |= {"image": {"id": 0, "src": ""}, "parent_name": None}
        elif gone("variation", line["variation_id"]):
            made = {**line, "variation_id": 0, "parent_name": None}
        shown.append(made)
    return shown


def refund(shop: Shop, doc: Json, *, with_parent: bool = False, digits: int | None = None) -> Json:
    """Return a refund; the route over all orders adds `parent_id` (fact 43)."""
    site = shop.site
    digits = site.decimals if digits is None else digits
    path = f"orders/{doc['parent_id']}/refunds/{doc['id']}"
    made: Json = {
        "id": doc["id"],
        **({"parent_id": doc["parent_id"]} if with_parent else {}),
        "date_created": site.local(doc["created"]),
        "date_created_gmt": site.gmt(doc["created"]),
        "amount": money.shown(doc["amount"], digits),
        "reason": doc["reason"],
        "refunded_by": doc["refunded_by"],
        "refunded_payment": doc["refunded_payment"],
        "meta_data": doc["meta_data"],
        "line_items": doc["line_items"],
        **{name: doc.get(name, []) for name in ("shipping_lines", "tax_lines", "fee_lines")},
        "_links": site.links(path, ("GET", "DELETE")),
    }
    made["_links"]["up"] = [{"href": site.api(f"orders/{doc['parent_id']}")}]
    return made


def customer(shop: Shop, doc: Json) -> Json:
    """Return a user as a customer. One without a role is shown as customer, one with two shows the first (fact 46)."""
    site = shop.site
    links = site.links(f"customers/{doc['id']}")
    if doc["roles"] and doc["roles"][0] not in ("customer", "subscriber"):  # staff is not deleted here
        links["self"][0]["targetHints"]["allow"].remove("DELETE")
    return {
        "id": doc["id"],
        "date_created": site.local(doc["created"]),
        "date_created_gmt": site.gmt(doc["created"]),
        "date_modified": site.local(doc["modified"]),
        "date_modified_gmt": site.gmt(doc["modified"]),
        "email": doc["email"],
        "first_name": doc["first_name"],
        "last_name": doc["last_name"],
        "role": doc["roles"][0] if doc["roles"] else "customer",
        "username": doc["username"],
        "billing": doc["billing"],
        "shipping": doc["shipping"],
        "is_paying_customer": doc["is_paying_customer"],
        "avatar_url": f"https://secure.gravatar.com/avatar/{sha256(doc['email'].lower().encode()).hexdigest()}"
        "?s=96&d=mm&r=g",
        "meta_data": doc["meta_data"],
        "_links": links,
    }


def coupon(shop: Shop, doc: Json) -> Json:
    """Return a coupon."""
    site = shop.site
    return {
        "id": doc["id"],
        "code": doc["code"],
        "amount": doc["amount"],
        "status": doc["status"],
        "date_created": site.local(doc["created"]),
        "date_created_gmt": site.gmt(doc["created"]),
        "date_modified": site.local(doc["modified"]),
        "date_modified_gmt": site.gmt(doc["modified"]),
        "discount_type": doc["discount_type"],
        "description": doc["description"],
        "date_expires": site.local(doc["expires"]),
        "date_expires_gmt": site.gmt(doc["expires"]),
        **{name: doc[name] for name in _COUPON},
        "_links": site.links(f"coupons/{doc['id']}"),
    }


_COUPON = (
    *("usage_count", "individual_use", "product_ids", "excluded_product_ids", "usage_limit", "usage_limit_per_user"),
    *("limit_usage_to_x_items", "free_shipping", "product_categories", "excluded_product_categories"),
    *("exclude_sale_items", "minimum_amount", "maximum_amount", "email_restrictions", "used_by", "meta_data"),
)


def note(shop: Shop, doc: Json) -> Json:
    """Return a note of an order."""
    site, order_id = shop.site, doc["parent_id"]
    links = site.links(f"orders/{order_id}/notes/{doc['id']}", ("GET", "DELETE"))
    return {
        "id": doc["id"],
        "author": doc["author"],
        "date_created": site.local(doc["created"]),
        "date_created_gmt": site.gmt(doc["created"]),
        "note": doc["note"],
        "customer_note": doc["customer_note"],
        "_links": {**links, "up": [{"href": site.api(f"orders/{order_id}")}]},
    }


def webhook(shop: Shop, doc: Json) -> Json:
    """Return a webhook; its secret is never shown (fact 74)."""
    site = shop.site
    resource, _, event = doc["topic"].partition(".")
    return {
        "id": doc["id"],
        "name": doc["name"],
        "status": doc["status"],
        "topic": doc["topic"],
        "resource": resource,
        "event": event,
        "hooks": doc["hooks"],
        "delivery_url": doc["delivery_url"],
        "date_created": site.local(doc["created"]),
        "date_created_gmt": site.gmt(doc["created"]),
        "date_modified": site.local(doc["modified"]),
        "date_modified_gmt": site.gmt(doc["modified"]),
        "_links": site.links(f"webhooks/{doc['id']}"),
    }


def price_html(site: Site, low: str, high: str, was: str = "") -> str:
    """Return the price as WooCommerce puts it into a page: one amount, a range, or what it was and is."""
    mark = ' translate="no"' if site.version.order_tables else ""

    def words(amount: str) -> str:
        return f"{entity(site.currency)}{float(amount):,.{site.decimals}f}"

    def tag(amount: str, more: str = "") -> str:
        sign = f'<span class="woocommerce-Price-currencySymbol"{mark}>{entity(site.currency)}</span>'
        written = f"{float(amount):,.{site.decimals}f}"
        return f'<span class="woocommerce-Price-amount amount"{more}><bdi>{sign}{written}</bdi></span>'

    def said(text: str) -> str:
        return f'<span class="screen-reader-text">{text}</span>'

    if not low:
        return ""
    if was:
        before, after = (words(amount).replace("&#36;", "&#036;") for amount in (was, low))
        original = f'<del aria-hidden="true">{tag(was)}</del> {said(f"Original price was: {before}.")}'
        return f'{original}<ins aria-hidden="true">{tag(low)}</ins>{said(f"Current price is: {after}.")}'
    if float(low) == float(high):
        return tag(low)
    if not site.version.order_tables:
        return f"{tag(low)} &ndash; {tag(high)}"
    hidden = ' aria-hidden="true"'
    spoken = said(f"Price range: {words(low)} through {words(high)}")
    return f"{tag(low, hidden)} <span{hidden}>&ndash;</span> {tag(high, hidden)}{spoken}"
