"""Whole days of an account: what reports are of, and how moments are counted into days of its time zone."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from typing import Any

from sqlalchemy import BigInteger, ColumnElement, Integer, cast, func
from sqlalchemy.orm import Session

from referins_woo.db import is_postgresql

_QUARTER = 900
"""Seconds; every time zone of today begins its days on a quarter of an hour."""


@dataclass(frozen=True, slots=True)
class Period:
    """Whole days of an account, and as many before them to compare with."""

    first: date
    last: date
    zone: tzinfo

    @property
    def length(self) -> int:
        """How many days."""
        return (self.last - self.first).days + 1

    @property
    def begin(self) -> datetime:
        """When the first day begins."""
        return _midnight(self.first, self.zone)

    @property
    def end(self) -> datetime:
        """When the last day has ended."""
        return _midnight(self.last + timedelta(days=1), self.zone)

    @property
    def before(self) -> Period:
        """The period of the same length that ends where this one begins."""
        length = timedelta(days=self.length)
        return Period(self.first - length, self.last - length, self.zone)

    def of(self, column: Any) -> list[ColumnElement[bool]]:
        """Conditions: the time lies in the period."""
        return [column >= self.begin, column < self.end]


def last_days(now: datetime, days: int, zone: tzinfo) -> Period:
    """Return the last `days` days, today included."""
    today = now.astimezone(zone).date()
    return Period(today - timedelta(days=days - 1), today, zone)


def quarter_of(session: Session, column: Any) -> Any:
    """Return an expression that numbers the quarters of an hour of a time: few enough to be added up here by days."""
    if is_postgresql(session):
        return cast(func.floor(func.extract("epoch", column) / _QUARTER), BigInteger)
    return cast(cast(func.strftime("%s", column), Integer) / _QUARTER, Integer)


def day_of(quarter: int, period: Period) -> date:
    """Return the day of the account in which a quarter of an hour lies."""
    return datetime.fromtimestamp(quarter * _QUARTER, period.zone).date()


def _midnight(day: date, zone: tzinfo) -> datetime:
    return datetime.combine(day, time(), zone).astimezone(UTC)
