"""Rates that orders wait for, fetched from the source that the operator has configured (O6).

The source is asked for one unit of a currency in the base currency on one day, and answers as services that pass on the
European Central Bank's rates do: `{"date": "2026-11-27", "rates": {"EUR": 0.9231}}`. Days on which nothing was
published (weekends, holidays) have the rate of the last day before, at most a week earlier; anything else is not taken.
"""

from __future__ import annotations

import json
from datetime import date, timedelta
from decimal import Decimal
from typing import Final
from urllib.parse import quote, urlsplit

import structlog

from referins_woo import clock, lease, queues
from referins_woo.accounts.books import books_of
from referins_woo.commerce import base_totals
from referins_woo.commerce.base_totals import GivenRate, Missing
from referins_woo.errors import InvalidInput
from referins_woo.process import Process
from referins_woo.safe_http import SafeHttp, Unreachable

log = structlog.get_logger(__name__)

OLDEST: Final = timedelta(days=7)
_MOST: Final = 40
"""Rates that are fetched at once."""
_PAUSE_SECONDS: Final = 3_600.0
"""After trouble the source is left alone for so long."""


class NoRateError(Exception):
    """The source's answer holds no rate that can be taken; its text says why."""


def fetch(process: Process, account_id: int) -> int:
    """Fetch the newest rates that an account's orders wait for, of days that are over; returns how many came.

    A rate that somebody entered is never replaced: only days without one are asked for. Where the source fails, or has
    not what is asked for, it is left alone for an hour.
    """
    url = process.config.rates_url
    if url is None:
        return 0
    name = f"rates:{account_id}"
    with process.database.unit() as session:
        fence = lease.acquire(session, name, lease.new_holder(), _PAUSE_SECONDS)
        if fence is None:
            return 0
        books = books_of(session, account_id)
        today = books.day(clock.now())
        wanted = [one for one in base_totals.missing(session, account_id, books, most=_MOST) if one.day < today]
    http, came = SafeHttp(process.config), 0
    for one in wanted:
        try:
            rate, note = ask(http, url, one, books.currency)
        except (Unreachable, NoRateError) as error:
            day = str(one.day)
            log.warning("no rate fetched", account_id=account_id, currency=one.currency, day=day, why=str(error))
            return came
        with process.database.unit() as session:
            base_totals.enter(session, account_id, books, [GivenRate(one.currency, one.day, rate)], note)
            queues.ring_after_commit(session, "give_rates", account_id)
        came += 1
    with process.database.unit() as session:
        lease.release(session, name, fence)
    return came


def ask(http: SafeHttp, url: str, wanted: Missing, base: str) -> tuple[str, str]:
    """Return a rate, and whose and of which day it is. Raises Unreachable and NoRateError."""
    filled = url
    for name, value in (("{currency}", wanted.currency), ("{base}", base), ("{day}", wanted.day.isoformat())):
        filled = filled.replace(name, quote(value, safe=""))
    reply = http.send("GET", filled, headers={"Accept": "application/json"}, seconds=10.0)
    if reply.status != 200:
        raise NoRateError(f"the source answered {reply.status}")
    try:
        said = json.loads(reply.body, parse_float=Decimal)
        day = date.fromisoformat(said["date"])
        rate = base_totals.checked_rate(format(Decimal(said["rates"][base]), "f"))
    except (ValueError, KeyError, TypeError, ArithmeticError, InvalidInput):
        raise NoRateError("the source's answer holds no rate") from None
    if not wanted.day - OLDEST <= day <= wanted.day:
        raise NoRateError(f"the source's rate is of {day}")
    return rate, f"{urlsplit(url).hostname}, rate of {day}"
