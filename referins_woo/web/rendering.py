"""How values look on pages: money, quantities, times, states."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime
from decimal import Decimal

from babel.core import UnknownLocaleError
from babel.dates import format_date, format_datetime
from babel.numbers import format_compact_currency, format_currency, format_decimal, get_currency_symbol
from flask import Flask
from markupsafe import Markup

from automations import fields
from automations.fields import parse_period
from automations.steps import EXIT_CONDITIONS
from automations.words import plain
from referins_woo import clock
from referins_woo.clock import zone
from referins_woo.commerce import money as amounts
from referins_woo.mail import suppression
from referins_woo.stores.connection import words_for
from referins_woo.web import scope
from referins_woo.web.assets import asset, icon

_LOCALE = "en_GB"
PERCENT_SCALE = 10_000
QUANTITY_SCALE = 10_000


def money(amount: int | None, currency: str) -> Markup:
    """Return an amount (1/10,000) with its sign and its code, once: "$12.50 USD", but "CHF 12.50"."""
    if amount is None:
        return Markup('<span class="text-secondary">–</span>')
    text = money_text(amount, currency)
    if currency in text:
        return Markup('<span class="money">{}</span>').format(text)
    return Markup('<span class="money">{} <span class="money-code">{}</span></span>').format(text, currency)


def money_text(amount: int, currency: str) -> str:
    """Return an amount (1/10,000) as plain text, for where the currency is plain: "€147.37", "$12.50"."""
    return _currency(amounts.to_decimal(amount), currency)


def money_short(amount: int, currency: str) -> str:
    """Return an amount (1/10,000) as a chart's axis shows it: "€400", "€1.2K"."""
    value = amounts.to_decimal(amount)
    try:
        if abs(value) < 1_000:
            short = format_currency(value, currency, format="¤#,##0", locale=_LOCALE, currency_digits=False)
        else:
            short = format_compact_currency(value, currency, locale=_LOCALE, fraction_digits=1)
        return _short_sign(str(short), currency)
    except (UnknownLocaleError, ValueError):
        return money_text(amount, currency)


def axis_top(amount: int) -> int:
    """Return the top of a chart's axis: three equal, round steps that hold `amount`; at least 3 units."""
    step = max(1, -(-amount // (3 * amounts.SCALE)))
    size = int(10 ** (len(str(step)) - 1))
    rounded: int = next(part * size for part in (1, 2, 3, 5, 10) if part * size >= step)
    return 3 * rounded * amounts.SCALE


def unit_price(amount: int, currency: str) -> Markup:
    """Return a price per unit (1/1,000,000) in the currency's decimals, the exact one on hover."""
    exact = amounts.to_text(amount, amounts.UNIT_PRICE_SCALE)
    shown = _currency(amounts.to_decimal(amount, amounts.UNIT_PRICE_SCALE), currency)
    return Markup('<span title="{} {}">{}</span>').format(exact, currency, shown)


def _currency(value: Decimal, currency: str) -> str:
    try:
        return _short_sign(format_currency(value, currency or "XXX", locale=_LOCALE), currency)
    except (UnknownLocaleError, ValueError):
        return f"{value:,.2f}"


def _short_sign(text: str, currency: str) -> str:
    """Take the country off a sign that has it in front ("US$", "JP¥"): the code says it. Part a code from digits."""
    sign = str(get_currency_symbol(currency, locale=_LOCALE)) if currency else ""
    if sign == currency:
        return text.replace(sign, f"{sign}\N{NO-BREAK SPACE}", 1) if sign else text
    country = sign.rstrip("$¥£")
    if country == sign or not country or not currency.startswith(country):
        return text
    return text.replace(sign, sign.removeprefix(country), 1)


def quantity(amount: int) -> str:
    """Return a quantity (1/10,000) without needless decimals."""
    return amounts.to_text(amount, QUANTITY_SCALE, at_least=0)


def percent(rate: int) -> str:
    """Return a tax rate (1/10,000 of a percent)."""
    return amounts.to_text(rate, PERCENT_SCALE, at_least=0) + "%"


def number(value: int) -> str:
    """Return a count with thousands parted."""
    return str(format_decimal(value, locale=_LOCALE))


def when(moment: datetime | None, zone_name: str = "UTC", style: str = "full") -> Markup:
    """Return a time in the zone, machine-readable, with UTC on hover. `style` is full, date or clock."""
    if moment is None:
        return Markup('<span class="text-secondary">–</span>')
    utc = moment.astimezone(UTC)
    local = moment.astimezone(zone(zone_name))
    pattern = {"full": "d MMM y, HH:mm", "date": "d MMM y", "clock": "HH:mm"}[style]
    return Markup('<time datetime="{}" title="{} UTC">{}</time>').format(
        utc.strftime("%Y-%m-%dT%H:%M:%SZ"),
        utc.strftime("%Y-%m-%d %H:%M:%S"),
        format_datetime(local, pattern, locale=_LOCALE),
    )


def ago(moment: datetime | None) -> Markup:
    """Return how long ago something was: "4 min ago"; for what is to come: "in 4 min"."""
    if moment is None:
        return Markup('<span class="text-secondary">never</span>')
    seconds = (clock.now() - moment).total_seconds()
    words = duration(abs(seconds))
    utc = moment.astimezone(UTC)
    return Markup('<time datetime="{}" title="{} UTC">{}</time>').format(
        utc.strftime("%Y-%m-%dT%H:%M:%SZ"),
        utc.strftime("%Y-%m-%d %H:%M:%S"),
        f"{words} ago" if seconds >= 0 else f"in {words}",
    )


def duration(seconds: float) -> str:
    """Return a span in its largest unit: "40 s", "6 min", "3 h", "12 d"."""
    for size, unit in ((86_400, "d"), (3_600, "h"), (60, "min")):
        if seconds >= size:
            return f"{int(seconds // size)} {unit}"
    return f"{int(seconds)} s"


def period_words(text: str) -> str:
    """Return a period like 24h in words; empty for what is none."""
    period = parse_period(text)
    return fields.period_words(period) if period is not None else ""


def ended_words(reason: str) -> str:
    """Return why a run ended; empty where it simply came to its end."""
    own = {"finished": "", "exit_step": "It reached an exit", "step_removed": "Its step is gone"}
    if reason in own:
        return own[reason]
    return EXIT_CONDITIONS.get(reason) or reason.replace("_", " ").capitalize()


def not_sent_words(reason: str) -> str:
    """Why an e-mail was not sent: codes of the mail room in words, sentences as they are."""
    return suppression.WORDS.get(reason, reason)


def day(value: date | None) -> Markup:
    """Return a calendar date, which has no zone."""
    if value is None:
        return Markup('<span class="text-secondary">–</span>')
    return Markup('<time datetime="{}">{}</time>').format(
        value.isoformat(), format_date(value, "d MMM y", locale=_LOCALE)
    )


def initials(name: str, email: str = "") -> str:
    """Return up to two letters for an avatar."""
    words = [word for word in name.split() if word[:1].isalnum()]
    letters = (words[0][:1] + words[-1][:1]) if len(words) > 1 else (words[0][:2] if words else email[:1])
    return letters.upper() or "?"


def host(url: str) -> str:
    """Return an address without its scheme, as people say it."""
    return re.sub(r"^https?://", "", url)


def install(app: Flask) -> None:
    """Give the templates these."""
    of_numbers = (money, money_text, money_short, axis_top, unit_price, quantity, percent, number)
    of_words = (period_words, ended_words, not_sent_words, plain)
    for function in (*of_numbers, *of_words, when, ago, duration, day, initials, host):
        app.jinja_env.filters[function.__name__] = function
    app.jinja_env.globals.update(asset=asset, icon=icon, cause_words=words_for, may=scope.may)
    app.jinja_env.trim_blocks = True
    app.jinja_env.lstrip_blocks = True
