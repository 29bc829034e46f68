"""Wakes waiting runs early, so that their exit conditions are looked at when something happens, not only when due.

Nothing is decided here: a run whose order changed becomes due, and advancing it looks at the exit conditions; where
none holds the engine gives it the same wait back.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import timedelta
from typing import Final

from sqlalchemy import and_, or_, select, union, update
from sqlalchemy.orm import Session

from referins_woo import clock, queues
from referins_woo.commerce.models import Order
from referins_woo.commerce.upsert.bulk import table_of
from referins_woo.conditions import one_of
from referins_woo.runs.models import Run

RELATED_WITHIN: Final = timedelta(hours=2)
"""Another order of the same e-mail counts as the same purchase if placed this close (triggers.md)."""

_SLICE: Final = 500
# Made once: each costs more to put together than to answer.
_O, _R = table_of(Order), table_of(Run)
_IS_WAITING: Final = or_(_R.c.state == "waiting", and_(_R.c.state == "rereading", _R.c.lease_until.is_(None)))
_WAITING: Final = union(
    select(_R.c.order_id).where(one_of(_R.c.order_id, "ids"), _IS_WAITING),
    select(_R.c.order_id).where(
        _R.c.contact_id.in_(select(_O.c.contact_id).where(one_of(_O.c.id, "ids"), _O.c.contact_id.is_not(None))),
        _IS_WAITING,
    ),
)
"""Waiting orders among the changed ones, and among those of their contacts."""
_changed, _other = _O.alias(), _O.alias()
_RELATED: Final = (
    select(_other.c.id, _other.c.placed_at, _changed.c.placed_at)
    .select_from(_other)
    .join(_changed, and_(_changed.c.store_id == _other.c.store_id, _changed.c.email_key == _other.c.email_key))
    .join(_R, and_(_R.c.order_id == _other.c.id, _IS_WAITING))
    .where(one_of(_changed.c.id, "ids"), _changed.c.email_key != "", _other.c.id != _changed.c.id)
)
"""Waiting orders beside the changed ones."""


def look_again(session: Session, order_ids: Collection[int]) -> int:
    """Make the waiting runs of these orders (our ids) due now; returns how many there were.

    Also those whose live read was put off because the store could not be reached: what happened may end them. And
    those of orders of the same store and e-mail placed within two hours: that one was paid may end them too. And those
    of the orders' contacts: another order was placed.
    """
    ids = sorted(set(order_ids))
    woken = 0
    for start in range(0, len(ids), _SLICE):
        part = ids[start : start + _SLICE]
        waiting = _waiting_orders(session, part)
        if waiting:
            woken += _wake(session, waiting)
    return woken


def contacts_changed(session: Session, contact_ids: Collection[int], *, but: int | None = None) -> int:
    """Make the waiting runs of these contacts due now (a tag, a consent may end them); returns how many there were.

    `but`: a run that is being worked on.
    """
    now = clock.now()
    woken = session.scalars(
        update(Run)
        .where(Run.contact_id.in_(contact_ids), _IS_WAITING, Run.due_at > now, Run.id != (but or 0))
        .values(due_at=now)
        .returning(Run.state)
        .execution_options(synchronize_session=False)
    ).all()
    if woken:
        queues.ring_after_commit(session, "advance_runs")
    if "rereading" in woken:
        queues.ring_after_commit(session, "reread_runs")
    return len(woken)


def _waiting_orders(session: Session, ids: Sequence[int]) -> set[int]:
    found = {order_id for (order_id,) in session.execute(_WAITING, {"ids": ids}) if order_id is not None}
    for order_id, placed, changed_placed in session.execute(_RELATED, {"ids": ids}):
        if abs(placed - changed_placed) <= RELATED_WITHIN:
            found.add(order_id)
    return found


def _wake(session: Session, order_ids: Collection[int]) -> int:
    now = clock.now()
    woken = session.scalars(
        update(Run)
        .where(Run.order_id.in_(order_ids), _IS_WAITING, Run.due_at > now)
        .values(due_at=now)
        .returning(Run.state)
        .execution_options(synchronize_session=False)
    ).all()
    if "rereading" in woken:
        queues.ring_after_commit(session, "reread_runs")
    return len(woken)
