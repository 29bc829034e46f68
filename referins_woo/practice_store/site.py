"""What a shop says of itself: address, versions, money, time zone; and how it writes dates.

Versions are those of the recorded stores. Dates in documents are seconds since 1970 in UTC; in answers they are
site-local without offset, with a `_gmt` twin without `Z` (facts 11 and 12 of the recordings).
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, timezone, tzinfo
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from referins_woo import clock

Json = dict[str, Any]
"""An object as it stands in an answer, or a document of the store."""


@dataclass(frozen=True, slots=True)
class Version:
    """A version of WooCommerce with the WordPress under it; the older one keeps its orders as posts."""

    woocommerce: str
    wordpress: str
    order_tables: bool

    @property
    def user_agent(self) -> str:
        """Return what webhooks call themselves."""
        return f"WooCommerce/{self.woocommerce} Hookshot (WordPress/{self.wordpress})"


VERSIONS = {"11.0": Version("11.0.1", "7.0.4", True), "9.9": Version("9.9.5", "6.8.8", False)}
"""The versions that were recorded."""

NEWEST = "11.0"


@dataclass(frozen=True, slots=True)
class Site:
    """The public face of one shop. `home` has no slash at its end."""

    home: str
    name: str
    tagline: str
    zone: tzinfo
    currency: str
    store_id: str
    strict: bool
    version: Version = VERSIONS[NEWEST]
    decimals: int = 2

    @property
    def zone_name(self) -> str:
        """Return the name of the time zone; a plain offset has none (fact 18)."""
        return self.zone.key if isinstance(self.zone, ZoneInfo) else ""

    @property
    def gmt_offset(self) -> int | float | str:
        """Return the offset in hours as it is now: a number, or a text where the zone is a plain offset (fact 18)."""
        offset = clock.now().astimezone(self.zone).utcoffset() or timedelta()
        hours = offset.total_seconds() / 3600
        number = int(hours) if hours == int(hours) else hours
        return number if self.zone_name else str(number)

    @property
    def secure(self) -> bool:
        """Whether the shop is served over https."""
        return self.home.startswith("https://")

    def local(self, seconds: int | None) -> str | None:
        """Write a moment as the site's wall clock shows it."""
        return None if seconds is None else datetime.fromtimestamp(seconds, self.zone).isoformat()[:19]

    def gmt(self, seconds: int | None) -> str | None:
        """Write a moment in UTC, without `Z`."""
        return None if seconds is None else datetime.fromtimestamp(seconds, UTC).isoformat()[:19]

    def api(self, path: str) -> str:
        """Return the address of `path` in REST v3."""
        return f"{self.home}/wp-json/wc/v3/{path}"

    def links(self, path: str, allow: tuple[str, ...] = ("GET", "POST", "PUT", "PATCH", "DELETE")) -> Json:
        """Return the `_links` of one object: itself and its collection."""
        collection = path.rsplit("/", 1)[0]
        return {
            "self": [{"href": self.api(path), "targetHints": {"allow": list(allow)}}],
            "collection": [{"href": self.api(collection)}],
        }


def zone(name: str) -> tzinfo:
    """Return a time zone: of a name like Asia/Kolkata, or a plain offset like +05:30.

    Raises ValueError where it is neither.
    """
    offset = re.fullmatch(r"(?:UTC)?([+-])(\d{1,2})(?::?(\d\d))?", name.strip())
    if offset:
        away = timedelta(hours=int(offset[2]), minutes=int(offset[3] or 0))
        return timezone(-away if offset[1] == "-" else away)
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise ValueError(
            f"There is no time zone {name!r}: give a name like Europe/Berlin or an offset like +05:30"
        ) from None


def now() -> int:
    """Return the current time in whole seconds."""
    return int(clock.now().timestamp())
