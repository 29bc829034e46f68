"""Tells webhooks of people: who is new, who changed, who wants no more. Rooms call it where it happens."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from referins_woo.commerce.models import Contact
from referins_woo.outbound import outbox


def tell_created(session: Session, account_id: int, contact_ids: Iterable[int | None], now: datetime) -> None:
    """Tell of those among the contacts that were made at `now`, the time of this unit."""
    _tell(session, account_id, "contact.created", contact_ids, [Contact.created_at == now], lambda _: "created")


def tell_updated(
    session: Session, account_id: int, contact_ids: Iterable[int | None], changed: Sequence[str] = ()
) -> None:
    """Tell of contacts that changed in this unit; `changed` names the fields, where they are known."""
    more = {"changed": list(changed)} if changed else {}
    _tell(
        session,
        account_id,
        "contact.updated",
        contact_ids,
        [],
        lambda contact: f"updated:{contact.updated_at.timestamp()}",
        more,
    )


def tell_unsubscribed(session: Session, contact: Contact, source: str, at: datetime) -> None:
    """Tell that a contact wants no more marketing."""
    outbox.put(
        session,
        contact.account_id,
        "contact.unsubscribed",
        f"contact:{contact.id}:unsubscribed:{at.timestamp()}",
        {"contact": described(contact), "source": source},
        occurred_at=at,
        contact_id=contact.id,
    )


def described(contact: Contact) -> dict[str, Any]:
    """Return what a body says of a contact."""
    return {
        "id": contact.id,
        "email": contact.email,
        "name": contact.name,
        "consent": contact.consent,
        "tags": contact.tags,
    }


def _tell(
    session: Session,
    account_id: int,
    event_type: str,
    contact_ids: Iterable[int | None],
    conditions: Collection[Any],
    occasion: Any,
    more: dict[str, Any] | None = None,
) -> None:
    ids = {contact_id for contact_id in contact_ids if contact_id is not None}
    endpoints = outbox.wanted(session, account_id).get(event_type) if ids else None
    if not endpoints:
        return
    session.flush()
    rows = session.scalars(
        select(Contact)
        .where(Contact.account_id == account_id, Contact.id.in_(ids), *conditions)
        .order_by(Contact.id)
        .execution_options(populate_existing=True)
    )
    for contact in rows:
        outbox.put(
            session,
            account_id,
            event_type,
            f"contact:{contact.id}:{occasion(contact)}",
            {"contact": described(contact), **(more or {})},
            occurred_at=contact.updated_at,
            contact_id=contact.id,
            endpoints=endpoints,
        )
