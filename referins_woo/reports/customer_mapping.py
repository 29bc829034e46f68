"""The page of a store's customer mapping: its contacts with their state, the counts, and how its jobs are."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import ColumnElement, and_, func, or_, select
from sqlalchemy.orm import Session

from referins_woo.commerce import mapping, matching
from referins_woo.commerce.models import Contact, ContactLink, CustomerMapping, StoreCustomerName, StoreMapping
from referins_woo.customer_mapping.push import ticked_count
from referins_woo.reports.listing import Kind, Wanted, contains, has_key, in_order
from referins_woo.stores.models import Store
from referins_woo.writeback.models import StoreWrite
from referins_woo.writeback.outbox import CUSTOMERS, OPEN


@dataclass(frozen=True, slots=True)
class Row:
    """One contact in one store."""

    contact: Contact
    said: CustomerMapping | None
    link: ContactLink | None
    is_on_the_way: bool

    @property
    def state(self) -> mapping.State:
        """`mapped`, `suggested`, `conflict` or `unmapped`."""
        return mapping.shown_state(self.said.state if self.said else "", self.link is not None)

    @property
    def reason(self) -> str:
        """The same in a word of `CustomerMapping.reason`."""
        return self.said.reason if self.said is not None and (self.evidence or self.said.reason == "ignored") else ""

    @property
    def is_ticked(self) -> bool:
        """Whether it is a webstore customer."""
        return self.said is not None and self.said.is_ticked

    @property
    def username(self) -> str:
        """The store's, or the one that somebody typed for it."""
        if self.link is not None:
            return self.link.username
        return self.said.username if self.said else ""

    @property
    def evidence(self) -> str:
        """Why it is suggested or in conflict, or what the last push met; a suggestion that came true is none."""
        if self.said is None or (self.state == mapping.MAPPED and self.said.state == mapping.SUGGESTED):
            return ""
        return self.said.evidence

    @property
    def offered(self) -> int | None:
        """The customer that is suggested, or that has the e-mail."""
        is_open = self.said is not None and self.state in (mapping.SUGGESTED, mapping.CONFLICT)
        return self.said.offered_woo_id if is_open and self.said else None

    @property
    def may_be_unmapped(self) -> bool:
        """Whether the mapping was made here."""
        return self.link is not None and self.said is not None and bool(self.said.mapped_by)


def _kind(store_id: int) -> Kind[Row]:
    def of_wanted(account_id: int, wanted: Wanted) -> list[ColumnElement[bool]]:
        return conditions(store_id, account_id, wanted.get("state"), wanted.q)

    def rows(session: Session, ids: Sequence[int]) -> list[Row]:
        return _rows(session, store_id, ids)

    return Kind(Contact, {"created": Contact.created_at}, of_wanted, rows)


def find(session: Session, store: Store, wanted: Wanted, counts: dict[str, int]) -> tuple[list[Row], int]:
    """Return the rows of a page, newest contacts first, and how many there are in all.

    `wanted` may filter by `state`; `counts` are those of `counts`: only searching counts for itself.
    """
    kind = _kind(store.id)
    if wanted.q:
        found = kind.find(session, store.account_id, wanted)
        return found.rows, found.total
    total = counts[wanted.get("state")]
    few = _few(store.id, wanted.get("state"))
    if few is None:
        return kind.find_few(session, store.account_id, wanted), total
    place = (wanted.page - 1) * wanted.size
    ids = session.scalars(few.order_by(few.selected_columns[0].desc()).offset(place).limit(wanted.size)).all()
    return _rows(session, store.id, ids), total


def _few(store_id: int, state: str) -> Any:
    """The contacts of a state by the index that holds just these; None: all are passed, or nearly all."""
    if state == mapping.MAPPED:
        said = (CustomerMapping.store_id == store_id, CustomerMapping.contact_id == ContactLink.contact_id)
        conflict = select(CustomerMapping.id).where(*said, CustomerMapping.state == mapping.CONFLICT).exists()
        return (
            select(ContactLink.contact_id)
            .where(ContactLink.store_id == store_id, ContactLink.gone_at.is_(None), ~conflict)
            .group_by(ContactLink.contact_id)
        )
    if state in _OPEN_STATES:
        found = select(CustomerMapping.contact_id).where(
            CustomerMapping.store_id == store_id, CustomerMapping.state == state
        )
        linked = _is_linked(store_id, CustomerMapping.contact_id)
        return found if state == mapping.CONFLICT else found.where(~linked)
    return None


def page_of(session: Session, store: Store, contact_ids: Sequence[int]) -> list[Row]:
    """Return these contacts in this store, in their order."""
    return _rows(session, store.id, contact_ids)


def every(session: Session, store: Store, state: str = "") -> Any:
    """Yield all rows, a slice at a time, each with the mark to go on from."""
    wanted = Wanted(sort="created", size=500, filters={"state": state} if state else {})
    return _kind(store.id).pages(session, store.account_id, wanted)


def piece(session: Session, store: Store, state: str, before: int, most: int) -> list[Row]:
    """Return the next rows for a file, newest contacts first, behind contact `before` (0: from the newest)."""
    wanted = select(Contact.id).where(*conditions(store.id, store.account_id, state))
    if before:
        wanted = wanted.where(Contact.id < before)
    return _rows(session, store.id, session.scalars(wanted.order_by(Contact.id.desc()).limit(most)).all())


def cells(row: Row) -> tuple[object, ...]:
    """Return a row as a line of the file (`customer_mapping.files.HEADING`)."""
    asks = row.said is not None and row.said.with_email
    return (
        *(row.contact.id, row.contact.name, row.contact.email, row.username, "yes" if row.is_ticked else "no"),
        *(row.link.woo_id if row.link else "", row.state, row.evidence, "yes" if asks else "no"),
    )


def counts(session: Session, store: Store) -> dict[str, int]:
    """Return how many contacts are in each state; under "" all."""
    total = session.scalar(select(func.count()).select_from(Contact).where(Contact.account_id == store.account_id))
    each = (
        select(ContactLink.contact_id)
        .where(ContactLink.store_id == store.id, ContactLink.gone_at.is_(None))
        .group_by(ContactLink.contact_id)
    )
    linked = session.scalar(select(func.count()).select_from(each.subquery()))
    said = {
        (state, is_linked): count
        for state, is_linked, count in session.execute(
            select(
                CustomerMapping.state, _is_linked(store.id, CustomerMapping.contact_id).label("linked"), func.count()
            )
            .where(CustomerMapping.store_id == store.id, CustomerMapping.state.in_(("suggested", "conflict")))
            .group_by(CustomerMapping.state, "linked")
        )
    }
    conflicts = said.get(("conflict", True), 0) + said.get(("conflict", False), 0)
    mapped = (linked or 0) - said.get(("conflict", True), 0)
    suggested = said.get(("suggested", False), 0)
    return {
        "": total or 0,
        mapping.MAPPED: mapped,
        mapping.SUGGESTED: suggested,
        mapping.CONFLICT: conflicts,
        mapping.UNMAPPED: (total or 0) - mapped - suggested - conflicts,
    }


@dataclass(frozen=True, slots=True)
class Standing:
    """How the mapping of a store works and what its jobs do."""

    settled: StoreMapping | None
    ticked: int
    waiting: int
    """On the way to the store."""
    read: int
    """Customers of the store that were read to suggest."""
    may_undo: int
    """Mappings that the last confirmation made."""
    last_error: StoreWrite | None
    """The newest push of a contact, where it failed."""
    guest_contact: Contact | None


def standing(session: Session, store: Store) -> Standing:
    """Return how the mapping of a store stands."""
    settled = session.scalar(select(StoreMapping).where(StoreMapping.store_id == store.id))
    sent = (StoreWrite.store_id == store.id, StoreWrite.kind.in_(CUSTOMERS))
    waiting = session.scalar(select(func.count()).select_from(StoreWrite).where(*sent, StoreWrite.state.in_(OPEN)))
    newest = session.scalar(
        select(StoreWrite).where(*sent, StoreWrite.state.not_in(OPEN)).order_by(StoreWrite.id.desc()).limit(1)
    )
    read = may_undo = 0
    if settled is not None and settled.suggesting == "reading":
        of_store = select(func.count()).select_from(StoreCustomerName).where(StoreCustomerName.store_id == store.id)
        read = session.scalar(of_store) or 0
    if settled is not None and settled.batch:
        last = select(func.count()).select_from(CustomerMapping)
        may_undo = (
            session.scalar(
                last.where(
                    CustomerMapping.store_id == store.id,
                    CustomerMapping.batch == settled.batch,
                    CustomerMapping.mapped_by == "suggested",
                )
            )
            or 0
        )
    guest = session.get(Contact, settled.guest_contact_id) if settled and settled.guest_contact_id else None
    return Standing(
        settled=settled,
        ticked=ticked_count(session, store.id),
        waiting=waiting or 0,
        read=read,
        may_undo=may_undo,
        last_error=newest if newest is not None and newest.state == "failed" else None,
        guest_contact=guest if guest is not None and guest.account_id == store.account_id else None,
    )


def _is_linked(store_id: int, contact_id: Any) -> Any:
    return (
        select(ContactLink.id)
        .where(ContactLink.store_id == store_id, ContactLink.contact_id == contact_id, ContactLink.gone_at.is_(None))
        .exists()
    )


def _in_state(store_id: int, *states: str) -> Any:
    return (
        select(CustomerMapping.id)
        .where(
            CustomerMapping.store_id == store_id,
            CustomerMapping.contact_id == Contact.id,
            CustomerMapping.state.in_(states),
        )
        .exists()
    )


_OPEN_STATES: Final = (mapping.SUGGESTED, mapping.CONFLICT)


def conditions(store_id: int, account_id: int, state: str, q: str = "") -> list[ColumnElement[bool]]:
    """Return the conditions of an account's contacts in a state (empty: any) in a store, with words to search for."""
    found: list[ColumnElement[bool]] = [Contact.account_id == account_id]
    linked = _is_linked(store_id, Contact.id)
    if q:
        found.append(
            or_(
                has_key(Contact.email_key, matching.email_key(q)),
                has_key(Contact.name_key, matching.name_key(q)),
                contains(Contact.phone, q),
            )
        )
    if state == mapping.MAPPED:
        found.append(and_(linked, ~_in_state(store_id, mapping.CONFLICT)))
    elif state == mapping.CONFLICT:
        found.append(_in_state(store_id, mapping.CONFLICT))
    elif state == mapping.SUGGESTED:
        found.append(and_(_in_state(store_id, mapping.SUGGESTED), ~linked))
    elif state == mapping.UNMAPPED:
        found.append(and_(~linked, ~_in_state(store_id, *_OPEN_STATES)))
    return found


def _rows(session: Session, store_id: int, ids: Sequence[int]) -> list[Row]:
    contacts = session.scalars(select(Contact).where(Contact.id.in_(ids)))
    said = {
        one.contact_id: one
        for one in session.scalars(
            select(CustomerMapping).where(CustomerMapping.store_id == store_id, CustomerMapping.contact_id.in_(ids))
        )
    }
    links: dict[int, ContactLink] = {}
    for link in session.scalars(
        select(ContactLink)
        .where(ContactLink.store_id == store_id, ContactLink.contact_id.in_(ids), ContactLink.gone_at.is_(None))
        .order_by(ContactLink.id)
    ):
        links.setdefault(link.contact_id, link)
    moving = set(
        session.scalars(
            select(StoreWrite.subject).where(
                StoreWrite.store_id == store_id,
                StoreWrite.kind.in_(CUSTOMERS),
                StoreWrite.subject.in_(ids),
                StoreWrite.state.in_(OPEN),
            )
        )
    )
    rows = {one.id: Row(one, said.get(one.id), links.get(one.id), one.id in moving) for one in contacts}
    return in_order(ids, rows)
