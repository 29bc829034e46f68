"""The match desk's lists: pairs of contacts with what speaks for and against their being one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from sqlalchemy import ColumnElement, func, or_, select
from sqlalchemy.orm import Session, aliased

from referins_woo.commerce import matching, merging
from referins_woo.commerce.merging import Evidence
from referins_woo.commerce.models import Contact, ContactLink, ContactMerge, Match, Order
from referins_woo.match_desk.desk import TO_DECIDE, columns_of
from referins_woo.reports.listing import has_key
from referins_woo.stores.models import Store

RULES: Final = {
    "shared_email": "Several contacts have this e-mail",
    "same_name": "Same name, another e-mail",
    "by_hand": "Asked by hand",
}
PAGE: Final = 25
_Older, _Newer = aliased(Contact), aliased(Contact)


@dataclass(frozen=True, slots=True)
class Side:
    """One of the two: the contact as it is, or, once it was merged away, as it was."""

    id: int
    columns: dict[str, Any]
    is_here: bool
    customers: list[str]
    """Which customer of which store: "Shop of Ana: customer 7"."""
    orders: int
    last_order_at: datetime | None


@dataclass(frozen=True, slots=True)
class PairPage:
    """All that the page of one pair shows."""

    match: Match
    older: Side
    newer: Side
    evidence: list[Evidence]
    merge: ContactMerge | None
    previews: dict[int, dict[str, Any]]
    """Contact that would be kept → what it would become."""
    same_store: str
    """A store of which both are customers; empty: none."""


@dataclass(frozen=True, slots=True)
class Desk:
    """One page of pairs."""

    rows: list[tuple[Match, Contact, Contact, list[Evidence]]]
    counts: dict[str, int]
    """Rule → pairs to decide."""
    next_before: int | None


def here(account_id: int) -> list[ColumnElement[bool]]:
    """Conditions: pairs of the account whose two contacts are both here."""
    return [
        Match.account_id == account_id,
        Match.older_id.in_(select(Contact.id).where(Contact.account_id == account_id)),
        Match.newer_id.in_(select(Contact.id).where(Contact.account_id == account_id)),
    ]


def to_decide(session: Session, account_id: int) -> int:
    """Return how many pairs wait for somebody's decision."""
    query = select(func.count()).select_from(Match).where(*here(account_id), Match.state == "open")
    return session.scalar(query) or 0


def desk(session: Session, account_id: int, *, rule: str = "", before: int | None = None) -> Desk:
    """Return the newest pairs to decide, those before a number."""
    query = (
        select(Match, _Older, _Newer)
        .join(_Older, _Older.id == Match.older_id)
        .join(_Newer, _Newer.id == Match.newer_id)
        .where(Match.account_id == account_id, Match.state == "open")
        .order_by(Match.id.desc())
        .limit(PAGE + 1)
    )
    if rule:
        query = query.where(Match.rule == rule)
    if before is not None:
        query = query.where(Match.id < before)
    found = session.execute(query).all()
    rows = [
        (match, older, newer, merging.evidence(columns_of(older), columns_of(newer)))
        for match, older, newer in found[:PAGE]
    ]
    counts = session.execute(
        select(Match.rule, func.count()).where(*here(account_id), Match.state == "open").group_by(Match.rule)
    )
    return Desk(rows, dict(counts.all()), rows[-1][0].id if len(found) > PAGE else None)


def decided(session: Session, account_id: int, *, before: int | None = None) -> tuple[list[Match], int | None]:
    """Return what was decided, newest pair first."""
    query = select(Match).where(Match.account_id == account_id, Match.state != "open")
    if before is not None:
        query = query.where(Match.id < before)
    found = session.scalars(query.order_by(Match.id.desc()).limit(PAGE + 1)).all()
    return list(found[:PAGE]), found[PAGE - 1].id if len(found) > PAGE else None


def names(session: Session, matches: Sequence[Match]) -> dict[int, str]:
    """Return contact → name or e-mail, for those here and those merged away."""
    ids = {each for match in matches for each in (match.older_id, match.newer_id)}
    found = {
        contact.id: contact.name or contact.email
        for contact in session.scalars(select(Contact).where(Contact.id.in_(ids)))
    }
    for merge in session.scalars(select(ContactMerge).where(ContactMerge.gone_id.in_(ids))):
        found.setdefault(merge.gone_id, merge.gone["name"] or merge.gone["email"])
    return found


def evidence_of(session: Session, matches: Sequence[Match]) -> dict[int, list[Evidence]]:
    """Return pair → evidence; of merged pairs what it was before the merge, of pairs without contacts none."""
    ids = {each for match in matches for each in (match.older_id, match.newer_id)}
    contacts = {one.id: columns_of(one) for one in session.scalars(select(Contact).where(Contact.id.in_(ids)))}
    merges = {
        one.match_id: one
        for one in session.scalars(select(ContactMerge).where(ContactMerge.match_id.in_([one.id for one in matches])))
    }
    found = {}
    for match in matches:
        older, newer = contacts.get(match.older_id), contacts.get(match.newer_id)
        if match.id in merges:
            merge = merges[match.id]
            sides = {merge.kept_id: merge.before, merge.gone_id: merge.gone}
            older, newer = sides[match.older_id], sides[match.newer_id]
        found[match.id] = merging.evidence(older, newer) if older and newer else []
    return found


def pair_page(session: Session, match: Match) -> PairPage | None:
    """Return all that the page of a pair shows; None where a contact of it is no longer known."""
    merge = session.scalar(select(ContactMerge).where(ContactMerge.match_id == match.id))
    then = {merge.kept_id: merge.before, merge.gone_id: merge.gone} if merge else {}
    sides = []
    for contact_id in (match.older_id, match.newer_id):
        contact = session.scalar(
            select(Contact).where(Contact.id == contact_id, Contact.account_id == match.account_id)
        )
        columns = then.get(contact_id) or (columns_of(contact) if contact else None)
        if columns is None:
            return None
        sides.append(_side(session, contact_id, columns, contact is not None))
    older, newer = sides
    previews = {}
    if match.state in TO_DECIDE:
        previews = {
            older.id: merging.merged(older.columns, newer.columns),
            newer.id: merging.merged(newer.columns, older.columns),
        }
    return PairPage(
        match=match,
        older=older,
        newer=newer,
        evidence=merging.evidence(older.columns, newer.columns),
        merge=merge,
        previews=previews,
        same_store=_same_store(session, older.id, newer.id),
    )


def of_contact(session: Session, contact: Contact) -> list[Match]:
    """Return the pairs of a contact that wait for a decision, and the merges into it."""
    theirs = or_(Match.older_id == contact.id, Match.newer_id == contact.id)
    merged = select(ContactMerge.match_id).where(ContactMerge.kept_id == contact.id)
    found = (
        select(Match)
        .where(Match.account_id == contact.account_id, or_(Match.id.in_(merged), theirs & (Match.state == "open")))
        .order_by(Match.id.desc())
        .limit(10)
    )
    return list(session.scalars(found))


def who_else(session: Session, contact: Contact, words: str, limit: int = 20) -> list[Contact]:
    """Return contacts to merge with: those that the words find, else those with the same e-mail, name or phone."""
    others = select(Contact).where(Contact.account_id == contact.account_id, Contact.id != contact.id)
    if words:
        like = or_(
            has_key(Contact.email_key, matching.email_key(words)), has_key(Contact.name_key, matching.name_key(words))
        )
    else:
        same = [
            column == value
            for column, value in (
                (Contact.email_key, contact.email_key),
                (Contact.name_key, contact.name_key),
                (Contact.phone, contact.phone),
            )
            if value
        ]
        if not same:
            return []
        like = or_(*same)
    return list(session.scalars(others.where(like).order_by(Contact.id).limit(limit)))


def _side(session: Session, contact_id: int, columns: dict[str, Any], is_here: bool) -> Side:
    count, last = session.execute(
        select(func.count(), func.max(Order.placed_at)).where(Order.contact_id == contact_id)
    ).one()
    links = session.execute(
        select(ContactLink.woo_id, Store.name, Store.url)
        .join(Store, Store.id == ContactLink.store_id)
        .where(ContactLink.contact_id == contact_id)
        .order_by(ContactLink.id)
    )
    customers = [f"{name or url}: customer {woo_id}" for woo_id, name, url in links]
    return Side(contact_id, columns, is_here, customers, count, last)


def _same_store(session: Session, older_id: int, newer_id: int) -> str:
    mine, theirs = aliased(ContactLink), aliased(ContactLink)
    found = session.execute(
        select(Store.name, Store.url)
        .join(mine, mine.store_id == Store.id)
        .join(theirs, theirs.store_id == Store.id)
        .where(mine.contact_id == older_id, theirs.contact_id == newer_id)
        .limit(1)
    ).first()
    return (found.name or found.url) if found else ""
