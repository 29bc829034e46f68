"""Jobs of the way back: the drain of one store's outbox, and the sweep behind it."""

from __future__ import annotations

from sqlalchemy import or_, select

from referins_woo import clock, process, queues
from referins_woo.stores.models import Store
from referins_woo.writeback.models import StoreWrite
from referins_woo.writeback.outbox import STOCK_SET
from referins_woo.writeback.send import push


@queues.job("push_writes")
def push_writes(store_id: int) -> None:
    """Send what is due to a store; ring again if more may be left."""
    if push(process.current(), store_id):
        queues.ring("push_writes", store_id)


def ring_for_writes() -> None:
    """Sweep: changes that nobody sends: a lost bell, a killed worker, a pause that is over."""
    now = clock.now()
    with process.current().database.reading() as session:
        due = session.scalars(
            select(StoreWrite.store_id)
            .join(Store, Store.id == StoreWrite.store_id)
            .where(
                StoreWrite.kind != STOCK_SET,
                or_(
                    StoreWrite.state.in_(("waiting", "unknown")) & (StoreWrite.due_at <= now),
                    StoreWrite.state == "sending",
                ),
                or_(Store.retry_after.is_(None), Store.retry_after <= now),
            )
            .distinct()
        ).all()
    for store_id in due:
        queues.ring("push_writes", store_id)
