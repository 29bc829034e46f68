"""Applies suggested mappings once somebody confirms them, and takes a confirmation back (W5)."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime
from typing import Any, Final

from sqlalchemy import delete, select, update
from sqlalchemy.orm import Session

from referins_woo.accounts import audit
from referins_woo.commerce.models import Contact, ContactLink, CustomerMapping
from referins_woo.commerce.upsert.bulk import among, insert_rows, lock_account
from referins_woo.customer_mapping import settings, taken_back
from referins_woo.outbound.contacts import tell_updated
from referins_woo.stores.models import Store, StoreLog

_QUIET: Final = {"synchronize_session": False}
_LINK: Final = (
    *("account_id", "store_id", "woo_id", "contact_id", "username", "role", "content_hash", "pulled", "listed_in"),
    "gone_at",
)


def apply(session: Session, store: Store, now: datetime, contact_ids: Collection[int] | None = None) -> int:
    """Map what is suggested, all or these contacts; returns how many. Who was mapped meanwhile is left out."""
    lock_account(session, store.account_id)
    rows = list(session.scalars(_suggested(store, contact_ids)))
    if not rows:
        return 0
    linked = session.execute(
        select(ContactLink.contact_id, ContactLink.woo_id).where(ContactLink.store_id == store.id)
    ).all()
    contacts, customers = {row.contact_id for row in linked}, {row.woo_id for row in linked}
    settled = settings.of_store(session, store)
    settled.batch += 1
    ids = [row.contact_id for row in rows]
    people = {one.id: one for one in session.scalars(select(Contact).where(among(session, Contact.id, ids)))}
    made = []
    for row in rows:
        if row.contact_id in contacts or row.offered_woo_id in customers:
            row.state = row.reason = row.evidence = ""
            continue
        made.append([store.account_id, store.id, row.offered_woo_id, row.contact_id, "", "customer", "", "", 0, None])
        row.before = taken_back.kept(row, people[row.contact_id])
        row.state, row.mapped_by, row.batch, row.updated_at = "", "suggested", settled.batch, now
    session.flush()
    insert_rows(session, ContactLink, _LINK, made)
    mapped = [each[3] for each in made]
    session.execute(
        update(Contact).where(among(session, Contact.id, mapped)).values(is_guest=False).execution_options(**_QUIET)
    )
    _note(session, store, now, "suggestions_applied", f"Suggested mappings applied: {len(made):,}.")
    return len(made)


def _suggested(store: Store, contact_ids: Collection[int] | None) -> Any:
    found = select(CustomerMapping).where(CustomerMapping.store_id == store.id, CustomerMapping.state == "suggested")
    return found if contact_ids is None else found.where(CustomerMapping.contact_id.in_(list(contact_ids)))


def undo(session: Session, store: Store, now: datetime) -> int:
    """Take the last confirmation back: rows and contacts are what they were before it; returns how many.

    A mapping that was changed since stays as it is, and so does what somebody typed.
    """
    lock_account(session, store.account_id)
    batch = settings.of_store(session, store).batch
    rows = list(
        session.scalars(
            select(CustomerMapping).where(
                CustomerMapping.store_id == store.id,
                CustomerMapping.batch == batch,
                CustomerMapping.mapped_by == "suggested",
            )
        )
    )
    pairs = {(row.contact_id, row.before.get("row", {}).get("offered_woo_id", row.offered_woo_id)) for row in rows}
    links = session.execute(
        select(ContactLink.id, ContactLink.contact_id, ContactLink.woo_id, ContactLink.pulled).where(
            ContactLink.store_id == store.id, among(session, ContactLink.contact_id, [row.contact_id for row in rows])
        )
    )
    mine = {link.contact_id: link for link in links if (link.contact_id, link.woo_id) in pairs}
    rows = [row for row in rows if row.contact_id in mine]
    session.execute(
        delete(ContactLink)
        .where(among(session, ContactLink.id, [link.id for link in mine.values()]))
        .execution_options(**_QUIET)
    )
    for row in rows:
        row.state, row.reason, row.mapped_by, row.batch, row.updated_at = "suggested", "one_to_one", "", None, now
    changed = taken_back.give_back(session, rows, {key: link.pulled for key, link in mine.items()}, now)
    session.flush()
    tell_updated(session, store.account_id, changed)
    if rows:
        _note(session, store, now, "suggestions_undone", f"Suggested mappings taken back: {len(rows):,}.")
    return len(rows)


def discard(session: Session, store: Store) -> int:
    """Forget what is suggested; returns how many were."""
    rows = list(session.scalars(_suggested(store, None)))
    for row in rows:
        row.state = row.reason = row.evidence = ""
        row.offered_woo_id = None
    return len(rows)


def _note(session: Session, store: Store, now: datetime, action: str, text: str) -> None:
    session.add(StoreLog(account_id=store.account_id, store_id=store.id, at=now, kind="customers", text=text))
    audit.record(session, store.account_id, action, store.url, rows=text)
