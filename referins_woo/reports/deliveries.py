"""Webhook deliveries of one store for their page: what came, what became of it, and what it held."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import ColumnElement, select
from sqlalchemy.orm import Session

from referins_woo.commerce.models import ContactLink, Order, Product
from referins_woo.ingest.models import Delivery
from referins_woo.reports.masking import masked
from referins_woo.woo import reading

REASONS: Final = {
    "other_site": "It came from another site than the one that is connected",
    "topic_not_used": "Nothing here listens to this topic",
    "error_body": "WooCommerce sent an error in place of the thing: it was deleted meanwhile",
    "owner_lost_rights": "WooCommerce sent an error in place of the thing: the webhook's owner may not see it",
    "switched_off": "The sync of this element is switched off",
    "deletions_do_not_travel": "Deletions do not travel",
    "not_json": "The body is no JSON",
    "poison": "It was tried five times in vain",
}
"""Reason → what it means."""


@dataclass(frozen=True, slots=True)
class DeliveryRow:
    """A line of the list. `record`: (kind, our id) of what it is about, where that is here."""

    delivery: Delivery
    woo_id: int | None
    record: tuple[str, int] | None

    @property
    def words(self) -> str:
        """Why it was ignored or failed."""
        return REASONS.get(self.delivery.reason) or self.delivery.error or self.delivery.reason.replace("_", " ")

    @property
    def seconds(self) -> float | None:
        """How long it took from its coming to its end."""
        if self.delivery.done_at is None:
            return None
        return max((self.delivery.done_at - self.delivery.received_at).total_seconds(), 0.0)


def deliveries(
    session: Session, store_id: int, *, state: str = "", topic: str = "", page: int = 1, size: int = 50
) -> tuple[list[DeliveryRow], bool]:
    """Return one page of a store's deliveries, newest first, and whether there are older ones."""
    conditions: list[ColumnElement[bool]] = [Delivery.store_id == store_id]
    if state:
        conditions.append(Delivery.state == state)
    if topic:
        conditions.append(Delivery.topic == topic)
    query = select(Delivery).where(*conditions).order_by(Delivery.id.desc()).limit(size + 1).offset((page - 1) * size)
    found = list(session.scalars(query))
    rows = _rows(session, store_id, {row.id: row for row in found[:size]})
    return [rows[row.id] for row in found[:size]], len(found) > size


def one(session: Session, delivery: Delivery) -> DeliveryRow:
    """Return one delivery as a line."""
    return _rows(session, delivery.store_id, {delivery.id: delivery})[delivery.id]


def payload(delivery: Delivery) -> str:
    """Return what a delivery held, indented, with personal data masked; its beginning where it is no JSON."""
    try:
        document = reading.read(delivery.body).value
    except reading.NotJsonError:
        return str(masked({"body": delivery.body[:500].decode("utf-8", "replace")})["body"])
    return json.dumps(masked(document, delivery.topic), indent=2, ensure_ascii=False)


def _rows(session: Session, store_id: int, found: dict[int, Delivery]) -> dict[int, DeliveryRow]:
    ids = {delivery.id: _woo_id(delivery) for delivery in found.values()}
    kinds = {delivery.id: delivery.topic.partition(".")[0] for delivery in found.values()}
    here: dict[tuple[str, int], int] = {}
    tables: tuple[tuple[str, Any, Any], ...] = (
        ("order", Order, Order.id),
        ("product", Product, Product.id),
        ("customer", ContactLink, ContactLink.contact_id),
    )
    for kind, table, key in tables:
        wanted = {woo_id for row_id, woo_id in ids.items() if woo_id and kinds[row_id] == kind}
        if wanted:
            query = select(table.woo_id, key).where(table.store_id == store_id, table.woo_id.in_(wanted))
            here |= {(kind, woo_id): our_id for woo_id, our_id in session.execute(query)}
    rows = {}
    for row_id, delivery in found.items():
        our_id = here.get((kinds[row_id], ids[row_id] or 0))
        record = (kinds[row_id], our_id) if our_id is not None else None
        rows[row_id] = DeliveryRow(delivery, ids[row_id], record)
    return rows


def _woo_id(delivery: Delivery) -> int | None:
    try:
        document = reading.read(delivery.body).value
    except reading.NotJsonError:
        return None
    woo_id = document.get("id") if isinstance(document, dict) else None
    return woo_id if isinstance(woo_id, int) else None
