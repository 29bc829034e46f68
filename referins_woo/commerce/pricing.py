"""Prices and tax rates of order rows, exact (O5). Pure integers; no float is ever calculated with.

A price per unit is net of tax and discount. Woo's line fields are net in both tax modes, so it is the line's own
`price`: it equals (cost - discount) / (1 + rate) for prices with tax, cost - discount without.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache

from referins_woo.commerce import money

UNIT_PRICE_PLACES = 6
RATE_PLACES = 4
_LONGEST_WHOLE = 12
_POWERS: tuple[int, ...] = (1, 10, 100, 1_000, 10_000, 100_000, 1_000_000)
_ONE = 1_000_000
"""100 percent in 1/10,000 of a percent."""


@lru_cache(maxsize=16384)
def scaled(value: str | float, places: int) -> int:
    """Return a decimal text or a JSON number in 1/10**`places`, rounded half-even once. Raises ValueError.

    A number that JSON wrote as 27.2203 reaches us as a float; its `repr` is the shortest text that reads back as the
    same float, which is what PHP wrote (serialize_precision -1), and even of PHP's older 17 digits it keeps what was
    meant: the two differ in the 16th digit, we keep at most 6 decimals. So the text is exact, the float is not used.
    """
    text = value if isinstance(value, str) else repr(value)
    whole, _, fraction = text.partition(".")
    plain = text.isascii() and (whole.isdigit() or (whole[:1] == "-" and whole[1:].isdigit()))
    if plain and len(whole) <= _LONGEST_WHOLE and len(fraction) <= places and (not fraction or fraction.isdigit()):
        return int(whole + fraction) * _POWERS[places - len(fraction)]
    return money.parse(text, _POWERS[places])


def unit_price(price: str | float | None, quantity: int, total: int) -> int:
    """Return the price of one unit in 1/1,000,000.

    `price`: the line's, as Woo gave it; without one (some plugins drop it) it is total by quantity. `quantity` and
    `total` in 1/10,000. A row without quantity has price 0. Raises ValueError for a price that is no number.
    """
    if quantity == 0:
        return 0
    if price is None or price == "":
        return divide(total * _POWERS[UNIT_PRICE_PLACES], quantity)
    return scaled(price, UNIT_PRICE_PLACES)


def tax_rate(rates: Iterable[tuple[int, bool]]) -> int:
    """Return the rate that several (rate, is it compound) make together, in 1/10,000 of a percent.

    Plain rates add up; a compound rate is taken of the price and all tax before it, so it multiplies.
    """
    plain, compound, whole = _ONE, 1, 1
    for rate, is_compound in rates:
        if is_compound:
            compound, whole = compound * (_ONE + rate), whole * _ONE
        else:
            plain += rate
    return divide(plain * compound, whole) - _ONE


def divide(numerator: int, denominator: int) -> int:
    """Return the quotient of integers, rounded half-even."""
    if denominator < 0:
        numerator, denominator = -numerator, -denominator
    quotient, rest = divmod(numerator, denominator)
    if rest * 2 > denominator or (rest * 2 == denominator and quotient % 2):
        quotient += 1
    return quotient
