"""Money as integers in 1/10,000 of a currency's unit, exact on every database.

SQLite keeps NUMERIC as a float (99999999999999.9999 comes back as 100000000000000.0000), so decimals are only used
between text and integer.
"""

from __future__ import annotations

from decimal import ROUND_HALF_EVEN, Decimal, InvalidOperation

SCALE = 10_000
UNIT_PRICE_SCALE = 1_000_000
_LIMIT = 2**62


def parse(text: str, scale: int = SCALE) -> int:
    """Return the amount of a decimal string ("12.5", "-3", "1e2") in 1/`scale`, rounded half-even once.

    Raises ValueError for anything else: empty text, a comma, NaN, more than fits.
    """
    try:
        value = Decimal(text) * scale
    except InvalidOperation:
        raise ValueError(f"{text!r} is not an amount") from None
    if not value.is_finite() or abs(value) >= _LIMIT:
        raise ValueError(f"{text!r} is not an amount")
    return int(value.to_integral_value(rounding=ROUND_HALF_EVEN))


def to_decimal(amount: int, scale: int = SCALE) -> Decimal:
    """Return the exact decimal of an integer amount."""
    return Decimal(amount) / scale


def to_text(amount: int, scale: int = SCALE, *, at_least: int = 2) -> str:
    """Return a decimal string with `at_least` decimals and no further zeros at the end: "12.50", "0.1234"."""
    sign, digits = ("-", -amount) if amount < 0 else ("", amount)
    places = len(str(scale)) - 1
    whole, rest = divmod(digits, scale)
    decimals = f"{rest:0{places}d}".rstrip("0").ljust(at_least, "0")
    return f"{sign}{whole}.{decimals}" if decimals else f"{sign}{whole}"
