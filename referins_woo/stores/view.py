"""A store as the rooms behind the door see it: its settings at one moment, without its secrets."""

from __future__ import annotations

from dataclasses import dataclass, fields
from datetime import datetime

from referins_woo.stores.connection import needs_location
from referins_woo.stores.models import Store


@dataclass(frozen=True, slots=True)
class StoreView:
    """The columns of a store as they were when it was read; each is described in `stores.models.Store`."""

    id: int
    account_id: int
    location_id: int | None
    url: str
    name: str
    identity: str | None
    home_url: str
    state: str
    cause: str
    suspect_cause: str
    suspect_since: datetime | None
    suspect_probes: int
    reconnect_episode: int
    auth_mode: str
    hook_token: str
    sweep_only: bool
    live_since: datetime | None
    history_order_ids: frozenset[int]
    clock_skew_seconds: int
    currency: str
    price_decimals: int
    time_zone: str
    woo_version: str
    manage_stock: bool
    hold_stock_minutes: int | None
    import_elements: tuple[str, ...]
    contacts_scope: str
    pull_mapped_only: bool
    import_since: datetime | None
    import_statuses: tuple[str, ...]
    sales_statuses: tuple[str, ...]
    sync_contacts: bool
    sync_orders: bool
    sync_transactions: bool
    sync_order_submitted: bool
    sync_payment_received: bool
    submitted_on_since: datetime | None
    payment_on_since: datetime | None
    sync_products: bool
    sync_collections: bool
    connections: int
    page_size: int
    retry_after: datetime | None
    failing_since: datetime | None
    last_error_at: datetime | None
    failures: int
    restored_at: datetime | None
    catching_up_since: datetime | None
    facts_at: datetime | None
    other_site: str
    refused_at: datetime | None
    hooks_renewed_at: datetime | None
    connected_at: datetime | None

    @property
    def needs_location(self) -> bool:
        """Whether its orders have no place to go: none is made, what comes in waits (L2)."""
        return needs_location(self.state, self.location_id)


_COLLECTIONS = {
    "history_order_ids": frozenset,
    "import_elements": tuple,
    "import_statuses": tuple,
    "sales_statuses": tuple,
}
_NAMES = tuple(field.name for field in fields(StoreView))


def view_of(store: Store) -> StoreView:
    """Return `store` as a value that outlives its session."""
    values = {name: getattr(store, name) for name in _NAMES}
    for name, kind in _COLLECTIONS.items():
        values[name] = kind(values[name] or ())
    return StoreView(**values)
