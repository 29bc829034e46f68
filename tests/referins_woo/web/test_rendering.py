"""How values look on pages."""

from __future__ import annotations

import pytest
from markupsafe import Markup

from referins_woo.web.rendering import money, money_short, money_text


@pytest.mark.parametrize(
    ("amount", "currency", "text"),
    [
        (57_803_300, "USD", "$5,780.33 USD"),
        (1_473_700, "EUR", "€147.37 EUR"),
        (100_000, "AUD", "$10.00 AUD"),
        (50_000_000, "JPY", "¥5,000 JPY"),
        (100_000, "BRL", "R$10.00 BRL"),
        (-1_190_000, "USD", "-$119.00 USD"),
        (123_450, "KWD", "KWD 12.345"),
        (100_000, "CHF", "CHF 10.00"),
    ],
)
def test_money_shows_its_sign_and_its_code_once(amount: int, currency: str, text: str) -> None:
    assert Markup(money(amount, currency)).striptags() == text


def test_where_the_currency_is_plain_the_sign_is_enough() -> None:
    assert money_text(290_000, "USD") == "$29.00"
    assert money_short(6_000_000, "USD") == "$600"
    assert money_short(60_000_000, "USD") == "$6K"


def test_an_unknown_currency_is_shown_by_what_the_store_calls_it() -> None:
    assert "POINTS" in money(100_000, "POINTS")
    assert "10" in money_text(100_000, "")
