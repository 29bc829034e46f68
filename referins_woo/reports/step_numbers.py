"""What happened at each step of an automation in the last days: who came there, waits there, went on, was mailed.

Counted from the logs of the newest MOST runs of that time, so that it takes no longer however many there were.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Final

from sqlalchemy import String, cast, func, literal, select
from sqlalchemy.orm import Session

from referins_woo.mail.models import Message
from referins_woo.runs.models import OPEN_STATES, Run, RunLog

SPANS: Final = (7, 30, 90)
MOST: Final = 20_000
_NOT_SENT: Final = ("skipped", "failed")


@dataclass(slots=True)
class StepNumbers:
    """Of one step, in runs. What its e-mails did once they were read is `emails.of_steps`'s to say."""

    reached: int = 0
    """Whose log has a line of it."""
    waiting: int = 0
    """Who stands there now."""
    outcomes: dict[str, int] = field(default_factory=dict)
    """By what was decided there: `yes` and `no` of a branch, `sent`, `blocked`, `left_out`, …"""
    sent: int = 0
    """E-mails that left."""
    not_sent: int = 0
    """E-mails that did not: kept back, left out or refused."""

    @property
    def came(self) -> int:
        """Who has been there. A wait writes its line when it begins, every other step when it is taken."""
        return self.reached if "waits" in self.outcomes else self.reached + self.waiting

    @property
    def passed(self) -> int:
        """Who has been there and went on."""
        return max(0, self.came - self.waiting)

    def share(self, way: str) -> int:
        """Return how many of a hundred took a branch."""
        both = self.outcomes.get("yes", 0) + self.outcomes.get("no", 0)
        return round(100 * self.outcomes.get(way, 0) / both) if both else 0


@dataclass(frozen=True, slots=True)
class Numbers:
    """Of one automation, in the last `days`."""

    days: int
    entered: int
    inside: int
    """Of those who entered in that time."""
    truncated: bool
    """More entered than are counted."""
    steps: dict[str, StepNumbers]

    def of(self, step_id: str) -> StepNumbers:
        """Return a step's; zeros where nobody came."""
        return self.steps.get(step_id) or StepNumbers()


def numbers(session: Session, automation_id: int, days: int, now: datetime) -> Numbers:
    """Return what happened to the runs that began in the last `days`."""
    since, truncated = _since(session, automation_id, now - timedelta(days=days))
    mine = (Run.automation_id == automation_id, Run.started_at >= since)
    steps: dict[str, StepNumbers] = defaultdict(StepNumbers)
    lines = select(RunLog.step_key, RunLog.outcome, func.count()).join(Run, Run.id == RunLog.run_id).where(*mine)
    _of_logs(session, lines, steps)
    states = session.execute(select(Run.state, Run.step, func.count()).where(*mine).group_by(Run.state, Run.step)).all()
    for state, step, count in states:
        if state in OPEN_STATES and step:
            steps[step].waiting += count
    of_mail = func.replace(Message.once_key, literal("run:") + cast(Message.run_id, String) + literal(":"), "")
    mails = select(of_mail, Message.state, func.count()).join(Run, Run.id == Message.run_id).where(*mine)
    for key, state, count in session.execute(mails.group_by(of_mail, Message.state)):
        step = key.partition(":")[0]  # those to the team name the user too
        if state == "sent":
            steps[step].sent += count
        elif state in _NOT_SENT:
            steps[step].not_sent += count
    entered = sum(count for _, _, count in states)
    inside = sum(count for state, _, count in states if state in OPEN_STATES)
    return Numbers(days, entered, inside, truncated, dict(steps))


def _since(session: Session, automation_id: int, wanted: datetime) -> tuple[datetime, bool]:
    """Return from when on it is counted: later than wanted where more than MOST entered since."""
    newest = select(Run.started_at).where(Run.automation_id == automation_id, Run.started_at >= wanted)
    last = session.scalar(newest.order_by(Run.started_at.desc()).offset(MOST - 1).limit(1))
    more = last is not None and session.scalar(newest.where(Run.started_at < last).limit(1)) is not None
    return (last, True) if last is not None and more else (wanted, False)


def _of_logs(session: Session, wanted: Any, steps: dict[str, StepNumbers]) -> None:
    """Add what the logs say. A step may have several lines in one run (`wait`, `wait:waited`); its own line counts."""
    rows: Iterable[Any] = session.execute(wanted.group_by(RunLog.step_key, RunLog.outcome))
    for key, outcome, count in rows:
        step, _, phase = key.partition(":")
        one = steps[step]
        if not phase:
            one.reached += count
            if outcome in ("blocked", "skipped"):
                one.not_sent += count
        if not phase or phase == "waited":
            one.outcomes[outcome] = one.outcomes.get(outcome, 0) + count
