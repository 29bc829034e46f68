"""The switch of a store's quantities (K0): kept from here, or left to WooCommerce again because somebody asked for it
or its location or keys are others now."""

from __future__ import annotations

from datetime import datetime
from typing import Final

from sqlalchemy import delete
from sqlalchemy.orm import Session

from referins_woo.accounts import audit
from referins_woo.commerce.models import StoreStock
from referins_woo.stores.models import Store, StoreLog

TURNED_ON: Final = "Its quantities are kept from here."


def turn_on(session: Session, store: Store, now: datetime) -> None:
    """Keep the store's quantities from here; whoever calls knows that it was compared, and can be written."""
    store.push_stock, store.push_when_counted, store.push_stock_since = True, False, now
    note(session, store, now, TURNED_ON)


def turn_off(session: Session, store: Store, now: datetime, why: str) -> bool:
    """Tell the store no quantities any more; what it shows stays as it is. Returns whether it was told any.

    What was known of its goods is forgotten: turned on again, it is compared anew. Callers hold the account's lock.
    """
    session.execute(
        delete(StoreStock).where(StoreStock.store_id == store.id).execution_options(synchronize_session="fetch")
    )
    store.stock_asked_at = store.stock_checked_at = store.stock_matched_at = None
    store.stock_proposed_at = store.stock_choices = None  # of another place, it is counted anew
    if store.stock_counted_at is not None:  # before, the count is still to come and so is what it was asked for with
        store.push_when_counted = False
    if not store.push_stock:
        return False
    store.push_stock, store.push_stock_since = False, None
    note(session, store, now, why)
    return True


def note(session: Session, store: Store, now: datetime, text: str) -> None:
    """Write down what has changed about the quantities that a store is told."""
    session.add(StoreLog(account_id=store.account_id, store_id=store.id, at=now, kind="stock", text=text))
    audit.record(session, store.account_id, "store_settings_changed", store.url, stock=text)
