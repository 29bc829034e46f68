"""Amounts: cents inside, strings with two digits outside (facts 19 to 21)."""

from __future__ import annotations

from decimal import ROUND_HALF_UP, Decimal, InvalidOperation


def text(cents: int) -> str:
    """Write cents as an amount: 1205 is "12.05"."""
    whole, rest = divmod(abs(cents), 100)
    return f"{'-' if cents < 0 else ''}{whole}.{rest:02d}"


def short(cents: int) -> str:
    """Write cents without needless digits: 1200 is "12", 1250 is "12.5"."""
    return text(cents).rstrip("0").rstrip(".") if cents else "0"


def shown(amount: str, digits: int) -> str:
    """Write a kept amount with so many digits after the point, halves rounded away from zero."""
    if digits == 2 and amount[-3:-2] == ".":
        return amount
    try:
        return f"{Decimal(amount).quantize(Decimal(1).scaleb(-digits), ROUND_HALF_UP):f}"
    except InvalidOperation:
        return amount


def rounded(number: int, by: int) -> int:
    """Divide, rounding halves away from zero."""
    half = (2 * abs(number) + by) // (2 * by)
    return -half if number < 0 else half


def unit_price(cents: int, quantity: int) -> int | float:
    """Return the price of one as WooCommerce writes it: an int where it is whole, else a float."""
    if not quantity:
        return 0
    price = Decimal(cents) / 100 / abs(quantity)
    return int(price) if price == price.to_integral_value() else round(float(price), 14)


def cents(amount: object) -> int:
    """Read an amount as cents; what is no number counts as 0, as in PHP."""
    try:
        return int((Decimal(str(amount)) * 100).quantize(Decimal(1), ROUND_HALF_UP))
    except (InvalidOperation, ValueError):
        return 0


def typed(amount: str) -> str:
    """Return a typed price as WooCommerce stores it: "10,25" becomes 1025 (fact 21)."""
    kept = "".join(c for c in amount if c.isdigit() or c in ".-")
    return kept if any(c.isdigit() for c in kept) else ""
