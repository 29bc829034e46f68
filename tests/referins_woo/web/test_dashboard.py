"""The dashboard's figures: the account's days, one currency at a time, on both databases."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from referins_woo.commerce.models import Order
from referins_woo.process import Process
from referins_woo.reports.dashboard import Change, Day, dashboard
from referins_woo.reports.periods import Period, last_days
from tests.conftest import ClockHand
from tests.factories.rows import Made
from tests.referins_woo.web.conftest import Visitor

NOW = datetime(2026, 11, 25, 12, tzinfo=UTC)
NEPAL = "Asia/Kathmandu"
"""Its days begin at a quarter past six in the evening, UTC."""


@pytest.fixture(params=["sqlite", "postgresql"])
def backend(request: pytest.FixtureRequest) -> str:
    """What the dashboard asks is asked of both databases."""
    return str(request.param)


@pytest.fixture
def sold(running: Process, theirs: Made) -> Made:
    """Orders on both sides of a midnight, of two currencies, of two periods, one of them not paid."""
    rows = [
        ("EUR", 1_000_000, 0, "paid", datetime(2026, 11, 24, 18, 14, 59, tzinfo=UTC)),  # 23:59:59 on the 24th
        ("EUR", 2_000_000, 500_000, "partially_refunded", datetime(2026, 11, 24, 18, 15, tzinfo=UTC)),  # the 25th
        ("EUR", 9_000_000, 0, "unpaid", datetime(2026, 11, 25, 1, tzinfo=UTC)),
        ("USD", 7_000_000, 0, "paid", datetime(2026, 11, 25, 1, tzinfo=UTC)),
        ("EUR", 4_000_000, 0, "paid", datetime(2026, 11, 15, 12, tzinfo=UTC)),  # the period before
    ]
    with running.database.unit() as session:
        session.add_all(
            Order(
                account_id=theirs.account_id,
                store_id=theirs.ids["store_id"],
                woo_id=500 + n,
                number=str(500 + n),
                status="Completed" if state != "unpaid" else "Pending",
                woo_status="completed" if state != "unpaid" else "pending",
                payment_state=state,
                currency=currency,
                total=total,
                refunded_total=refunded,
                email="guest@example.com",
                email_key="guest@example.com",
                placed_at=placed,
                delivery_date=date(2026, 12, 9),
                content_hash="x",
            )
            for n, (currency, total, refunded, state, placed) in enumerate(rows)
        )
    return theirs


def test_days_are_of_the_accounts_zone_and_money_of_one_currency(running: Process, sold: Made) -> None:
    with running.database.reading() as session:
        figures = dashboard(session, sold.account_id, NOW, last_days(NOW, 3, ZoneInfo(NEPAL)))
    assert figures.days == [
        Day(date(2026, 11, 23), 0, 0),
        Day(date(2026, 11, 24), 1_000_000, 1),
        Day(date(2026, 11, 25), 1_500_000, 2),
    ]
    assert [(one.currency, one.change.now) for one in figures.revenue] == [("EUR", 2_500_000), ("USD", 7_000_000)]
    assert figures.statuses == {"Completed": 3, "Pending": 1}
    assert (figures.orders.now, figures.unpaid) == (4, 0)
    tomorrow = NOW + timedelta(days=1)
    with running.database.reading() as session:
        later = dashboard(session, sold.account_id, tomorrow, last_days(tomorrow, 3, ZoneInfo(NEPAL)))
    assert later.unpaid == 1, "unpaid for more than 24 hours"


def test_the_period_before_is_of_the_same_length(running: Process, sold: Made) -> None:
    with running.database.reading() as session:
        figures = dashboard(session, sold.account_id, NOW, last_days(NOW, 7, ZoneInfo(NEPAL)))
    first = figures.revenue[0]
    assert (first.currency, first.change) == ("EUR", Change(2_500_000 + _own_order(running, sold), 4_000_000))
    assert first.paid_orders == 3
    assert figures.orders.before == 1


@pytest.mark.parametrize("days", [7, 30, 90])
@pytest.mark.usefixtures("sold")
def test_the_page_shows_each_period(visitor: Visitor, theirs: Made, clock: ClockHand, days: int) -> None:
    clock.set(NOW)
    visitor.sign_in(theirs.email)
    page = visitor.get(f"/?days={days}").text
    assert f"Revenue per day in EUR, last {days} days" in page
    assert "EUR only" in page
    assert page.count('<svg class="bar-chart') == 2, "one for wide windows, one for narrow ones"
    assert "Show as table" in page


def test_what_is_not_known_is_said_and_not_drawn_as_nothing(running: Process, sold: Made) -> None:
    period = Period(date(2026, 11, 10), date(2026, 11, 20), ZoneInfo(NEPAL))
    with running.database.reading() as session:
        figures = dashboard(session, sold.account_id, NOW, period)
    assert figures.known_since == date(2026, 11, 15)
    assert [one.known for one in figures.days] == [False] * 5 + [True] * 6
    assert figures.orders.before is None, "nothing is known of the days before"
    assert figures.revenue[0].change.percent is None
    assert figures.mails.before is None


@pytest.mark.usefixtures("sold")
def test_figures_are_those_of_the_lists_behind_them(visitor: Visitor, theirs: Made, clock: ClockHand) -> None:
    clock.set(NOW)
    visitor.sign_in(theirs.email)
    page = visitor.get("/?days=7").text

    def behind(label: str) -> str:
        """The count of the list that a card leads to."""
        href = re.search(rf'href="([^"]+)">{label}<', page)
        assert href, label
        said = re.search(r'fw-medium num">([\d,]+) ', visitor.get(href[1].replace("&amp;", "&")).text)
        return said[1] if said else "0"

    assert behind("Orders") == "5"
    assert 'num">5</div>' in page
    assert behind("Revenue") == "3"
    assert "3 paid orders, less refunds" in page
    assert behind("Unpaid over 24 h") == "0"
    assert behind("E-mails sent") == "1"
    assert behind("Completed") == "3"
    assert "3 · 60 %" in page
    assert behind("Runs under way") == "0"


@pytest.mark.parametrize(
    ("query", "words"),
    [
        ("from=2026-11-15&to=2026-11-24", "15 Nov 2026"),
        ("from=2026-11-24&to=2099-01-01", "24 Nov 2026"),
        ("from=2026-12-24&to=2026-12-31", "must not be after"),
        ("from=yesterday", "A date looks like"),
        ("from=2001-01-01", "at most 731 days"),
        ("days=8", "last 30 days"),
        ("from=2026-11-15&to=2026-11-25&currency=USD", "Revenue per day in USD"),
    ],
)
@pytest.mark.usefixtures("sold")
def test_a_range_of_ones_own_lies_in_the_address(
    visitor: Visitor, theirs: Made, clock: ClockHand, query: str, words: str
) -> None:
    clock.set(NOW)
    visitor.sign_in(theirs.email)
    answer = visitor.get(f"/?{query}")
    assert answer.status_code == 200
    assert words in answer.text


def _own_order(running: Process, made: Made) -> int:
    """What the order that every account of the tests has brings in."""
    with running.database.reading() as session:
        order = session.get_one(Order, made.ids["order_id"])
        return order.total - order.refunded_total if order.payment_state != "unpaid" else 0
