"""Which stores jobs may read: the SQL twin of `connection.can_read`."""

from __future__ import annotations

from sqlalchemy import ColumnElement, and_, or_

from referins_woo.stores.connection import LIVE_STATES
from referins_woo.stores.models import Store


def readable() -> ColumnElement[bool]:
    """Return the condition on stores whose keys still read: live ones, and those with a read-only key (C15)."""
    return or_(Store.state.in_(LIVE_STATES), and_(Store.state == "needs_reconnect", Store.cause == "read_only_key"))
