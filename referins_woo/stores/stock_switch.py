"""Leaving a store's quantities to WooCommerce again (K0): asked for, or because its location or keys are others now."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import delete
from sqlalchemy.orm import Session

from referins_woo.accounts import audit
from referins_woo.commerce.models import StoreStock
from referins_woo.stores.models import Store, StoreLog


def turn_off(session: Session, store: Store, now: datetime, why: str) -> bool:
    """Tell the store no quantities any more; what it shows stays as it is. Returns whether it was told any.

    What was known of its goods is forgotten: turned on again, it is compared anew. Callers hold the account's lock.
    """
    session.execute(
        delete(StoreStock).where(StoreStock.store_id == store.id).execution_options(synchronize_session="fetch")
    )
    store.stock_asked_at = store.stock_checked_at = store.stock_matched_at = None
    if not store.push_stock:
        return False
    store.push_stock = False
    session.add(StoreLog(account_id=store.account_id, store_id=store.id, at=now, kind="stock", text=why))
    audit.record(session, store.account_id, "store_settings_changed", store.url, stock=why)
    return True
