"""One shop: its face, its seeded world, what changed since, and the news that go to webhooks."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from dataclasses import replace
from hashlib import blake2b
from typing import Protocol

from referins_woo.practice_store.options import StoreOptions
from referins_woo.practice_store.overlay import Overlay
from referins_woo.practice_store.seed.terms import FIRST_NEW, TERMS
from referins_woo.practice_store.seed.world import World
from referins_woo.practice_store.site import VERSIONS, Json, Site, now, zone
from referins_woo.practice_store.taxes import Rate, Rates

POST_KINDS = ("order", "refund", "product", "variation", "coupon")
"""Kinds whose ids come from one counter, as posts in WordPress."""


class News(Protocol):
    """Where changes are told."""

    def tell(self, topic: str, subject: int, arg: object = None) -> None:
        """Something happened: a topic like `order.updated` and the id it is about."""
        ...


class Silence:
    """Nobody listens."""

    def tell(self, topic: str, subject: int, arg: object = None) -> None:
        """Forget it."""


class Shop:
    """The records of one shop. Writers hold `lock` from reading to writing."""

    def __init__(self, options: StoreOptions, home: str) -> None:
        if options.data:
            options.data.mkdir(parents=True, exist_ok=True)
        self.options = options
        self.overlay = Overlay(options.data / "practice-store.sqlite3" if options.data else None)
        self.lock = self.overlay.lock
        fingerprint = uuid.uuid4().hex if options.data else _digest(f"memory:{options.seed}", 16)
        self.secret: str = self.overlay.fact("secret", fingerprint)
        size = int(self.overlay.fact("size", options.size))
        seed = int(self.overlay.fact("seed", options.seed))
        self.site = Site(
            home=home,
            name=options.name,
            tagline=options.tagline,
            zone=zone(str(self.overlay.fact("timezone", options.timezone))),
            currency=str(self.overlay.fact("currency", options.currency)),
            store_id=str(uuid.UUID(_digest(f"store:{self.secret}", 16))),
            strict=options.strict,
            version=VERSIONS[options.woocommerce],
            decimals=int(self.overlay.fact("decimals", 2)),
        )
        self._rates: Rates | None = None
        self._rates_of: dict[int, Json | None] = {}
        self.world = World(size, seed, int(self.overlay.fact("born", now())), home)
        self.news: News = Silence()
        self.clock_skew: Callable[[], float] = lambda: 0.0
        """By how many seconds the shop's clock is wrong."""

    def now(self) -> int:
        """Return the time by the shop's own clock, in whole seconds."""
        return now() + round(self.clock_skew())

    def change_site(self, *, timezone: str | None = None, decimals: int | None = None) -> None:
        """Move the site to another time zone, or change its number of decimals.

        Raises ValueError for a zone that does not exist.
        """
        if timezone is not None:
            self.site = replace(self.site, zone=zone(timezone))
            self.overlay.set_fact("timezone", timezone)
        if decimals is not None:
            self.site = replace(self.site, decimals=decimals)
            self.overlay.set_fact("decimals", decimals)

    @property
    def rates(self) -> Rates:
        """Return the tax rates as they are now."""
        changed = self.overlay.of_kind("tax")
        if self._rates is None or self._rates_of != changed:
            ids = sorted({*self.world.ids("tax"), *changed})
            docs = (self.get("tax", record_id) for record_id in ids)
            self._rates, self._rates_of = Rates(Rate.of(doc) for doc in docs if doc is not None), changed
        return self._rates

    def get(self, kind: str, record_id: int) -> Json | None:
        """Return a record as it is now, or None. It must not be changed in place: copy it, change, `save`."""
        if self.overlay.knows(kind, record_id):
            return self.overlay.get(kind, record_id)
        return self.world.record(kind, record_id)

    def save(self, kind: str, doc: Json, *, touch: bool = True) -> None:
        """Keep a record; `touch` moves its date of change to now."""
        if touch and "created" in doc:
            doc["modified"] = self.now()
        self.overlay.put(kind, doc)

    def remove(self, kind: str, record_id: int) -> None:
        """Let a record be gone for good."""
        self.overlay.remove(kind, record_id)

    def changed(self, kind: str) -> dict[int, Json | None]:
        """Return what is not as seeded: id to document, None where it is gone."""
        return self.overlay.of_kind(kind)

    def new_id(self, kind: str) -> int:
        """Return a fresh id for a kind."""
        if kind in POST_KINDS:
            return self.overlay.next_number("next_post", self.world.layout.first_new)
        if kind == "customer":
            return self.overlay.next_number("next_user", self.world.layout.first_new_user)
        if kind in TERMS and kind != "attribute":
            return self.overlay.next_number("next_term", FIRST_NEW)
        if kind in ("attribute", "tax"):
            return self.overlay.next_number(f"next_{kind}", max(self.world.ids(kind), default=0) + 1)
        if kind == "item":
            return self.overlay.next_number("next_item", self.world.layout.orders * 24 + 100)
        if kind == "meta":
            return self.overlay.next_number("next_meta", self.world.layout.orders * 8 + 100)
        return self.overlay.next_number(f"next_{kind}", 1)

    def derived(self, purpose: str, length: int = 40) -> str:
        """Return a hexadecimal text that is always the same for this data folder and purpose."""
        return _digest(f"{self.secret}:{purpose}", length // 2)

    def close(self) -> None:
        """Close the file of changes."""
        self.overlay.close()


def _digest(text: str, size: int) -> str:
    return blake2b(text.encode(), digest_size=size).hexdigest()
