"""Rates fetched from a configured source (O6)."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from sqlalchemy import delete, select, update

from referins_woo import clock, config, process, queues
from referins_woo.accounts.models import Account
from referins_woo.commerce.models import CurrencyRate, Order
from referins_woo.config import ConfigError
from referins_woo.ingest import jobs, rate_source
from referins_woo.process import Process
from tests.conftest import ENCRYPTION_KEY, SECRET_KEY, ClockHand
from tests.factories.rows import account_with_everything


class Source:
    """Answers as services that pass on the ECB's rates do."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, str, str]] = []
        self.answer: Any = None
        """None: of the day that is asked for."""
        self.status = 200
        source = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                parts = urlsplit(self.path)
                given = parse_qs(parts.query)
                day, base = parts.path.strip("/"), given["symbols"][0]
                source.asked.append((day, given["base"][0], base))
                said = source.answer or {"amount": 1.0, "date": day, "rates": {base: 0.92315}}
                body = said if isinstance(said, bytes) else json.dumps(said).encode()
                self.send_response(source.status)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_: object) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}/{{day}}?base={{currency}}&symbols={{base}}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()


@pytest.fixture
def source() -> Iterator[Source]:
    made = Source()
    yield made
    made.server.shutdown()


@pytest.fixture
def account(running: Process, bells: queues.MemoryBells, source: Source, clock: ClockHand) -> Iterator[int]:
    """An account in EUR with an order in USD of two days ago."""
    made = account_with_everything(running.database, "ours@example.com")
    placed = clock.now() - timedelta(days=2)
    with running.database.unit() as session:
        session.execute(delete(CurrencyRate))
        session.execute(update(Account).values(base_currency="EUR", time_zone="UTC"))
        session.execute(update(Order).values(currency="USD", placed_at=placed, base_currency="", base_total=None))
    process.use(replace(running, config=replace(running.config, rates_url=source.url)))
    yield made.account_id


def rates(running: Process) -> list[tuple[str, str, str]]:
    with running.database.reading() as session:
        return [(one.currency, one.rate, one.source) for one in session.scalars(select(CurrencyRate))]


def test_the_rate_of_the_orders_day_is_fetched_once_and_kept_with_the_order(
    running: Process, bells: queues.MemoryBells, source: Source, account: int, clock: ClockHand
) -> None:
    day = (clock.now() - timedelta(days=2)).date().isoformat()
    jobs.ring_for_missing_rates()
    bells.drain()
    assert source.asked == [(day, "USD", "EUR")]
    assert rates(running) == [("USD", "0.92315", f"127.0.0.1, rate of {day}")]
    with running.database.reading() as session:
        order = session.scalars(select(Order).where(Order.account_id == account)).first()
        assert order is not None
        assert (order.base_currency, order.base_rate) == ("EUR", "0.92315")
    jobs.ring_for_missing_rates()
    bells.drain()
    assert len(source.asked) == 1, "nothing is missing any more"


def test_a_day_without_rates_has_that_of_the_last_day_before(running: Process, source: Source, account: int) -> None:
    day = (clock.now() - timedelta(days=4)).date().isoformat()
    source.answer = {"date": day, "rates": {"EUR": 1}}
    assert rate_source.fetch(process.current(), account) == 1
    assert rates(running)[0][1:] == ("1", f"127.0.0.1, rate of {day}")


@pytest.mark.parametrize(
    ("answer", "status"),
    [
        ({"date": "2026-01-02", "rates": {"EUR": 0.9}}, 200),
        ({"date": "2031-01-02", "rates": {"EUR": 0.9}}, 200),
        ({"rates": {"EUR": 0.9}}, 200),
        ({"date": "today", "rates": {"EUR": -1}}, 200),
        ({"date": "2026-11-28", "rates": {"GBP": 0.9}}, 200),
        (b"<html>", 200),
        ({"message": "not found"}, 404),
    ],
)
def test_what_is_no_rate_of_that_day_is_never_taken_and_the_source_left_alone_for_an_hour(
    running: Process, source: Source, account: int, clock: ClockHand, answer: Any, status: int
) -> None:
    source.answer, source.status = answer, status
    for _ in range(3):
        assert rate_source.fetch(process.current(), account) == 0
    assert len(source.asked) == 1
    assert rates(running) == []
    clock.advance(minutes=61)
    source.answer, source.status = None, 200
    assert rate_source.fetch(process.current(), account) == 1


def test_a_day_that_is_not_over_is_not_asked_for(running: Process, source: Source, account: int) -> None:
    with running.database.unit() as session:
        session.execute(update(Order).values(placed_at=clock.now()))
    assert rate_source.fetch(process.current(), account) == 0
    assert source.asked == []


@pytest.mark.parametrize("url", ["http://rates.example/{day}/{base}/{currency}", "https://rates.example/{day}/{base}"])
def test_an_address_that_cannot_be_used_is_refused_at_the_start(url: str) -> None:
    environ = {"SECRET_KEY": SECRET_KEY, "ENCRYPTION_KEYS": ENCRYPTION_KEY, "RATES_URL": url}
    with pytest.raises(ConfigError, match="RATES_URL"):
        config.load(environ)
