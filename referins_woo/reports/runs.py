"""Runs, messages and automations for their lists and pages."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import ColumnElement, literal_column, or_, select
from sqlalchemy.orm import Session

from automations.editing import walk
from automations.words import title
from referins_woo.commerce import matching
from referins_woo.commerce.models import Contact, Order
from referins_woo.events.models import Event
from referins_woo.mail.models import Message
from referins_woo.reports.listing import Kind, Wanted, contains, days, has_key, in_order
from referins_woo.runs.models import Automation, AutomationVersion, Run, RunCall, RunLog

RUN_SORTS = {"started": Run.id, "due": Run.due_at}
MESSAGE_SORTS = {"created": Message.id}
OPEN_STATES = ("active", "waiting", "rereading", "held")
NOT_SENT = Message.state.in_([literal_column("'failed'"), literal_column("'unknown'")])
"""A condition: the message was not sent, or perhaps not. Written as the index of such rows has it."""


@dataclass(frozen=True, slots=True)
class RunRow:
    """A line of the list of runs."""

    run: Run
    automation: str
    order_number: str
    contact_name: str
    contact_email: str
    version: int
    step: str
    """What the step that it stands at is called; empty where it stands at none."""


@dataclass(frozen=True, slots=True)
class RunPage:
    """All that the page of one run shows."""

    run: Run
    automation: Automation
    version: AutomationVersion
    event: Event | None
    order: Order | None
    contact: Contact | None
    log: list[RunLog]
    messages: list[Message]
    calls: list[RunCall]

    def mail_of(self, entry: RunLog) -> Message | None:
        """Return the e-mail that a line of the log put into the outbox, if it did."""
        key = f"run:{self.run.id}:{entry.step_key}"
        return next((message for message in self.messages if message.once_key == key), None)


@dataclass(frozen=True, slots=True)
class MessageRow:
    """A line of the list of messages."""

    message: Message
    automation: str

    @property
    def subject(self) -> str:
        """As it was sent; before that as it was written."""
        own = {"reconnect": "Reconnect your store"}.get(self.message.template.get("email", ""), "E-mail")
        return self.message.subject or self.message.template.get("subject") or own


def run_conditions(account_id: int, wanted: Wanted) -> list[ColumnElement[bool]]:
    """Return the conditions of the runs' search words and filters."""
    found: list[ColumnElement[bool]] = [Run.account_id == account_id, *days(Run.started_at, wanted)]
    if wanted.get("state") == "open":
        found.append(Run.state.in_(OPEN_STATES))
    elif wanted.get("state"):
        found.append(Run.state == wanted.get("state"))
    if (automation_id := wanted.number("automation")) is not None:
        found.append(Run.automation_id == automation_id)
    if wanted.get("step"):
        found.append(Run.step == wanted.get("step"))
    if (contact_id := wanted.number("contact")) is not None:
        found.append(Run.contact_id == contact_id)
    if wanted.q:
        people = select(Contact.id).where(
            Contact.account_id == account_id,
            or_(
                has_key(Contact.email_key, matching.email_key(wanted.q)),
                has_key(Contact.name_key, matching.name_key(wanted.q)),
            ),
        )
        numbered = select(Order.id).where(Order.account_id == account_id, contains(Order.number, wanted.q.lstrip("#")))
        found.append(or_(Run.contact_id.in_(people), Run.order_id.in_(numbered)))
    return found


def _run_rows(session: Session, ids: Sequence[int]) -> list[RunRow]:
    found = session.execute(
        select(Run, Automation.name, Order.number, Contact.name, Contact.email)
        .join(Automation, Automation.id == Run.automation_id)
        .outerjoin(Order, Order.id == Run.order_id)
        .outerjoin(Contact, Contact.id == Run.contact_id)
        .where(Run.id.in_(ids))
    ).all()
    versions = {
        one.id: (one.number, {str(step.get("id")): title(step) for step, _ in walk(one.definition)})
        for one in session.scalars(
            select(AutomationVersion).where(AutomationVersion.id.in_({run.version_id for run, *_ in found}))
        )
    }
    rows = {}
    for run, name, number, contact, email in found:
        version, steps = versions[run.version_id]
        step = steps.get(run.step, "") if run.ended_at is None else ""
        rows[run.id] = RunRow(run, name, number or "", contact or "", email or "", version, step)
    return in_order(ids, rows)


RUNS = Kind(Run, RUN_SORTS, run_conditions, _run_rows)


def run_page(session: Session, run: Run) -> RunPage:
    """Return all that the page of `run` shows."""
    return RunPage(
        run=run,
        automation=session.get_one(Automation, run.automation_id),
        version=session.get_one(AutomationVersion, run.version_id),
        event=session.get(Event, run.event_id) if run.event_id else None,
        order=session.get(Order, run.order_id) if run.order_id else None,
        contact=session.get(Contact, run.contact_id) if run.contact_id else None,
        log=list(session.scalars(select(RunLog).where(RunLog.run_id == run.id).order_by(RunLog.at, RunLog.id))),
        messages=list(session.scalars(select(Message).where(Message.run_id == run.id).order_by(Message.id))),
        calls=list(session.scalars(select(RunCall).where(RunCall.run_id == run.id).order_by(RunCall.id))),
    )


def message_conditions(account_id: int, wanted: Wanted) -> list[ColumnElement[bool]]:
    """Return the conditions of the messages' search words and filters."""
    found: list[ColumnElement[bool]] = [Message.account_id == account_id, *days(Message.created_at, wanted)]
    if wanted.get("state") == "not_sure":
        found.append(NOT_SENT)
    elif wanted.get("state"):
        found.append(Message.state == wanted.get("state"))
    found += days(Message.sent_at, wanted, "sent_from", "sent_to")
    if wanted.get("purpose") == "customers":
        found.append(Message.purpose != "system")
    elif wanted.get("purpose"):
        found.append(Message.purpose == wanted.get("purpose"))
    if wanted.q:
        found.append(or_(contains(Message.to_email, wanted.q), contains(Message.subject, wanted.q)))
    return found


def _message_rows(session: Session, ids: Sequence[int]) -> list[MessageRow]:
    rows = {
        message.id: MessageRow(message, name or "")
        for message, name in session.execute(
            select(Message, Automation.name)
            .outerjoin(Run, Run.id == Message.run_id)
            .outerjoin(Automation, Automation.id == Run.automation_id)
            .where(Message.id.in_(ids))
        )
    }
    return in_order(ids, rows)


MESSAGES = Kind(Message, MESSAGE_SORTS, message_conditions, _message_rows)
