"""Pushes ticked contacts to their store: by hand, all or some, or every N minutes (W2, W3, W6).

What is to be written is put into the outbox of `writeback`; the store is looked at there. Rows in conflict wait for a
decision, and a contact of which nothing was changed here since the last pull costs the store no question.
"""

from __future__ import annotations

import time
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from sqlalchemy import select
from sqlalchemy.orm import Session

from referins_woo import clock, queues
from referins_woo.accounts import audit
from referins_woo.commerce import mapping
from referins_woo.commerce.matching import usable_email
from referins_woo.commerce.models import Contact, ContactLink, CustomerMapping, StoreMapping
from referins_woo.commerce.upsert import links
from referins_woo.customer_mapping import settings
from referins_woo.errors import Final as FinalError
from referins_woo.process import Process
from referins_woo.stores.connection import can_write, words_for
from referins_woo.stores.models import Store, StoreLog
from referins_woo.writeback import outbox

_SECONDS: Final = 20.0
_SLICE: Final = 500
_NO_EMAIL: Final = "WooCommerce makes no customer without an e-mail that mail can be sent to: give the contact one."


class NotNow(FinalError):
    """Nothing can be pushed to this store; the sentence says what to do first."""


@dataclass(slots=True)
class Pushed:
    """What came of asking for a push, in rows."""

    queued: int = 0
    unchanged: int = 0
    in_conflict: int = 0
    without_email: int = 0
    not_ticked: int = 0

    @property
    def words(self) -> str:
        """Say it in a sentence or two."""
        left = (
            (self.unchanged, "unchanged since the last pull"),
            (self.in_conflict, "in conflict"),
            (self.without_email, "without a usable e-mail"),
            (self.not_ticked, "not ticked"),
        )
        rest = ", ".join(f"{count:,} {words}" for count, words in left if count)
        return f"{self.queued:,} on the way to WooCommerce." + (f" Left out: {rest}." if rest else "")


def ask(session: Session, store: Store, now: datetime, who: str, contact_ids: Collection[int]) -> Pushed:
    """Push these contacts, as far as they are ticked. Raises NotNow."""
    settled = _checked(session, store)
    rows = session.scalars(
        select(CustomerMapping)
        .where(CustomerMapping.store_id == store.id, CustomerMapping.contact_id.in_(list(contact_ids)))
        .order_by(CustomerMapping.id)
    ).all()
    ticked = [row for row in rows if row.is_ticked]
    done = _enqueue(session, settled, ticked, now, who)
    done.not_ticked = len(set(contact_ids)) - len(ticked)
    audit.record(session, store.account_id, "customers_pushed", store.url, rows=done.queued)
    _note(session, store, now, done)
    return done


def ask_all(session: Session, store: Store, now: datetime, who: str) -> int:
    """Push everybody who is ticked, in slices by a job; returns how many that are. Raises NotNow."""
    settled = _checked(session, store)
    settled.push_cursor, settled.push_by = 0, who[:320]
    audit.record(session, store.account_id, "customers_pushed", store.url, rows="all that are ticked")
    queues.ring_after_commit(session, "push_customers", store.id)
    return ticked_count(session, store.id)


def ticked_count(session: Session, store_id: int) -> int:
    """Return how many contacts are ticked in a store."""
    return (
        session.query(CustomerMapping)
        .filter(CustomerMapping.store_id == store_id, CustomerMapping.is_ticked.is_(True))
        .count()
    )


def _checked(session: Session, store: Store) -> StoreMapping:
    if store.state in ("disconnected", "connecting"):
        raise NotNow("This store is not connected: connect it first.")
    if not can_write(store.state):
        raise NotNow(words_for(store.cause).sentence + " Reconnect the store first.")
    settled = settings.of_store(session, store)
    if not settled.pushes:
        raise NotNow("Push is off for this store: nothing is written to it. Switch it on below first.")
    return settled


def work(process: Process, store_id: int) -> bool:
    """Go on with a push of all, for some seconds; returns whether more is left."""
    until = time.monotonic() + _SECONDS
    while time.monotonic() < until:
        with process.database.unit() as session:
            if not _slice(session, store_id, clock.now()):
                return False
    return True


def _slice(session: Session, store_id: int, now: datetime) -> bool:
    settled = session.scalar(select(StoreMapping).where(StoreMapping.store_id == store_id).with_for_update())
    if settled is None or settled.push_cursor is None:
        return False
    store = session.get_one(Store, store_id)
    rows = session.scalars(
        select(CustomerMapping)
        .where(
            CustomerMapping.store_id == store_id,
            CustomerMapping.is_ticked.is_(True),
            CustomerMapping.id > settled.push_cursor,
        )
        .order_by(CustomerMapping.id)
        .limit(_SLICE)
    ).all()
    done = _enqueue(session, settled, rows, now, settled.push_by)
    if done.queued or done.in_conflict:
        _note(session, store, now, done)
    settled.push_cursor = rows[-1].id if len(rows) == _SLICE else None
    return settled.push_cursor is not None


def begin_due(session: Session, now: datetime) -> list[int]:
    """Begin the pushes whose time has come; returns the stores that have one under way."""
    due = session.execute(
        select(StoreMapping, Store)
        .join(Store, Store.id == StoreMapping.store_id)
        .where(StoreMapping.pushes.is_(True), StoreMapping.next_push_at <= now)
    )
    for settled, store in due:
        # From now on, not from when it was due: a clock that stood still does not make up for it.
        settled.next_push_at = now + timedelta(minutes=settled.push_minutes or settings.LONGEST_MINUTES)
        if can_write(store.state) and settled.push_cursor is None:
            settled.push_cursor, settled.push_by = 0, "Every so many minutes"
    session.flush()
    return list(session.scalars(select(StoreMapping.store_id).where(StoreMapping.push_cursor.is_not(None))))


def _enqueue(
    session: Session, settled: StoreMapping, rows: Sequence[CustomerMapping], now: datetime, who: str
) -> Pushed:
    done = Pushed()
    ids = [row.contact_id for row in rows]
    contacts = {one.id: one for one in session.scalars(select(Contact).where(Contact.id.in_(ids)))}
    linked: dict[int, ContactLink] = {}
    for link in session.scalars(
        select(ContactLink)
        .where(ContactLink.store_id == settled.store_id, ContactLink.contact_id.in_(ids), ContactLink.gone_at.is_(None))
        .order_by(ContactLink.id)
    ):
        linked.setdefault(link.contact_id, link)
    wanted: list[tuple[str, int]] = []
    for row in rows:
        contact, mine = contacts[row.contact_id], linked.get(row.contact_id)
        if row.state == mapping.CONFLICT:
            done.in_conflict += 1
        elif mine is not None:
            differs = mapping.may_differ(links.fields_of(contact), mine.pulled, with_email=row.with_email)
            if differs or row.overwrite:
                wanted.append((outbox.CUSTOMER_UPDATED, contact.id))
            else:
                done.unchanged += 1
        elif not usable_email(contact.email):
            row.reason, row.evidence, row.updated_at = "no_email", _NO_EMAIL, now
            done.without_email += 1
        else:
            wanted.append((outbox.CUSTOMER_CREATED, contact.id))
    done.queued = outbox.put_customers(session, settled.account_id, settled.store_id, wanted, now, who)
    return done


def _note(session: Session, store: Store, now: datetime, done: Pushed) -> None:
    text = f"Push of customers: {done.words}"
    session.add(StoreLog(account_id=store.account_id, store_id=store.id, at=now, kind="customers", text=text))
