"""Why an automation did or did not send for an order: gate by gate, from what was recorded at the time.

Gates in their order: was the event recorded, and was it let through; was the automation live then; the gates of
entering with the values they saw; what became of the run; what became of each of its e-mails. The first gate that did
not pass is the answer.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from sqlalchemy import or_, select
from sqlalchemy.orm import Session

from automations.triggers import TRIGGERS
from referins_woo.commerce import matching
from referins_woo.commerce.models import Contact, Order
from referins_woo.events.models import Event
from referins_woo.mail import suppression
from referins_woo.mail.models import Message
from referins_woo.reports import reasons
from referins_woo.reports.timeline import HELD_BACK
from referins_woo.runs.models import Automation, Run, RunLog
from referins_woo.stores.models import Store

OUTCOMES: Final[dict[str, str]] = {
    "sent": "It sent",
    "sending": "Its e-mail is on the way",
    "waiting": "It is on its way through",
    "held": "It is held: the automation is paused",
    "blocked": "It ran, but its e-mail was not sent",
    "ended": "It ended before it sent anything",
    "failed": "It failed",
    "done": "It ran; it had nothing to send",
    "filtered": "The order did not pass",
    "published_later": "It was not live yet",
    "not_live": "It was not live",
    "suppressed": "The event started nothing",
    "no_event": "What starts it has not happened",
    "not_yet": "The event is about to be looked at",
}
"""Outcome → words."""

_OPEN: Final = ("active", "waiting", "rereading")
_MOST_ORDERS: Final = 10


@dataclass(frozen=True, slots=True)
class Gate:
    """One thing that was looked at."""

    gate: str
    passed: bool
    value: Any
    reason: str


@dataclass(frozen=True, slots=True)
class Answer:
    """What one automation made of one order."""

    automation_id: int
    automation: str
    state: str
    outcome: str
    gates: list[Gate]
    order_id: int
    order_number: str
    run_id: int | None = None
    event_id: int | None = None

    @property
    def words(self) -> str:
        """The outcome in words."""
        return OUTCOMES[self.outcome]

    @property
    def reason(self) -> str:
        """The first reason why it did not send; empty where it did."""
        return next((gate.reason for gate in self.gates if not gate.passed), "")


@dataclass(slots=True)
class _Known:
    """What was recorded about one order."""

    order: Order
    store: Store
    events: dict[str, list[Event]] = field(default_factory=lambda: defaultdict(list))
    runs: dict[int, list[Run]] = field(default_factory=lambda: defaultdict(list))
    log: dict[int, list[RunLog]] = field(default_factory=lambda: defaultdict(list))
    messages: dict[int, list[Message]] = field(default_factory=lambda: defaultdict(list))


def why(session: Session, order: Order) -> list[Answer]:
    """Return what every automation of the account made of `order`: those that sent first."""
    known = _known(session, order)
    answers = [_answer(automation, known) for automation in _automations(session, order.account_id)]
    return sorted(answers, key=lambda one: (list(OUTCOMES).index(one.outcome), one.automation))


def why_contact(session: Session, contact: Contact) -> list[Answer]:
    """Return what every automation made of the contact's newest orders: for each the newest order that says most."""
    orders = session.scalars(
        select(Order)
        .where(Order.account_id == contact.account_id, Order.contact_id == contact.id)
        .order_by(Order.placed_at.desc())
        .limit(_MOST_ORDERS)
    ).all()
    best: dict[int, Answer] = {}
    ranks = list(OUTCOMES)
    for order in orders:
        for answer in why(session, order):
            there = best.get(answer.automation_id)
            if there is None or ranks.index(answer.outcome) < ranks.index(there.outcome):
                best[answer.automation_id] = answer
    return sorted(best.values(), key=lambda one: (ranks.index(one.outcome), one.automation))


def find_orders(session: Session, account_id: int, words: str, limit: int = 20) -> list[Order]:
    """Return the newest orders with this number (or Woo id), or of this e-mail, for “why did X not get it?”."""
    cleaned = words.strip().lstrip("#").strip()
    if not cleaned:
        return []
    key = matching.email_key(cleaned)
    people = select(Contact.id).where(
        Contact.account_id == account_id, Contact.email_key == key, Contact.email_key != ""
    )
    wanted = [Order.number == cleaned, (Order.email_key == key) & (Order.email_key != ""), Order.contact_id.in_(people)]
    if cleaned.isascii() and cleaned.isdigit() and len(cleaned) <= 18:
        wanted.append(Order.woo_id == int(cleaned))
    return list(
        session.scalars(
            select(Order)
            .where(Order.account_id == account_id, or_(*wanted))
            .order_by(Order.placed_at.desc(), Order.id.desc())
            .limit(limit)
        )
    )


def _automations(session: Session, account_id: int) -> Sequence[Automation]:
    return session.scalars(select(Automation).where(Automation.account_id == account_id)).all()


def _known(session: Session, order: Order) -> _Known:
    known = _Known(order, session.get_one(Store, order.store_id))
    of_order = (Event.store_id == order.store_id, Event.subject == order.woo_id)
    for event in session.scalars(select(Event).where(*of_order).order_by(Event.id)):
        known.events[event.kind].append(event)
    runs = session.scalars(
        select(Run).where(Run.order_id == order.id, Run.account_id == order.account_id).order_by(Run.id)
    ).all()
    ids = [run.id for run in runs]
    for run in runs:
        known.runs[run.automation_id].append(run)
    for entry in session.scalars(select(RunLog).where(RunLog.run_id.in_(ids)).order_by(RunLog.at, RunLog.id)):
        known.log[entry.run_id].append(entry)
    for message in session.scalars(select(Message).where(Message.run_id.in_(ids)).order_by(Message.id)):
        if message.run_id is not None and message.purpose != "system":
            known.messages[message.run_id].append(message)
    return known


def _answer(automation: Automation, known: _Known) -> Answer:
    runs = known.runs.get(automation.id, ())
    if runs:
        return _of_run(automation, runs[-1], known)
    event = _event_of(automation, known)
    if event is None:
        gate = Gate("event", False, None, reasons.of_no_event(automation.trigger, known.order, known.store.live_since))
        return _made(automation, known, "no_event", [gate])
    gates = [_event_gate(event)]
    if not gates[0].passed:
        return _made(automation, known, "suppressed", gates, event_id=event.id)
    if event.handed_over_at is None:
        gates.append(Gate("looked_at", False, None, "It was recorded a moment ago and is looked at next."))
        return _made(automation, known, "not_yet", gates, event_id=event.id)
    considered = next(
        (one for one in (event.data or {}).get("considered", ()) if one.get("automation_id") == automation.id), None
    )
    if considered is None:
        gates.append(Gate("live", False, automation.state, "The automation was not live when this happened."))
        return _made(automation, known, "not_live", gates, event_id=event.id)
    if considered["outcome"] == "published_later":
        when = f" (live since {automation.live_since:%d %B %Y, %H:%M} UTC)" if automation.live_since else ""
        reason = f"The automation was published after this happened{when}."
        gates.append(Gate("live", False, automation.state, reason))
        return _made(automation, known, "published_later", gates, event_id=event.id)
    gates.append(Gate("live", True, "live", "The automation was live when this happened."))
    gates.extend(entering(considered.get("gates", ())))
    return _made(automation, known, "filtered", gates, event_id=event.id)


def _made(automation: Automation, known: _Known, outcome: str, gates: list[Gate], **more: Any) -> Answer:
    order = known.order
    return Answer(automation.id, automation.name, automation.state, outcome, gates, order.id, order.number, **more)


def _event_of(automation: Automation, known: _Known) -> Event | None:
    """The newest event of its trigger; of several the one that this automation looked at."""
    events = known.events.get(automation.trigger, [])
    looked = [
        event
        for event in events
        if any(one.get("automation_id") == automation.id for one in (event.data or {}).get("considered", ()))
    ]
    found = looked or events
    return found[-1] if found else None


def _event_gate(event: Event) -> Gate:
    label = TRIGGERS[event.kind].label if event.kind in TRIGGERS else event.kind
    when = f"{event.occurred_at:%d %B %Y, %H:%M} UTC"
    if event.state == "suppressed":
        return Gate("event", False, event.reason, f"{label}, {when}: {HELD_BACK.get(event.reason, event.reason)}")
    released = " It was late, and was released by hand." if event.state == "released" else ""
    return Gate("event", True, event.occurred_at.isoformat(), f"{label}, {when}.{released}")


def entering(gates: Iterable[dict[str, Any]]) -> list[Gate]:
    """Return the gates of entering with their words."""
    return [
        Gate(str(gate.get("field") or gate.get("gate")), bool(gate["passed"]), gate.get("value"), reasons.of_gate(gate))
        for gate in gates
    ]


def _of_run(automation: Automation, run: Run, known: _Known) -> Answer:
    event = next((one for events in known.events.values() for one in events if one.id == run.event_id), None)
    gates = [_event_gate(event)] if event is not None else []
    log = known.log.get(run.id, [])
    entry = next((one for one in log if one.step_key == "entry"), None)
    gates.append(Gate("live", True, "live", "The automation was live when this happened."))
    gates.extend(entering(entry.trace if entry is not None else ()))
    gates.append(Gate("entered", True, run.started_at.isoformat(), "It entered."))
    mails = [_of_message(one) for one in known.messages.get(run.id, ())]
    withheld = [
        Gate(f"e-mail {one.step_key}", False, (one.trace or [{}])[0].get("reason") or one.outcome, one.text)
        for one in log
        if one.outcome == "blocked" or (one.outcome == "skipped" and _is_restraint(one))
    ]
    gates += mails + withheld
    outcome = _outcome(run, mails, withheld, known.messages.get(run.id, ()))
    if run.state in ("exited", "stopped", "failed") and run.ended_reason != "exit_step":
        gates.append(Gate("ended", outcome == "sent", run.ended_reason, reasons.of_end(run.ended_reason)))
    elif run.state in (*_OPEN, "held"):
        until = f" until {run.due_at:%d %B %Y, %H:%M} UTC" if run.due_at is not None and run.state == "waiting" else ""
        reason = f"It waits{until}." if run.state != "held" else "It is held until the automation is resumed."
        gates.append(Gate("waiting", outcome == "sent", run.step or None, reason))
    event_id = event.id if event is not None else None
    return _made(automation, known, outcome, gates, run_id=run.id, event_id=event_id)


def _is_restraint(entry: RunLog) -> bool:
    return bool(entry.trace) and isinstance(entry.trace[0], dict) and entry.trace[0].get("gate") == "cap"


def _of_message(message: Message) -> Gate:
    name = f"e-mail {message.once_key.rpartition(':')[2]}"
    if message.state == "sent":
        return Gate(name, True, "sent", f"Sent to {message.to_email}: {message.subject}")
    words = {
        "created": "It is about to be sent.",
        "sending": "It is being sent.",
        "unknown": "It may have been sent before a crash; it is not repeated.",
    }
    reason = suppression.WORDS.get(message.reason) or message.reason or words.get(message.state, message.state)
    return Gate(name, message.state in ("created", "sending"), message.state, reason)


def _outcome(run: Run, mails: list[Gate], withheld: list[Gate], messages: Sequence[Message]) -> str:
    if any(one.state == "sent" for one in messages):
        return "sent"
    if any(one.state in ("created", "sending") for one in messages):
        return "sending"
    if run.state == "failed":
        return "failed"
    if run.state == "held":
        return "held"
    if run.state in _OPEN:
        return "waiting"
    if withheld or mails:
        return "blocked"
    return "ended" if run.state in ("exited", "stopped") else "done"
