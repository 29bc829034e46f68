"""Deliveries that are tried again because somebody asks: one, or all that failed."""

from __future__ import annotations

from typing import Final

from sqlalchemy import select, update
from sqlalchemy.orm import Session, aliased

from referins_woo import queues
from referins_woo.ingest.models import Delivery

_MOST: Final = 10_000


def retry(session: Session, store_id: int, delivery_id: int | None = None) -> int:
    """Put a delivery, or all failed ones of a store, back among those that wait; returns how many.

    Whatever a delivery holds, trying it again changes nothing that is right: newest wins, events are recorded once.
    One whose very body waits already is left to that one.
    """
    waiting = aliased(Delivery)
    same = (
        select(waiting.id)
        .where(
            waiting.store_id == Delivery.store_id,
            waiting.topic == Delivery.topic,
            waiting.body_sha256 == Delivery.body_sha256,
            waiting.state == "received",
        )
        .exists()
    )
    wanted = [Delivery.store_id == store_id, Delivery.state != "received", ~same]
    wanted.append(Delivery.state == "failed" if delivery_id is None else Delivery.id == delivery_id)
    what = select(Delivery.id, Delivery.topic, Delivery.body_sha256).where(*wanted)
    found = session.execute(what.order_by(Delivery.id.desc()).limit(_MOST))
    # The same body that failed twice waits once.
    ids = list({(topic, digest): row_id for row_id, topic, digest in found}.values())
    if not ids:
        return 0
    session.execute(
        update(Delivery)
        .where(Delivery.id.in_(ids))
        .values(state="received", reason="", error="", attempts=0, due_at=None, done_at=None)
        .execution_options(synchronize_session=False)
    )
    queues.ring_after_commit(session, "drain_deliveries", store_id)
    return len(ids)


def take_in_ignored(session: Session, store_id: int, source: str) -> int:
    """Take in what another site sent and what was ignored, now that it turns out to be the store; returns how many."""
    ids = session.scalars(
        select(Delivery.id).where(
            Delivery.store_id == store_id,
            Delivery.state == "ignored",
            Delivery.reason == "other_site",
            Delivery.source.in_((source, f"{source}/")),
        )
    ).all()
    return sum(retry(session, store_id, delivery_id) for delivery_id in ids)
