"""The period that a page of figures is about, as its address says: `?days=7`, or `?from=…&to=…`."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, timedelta

from flask import request

from referins_woo import clock
from referins_woo.reports.periods import Period, last_days
from referins_woo.web import scope

PRESETS = (7, 30, 90)
LONGEST = 731
"""Days of a period: the chart still has a line for each."""


@dataclass(frozen=True, slots=True)
class Chosen:
    """The period of a page, and what its chooser shows."""

    period: Period
    days: int
    """Of the preset; 0: two dates were given."""
    today: date
    wrong: str
    """What is wrong with the dates of the address."""
    presets: tuple[int, ...] = PRESETS

    @property
    def span(self) -> dict[str, str]:
        """The period as filters of lists have it."""
        return {"from": self.period.first.isoformat(), "to": self.period.last.isoformat()}

    @property
    def here(self) -> dict[str, str | int]:
        """The period as this page's own address has it."""
        return {"days": self.days} if self.days else dict(self.span)


def chosen(now: datetime) -> Chosen:
    """Return the period of the request, in days of the account."""
    zone = clock.zone(scope.who().time_zone)
    days = request.args.get("days", 30, type=int)
    preset = last_days(now, days if days in PRESETS else 30, zone)
    picked, wrong = _chosen(preset)
    return Chosen(picked or preset, 0 if picked else preset.length, now.astimezone(zone).date(), wrong)


def _chosen(preset: Period) -> tuple[Period | None, str]:
    """The period between two dates of the address, if it names any; else what is wrong with them."""
    first_text, last_text = request.args.get("from", ""), request.args.get("to", "")
    if not first_text and not last_text:
        return None, ""
    try:
        last = date.fromisoformat(last_text) if last_text else preset.last
        first = date.fromisoformat(first_text) if first_text else last - timedelta(days=29)
    except (ValueError, OverflowError):
        return None, "A date looks like 2026-11-30. Below are the last 30 days."
    last = min(last, preset.last)
    if first > last:
        return None, "The first day must not be after the last one, nor after today. Below are the last 30 days."
    if (last - first).days >= LONGEST or first.year < 2000:
        return None, f"A period has at most {LONGEST} days. Below are the last 30 days."
    return Period(first, last, preset.zone), ""
