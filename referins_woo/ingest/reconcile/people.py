"""Users of the store, and the contacts that they are here."""

from __future__ import annotations

from collections.abc import Sequence

from referins_woo.commerce.models import ContactLink
from referins_woo.commerce.records import CustomerRecord
from referins_woo.ingest import people, set_aside
from referins_woo.ingest.reconcile.comparison import Comparison, packs


def contacts(it: Comparison) -> bool:
    """Who has gone is marked; who is missing is fetched where all customers are wanted."""
    for found in it.walk("customers", ContactLink, (ContactLink.gone_at.is_(None),), {"role": "all"}):
        gone = [woo_id for woo_id in found.missing if it.door.customer(woo_id) is None]
        it.mark_gone(ContactLink, gone, "gone customers")
        if it.imported["contacts"] and it.store.contacts_scope == "all":
            _fetch(it, it.not_known(found.unknown, "contacts"))
        it.forget_set_aside("contacts", found)
    return it.ended


def _fetch(it: Comparison, woo_ids: Sequence[int]) -> None:
    """The lists of the two roles decide who comes in (M1); the others are set aside with their reason."""
    for pack in packs(woo_ids):
        listed = {
            woo_id for role in sorted(people.IMPORTED_ROLES) for woo_id in it.door.customers(role, include=pack).ids
        }
        found = [one for one in it.door.customers_by_ids(pack).values() if isinstance(one, CustomerRecord)]
        wanted = [one for one in found if one.woo_id in listed]
        if wanted and it.store.sync_contacts:
            people.take_customers(it.process, it.door, wanted, in_unit=it.hold)
            it.found("missing customers", len(wanted))
        it.set_aside("contacts", [set_aside.other_role(one) for one in found if one.woo_id not in listed])
