"""Totals in the base currency: exact, at the rate of the account's day, never guessed (O6). On both databases."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from decimal import ROUND_HALF_EVEN, Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import select
from sqlalchemy.orm import Session

from referins_woo.accounts import account
from referins_woo.accounts.books import books_of, waiting_for_rates
from referins_woo.commerce import base_totals
from referins_woo.commerce.base_totals import Books, GivenRate, converted
from referins_woo.commerce.models import CurrencyRate, Order
from referins_woo.errors import InvalidInput
from referins_woo.ingest import jobs
from referins_woo.process import Process
from referins_woo.queues import MemoryBells
from tests.factories.rows import Made, account_with_everything

BERLIN = Books("EUR", "Europe/Berlin")
DAY = date(2026, 11, 21)


@given(
    st.integers(-(10**15), 10**15),
    st.decimals(min_value=Decimal("0.000001"), max_value=10**6, places=12).filter(lambda one: one > 0),
)
def test_an_amount_is_converted_exactly_and_rounded_half_even_once(amount: int, rate: Decimal) -> None:
    exact = (Decimal(amount) * rate).to_integral_value(ROUND_HALF_EVEN)
    assert converted(amount, format(rate, "f")) == int(exact)


def test_small_rates_of_currencies_without_decimals_lose_nothing() -> None:
    assert converted(14_800_000, "0.0061237") == 90_631  # 1,480 yen
    assert converted(81_300, "3.0123") == 244_900  # 8.13 dinars; ….9 and a bit, half-even
    assert converted(-150_000, "0.5") == -75_000


@pytest.mark.parametrize("text", ["", "0", "-1", "1e3", "0,9", "NaN", "1.1234567890123", "0.000", "9999999999", " . "])
def test_what_is_no_rate_is_refused(text: str) -> None:
    with pytest.raises(InvalidInput):
        base_totals.checked_rate(text)


@pytest.mark.parametrize("text", ["", "US", "EURO", "12A", "EUR", "€€€"])
def test_what_is_no_other_currency_is_refused(text: str) -> None:
    with pytest.raises(InvalidInput):
        base_totals.checked_currency(text, "EUR")
    assert base_totals.checked_currency(" usd ", "EUR") == "USD"


def test_a_span_has_a_rate_for_each_of_its_days_and_no_end_before_its_beginning() -> None:
    days = [one.day for one in base_totals.span("USD", "0.9", date(2026, 2, 27), date(2026, 3, 1))]
    assert days == [date(2026, 2, 27), date(2026, 2, 28), date(2026, 3, 1)]
    for last in (date(2026, 2, 26), date(2027, 3, 1)):
        with pytest.raises(InvalidInput):
            base_totals.span("USD", "0.9", date(2026, 2, 27), last)


def test_a_file_is_read_whole_or_not_at_all_and_the_fault_names_its_line() -> None:
    good = "\ufeffcurrency;rate;date\nusd;0.9231;2026-11-20\n\nJPY;0.0061;2026-11-20\nUSD;0.9;2026-11-20\n"
    assert base_totals.read_file(good.encode(), "EUR") == [
        GivenRate("USD", date(2026, 11, 20), "0.9"),
        GivenRate("JPY", date(2026, 11, 20), "0.0061"),
    ]
    head = "date,currency,rate\n"
    for content, words in (
        ("day,rate\n", "first line"),
        (head, "no rate"),
        (f"{head}2026-11-20,USD\n", "Line 2: a column is missing"),
        (f"{head}2026-11-20,USD,0.9\n20.11.2026,USD,0.9\n", "Line 3: '20.11.2026' is no date"),
        (f"{head}2026-11-20,EUR,1\n", "Line 2: EUR is your base currency"),
        (f"{head}2026-11-20,USD,\n", "Line 2: A rate"),
    ):
        with pytest.raises(InvalidInput, match=words):
            base_totals.read_file(content.encode(), "EUR")
    with pytest.raises(InvalidInput, match="UTF-8"):
        base_totals.read_file(b"\xff\xfe", "EUR")


@pytest.fixture
def ours(running: Process, bells: MemoryBells) -> Made:
    return account_with_everything(running.database, "ours@example.com")


def _order(session: Session, made: Made, woo_id: int, currency: str, placed_at: datetime) -> Order:
    first = session.get_one(Order, made.ids["order_id"])
    columns = {column.key: getattr(first, column.key) for column in Order.__table__.columns if column.key != "id"}
    changed = {"woo_id": woo_id, "currency": currency, "placed_at": placed_at, "total": 100_001}
    order = Order(**{**columns, **changed, "base_currency": "", "base_rate": "", "base_total": None})
    session.add(order)
    session.flush()
    return order


def test_orders_get_the_rate_of_their_day_in_the_accounts_zone_once_it_is_entered_and_keep_it(
    running: Process, ours: Made, bells: MemoryBells
) -> None:
    midnight = datetime(2026, 11, 20, 23, tzinfo=UTC)  # in Berlin the 21st begins
    with running.database.unit() as session:
        before = _order(session, ours, 1, "USD", midnight - timedelta(seconds=1)).id
        of_day = _order(session, ours, 2, "USD", midnight).id
        after = _order(session, ours, 3, "USD", midnight + timedelta(days=1)).id
        other = _order(session, ours, 4, "JPY", midnight).id
        books = books_of(session, ours.account_id)
        assert books == BERLIN
        missing = {(one.currency, one.day): one.orders for one in base_totals.missing(session, ours.account_id, books)}
        assert missing == {
            ("USD", date(2026, 11, 20)): 1,
            ("USD", DAY): 1,
            ("USD", date(2026, 11, 22)): 1,
            ("JPY", DAY): 1,
        }
        session.query(CurrencyRate).delete()
        base_totals.enter(session, ours.account_id, books, [GivenRate("USD", DAY, "0.5")], "me")
    jobs.ring_for_rates()
    bells.drain()
    with running.database.unit() as session:
        kept = dict(session.execute(select(Order.id, Order.base_total)).all())
        assert kept[of_day] == 50_000  # 5.00005 rounds half-even to 5.0000
        assert [kept[each] for each in (before, after, other)] == [None, None, None]
        assert kept[ours.ids["order_id"]] == session.get_one(Order, ours.ids["order_id"]).total
        base_totals.enter(session, ours.account_id, BERLIN, [GivenRate("USD", DAY, "0.7")], "me")
    jobs.ring_for_rates()
    bells.drain()
    with running.database.reading() as session:
        order = session.get_one(Order, of_day)
        assert (order.base_currency, order.base_rate, order.base_total) == ("EUR", "0.5", 50_000)
        assert waiting_for_rates(session) == []


def test_another_base_currency_gives_all_orders_anew_what_is_known_in_it(
    running: Process, ours: Made, bells: MemoryBells
) -> None:
    with running.database.unit() as session:
        dollars = _order(session, ours, 2, "USD", datetime(2026, 11, 21, 12, tzinfo=UTC)).id
        books = replace(BERLIN, currency="USD")
        base_totals.enter(session, ours.account_id, books, [GivenRate("EUR", date(2026, 11, 20), "1.1")], "me")
        account.change(
            session,
            ours.account_id,
            ours.user_id,
            {"name": "Ours", "time_zone": "Europe/Berlin", "base_currency": "USD"},
        )
    bells.drain()
    with running.database.reading() as session:
        euros = session.get_one(Order, ours.ids["order_id"])
        assert (euros.base_currency, euros.base_rate, euros.base_total) == ("USD", "1.1", 1_621_070)
        assert session.get_one(Order, dollars).base_total == 100_001


def test_a_new_base_currency_reaches_its_own_orders_although_the_bell_was_lost(
    running: Process, ours: Made, bells: MemoryBells
) -> None:
    with running.database.unit() as session:
        dollars = _order(session, ours, 2, "USD", datetime(2026, 11, 21, 12, tzinfo=UTC)).id
        session.query(CurrencyRate).delete()
        changed = {"name": "Ours", "time_zone": "Europe/Berlin", "base_currency": "USD"}
        account.change(session, ours.account_id, ours.user_id, changed)
    bells.pending.clear()
    jobs.ring_for_rates()
    bells.drain()
    with running.database.reading() as session:
        assert session.get_one(Order, dollars).base_total == 100_001
        assert waiting_for_rates(session) == []


def test_an_account_without_a_base_currency_has_no_base_totals(running: Process, ours: Made) -> None:
    nothing = Books("", "UTC")
    with running.database.unit() as session:
        assert base_totals.of_orders(session, ours.account_id, nothing, []) == {}
        assert base_totals.missing(session, ours.account_id, nothing) == []
        assert base_totals.give_rates(session, ours.account_id, nothing) is False
