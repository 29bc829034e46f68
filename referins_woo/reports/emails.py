"""What e-mails achieved: sent, opened, clicked, ordered, by automation, step and day (E5). Writes nothing.

The rule of attribution: an order counts for the e-mail whose link its contact clicked last within `tracking.CREDIT`
before placing it (or, where the e-mail was about an order that waited for payment, before paying it). One order is
credited once. Its money is what was paid less refunds, in its own currency; unpaid orders count for nothing.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Any, Final

from sqlalchemy import ColumnElement, and_, case, func, literal_column, or_, select
from sqlalchemy.orm import Session

from automations import editing
from referins_woo.commerce.models import Order
from referins_woo.mail import tracking
from referins_woo.mail.models import Message, MessageEvent
from referins_woo.reports import templates
from referins_woo.reports.periods import Period, day_of, quarter_of
from referins_woo.runs.models import Automation, Run

DAYS: Final = tracking.CREDIT.days
RULE: Final = (
    f"An order counts for the e-mail whose link was clicked last, within {DAYS} days before it was placed; a reminder "
    "also for the order that it is about, if that was paid within this time. One order counts once. What was "
    "refunded is taken off, orders that are not paid do not count, and currencies are never added up."
)
OPENS_RULE: Final = (
    "Openings are counted by a picture that many mail programs do not load, and some load unasked: read them as a "
    "trend. What is known to be a machine is left out. Whoever clicked has opened."
)
_SAID: Final = ("unsubscribed", "bounced", "complained")


@dataclass(frozen=True, slots=True)
class Credit:
    """Orders of one currency."""

    currency: str
    orders: int
    amount: int
    """In 1/10,000, less refunds."""


@dataclass(slots=True)
class Figures:
    """What the e-mails of one step, one automation or all of them did."""

    sent: int = 0
    measured: int = 0
    """Of `sent`, those in which anything was measured: shares are of these."""
    opened: int = 0
    clicked: int = 0
    unsubscribed: int = 0
    bounced: int = 0
    complained: int = 0
    credits: list[Credit] = field(default_factory=list)

    @property
    def orders(self) -> int:
        """Credited orders, of all currencies."""
        return sum(one.orders for one in self.credits)

    def share(self, count: int) -> int | None:
        """`count` in percent of what was measured; None where nothing was."""
        return round(100 * count / self.measured) if self.measured else None

    def add(self, other: Figures) -> None:
        """Add the figures of another part."""
        for name in ("sent", "measured", "opened", "clicked", "unsubscribed", "bounced", "complained"):
            setattr(self, name, getattr(self, name) + getattr(other, name))
        self.credits = _merged([*self.credits, *other.credits])


@dataclass(frozen=True, slots=True)
class DayOfMail:
    """One day of the chart."""

    day: date
    sent: int
    opened: int
    clicked: int


@dataclass(frozen=True, slots=True)
class StepFigures:
    """One step of one automation, as its e-mails were addressed."""

    step_id: str
    name: str
    """The step's own name where it has one now, else the subject of its newest e-mail."""
    figures: Figures


@dataclass(frozen=True, slots=True)
class AutomationMail:
    """An automation and its steps that sent."""

    automation: Automation
    figures: Figures
    steps: list[StepFigures]


def of_steps(session: Session, account_id: int, period: Period, automation_id: int) -> dict[str, Figures]:
    """Return the figures of each step of one automation that sent in `period`, by step id: for cards of the builder."""
    found = _all(session, account_id, period, automation_id)
    return {step_id: figures for (_, step_id), figures in found.items()}


def of_automations(session: Session, account_id: int, period: Period) -> dict[int, Figures]:
    """Return the figures of each automation that sent in `period`, or is credited with an order placed in it."""
    return _by_automation(_all(session, account_id, period))


def of_templates(session: Session, account_id: int, period: Period) -> dict[int, Figures]:
    """Return the figures of each template, over the steps that follow it now, where these sent anything."""
    found = _all(session, account_id, period)
    whole: dict[int, Figures] = {}
    for template_id, followers in templates.uses(session, account_id).items():
        sums = [found[key] for use in followers if (key := (use.automation.id, use.step_id)) in found]
        if sums:
            whole[template_id] = together(sums)
    return whole


def report(
    session: Session, account_id: int, period: Period, automation_id: int | None = None
) -> tuple[Figures, list[AutomationMail]]:
    """Return the sum, and automations with their steps, the one that sent most first."""
    found = _all(session, account_id, period, automation_id)
    whole = _by_automation(found)
    named = {
        one.id: one
        for one in session.scalars(
            select(Automation).where(Automation.account_id == account_id, Automation.id.in_(whole))
        )
    }
    subjects = _subjects(session, account_id, found)
    given = {
        (one.id, str(step["id"])): str(step["name"])
        for one in named.values()
        for step, _ in editing.walk(one.draft)
        if step.get("name") and step.get("id")
    }
    rows = [
        AutomationMail(
            named[one],
            figures,
            sorted(
                (
                    StepFigures(step_id, given.get((one, step_id)) or subjects.get((one, step_id), ""), its)
                    for (of, step_id), its in found.items()
                    if of == one
                ),
                key=lambda step: -step.figures.sent,
            ),
        )
        for one, figures in whole.items()
        if one in named
    ]
    return together(found.values()), sorted(rows, key=lambda row: (-row.figures.sent, row.automation.name))


def days(session: Session, account_id: int, period: Period, automation_id: int | None = None) -> list[DayOfMail]:
    """Return what was sent each day, and how much of that was opened and clicked until now."""
    quarter = quarter_of(session, Message.sent_at)
    counts: dict[date, tuple[int, int, int]] = {}
    for number, sent, opened, clicked in session.execute(
        select(quarter, func.count(), func.count(_opened()), func.count(Message.clicked_at))
        .where(*_sent(account_id, period, automation_id))
        .group_by(quarter)
    ):
        day = day_of(int(number), period)
        had = counts.get(day, (0, 0, 0))
        counts[day] = had[0] + sent, had[1] + opened, had[2] + clicked
    span = (period.first + timedelta(days=number) for number in range(period.length))
    return [DayOfMail(day, *counts.get(day, (0, 0, 0))) for day in span]


def _all(
    session: Session, account_id: int, period: Period, automation_id: int | None = None
) -> dict[tuple[int, str], Figures]:
    """Figures by automation and step. Sent counts by the time of sending, money by the time of ordering."""
    found: dict[tuple[int, str], Figures] = {}
    key = (Message.automation_id, Message.step_id)
    for one, step, sent, measured, opened, clicked in session.execute(
        select(
            *key,
            func.count(),
            func.count(case((Message.measured, 1))),
            func.count(_opened()),
            func.count(Message.clicked_at),
        )
        .where(*_sent(account_id, period, automation_id))
        .group_by(*key)
    ):
        found[one or 0, step] = Figures(sent=sent, measured=measured, opened=opened, clicked=clicked)
    for one, step, kind, count in session.execute(
        select(*key, MessageEvent.kind, func.count(func.distinct(Message.id)))
        .join(Message, Message.id == MessageEvent.message_id)
        .where(MessageEvent.kind.in_(_SAID), *_sent(account_id, period, automation_id))
        .group_by(*key, MessageEvent.kind)
    ):
        setattr(found[one or 0, step], kind, count)
    for one, step, credit in _credits(session, account_id, period, automation_id):
        figures = found.setdefault((one, step), Figures())
        figures.credits = _merged([*figures.credits, credit])
    return found


def _sent(account_id: int, period: Period, automation_id: int | None) -> list[ColumnElement[bool]]:
    which: list[ColumnElement[bool]] = [Message.automation_id.is_not(None)]
    if automation_id is not None:
        which.append(Message.automation_id == automation_id)
    # Literal, so that both databases see that the partial index applies.
    is_sent = Message.state == literal_column("'sent'")
    return [Message.account_id == account_id, is_sent, *which, *period.of(Message.sent_at)]


def _opened() -> ColumnElement[Any]:
    """A picture that was not loaded, and a link that was clicked: it was opened all the same."""
    return func.coalesce(Message.opened_at, Message.clicked_at)


def _credits(
    session: Session, account_id: int, period: Period, automation_id: int | None
) -> list[tuple[int, str, Credit]]:
    """Paid orders placed in the period, each for the step whose e-mail was clicked last before."""
    placed = and_(Order.placed_at >= MessageEvent.at, Order.placed_at <= MessageEvent.credit_until)
    paid = and_(
        Run.order_id == Order.id,
        Order.placed_at < MessageEvent.at,
        Order.paid_at >= MessageEvent.at,
        Order.paid_at <= MessageEvent.credit_until,
    )
    newest_first = (MessageEvent.at.desc(), MessageEvent.id.desc())
    clicks = (
        select(
            Message.automation_id,
            Message.step_id,
            Order.currency,
            (Order.total - Order.refunded_total).label("amount"),
            func.row_number().over(partition_by=Order.id, order_by=newest_first).label("place"),
        )
        .select_from(MessageEvent)
        .join(Message, Message.id == MessageEvent.message_id)
        .outerjoin(Run, Run.id == Message.run_id)
        .join(Order, and_(Order.account_id == account_id, Order.contact_id == Message.contact_id, or_(placed, paid)))
        .where(
            MessageEvent.account_id == account_id,
            MessageEvent.credit_until.is_not(None),
            # An order of the period may be credited to a click some days before it; a reminded one to a later click.
            MessageEvent.at >= period.begin - tracking.CREDIT,
            Order.payment_state != "unpaid",
            *period.of(Order.placed_at),
        )
        .subquery()
    )
    mine = [clicks.c.place == 1, clicks.c.automation_id.is_not(None)]
    if automation_id is not None:
        mine.append(clicks.c.automation_id == automation_id)
    key = (clicks.c.automation_id, clicks.c.step_id, clicks.c.currency)
    rows = session.execute(select(*key, func.count(), func.sum(clicks.c.amount)).where(*mine).group_by(*key))
    return [(one, step, Credit(currency, orders, int(amount))) for one, step, currency, orders, amount in rows]


def _merged(credits_: Sequence[Credit]) -> list[Credit]:
    """One entry a currency, the one with the most orders first."""
    sums: dict[str, Credit] = {}
    for one in credits_:
        had = sums.get(one.currency, Credit(one.currency, 0, 0))
        sums[one.currency] = Credit(one.currency, had.orders + one.orders, had.amount + one.amount)
    return sorted(sums.values(), key=lambda one: (-one.orders, one.currency))


def _by_automation(found: dict[tuple[int, str], Figures]) -> dict[int, Figures]:
    whole: dict[int, Figures] = {}
    for (one, _), figures in found.items():
        whole.setdefault(one, Figures()).add(figures)
    return whole


def together(parts: Iterable[Figures]) -> Figures:
    """Return the sum of several."""
    whole = Figures()
    for one in parts:
        whole.add(one)
    return whole


def _subjects(session: Session, account_id: int, found: dict[tuple[int, str], Figures]) -> dict[tuple[int, str], str]:
    """The subject of the newest e-mail of each step; of an erased person's there is none."""
    if not found:
        return {}
    newest = (
        select(func.max(Message.id))
        .where(
            Message.account_id == account_id,
            Message.state == "sent",
            Message.automation_id.in_({one for one, _ in found}),
            Message.subject != "",
        )
        .group_by(Message.automation_id, Message.step_id)
    )
    rows = session.execute(
        select(Message.automation_id, Message.step_id, Message.subject).where(Message.id.in_(newest))
    )
    return {(one or 0, step): subject for one, step, subject in rows}
