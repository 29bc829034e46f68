"""Which rows a list holds, in which order, and what its page says: as the recordings show."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from tests.replay.shelf import Raw, Rows, Shelf

Query = dict[str, str]


class BadParameter(Exception):
    """400 `rest_invalid_param`: the parameter is the argument."""


class NeverRecorded(Exception):
    """Nothing was recorded that answers this."""


def orders(shelf: Shelf, query: Query) -> list[Raw]:
    """Return the orders that a query asks for."""
    statuses = set(query["status"].split(",")) if query.get("status") else {"any"}
    if any(status.startswith("wc-") for status in statuses):
        raise BadParameter("status")  # orders/list-status-with-wc-prefix
    left_out = {"trash"} if shelf.lists_drafts else {"trash", "checkout-draft"}  # fact 28; post storage as recorded
    rows = [
        raw
        for raw in shelf.orders.values()
        if raw["status"] in statuses or ("any" in statuses and raw["status"] not in left_out)
    ]
    rows = list(_dated(shelf, rows, query, created="date_created_gmt"))
    return _chosen(rows, query, "orders", shelf)


def customers(shelf: Shelf, query: Query) -> list[Raw]:
    """Return users; `modified_after` is ignored there (fact 7), and only lists of roles decide (fact 46)."""
    role = query.get("role", "customer")
    if role != "all" and role not in shelf.roles:
        raise NeverRecorded(f"customers with role {role}")
    rows = [raw for raw in shelf.users.values() if role == "all" or raw["id"] in shelf.roles[role]]
    return _chosen(rows, query, "customers", shelf)


def products(shelf: Shelf, query: Query) -> list[Raw]:
    """Return products of every status but trash (fact 51)."""
    rows = [raw for raw in shelf.products.values() if raw["status"] != "trash"]
    return _chosen(list(_dated(shelf, rows, query, created="date_created_gmt")), query, "products", shelf)


def variations(shelf: Shelf, query: Query, product_id: int | None = None) -> list[Raw]:
    """Return the variations of one product, none of a simple one (fact 55), or those of all."""
    if product_id is None:
        rows: Iterable[Raw] = (raw for each in shelf.variations.values() for raw in each.values())
    elif product_id in shelf.variations:
        rows = shelf.variations[product_id].values()
    elif product_id in shelf.products and shelf.products[product_id]["type"] != "variable":
        rows = []
    else:
        raise NeverRecorded(f"variations of product {product_id}")
    return _chosen(list(_dated(shelf, rows, query, created="date_created_gmt")), query, "variations", shelf)


def refunds(shelf: Shelf, query: Query, order_id: int | None = None) -> list[Raw]:
    """Return all refunds, or those of one order."""
    rows = [raw for raw in shelf.refunds.values() if order_id is None or raw["parent_id"] == order_id]
    return _chosen(rows, query, "refunds", shelf)


def rows_of(rows: Rows, query: Query, shelf: Shelf) -> list[Raw]:
    """Return rows without filters of their own: categories, webhooks."""
    return _chosen(list(rows.values()), query, "", shelf)


def page(rows: list[Raw], query: Query) -> tuple[list[Raw], int, int]:
    """Return (the page's rows, total, pages)."""
    per_page = int(query.get("per_page", "10"))
    number = int(query.get("page", "1"))
    if not 1 <= per_page <= 100:
        raise BadParameter("per_page")  # fact 1
    if number < 1:
        raise BadParameter("page")
    offset = int(query["offset"]) if query.get("offset") else (number - 1) * per_page
    shown = rows[offset : offset + per_page]
    return shown, len(rows), -(-len(rows) // per_page)


def only(raw: Raw, fields: str | None) -> Raw:
    """Return the fields that `_fields` names, all without it."""
    if not fields:
        return raw
    wanted = {name.strip().split(".")[0] for name in fields.split(",")}
    return {name: value for name, value in raw.items() if name in wanted}


def _dated(shelf: Shelf, rows: Iterable[Raw], query: Query, *, created: str) -> Iterable[Raw]:
    for name, column, later in (
        ("after", created, True),
        ("before", created, False),
        ("modified_after", "date_modified_gmt", True),
        ("modified_before", "date_modified_gmt", False),
    ):
        if text := query.get(name):
            bound = _bound(shelf, text, query, name)
            # Both are exclusive (fact 14).
            rows = [raw for raw in rows if (_gmt(raw[column]) > bound if later else _gmt(raw[column]) < bound)]
    return rows


def _bound(shelf: Shelf, text: str, query: Query, name: str) -> datetime:
    """Without suffix site time, or UTC with dates_are_gmt; a Z is understood, with both it is shifted (fact 13)."""
    if "T" not in text:
        raise BadParameter(name)  # fact 15
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise BadParameter(name) from None
    is_gmt = query.get("dates_are_gmt") == "true"
    zone = ZoneInfo(shelf.index["timezone_string"])
    if moment.tzinfo is None:
        return moment.replace(tzinfo=UTC if is_gmt else zone)
    shift = moment.astimezone(zone).utcoffset() if is_gmt else timedelta(0)
    return moment + (shift or timedelta(0))


def _gmt(text: str | None) -> datetime:
    return datetime.fromisoformat(text or "0001-01-01T00:00:00").replace(tzinfo=UTC)


def _chosen(rows: list[Raw], query: Query, kind: str, shelf: Shelf) -> list[Raw]:
    if query.get("include"):
        wanted = {int(each) for each in query["include"].split(",")}
        # An id in a gap of the recorded whole list is known not to be there; one beyond it was never seen.
        highest = max(_known(kind, shelf), default=0)
        strange = {each for each in wanted if each > highest} - shelf.unrecorded.get(kind, set())
        if strange:
            raise NeverRecorded(f"{kind} {sorted(strange)}")
        rows = [raw for raw in rows if raw["id"] in wanted]
    if query.get("exclude"):
        unwanted = {int(each) for each in query["exclude"].split(",")}
        rows = [raw for raw in rows if raw["id"] not in unwanted]
    order_by = query.get("orderby", "date")
    if order_by not in ("id", "date", "modified"):
        raise NeverRecorded(f"orderby={order_by}")
    if order_by == "modified" and shelf.keeps_totals and query.get("_fields") != "id,date_modified_gmt":
        # Post storage loses rows of equal stamps between pages (fact 6): nobody may walk this; a look at the top may.
        raise NeverRecorded("a walk in the order of modification, which loses rows on post storage")
    key = {"id": "id", "date": "date_created_gmt", "modified": "date_modified_gmt"}[order_by]
    descending = query.get("order", "desc" if order_by == "date" else "asc") == "desc"
    return sorted(rows, key=lambda raw: (_sortable(raw.get(key)), raw["id"]), reverse=descending)


def _known(kind: str, shelf: Shelf) -> Iterable[int]:
    rows = {"orders": shelf.orders, "customers": shelf.users, "products": shelf.products, "refunds": shelf.refunds}
    return rows.get(kind, {})


def _sortable(value: Any) -> Any:
    return value if value is not None else ""
