"""A practice store as Python objects: started, looked into and changed by tests."""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Any

from referins_woo.practice_store import coupons, customers, money, order_rules, product_rules, rights, tls
from referins_woo.practice_store.application import Application
from referins_woo.practice_store.delivery import Dispatcher
from referins_woo.practice_store.exchange import Logged
from referins_woo.practice_store.faults import Fault, Faults
from referins_woo.practice_store.options import StoreOptions
from referins_woo.practice_store.permission import PASSWORD_PURPOSE
from referins_woo.practice_store.server import Server
from referins_woo.practice_store.shop import Shop
from referins_woo.practice_store.site import Json


class PracticeStore:
    """A shop that listens. Use it as a context manager, or call `start` and `stop`.

    Documents that come back are the store's own form (dates as seconds in UTC); over HTTP they look like WooCommerce.
    """

    def __init__(self, options: StoreOptions | None = None) -> None:
        self.options = options or StoreOptions()
        self.ca_file: Path | None = None
        context = None
        if self.options.tls:
            context, self.ca_file = tls.context(self.options.data, self.options.host)
        self._server = Server(self.options.host, self.options.port, context)
        self._plain_server = Server(self.options.host, self.options.http_port or 0) if self._over_http else None
        scheme = "https" if context else "http"
        self.url = f"{scheme}://{self.options.host}:{self._server.port}"
        self.http_url = f"http://{self.options.host}:{(self._plain_server or self._server).port}"
        self.shop = Shop(self.options, self.url)
        self.faults = Faults()
        self.shop.clock_skew = self.faults.clock_skew
        self._dispatcher = Dispatcher(self.shop, self.faults, self.options.webhook_delay)
        self.shop.news = self._dispatcher
        self._application = Application(self.shop, self.faults, self._dispatcher)
        self._servers = [self._server, *([self._plain_server] if self._plain_server else [])]
        for server in self._servers:
            server.answering = self._application.answer
        key = rights.ready_key(self.shop)
        self.consumer_key: str = key["key"]
        self.consumer_secret: str = key["secret"]
        self.admin_user = "admin"
        self.admin_password = self.shop.derived(PASSWORD_PURPOSE, 16)
        self._threads: list[threading.Thread] = []

    @property
    def _over_http(self) -> bool:
        return self.options.tls and self.options.http_port is not None

    def start(self) -> PracticeStore:
        """Begin to answer and to deliver; returns itself."""
        self._dispatcher.start()
        for server in self._servers:
            thread = threading.Thread(
                target=server.serve_forever, kwargs={"poll_interval": 0.02}, name="practice-store", daemon=True
            )
            thread.start()
            self._threads.append(thread)
        return self

    def stop(self) -> None:
        """Stop, drop open connections, close the file."""
        self._dispatcher.stop()
        for server, thread in zip(self._servers, self._threads, strict=False):
            server.shutdown()
            thread.join(5)
        for server in self._servers:
            server.server_close()
            server.close_connections()
        self.shop.close()

    def __enter__(self) -> PracticeStore:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    @property
    def requests(self) -> list[Logged]:
        """Return the requests so far, oldest first; secrets are taken out."""
        return list(self._application.requests)

    def forget_requests(self) -> None:
        """Empty the request log."""
        self._application.requests.clear()

    def order(self, order_id: int) -> Json | None:
        """Return an order's document as it is now, or None."""
        return self.shop.get("order", order_id)

    def create_order(self, **fields: Any) -> int:
        """Make an order with fields as `POST orders` takes them, and return its id.

        Beyond those: `email`, `first_name` and `last_name` are put into billing, `created` sets its date in seconds,
        `via` says how it came (default checkout). Without `line_items` it holds one mug.
        """
        via = str(fields.pop("via", "checkout"))
        billing = dict(fields.pop("billing", {}))
        for name in ("email", "first_name", "last_name"):
            if name in fields:
                billing[name] = fields.pop(name)
        fields.setdefault("line_items", [{"product_id": self.shop.world.product_ids.start, "quantity": 1}])
        checkout = "classic" if via == "checkout" else ""
        created = fields.pop("created", None)
        doc = order_rules.create(self.shop, {**fields, "billing": billing}, via, checkout=checkout, created=created)
        return int(doc["id"])

    def pay(self, order_id: int, transaction_id: str = "txn_test") -> None:
        """Pay an order in full."""
        order_rules.pay(self.shop, order_id, transaction_id=transaction_id)

    def set_status(self, order_id: int, status: str) -> None:
        """Move an order to a status."""
        order_rules.set_status(self.shop, order_id, status)

    def update_order(self, order_id: int, **fields: Any) -> None:
        """Change an order by fields as `PUT orders/ID` takes them."""
        order_rules.update(self.shop, order_id, fields)

    def refund(self, order_id: int, amount: str | None = None, reason: str = "") -> int:
        """Refund an amount like "5.00", or all that is left; returns the refund's id."""
        if amount is None:
            amount = money.text(order_rules.left_of(self.shop.get("order", order_id) or {}))
        body = {"amount": amount, "reason": reason, "api_refund": False}
        return int(order_rules.refund(self.shop, order_id, body)["id"])

    def trash_order(self, order_id: int) -> None:
        """Put an order into the trash."""
        order_rules.trash(self.shop, order_id)

    def restore_order(self, order_id: int) -> None:
        """Take an order out of the trash."""
        order_rules.restore(self.shop, order_id)

    def delete_order(self, order_id: int) -> None:
        """Delete an order for good; nobody is told."""
        order_rules.erase(self.shop, order_id)

    def create_customer(self, email: str, **fields: Any) -> int:
        """Make a user (role customer, or `roles=[…]`) and return the id."""
        return int(customers.register_user(self.shop, {"email": email, **fields})["id"])

    def update_customer(self, user_id: int, **fields: Any) -> None:
        """Change a user's document directly, and tell it."""
        with self.shop.lock:
            doc = self.shop.get("customer", user_id) or {}
            self.shop.save("customer", {**doc, **fields})
            self.shop.news.tell("customer.updated", user_id)

    def create_product(self, name: str, price: str = "10.00", **fields: Any) -> int:
        """Make a product with fields as `POST products` takes them, and return its id."""
        return int(product_rules.create(self.shop, {"name": name, "regular_price": price, **fields})["id"])

    def create_variation(self, product_id: int, price: str = "10.00", **fields: Any) -> int:
        """Make a variation with fields as `POST products/ID/variations` takes them, and return its id."""
        return int(product_rules.create_variation(self.shop, product_id, {"regular_price": price, **fields})["id"])

    def update_product(self, product_id: int, **fields: Any) -> None:
        """Change a product or variation by fields as `PUT products/ID` takes them."""
        kind = "product" if self.shop.get("product", product_id) is not None else "variation"
        doc = self.shop.get(kind, product_id) or {}
        product_rules.update(self.shop, kind, doc, fields)

    def delete_product(self, product_id: int) -> None:
        """Delete a product or variation for good; nobody is told."""
        kind = "product" if self.shop.get("product", product_id) is not None else "variation"
        product_rules.erase(self.shop, kind, self.shop.get(kind, product_id) or {"id": product_id})

    def restore_product(self, product_id: int) -> None:
        """Take a product out of the trash."""
        product_rules.restore(self.shop, self.shop.get("product", product_id) or {})

    def restore_coupon(self, coupon_id: int) -> None:
        """Take a coupon out of the trash."""
        coupons.restore(self.shop, self.shop.get("coupon", coupon_id) or {})

    def new_key(self, permissions: str = "read_write", user_id: int = 1) -> tuple[str, str]:
        """Make a key pair for a user (1 admin, 2 shop manager, 4 subscriber); returns key and secret."""
        doc = rights.new_key(self.shop, user_id, permissions, "Test")
        return doc["key"], doc["secret"]

    def revoke_key(self, consumer_key: str | None = None) -> None:
        """Take a key back, the ready-made one by default."""
        self._with_key(consumer_key, lambda key_id: rights.revoke(self.shop, key_id))

    def set_permissions(self, permissions: str, consumer_key: str | None = None) -> None:
        """Change what a key may do: read, write or read_write."""
        self._with_key(consumer_key, lambda key_id: rights.set_permissions(self.shop, key_id, permissions))

    @property
    def keys(self) -> list[Json]:
        """Return all keys that count."""
        return [doc for doc in self.shop.changed("key").values() if doc is not None]

    def webhooks(self) -> list[Json]:
        """Return all webhooks, secrets and counts of failures among their fields."""
        return [doc for doc in self.shop.changed("webhook").values() if doc is not None]

    def fault(self, kind: str, **settings: Any) -> Fault:
        """Switch a fault on: see `faults.KINDS`; settings are count, path, method, seconds, number, status."""
        return self.faults.add(kind, **settings)

    def clear_faults(self, kind: str | None = None) -> None:
        """Switch all faults off, or those of a kind."""
        self.faults.clear(kind)

    def deliver_webhooks(self) -> int:
        """Deliver everything that waits, now and here; returns how many deliveries that were."""
        return self._dispatcher.flush()

    def _with_key(self, consumer_key: str | None, action: Callable[[int], None]) -> None:
        doc = rights.find_key(self.shop, consumer_key or self.consumer_key)
        if doc is not None:
            action(int(doc["id"]))
