"""Live changes of customers (M1, M4, S1)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime

from referins_woo import clock
from referins_woo.commerce.erasure import erased_and_away
from referins_woo.commerce.records import CustomerRecord
from referins_woo.commerce.upsert.bulk import lock_account
from referins_woo.commerce.upsert.contacts import linked_contacts, upsert_customers
from referins_woo.events.observe import InUnit
from referins_woo.outbound.contacts import tell_created, tell_updated
from referins_woo.process import Process
from referins_woo.stores.door import Door
from referins_woo.stores.view import StoreView

IMPORTED_ROLES = frozenset({"customer", "subscriber"})


def take_customers(
    process: Process,
    door: Door,
    customers: Sequence[CustomerRecord],
    *,
    new_since: datetime | None = None,
    in_unit: InUnit | None = None,
) -> None:
    """Take customers in: those known here follow; new ones come by their role, if all customers are wanted.

    For a single webhook the role shown decides (M1); with "only customers on orders" nobody new comes in this way (C3).
    `new_since`: unknown customers come only if they registered since then; who was there before is for an import.
    """
    store = door.store
    with process.database.unit() as session:
        lock_account(session, store.account_id)
        known = linked_contacts(session, store.id, [customer.woo_id for customer in customers])
        erased = erased_and_away(session, store.id, [customer.woo_id for customer in customers])
        wanted = [
            customer
            for customer in customers
            if customer.woo_id not in erased
            and (customer.woo_id in known or (_takes_new(store) and _is_new(customer, new_since)))
        ]
        now = clock.now()
        changes = upsert_customers(session, store.account_id, store.id, wanted, now)
        tell_created(session, store.account_id, changes.created, now)
        tell_updated(session, store.account_id, changes.updated)
        if in_unit is not None:
            in_unit(session)


def is_news(customer: CustomerRecord, hashes: Mapping[int, str], store: StoreView) -> bool:
    """Whether there is anything to do about a customer; `hashes`: those that are here, by Woo id, as they were."""
    if customer.woo_id in hashes:
        return hashes[customer.woo_id] != customer.content_hash
    return _takes_new(store) and _is_new(customer, store.live_since)


def _takes_new(store: StoreView) -> bool:
    """Whether contact sync brings anybody new: not with customers on orders only (C3), nor mapped ones only (W6)."""
    return store.contacts_scope == "all" and not store.pull_mapped_only


def _is_new(customer: CustomerRecord, since: datetime | None) -> bool:
    if customer.role not in IMPORTED_ROLES:
        return False
    return since is None or (customer.registered_at is not None and customer.registered_at >= since)
