"""What a merchant chose for a store: elements to import (C3), changes to follow (C4), and changing it later (C8)."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from typing import Final

from sqlalchemy.orm import Session

from referins_woo import clock, queues
from referins_woo.errors import InvalidInput
from referins_woo.stores import connection
from referins_woo.stores.models import Store

ELEMENTS: Final = ("contacts", "orders", "transactions", "products", "collections")
SYNC_COLUMNS: Final[dict[str, str]] = {
    "contacts": "sync_contacts",
    "orders": "sync_orders",
    "transactions": "sync_transactions",
    "order-submitted": "sync_order_submitted",
    "payment-received": "sync_payment_received",
    "products": "sync_products",
    "collections": "sync_collections",
}
"""Name of a switch on the command line → its column."""
SCOPES: Final = ("all", "on_orders")


@dataclass(frozen=True, slots=True)
class Choices:
    """The merchant's choices. `settled` gives what they imply."""

    elements: frozenset[str] = frozenset(ELEMENTS)
    contacts_scope: str = "all"
    sync: frozenset[str] = frozenset(SYNC_COLUMNS)
    import_since: datetime | None = None
    """The moment at which the chosen day begins in the store's time zone: `clock.start_of`."""
    import_statuses: tuple[str, ...] = ()
    import_stock: bool = False
    """Count the opening stock once the import has ended (K1)."""
    push_when_counted: bool = False
    """Keep the store's quantities from here as soon as that is done (K0)."""

    def settled(self) -> Choices:
        """Return the choices with what they need: Transactions tick Orders, Collections tick Products,
        opening stock both (C3), and keeping quantities the opening stock.

        Raises InvalidInput for a name that is none.
        """
        unknown = sorted(self.elements - set(ELEMENTS)) + sorted(self.sync - SYNC_COLUMNS.keys())
        if unknown:
            raise InvalidInput("elements", f"There is no such element: {', '.join(unknown)}.")
        if self.contacts_scope not in SCOPES:
            raise InvalidInput("contacts", "Choose all customers, or only customers on orders.")
        elements = set(self.elements)
        if "transactions" in elements:
            elements.add("orders")
        if "collections" in elements:
            elements.add("products")
        import_stock = self.import_stock or self.push_when_counted
        if import_stock:
            elements |= {"orders", "products"}
        statuses = tuple(
            dict.fromkeys(each.strip().removeprefix("wc-") for each in self.import_statuses if each.strip())
        )
        return replace(self, elements=frozenset(elements), import_statuses=statuses, import_stock=import_stock)


def choices_of(store: Store) -> Choices:
    """Return the choices that a store has now."""
    return Choices(
        elements=frozenset(store.import_elements),
        contacts_scope=store.contacts_scope,
        sync=frozenset(name for name, column in SYNC_COLUMNS.items() if getattr(store, column)),
        import_since=store.import_since,
        import_statuses=tuple(store.import_statuses),
        import_stock=store.import_stock,
        push_when_counted=store.push_when_counted,
    )


def since_day(store: Store) -> date | None:
    """Return the day from which orders are imported, by the store's calendar; None: all are (I7)."""
    return store.import_since.astimezone(clock.zone(store.time_zone)).date() if store.import_since else None


def take_time_zone(store: Store, time_zone: str) -> None:
    """Note the store's time zone; the day from which orders are imported stays the same day."""
    day = since_day(store)
    store.time_zone = time_zone
    if day is not None:
        store.import_since = clock.start_of(day, time_zone)


def apply(session: Session, store: Store, choices: Choices, now: datetime) -> None:
    """Write choices to a store; they hold for what comes after (C8).

    A trigger switched on again begins now, on the store's clock: what came while it was off stays silent.
    Webhooks follow after the commit.
    """
    chosen = choices.settled()
    store.import_elements = [name for name in ELEMENTS if name in chosen.elements]
    store.contacts_scope = chosen.contacts_scope
    store.import_since, store.import_statuses = chosen.import_since, list(chosen.import_statuses)
    store.import_stock, store.push_when_counted = chosen.import_stock, chosen.push_when_counted
    store_now = now + timedelta(seconds=store.clock_skew_seconds)
    is_live = store.state != "connecting"
    if is_live and "order-submitted" in chosen.sync and not store.sync_order_submitted:
        store.submitted_on_since = store_now
    if is_live and "payment-received" in chosen.sync and not store.sync_payment_received:
        store.payment_on_since = store_now
    for name, column in SYNC_COLUMNS.items():
        setattr(store, column, name in chosen.sync)
    if store.state in connection.LIVE_STATES:
        queues.ring_after_commit(session, "heal_webhooks", store.id)
