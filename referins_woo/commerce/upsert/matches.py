"""Pairs of contacts that may be one person, as records raise them: noted beside the contact, so that nothing waits."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from sqlalchemy import delete, func, or_, select
from sqlalchemy.orm import Session

from referins_woo.commerce.matching import Match as Rule
from referins_woo.commerce.models import Contact, ContactMerge, Match
from referins_woo.commerce.upsert.bulk import among, insert_rows

RULES: Final = {"ambiguous_email": "shared_email", "same_name": "same_name"}
"""What the rules of `matching` call it → what the pair is called."""


@dataclass(frozen=True, slots=True)
class Pair:
    """A contact, made a moment ago, and one that may be the same person."""

    older_id: int
    newer_id: int
    rule: str


def pairs_of(match: Rule, new_id: int) -> list[Pair]:
    """Return what is to be asked about the contact that a rule made."""
    return [Pair(candidate, new_id, RULES[match.rule]) for candidate in match.candidates]


def ask_about(
    session: Session,
    account_id: int,
    store_id: int | None,
    pairs: Sequence[Pair],
    now: datetime,
    *,
    from_guest: bool = False,
) -> None:
    """Note pairs for the match desk; one that was asked about before keeps its answer."""
    rows = [[account_id, store_id, one.older_id, one.newer_id, one.rule, from_guest, "open", "", now] for one in pairs]
    columns = ("account_id", "store_id", "older_id", "newer_id", "rule", "from_guest", "state", "decided_by")
    insert_rows(session, Match, (*columns, "created_at"), rows, conflict=("older_id", "newer_id"))


def made_for_guests(session: Session, store_id: int, email_keys: Sequence[str]) -> dict[str, int]:
    """Return e-mail key → the contact that this store's guests with it were given, where several have it (M5)."""
    if not email_keys:
        return {}
    rows = session.execute(
        select(Contact.email_key, func.max(Contact.id))
        .join(Match, Match.newer_id == Contact.id)
        .where(Match.store_id == store_id, Match.from_guest.is_(True), among(session, Contact.email_key, email_keys))
        .group_by(Contact.email_key)
    )
    return dict(rows.all())


def forget(session: Session, contact_ids: Iterable[int]) -> None:
    """Delete what is known of contacts that are going for good, and of those that went into them."""
    going = set(contact_ids)
    going |= {merge.gone_id for merge in _merges_into(session, going)}
    for model, columns in (
        (ContactMerge, (ContactMerge.kept_id, ContactMerge.gone_id)),
        (Match, (Match.older_id, Match.newer_id)),
    ):
        theirs = or_(*(among(session, column, going) for column in columns))
        session.execute(delete(model).where(theirs).execution_options(synchronize_session=False))


def merged_into(session: Session, contact_id: int) -> list[dict[str, Any]]:
    """Return the columns of all contacts that went into this one, also by way of another."""
    return [merge.gone for merge in _merges_into(session, {contact_id})]


def _merges_into(session: Session, contact_ids: set[int]) -> list[ContactMerge]:
    found: dict[int, ContactMerge] = {}
    inner = set(contact_ids)
    while inner:
        merges = session.scalars(select(ContactMerge).where(among(session, ContactMerge.kept_id, inner))).all()
        inner = {merge.gone_id for merge in merges} - set(found)
        found |= {merge.gone_id: merge for merge in merges}
    return list(found.values())
