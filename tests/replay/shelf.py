"""The recorded objects of a store, read from the folder of recordings."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

Raw = dict[str, Any]
Rows = dict[int, Raw]

KEY, SECRET = "ck_" + "a1" * 20, "cs_" + "b2" * 20


@dataclass
class Shelf:
    """One store's objects by id, each as the store showed it."""

    orders: Rows
    users: Rows
    roles: dict[str, set[int]]
    """Role → ids that `role=…` lists: what a user is shown as does not decide it (fact 46)."""
    products: Rows
    variations: dict[int, Rows]
    """Product id → its variations."""
    categories: Rows
    refunds: Rows
    index: Raw
    system_status: Raw
    settings_products: list[Raw]
    unknown_order: Raw
    """The body with which a PUT of an order that is not there is refused."""
    gone: set[str] = field(default_factory=set)
    """Paths that were recorded to answer 404."""
    unrecorded: dict[str, set[int]] = field(default_factory=dict)
    """Ids that lists may be asked for although the object was not recorded: they are left out of the answer."""
    whole: dict[str, int] = field(default_factory=dict)
    """Kinds of which every object was recorded: up to this id, what is not on the shelf was not there (404).

    Beyond it later recordings made objects of their own: whoever asks for those gets 500.
    """
    keeps_totals: bool = False
    """Past the end of its orders the store keeps its totals (post storage); with order tables they are 0 (fact 2)."""
    lists_drafts: bool = False
    """The default list of orders holds checkout drafts (post storage, recorded)."""


def store_a(recordings: Path) -> Shelf:
    """Return WooCommerce 11.0: the union of its recorded full objects."""

    def body(name: str) -> Any:
        return _body(recordings, name)

    orders = body("orders/list-per-page-100-page-01") + body("orders/list-per-page-100-page-02")
    hidden = body("orders/list-trash-full") + body("orders/list-checkout-draft-full")
    lists = [
        *("variations/list-per-page-100", "variations/list-any-attributes"),
        *("variations/list-custom-attributes", "variations/list-virtual-mix"),
    ]
    variations: dict[int, Rows] = {
        46: {},  # the Fisherman Sweater, and so on: which products have been asked for their variations
        63: {},
        66: {},
        69: {},  # recorded empty
        70: {},
    }
    for name in lists:
        for raw in body(name):
            variations[raw["parent_id"]][raw["id"]] = raw
    return Shelf(
        orders=by_id(orders + hidden),
        users=by_id(body("customers/list-role-all-per-page-100")),
        roles={
            "customer": {raw["id"] for raw in body("customers/list-per-page-100")},
            "subscriber": {raw["id"] for raw in body("customers/list-role-subscriber")},
        },
        products=by_id([*body("products/list-per-page-100"), body("products/single-totrash")]),
        variations=variations,
        categories=by_id(body("categories/list-per-page-100")),
        refunds=by_id(body("order-refunds/all-refunds-route")),
        index=body("settings/wp-root-index"),
        system_status=body("system_status/get-fields-environment"),
        settings_products=body("settings/group-products"),
        unknown_order=body("errors/put-unknown-order"),
        gone={"customers/47", "products/73"},
        whole={"orders": 300, "products": 300, "customers": 100},
    )


def store_b(recordings: Path) -> Shelf:
    """Return WooCommerce 9.9 on post storage: 49 customers, 100 orders, 5 refunds; its catalogue was not recorded.

    Nor were its index and settings: it answers those as store A, under its own name and address.
    """

    def body(name: str) -> Any:
        return _body(recordings, f"older-version/{name}")

    other = store_a(recordings)
    home = "https://old.localhost:8444"
    orders = body("orders-list-per-page-100")
    users = body("customers-list")
    environment = {"home_url": home, "site_url": home, "store_id": "recorded-store-b", "version": "9.9.5"}
    named = {line["product_id"] for order in orders for line in order["line_items"]} - {0}
    return Shelf(
        orders=by_id(orders),
        users=by_id(users),
        roles={"customer": {raw["id"] for raw in users}, "subscriber": set()},
        products={},
        variations={},
        categories={},
        refunds=by_id(body("refunds-route")),
        index=other.index | {"home": home, "url": home, "gmt_offset": "5.5", "timezone_string": "Asia/Kolkata"},
        system_status={
            "environment": other.system_status["environment"] | environment,
            "settings": other.system_status["settings"] | {"currency": "EUR"},
        },
        settings_products=other.settings_products,
        unknown_order=other.unknown_order,
        # Asked one by one the products that lines name would be 500: they are listed, but were never recorded whole.
        gone={f"products/{product_id}" for product_id in named},
        unrecorded={"products": named},
        keeps_totals=True,
        lists_drafts=True,
    )


def by_id(rows: list[Raw]) -> Rows:
    """Return rows by id, in ascending order."""
    return {raw["id"]: raw for raw in sorted(rows, key=lambda raw: raw["id"])}


def _body(recordings: Path, name: str) -> Any:
    return json.loads((recordings / f"{name}.json").read_text())["response"]["body"]
