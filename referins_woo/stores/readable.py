"""Which stores jobs may read: the SQL twins of `connection.can_read` and `connection.needs_location`."""

from __future__ import annotations

from sqlalchemy import ColumnElement, and_, not_, or_

from referins_woo.stores.connection import LIVE_STATES
from referins_woo.stores.models import Store


def readable() -> ColumnElement[bool]:
    """Return the condition on stores whose keys still read: live ones, and those with a read-only key (C15)."""
    return or_(Store.state.in_(LIVE_STATES), and_(Store.state == "needs_reconnect", Store.cause == "read_only_key"))


def readable_and_placed() -> ColumnElement[bool]:
    """The same, of stores whose orders have a place to go: the SQL twin of `connection.needs_location` (L2)."""
    unplaced = or_(Store.state == "mapping_needed", and_(Store.state == "needs_reconnect", Store.location_id.is_(None)))
    return and_(readable(), not_(unplaced))
