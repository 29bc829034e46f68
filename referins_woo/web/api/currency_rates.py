"""Rates of currencies, by which orders get a total in the account's base currency (O6)."""

from __future__ import annotations

from datetime import date
from typing import Annotated

from flask import Response
from pydantic import BeforeValidator, ConfigDict, Field

from referins_woo.accounts import audit
from referins_woo.accounts.books import books_of
from referins_woo.commerce import base_totals
from referins_woo.commerce.models import CurrencyRate
from referins_woo.web import scope
from referins_woo.web.api import paging
from referins_woo.web.api.bearer import account_id, api
from referins_woo.web.api.contract import operation
from referins_woo.web.api.documents import (
    Day,
    Document,
    Id,
    Input,
    ListOf,
    Page,
    Text,
    Time,
    WantedText,
    calendar_day,
    documents_of,
    example,
)
from referins_woo.web.api.writing import writing
from referins_woo.web.rates import keep


class Rate(Document):
    """What one unit of a currency was worth in the base currency on one day."""

    id: Id
    base: Annotated[str, Field(description="The account's base currency.", examples=["EUR"])]
    currency: Annotated[str, Field(examples=["USD"])]
    day: Day
    rate: Annotated[str, Field(description="A decimal string.", examples=["0.9231"])]
    source: Text
    created_at: Time


class RateFilters(ListOf):
    """Which rates."""

    currency: WantedText | None = None


class NewRate(Input):
    """A rate for one day, or for each day until another one."""

    model_config = ConfigDict(
        json_schema_extra=example({"currency": "USD", "rate": "0.9231", "day": "2026-11-20", "until": "2026-11-22"})
    )

    currency: Annotated[str, Field(max_length=10, examples=["USD"])]
    rate: Annotated[str, Field(max_length=40, description="A decimal string.", examples=["0.9231"])]
    day: Annotated[date, BeforeValidator(calendar_day), Field(examples=["2026-11-20"])]
    until: Annotated[
        date | None, BeforeValidator(calendar_day), Field(description="At most a year later.", examples=["2026-11-22"])
    ] = None


class Kept(Document):
    """How many rates were kept."""

    kept: Annotated[int, Field(examples=[3])]


@api.get("/currency-rates")
@operation(Page[Rate], tag="Orders")
def list_currency_rates(query: RateFilters) -> Response:
    """List rates of currencies"""
    with scope.reading() as session:
        conditions = [
            CurrencyRate.account_id == account_id(),
            *paging.equals(query, currency=CurrencyRate.currency),
        ]
        return paging.rows(session, CurrencyRate, conditions, query, documents_of(Rate))


@api.post("/currency-rates")
@operation(Kept, tag="Orders", status=201)
def create_currency_rates(json: NewRate) -> Response:
    """Enter a rate

    For one day, or for each day until `until`. Orders of those days that have no total in the base currency get it in a
    moment; those that were given a rate before keep it. Days are the account's.
    """
    with writing() as work:
        books = books_of(work.session, work.account_id)
        currency = base_totals.checked_currency(json.currency, books.currency)
        rates = base_totals.span(currency, base_totals.checked_rate(json.rate), json.day, json.until or json.day)
        kept = keep(work.session, work.account_id, books, rates, audit.acting())
        return work.answer(Kept(kept=kept), 201)
