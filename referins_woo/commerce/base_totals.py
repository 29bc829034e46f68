"""Totals in the account's base currency, at the rate of the order's day; a missing rate is never guessed (O6).

The rate that an order was given is kept with it: later rates and another time zone change nothing of it. Its refunds
are counted at the same rate.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal, InvalidOperation
from fractions import Fraction
from typing import Any, Final

from sqlalchemy import ColumnElement, and_, or_, select, update
from sqlalchemy.orm import InstrumentedAttribute, Session

from referins_woo import clock
from referins_woo.commerce import pricing
from referins_woo.commerce.models import CurrencyRate, Order
from referins_woo.commerce.records import OrderRecord
from referins_woo.commerce.upsert.bulk import among, insert_rows, update_rows
from referins_woo.errors import InvalidInput

LONGEST_SPAN: Final = 366
MOST_LINES: Final = 20_000
_PLAIN: Final = re.compile(r"\d{1,9}(\.\d{1,12})?")
_CODE: Final = re.compile(r"[A-Z]{3}")
_SLICE: Final = 2_000
_KEPT: Final = ("base_currency", "base_rate", "base_total")


@dataclass(frozen=True, slots=True)
class Books:
    """How an account keeps its books: the currency that adds everything up, and where its days begin."""

    currency: str
    """Empty while the account has none."""
    time_zone: str

    def day(self, moment: datetime) -> date:
        """Return the account's calendar day of a moment."""
        return moment.astimezone(clock.zone(self.time_zone)).date()


@dataclass(frozen=True, slots=True)
class GivenRate:
    """One rate that somebody gave."""

    currency: str
    day: date
    rate: str


@dataclass(frozen=True, slots=True)
class Missing:
    """A day of a currency on which orders were placed and of which no rate is known."""

    currency: str
    day: date
    orders: int


def converted(amount: int, rate: str) -> int:
    """Return an amount (1/10,000) at a rate, rounded half-even once."""
    exact = amount * Fraction(rate)
    return pricing.divide(exact.numerator, exact.denominator)


def checked_rate(text: str) -> str:
    """Return a rate as it is kept. Raises InvalidInput for what is none."""
    plain = text.strip()
    try:
        value = Decimal(plain) if _PLAIN.fullmatch(plain) else None
    except InvalidOperation:
        value = None
    if value is None or value <= 0:
        raise InvalidInput("rate", "A rate is a number above zero with a point, like 0.9231, of at most 12 decimals.")
    return plain


def checked_currency(text: str, base: str) -> str:
    """Return the code of a currency. Raises InvalidInput for what is none, and for the base currency itself."""
    code = text.strip().upper()
    if not _CODE.fullmatch(code):
        raise InvalidInput("currency", "A currency is a code of three letters, like USD.")
    if code == base:
        raise InvalidInput("currency", f"{base} is your base currency: its rate is 1.")
    return code


def span(currency: str, rate: str, first: date, last: date) -> list[GivenRate]:
    """Return a rate for each day from `first` to `last`. Raises InvalidInput."""
    days = (last - first).days + 1
    if days < 1:
        raise InvalidInput("until", "The last day lies before the first one.")
    if days > LONGEST_SPAN:
        raise InvalidInput("until", f"At most {LONGEST_SPAN} days at once; these are {days}.")
    return [GivenRate(currency, first + timedelta(days=number), rate) for number in range(days)]


def read_file(content: bytes, base: str) -> list[GivenRate]:
    """Read a CSV file with the columns date (2026-11-25), currency and rate, in any order.

    Raises InvalidInput that names the line: nothing of a file with a fault is taken.
    """
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise InvalidInput("file", "The file is not UTF-8 text: save it as CSV in UTF-8.") from None
    lines = csv.reader(io.StringIO(text.replace("\x00", "")), delimiter=";" if ";" in text.partition("\n")[0] else ",")
    header = [cell.strip().lower() for cell in next(lines, [])]
    if not {"date", "currency", "rate"} <= set(header):
        raise InvalidInput("file", "The first line must name the columns date, currency and rate.")
    places = [header.index(name) for name in ("date", "currency", "rate")]
    found: dict[tuple[str, date], GivenRate] = {}
    for number, line in enumerate(lines, start=2):
        if not any(cell.strip() for cell in line):
            continue
        if number > MOST_LINES:
            raise InvalidInput("file", f"The file has more than {MOST_LINES:,} lines: send it in parts.")
        try:
            day, currency, rate = (line[place].strip() for place in places)
            one = GivenRate(checked_currency(currency, base), date.fromisoformat(day), checked_rate(rate))
        except IndexError:
            raise InvalidInput("file", f"Line {number}: a column is missing.") from None
        except ValueError:
            raise InvalidInput("file", f"Line {number}: {day!r} is no date like 2026-11-25.") from None
        except InvalidInput as error:
            raise InvalidInput("file", f"Line {number}: {error.message}") from None
        found[one.currency, one.day] = one
    if not found:
        raise InvalidInput("file", "There is no rate in the file.")
    return list(found.values())


def enter(session: Session, account_id: int, books: Books, rates: Sequence[GivenRate], source: str) -> int:
    """Keep rates; one that is there for the day is replaced for orders that have none yet. Returns how many."""
    now = clock.now()
    rows = [[account_id, books.currency, one.currency, one.day, one.rate, source[:200], None, now] for one in rates]
    columns = ("account_id", "base", "currency", "day", "rate", "source", "applied_at", "created_at")
    insert_rows(
        session,
        CurrencyRate,
        columns,
        rows,
        conflict=("account_id", "base", "currency", "day"),
        update=("rate", "source", "applied_at", "created_at"),
    )
    return len(rows)


def of_orders(
    session: Session, account_id: int, books: Books, records: Iterable[OrderRecord]
) -> dict[int, tuple[str, str, int]]:
    """Return Woo order id → (base currency, rate, total in it), for the orders whose rate is known."""
    if not books.currency:
        return {}
    found = {}
    foreign = []
    for record in records:
        if record.currency == books.currency:
            found[record.woo_id] = (books.currency, "1", record.total)
        else:
            foreign.append((record, books.day(record.placed_at)))
    if foreign:
        rates = _rates(session, account_id, books.currency, {(one.currency, day) for one, day in foreign})
        for record, day in foreign:
            if rate := rates.get((record.currency, day)):
                found[record.woo_id] = (books.currency, rate, converted(record.total, rate))
    return found


def give_rates(session: Session, account_id: int, books: Books) -> bool:
    """Give orders that have no base total the rates that came since; some of them, returns whether more are left."""
    if not books.currency:
        return False
    without = uncounted(account_id, books.currency)
    own = session.execute(
        select(Order.id, Order.total).where(without, Order.currency == books.currency).limit(_SLICE)
    ).all()
    if own:
        _write(session, [[row.id, books.currency, "1", row.total] for row in own])
        return True
    rate = session.scalars(
        select(CurrencyRate)
        .where(
            CurrencyRate.account_id == account_id,
            CurrencyRate.base == books.currency,
            CurrencyRate.applied_at.is_(None),
        )
        .order_by(CurrencyRate.id)
        .limit(1)
    ).first()
    if rate is None:
        return False
    orders = session.execute(
        select(Order.id, Order.total)
        .where(without, Order.currency == rate.currency, *_on(rate.day, books))
        .limit(_SLICE)
    ).all()
    _write(session, [[row.id, rate.base, rate.rate, converted(row.total, rate.rate)] for row in orders])
    if len(orders) < _SLICE:
        rate.applied_at = clock.now()
    return True


def look_again(session: Session, account_id: int) -> None:
    """Let all rates be given anew: the base currency or the time zone has changed."""
    session.execute(
        update(CurrencyRate)
        .where(CurrencyRate.account_id == account_id)
        .values(applied_at=None)
        .execution_options(synchronize_session=False)
    )


def missing(session: Session, account_id: int, books: Books, most: int = 20) -> list[Missing]:
    """Return the newest days of which a rate is missing, with the number of orders that wait for it."""
    if not books.currency:
        return []
    rows = session.execute(
        select(Order.currency, Order.placed_at)
        .where(uncounted(account_id, books.currency), Order.currency != books.currency)
        .order_by(Order.placed_at.desc())
        .limit(_SLICE)
    )
    counts: dict[tuple[str, date], int] = {}
    for currency, placed_at in rows:
        key = (currency, books.day(placed_at))
        counts[key] = counts.get(key, 0) + 1
    return [Missing(currency, day, count) for (currency, day), count in list(counts.items())[:most]]


def uncounted(
    account_id: int | InstrumentedAttribute[int], base: str | InstrumentedAttribute[str | None]
) -> ColumnElement[bool]:
    """Return the condition for the orders of an account that have no total in `base`.

    Two ranges instead of `!=`: an index finds them.
    """
    return and_(Order.account_id == account_id, or_(Order.base_currency < base, Order.base_currency > base))


def _on(day: date, books: Books) -> tuple[Any, Any]:
    begin, end = (clock.start_of(each, books.time_zone) for each in (day, day + timedelta(days=1)))
    return Order.placed_at >= begin, Order.placed_at < end


def _write(session: Session, rows: Sequence[Sequence[Any]]) -> None:
    update_rows(session, Order, ("id", *_KEPT), rows)


def _rates(session: Session, account_id: int, base: str, wanted: set[tuple[str, date]]) -> dict[tuple[str, date], str]:
    currencies, days = {currency for currency, _ in wanted}, [day for _, day in wanted]
    rows = session.execute(
        select(CurrencyRate.currency, CurrencyRate.day, CurrencyRate.rate).where(
            CurrencyRate.account_id == account_id,
            CurrencyRate.base == base,
            among(session, CurrencyRate.currency, currencies),
            CurrencyRate.day.between(min(days), max(days)),
        )
    )
    return {(currency, day): rate for currency, day, rate in rows}
