"""Settings > Currency rates: what other currencies were worth in the base currency, day by day (O6)."""

from __future__ import annotations

from datetime import date
from typing import Any

from flask import Blueprint, flash, redirect, render_template, request, url_for
from sqlalchemy import func, select
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response

from referins_woo import queues
from referins_woo.accounts import audit
from referins_woo.accounts.books import books_of
from referins_woo.commerce import base_totals
from referins_woo.commerce.base_totals import Books, GivenRate
from referins_woo.commerce.models import CurrencyRate
from referins_woo.errors import InvalidInput
from referins_woo.web import scope

pages = Blueprint("rates", __name__, url_prefix="/settings/currency-rates")

_SHOWN = 60
_LARGEST_FILE = 2 * 1024 * 1024


@pages.get("")
def index() -> str:
    """The rates, and the days that miss one."""
    with scope.reading() as session:
        return _page(session, {})


@pages.post("")
def enter() -> Response | tuple[str, int]:
    """Keep one rate for a day or a span of days."""
    with scope.unit() as session:
        books = books_of(session, scope.account_id())
        try:
            keep(session, scope.account_id(), books, _typed(books), audit.acting())
        except InvalidInput as error:
            return _page(session, request.form, error), 422
    return _back("The rate is kept. Orders of those days get their totals in a moment.")


@pages.post("/file")
def upload() -> Response | tuple[str, int]:
    """Keep the rates of a CSV file, all of them or none."""
    with scope.unit() as session:
        books = books_of(session, scope.account_id())
        file = request.files.get("file")
        try:
            content = file.read(_LARGEST_FILE + 1) if file is not None else b""
            if not content:
                raise InvalidInput("file", "Choose a CSV file.")
            if len(content) > _LARGEST_FILE:
                raise InvalidInput("file", "The file is larger than 2 MB: send it in parts.")
            rates = base_totals.read_file(content, _base(books))
            kept = keep(session, scope.account_id(), books, rates, (file.filename if file else "") or "file")
        except InvalidInput as error:
            return _page(session, {}, error), 422
    return _back(f"Rates from the file: {kept}. Orders of those days get their totals in a moment.")


@pages.post("/<int:rate_id>/delete")
def delete(rate_id: int) -> Response:
    """Forget a rate; orders that were given it keep it."""
    with scope.unit() as session:
        rate = scope.own(session, CurrencyRate, rate_id)
        audit.record(session, scope.account_id(), "rates_changed", f"{rate.currency} on {rate.day}: deleted")
        session.delete(rate)
    return _back("The rate is deleted. Orders that were given it keep it.")


def keep(session: Session, account_id: int, books: Books, rates: list[GivenRate], source: str) -> int:
    """Keep rates, write that down, and have orders given them. Raises InvalidInput where there is no base currency."""
    _base(books)
    kept = base_totals.enter(session, account_id, books, rates, source)
    days = sorted(one.day for one in rates)
    currencies = ", ".join(sorted({one.currency for one in rates})[:10])
    audit.record(session, account_id, "rates_changed", f"{currencies} in {books.currency}, {days[0]} to {days[-1]}")
    queues.ring_after_commit(session, "give_rates", account_id)
    return kept


def _base(books: Books) -> str:
    if not books.currency:
        raise InvalidInput("currency", "Choose a base currency first, under Settings > General.")
    return books.currency


def _typed(books: Books) -> list[GivenRate]:
    currency = base_totals.checked_currency(request.form.get("currency", ""), _base(books))
    rate = base_totals.checked_rate(request.form.get("rate", ""))
    first = _day("from")
    last = _day("until") if request.form.get("until", "").strip() else first
    return base_totals.span(currency, rate, first, last)


def _day(field: str) -> date:
    try:
        return date.fromisoformat(request.form.get(field, "").strip())
    except ValueError:
        raise InvalidInput(field, "Give a day, like 2026-11-25.") from None


def _page(session: Session, typed: Any, error: InvalidInput | None = None) -> str:
    account_id = scope.account_id()
    books = books_of(session, account_id)
    newest = (CurrencyRate.account_id == account_id, CurrencyRate.base == books.currency)
    rates = session.scalars(
        select(CurrencyRate).where(*newest).order_by(CurrencyRate.day.desc(), CurrencyRate.currency).limit(_SHOWN)
    ).all()
    asked = {"currency": request.args.get("currency", "")[:3], "from": request.args.get("day", "")[:10]}
    return render_template(
        "pages/rates.html",
        books=books,
        rates=rates,
        total=session.scalar(select(func.count()).where(*newest)) or 0,
        missing=base_totals.missing(session, account_id, books),
        typed={**asked, **{key: typed[key] for key in ("currency", "rate", "from", "until") if key in typed}},
        error=error,
    )


def _back(words: str) -> Response:
    flash(words, "success")
    return redirect(url_for("rates.index"), 303)
