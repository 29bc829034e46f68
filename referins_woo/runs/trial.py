"""A test of a draft on one real order, and a look at who its trigger would let in. Reads only; nothing is sent (A5)."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any, Final

from sqlalchemy import select
from sqlalchemy.orm import Session

from automations import engine
from automations.definition import Definition
from automations.effects import CallWebhook, ChangeTag, Notify, SendEmail, UpdateField
from automations.facts import Facts
from automations.steps import CONTACT_FIELDS
from referins_woo.commerce.models import Order
from referins_woo.mail import suppression
from referins_woo.mail.compose import compose, compose_line
from referins_woo.mail.design import brands
from referins_woo.mail.sandbox import TemplateFault
from referins_woo.runs import actions, effects, rules
from referins_woo.runs.facts import Occasion, facts_of, sample_facts
from referins_woo.runs.gather import Gathered, gather
from referins_woo.runs.occasions import happenings

PREVIEWED: Final = 10
MOST_MATCHED: Final = 2_000
_MOST_LOOKS: Final = 500
_LONG_AGO: Final = timedelta(days=3_650)


@dataclass(frozen=True, slots=True)
class Looked:
    """One order that the trigger happened to, and whether the draft would let it in."""

    order_id: int
    order_number: str
    email: str
    name: str
    occurred_at: datetime
    passed: bool
    gates: list[dict[str, Any]]


@dataclass(frozen=True, slots=True)
class TriedMail:
    """An e-mail of the path, as it would be read."""

    step: str
    kind: str
    """`customer` or `team`."""
    to: list[str]
    purpose: str
    subject: str
    html: str
    text: str
    withheld: str = ""
    """Why it would not go out, in words; empty where it would."""
    fault: str = ""
    """Why it cannot be written, in words."""
    facts: Facts = field(default_factory=lambda: Facts())
    """What it was written with."""


@dataclass(slots=True)
class Trial:
    """What the draft does with one order."""

    order_id: int
    order_number: str
    occurred_at: datetime
    happened: bool
    """The trigger has happened to the order; else it is supposed to happen now."""
    passed: bool
    gates: list[dict[str, Any]]
    path: list[dict[str, Any]] = field(default_factory=list)
    """{"step", "outcome", "text", "trace", "at"}: `at` is when it would be, with all waits kept."""
    mails: list[TriedMail] = field(default_factory=list)
    deeds: list[dict[str, Any]] = field(default_factory=list)
    """What else it would do: {"step", "kind", "text"} and the `payload` of a webhook."""
    state: str = ""
    ended_reason: str = ""


def preview(session: Session, account_id: int, definition: Definition, now: datetime) -> list[Looked]:
    """Return the last orders that the trigger happened to, newest first, with every gate and the value it saw."""
    found = happenings(session, account_id, definition.trigger, now - _LONG_AGO, PREVIEWED)
    ids, stores = {one.order_id for one in found}, {one.store_id for one in found}
    gathered = gather(session, ids, stores, definition.asks)
    looked = []
    for one in reversed(found):
        order = gathered.orders.get(one.order_id)
        if order is None:
            continue
        facts = _entering(facts_of(gathered, one.order_id, one.store_id, one.occasion))
        match = engine.matches(definition, facts)
        name = str((facts.get("contact") or {}).get("name") or "")
        at = one.occasion.occurred_at
        looked.append(Looked(one.order_id, order["number"], order["email"], name, at, match.passed, match.trace))
    return looked


def matching(session: Session, account_id: int, definition: Definition, now: datetime) -> tuple[int, int]:
    """Return (how many, of how many) of the last 30 days' occasions the draft would let in, re-entry apart."""
    found = happenings(session, account_id, definition.trigger, now - timedelta(days=30), MOST_MATCHED)
    ids, stores = {one.order_id for one in found}, {one.store_id for one in found}
    gathered = gather(session, ids, stores, definition.asks)
    passed = sum(
        engine.matches(definition, _entering(facts_of(gathered, one.order_id, one.store_id, one.occasion))).passed
        for one in found
        if one.order_id in gathered.orders
    )
    return passed, len(found)


def try_on(
    session: Session,
    account_id: int,
    definition: Definition,
    order_id: int,
    now: datetime,
    *,
    ignore_exits: bool = False,
) -> Trial | None:
    """Return what `definition` does with an order of the account, waits skipped; None where there is no such order.

    `ignore_exits`: go on where an exit condition holds, to see the whole path of an order that is long paid.
    """
    order = session.scalar(select(Order).where(Order.id == order_id, Order.account_id == account_id))
    if order is None:
        return None
    recorded = happenings(session, account_id, definition.trigger, now - _LONG_AGO, 1, order_id=order_id)
    occasion = recorded[-1].occasion if recorded else Occasion(definition.trigger, now)
    gathered = gather(session, [order_id], [order.store_id], definition.asks)
    if definition.markets:
        gathered.rules = rules.rules_of(session, [account_id])
        gathered.marketing_at = rules.marketing_sent(session, list(gathered.contacts), gathered.rules, now)
    facts = facts_of(gathered, order_id, order.store_id, occasion)
    match = engine.matches(definition, _entering(facts))
    trial = Trial(order_id, order.number, occasion.occurred_at, bool(recorded), match.passed, match.trace)
    if ignore_exits:
        definition = replace(definition, exit_on=frozenset())
    _walk(session, account_id, definition, gathered, occasion, facts, now, trial)
    return trial


def try_sample(
    session: Session,
    account_id: int,
    definition: Definition,
    now: datetime,
    sample: str = "usual",
    *,
    ignore_exits: bool = False,
) -> Trial:
    """Return what `definition` does with a made-up order (`mail.samples`), for accounts that have none yet.

    Its order's id is 0; its contact has subscribed, and nobody's rules keep anything back.
    """
    changed = {"from": "pending", "to": "failed"} if definition.trigger == "order_status_changed" else {}
    occasion = Occasion(definition.trigger, now, data=changed)
    facts = sample_facts(sample, occasion)
    match = engine.matches(definition, _entering(facts))
    trial = Trial(0, str(facts["order"]["number"]), now, False, match.passed, match.trace)
    if ignore_exits:
        definition = replace(definition, exit_on=frozenset())
    nobody = gather(session, (), ())
    _walk(session, account_id, definition, nobody, occasion, facts, now, trial)
    return trial


def _walk(
    session: Session,
    account_id: int,
    definition: Definition,
    gathered: Gathered,
    occasion: Occasion,
    facts: Facts,
    now: datetime,
    trial: Trial,
) -> None:
    position, at = engine.start(), now
    for _ in range(_MOST_LOOKS):
        decision = engine.advance(definition, position, facts, at, reread_at=at)
        trial.path.extend(
            {"step": one.step_key, "outcome": one.outcome, "text": one.text, "trace": one.trace, "at": at}
            for one in decision.log
        )
        for effect in decision.effects:
            facts = _tried(session, account_id, gathered, effect, occasion, facts, at, definition, trial)
        trial.state, trial.ended_reason = decision.state, decision.ended_reason
        if decision.position is None:
            return
        position, at = decision.position, decision.due_at or at


def _tried(
    session: Session,
    account_id: int,
    gathered: Gathered,
    effect: engine.Effect,
    occasion: Occasion,
    facts: Facts,
    at: datetime,
    definition: Definition,
    trial: Trial,
) -> Facts:
    """Note what an effect would do; returns the facts as they are after it."""
    if isinstance(effect, SendEmail):
        if not trial.order_id:
            to = [str((facts.get("contact") or {}).get("email") or "")]
            template = brands.ready(session, account_id, effect.template)
            trial.mails.append(_written(effect.step_id, "customer", to, effect.purpose, template, facts, ""))
            return facts
        limit = definition.lateness_limit
        mail = effects.judge(effect, gathered, trial.order_id, facts, occasion, at, limit, reread=False)
        withheld = mail.text if isinstance(mail, effects.Blocked) else ""
        to = [mail.to_email] if isinstance(mail, effects.Mail) else []
        if to:
            asked = (account_id, to[0], effect.purpose)
            reason = suppression.reasons(session, [asked]).get(asked)
            withheld = suppression.WORDS.get(reason, reason) if reason else ""
        template = brands.ready(session, account_id, effect.template)
        trial.mails.append(_written(effect.step_id, "customer", to, effect.purpose, template, facts, withheld))
        if effect.purpose == "marketing" and not withheld:
            sent = (facts.get("sent") or {}).get("marketing_at") or []
            return {**facts, "sent": {"marketing_at": [*sent, at.isoformat()]}}
    elif isinstance(effect, Notify):
        to = [user.email for user in actions.team(session, account_id, owners_only=effect.owners_only)]
        template = actions.note_template(effect)
        trial.mails.append(_written(effect.step_id, "team", to, "system", template, facts, ""))
    elif isinstance(effect, ChangeTag):
        deed = "Adds" if effect.add else "Removes"
        trial.deeds.append({"step": effect.step_id, "kind": "tag", "text": f"{deed} the tag “{effect.tag}”."})
        contact = facts.get("contact") or {}
        kept = [one for one in contact.get("tags") or () if one.casefold() != effect.tag.casefold()]
        return {**facts, "contact": {**contact, "tags": [*kept, effect.tag] if effect.add else kept}}
    elif isinstance(effect, UpdateField):
        text = f"{CONTACT_FIELDS[effect.field]}: {compose_line(effect.value, dict(facts))}"
        trial.deeds.append({"step": effect.step_id, "kind": "field", "text": text})
    elif isinstance(effect, CallWebhook):
        payload = actions.payload_of(None, 0, "", effect, facts)
        deed_of = {"step": effect.step_id, "kind": "webhook", "text": f"Calls {effect.url}", "payload": payload}
        trial.deeds.append(deed_of)
    return facts


def _written(
    step: str, kind: str, to: list[str], purpose: str, template: dict[str, Any], facts: Facts, withheld: str
) -> TriedMail:
    try:
        composed = compose(template, dict(facts))
    except TemplateFault as fault:
        return TriedMail(step, kind, to, purpose, str(template["subject"]), "", "", withheld, str(fault))
    return TriedMail(step, kind, to, purpose, composed.subject, composed.html, composed.text, withheld, facts=facts)


def _entering(facts: Facts) -> Facts:
    """Facts as they are when an event comes in time and the contact has never entered before."""
    return {**facts, "event": {**facts["event"], "age_seconds": 0.0}, "entries": {"last_entered_at": None}}
