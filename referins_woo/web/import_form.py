"""What to import, as a form: elements, which contacts, which orders. Used by the wizard and by Re-import (C3, I7)."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from datetime import date, datetime
from typing import Final

from flask import request

from referins_woo import clock
from referins_woo.errors import InvalidInput
from referins_woo.stores import choices
from referins_woo.stores.choices import Choices
from referins_woo.stores.models import Store

_SLUG = re.compile(r"^[a-z0-9_-]+$")

ELEMENTS: Final = (
    (
        "contacts",
        "Contacts",
        "Users with the role customer or subscriber. Guests are made by their orders, and never changed afterwards.",
    ),
    (
        "orders",
        "Orders",
        "Every order with its lines, oldest first. Orders create their contacts even if Contacts is off.",
    ),
    ("transactions", "Transactions", "One payment for each paid order, one row for each refund. Needs Orders."),
    (
        "products",
        "Products",
        "Simple and variable products that are published and have a price above zero; variable ones with their "
        "variants, at least one.",
    ),
    ("collections", "Collections", "Categories in use: those that an imported product names. Needs Products."),
)

STATUSES: Final = (
    ("pending", "Pending payment"),
    ("on-hold", "On hold"),
    ("processing", "Processing"),
    ("completed", "Completed"),
    ("cancelled", "Cancelled"),
    ("refunded", "Refunded"),
    ("failed", "Failed"),
)
"""WooCommerce's own; a store's plugins may add more, which are typed by their slugs."""
STATUS_LIMIT: Final = 40
"""Characters of a status's slug and how many of them are taken: more is no list of statuses."""
ALL: Final = tuple(name for name, _, _ in ELEMENTS)


@dataclass(frozen=True, slots=True)
class Form:
    """The form as it stands: what a person typed is shown again, also where it cannot be used."""

    chosen: tuple[str, ...]
    contacts_scope: str
    since: str
    """A day, YYYY-MM-DD by the store's calendar; empty: all orders."""
    statuses: tuple[str, ...]
    time_zone: str
    counts_stock: bool | None = None
    """Whether the opening stock is to be counted (K1); None: it is not asked about."""

    @property
    def elements(self) -> tuple[tuple[str, str, str], ...]:
        """All elements, with labels and sentences."""
        return ELEMENTS

    @property
    def known_statuses(self) -> tuple[tuple[str, str], ...]:
        """WooCommerce's own statuses, with labels."""
        return STATUSES

    @property
    def other_statuses(self) -> list[str]:
        """Statuses of plugins."""
        known = {slug for slug, _ in STATUSES}
        return [each for each in self.statuses if each not in known]

    @property
    def today(self) -> str:
        """Today, where the store is."""
        return clock.now().astimezone(clock.zone(self.time_zone)).date().isoformat()

    def choices(self, store: Store) -> Choices:
        """Return the store's choices with these in place. Raises InvalidInput."""
        moment, slugs = self._limits()
        return replace(
            choices.choices_of(store),
            elements=frozenset(self.chosen),
            contacts_scope=self.contacts_scope,
            import_since=moment,
            import_statuses=slugs,
            import_stock=store.import_stock if self.counts_stock is None else self.counts_stock,
        )

    def _limits(self) -> tuple[datetime | None, tuple[str, ...]]:
        try:
            moment = clock.start_of(date.fromisoformat(self.since), self.time_zone) if self.since else None
        except (ValueError, OverflowError):
            raise InvalidInput("since", "Give the date as year-month-day, for example 2026-01-31.") from None
        if moment is not None and moment > clock.now():
            raise InvalidInput("since", "This date lies in the future: no order would come in.")
        slugs = tuple(each.removeprefix("wc-") for each in self.statuses)
        if len(slugs) > STATUS_LIMIT or not all(len(each) <= STATUS_LIMIT and _SLUG.match(each) for each in slugs):
            raise InvalidInput(
                "statuses", "Name other statuses by their slugs, parted by commas: small letters, digits, -."
            )
        return moment, slugs


def of_store(store: Store) -> Form:
    """Return the form with the choices that the store has; all elements where nothing was chosen yet."""
    day = choices.since_day(store)
    return Form(
        chosen=tuple(store.import_elements) or ALL,
        contacts_scope=store.contacts_scope,
        since=day.isoformat() if day is not None else "",
        statuses=tuple(store.import_statuses),
        time_zone=store.time_zone,
        counts_stock=store.import_stock if _asks_for_stock(store) else None,
    )


def typed(store: Store) -> Form:
    """Return the form that the browser sent."""
    sent = request.form
    others = [each.strip().lower() for each in sent.get("other_statuses", "").split(",")]
    return Form(
        chosen=tuple(sent.getlist("elements")),
        contacts_scope=sent.get("contacts_scope", "all"),
        since=sent.get("since", "").strip(),
        statuses=tuple(each for each in (*sent.getlist("statuses"), *others) if each),
        time_zone=store.time_zone,
        counts_stock=(sent.get("import_stock") == "1") if _asks_for_stock(store) else None,
    )


def _asks_for_stock(store: Store) -> bool:
    """At the first connection; later the store's tab Stock has a button."""
    return store.state == "connecting" and store.stock_counted_at is None
