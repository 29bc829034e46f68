"""How values are compared: each operator is declared once. Nothing here raises.

`prepare` reads once what a condition compares with; `holds` compares. What cannot be read is UNFIT.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime, timedelta, tzinfo
from decimal import Decimal, InvalidOperation
from typing import Any, Final

from automations.fields import parse_period
from automations.moments import WEEKDAYS

UNFIT: Final = object()
"""A value that is not of the kind that is compared."""

_LONGEST: Final = 40
"""Characters of a number; a longer text is none, and is not looked at any further."""


@dataclass(frozen=True, slots=True)
class Dated:
    """A moment beside the zone in which its day is meant, and what time it is."""

    moment: datetime
    zone: tzinfo
    now: datetime | None

    @property
    def day(self) -> date:
        """The calendar day in that zone."""
        return self.moment.astimezone(self.zone).date()


@dataclass(frozen=True, slots=True)
class Operator:
    """One way to compare; `holds` returns None where the values cannot be compared."""

    key: str
    label: str
    kinds: frozenset[str]
    prepare: Callable[[str, Any], Any]
    """(kind of the field, value of the condition) → what `holds` compares with, or UNFIT."""
    holds: Callable[[Any, Any], bool | None]
    takes_value: bool = True
    takes_missing: bool = False
    takes_list: bool = False
    """The value may be a list, or names with commas between them."""
    value_kind: str = ""
    """How the value is entered where that is not the field's own kind: `period` or `weekdays`."""

    def asks(self, kind: str) -> tuple[str, str]:
        """Return what the value must be ("a number"), and how it is written."""
        return _ASKS.get(self.value_kind) or _ASKS.get(kind) or _ASKS["text"]


def number(value: Any) -> Decimal | None:
    """Return a finite number, None for what is none (true and false are none)."""
    if isinstance(value, bool):
        return None
    text = str(value) if isinstance(value, str | int | float | Decimal) else ""
    if not 0 < len(text) <= _LONGEST:
        return None
    try:
        found = Decimal(text)
    except InvalidOperation:
        return None
    return found if found.is_finite() else None


def moment(value: Any) -> datetime | None:
    """Return the aware moment that an RFC 3339 text names, None for what names none."""
    try:
        found = datetime.fromisoformat(value)
    except (TypeError, ValueError):
        return None
    return found if found.tzinfo is not None else None


def _or_unfit(value: Any) -> Any:
    return UNFIT if value is None else value


def _folded(value: Any) -> str:
    return str(value).strip().casefold()


READ: Final[dict[str, Callable[[Any], Any]]] = {
    "text": lambda value: value if isinstance(value, str) else UNFIT,
    "flag": lambda value: value if isinstance(value, bool) else UNFIT,
    "list": lambda value: value if isinstance(value, list) else UNFIT,
    "money": lambda value: _or_unfit(number(value)),
    "number": lambda value: _or_unfit(number(value)),
    "date": lambda value: _or_unfit(moment(value)),
}
"""Kind of field → its value made comparable; UNFIT: of another type, and a comparison would be a guess."""

_NUMERIC: Final = frozenset({"money", "number"})
_TEXT: Final = frozenset({"text"})
_LIST: Final = frozenset({"list"})
_FLAG: Final = frozenset({"flag"})
_DATE: Final = frozenset({"date"})
_ALL: Final = _TEXT | _NUMERIC | _LIST | _FLAG | _DATE

_ASKS: Final = {
    "money": ("a number", "Write it like 12.50."),
    "number": ("a number", "Write it like 12."),
    "date": ("a date", "Write it like 2026-12-24."),
    "period": ("a period", "Write it like 30m, 1h, 2d or 1w."),
    "weekdays": ("a list of weekdays", f"Choose from: {', '.join(WEEKDAYS)}."),
    "text": ("a text", "Give it as text."),
}


def _scalar(kind: str, wanted: Any) -> Any:
    if kind in _NUMERIC:
        return _or_unfit(number(wanted))
    if kind == "date":
        return _day(kind, wanted)
    return _folded(wanted) if isinstance(wanted, str | int | float | Decimal) else UNFIT


def _options(kind: str, wanted: Any) -> Any:
    parts = wanted if isinstance(wanted, list) else str(wanted).split(",") if wanted is not None else []
    ready = [_scalar(kind, part.strip() if isinstance(part, str) else part) for part in parts]
    return UNFIT if not ready or UNFIT in ready else frozenset(ready)


def _day(_kind: str, wanted: Any) -> Any:
    try:
        return date.fromisoformat(wanted)
    except (TypeError, ValueError):
        return UNFIT


def _span(_kind: str, wanted: Any) -> Any:
    return _or_unfit(parse_period(wanted))


def _days_of_week(_kind: str, wanted: Any) -> Any:
    found = _options("text", wanted)
    return found if found is not UNFIT and found <= set(WEEKDAYS) else UNFIT


def _same(value: Any, wanted: Any) -> bool:
    return bool(_folded(value) == wanted if isinstance(value, str) else value == wanted)


def _among(value: Any, wanted: Any) -> bool:
    return (_folded(value) if isinstance(value, str) else value) in wanted


def _has(value: Any, wanted: Any) -> bool:
    return any(_folded(one) in wanted for one in value)


def _has_all(value: Any, wanted: Any) -> bool:
    return bool(wanted <= {_folded(one) for one in value})


def _in_last(value: Dated, span: timedelta) -> bool | None:
    return None if value.now is None else value.now - span <= value.moment <= value.now


def _longer_ago(value: Dated, span: timedelta) -> bool | None:
    return None if value.now is None else value.moment < value.now - span


def _nothing(_kind: str, _wanted: Any) -> Any:
    return None


OPERATORS: Final[dict[str, Operator]] = {
    one.key: one
    for one in (
        Operator("is", "is", _TEXT | _NUMERIC, _scalar, _same),
        Operator("is_not", "is not", _TEXT | _NUMERIC, _scalar, lambda a, b: not _same(a, b)),
        Operator("one_of", "is one of", frozenset({"text", "number"}), _options, _among, takes_list=True),
        Operator(
            "none_of",
            "is none of",
            frozenset({"text", "number"}),
            _options,
            lambda a, b: not _among(a, b),
            takes_list=True,
        ),
        Operator("contains", "contains", _TEXT, _scalar, lambda a, b: b in a.casefold()),
        Operator("contains_not", "does not contain", _TEXT, _scalar, lambda a, b: b not in a.casefold()),
        Operator("starts_with", "starts with", _TEXT, _scalar, lambda a, b: a.strip().casefold().startswith(b)),
        Operator("greater_than", "is greater than", _NUMERIC, _scalar, lambda a, b: a > b),
        Operator("at_least", "is at least", _NUMERIC, _scalar, lambda a, b: a >= b),
        Operator("less_than", "is less than", _NUMERIC, _scalar, lambda a, b: a < b),
        Operator("at_most", "is at most", _NUMERIC, _scalar, lambda a, b: a <= b),
        Operator("has", "has one of", _LIST, _options, _has, takes_list=True),
        Operator("has_all", "has all of", _LIST, _options, _has_all, takes_list=True),
        Operator("has_not", "has none of", _LIST, _options, lambda a, b: not _has(a, b), takes_list=True),
        Operator("before", "is before", _DATE, _day, lambda a, b: a.day < b),
        Operator("on", "is on", _DATE, _day, lambda a, b: a.day == b),
        Operator("after", "is after", _DATE, _day, lambda a, b: a.day > b),
        Operator("in_last", "is in the last", _DATE, _span, _in_last, value_kind="period"),
        Operator("longer_ago", "is longer ago than", _DATE, _span, _longer_ago, value_kind="period"),
        Operator(
            "on_weekday",
            "is on a",
            _DATE,
            _days_of_week,
            lambda a, b: WEEKDAYS[a.day.weekday()] in b,
            takes_list=True,
            value_kind="weekdays",
        ),
        Operator("is_true", "is true", _FLAG, _nothing, lambda a, _: a is True, takes_value=False),
        Operator("is_false", "is false", _FLAG, _nothing, lambda a, _: a is False, takes_value=False),
        Operator(
            "is_empty", "is empty", _ALL, _nothing, lambda a, _: a in ("", []), takes_value=False, takes_missing=True
        ),
        Operator("is_filled", "is not empty", _ALL, _nothing, lambda a, _: a not in ("", []), takes_value=False),
    )
}
