"""Jobs of the mapping: reading a store's customers to suggest, pushes of all, and the sweep behind both."""

from __future__ import annotations

from referins_woo import clock, process, queues
from referins_woo.customer_mapping import push, suggesting


@queues.job("suggest_customers")
def suggest_customers(store_id: int) -> None:
    """Read a store's customers and compare names; ring again if more is left."""
    if suggesting.read(process.current(), store_id):
        queues.ring("suggest_customers", store_id)


@queues.job("push_customers")
def push_customers(store_id: int) -> None:
    """Put what is ticked into the outbox; ring again if more is left."""
    if push.work(process.current(), store_id):
        queues.ring("push_customers", store_id)


def ring_for_mappings() -> None:
    """Sweep: begin pushes that are due, and go on with what nobody works on."""
    with process.current().database.unit() as session:
        pushing, reading = push.begin_due(session, clock.now()), list(suggesting.waiting(session))
    for store_id in pushing:
        queues.ring("push_customers", store_id)
    for store_id in reading:
        queues.ring("suggest_customers", store_id)
