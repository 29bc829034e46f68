"""Facts as people read them: money with its currency, dates in the store's time zone, links that are links.

Only what a template names is made ready: formatting is the dearest part of an e-mail.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta, timezone, tzinfo
from decimal import Decimal, InvalidOperation
from functools import lru_cache
from typing import Any, Final
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from babel import Locale, UnknownLocaleError
from babel.dates import format_date
from babel.numbers import format_currency, format_decimal

from automations.variables import VARIABLES

MOST_LINES: Final = 100
"""Products that an e-mail lists; more are counted."""
_LONGEST: Final = 5_000
"""Characters of one value."""
_LOCALE: Final = "en_GB"
_OFFSET = re.compile(r"([+-])(\d{1,2}):?(\d{2})")
_CONTROLS = re.compile(r"[\x00-\x08\x0b-\x1f\x7f\u2028\u2029\ud800-\udfff]")
_LINK = re.compile(r"(?:https?://[^\s/]|mailto:[^\s@]+@)[^\s<>\"'\\^`{|}\x00-\x20\x7f]*", re.IGNORECASE)


def language_of(facts: dict[str, Any], brand: str = "") -> str:
    """Return the locale of an e-mail: the store's (like `de_DE`) where it is known, else the brand's, else our own."""
    store = facts.get("store")
    said = store.get("locale") if isinstance(store, dict) else ""
    return known_locale(str(said or brand or _LOCALE))


def ready(facts: dict[str, Any], names: frozenset[str], locale: str) -> dict[str, Any]:
    """Return the facts as a template shows them in `locale`; `names` are the dotted names that it uses.

    The facts' shape is `automations.facts.Facts`.
    """
    groups = {name: dict(value) for name, value in facts.items() if isinstance(value, dict)}
    store, order = groups.get("store", {}), groups.get("order", {})
    zone = str(store.get("time_zone") or "UTC")
    currency = str(order.get("currency") or store.get("currency") or "")
    for name in names:
        group, _, key = name.partition(".")
        if group not in groups or not key:
            continue
        kind = VARIABLES[name].kind if name in VARIABLES else "text"
        value = groups[group].get(key)
        if kind == "money":
            groups[group][key] = money(value, str(groups[group].get("currency") or currency), locale)
        elif kind == "date":
            groups[group][key] = date(value, zone, locale)
        elif kind == "link":
            groups[group][key] = link(value)
        elif isinstance(value, str):
            groups[group][key] = plain(value)
        elif isinstance(value, dict):
            groups[group][key] = {one: plain(each) for one, each in value.items() if isinstance(each, str)}
    if "lines" in order and any(name.startswith("order.lines") for name in names):
        lines = order["lines"] if isinstance(order["lines"], list) else []
        order["lines"] = [_line(line, currency, locale) for line in lines[:MOST_LINES] if isinstance(line, dict)]
        order["more_lines"] = max(0, len(lines) - MOST_LINES)
        fees = order["fees"] if isinstance(order.get("fees"), list) else []
        order["fees"] = [
            {"name": plain(str(fee.get("name") or "")), "total": money(fee.get("total"), currency, locale)}
            for fee in fees[:MOST_LINES]
            if isinstance(fee, dict)
        ]
        order["has_shipping"] = _is_amount(facts["order"].get("shipping_total"))
        order["has_tax"] = _is_amount(facts["order"].get("total_tax"))
        if "order.total_tax" in names:
            order["total_tax"] = money(order.get("total_tax"), currency, locale)
    return groups


def cards(found: Any, locale: str) -> list[dict[str, Any]]:
    """Return product cards ({"name", "price", "currency", "url", "image_url"}) as they are shown."""
    return [
        {
            "name": plain(str(card.get("name") or "")),
            "price": money(card.get("price"), str(card.get("currency") or ""), locale),
            "url": link(card.get("url")),
            "image_url": _image(card.get("image_url")),
        }
        for card in found
        if isinstance(card, dict)
    ]


def money(value: Any, currency: str, locale: str) -> str:
    """Return a decimal string as money: `€59.90`, with as many decimals as the currency has; "" for no amount."""
    return _money(str(value), currency, locale)


def date(value: Any, zone: str, locale: str) -> str:
    """Return an RFC 3339 time as a date in the time zone `zone` (a name, or an offset like +02:00); "" for no time."""
    return _date(str(value), zone, locale)


@lru_cache(maxsize=4_096)
def _money(value: str, currency: str, locale: str) -> str:
    try:
        amount = Decimal(value)
    except InvalidOperation:
        return ""
    if not amount.is_finite() or abs(amount) >= Decimal(10) ** 15:
        return ""
    if re.fullmatch("[A-Z]{3}", currency) is None:
        return format_decimal(amount, locale=locale)
    # CLDR wants a space between a code of letters and the digits; babel leaves it out.
    return re.sub(r"([A-Za-z])(?=\d)", "\\1\u00a0", format_currency(amount, currency, locale=locale))


@lru_cache(maxsize=4_096)
def _date(value: str, zone: str, locale: str) -> str:
    try:
        moment = datetime.fromisoformat(value)
    except ValueError:
        return ""
    moment = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    return format_date(moment.astimezone(_zone(zone)).date(), format="long", locale=locale)


def link(value: Any) -> str:
    """Return a web or mail address, or "" for anything else: `javascript:` never becomes a link."""
    text = str(value or "").strip()
    return text if len(text) <= _LONGEST and _LINK.fullmatch(text) else ""


def plain(value: str) -> str:
    """Return a text of the store without control characters, and cut where it is absurdly long."""
    if len(value) > _LONGEST:
        value = value[: _LONGEST - 1] + "…"
    return value if value.isalnum() else _CONTROLS.sub(" ", value)


@lru_cache(maxsize=256)
def known_locale(name: str) -> str:
    """Return `name` (`de_DE`, `de-DE`, `de_DE_formal`) as a locale that is known, else British English."""
    parts = name.replace("-", "_").split("_")
    for some in ("_".join(parts[:2]), parts[0]):
        try:
            return str(Locale.parse(some))
        except (ValueError, UnknownLocaleError):
            continue
    return _LOCALE


def _is_amount(value: Any) -> bool:
    try:
        return Decimal(str(value)) != 0
    except InvalidOperation:
        return False


def _line(line: dict[str, Any], currency: str, locale: str) -> dict[str, Any]:
    return {
        **line,
        "name": plain(str(line.get("name", ""))),
        "sku": plain(str(line.get("sku", ""))),
        "quantity": str(line.get("quantity", "")),
        "price": money(line.get("price"), currency, locale),
        "total": money(line.get("total"), currency, locale),
        "url": link(line.get("url")),
        "image_url": _image(line.get("image_url")),
    }


def _image(value: Any) -> str:
    """Mailboxes load pictures over https alone."""
    found = link(value)
    return found if found.startswith("https://") else ""


@lru_cache(maxsize=256)
def _zone(name: str) -> tzinfo:
    offset = _OFFSET.fullmatch(name)
    if offset is not None:
        minutes = int(offset[2]) * 60 + int(offset[3])
        return timezone(timedelta(minutes=-minutes if offset[1] == "-" else minutes)) if minutes < 1440 else UTC
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return UTC
