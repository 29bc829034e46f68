"""Values as the API writes them: money as decimal strings, times as RFC 3339 in UTC."""

from __future__ import annotations

from datetime import UTC, datetime

from referins_woo.commerce import money

_SCALE = 10_000


def amount(value: int | None) -> str | None:
    """Return an amount in 1/10,000 as a decimal string: "12.50"."""
    return None if value is None else money.to_text(value)


def unit_price(value: int) -> str:
    """Return a price per unit in 1/1,000,000 as a decimal string."""
    return money.to_text(value, money.UNIT_PRICE_SCALE)


def number(value: int | None) -> int | float | None:
    """Return a quantity in 1/10,000, or a rate in 1/10,000 of a percent, as a number: 2, 0.5."""
    if value is None:
        return None
    whole, rest = divmod(value, _SCALE)
    return whole if rest == 0 else value / _SCALE


def time(value: datetime | None) -> str | None:
    """Return a time like 2026-11-21T15:03:00Z."""
    return None if value is None else value.astimezone(UTC).isoformat().replace("+00:00", "Z")
