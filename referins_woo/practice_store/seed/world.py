"""The whole seeded shop behind one face: how many of each kind, and each record by its id."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property, lru_cache

from referins_woo.practice_store.money import cents
from referins_woo.practice_store.order_lines import Sellable
from referins_woo.practice_store.seed import coupons, goods, users
from referins_woo.practice_store.seed.catalogue import CATEGORIES, FIRST_CATEGORY, PRODUCTS
from referins_woo.practice_store.seed.layout import FIRST_PRODUCT, FIRST_USER_OF_ROLE_CUSTOMER, Layout
from referins_woo.practice_store.seed.orders import SeededOrders
from referins_woo.practice_store.seed.terms import TERMS
from referins_woo.practice_store.site import Json
from referins_woo.practice_store.taxes import TABLE
from referins_woo.practice_store.words import slug


class World:
    """A shop of `size` orders at the address `home`, as it was at the second `born`. Asking never changes anything."""

    def __init__(self, size: int, seed: int, born: int, home: str) -> None:
        self.home = home
        self.seed = seed
        self.born = born
        products = max(len(PRODUCTS), min(size // 100, 1000)) if size else 0
        self._variations = [(number, which) for number in range(products) for which in range(len(goods.mixes(number)))]
        self.layout = Layout(size, max(24, size // 10) if size else 0, products, len(self._variations))
        self.orders = SeededOrders(self.layout, seed, born, self._sellables())
        self._cached_order = lru_cache(256)(self._order)

    @property
    def category_ids(self) -> range:
        """Return the ids of the seeded categories."""
        return range(FIRST_CATEGORY, FIRST_CATEGORY + (len(CATEGORIES) if self.layout.orders else 1))

    @property
    def product_ids(self) -> range:
        """Return the ids of the seeded products."""
        return range(FIRST_PRODUCT, FIRST_PRODUCT + self.layout.products)

    @property
    def variation_ids(self) -> range:
        """Return the ids of the seeded variations."""
        return range(self.layout.first_variation, self.layout.first_variation + self.layout.variations)

    @property
    def order_ids(self) -> range:
        """Return the ids of the seeded orders."""
        return range(self.layout.first_order, self.layout.first_order + self.layout.orders)

    @property
    def refund_ids(self) -> range:
        """Return the ids of the seeded refunds."""
        return range(self.layout.first_refund, self.layout.first_refund + self.layout.refunds)

    @property
    def staff_ids(self) -> list[int]:
        """Return the ids of users other than the run of customers."""
        return [row[0] for row in (users.STAFF if self.layout.orders else users.STAFF[:1])]

    @property
    def customer_ids(self) -> range:
        """Return the ids of the run of customers."""
        return range(FIRST_USER_OF_ROLE_CUSTOMER, FIRST_USER_OF_ROLE_CUSTOMER + self.layout.customers)

    def ids(self, kind: str) -> Sequence[int]:
        """Return the ids of the few seeded records of a kind: terms, coupons, tax rates."""
        if kind in TERMS:
            return list(TERMS[kind]) if self.layout.orders else list(TERMS[kind])[: kind == "category"]
        if not self.layout.orders:
            return ()
        return [rate.id for rate in TABLE] if kind == "tax" else list(coupons.IDS.values()) if kind == "coupon" else ()

    def record(self, kind: str, record_id: int) -> Json | None:
        """Return the seeded record of a kind by id, or None. Callers do not change what they get."""
        if kind == "order":
            return self._cached_order(record_id) if record_id in self.order_ids else None
        if kind == "product":
            return self._products[record_id - FIRST_PRODUCT] if record_id in self.product_ids else None
        if kind == "variation":
            return self._variation(record_id)
        if kind == "customer":
            if record_id in self.customer_ids:
                return users.customer(record_id - FIRST_USER_OF_ROLE_CUSTOMER, self.seed, self.born)
            return users.staff(record_id, self.born) if record_id in self.staff_ids else None
        if kind in TERMS:
            return TERMS[kind].get(record_id) if record_id in self.ids(kind) else None
        if kind in ("coupon", "tax") and record_id not in self.ids(kind):
            return None
        if kind == "coupon":
            return coupons.coupon(record_id, self.born)
        if kind == "tax":
            return next(rate.document() for rate in TABLE if rate.id == record_id)
        if kind == "refund" and record_id in self.refund_ids:
            number, which = self.layout.order_of_refund(record_id)
            return self.orders.refunds(number)[which]
        return None

    def variations_of(self, product_id: int) -> list[int]:
        """Return the ids of the seeded variations of a product."""
        return self._children.get(product_id, [])

    @cached_property
    def users_by_email(self) -> dict[str, int]:
        """Return the user ids by lower-case account e-mail."""
        made = {row[3].lower(): row[0] for row in users.STAFF if row[0] in self.staff_ids}
        for number in range(self.layout.customers):
            made.setdefault(users.person(number, self.seed)[2].lower(), FIRST_USER_OF_ROLE_CUSTOMER + number)
        return made

    @cached_property
    def _products(self) -> list[Json]:
        return [goods.product(number, self.seed, self.born) for number in range(self.layout.products)]

    @cached_property
    def _children(self) -> dict[int, list[int]]:
        made: dict[int, list[int]] = {}
        for place, (number, _) in enumerate(self._variations):
            made.setdefault(FIRST_PRODUCT + number, []).append(self.layout.first_variation + place)
        return made

    def _variation(self, record_id: int) -> Json | None:
        if record_id not in self.variation_ids:
            return None
        number, which = self._variations[record_id - self.layout.first_variation]
        return goods.variation(number, which, record_id, self.seed, self.born)

    def _order(self, record_id: int) -> Json:
        return self.orders.document(record_id - self.layout.first_order)

    def _sellables(self) -> list[Sellable]:
        made = []
        for number in range(self.layout.products):
            doc = goods.product(number, self.seed, self.born)
            simple = doc["type"] == "simple" and doc["regular_price"]
            if simple and doc["status"] in ("publish", "trash"):
                price = cents(doc["sale_price"] or doc["regular_price"])
                made.append(sellable(self.home, doc, None, price))
        for place, (number, which) in enumerate(self._variations):
            variation_id = self.layout.first_variation + place
            child = goods.variation(number, which, variation_id, self.seed, self.born)
            price = cents(child["sale_price"] or child["regular_price"])
            made.append(sellable(self.home, child, goods.product(number, self.seed, self.born), price))
        return made


def sellable(home: str, doc: Json, parent: Json | None, price: int) -> Sellable:
    """Return a product or variation document as something to put into an order line."""
    picture = doc.get("picture")
    owner = parent["id"] if parent else doc["id"]
    number: int | str = owner + 100_000 if parent else str(owner + 100_000)  # fact 24
    image = {"id": number, "src": f"{home}/wp-content/uploads/{owner}.svg"}
    given = doc.get("images") or (parent or {}).get("images")
    if given:
        first = given[0]
        picture, image = "given", {"id": first["id"] if parent else str(first["id"]), "src": first["src"]}
    return Sellable(
        product_id=parent["id"] if parent else doc["id"],
        variation_id=doc["id"] if parent else 0,
        name=", ".join(row["option"] for row in doc["attributes"]) if parent else doc["name"],
        parent_name=parent["name"] if parent else None,
        sku=doc["sku"] or (parent["sku"] if parent else ""),
        cents=price,
        tax_class=(parent or doc).get("tax_class", ""),
        meta=tuple((row["slug"], slug(row["option"]), row["name"]) for row in doc["attributes"]) if parent else (),
        image=image if picture else {"id": "", "src": ""},
        virtual=bool(doc.get("virtual")),
        global_unique_id=doc.get("global_unique_id", ""),
        keeps_stock=doc.get("manage_stock") is True or (parent or {}).get("manage_stock") is True,
    )
