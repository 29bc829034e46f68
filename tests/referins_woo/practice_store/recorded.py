"""Recorded exchanges, in the order in which they happened, and the shop that they were recorded from.

The shop is built from what the answers show: each record as it was first seen, before the requests that are replayed
changed it. What a replayed POST makes is not loaded: it must be made.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import Any

from referins_woo.practice_store import PracticeStore

Json = dict[str, Any]
API = "/wp-json/wc/v3/"

SEQUENCES: tuple[tuple[str, ...], ...] = (
    ("errors/json-sent-as-text-plain", "errors/form-encoded-put"),
    (
        *("orders/status-completed-back-to-processing", "orders/status-to-custom-shipped"),
        *("orders/status-put-with-wc-prefix", "orders/status-post-instead-of-put", "orders/status-patch"),
        *("orders/status-put-trash", "orders/status-get-after-put-trash"),
    ),
    ("orders/set-paid-put-on-on-hold", "orders/put-empty-body"),
    (
        *("orders/put-meta-existing-key-without-id", "orders/put-meta-update-by-id"),
        *("orders/put-meta-value-null-without-key", "orders/put-line-quantity-by-id"),
        *("orders/put-line-remove-with-null-product", "orders/put-billing-partial-merges"),
    ),
    ("orders/status-completed-to-refunded", "order-refunds/list-after-status-put-refunded"),
    ("orders/status-failed-to-refunded-creates-refund", "orders/status-refunded-refund-list"),
    (
        *("orders/get-before-refund", "order-refunds/create-amount-zero", "order-refunds/create-amount"),
        *("order-refunds/create-with-line-items", "order-refunds/list-after-creates", "orders/get-after-two-refunds"),
        *("order-refunds/delete-without-force", "order-refunds/delete-force"),
        *("order-refunds/create-remaining-turns-order-to-refunded", "order-refunds/create-when-nothing-left"),
        "orders/get-after-refund-of-everything",
    ),
    (
        *("order-notes/create-private", "order-notes/get-single", "order-notes/delete-without-force"),
        *("order-notes/delete-force", "order-notes/get-deleted", "order-notes/create-customer-note"),
        "order-notes/list-created",
    ),
    (
        *("orders/delete-to-trash", "orders/get-after-trash", "orders/delete-again-already-trashed"),
        *("orders/put-status-of-trashed", "orders/delete-force", "orders/get-after-force-delete"),
        "orders/put-after-force-delete",
    ),
    (
        *("products/put-stock-quantity-same-value", "products/put-stock-quantity-zero"),
        *("products/put-stock-quantity-negative", "products/put-stock-quantity-null"),
        *("products/put-stock-quantity-string", "products/put-stock-quantity-huge"),
        *("products/put-stock-quantity-reset", "products/put-inventory-delta"),
    ),
    (
        *("products/put-stock-on-product-not-managing-stock",),
        *("products/put-stock-status-on-product-not-managing-stock", "products/put-manage-stock-and-quantity"),
        "products/put-manage-stock-off",
    ),
    (
        *("products/put-price-string", "products/put-price-many-decimals", "products/put-price-comma"),
        *("products/put-sale-price-above-regular", "products/put-price-field-is-read-only"),
        *("products/put-name-with-html", "products/put-name-back"),
    ),
    ("products/create-simple", "products/create-duplicate-sku"),
    (
        *("products/delete-to-trash", "products/get-trashed", "products/delete-again", "products/delete-force"),
        "products/get-after-force",
    ),
    ("variations/put-stock-on-unmanaged", "variations/put-manage-stock-and-quantity"),
    (
        *("variations/put-stock-quantity", "variations/put-stock-quantity-zero", "variations/put-wrong-parent"),
        "variations/get-after-put-wrong-parent",
    ),
    ("variations/put-stock-on-variation-managed-by-parent", "variations/get-parent-after"),
    ("variations/put-stock-null", "batch/variations-update-two"),
    ("variations/delete-force", "variations/get-deleted"),
    ("batch/variations-one-unknown", "batch/variations-of-another-parent-get-after"),
    ("batch/customers-mixed", "customers/create-email-only", "customers/create-duplicate-email"),
    ("customers/create-full", "customers/create-duplicate-username"),
    (
        *("customers/create-duplicate-email-other-case", "customers/put-first-name", "customers/put-meta"),
        *("customers/put-email-of-other", "customers/put-username-change", "customers/delete-without-force"),
        "customers/delete-force",
    ),
    ("categories/create", "categories/create-duplicate", "categories/delete-without-force", "categories/delete-force"),
    (
        *("coupons/create-percent", "coupons/create-duplicate-code", "coupons/put-amount", "coupons/delete-to-trash"),
        *("coupons/get-trashed", "coupons/delete-force"),
    ),
    (
        *("webhooks/list-per-page-100", "webhooks/list-page-2-of-per-page-5", "webhooks/list-page-beyond-end"),
        *("webhooks/list-status-active", "webhooks/list-status-paused", "webhooks/list-search", "webhooks/get-single"),
        *("webhooks/get-single-read-key", "webhooks/put-status-paused", "webhooks/put-status-active"),
        *("webhooks/put-status-invalid", "webhooks/put-delivery-url-sends-ping", "webhooks/put-topic"),
        *("webhooks/delete-without-force", "webhooks/delete-force"),
    ),
    ("webhooks/delete-again", "webhooks/get-after-delete", "webhooks/batch-create-two", "webhooks/batch-delete"),
    (
        *("orders/put-meta-value-null-with-id-and-key", "orders/put-meta-value-null-with-key-only"),
        *("orders/put-meta-new-key", "orders/put-meta-new-key-again-without-id"),
    ),
    ("wc-auth/flow-5-access-granted-redirects-to-return-url", "wc-auth/flow-7-first-api-call-with-granted-key"),
    ("wc-auth/granted-scope-read", "wc-auth/granted-read-key-get", "wc-auth/granted-read-key-post"),
    ("wc-auth/granted-scope-write", "wc-auth/granted-write-key-post", "wc-auth/granted-write-key-get"),
    (
        *("orders/drift-trashed-order-0-before", "orders/drift-trashed-order-1-page-1"),
        *("orders/drift-trashed-order-2-page-2", "orders/drift-modified-order-0-before"),
        *("orders/drift-modified-order-1-page-1", "orders/drift-modified-order-2-page-2"),
    ),
    ("auth/http-oauth1-nonce-first-use", "auth/http-oauth1-nonce-replayed"),
)
"""What happened in this order, where the dates of the answers, in whole seconds, do not tell."""


@dataclass(frozen=True)
class Exchange:
    """One recorded request and its answer."""

    folder: str
    name: str
    method: str
    scheme: str
    path: str
    query: Json
    auth: str
    headers: dict[str, str]
    body: Any
    status: int
    answer: Any
    answer_headers: dict[str, str]
    when: datetime

    @property
    def label(self) -> str:
        return f"{self.folder}/{self.name}"

    @property
    def code(self) -> str | None:
        return self.answer.get("code") if isinstance(self.answer, dict) and self.status >= 400 else None


def exchanges(root: Path, *folders: str) -> list[Exchange]:
    """Return the REST and browser exchanges of some folders in the order in which they happened."""
    found = []
    for folder in folders:
        for path in sorted((root / folder).glob("*.json")):
            raw = json.loads(path.read_text())
            if "response" not in raw or "request" not in raw:
                continue
            asked, given = raw["request"], raw["response"]
            headers = {k: v for k, v in (asked.get("headers") or {}).items() if isinstance(v, str)}
            one = Exchange(
                folder,
                path.stem,
                asked["method"],
                asked["scheme"],
                asked["path"],
                asked.get("query") or {},
                headers.get("Authorization", ""),
                headers,
                asked.get("body"),
                given["status"],
                given["body"],
                given["headers"],
                parsedate_to_datetime(given["headers"]["Date"]),
            )
            number = given["body"].get("id", 0) if isinstance(given["body"], dict) else 0
            found.append((one.when, one.method != "POST", number if isinstance(number, int) else 0, one.label, one))
    found.sort(key=lambda row: row[:4])
    ordered = [row[-1] for row in found]
    for names in SEQUENCES:
        places = [place for place, one in enumerate(ordered) if one.label in names]
        rows = sorted((ordered[place] for place in places), key=lambda one: names.index(one.label))
        for place, one in zip(places, rows, strict=True):
            ordered[place] = one
    return ordered


KINDS: dict[str, str] = {
    "order": r"orders/(\d+)$",
    "refund": r"orders/(\d+)/refunds/(\d+)$",
    "note": r"orders/(\d+)/notes/(\d+)$",
    "product": r"products/(\d+)$",
    "variation": r"products/(\d+)/variations/(\d+)$",
    "category": r"products/categories/(\d+)$",
    "tag": r"products/tags/(\d+)$",
    "brand": r"products/brands/(\d+)$",
    "shipping_class": r"products/shipping_classes/(\d+)$",
    "attribute": r"products/attributes/(\d+)$",
    "attribute_term": r"products/attributes/(\d+)/terms/(\d+)$",
    "review": r"products/reviews/(\d+)$",
    "customer": r"customers/(\d+)$",
    "coupon": r"coupons/(\d+)$",
    "tax": r"taxes/(\d+)$",
    "webhook": r"webhooks/(\d+)$",
    "zone": r"shipping/zones/(\d+)$",
    "zone_method": r"shipping/zones/(\d+)/methods/(\d+)$",
}
_LINES = ("line_items", "tax_lines", "shipping_lines", "fee_lines")
_TEXTS = ("description", "short_description", "purchase_note")
EARLY = 400
"""Seconds from the first answer in which everything that existed was listed in full."""

_PATTERNS = {kind: re.compile(f"/wp-json/wc/v3/{pattern}") for kind, pattern in KINDS.items()}


def objects(value: Any) -> Iterator[tuple[str, Json]]:
    """Yield (kind, object) of every full object in an answer: one whose links name itself."""
    if isinstance(value, dict):
        links = value.get("_links")
        own = links.get("self", [{}]) if isinstance(links, dict) else [{}]
        href = own[0].get("href", "") if own else ""
        kind = next((kind for kind, pattern in _PATTERNS.items() if pattern.search(href)), None)
        if kind and "id" in value:
            yield kind, value
        for inner in value.values():
            yield from objects(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from objects(inner)


@dataclass
class Recorded:
    """The records of a recorded shop: as they were first seen, and the request that first showed them."""

    rows: dict[tuple[str, int], tuple[Exchange, Json]] = field(default_factory=dict)
    texts: dict[tuple[str, int], Json] = field(default_factory=dict)
    roles: dict[int, list[str]] = field(default_factory=dict)
    started: datetime = datetime(2000, 1, 1, tzinfo=UTC)
    to_come: dict[tuple[str, int], datetime] = field(default_factory=dict)
    delivered: list[tuple[datetime, str, Json]] = field(default_factory=list)

    @classmethod
    def of(cls, walk: list[Exchange], root: Path) -> Recorded:
        made = cls(started=walk[0].when, delivered=deliveries(root))
        created: set[tuple[str, int]] = set()
        for one in walk:
            if one.folder == "customers" and one.query.get("role") not in (None, "all"):
                for row in one.answer if isinstance(one.answer, list) else []:
                    made.roles.setdefault(row["id"], []).append(one.query["role"])
            if one.label in ("customers/list-per-page-100", "older-version/customers-list"):
                for row in one.answer:
                    made.roles.setdefault(row["id"], []).append("customer")
            for kind, found in objects(one.answer) if "_fields" not in one.query else ():
                key = (kind, int(found["id"]))
                if kind == "order" and one.query.get("dp") in ("3", "4"):  # amounts as they are kept
                    made.texts[key] = {**{name: found[name] for name in _LINES}, "precise": True}
                if "permalink_template" in found:  # the answer to a write shows texts as they are kept
                    made.texts[key] = {name: found[name] for name in _TEXTS}
                if kind == "product" and found["type"] == "variation":
                    continue
                if one.status == 201 or (one.path.endswith("/batch") and found in (one.answer.get("create") or [])):
                    created.add(key)
                elif key not in created:
                    made.rows.setdefault(key, (one, found))
        return made

    def load(self, store: PracticeStore) -> None:
        """Put what was there when the recording began into a store."""
        for key, (one, raw) in self.rows.items():
            made = datetime.fromtimestamp(seconds(raw.get("date_created_gmt")) or 0, UTC)
            if (one.when - self.started).total_seconds() < EARLY or made <= self.started:
                store.shop.overlay.put(key[0], self._document(key[0], raw))
            else:
                self.to_come[key] = min(made, one.when)

    def before(self, one: Exchange, store: PracticeStore) -> None:
        """Put what came to be without a recorded request into a store, just before it is first seen."""
        for key in [key for key, since in self.to_come.items() if since <= one.when]:
            del self.to_come[key]
            if not store.shop.overlay.knows(*key):
                store.shop.overlay.put(key[0], self._document(key[0], self.rows[key][1]))

        while self.delivered and self.delivered[0][0] < one.when:
            _, kind, raw = self.delivered.pop(0)
            known = store.shop.get(kind, raw["id"])
            if known is None or str(raw["date_modified_gmt"]) > str(store.shop.site.gmt(known["modified"])):
                store.shop.overlay.put(kind, self._document(kind, raw))

    def _document(self, kind: str, raw: Json) -> Json:
        doc = document(kind, raw) | self.texts.get((kind, raw["id"]), {})
        if kind == "customer":
            if raw["role"] != "customer" and raw["first_name"]:
                doc["display_name"] = f"{raw['first_name']} {raw['last_name']}"
            doc["roles"] = self.roles.get(doc["id"], doc["roles"] if doc["roles"] != ["customer"] else [])
        return doc


def deliveries(root: Path) -> list[tuple[datetime, str, Json]]:
    """Return the records that webhooks brought, oldest first: what they tell happened without a recorded request."""
    found = []
    for path in sorted(root.glob("*.json")):
        raw = json.loads(path.read_text())
        if "received_at_unix" not in raw or not raw["request"]["body_text"].startswith("{"):
            continue
        when = datetime.fromtimestamp(raw["received_at_unix"], UTC)
        found += [
            (when, kind, made)
            for kind, made in objects(json.loads(raw["request"]["body_text"]))
            if kind in ("order", "customer") or (kind == "product" and made["type"] != "variation")
        ]
    return sorted(found, key=lambda row: row[0])


def seconds(text: str | None) -> int | None:
    return None if text is None else int(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp())


def document(kind: str, raw: Json) -> Json:
    """Return a record as the practice store keeps it."""
    doc = {name: value for name, value in raw.items() if name != "_links" and not name.startswith("date_")}
    dates = {
        "created": "date_created_gmt",
        "modified": "date_modified_gmt",
        "paid": "date_paid_gmt",
        "completed": "date_completed_gmt",
        "sale_from": "date_on_sale_from_gmt",
        "sale_to": "date_on_sale_to_gmt",
        "expires": "date_expires_gmt",
    }
    doc |= {ours: seconds(raw[theirs]) for ours, theirs in dates.items() if theirs in raw}
    parent = re.search(r"/(?:orders|products|attributes|zones)/(\d+)/\w+/\d+$", raw["_links"]["self"][0]["href"])
    if parent:
        doc["parent_id"] = int(parent[1])
    if kind == "customer":
        doc["roles"] = [doc.pop("role")]
    if kind == "order":
        doc["counted"] = raw["status"] in ("processing", "completed", "on-hold", "refunded", "shipped", "trash")
    if kind == "webhook":
        doc |= {"secret": "unknown", "owner": 1, "failures": 0, "ping_pending": False}
    if kind == "variation":
        doc |= {"images": [], "tax_class": doc["tax_class"] or "parent"}
    if kind in ("product", "variation"):
        for name in ("categories", "tags", "brands"):
            if name in doc:
                doc[name] = [row["id"] for row in doc[name]]
    return doc
