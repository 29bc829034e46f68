"""What every page says beside its own matter: stores that must be reconnected, imports that run."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import func, or_, select
from sqlalchemy.orm import Session

from referins_woo.commerce.models import StoreStock
from referins_woo.ingest.models import Import
from referins_woo.stores.models import Store


@dataclass(frozen=True, slots=True)
class LostStore:
    """A store that no longer accepts our keys."""

    id: int
    name: str
    url: str
    cause: str
    since: datetime | None


@dataclass(frozen=True, slots=True)
class Notice:
    """A store that goes on, but about which somebody must know.

    `unreachable`, `other_site`, `mapping_needed`, `opening` or `stock`.
    """

    kind: str
    id: int
    name: str
    url: str
    since: datetime | None
    other_site: str
    changed: int = 0
    """Of `stock`: quantities that were changed in WooCommerce, and wait for a decision."""
    failed: int = 0
    """Of `stock`: those that the store did not take."""


@dataclass(frozen=True, slots=True)
class Alerts:
    """For one account."""

    lost: list[LostStore]
    importing: int
    notices: list[Notice]


def alerts(session: Session, account_id: int) -> Alerts:
    """Return what the account must know on every page."""
    lost = session.execute(
        select(Store.id, Store.name, Store.url, Store.cause, Store.cause_since).where(
            Store.account_id == account_id, Store.state == "needs_reconnect"
        )
    )
    importing = session.scalar(
        select(func.count())
        .select_from(Import)
        .where(Import.account_id == account_id, Import.state.in_(("waiting", "running")))
    )
    return Alerts([LostStore(*row) for row in lost], importing or 0, _notices(session, account_id))


def _notices(session: Session, account_id: int) -> list[Notice]:
    stores = session.scalars(
        select(Store).where(
            Store.account_id == account_id,
            Store.state.in_(("connected", "mapping_needed")),
            or_(
                *(Store.cause == "unreachable", Store.other_site != "", Store.state == "mapping_needed"),
                Store.stock_proposed_at.is_not(None) & Store.stock_choices.is_(None),
            ),
        )
    )
    found = []
    for store in stores:
        whose = (store.id, store.name, store.url)
        if store.state == "mapping_needed":
            found.append(Notice("mapping_needed", *whose, None, ""))
        if store.cause == "unreachable":
            found.append(Notice("unreachable", *whose, store.cause_since, ""))
        if store.stock_proposed_at is not None and store.stock_choices is None:
            found.append(Notice("opening", *whose, store.stock_proposed_at, ""))
        if store.other_site:
            found.append(Notice("other_site", *whose, store.other_site_at, store.other_site))
    return found + _stock_notices(session, account_id)


def _stock_notices(session: Session, account_id: int) -> list[Notice]:
    rows = session.execute(
        select(Store.id, Store.name, Store.url, StoreStock.state, func.count())
        .join(StoreStock, StoreStock.store_id == Store.id)
        .where(Store.account_id == account_id, Store.push_stock, StoreStock.state.in_(("changed", "failed")))
        .group_by(Store.id, Store.name, Store.url, StoreStock.state)
        .order_by(Store.id)
    ).all()
    counts: dict[tuple[int, str, str], dict[str, int]] = {}
    for store_id, name, url, state, many in rows:
        counts.setdefault((store_id, name, url), {})[state] = many
    return [
        Notice("stock", *whose, None, "", many.get("changed", 0), many.get("failed", 0))
        for whose, many in counts.items()
    ]
