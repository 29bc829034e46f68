"""Times of day, weekdays and zones: when a wait ends, and whether it is quiet. Pure; `now` is always given, and aware.

Nothing here raises for what somebody typed: a zone that is not known is UTC, a time that is none is None.
"""

from __future__ import annotations

import re
from collections.abc import Collection
from datetime import date, datetime, time, timedelta, timezone, tzinfo
from functools import lru_cache
from typing import Any, Final
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

WEEKDAYS: Final = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
WEEKDAY_WORDS: Final = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
MIDNIGHT: Final = time(0, 0)

_TIME: Final = re.compile(r"([01]\d|2[0-3]):([0-5]\d)")
_OFFSET: Final = re.compile(r"([+-])(\d{1,2}):?(\d{2})?")


def parse_time(text: Any) -> time | None:
    """Return the time of day that `text` names ("09:00"), or None."""
    match = _TIME.fullmatch(text) if isinstance(text, str) else None
    return time(int(match[1]), int(match[2])) if match is not None else None


@lru_cache(maxsize=512)
def zone(name: str) -> tzinfo:
    """Return the zone of an IANA name ("Europe/Berlin") or an offset ("+05:30"); what is neither is UTC."""
    offset = _OFFSET.fullmatch(name)
    if offset is not None and int(offset[2]) < 24:
        ahead = timedelta(hours=int(offset[2]), minutes=int(offset[3] or 0))
        return timezone(ahead if offset[1] == "+" else -ahead)
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return timezone.utc  # noqa: UP017  (one kind of zone for both branches)


def next_moment(now: datetime, at: time, days: Collection[str], where: tzinfo) -> datetime:
    """Return the first moment from `now` on at which it is `at` o'clock on one of `days` (none: on any day)."""
    local = now.astimezone(where)
    for ahead in range(9):
        day = local.date() + timedelta(days=ahead)
        moment = datetime.combine(day, at, where)
        if moment >= local and (not days or WEEKDAYS[day.weekday()] in days):
            return moment.astimezone(now.tzinfo)
    return now


def on_date(day: date, at: time, where: tzinfo, like: datetime) -> datetime:
    """Return the moment at which it is `at` o'clock on `day`, in the zone of `like`."""
    return datetime.combine(day, at, where).astimezone(like.tzinfo)


def quiet_until(now: datetime, start: time, end: time, where: tzinfo) -> datetime | None:
    """Return when the quiet hours that `now` lies in are over; None: it is not quiet. They may pass midnight."""
    if start == end:
        return None
    local = now.astimezone(where)
    clock = local.time().replace(tzinfo=None)
    quiet = start <= clock < end if start < end else clock >= start or clock < end
    return next_moment(now, end, (), where) if quiet else None


def words(moment: datetime, where: tzinfo) -> str:
    """Return a moment as people of that zone say it: "Tuesday 24 November, 09:00"."""
    local = moment.astimezone(where)
    return f"{WEEKDAY_WORDS[local.weekday()]} {local.day} {local:%B}, {local:%H:%M}"
