"""A connected shop: its address, keys, settings and state, its webhooks, and pending permissions."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import ForeignKey, Index, String, Text, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

import referins_woo.accounts.models
import referins_woo.commerce.models  # noqa: F401  (foreign keys name their tables)
from referins_woo import clock
from referins_woo.db import Base, Json, Key


class Store(Base):
    """One WooCommerce shop of one account. A disconnected store keeps its row, so that reconnecting doubles nothing."""

    __tablename__ = "stores"
    __table_args__ = (
        Index(
            "uq_stores_identity_connected",
            "account_id",
            "identity",
            unique=True,
            postgresql_where=text("state <> 'disconnected' AND identity IS NOT NULL"),
            sqlite_where=text("state <> 'disconnected' AND identity IS NOT NULL"),
        ),
    )

    id: Mapped[int] = mapped_column(Key, primary_key=True)
    account_id: Mapped[int] = mapped_column(ForeignKey("accounts.id"), index=True)
    location_id: Mapped[int | None] = mapped_column(ForeignKey("locations.id"))
    url: Mapped[str] = mapped_column(String(500))
    """Address of the shop without a slash at the end; `{url}/wp-json/` answers."""
    name: Mapped[str] = mapped_column(String(200), default="")
    identity: Mapped[str | None] = mapped_column(String(500))
    """`environment.store_id` of the system status, else home URL and lowest order id (C10)."""
    home_url: Mapped[str] = mapped_column(String(500), default="")
    state: Mapped[str] = mapped_column(String(20), default="connecting")
    cause: Mapped[str] = mapped_column(String(24), default="ok")
    cause_detail: Mapped[str] = mapped_column(Text, default="")
    cause_since: Mapped[datetime | None]
    suspect_cause: Mapped[str] = mapped_column(String(24), default="")
    """A refusal that probes are still confirming; empty while all is well."""
    suspect_since: Mapped[datetime | None]
    suspect_probes: Mapped[int] = mapped_column(default=0)
    """Failing pairs of probes so far."""
    reconnect_episode: Mapped[int] = mapped_column(default=0)
    """Counts the times the store lost its connection: one mail per user and episode (X1)."""
    auth_mode: Mapped[str] = mapped_column(String(10), default="basic")
    """`basic`, `query` (hosts that strip the Authorization header) or `oauth1` (plain http)."""
    key_locked: Mapped[str | None] = mapped_column(Text)
    secret_locked: Mapped[str | None] = mapped_column(Text)
    key_tail: Mapped[str] = mapped_column(String(8), default="")
    hook_token: Mapped[str] = mapped_column(String(64), unique=True)
    hook_secret_locked: Mapped[str] = mapped_column(Text)
    previous_hook_secret_locked: Mapped[str | None] = mapped_column(Text)
    previous_hook_secret_until: Mapped[datetime | None]
    sweep_only: Mapped[bool] = mapped_column(default=False)
    """WooCommerce cannot reach our hooks (C14): no webhooks are made, the sweep runs every 60 s."""
    live_since: Mapped[datetime | None]
    """T0 on the store's clock: history before it is silent."""
    history_order_ids: Mapped[list[Any]] = mapped_column(Json, default=list)
    """Orders dated after T0 that the store already had at T0: history too."""
    clock_skew_seconds: Mapped[int] = mapped_column(default=0)
    """The store's clock minus ours."""
    currency: Mapped[str] = mapped_column(String(3), default="")
    price_decimals: Mapped[int] = mapped_column(default=2)
    time_zone: Mapped[str] = mapped_column(String(64), default="UTC")
    """IANA name, or an offset like +05:30 where the shop has set no city."""
    woo_version: Mapped[str] = mapped_column(String(20), default="")
    manage_stock: Mapped[bool] = mapped_column(default=True)
    hold_stock_minutes: Mapped[int | None]
    """Minutes after which the store cancels unpaid orders; None: it does not."""
    import_elements: Mapped[list[str]] = mapped_column(default=list)
    contacts_scope: Mapped[str] = mapped_column(String(10), default="all")
    """`all` customers, or only those `on_orders` (C3)."""
    pull_mapped_only: Mapped[bool] = mapped_column(default=False)
    """Contact sync follows mapped customers alone: nobody new comes in by it (W6)."""
    import_since: Mapped[datetime | None]
    import_statuses: Mapped[list[str]] = mapped_column(default=list)
    sales_statuses: Mapped[list[str]] = mapped_column(default=lambda: ["processing"])
    """WooCommerce's statuses that make an order a sales order (O3)."""
    import_stock: Mapped[bool] = mapped_column(default=False)
    """Its goods are counted once, when its import has ended (K1)."""
    stock_counted_at: Mapped[datetime | None]
    """When that was done; None: not yet."""
    stock_shown_first: Mapped[bool] = mapped_column(default=False)
    """Somebody asked to see the count before anything is written down, also where nothing was counted before."""
    stock_proposed_at: Mapped[datetime | None]
    """Since when the count waits for somebody to confirm it."""
    stock_choices: Mapped[dict[str, Any] | None] = mapped_column(Json)
    """The count is confirmed: by whom, and by how much (key → 1/10,000) other than proposed."""
    push_stock: Mapped[bool] = mapped_column(default=False)
    """Its quantities are kept from here (K0)."""
    push_stock_since: Mapped[datetime | None]
    """Since when; None: they are not."""
    push_when_counted: Mapped[bool] = mapped_column(default=False)
    """They are to be, once its opening stock is counted and compared: there is no dry run to look at then."""
    stock_buffer: Mapped[int] = mapped_column(default=0)
    """Pieces of each SKU that it is not told of."""
    stock_all_commitments: Mapped[bool] = mapped_column(default=True)
    """It is told what the orders of all stores leave, not what its own leave (K3)."""
    stock_matched_at: Mapped[datetime | None]
    """When its goods were last matched with what is counted at its location."""
    stock_asked_at: Mapped[datetime | None]
    """When it was last asked for that all its quantities be compared: at night, or by somebody."""
    stock_checked_at: Mapped[datetime | None]
    """When that was done."""
    sync_contacts: Mapped[bool] = mapped_column(default=True)
    sync_orders: Mapped[bool] = mapped_column(default=True)
    sync_transactions: Mapped[bool] = mapped_column(default=True)
    sync_order_submitted: Mapped[bool] = mapped_column(default=True)
    sync_payment_received: Mapped[bool] = mapped_column(default=True)
    submitted_on_since: Mapped[datetime | None]
    """On the store's clock: when the Order Submitted switch was last turned on after having been off."""
    payment_on_since: Mapped[datetime | None]
    """The same for Payment Received."""
    sync_products: Mapped[bool] = mapped_column(default=True)
    sync_collections: Mapped[bool] = mapped_column(default=True)
    connections: Mapped[int] = mapped_column(default=4)
    """Requests in flight that the store bears."""
    page_size: Mapped[int] = mapped_column(default=100)
    """Rows asked for at once: fewer where the store could not give more, and more again after a while."""
    page_shrinks: Mapped[int] = mapped_column(default=0)
    """How often in a row it turned out that larger pages cannot be had: tried more and more seldom."""
    page_grows_at: Mapped[datetime | None]
    """Not before this time is a larger page tried; None: the size is as it was set."""
    retry_after: Mapped[datetime | None]
    """No request before this time: the store asked for a pause, or failed."""
    failing_since: Mapped[datetime | None]
    failures: Mapped[int] = mapped_column(default=0)
    restored_at: Mapped[datetime | None]
    """On the store's clock: when a backup was restored. What happened before and is not in it may have been mailed."""
    latency_ms: Mapped[int | None]
    """How long the store lately took for an answer, in the middle."""
    last_error: Mapped[str] = mapped_column(Text, default="")
    """What the store last answered instead of what it was asked for, in words."""
    last_error_at: Mapped[datetime | None]
    mended_at: Mapped[datetime | None]
    """When it last came back with the keys that it had."""
    catching_up_since: Mapped[datetime | None]
    """After a repair: what happened from then on is being caught up; None once that is done."""
    facts_at: Mapped[datetime | None]
    """When the store last said who it is, its currency, its zone."""
    other_site: Mapped[str] = mapped_column(String(500), default="")
    """Another site that speaks with this store's voice: a copy, or the store's new address (C13)."""
    other_site_at: Mapped[datetime | None]
    known_copy: Mapped[str] = mapped_column(String(500), default="")
    """A site that somebody said is a copy: no more word about it."""
    refused_deliveries: Mapped[int] = mapped_column(default=0)
    """Deliveries whose signature was wrong or missing."""
    refused_at: Mapped[datetime | None]
    last_ping_id: Mapped[int | None]
    """The webhook of which WooCommerce last sent us word that it exists."""
    hooks_renewed_at: Mapped[datetime | None]
    """Webhooks made before are made anew: their secret or their owner has changed."""
    created_at: Mapped[datetime] = mapped_column(default=clock.now)
    connected_at: Mapped[datetime | None]
    disconnected_at: Mapped[datetime | None]
    deleting_since: Mapped[datetime | None]
    """Its data are being deleted: a disconnect that asked for it (C8, C9). None once that has ended."""
    rows_to_delete: Mapped[int] = mapped_column(default=0)
    rows_deleted: Mapped[int] = mapped_column(default=0)


class Grant(Base):
    """A merchant on the way to WooCommerce's permission page and back.

    The state in the URL is unguessable and binds the keys that arrive to one store; keys that arrived but were not
    tried yet wait here, locked.
    """

    __tablename__ = "grants"

    id: Mapped[int] = mapped_column(Key, primary_key=True)
    state_token: Mapped[str] = mapped_column(String(64), unique=True)
    account_id: Mapped[int] = mapped_column(ForeignKey("accounts.id"))
    store_id: Mapped[int] = mapped_column(ForeignKey("stores.id"), index=True)
    purpose: Mapped[str] = mapped_column(String(10), default="connect")
    """`connect` or `reconnect`."""
    result: Mapped[str] = mapped_column(String(10), default="waiting")
    """`waiting`, `received` (keys are here, untried), `accepted`, `failed`, `refused`."""
    error: Mapped[str] = mapped_column(Text, default="")
    key_locked: Mapped[str | None] = mapped_column(Text)
    secret_locked: Mapped[str | None] = mapped_column(Text)
    permissions: Mapped[str] = mapped_column(String(12), default="")
    url: Mapped[str] = mapped_column(String(500), default="")
    """The store's new address, where it has moved; empty: the one that is known."""
    created_at: Mapped[datetime] = mapped_column(default=clock.now)
    expires_at: Mapped[datetime]


class Webhook(Base):
    """One webhook that we created in a store."""

    __tablename__ = "store_webhooks"
    __table_args__ = (UniqueConstraint("store_id", "woo_id"),)

    id: Mapped[int] = mapped_column(Key, primary_key=True)
    store_id: Mapped[int] = mapped_column(ForeignKey("stores.id"), index=True)
    woo_id: Mapped[int]
    topic: Mapped[str] = mapped_column(String(60))
    status: Mapped[str] = mapped_column(String(20), default="active")
    """`active`, `paused` or `disabled` as WooCommerce says, or `silenced`: its owner may not see what it tells of."""
    made_at: Mapped[datetime | None]
    pinged_at: Mapped[datetime | None]
    last_delivery_at: Mapped[datetime | None]
    checked_at: Mapped[datetime | None]


class StoreLog(Base):
    """What happened between us and a store, in words: connected, lost, webhooks made, sweeps that brought changes."""

    __tablename__ = "store_log"

    id: Mapped[int] = mapped_column(Key, primary_key=True)
    account_id: Mapped[int]
    store_id: Mapped[int] = mapped_column(ForeignKey("stores.id"), index=True)
    at: Mapped[datetime] = mapped_column(default=clock.now, index=True)
    kind: Mapped[str] = mapped_column(String(40))
    text: Mapped[str] = mapped_column(Text)
    detail: Mapped[dict[str, Any] | None] = mapped_column(Json)
