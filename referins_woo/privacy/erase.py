"""Erasing one person: what names them goes, what the business must keep stays, and they do not come back (N3, row 95).

In one transaction, after which no page, export, mail or import of ours shows them. Money, lines and counts are kept:
they are the merchant's books. What becomes of each table is written in `tables`.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import column, delete, func, or_, select, table, text, update
from sqlalchemy.orm import Session

from referins_woo.accounts import audit
from referins_woo.accounts.models import KeptAnswer
from referins_woo.commerce import erasure
from referins_woo.commerce.matching import email_key, erased_key
from referins_woo.commerce.models import Contact, ContactLink, Order, Transaction
from referins_woo.commerce.upsert import matches
from referins_woo.commerce.upsert.bulk import lock_account
from referins_woo.db import is_postgresql
from referins_woo.events.models import Event
from referins_woo.ingest.contact_files.models import ContactFileProblem
from referins_woo.ingest.models import Delivery, SkippedRecord
from referins_woo.mail import tracking
from referins_woo.mail.models import ConsentEvent, DevMail, Message, MessageEvent
from referins_woo.mail.suppression import suppress
from referins_woo.outbound.models import WebhookCall
from referins_woo.runs.models import AskedRehearsal, Run, RunCall, RunLog

ERASED_BODY = b"{}"
_OPEN_RUNS = ("active", "waiting", "rereading", "held")
_QUIET = {"synchronize_session": False}
_EXPORTS = table("list_tasks", column("id"), column("account_id"))
_EXPORTED = table("list_task_parts", column("task_id"))
"""Of the room `lists`, which stands above this one and cannot be imported here."""


@dataclass(frozen=True, slots=True)
class Erased:
    """What an erasure came to."""

    orders: int
    messages: int
    runs_stopped: int


def erase(session: Session, contact: Contact, now: datetime) -> Erased:
    """Erase `contact` within the caller's unit. The audit log names it by its id alone."""
    account_id, contact_id = contact.account_id, contact.id
    lock_account(session, account_id)  # imports and live work write people under the same lock
    addresses = _addresses(session, contact)
    links = [
        (link.store_id, link.woo_id)
        for link in session.scalars(select(ContactLink).where(ContactLink.contact_id == contact_id))
    ]
    keys = {email_key(address) for address in addresses}
    order_ids = list(session.scalars(select(Order.id).where(Order.contact_id == contact_id)))

    stopped = _detach_runs(session, account_id, contact_id, order_ids, now)
    messages = _empty_messages(session, account_id, contact_id, keys)
    _empty_records(session, account_id, keys, links, order_ids)
    _empty_deliveries(session, account_id, addresses)
    for consent in session.scalars(select(ConsentEvent).where(ConsentEvent.contact_id == contact_id)):
        consent.email_key = erased_key(account_id, consent.email_key) if consent.email_key else ""
        consent.contact_id = None
    session.flush()
    _empty_answers(session, account_id)
    _empty_webhooks(session, account_id, contact_id)
    orders = erasure.anonymise_orders(session, contact_id)
    erasure.remember(session, account_id, addresses, links, now)
    matches.forget(session, [contact_id])
    session.execute(delete(ContactLink).where(ContactLink.contact_id == contact_id).execution_options(**_QUIET))
    session.delete(contact)
    session.flush()
    exports = select(_EXPORTS.c.id).where(_EXPORTS.c.account_id == account_id)
    session.execute(delete(_EXPORTED).where(_EXPORTED.c.task_id.in_(exports)))
    session.execute(delete(AskedRehearsal).where(AskedRehearsal.account_id == account_id).execution_options(**_QUIET))
    for address in addresses:
        suppress(session, account_id, address, "erased")
    audit.record(session, account_id, "contact_erased", f"contact {contact_id}")
    return Erased(orders, messages, stopped)


def _addresses(session: Session, contact: Contact) -> set[str]:
    """Return the contact's address and those of its orders, as typed, but for what another contact uses too."""
    typed = {contact.email, *session.scalars(select(Order.email).where(Order.contact_id == contact.id).distinct())}
    typed |= {gone["email"] for gone in matches.merged_into(session, contact.id)}
    typed = {address for address in typed if email_key(address)}
    keys = {email_key(address) for address in typed}
    shared = set(
        session.scalars(
            select(Contact.email_key).where(
                Contact.account_id == contact.account_id, Contact.id != contact.id, Contact.email_key.in_(keys)
            )
        )
    )
    return {address for address in typed if email_key(address) not in shared}


def _detach_runs(session: Session, account_id: int, contact_id: int, order_ids: list[int], now: datetime) -> int:
    theirs = (Run.account_id == account_id, or_(Run.contact_id == contact_id, Run.order_id.in_(order_ids)))
    ids = list(session.scalars(select(Run.id).where(*theirs).with_for_update()))
    stopped: Any = session.execute(
        update(Run)
        .where(Run.id.in_(ids), Run.state.in_(_OPEN_RUNS))
        .values(state="stopped", ended_reason="erased", ended_at=now, due_at=None, lease_until=None, lease_token="")
        .execution_options(**_QUIET)
    )
    session.execute(update(Run).where(Run.id.in_(ids)).values(contact_id=None).execution_options(**_QUIET))
    session.execute(
        update(RunLog).where(RunLog.run_id.in_(ids)).values(text="Erased.", trace=[]).execution_options(**_QUIET)
    )
    _empty_calls(session, ids, contact_id, now)
    session.execute(
        update(Event)
        .where(Event.account_id == account_id, Event.contact_id == contact_id)
        .values(contact_id=None, data={})
        .execution_options(**_QUIET)
    )
    return int(stopped.rowcount)


def _empty_calls(session: Session, run_ids: list[int], contact_id: int, now: datetime) -> None:
    """Empty what the runs told webhooks and the team, and tests with the person's order; what waits is not sent."""
    session.execute(
        update(RunCall)
        .where(RunCall.run_id.in_(run_ids), RunCall.state == "waiting")
        .values(state="failed", error="The person was erased.", done_at=now)
        .execution_options(**_QUIET)
    )
    session.execute(update(RunCall).where(RunCall.run_id.in_(run_ids)).values(payload={}).execution_options(**_QUIET))
    notes = (or_(Message.run_id.in_(run_ids), Message.contact_id == contact_id), Message.purpose == "system")
    session.execute(
        update(Message)
        .where(*notes, Message.state == "created")
        .values(state="skipped", reason="erased")
        .execution_options(**_QUIET)
    )
    session.execute(
        update(Message)
        .where(*notes)
        .values(subject="", html=None, text=None, template={}, facts={})
        .execution_options(**_QUIET)
    )


def _empty_messages(session: Session, account_id: int, contact_id: int, keys: set[str]) -> int:
    theirs = (
        Message.account_id == account_id,
        Message.purpose != "system",
        or_(Message.contact_id == contact_id, func.lower(Message.to_email).in_(keys)),
    )
    ids = list(session.scalars(select(Message.id).where(*theirs)))
    session.execute(
        update(Message)
        .where(Message.id.in_(ids), Message.state == "created")
        .values(state="skipped", reason="erased")
        .execution_options(**_QUIET)
    )
    session.execute(
        update(Message)
        .where(Message.id.in_(ids))
        .values(
            contact_id=None,
            to_email="",
            to_name="",
            subject="",
            html=None,
            text=None,
            template={},
            facts={},
            provider_reply="",
            links=None,
            measured=False,
            opened_at=None,
            clicked_at=None,
        )
        .execution_options(**_QUIET)
    )
    session.execute(
        delete(MessageEvent)
        .where(MessageEvent.message_id.in_(ids), MessageEvent.kind.in_((tracking.OPENED, tracking.CLICKED)))
        .execution_options(**_QUIET)
    )
    session.execute(
        update(MessageEvent).where(MessageEvent.message_id.in_(ids)).values(detail="").execution_options(**_QUIET)
    )
    session.execute(
        delete(DevMail)
        .where(
            or_(
                DevMail.message_id.in_(ids),
                (DevMail.account_id == account_id) & func.lower(DevMail.to_email).in_(keys),
            )
        )
        .execution_options(**_QUIET)
    )
    return len(ids)


def _empty_records(
    session: Session, account_id: int, keys: set[str], links: list[tuple[int, int]], order_ids: list[int]
) -> None:
    session.execute(
        update(Transaction)
        .where(Transaction.account_id == account_id, Transaction.order_id.in_(order_ids))
        .values(reference="")
        .execution_options(**_QUIET)
    )
    session.execute(
        update(ContactFileProblem)
        .where(ContactFileProblem.account_id == account_id, func.lower(ContactFileProblem.email).in_(keys))
        .values(email="")
        .execution_options(**_QUIET)
    )
    for store_id, woo_id in links:
        session.execute(
            update(SkippedRecord)
            .where(
                SkippedRecord.store_id == store_id,
                SkippedRecord.element == "contacts",
                SkippedRecord.woo_id == woo_id,
            )
            .values(name="", detail="")
            .execution_options(**_QUIET)
        )


def _empty_answers(session: Session, account_id: int) -> None:
    """Empty what the API keeps for repeated calls, all of the account's: it is a day's worth, and may name anybody."""
    session.execute(
        update(KeptAnswer)
        .where(KeptAnswer.account_id == account_id, KeptAnswer.body_locked.is_not(None))
        .values(body_locked=None)
        .execution_options(**_QUIET)
    )


def _empty_webhooks(session: Session, account_id: int, contact_id: int) -> None:
    """Empty what webhooks were told of the person; what waits is not sent any more."""
    theirs = (WebhookCall.account_id == account_id, WebhookCall.contact_id == contact_id)
    session.execute(
        update(WebhookCall)
        .where(*theirs, WebhookCall.state == "waiting")
        .values(state="failed", error="The data of this person was erased.", lease_until=None)
        .execution_options(**_QUIET)
    )
    session.execute(update(WebhookCall).where(*theirs).values(body="{}", contact_id=None).execution_options(**_QUIET))


def _empty_deliveries(session: Session, account_id: int, addresses: set[str]) -> None:
    """Empty raw bodies that were worked on and hold one of the addresses; those that wait lose them when they are read.

    They are kept for 30 days only, so that reading through them is bearable for what is done once in a while.
    """
    for address in addresses:
        # WooCommerce escapes what is not ASCII (fact 90).
        for needle in {address.encode(), json.dumps(address)[1:-1].encode()}:
            session.execute(
                update(Delivery)
                .where(Delivery.account_id == account_id, Delivery.state != "received", _holds(session, needle))
                .values(body=ERASED_BODY)
                .execution_options(**_QUIET)
            )


def _holds(session: Session, needle: bytes) -> Any:
    if is_postgresql(session):
        return text("position(CAST(:needle AS bytea) in deliveries.body) > 0").bindparams(needle=needle)
    return func.instr(Delivery.body, needle) > 0
