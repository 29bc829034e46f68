"""Which orders a list request means: arithmetic over the seeded ones, a look at each changed one."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable
from itertools import pairwise

from referins_woo.practice_store.call import Call
from referins_woo.practice_store.checks import whole
from referins_woo.practice_store.params import ListParams, ListSchema, ids, several, single
from referins_woo.practice_store.rows import Chained, Cycled, Listed, Rows, cut, tie_breaker
from referins_woo.practice_store.seed.layout import CYCLE, KINDS, REFUNDED
from referins_woo.practice_store.seed.orders import LATEST_CHANGE, LATEST_COMPLETION
from referins_woo.practice_store.shop import Shop
from referins_woo.practice_store.site import Json

STATUSES = (
    *("auto-draft", "pending", "processing", "on-hold", "completed", "cancelled", "refunded", "failed", "shipped"),
    "checkout-draft",
)
HIDDEN = ("trash", "checkout-draft", "auto-draft")
"""What `status=any`, the default, leaves out (fact 28)."""

SCHEMA = ListSchema(
    orderby=("date", "id", "include", "title", "slug", "modified"),
    default_orderby="date",
    statuses=("any", "trash", *STATUSES),
    many_statuses=True,
)


def select(call: Call, params: ListParams) -> tuple[list[int], int]:
    """Return the ids of one page and the total."""
    shop = call.shop
    statuses = wanted(params.statuses)
    if not shop.site.version.order_tables and statuses == wanted(()):
        statuses = {*statuses, "checkout-draft"}  # on post storage "any" has the drafts too
    base = _seeded(shop, params, statuses)
    changed = shop.changed("order")
    added = [i for i, doc in changed.items() if doc is not None and _matches(doc, params, statuses)]
    if params.orderby in ("date", "id") and not _backdated(changed):
        return cut(
            base, list(changed), added, offset=params.offset, limit=params.per_page, descending=params.descending
        )
    every = [base[place] for place in range(len(base)) if base[place] not in changed] + added
    turn = tie_breaker(shop.site, params.page) if params.orderby == "modified" else None
    if turn is not None:
        every.sort(key=turn)
    turned = params.descending and params.orderby not in ("title", "slug", "include")
    ordered = sorted(every, key=lambda i: _key(shop, params, i)[: None if turn is None else 1], reverse=turned)
    return ordered[params.offset : params.offset + params.per_page], len(every)


def wanted(statuses: Iterable[str]) -> set[str]:
    """Return the statuses that are listed."""
    asked = set(statuses) or {"any"}
    if "any" in asked:
        return {"pending", "processing", "on-hold", "completed", "cancelled", "refunded", "failed", "shipped"}
    return asked


def _seeded(shop: Shop, params: ListParams, statuses: set[str]) -> Rows:
    seeded, first = shop.world.orders, shop.world.layout.first_order
    places = [place for place, (status, _) in enumerate(KINDS) if status in statuses]
    bounds = params.bounds
    low = _after(shop, bounds["after"]) if "after" in bounds else 0
    high = _after(shop, bounds["before"] - 1) if "before" in bounds else len(shop.world.order_ids)
    if params.include or _needs_a_look(params):
        numbers: Iterable[int] = range(low, high)
        if params.include:
            numbers = (i - first for i in sorted(set(params.include)) if i in shop.world.order_ids)
        elif (customer := single(params.query, "customer")) and whole(customer) in shop.world.customer_ids:
            numbers = shop.world.layout.orders_of_customer(whole(customer) - shop.world.customer_ids.start)
        return Listed(
            [
                first + n
                for n in numbers
                if low <= n < high and n % CYCLE in places and _seeded_matches(shop, n, params, statuses)
            ]
        )
    if "modified_after" in bounds:
        bound = bounds["modified_after"]
        surely = min(max(_after(shop, bound), low), high)
        maybe = max(_after(shop, bound - LATEST_CHANGE), low)
        soon = max(_after(shop, bound - LATEST_COMPLETION), low)
        wanted_places = set(places)
        window = [
            first + n
            for n in range(maybe, surely)
            if (place := n % CYCLE) in wanted_places
            and (n >= soon or place in REFUNDED)
            and seeded.moments(n)[3] > bound
        ]
        return Chained(Listed(window), Cycled(first, surely, high, places, CYCLE))
    return Cycled(first, low, high, places, CYCLE)


def _after(shop: Shop, bound: int) -> int:
    """Return the number of the first seeded order made after `bound`."""
    return bisect_right(range(len(shop.world.order_ids)), bound, key=shop.world.orders.created)


def _needs_a_look(params: ListParams) -> bool:
    asked = ("customer", "product", "parent", "parent_exclude", "created_via")
    return bool(
        params.search
        or params.exclude
        or "modified_before" in params.bounds
        or any(single(params.query, name) or several(params.query, name) for name in asked)
    )


def _seeded_matches(shop: Shop, number: int, params: ListParams, statuses: set[str]) -> bool:
    """Whether a seeded order matches; what is cheap to tell is asked first."""
    seeded = shop.world.orders
    customer = single(params.query, "customer")
    needs_buyer = customer is not None or params.search
    buyer = seeded.buyer(number) if needs_buyer else None
    if buyer and customer is not None and buyer[0] != whole(customer):
        return False
    record_id = shop.world.layout.first_order + number
    if params.search and buyer and not _found(params.search, record_id, " ".join(buyer[1:])):
        return False
    if record_id in params.exclude:
        return False
    *_, modified = seeded.moments(number)
    if modified <= params.bounds.get("modified_after", modified - 1):
        return False
    if modified >= params.bounds.get("modified_before", modified + 1):
        return False
    if any(single(params.query, name) or several(params.query, name) for name in ("product", "parent", "created_via")):
        return _matches(seeded.document(number), params, statuses)
    return True


def _matches(doc: Json, params: ListParams, statuses: set[str]) -> bool:
    query, bounds = params.query, params.bounds
    billing = doc["billing"]
    words = f"{billing['first_name']} {billing['last_name']} {billing['email']}"
    product = single(query, "product")
    parents = ids(query, "parent")
    via = several(query, "created_via")
    return (
        doc["status"] in statuses
        and (not params.include or doc["id"] in params.include)
        and doc["id"] not in params.exclude
        and doc["created"] > bounds.get("after", -1)
        and doc["created"] < bounds.get("before", doc["created"] + 1)
        and doc["modified"] > bounds.get("modified_after", -1)
        and doc["modified"] < bounds.get("modified_before", doc["modified"] + 1)
        and str(doc["customer_id"]) == (single(query, "customer") or str(doc["customer_id"]))
        and (not product or any(str(line["product_id"]) == product for line in doc["line_items"]))
        and (not parents or doc["parent_id"] in parents)
        and (not via or doc["created_via"] in via)
        and (not params.search or _found(params.search, doc["id"], words))
    )


def _found(search: str, record_id: int, words: str) -> bool:
    return search == str(record_id) or search in words.lower()


def _backdated(changed: dict[int, Json | None]) -> bool:
    """Whether a changed order's date does not follow its id: then only sorting tells the order by date."""
    docs = [changed[i] for i in sorted(changed)]
    dates = [doc["created"] for doc in docs if doc is not None]
    return any(later < earlier for earlier, later in pairwise(dates))


def _key(shop: Shop, params: ListParams, record_id: int) -> tuple[int | str, ...]:
    if params.orderby in ("title", "slug"):  # orders have neither: they come by status, oldest first, as recorded
        doc = shop.get("order", record_id) or {}
        return doc["status"], doc["created"]
    if params.orderby == "include" and record_id in params.include:
        return params.include.index(record_id), record_id
    if params.orderby not in ("modified", "date"):
        return 0, record_id
    if shop.overlay.knows("order", record_id):
        doc = shop.overlay.get("order", record_id) or {}
        return doc["modified" if params.orderby == "modified" else "created"], record_id
    created, _, _, modified = shop.world.orders.moments(record_id - shop.world.layout.first_order)
    return (modified if params.orderby == "modified" else created), record_id
