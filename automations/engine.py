"""Decides: whether an event starts an automation, and what a run does next. Touches nothing.

A run stands at a position, a JSON value that a database can keep: {"step": id, "phase": …}. `advance` looks at the
exit conditions, takes steps until one must wait, and returns what is to be done. The caller applies the effects and
stores the new position in one transaction: after a crash the same call gives the same decision again.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from typing import Any, Final

from automations import conditions
from automations.definition import Definition, Step, purpose_of
from automations.effects import CallWebhook, ChangeTag, Effect, Notify, SendEmail, UpdateField
from automations.entering import Match, matches
from automations.fields import parse_period, period_words
from automations.moments import next_moment, on_date, parse_time, words, zone
from automations.restraint import restraint, zone_of
from automations.steps import AWAITED, CONTACT_FIELDS, EXIT_CONDITIONS, holding, tag_keys

__all__ = ["Decision", "Effect", "Match", "Position", "Taken", "advance", "matches", "skip_wait", "start", "wait_over"]

Position = dict[str, str]
"""{"step": id of the step to take, "phase": "enter" | "waiting" | "reread" | "delayed" | "now"}, and "until"."""

REREAD_GOOD_FOR: Final = timedelta(minutes=5)
"""A live re-read that is older is done again: the reminder must not go to somebody who has paid meanwhile."""

WAITS: Final = ("wait", "wait_until", "wait_for")
"""Kinds of steps at which a run waits for a time."""

_MORNING: Final = time(9, 0)
"""When a day begins where no time of day is given."""


@dataclass(frozen=True, slots=True)
class Taken:
    """One step that was taken, for the run's log. `step_key` is unique within the run."""

    step_key: str
    outcome: str
    """`sent`, `done`, `waits`, `waited`, `yes`, `no`, `left_out`, `delayed`, `skipped`, `rereads`, `exit` or `end`."""
    text: str
    trace: list[dict[str, Any]] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Decision:
    """What a run does now, and where it stands after it."""

    state: str
    """`waiting` (until `due_at`), `rereading` (the order must be read anew first), `done` or `exited`."""
    effects: tuple[Effect, ...] = ()
    position: Position | None = None
    due_at: datetime | None = None
    ended_reason: str = ""
    log: tuple[Taken, ...] = ()


def start() -> Position:
    """Return the position of a run that begins."""
    return {"step": "", "phase": "enter"}


def skip_wait(position: Position, now: datetime) -> Position | None:
    """Return the position of a run that need not wait any longer; None where it does not wait."""
    if position.get("phase") == "waiting":
        return {**position, "until": now.isoformat()}
    if position.get("phase") == "delayed":
        return {"step": position["step"], "phase": "now"}
    return None


def wait_over(definition: Definition, step_id: str, facts: Any, came_at: datetime) -> datetime | None:
    """Return when a run that came to a wait at `came_at` is done waiting there; None where the step is no wait."""
    place = definition.places.get(step_id)
    step = place[0][place[1]] if place is not None else None
    if step is None or step.kind not in WAITS:
        return None
    if step.is_off:
        return came_at
    walk = _Advance(definition, facts, came_at, None)
    if step.kind == "wait_for":
        return came_at + (parse_period(step.settings["timeout"]) or timedelta(0))
    return walk.period(step)[0] if step.kind == "wait" else walk.moment(step)[0]


def advance(
    definition: Definition, position: Position, facts: Any, now: datetime, *, reread_at: datetime | None = None
) -> Decision:
    """Return what a run at `position` does now.

    `reread_at`: when the order was last read live from its store, for steps that ask for it. `now` and it are aware.
    A run that waits and is looked at early (something happened to its order) gets the same wait back.
    """
    reason = holding(definition.exit_on, definition.exit_tag_keys, facts)
    if reason is not None:
        return Decision("exited", ended_reason=reason, log=(_exit(reason, facts),))
    walk = _Advance(definition, facts, now, reread_at)
    if position["step"] == "":
        return walk.take([(definition.steps, 0)])
    place = definition.places.get(position["step"])
    if place is None:
        return Decision("exited", ended_reason="step_removed", log=(Taken("end", "exit", "Its step is gone."),))
    steps, index, above = place
    stack = [*above, (steps, index)]
    phase = position["phase"]
    if phase == "waiting":
        return walk.waited(position, steps[index], stack)
    if phase == "delayed" and now < (until := datetime.fromisoformat(position["until"])):
        return Decision("waiting", position=position, due_at=until)
    walk.after_wait = phase != "enter"
    walk.unrestrained = phase == "now"
    return walk.take(stack)


_Stack = list[tuple[tuple[Step, ...], int]]
"""The lists of steps that hold the next one, with the place to go on at, outermost first."""


class _Advance:
    def __init__(self, definition: Definition, facts: Any, now: datetime, reread_at: datetime | None) -> None:
        self._definition, self._facts, self._now, self._reread_at = definition, facts, now, reread_at
        self.effects: list[Effect] = []
        self.log: list[Taken] = []
        self.after_wait = False
        self.unrestrained = False
        """The next e-mail goes, whatever the hour: somebody said so by hand."""

    def take(self, stack: _Stack) -> Decision:
        """Take steps from the top of `stack` on until one waits or the end is reached."""
        while stack:
            steps, index = stack.pop()
            if index >= len(steps):
                continue
            step = steps[index]
            left_out = self._left_out(step)
            if left_out is not None:
                self.log.append(Taken(step.id, "left_out", left_out))
                stack.append((steps, index + 1))
                continue
            if step.kind == "exit":
                self.log.append(Taken(step.id, "exit", "The automation ends here."))
                return self._decision("exited", ended_reason="exit_step")
            held = self._held_up(step)
            if held is not None:
                return held
            stack.append((steps, index + 1))
            if step.kind == "split":
                stack.append((step.branches[self._split(step)], 0))
            elif step.kind == "wait_for":
                stack.append((step.branches["yes"], 0))
            elif (ended := self._do(step)) is not None:
                return ended
        self.log.append(Taken("end", "end", "All steps are taken."))
        return self._decision("done", ended_reason="finished")

    def waited(self, position: Position, step: Step, stack: _Stack) -> Decision:
        """Go on after a wait, or wait on where it is not over."""
        until = datetime.fromisoformat(position["until"])
        if step.kind == "wait_for" and (happened := self._happened(step)) is not None:
            self.log.append(Taken(f"{step.id}:waited", "yes", f"It happened: {EXIT_CONDITIONS[happened]}."))
        elif self._now < until:
            return Decision("waiting", position=position, due_at=until)
        elif step.kind == "wait_for":
            self.log.append(Taken(f"{step.id}:waited", "no", "The time is up."))
        else:
            self.log.append(Taken(f"{step.id}:waited", "waited", "The wait is over."))
        self.after_wait = True
        steps, index = stack.pop()
        stack.append((steps, index + 1))
        if step.kind == "wait_for":
            stack.append((step.branches[self.log[-1].outcome], 0))
        return self.take(stack)

    def _decision(
        self,
        state: str,
        *,
        position: Position | None = None,
        due_at: datetime | None = None,
        ended_reason: str = "",
    ) -> Decision:
        return Decision(state, tuple(self.effects), position, due_at, ended_reason, tuple(self.log))

    def _left_out(self, step: Step) -> str | None:
        if step.is_off:
            return "Left out: the step is switched off."
        if step.settings.get("unless") != "store_cancels_unpaid":
            return None
        minutes = _hold_stock_minutes(self._facts)
        if minutes is None:
            return None
        return f"Left out: the store cancels unpaid orders after {period_words(timedelta(minutes=minutes))}."

    def _held_up(self, step: Step) -> Decision | None:
        """Return the decision to wait or to read the order first, where the step asks for it; None: it can be taken."""
        if step.kind in ("wait", "wait_until"):
            due_at, text = self.period(step) if step.kind == "wait" else self.moment(step)
            return self._waits(step, due_at, text)
        if step.kind == "wait_for":
            happened = self._happened(step)
            if happened is not None:
                self.log.append(Taken(step.id, "yes", f"It has happened already: {EXIT_CONDITIONS[happened]}."))
                return None
            period = parse_period(step.settings["timeout"]) or timedelta(0)
            label = EXIT_CONDITIONS[step.settings["event"]]
            return self._waits(step, self._now + period, f"Waits for “{label}”, {period_words(period)} at most.")
        if step.kind == "send_email" and (kept := self._kept_back(step)) is not None:
            return kept
        if step.settings.get("reread") and not self._is_fresh():
            self.log.append(Taken(f"{step.id}:reread", "rereads", "Reads the order from the store first."))
            return self._decision("rereading", position={"step": step.id, "phase": "reread"})
        return None

    def _waits(self, step: Step, due_at: datetime, text: str) -> Decision:
        until = due_at.isoformat()
        self.log.append(Taken(step.id, "waits", text, [{"until": until}]))
        return self._decision("waiting", position={"step": step.id, "phase": "waiting", "until": until}, due_at=due_at)

    def period(self, step: Step) -> tuple[datetime, str]:
        """Return when a wait for a period is over, with its words."""
        period = parse_period(step.settings["period"]) or timedelta(0)
        text = f"Waits {period_words(period)}."
        minutes = _hold_stock_minutes(self._facts)
        if step.settings.get("at_most_half_of_hold_stock") and minutes is not None:
            half = timedelta(minutes=minutes) / 2
            if half < period:
                period = half
                text = f"Waits {period_words(period)}: half of the time after which the store cancels unpaid orders."
        return self._now + period, text

    def moment(self, step: Step) -> tuple[datetime, str]:
        """Return when a wait until a moment is over, with its words."""
        settings = step.settings
        where = zone_of(self._facts)[0] if settings.get("zone") == "contact" else _store_zone(self._facts)
        at = parse_time(settings.get("time")) or _MORNING
        if settings.get("date"):
            moment = on_date(date.fromisoformat(settings["date"]), at, where, self._now)
        else:
            moment = next_moment(self._now, at, settings.get("weekdays") or (), where)
        if moment <= self._now:
            return self._now, f"Goes on at once: {words(moment, where)} has come."
        return moment, f"Waits until {words(moment, where)}."

    def _happened(self, step: Step) -> str | None:
        names = frozenset({step.settings["event"]}).intersection(AWAITED)
        return holding(names, tag_keys(step.settings.get("tags")), self._facts)

    def _kept_back(self, step: Step) -> Decision | None:
        """Return the decision to send later; an e-mail that is left out for good is noted in `_do`."""
        held = self._restrained(step)
        if held is None or held.until is None:
            return None
        until = held.until.isoformat()
        self.log.append(Taken(f"{step.id}:delayed@{until}", "delayed", held.text, [held.trace]))
        position = {"step": step.id, "phase": "delayed", "until": until}
        return self._decision("waiting", position=position, due_at=held.until)

    def _restrained(self, step: Step) -> Any:
        """What keeps the e-mail back. Who has not subscribed gets none anyway, so nobody waits for that."""
        if self.unrestrained or purpose_of(step, self._definition) != "marketing":
            return None
        if (self._facts.get("contact") or {}).get("consent") != "subscribed":
            return None
        return restraint(self._definition.settings, self._facts, self._now)

    def _is_fresh(self) -> bool:
        return self._reread_at is not None and self._now - self._reread_at <= REREAD_GOOD_FOR

    def _split(self, step: Step) -> str:
        verdict = conditions.evaluate(step.condition, self._facts, self._now)
        branch = "yes" if verdict.passed else "no"
        text = "The condition holds." if verdict.passed else "It does not hold."
        self.log.append(Taken(step.id, branch, text, verdict.trace))
        return branch

    def _do(self, step: Step) -> Decision | None:
        """Take a step that does something; returns the end of the run where its own doing ends it."""
        settings = step.settings
        if step.kind == "send_email":
            self._send(step)
        elif step.kind == "notify":
            self.effects.append(Notify(step.id, settings["subject"], settings["text"], settings.get("to") == "owners"))
            self.log.append(Taken(step.id, "done", f"E-mail to the team: {settings['subject']}"))
        elif step.kind == "call_webhook":
            self.effects.append(CallWebhook(step.id, settings["url"]))
            self.log.append(Taken(step.id, "done", f"Calls {settings['url']}"))
        elif not (self._facts.get("contact") or {}).get("id"):
            self.log.append(Taken(step.id, "skipped", "Nothing done: the order has no contact."))
        elif step.kind == "update_field":
            how = settings.get("how") or "replace"
            self.effects.append(UpdateField(step.id, settings["field"], settings["value"], how))
            self.log.append(Taken(step.id, "done", f"{CONTACT_FIELDS[settings['field']]}: {settings['value']}"))
        else:
            return self._change_tag(step)
        return None

    def _send(self, step: Step) -> None:
        settings = step.settings
        held = self._restrained(step)
        self.unrestrained = False
        if held is not None:
            self.log.append(Taken(step.id, "skipped", held.text, [held.trace]))
            return
        template = {
            "subject": settings["subject"],
            "preheader": settings.get("preheader", ""),
            "body": settings.get("body", []),
            "plain": settings.get("plain", ""),
        }
        reminder = self.after_wait or bool(settings.get("reread"))
        purpose = purpose_of(step, self._definition)
        self.effects.append(SendEmail(step.id, purpose, template, reminder))
        self.log.append(Taken(step.id, "sent", f"E-mail: {settings['subject']}"))
        if purpose == "marketing":
            sent = (self._facts.get("sent") or {}).get("marketing_at") or []
            self._facts = {**self._facts, "sent": {"marketing_at": [*sent, self._now.isoformat()]}}

    def _change_tag(self, step: Step) -> Decision | None:
        tag, add = step.settings["tag"].strip(), step.kind == "add_tag"
        contact = self._facts["contact"]
        key, tags = tag.casefold(), list(contact.get("tags") or ())
        without = [one for one in tags if str(one).strip().casefold() != key]
        if (len(without) < len(tags)) == add:
            text = f"The contact has the tag “{tag}” already." if add else f"The contact has no tag “{tag}”."
            self.log.append(Taken(step.id, "skipped", text))
            return None
        self.effects.append(ChangeTag(step.id, tag, add))
        self.log.append(Taken(step.id, "done", f"Tag {'added' if add else 'removed'}: {tag}"))
        self._facts = {**self._facts, "contact": {**contact, "tags": [*tags, tag] if add else without}}
        reason = holding(self._definition.exit_on, self._definition.exit_tag_keys, self._facts)
        if reason is None:
            return None
        self.log.append(_exit(reason, self._facts))
        return self._decision("exited", ended_reason=reason)


def _exit(reason: str, facts: Any) -> Taken:
    order = facts.get("order") or {}
    seen = {key: order.get(key) for key in ("woo_status", "payment_state", "paid", "in_trash", "gone")}
    if reason in ("tag", "unsubscribed"):
        contact = facts.get("contact") or {}
        seen = {"tags": contact.get("tags"), "consent": contact.get("consent")}
    return Taken("end", "exit", f"Ends: {EXIT_CONDITIONS[reason]}.", [seen])


def _hold_stock_minutes(facts: Any) -> int | None:
    """Minutes after which the store cancels unpaid orders, None where it does not."""
    store = facts.get("store") or {}
    minutes = store.get("hold_stock_minutes")
    return minutes if store.get("manage_stock") and isinstance(minutes, int) and minutes > 0 else None


def _store_zone(facts: Any) -> Any:
    return zone(str((facts.get("store") or {}).get("time_zone") or "UTC"))
