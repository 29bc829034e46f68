"""The figures of the dashboard. Money never adds up across currencies."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, case, func, select
from sqlalchemy.orm import Session

from referins_woo.commerce.models import Order
from referins_woo.mail.models import Message
from referins_woo.reports.orders import unpaid_since
from referins_woo.reports.periods import Period, day_of, quarter_of
from referins_woo.reports.runs import NOT_SENT, OPEN_STATES
from referins_woo.runs.models import Automation, Run

TOP = 8
"""Automations that are shown."""


@dataclass(frozen=True, slots=True)
class Change:
    """A figure of the period and of the one before."""

    now: int
    before: int | None
    """None: nothing is known of that time."""

    @property
    def percent(self) -> int | None:
        """By how much it changed; None where that says nothing."""
        return round((self.now - self.before) * 100 / self.before) if self.before else None


@dataclass(frozen=True, slots=True)
class Money:
    """Revenue of one currency: paid orders placed in the period, less refunds."""

    currency: str
    change: Change
    paid_orders: int


@dataclass(frozen=True, slots=True)
class Day:
    """One bar of the chart."""

    day: date
    amount: int
    orders: int
    known: bool = True
    """Whether we know of any order of that day or before: else nothing is drawn, not a zero."""


@dataclass(frozen=True, slots=True)
class AutomationFigures:
    """What one automation did in the period."""

    automation: Automation
    entered: int
    inside: int
    mailed: int


@dataclass(frozen=True, slots=True)
class Dashboard:
    """All figures of one period."""

    period: Period
    revenue: list[Money]
    """The currency with the highest number of orders first."""
    orders: Change
    unpaid: int
    """Orders unpaid and pending for over 24 hours, whenever placed."""
    mails: Change
    open_runs: int
    currency: str
    """Of the chart."""
    days: list[Day]
    statuses: dict[str, int]
    automations: list[AutomationFigures]
    failed_runs: int
    failed_messages: int
    known_since: date | None
    """The day of the oldest order here; None: there is none."""


def dashboard(session: Session, account_id: int, now: datetime, period: Period, currency: str = "") -> Dashboard:
    """Return the figures of `period`; the chart is of `currency`, where there are orders in it."""
    mine = Order.account_id == account_id
    oldest = session.scalar(select(Order.placed_at).where(mine).order_by(Order.placed_at, Order.id).limit(1))
    known_since = oldest.astimezone(period.zone).date() if oldest is not None else None
    comparable = known_since is not None and known_since <= period.before.last
    revenue, orders = _revenue(session, mine, period, comparable=comparable)
    if currency not in [one.currency for one in revenue]:
        currency = revenue[0].currency if revenue else ""
    automation_ids = select(Automation.id).where(Automation.account_id == account_id)
    of_runs, of_messages = Run.automation_id.in_(automation_ids), Message.account_id == account_id
    to_customers = [of_messages, Message.state == "sent", Message.purpose != "system"]
    first_mail = session.scalar(select(Message.sent_at).where(*to_customers).order_by(Message.id).limit(1))
    mails_comparable = first_mail is not None and first_mail < period.begin
    return Dashboard(
        period=period,
        revenue=revenue,
        orders=orders,
        unpaid=_count(session, Order, mine, *unpaid_since(now - timedelta(hours=24))),
        mails=Change(
            _count(session, Message, *to_customers, *period.of(Message.sent_at)),
            _count(session, Message, *to_customers, *period.before.of(Message.sent_at)) if mails_comparable else None,
        ),
        open_runs=_count(session, Run, of_runs, Run.state.in_(OPEN_STATES)),
        currency=currency,
        days=_days(session, mine, currency, period, known_since),
        statuses=dict(
            session.execute(
                select(Order.status, func.count()).where(mine, *period.of(Order.placed_at)).group_by(Order.status)
            ).all()
        ),
        automations=_automations(session, account_id, period),
        failed_runs=_count(session, Run, of_runs, Run.state == "failed", *period.of(Run.started_at)),
        failed_messages=_count(session, Message, of_messages, NOT_SENT, *period.of(Message.created_at)),
        known_since=known_since,
    )


def _count(session: Session, table: type, *conditions: ColumnElement[bool]) -> int:
    return session.scalar(select(func.count()).select_from(table).where(*conditions)) or 0


def _net() -> ColumnElement[int]:
    return case((Order.payment_state != "unpaid", Order.total - Order.refunded_total), else_=0)


def _revenue(
    session: Session, mine: ColumnElement[bool], period: Period, *, comparable: bool
) -> tuple[list[Money], Change]:
    current, paid = Order.placed_at >= period.begin, Order.payment_state != "unpaid"
    rows = session.execute(
        select(
            Order.currency,
            func.sum(case((current, _net()), else_=0)),
            func.sum(case((current, 0), else_=_net())),
            func.sum(case((current, 1), else_=0)),
            func.sum(case((current & paid, 1), else_=0)),
            func.count(),
        )
        .where(mine, Order.placed_at >= period.before.begin, Order.placed_at < period.end)
        .group_by(Order.currency)
    ).all()
    rows = sorted(rows, key=lambda row: (-int(row[3]), -int(row[5]), row[0]))
    money = [
        Money(currency, Change(int(amount), int(earlier) if comparable else None), int(paid_orders))
        for currency, amount, earlier, _, paid_orders, _ in rows
    ]
    count = sum(int(row[3]) for row in rows)
    return money, Change(count, sum(int(row[5]) for row in rows) - count if comparable else None)


def _days(
    session: Session, mine: ColumnElement[bool], currency: str, period: Period, known_since: date | None
) -> list[Day]:
    quarter = quarter_of(session, Order.placed_at)
    amounts: dict[date, tuple[int, int]] = {}
    for number, amount, orders in session.execute(
        select(quarter, func.sum(_net()), func.count())
        .where(mine, *period.of(Order.placed_at), Order.currency == currency)
        .group_by(quarter)
    ):
        local = day_of(int(number), period)
        before = amounts.get(local, (0, 0))
        amounts[local] = before[0] + int(amount), before[1] + int(orders)
    span = [period.first + timedelta(days=n) for n in range(period.length)]
    days = []
    for day in span:
        amount, orders = amounts.get(day, (0, 0))
        days.append(Day(day, amount, orders, known=known_since is not None and known_since <= day))
    return days


def _automations(session: Session, account_id: int, period: Period) -> list[AutomationFigures]:
    live = list(
        session.scalars(
            select(Automation).where(
                Automation.account_id == account_id, Automation.state.in_(("live", "paused", "finishing"))
            )
        )
    )
    mine, sent = (
        Run.automation_id.in_([one.id for one in live]),
        [Message.account_id == account_id, Message.state == "sent"],
    )
    entered = _by_automation(session, select(Run.automation_id, func.count()).where(mine, *period.of(Run.started_at)))
    inside = _by_automation(session, select(Run.automation_id, func.count()).where(mine, Run.state.in_(OPEN_STATES)))
    mailed = _by_automation(
        session,
        select(Run.automation_id, func.count())
        .select_from(Message)
        .join(Run, Run.id == Message.run_id)
        .where(*sent, *period.of(Message.sent_at)),
    )
    figures = [
        AutomationFigures(one, entered.get(one.id, 0), inside.get(one.id, 0), mailed.get(one.id, 0)) for one in live
    ]
    return sorted(figures, key=lambda one: (-one.entered, -one.inside, one.automation.name))[:TOP]


def _by_automation(session: Session, counts: Any) -> dict[int, int]:
    return {row[0]: row[1] for row in session.execute(counts.group_by(Run.automation_id))}
