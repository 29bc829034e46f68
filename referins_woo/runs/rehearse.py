"""Rehearsal: what a draft would have done with the orders of the last 30 days. Reads only; nothing is sent (A5).

The same engine decides on the same facts, put back to the moment of each decision (`past.py`), all runs in the order of
time, so that limits of re-entry and caps see what the runs before them did.
"""

from __future__ import annotations

import heapq
from collections import Counter, defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import count
from typing import Any, Final

from sqlalchemy import select
from sqlalchemy.orm import Session

from automations import engine
from automations.conditions import HISTORY_FIELDS
from automations.definition import Definition
from automations.effects import ChangeTag, SendEmail
from automations.facts import Facts
from automations.steps import tag_keys
from referins_woo.commerce.models import Order, Transaction
from referins_woo.commerce.upsert.bulk import among
from referins_woo.events.models import Event
from referins_woo.mail import suppression
from referins_woo.runs import effects, rules
from referins_woo.runs.facts import facts_of
from referins_woo.runs.gather import Gathered, gather
from referins_woo.runs.occasions import Happening, happenings, windows
from referins_woo.runs.past import Past, Sister, paid_time, past_of

DAYS: Final = 30
MOST: Final = 20_000
"""Occasions that are rehearsed at most: the newest."""
QUICK: Final = 5_000
"""Occasions that are rehearsed unless more are asked for: what one can wait for."""
_PART: Final = 500
_MOST_LOOKS: Final = 2_000
"""Of one run."""
PAYMENT: Final = frozenset({"paid", "another_order_paid"})


@dataclass(slots=True)
class Rehearsed:
    """One run that would have been."""

    order_id: int
    order_number: str
    contact_id: int | None
    email: str
    entered_at: datetime
    mails: list[dict[str, Any]] = field(default_factory=list)
    """{"step", "subject" (as written), "at", "to", "purpose"}."""
    withheld: list[dict[str, Any]] = field(default_factory=list)
    """E-mails that would not have gone out: {"step", "reason", "text", "at"}."""
    state: str = "waiting"
    ended_reason: str = ""
    ended_at: datetime | None = None
    due_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Rehearsal:
    """What would have been."""

    since: datetime
    """From when on it looked: later than asked for where there were more occasions than it rehearses."""
    until: datetime
    looked_at: int
    """Occasions of the trigger."""
    truncated: bool
    """There were more, older ones."""
    runs: list[Rehearsed]
    filtered: Counter[str]
    """By the gate that did not let them in."""

    @property
    def mails(self) -> int:
        """How many e-mails would have gone out."""
        return sum(len(run.mails) for run in self.runs)

    @property
    def ended(self) -> Counter[str]:
        """How the runs ended, by reason; those that would still wait are left out."""
        return Counter(run.ended_reason for run in self.runs if run.state in ("done", "exited"))

    @property
    def waiting(self) -> int:
        """How many would still be inside."""
        return sum(1 for run in self.runs if run.state == "waiting")

    @property
    def stopped_by_payment(self) -> int:
        """How many were stopped by a payment."""
        return sum(1 for run in self.runs if run.ended_reason in PAYMENT)

    @property
    def withheld(self) -> Counter[str]:
        """E-mails that would not have gone out, by reason."""
        return Counter(one["reason"] for run in self.runs for one in run.withheld)


def nothing_yet(since: datetime, until: datetime) -> Rehearsal:
    """Return a rehearsal that has not looked at anything."""
    return Rehearsal(since, until, 0, False, [], Counter())


def rehearse(
    session: Session,
    account_id: int,
    definition: Definition,
    now: datetime,
    days: int = DAYS,
    *,
    instead_of: int | None = None,
    most: int = QUICK,
) -> Rehearsal:
    """Replay `definition` over the orders of the last `days`, up to `now`: the newest `most` occasions of its trigger.

    `instead_of`: the automation whose draft it is; what it really sent in that time is as if it had not been.
    """
    since = now - timedelta(days=days)
    found = happenings(session, account_id, definition.trigger, since, most + 1)
    stage = _Stage(session, account_id, definition, now)
    for part in windows(found[-most:], _PART):
        stage.add(part)
    stage.play(now - since, instead_of)
    runs = [one.told for one in stage.entered]
    _withhold_suppressed(session, account_id, runs)
    truncated = len(found) > most
    first = found[-most].occasion.occurred_at if truncated else since
    return Rehearsal(first, now, min(len(found), most), truncated, runs, stage.filtered)


@dataclass(slots=True)
class _Going:
    """A run on its way."""

    happening: Happening
    gathered: Gathered
    past: Past
    contact_id: int | None
    told: Rehearsed
    skew: timedelta
    position: engine.Position = field(default_factory=engine.start)
    looks: int = 0


class _Stage:
    """All runs, played in the order of time."""

    def __init__(self, session: Session, account_id: int, definition: Definition, now: datetime) -> None:
        self._session, self._account_id = session, account_id
        self._definition, self._now = definition, now
        self._queue: list[tuple[datetime, int, _Going, bool]] = []
        self._numbers = count()
        self._last_entered: dict[int, datetime] = {}
        self._tags: dict[int, list[str]] = {}
        self._sent: dict[int, list[str]] = defaultdict(list)
        self._rules = rules.rules_of(session, [account_id]) if definition.markets else {}
        self._with_history = not HISTORY_FIELDS.isdisjoint(definition.asks)
        self.entered: list[_Going] = []
        self.filtered: Counter[str] = Counter()

    def add(self, part: list[Happening]) -> None:
        """Put occasions on the stage, with all that their runs will ask."""
        gathered = gather(self._session, {one.order_id for one in part}, {one.store_id for one in part})
        gathered.rules = self._rules
        pasts = self._pasts(gathered)
        for happening in part:
            order = gathered.orders.get(happening.order_id)
            if order is None:
                continue
            skew = timedelta(seconds=gathered.stores[happening.store_id]["clock_skew_seconds"])
            began = happening.occasion.occurred_at - skew
            told = Rehearsed(order["id"], order["number"], order["contact_id"], order["email"], began)
            going = _Going(happening, gathered, pasts[order["id"]], order["contact_id"], told, skew)
            heapq.heappush(self._queue, (began, next(self._numbers), going, True))

    def play(self, back: timedelta, instead_of: int | None) -> None:
        """Play until nothing is left that happened by now, from so long ago on."""
        if self._rules:
            sent = rules.marketing_sent(
                self._session, self._contacts(), self._rules, self._now, before=back, but=instead_of
            )
            self._sent.update(sent)
        while self._queue:
            at, _, going, enters = heapq.heappop(self._queue)
            if at > self._now:
                continue
            if enters:
                self._enter(going, at)
            else:
                self._look(going, at)

    def _enter(self, going: _Going, at: datetime) -> None:
        facts = self._facts(going, at)
        facts["event"]["age_seconds"] = 0.0
        last = self._last_entered.get(going.contact_id) if going.contact_id is not None else None
        facts["entries"] = {"last_entered_at": last.isoformat() if last is not None else None}
        match = engine.matches(self._definition, facts)
        if not match.passed:
            stopped = next(gate for gate in match.trace if not gate["passed"])
            self.filtered[str(stopped.get("field") or stopped["gate"])] += 1
            return
        if going.contact_id is not None:
            self._last_entered[going.contact_id] = going.happening.occasion.occurred_at
        self.entered.append(going)
        self._look(going, at)

    def _look(self, going: _Going, at: datetime) -> None:
        facts = self._facts(going, at)
        decision = engine.advance(self._definition, going.position, facts, at)
        self._do(going, decision, facts, at)
        while decision.state == "rereading" and decision.position is not None:
            going.looks += 1
            decision = engine.advance(self._definition, decision.position, self._facts(going, at), at, reread_at=at)
            self._do(going, decision, facts, at)
        going.looks += 1
        told = going.told
        if decision.position is None or decision.due_at is None or going.looks > _MOST_LOOKS:
            told.state, told.ended_reason, told.ended_at, told.due_at = decision.state, decision.ended_reason, at, None
            return
        going.position, told.due_at = decision.position, decision.due_at
        changed = going.past.next_moment(at)
        next_at = decision.due_at if changed is None else min(decision.due_at, changed)
        heapq.heappush(self._queue, (max(next_at, at), next(self._numbers), going, False))

    def _do(self, going: _Going, decision: engine.Decision, facts: Facts, at: datetime) -> None:
        occasion, order_id = going.happening.occasion, going.happening.order_id
        for effect in decision.effects:
            if isinstance(effect, ChangeTag) and going.contact_id is not None:
                tags = self._tags.setdefault(going.contact_id, list((facts.get("contact") or {}).get("tags") or ()))
                kept = [one for one in tags if tag_keys([one]) != {effect.tag.casefold()}]
                self._tags[going.contact_id] = [*kept, effect.tag] if effect.add else kept
            if not isinstance(effect, SendEmail):
                continue
            limit = self._definition.lateness_limit
            mail = effects.judge(effect, going.gathered, order_id, facts, occasion, at, limit, reread=False)
            if isinstance(mail, effects.Blocked):
                going.told.withheld.append({"step": effect.step_id, "reason": mail.reason, "text": mail.text, "at": at})
                continue
            going.told.mails.append(
                {
                    "step": effect.step_id,
                    "subject": effect.template["subject"],
                    "at": at,
                    "to": mail.to_email,
                    "purpose": effect.purpose,
                }
            )
            if effect.purpose == "marketing" and going.contact_id is not None:
                self._sent[going.contact_id].append(at.isoformat())
        for taken in decision.log:
            if taken.outcome == "skipped" and taken.trace and taken.trace[0].get("gate") == "cap":
                going.told.withheld.append({"step": taken.step_key, "reason": "cap", "text": taken.text, "at": at})

    def _facts(self, going: _Going, at: datetime) -> Facts:
        present = facts_of(going.gathered, going.happening.order_id, going.happening.store_id, going.happening.occasion)
        facts = going.past.rewind(present, at + going.skew, with_history=self._with_history)
        if going.contact_id is not None and "contact" in facts:
            if going.contact_id in self._tags:
                facts["contact"] = {**facts["contact"], "tags": self._tags[going.contact_id]}
            until = at.isoformat()
            facts["sent"] = {"marketing_at": [one for one in self._sent.get(going.contact_id, ()) if one <= until]}
        return facts

    def _contacts(self) -> list[int]:
        return sorted({going.contact_id for _, _, going, _ in self._queue if going.contact_id is not None})

    def _pasts(self, gathered: Gathered) -> dict[int, Past]:
        ids = list(gathered.orders)
        events: dict[int, list[tuple[datetime, str]]] = defaultdict(list)
        recorded = select(Event.order_id, Event.occurred_at, Event.data).where(
            among(self._session, Event.order_id, ids)
        )
        for order_id, at, data in self._session.execute(recorded.order_by(Event.occurred_at, Event.id)):
            if order_id is not None and (data or {}).get("woo_status"):
                events[order_id].append((at, data["woo_status"]))
        refunds: dict[int, list[tuple[datetime, int]]] = defaultdict(list)
        taken = select(Transaction.order_id, Transaction.occurred_at, Transaction.amount).where(
            among(self._session, Transaction.order_id, ids),
            Transaction.kind == "refund",
            Transaction.reversed_at.is_(None),
        )
        for order_id, at, amount in self._session.execute(taken):
            refunds[order_id].append((at, -amount))
        by_contact, by_email = self._sisters(gathered)
        pasts = {}
        for order_id, order in gathered.orders.items():
            skew = timedelta(seconds=gathered.stores[order["store_id"]]["clock_skew_seconds"])
            sisters = {
                one.order_id: one
                for one in (
                    *by_contact.get(order["contact_id"] or 0, ()),
                    *by_email.get((order["store_id"], order["email_key"]), ()),
                )
            }
            pasts[order_id] = past_of(order, events[order_id], refunds[order_id], list(sisters.values()), skew)
        return pasts

    def _sisters(self, gathered: Gathered) -> tuple[dict[int, list[Sister]], dict[tuple[int, str], list[Sister]]]:
        columns = (
            *(Order.id, Order.store_id, Order.email_key, Order.contact_id, Order.placed_at, Order.paid_at),
            *(Order.completed_at, Order.payment_state, Order.status, Order.in_trash, Order.currency, Order.total),
            *(Order.refunded_total, Order.modified_at),
        )
        by_contact: dict[int, list[Sister]] = defaultdict(list)
        by_email: dict[tuple[int, str], list[Sister]] = defaultdict(list)
        emails = {order["email_key"] for order in gathered.orders.values() if order["email_key"]}
        stores = {order["store_id"] for order in gathered.orders.values()}
        contacts = among(self._session, Order.contact_id, list(gathered.contacts))
        same_email = Order.store_id.in_(stores), among(self._session, Order.email_key, list(emails))
        for conditions, keep in (((contacts,), by_contact), (same_email, by_email)):
            for row in self._session.execute(select(*columns).where(*conditions)).mappings():
                sister = Sister(
                    row["id"],
                    row["store_id"],
                    row["email_key"],
                    row["contact_id"],
                    row["placed_at"],
                    paid_time(row),
                    (row["modified_at"] or row["placed_at"]) if _is_off(row) else None,
                    row["currency"],
                    row["total"] - row["refunded_total"],
                )
                key: Any = row["contact_id"] if keep is by_contact else (row["store_id"], row["email_key"])
                keep[key].append(sister)
        return by_contact, by_email


def _is_off(row: Any) -> bool:
    return bool(row["status"] == "Cancelled" or row["in_trash"])


def _withhold_suppressed(session: Session, account_id: int, runs: Iterable[Rehearsed]) -> None:
    """Take out the e-mails that the mail room would not have sent: bounced, complained and the like."""
    runs = list(runs)
    asked = {(account_id, mail["to"], mail["purpose"]) for run in runs for mail in run.mails}
    reasons = suppression.reasons(session, asked)
    if not reasons:
        return
    for run in runs:
        kept = []
        for mail in run.mails:
            reason = reasons.get((account_id, mail["to"], mail["purpose"]))
            if reason is None:
                kept.append(mail)
            else:
                text = suppression.WORDS.get(reason, reason)
                run.withheld.append({"step": mail["step"], "reason": reason, "text": text, "at": mail["at"]})
        run.mails = kept
