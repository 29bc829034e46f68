"""Webhook deliveries: queued when something happens, their bodies built when they are sent (facts 74 to 90)."""

from __future__ import annotations

import base64
import hmac
import json
import threading
import time
from bisect import insort
from dataclasses import dataclass
from hashlib import blake2b

from referins_woo.practice_store import outgoing, product_views, views
from referins_woo.practice_store.call import VIEW, refusal
from referins_woo.practice_store.faults import Faults
from referins_woo.practice_store.rest_errors import RestError
from referins_woo.practice_store.rights import may_manage
from referins_woo.practice_store.shop import Shop
from referins_woo.practice_store.site import Json

MOST_FAILURES = 5
"""A failure beyond this count disables the webhook: with the first at 0 it is the seventh in a row (fact 77)."""


def _common(shop: Shop) -> list[tuple[str, str]]:
    agent = ("User-Agent", shop.site.version.user_agent)
    return [agent, ("Accept", "*/*"), ("Accept-Encoding", "deflate, gzip, br, zstd")]


def ping(shop: Shop, hook: Json) -> bool:
    """Send the unsigned ping; True only when it was answered with exactly 200 (fact 75)."""
    headers = [*_common(shop), ("Content-Type", "application/x-www-form-urlencoded")]
    body = f"webhook_id={hook['id']}".encode()
    return outgoing.post_and_follow(hook["delivery_url"], body, headers, public_only=shop.site.strict).status == 200


def php_json(value: object) -> bytes:
    """Write JSON as PHP does: slashes and everything outside ASCII escaped (fact 90)."""
    return json.dumps(value, separators=(",", ":")).replace("/", "\\/").encode()


def sign(body: bytes, secret: str) -> str:
    """Return the signature of a body. HTML entities in the secret are decoded first, as the store does (fact 74)."""
    for entity, letter in (("&lt;", "<"), ("&gt;", ">"), ("&quot;", '"'), ("&#039;", "'"), ("&amp;", "&")):
        secret = secret.replace(entity, letter)
    return base64.b64encode(hmac.digest(secret.encode(), body, "sha256")).decode()


@dataclass(slots=True)
class Queued:
    """One delivery to come. `due` is on the monotonic clock."""

    hook_id: int
    subject: int
    arg: object
    due: float


class Dispatcher:
    """The queue of deliveries and the thread that works it off, one after another."""

    def __init__(self, shop: Shop, faults: Faults, delay: float | None) -> None:
        self._shop = shop
        self._faults = faults
        self._delay = delay
        self._queue: list[Queued] = []
        self._changed = threading.Condition()
        self._sending = threading.Lock()
        self._stopping = False
        self._thread: threading.Thread | None = None
        self.sent = 0

    def tell(self, topic: str, subject: int, arg: object = None) -> None:
        """Queue a delivery for every active webhook of `topic`; the same one that still waits is not queued twice."""
        hooks = [
            hook["id"]
            for hook in self._shop.changed("webhook").values()
            if hook is not None and hook["topic"] == topic and hook["status"] == "active"
        ]
        if not hooks:
            return
        due = time.monotonic() + (self._delay or 0.0) + self._faults.webhook_delay()
        with self._changed:
            waiting = {(queued.hook_id, queued.subject) for queued in self._queue}
            for hook_id in hooks:
                if (hook_id, subject) not in waiting:
                    insort(self._queue, Queued(hook_id, subject, arg, due), key=lambda queued: queued.due)
            self._changed.notify()

    def start(self) -> None:
        """Begin to deliver by itself, unless the store was told to wait for `flush`."""
        if self._delay is not None:
            self._thread = threading.Thread(target=self._run, name="practice-store-webhooks", daemon=True)
            self._thread.start()

    def stop(self) -> None:
        """Stop delivering; what waits is kept for nobody."""
        with self._changed:
            self._stopping = True
            self._changed.notify()
        if self._thread:
            self._thread.join(5)

    def flush(self) -> int:
        """Deliver everything that waits, now and here; returns how many deliveries were worked off."""
        worked = 0
        while queued := self._take(due_only=False):
            self._deliver(queued)
            worked += 1
        with self._sending:  # what the thread was just sending has arrived, too
            return worked

    def waiting(self) -> int:
        """Return how many deliveries wait."""
        with self._changed:
            return len(self._queue)

    def _run(self) -> None:
        while True:
            with self._changed:
                while not self._stopping and not (self._queue and self._queue[0].due <= time.monotonic()):
                    wait = self._queue[0].due - time.monotonic() if self._queue else None
                    self._changed.wait(wait)
                if self._stopping:
                    return
            queued = self._take(due_only=True)
            if queued:
                self._deliver(queued)

    def _take(self, *, due_only: bool) -> Queued | None:
        with self._changed:
            if not self._queue or (due_only and self._queue[0].due > time.monotonic()):
                return None
            return self._queue.pop(0)

    def _deliver(self, queued: Queued) -> None:
        with self._sending:
            hook = self._shop.get("webhook", queued.hook_id)
            if hook is None or hook["status"] != "active":
                return
            for _ in range(self._faults.webhook_copies()):
                self._send(hook, queued)

    def _send(self, hook: Json, queued: Queued) -> None:
        body = php_json(self.body(hook, queued.subject, queued.arg))
        resource, _, event = hook["topic"].partition(".")
        headers = [
            *_common(self._shop),
            ("Content-Type", "application/json"),
            ("X-WC-Webhook-Source", f"{self._shop.site.home}/"),
            ("X-WC-Webhook-Topic", hook["topic"]),
            ("X-WC-Webhook-Resource", resource),
            ("X-WC-Webhook-Event", event),
            ("X-WC-Webhook-Signature", sign(body, hook["secret"])),
            ("X-WC-Webhook-ID", str(hook["id"])),
            # The same for all deliveries of one webhook within a second (fact 80).
            (
                "X-WC-Webhook-Delivery-ID",
                blake2b(f"{hook['id']}:{self._shop.now()}".encode(), digest_size=16).hexdigest(),
            ),
        ]
        answer = outgoing.post(hook["delivery_url"], body, headers, public_only=self._shop.site.strict)
        self.sent += 1
        self._settle(hook["id"], success=200 <= answer.status <= 302)

    def _settle(self, hook_id: int, *, success: bool) -> None:
        """Count the failure or forget the old ones, and repeat a ping that was not answered with 200 (fact 76)."""
        with self._shop.lock:
            hook = self._shop.get("webhook", hook_id)
            if hook is None:
                return
            hook = dict(hook)
            if success:
                hook["failures"] = 0
            elif hook["failures"] > MOST_FAILURES:
                hook["status"] = "disabled"
            else:
                hook["failures"] += 1
            self._shop.save("webhook", hook, touch=hook["status"] == "disabled")
        if hook["status"] == "active" and hook["ping_pending"] and ping(self._shop, hook):
            with self._shop.lock:
                fresh = self._shop.get("webhook", hook_id)
                if fresh is not None:
                    self._shop.save("webhook", {**fresh, "ping_pending": False}, touch=False)

    def body(self, hook: Json, subject: int, arg: object) -> object:
        """Return what a delivery says: the thing as its owner may see it now, or the error he would get (fact 81)."""
        resource, _, event = hook["topic"].partition(".")
        if resource == "action":
            return {"action": event, "arg": subject if arg is None else arg}
        if event == "deleted":
            return {"id": subject}
        if not may_manage(self._shop, hook["owner"]):
            return refusal(VIEW, known_user=True).body()
        shop = self._shop
        if resource == "order":
            doc = shop.get("order", subject)
            gone = "woocommerce_rest_shop_order_invalid_id"
            return views.order(shop, doc) if doc else RestError(404, gone, "Invalid ID.").body()
        if resource == "customer":
            doc = shop.get("customer", subject)
            return views.customer(shop, doc) if doc else RestError(404, "wc_user_invalid_id", "Invalid user ID.").body()
        if resource == "coupon":
            doc = shop.get("coupon", subject)
            gone = "woocommerce_rest_shop_coupon_invalid_id"
            return views.coupon(shop, doc) if doc else RestError(404, gone, "Invalid ID.").body()
        doc = shop.get("product", subject) or shop.get("variation", subject)
        gone = "woocommerce_rest_product_invalid_id"
        return product_views.product(shop, doc) if doc else RestError(404, gone, "Invalid ID.").body()
