"""Prices and tax rates by O5, against Decimal."""

from __future__ import annotations

from decimal import ROUND_HALF_EVEN, Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from referins_woo.commerce import pricing

decimals = st.decimals(min_value=-(10**9), max_value=10**9, allow_nan=False, allow_infinity=False, places=8)
quantities = st.integers(min_value=1, max_value=10_000_000)


def _exact(value: Decimal, places: int) -> int:
    return int((value * 10**places).to_integral_value(ROUND_HALF_EVEN))


@given(decimals, st.sampled_from([4, 6]))
def test_a_decimal_text_is_kept_exactly_and_rounded_half_even_once(value: Decimal, places: int) -> None:
    assert pricing.scaled(format(value, "f"), places) == _exact(value, places)


@given(st.integers(-(10**12), 10**12), st.integers(0, 4))
def test_the_short_way_for_plain_texts_equals_decimal(digits: int, places: int) -> None:
    text = format(Decimal(digits).scaleb(-places), "f")
    assert pricing.scaled(text, 4) == _exact(Decimal(text), 4)


@given(st.decimals(min_value=0, max_value=10**8, places=6))
def test_a_json_number_is_read_by_its_text_not_by_its_value(value: Decimal) -> None:
    assert pricing.scaled(float(value), 6) == _exact(value, 6)


@pytest.mark.parametrize(
    ("value", "expected"),
    [("-0.50", -5000), ("0", 0), ("12.", 120_000), (".5", 5000), ("1e5", 1_000_000_000), ("0.00005", 0), (12, 120_000),
     ("0.00015", 2), (27.2203, 272_203), (1e-7, 0), ("999999999999.9999", 9_999_999_999_999_999)],
)  # fmt: skip
def test_amounts_in_all_their_spellings(value: str | float, expected: int) -> None:
    assert pricing.scaled(value, 4) == expected


@pytest.mark.parametrize("value", ["12,50", "", "NaN", "Infinity", "1.2.3", "12 USD", "--1", "-", ".", "1e40", "²"])
def test_what_is_no_amount_is_refused(value: str) -> None:
    with pytest.raises(ValueError, match="not an amount"):
        pricing.scaled(value, 4)


def test_a_price_with_more_digits_than_its_total_keeps_them() -> None:
    assert pricing.unit_price(27.2203, 10_000, 272_200) == 27_220_300


def test_a_row_without_quantity_has_price_zero() -> None:
    assert pricing.unit_price(9.99, 0, 99_900) == 0


@given(quantities, st.integers(-(10**12), 10**12))
def test_a_missing_price_is_the_total_by_the_quantity(quantity: int, total: int) -> None:
    expected = _exact(Decimal(total) / Decimal(quantity), 6) if total else 0
    assert abs(pricing.unit_price(None, quantity, total) - expected) <= 1
    assert pricing.unit_price("", quantity, total) == pricing.unit_price(None, quantity, total)


def test_plain_rates_add_up_and_compound_ones_multiply() -> None:
    assert pricing.tax_rate([]) == 0
    assert pricing.tax_rate([(200_000, False)]) == 200_000
    assert pricing.tax_rate([(80_000, False), (3_750, False)]) == 83_750
    # Quebec before 2013: 5 % GST, then 9.5 % PST on price and GST: 14.975 %.
    assert pricing.tax_rate([(50_000, False), (95_000, True)]) == 149_750
    assert pricing.tax_rate([(95_000, True), (50_000, False)]) == 149_750
    assert pricing.tax_rate([(100_000, True), (100_000, True)]) == 210_000


@given(st.integers(-(10**15), 10**15), st.integers(1, 10**9), st.booleans())
def test_division_rounds_half_even(numerator: int, denominator: int, negative: bool) -> None:
    divisor = -denominator if negative else denominator
    quotient = pricing.divide(numerator, divisor)
    rest = abs(numerator - quotient * divisor)
    assert rest * 2 <= denominator
    if rest * 2 == denominator:
        assert quotient % 2 == 0
