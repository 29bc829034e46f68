"""An open door: every question that the application asks a store, and the answers as records."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from referins_woo import clock
from referins_woo.commerce.records import (
    CategoryRecord,
    CustomerRecord,
    OrderRecord,
    ProductRecord,
    RefundRecord,
    Unreadable,
    VariantRecord,
)
from referins_woo.errors import Final as FinalError
from referins_woo.errors import RetryLater, StoreMustReconnect
from referins_woo.process import Process
from referins_woo.stores import connection, settings, translate
from referins_woo.stores.door.asking import Asking, Page, by_id, dates_between, ids_of, listed
from referins_woo.stores.door.line import GoneRecord, Line
from referins_woo.stores.door.reaching import reach
from referins_woo.stores.door.shelf import Shelf
from referins_woo.stores.models import Store
from referins_woo.stores.view import StoreView, view_of
from referins_woo.woo.client import WooClient

_NEWEST = 10


@dataclass(frozen=True, slots=True)
class Newest:
    """The newest change of a list, and how many rows the store counts; `date` is the store's clock.

    `modified_at` is None where the list is empty, or holds nothing but stamps of the future among its newest rows.
    """

    modified_at: datetime | None
    total: int | None
    date: datetime


@dataclass(frozen=True, slots=True)
class HookRecord:
    """A webhook as the store lists it; `status` is active, paused or disabled."""

    woo_id: int
    topic: str
    status: str
    delivery_url: str


def open_store(process: Process, store_id: int, *, force: bool = False) -> Door:
    """Open the door to a store.

    Raises Final for a store that is disconnected or not connected yet, StoreMustReconnect where its keys
    are refused, and RetryLater while it has been given a pause (`force` asks all the same).
    """
    with process.database.looking() as session:
        store = session.get(Store, store_id)
        if store is None or store.state in ("disconnected", "connecting"):
            raise FinalError("This store is not connected.")
        if not (store.key_locked and store.secret_locked):
            raise FinalError("This store has no keys: connect it anew.")
        view = view_of(store)
        locked = store.key_locked, store.secret_locked
    if not connection.can_read(view.state, view.cause):
        raise StoreMustReconnect(connection.words_for(view.cause).sentence, view.cause)
    if not force and view.retry_after is not None and (wait := (view.retry_after - clock.now()).total_seconds()) > 0:
        raise RetryLater("The store was given a pause.", wait)
    key, secret = (process.vault.unlock(each) for each in locked)
    mode: Any = view.auth_mode
    skew = timedelta(seconds=view.clock_skew_seconds)
    return Door(process, view, reach(process.config, view.url, key, secret, mode, max(view.connections, 1), skew))


class Door(Asking):
    """An open door to one store. Its methods may be called from several threads."""

    def __init__(self, process: Process, store: StoreView, client: WooClient) -> None:
        """Use `open_store`."""
        super().__init__(store, Line(process, store, client))
        self.shelf = Shelf(self._line)

    @property
    def latency_ms(self) -> int | None:
        """How long the store took for an answer to this door, in the middle; None before the first one."""
        return self._line.latency_ms

    # orders

    def orders(
        self,
        *,
        offset: int = 0,
        per_page: int = 100,
        order: str = "asc",
        modified_after: datetime | None = None,
        after: datetime | None = None,
        before: datetime | None = None,
        statuses: Iterable[str] | None = None,
        include: Iterable[int] | None = None,
        newest_first: bool = False,
    ) -> Page[OrderRecord]:
        """Return one page of orders, by id. Without `statuses` drafts of the checkout and trash are left out (28)."""
        params = by_id(offset, per_page, "desc" if newest_first else order) | dates_between(
            modified_after, after, before
        )
        params |= {"status": listed(statuses), "include": listed(include)}
        return self._page("orders", params, translate.order)

    def order(self, woo_id: int) -> OrderRecord | Unreadable | None:
        """Return one order, also from the trash; None when it is gone for good."""
        raw = self._record(f"orders/{woo_id}")
        return None if raw is None else translate.order(raw)

    def set_order_status(self, woo_id: int, status: str) -> OrderRecord | Unreadable:
        """Set an order's status, and nothing else; returns the order as the answer shows it.

        By a PUT of its own: a batch would turn a status that it does not know into pending, with 200 (58). Raises
        GoneRecord where the order is not there.
        """
        body = {"status": status}
        answer = self._line.call("orders", lambda client: client.put(f"orders/{woo_id}", body).record(), write=True)
        return translate.order(answer)

    def ids(
        self,
        path: str,
        *,
        offset: int = 0,
        per_page: int = 100,
        role: str | None = None,
        after: datetime | None = None,
        statuses: Iterable[str] | None = None,
    ) -> Page[Any]:
        """Return one page of the ids of a list, ascending; `rows` stays empty. `role` is for customers.

        Raises NotSupported where the store has no list of all refunds, or of all variations.
        """
        limits = dates_between(None, after) | {"role": role, "status": listed(statuses)}
        params = by_id(offset, per_page, "asc") | limits | {"_fields": "id"}
        answer = self._get(path, params, optional=path in ("refunds", "variations"))
        return Page([], ids_of(answer.rows()), answer.total, answer.date)

    def count(
        self,
        path: str,
        *,
        role: str | None = None,
        after: datetime | None = None,
        statuses: Iterable[str] | None = None,
    ) -> int | None:
        """Return how many rows the store says a list has. Raises as `ids`."""
        limits = dates_between(None, after) | {"role": role, "status": listed(statuses)}
        return self._one_id(path, limits, optional=path in ("refunds", "variations")).total

    def refunds(
        self, *, offset: int = 0, per_page: int = 100, include: Iterable[int] | None = None
    ) -> Page[RefundRecord]:
        """Return one page of the refunds of all orders. Raises NotSupported where the route is not there."""
        params = by_id(offset, per_page, "asc") | {"include": listed(include)}
        return self._page("refunds", params, translate.refund, optional=True)

    def refunds_of(self, order_woo_id: int, named: Iterable[int] = ()) -> tuple[RefundRecord, ...]:
        """Return the refunds of one order; none where the order is gone. `named`: those that the order lists."""
        found: list[RefundRecord] = []
        for raw in self._walk_for(f"orders/{order_woo_id}/refunds", set(named)):
            refund = translate.refund(raw, order_woo_id)
            found.extend(self._readable(refund))
        return tuple(found)

    def newest_change(self, path: str) -> Newest:
        """Return the newest change of orders or products, in one small question.

        Raises Rejected where the store's WooCommerce cannot sort so. Stamps of the future (scheduled products) are
        passed over. Not to be walked: rows of equal stamps change places (6).
        """
        params: dict[str, Any] = {"orderby": "modified", "order": "desc", "per_page": _NEWEST}
        answer = self._get(path, params | {"_fields": "id,date_modified_gmt"})
        stamps = [translate.moment(raw.get("date_modified_gmt")) for raw in answer.rows()]
        past = [stamp for stamp in stamps if stamp is not None and stamp <= answer.date]
        return Newest(max(past, default=None), answer.total, answer.date)

    # customers

    def customers(
        self,
        role: str,
        *,
        offset: int = 0,
        per_page: int = 100,
        include: Iterable[int] | None = None,
        newest_first: bool = False,
    ) -> Page[CustomerRecord]:
        """Return one page of the users with `role` (`all`: everybody), by id."""
        order = "desc" if newest_first else "asc"
        params = by_id(offset, per_page, order) | {"role": role, "include": listed(include)}
        return self._page("customers", params, translate.customer)

    def customers_by_ids(self, ids: Sequence[int]) -> dict[int, CustomerRecord | Unreadable]:
        """Return users by their Woo ids, whatever their role; who is gone is missing from the answer.

        Whoever a list leaves out is asked for alone: a list may be empty for a moment, only 404 says gone (M4). No more
        rows are asked for than there are ids: a store that bears no large pages may bear these.
        """
        found: dict[int, CustomerRecord | Unreadable] = {}
        for start in range(0, len(ids), self.store.page_size):
            part = ids[start : start + self.store.page_size]
            page = self.customers("all", per_page=len(part), include=part)
            found |= dict(zip(page.ids, page.rows, strict=True))
        for woo_id in (each for each in ids if each not in found):
            customer = self.customer(woo_id)
            if customer is not None:
                found[woo_id] = customer
        return found

    def customer(self, woo_id: int) -> CustomerRecord | Unreadable | None:
        """Return one user, whatever the role; None when deleted."""
        raw = self._record(f"customers/{woo_id}")
        return None if raw is None else translate.customer(raw)

    def customer_with_email(self, email: str) -> CustomerRecord | Unreadable | None:
        """Return the user who has this e-mail, in any case and whatever the role; None where nobody has it (48)."""
        answer = self._get("customers", {"role": "all", "email": email, "per_page": 1})
        return next((translate.customer(raw) for raw in answer.rows()), None)

    def create_customer(self, body: Mapping[str, Any]) -> CustomerRecord | Unreadable:
        """Make a customer and return it as the answer shows it.

        Without a password of ours, ever: for an empty one WooCommerce makes one up that nobody knows, and mails its
        own link to choose one. Raises Rejected, by whose code a taken e-mail or user name is told.
        """
        sent = {**body, "password": ""}
        answer = self._line.call("customers", lambda client: client.post("customers", sent).record(), write=True)
        return translate.customer(answer)

    def change_customer(self, woo_id: int, body: Mapping[str, Any]) -> CustomerRecord | Unreadable:
        """Change fields of a customer, those given and no others; returns it as the answer shows it.

        Raises GoneRecord where the customer is not there.
        """
        path = f"customers/{woo_id}"
        answer = self._line.call("customers", lambda client: client.put(path, body).record(), write=True)
        return translate.customer(answer)

    def invites_customers(self) -> bool | None:
        """Return whether WooCommerce mails new customers a link to set their password; None where it does not say."""
        try:
            rows = self._get("settings/email_customer_new_account").rows()
        except GoneRecord:
            return None
        return next((str(raw.get("value")) == "yes" for raw in rows if raw.get("id") == "enabled"), None)

    # products

    def products(
        self,
        *,
        offset: int = 0,
        per_page: int = 100,
        modified_after: datetime | None = None,
        include: Iterable[int] | None = None,
    ) -> Page[ProductRecord]:
        """Return one page of products of every status but trash, by id, without their variants."""
        params = by_id(offset, per_page, "asc") | dates_between(modified_after) | {"include": listed(include)}
        return self._page("products", params, translate.product)

    def product(self, woo_id: int) -> ProductRecord | Unreadable | None:
        """Return one product, a variable one with its variants; a variation's id gives a `variation` (54)."""
        raw = self._record(f"products/{woo_id}")
        if raw is None:
            return None
        product = translate.product(raw)
        if isinstance(product, ProductRecord) and product.type == "variable":
            return self.with_variants(product)
        return product

    def products_by_ids(self, ids: Sequence[int]) -> list[ProductRecord]:
        """Return products by their Woo ids, variable ones with their variants; gone and trashed ones are left out.

        What a list leaves out is asked for alone, as in `customers_by_ids`.
        """
        found: dict[int, ProductRecord] = {}
        for start in range(0, len(ids), self.store.page_size):
            part = ids[start : start + self.store.page_size]
            for row in self.products(per_page=len(part), include=part).rows:
                if isinstance(row, ProductRecord):
                    found[row.woo_id] = row
        for woo_id in (each for each in ids if each not in found):
            product = self.product(woo_id)
            if isinstance(product, ProductRecord) and product.status != "trash":
                found[woo_id] = product
        return [self.with_variants(product) for product in found.values()]

    def with_variants(self, product: ProductRecord) -> ProductRecord:
        """Return a variable product with its variations; others, and those that have them, as they are."""
        if product.type != "variable" or product.variants:
            return product
        found = [
            translate.variant(raw, product.sku, product.woo_id)
            for raw in self._walk_for(f"products/{product.woo_id}/variations", set(product.variation_ids))
        ]
        unreadable = tuple(
            replace(each, element="variations", parent_woo_id=product.woo_id, name=f"{each.name} of {product.name}")
            for each in found
            if isinstance(each, Unreadable)
        )
        variants = tuple(each for each in found if isinstance(each, VariantRecord))
        return replace(product, variants=variants, unreadable=product.unreadable + unreadable)

    def variants_modified_after(self, moment: datetime, offset: int = 0, per_page: int = 100) -> Page[VariantRecord]:
        """Return one page of the variations of all products that changed after `moment`.

        Raises NotSupported where the store's WooCommerce has no such route.
        """
        params = by_id(offset, per_page, "asc") | dates_between(moment)
        return self._page("variations", params, translate.variant, optional=True)

    def categories(
        self, *, offset: int = 0, per_page: int = 100, include: Iterable[int] | None = None
    ) -> Page[CategoryRecord]:
        """Return one page of product categories, by id."""
        params = by_id(offset, per_page, "asc") | {"include": listed(include)}
        return self._page("products/categories", params, translate.category)

    def category(self, woo_id: int) -> CategoryRecord | Unreadable | None:
        """Return one product category; None when it is gone."""
        raw = self._record(f"products/categories/{woo_id}")
        return None if raw is None else translate.category(raw)

    # the store itself

    def facts(self) -> settings.StoreFacts:
        """Return what the store says about itself: currency, time zone, versions, stock settings."""
        return self._line.call("system_status", settings.read)

    def webhooks(self) -> list[HookRecord]:
        """Return all webhooks of the store, other people's too."""
        return [
            HookRecord(raw["id"], str(raw.get("topic") or ""), str(raw.get("status")), str(raw.get("delivery_url")))
            for raw in self._walk("webhooks")
        ]

    def create_webhook(self, *, name: str, topic: str, delivery_url: str, secret: str) -> HookRecord:
        """Create a webhook; the store pings `delivery_url` before it answers (75)."""
        body = {"name": name, "topic": topic, "delivery_url": delivery_url, "secret": secret, "status": "active"}
        answer = self._line.call("webhooks", lambda client: client.post("webhooks", body), write=True)
        raw = answer.record()
        return HookRecord(raw["id"], str(raw.get("topic") or ""), str(raw.get("status")), str(raw.get("delivery_url")))

    def delete_webhook(self, woo_id: int) -> None:
        """Delete a webhook; one that is gone already is no fault."""
        try:
            self._line.call("webhooks", lambda client: client.delete(f"webhooks/{woo_id}", {"force": True}), write=True)
        except GoneRecord:
            return

    def probe(self) -> datetime:
        """Ask the store for one order id and return its clock; a refusal is confirmed as any other."""
        return self._one_id("orders").date
