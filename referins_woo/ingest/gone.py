"""Marks what a store has no more. Nothing is deleted here: it keeps what it was (S5)."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from sqlalchemy import update
from sqlalchemy.orm import Session

from referins_woo import clock
from referins_woo.commerce.upsert.bulk import among


def mark(session: Session, store_id: int, woo_ids: Collection[int], *, model: Any) -> None:
    """Mark rows of `model` (products, collections, links of customers) as gone, unless they are already."""
    if woo_ids:
        session.execute(
            update(model)
            .where(model.store_id == store_id, among(session, model.woo_id, woo_ids), model.gone_at.is_(None))
            .values(gone_at=clock.now())
            .execution_options(synchronize_session=False)
        )
