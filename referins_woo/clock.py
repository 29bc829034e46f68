"""The time, from one place.

`now()` is the only source of the current time in the application (a house test forbids others), always aware
and in UTC. For tests that span processes an offset can be read from a file: REFERINS_TEST_CLOCK names it, its
content is the number of seconds to add. `config.load` refuses that setting unless PUBLIC_URL is loopback. `zone` reads
the names of time zones as stores and accounts keep them.
"""

from __future__ import annotations

import os
import re
from datetime import UTC, date, datetime, time, timedelta, timezone, tzinfo
from functools import lru_cache
from pathlib import Path
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

_offset_file: Path | None = Path(os.environ["REFERINS_TEST_CLOCK"]) if os.environ.get("REFERINS_TEST_CLOCK") else None
_OFFSET = re.compile(r"([+-])(\d{2}):?(\d{2})")


def use_offset_file(path: Path | None) -> None:
    """Take the offset from `path` from now on; None switches it off."""
    global _offset_file
    _offset_file = path


def now() -> datetime:
    """Return the current time, aware, in UTC."""
    real = datetime.now(UTC)
    if _offset_file is None:
        return real
    try:
        return real + timedelta(seconds=float(_offset_file.read_text() or 0))
    except (FileNotFoundError, ValueError):
        return real


@lru_cache(maxsize=256)
def zone(name: str | None) -> tzinfo:
    """Return the zone of an IANA name or of an offset like +05:30; UTC for what is neither."""
    offset = _OFFSET.fullmatch(name or "")
    if offset is not None:
        minutes = int(offset[2]) * 60 + int(offset[3])
        return timezone(timedelta(minutes=-minutes if offset[1] == "-" else minutes)) if minutes < 1440 else UTC
    try:
        return ZoneInfo(name or "UTC")
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return UTC


def start_of(day: date, zone_name: str | None) -> datetime:
    """Return the moment at which `day` begins in a zone, in UTC."""
    return datetime.combine(day, time(), zone(zone_name)).astimezone(UTC)
