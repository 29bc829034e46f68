"""The way of one order through an automation, as the builder's cards show it: of a test, or of a run that there was."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

from automations import editing, words
from automations.editing import Document
from referins_woo.runs.models import Run, RunLog
from referins_woo.runs.trial import Trial

_WAITS: Final = ("waits", "delayed")
_LEFT_OUT: Final = ("left_out", "skipped", "blocked")
_NOT_OF_A_TEST: Final = ("waited", "rereads")
"""Outcomes that say nothing new in a test, where waits are skipped and nothing is read from the store."""


@dataclass(frozen=True, slots=True)
class Line:
    """One thing that was decided."""

    step: str
    """Id of the step; `entry` and `end` are none."""
    name: str
    """What the card is called; empty where the draft has none."""
    outcome: str
    text: str
    at: datetime
    mark: str
    """`taken`, `left_out`, or `waits`: skipped in a test, still going on in a run."""


@dataclass(frozen=True, slots=True)
class Path:
    """All of it."""

    entered: bool
    entry: str
    """Said on the trigger's card."""
    finished: bool
    lines: list[Line] = field(default_factory=list)

    @property
    def cards(self) -> dict[str, Line]:
        """By step: the last thing that was decided there."""
        return {one.step: one for one in self.lines}

    @property
    def ways(self) -> set[tuple[str, str]]:
        """(step, branch) that were taken."""
        return {(one.step, one.outcome) for one in self.lines if one.outcome in ("yes", "no")}


def of_trial(tried: Trial, draft: Document) -> Path:
    """Return the way of a test; an e-mail is named by its subject as it would be read."""
    names, subjects = names_of(draft), {one.step: one.subject for one in tried.mails}
    lines = []
    for one in tried.path:
        outcome, step = one["outcome"], one["step"].partition(":")[0]
        if outcome in _NOT_OF_A_TEST:
            continue
        mark = "waits" if outcome in _WAITS else "left_out" if outcome in _LEFT_OUT else "taken"
        text = f"“{subjects[step]}”" if outcome == "sent" and step in subjects else one["text"]
        lines.append(Line(step, names.get(step, ""), outcome, text, one["at"], mark))
    entry = f"Order #{tried.order_number} {'enters' if tried.passed else 'does not enter'}"
    return Path(tried.passed, entry, tried.ended_reason == "finished", lines)


def of_run(run: Run, log: Iterable[RunLog], draft: Document, order_number: str, subjects: Mapping[str, str]) -> Path:
    """Return the way of a run so far. `subjects`: of its e-mails as they were written, by the key in the log."""
    names = names_of(draft)
    lines = []
    for one in log:
        step = one.step_key.partition(":")[0]
        stands = run.ended_at is None and run.step == step and one.outcome in _WAITS
        mark = "waits" if stands else "left_out" if one.outcome in _LEFT_OUT else "taken"
        text = f"“{subjects[one.step_key]}”" if one.step_key in subjects else one.text or one.outcome
        lines.append(Line(step, names.get(step, ""), one.outcome, text, one.at, mark))
    return Path(True, f"Order #{order_number} entered", run.ended_reason == "finished", lines)


def names_of(draft: Mapping[str, object]) -> dict[str, str]:
    """Return what the card of each step is called."""
    return {str(step["id"]): words.title(step) for step, _ in editing.walk(dict(draft))}
