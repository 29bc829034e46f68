"""Decides pairs: accepted ones are merged, rejected ones not asked about again, both can be undone.

All within the caller's unit, under the account's lock: imports and live work write people under the same one.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session, aliased

from referins_woo.accounts import audit
from referins_woo.commerce import merging
from referins_woo.commerce.models import Contact, ContactLink, ContactMerge, Match
from referins_woo.commerce.upsert.bulk import among, lock_account
from referins_woo.commerce.upsert.matches import Pair, ask_about
from referins_woo.db import UtcDateTime
from referins_woo.errors import Final as FinalError
from referins_woo.errors import InvalidInput
from referins_woo.match_desk import aside, rows
from referins_woo.outbound.contacts import tell_updated
from referins_woo.runs import exits

TO_DECIDE = ("open", "undone")


class NotNow(FinalError):
    """The pair is in a state in which this does not go; the sentence says what to do instead."""


def ask_by_hand(session: Session, account_id: int, one_id: int, other_id: int, now: datetime) -> Match:
    """Return the pair of two contacts, made where there is none. Raises InvalidInput."""
    if one_id == other_id:
        raise InvalidInput("other_id", "These are the same contact: choose another one.")
    older_id, newer_id = sorted((one_id, other_id))
    for contact_id in (older_id, newer_id):
        if _contact(session, account_id, contact_id) is None:
            raise InvalidInput("other_id", f"There is no contact {contact_id} in this account.")
    ask_about(session, account_id, None, [Pair(older_id, newer_id, "by_hand")], now)
    return session.scalars(select(Match).where(Match.older_id == older_id, Match.newer_id == newer_id)).one()


def accept(session: Session, match: Match, now: datetime, who: str, keep_id: int | None = None) -> ContactMerge:
    """Merge the pair: the other contact goes into `keep_id` (the older one, unless said).

    Raises NotNow, InvalidInput.
    """
    lock_account(session, match.account_id)
    _lock(session, match)
    if match.state not in TO_DECIDE:
        raise NotNow(f"This pair is {match.state} already: undo that first.")
    kept_id = keep_id or match.older_id
    if kept_id not in (match.older_id, match.newer_id):
        raise InvalidInput("keep", f"Keep contact {match.older_id} or {match.newer_id}.")
    gone_id = match.newer_id if kept_id == match.older_id else match.older_id
    kept, gone = (_contact(session, match.account_id, each) for each in (kept_id, gone_id))
    if kept is None or gone is None:
        raise NotNow("One of the two contacts is no longer here: there is nothing to merge.")
    before, theirs = columns_of(kept), columns_of(gone)
    after = merging.merged(before, theirs)
    moved = rows.move(session, match.account_id, gone_id, kept_id)
    left = aside.lay(session, match.account_id, gone_id, kept_id)
    session.delete(gone)
    session.flush()
    _set(kept, after)
    kept.updated_at = now
    merge = ContactMerge(
        account_id=match.account_id,
        match_id=match.id,
        kept_id=kept_id,
        gone_id=gone_id,
        gone=theirs,
        before=before,
        after=after,
        moved=moved,
        aside=left,
        merged_at=now,
    )
    session.add(merge)
    _decide(match, "accepted", now, who)
    known = aside.pairs_with(session, kept_id)
    _ask_of_the_other(session, match, gone_id, kept_id, now)
    aside.asked(merge, aside.pairs_with(session, kept_id) - known)
    changed = [column for column in ("name", "email", "phone", "tags", "consent") if before[column] != after[column]]
    _tell(session, match.account_id, [kept_id], [*changed, "merged"])
    audit.record(session, match.account_id, "contacts_merged", f"contact {gone_id} into contact {kept_id}")
    return merge


def reject(session: Session, match: Match, now: datetime, who: str) -> None:
    """Say that the two are different people: they are not asked about again. Raises NotNow."""
    _lock(session, match)
    if match.state not in TO_DECIDE:
        raise NotNow(f"This pair is {match.state} already: undo that first.")
    _decide(match, "rejected", now, who)


def undo(session: Session, match: Match, now: datetime, who: str) -> None:
    """Take a decision back: a merge gives both contacts back, a rejected pair is open again. Raises NotNow.

    What somebody changed since the merge stays with the contact that was kept; so does what it did since, but for the
    orders of customers who are the other's.
    """
    lock_account(session, match.account_id)
    _lock(session, match)
    if match.state == "rejected":
        _decide(match, "open", now, who)
        return
    if match.state != "accepted":
        raise NotNow("There is nothing to undo: this pair is not decided.")
    merge = session.scalars(select(ContactMerge).where(ContactMerge.match_id == match.id)).one()
    kept = _contact(session, match.account_id, merge.kept_id)
    if kept is None:
        raise NotNow(_gone_too(session, merge.kept_id))
    present = columns_of(kept)
    gone = Contact(id=merge.gone_id, account_id=match.account_id)
    _set(gone, merge.gone)
    gone.updated_at = now
    session.add(gone)
    session.flush()
    rows.move_back(session, merge.moved, kept.id, gone.id)
    rows.move_later_orders(session, merge.moved, kept.id, gone.id)
    aside.put_back(session, merge)
    if merging.changed_since(merge.after, present):
        _look_at_customers_again(session, [kept.id, gone.id])
    _set(kept, merging.taken_back(merge.before, merge.after, present))
    kept.updated_at = now
    session.delete(merge)
    _decide(match, "undone", now, who)
    _tell(session, match.account_id, [kept.id, gone.id], ["merged"])
    audit.record(session, match.account_id, "merge_undone", f"contact {gone.id} out of contact {kept.id}")


def columns_of(contact: Contact) -> dict[str, Any]:
    """Return all columns of a contact but its numbers and the time of its last change, as JSON values."""
    values = {column.key: getattr(contact, column.key) for column in _columns()}
    return {key: value.isoformat() if isinstance(value, datetime) else value for key, value in values.items()}


def _set(contact: Contact, values: dict[str, Any]) -> None:
    for column in _columns():
        value = values[column.key]
        is_time = isinstance(column.type, UtcDateTime) and value is not None
        setattr(contact, column.key, datetime.fromisoformat(value) if is_time else value)


def _columns() -> list[Any]:
    return [column for column in Contact.__table__.columns if column.key not in ("id", "account_id", "updated_at")]


def _contact(session: Session, account_id: int, contact_id: int) -> Contact | None:
    found = select(Contact).where(Contact.id == contact_id, Contact.account_id == account_id)
    return session.scalar(found.execution_options(populate_existing=True))


def _lock(session: Session, match: Match) -> None:
    session.flush()
    session.refresh(match, with_for_update=True)


def _decide(match: Match, state: str, now: datetime, who: str) -> None:
    match.state, match.decided_at, match.decided_by = state, now, who[:320]


def _ask_of_the_other(session: Session, match: Match, gone_id: int, kept_id: int, now: datetime) -> None:
    """Whoever was asked about together with the one that went is asked about together with the one that stays."""
    asked = select(Match).where(
        Match.account_id == match.account_id,
        Match.state == "open",
        (Match.older_id == gone_id) | (Match.newer_id == gone_id),
    )
    for other in session.scalars(asked).all():
        third = other.newer_id if other.older_id == gone_id else other.older_id
        if third != kept_id:
            older_id, newer_id = sorted((third, kept_id))
            ask_about(session, match.account_id, other.store_id, [Pair(older_id, newer_id, other.rule)], now)


def _gone_too(session: Session, kept_id: int) -> str:
    later = aliased(ContactMerge)
    match_id = session.scalar(select(later.match_id).where(later.gone_id == kept_id))
    if match_id is None:
        return "The contact that was kept is no longer here: the merge cannot be undone."
    return f"Contact {kept_id} was merged into another one later: undo pair {match_id} first."


def _look_at_customers_again(session: Session, contact_ids: list[int]) -> None:
    """Let the next comparison with the stores give each contact its own customer's fields."""
    for link in session.scalars(select(ContactLink).where(among(session, ContactLink.contact_id, contact_ids))):
        link.content_hash = ""


def _tell(session: Session, account_id: int, contact_ids: list[int], changed: list[str]) -> None:
    session.flush()
    tell_updated(session, account_id, contact_ids, changed)
    exits.contacts_changed(session, contact_ids)
