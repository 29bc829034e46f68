"""Lets runs go on: exit conditions first, then the steps that are due, in one unit per batch.

The engine decides; here its decision is written down: log rows (unique per run and step: that claims the step),
messages, the new position. After a crash the unit has left nothing and the same decision is made again.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from sqlalchemy import Row, select
from sqlalchemy.orm import Session

from automations import engine
from automations.effects import SendEmail
from automations.facts import Facts
from referins_woo import queues
from referins_woo.commerce.upsert.bulk import insert_new_rows, insert_rows, table_of
from referins_woo.conditions import one_of
from referins_woo.events.models import Event
from referins_woo.runs import actions, claims, effects, versions
from referins_woo.runs.automations import settle_finishing
from referins_woo.runs.effects import Blocked, Mail, Sending
from referins_woo.runs.facts import Occasion, facts_of
from referins_woo.runs.gather import Gathered, gather, gather_rules
from referins_woo.runs.models import LOG, RunLog

BATCH = 200
_OVER = frozenset({"done", "exited"})
_E = table_of(Event).c
_OCCASIONS = select(_E.id, _E.kind, _E.occurred_at, _E.state, _E.data).where(one_of(_E.id, "ids"))


@dataclass(frozen=True, slots=True)
class Reading:
    """What a live re-read of the runs' orders brought. Times are ours.

    `at`: when the orders were read; None: the store could not be reached, and nothing is sent that needs it.
    """

    at: datetime | None
    again_at: datetime
    """When to try again, for what could not be read."""
    why: str = ""
    """Why it could not be read, in words."""


@dataclass(frozen=True, slots=True)
class _Step:
    """One decision about one run, and all that it was made of."""

    run: Row[Any]
    decision: engine.Decision
    facts: Facts
    mails: Mapping[str, Mail | Blocked]
    """By step id."""


def advance_batch(
    session: Session, now: datetime, *, limit: int = BATCH, skip: Collection[int] = (), only: int | None = None
) -> int:
    """Advance up to `limit` runs that are due; returns how many were due. `skip` and `only` are run ids."""
    runs = claims.due_runs(session, now, limit, skip=skip, only=only)
    advance_runs(session, runs, now)
    return len(runs)


def advance_runs(
    session: Session,
    runs: Sequence[Row[Any]],
    now: datetime,
    reading: Reading | None = None,
    gathered: Gathered | None = None,
) -> Counter[str]:
    """Advance these runs, whose rows are locked by the caller's unit; returns how many came into which state.

    `gathered`: where the unit that has begun the runs has read for them already.
    """
    states = claims.automation_states(session, {run.automation_id for run in runs})
    held = [run for run in runs if states.get(run.automation_id) == "paused"]
    going = [run for run in runs if states.get(run.automation_id) != "paused"]
    _hold(session, held, now)
    counts = Counter({"held": len(held)} if held else {})
    if not going:
        return counts
    found = versions.by_ids(session, {run.version_id for run in going})
    occasions = _occasions(session, going)
    if gathered is None:
        asks = frozenset[str]().union(*(version.definition.asks for version in found.values()))
        gathered = gather(session, {run.order_id for run in going}, {run.store_id for run in going}, asks)
    if any(version.definition.markets for version in found.values()):
        gather_rules(session, gathered, now)
    steps = [_decide(run, found[run.version_id], occasions, gathered, now, reading) for run in going]
    claimed = _log(session, steps, now, reading)
    # Before the effects: a tag that one run gives may wake another one of this batch.
    claims.update_runs(session, [_moved(step, now, reading) for step in steps])
    sending = Sending(session)
    for step in steps:
        for effect in step.decision.effects:
            if (step.run.id, effect.step_id) not in claimed:
                continue
            if not isinstance(effect, SendEmail):
                actions.do(session, step.run, effect, step.facts, now)
            elif isinstance(mail := step.mails[effect.step_id], Mail):
                sending.add(step.run, effect, mail, step.facts)
    sending.put()
    counts.update(step.decision.state for step in steps)
    if counts["rereading"] and reading is None:
        queues.ring_after_commit(session, "reread_runs")
    finishing = [automation_id for automation_id, state in states.items() if state == "finishing"]
    if finishing:
        settle_finishing(session, finishing)
    return counts


def _decide(
    run: Row[Any],
    version: versions.Version,
    occasions: Mapping[int, Occasion],
    gathered: Gathered,
    now: datetime,
    reading: Reading | None,
) -> _Step:
    occasion = occasions.get(run.event_id) or Occasion(version.definition.trigger, run.started_at)
    if run.started_at - occasion.occurred_at > version.definition.lateness_limit:
        occasion = replace(occasion, released=True)  # no late event starts a run by itself: this one was added by hand
    facts = facts_of(gathered, run.order_id, run.store_id, occasion)
    reread_at = reading.at if reading is not None else None
    decision = engine.advance(version.definition, run.position, facts, now, reread_at=reread_at)
    mails = {}
    for effect in decision.effects:
        if not isinstance(effect, SendEmail):
            continue
        step = version.definition.step(effect.step_id)
        reread = bool(step is not None and step.settings.get("reread"))
        limit = version.definition.lateness_limit
        mails[effect.step_id] = mail = effects.judge(
            effect, gathered, run.order_id, facts, occasion, now, limit, reread=reread
        )
        if effect.purpose == "marketing" and isinstance(mail, Mail) and run.contact_id is not None:
            # The next run of this contact in this batch counts it too.
            gathered.marketing_at.setdefault(run.contact_id, []).append(now.isoformat())
    return _Step(run, decision, facts, mails)


def _occasions(session: Session, runs: Sequence[Row[Any]]) -> dict[int, Occasion]:
    ids = {run.event_id for run in runs if run.event_id is not None}
    rows = session.execute(_OCCASIONS, {"ids": ids}) if ids else ()
    return {row.id: Occasion(row.kind, row.occurred_at, row.state == "released", row.data or {}) for row in rows}


def _log(session: Session, steps: Sequence[_Step], now: datetime, reading: Reading | None) -> set[tuple[int, str]]:
    """Write down the steps that were taken; returns those (run id, step key) that nobody had taken before."""
    rows = []
    for step in steps:
        taken = list(step.decision.log)
        if reading is not None and reading.at is None and step.decision.state == "rereading":
            key = f"{(step.decision.position or {}).get('step', '')}:unreachable"
            taken = [engine.Taken(key, "waits", f"Waits, because the order cannot be read: {reading.why}")]
        for one in taken:
            mail = step.mails.get(one.step_key)
            if isinstance(mail, Blocked):
                one = replace(one, outcome="blocked", text=mail.text, trace=[{"reason": mail.reason}])
            elif isinstance(mail, Mail):
                one = replace(one, trace=[*one.trace, _seen(step, mail)])
            rows.append((step.run.id, one.step_key, now, one.outcome, one.text, one.trace))
    once = ("run_id", "step_key")
    return {(run_id, key) for run_id, key in insert_new_rows(session, RunLog, LOG, rows, conflict=once, returning=once)}


def _seen(step: _Step, mail: Mail) -> dict[str, Any]:
    """The values that the decision to send was made on."""
    order = step.facts.get("order") or {}
    return {
        "to": mail.to_email,
        "not_after": mail.not_after.isoformat() if mail.not_after else None,
        **{key: order.get(key) for key in ("woo_status", "payment_state", "paid", "total", "currency")},
    }


def _moved(step: _Step, now: datetime, reading: Reading | None) -> dict[str, Any]:
    """The run's new columns. Its lease, if there was one, ends with this unit."""
    decision = step.decision
    if decision.state in _OVER:
        place = {"position": step.run.position, "due_at": None, "ended_at": now, "attempts": 0}
    elif decision.state == "rereading":
        again = now if reading is None else reading.again_at
        place = {"position": decision.position, "due_at": again, "ended_at": None, "attempts": step.run.attempts}
    else:
        place = {"position": decision.position, "due_at": decision.due_at, "ended_at": None, "attempts": 0}
    return {
        "id": step.run.id,
        "state": decision.state,
        "step": (decision.position or step.run.position).get("step", ""),
        "ended_reason": decision.ended_reason,
        "lease_until": None,
        "lease_token": "",
        **place,
    }


def _hold(session: Session, runs: Sequence[Row[Any]], now: datetime) -> None:
    if not runs:
        return
    claims.update_runs(
        session, [{"id": run.id, "state": "held", "lease_until": None, "lease_token": ""} for run in runs]
    )
    key = f"held@{now.isoformat()}"
    rows = [[run.id, key, now, "held", "Held: the automation is paused.", []] for run in runs]
    insert_rows(session, RunLog, LOG, rows, conflict=("run_id", "step_key"))
