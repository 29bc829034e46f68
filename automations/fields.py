"""How a setting is declared: forms, validation, API and documentation are drawn from these."""

from __future__ import annotations

import difflib
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any, Final

from automations.moments import WEEKDAYS, parse_time

_PERIOD = re.compile(r"(\d{1,5}) ?(m|min|h|d|w)")
_UNITS = {"m": "minutes", "min": "minutes", "h": "hours", "d": "days", "w": "weeks"}
_ADDRESS: Final = re.compile(r"https?://[^\s/?#@]+([/?#]\S*)?", re.IGNORECASE)
_MOST_NAMES: Final = 200


@dataclass(frozen=True, slots=True)
class Field:
    """One setting of a step, condition or trigger."""

    key: str
    label: str
    kind: str
    """How it is entered: `text` (one line), `lines` (of text), `link`, `number`, `choice`, `flag`, `period`, `time`
    (of day), `date`, `weekdays`, `names` (a list of words), `address` (of a server), `blocks` (of an e-mail, see
    `blocks`), `template` (the record that an e-mail follows) or `condition` (see `conditions`)."""
    required: bool = False
    help: str = ""
    choices: tuple[str, ...] = ()
    most: int | None = None
    """Longest text, or largest number."""
    labels: tuple[str, ...] = ()
    """Words for the choices, in their order; empty where the choices speak for themselves."""
    offers: str = ""
    """What a form offers to choose from: `tags` or `statuses` of the account; empty: nothing."""
    default: Any = None
    """What counts where it is left empty."""
    merges: bool = False
    """Whether the text may hold merge variables."""


@dataclass(frozen=True, slots=True)
class Problem:
    """What is wrong with a definition: where, what, and what to do."""

    path: str
    """Like "steps[2].yes[0].body[1]"; empty for the whole."""
    field: str
    message: str
    remedy: str = ""


def parse_period(text: Any) -> timedelta | None:
    """Return the period that `text` names ("30m", "1h", "2 d", "1w"), or None when it names none above zero."""
    match = _PERIOD.fullmatch(text.strip()) if isinstance(text, str) else None
    if match is None or int(match[1]) == 0:
        return None
    return timedelta(**{_UNITS[match[2]]: int(match[1])})


def to_period(period: timedelta) -> str:
    """Return the shortest text that `parse_period` reads as `period` (whole minutes)."""
    minutes = round(period.total_seconds() / 60)
    for size, unit in ((7 * 24 * 60, "w"), (24 * 60, "d"), (60, "h")):
        if minutes % size == 0:
            return f"{minutes // size}{unit}"
    return f"{minutes}m"


def period_words(period: timedelta) -> str:
    """Return a period in words: "1 hour", "2 days"."""
    minutes = round(period.total_seconds() / 60)
    for size, name in ((7 * 24 * 60, "week"), (24 * 60, "day"), (60, "hour"), (1, "minute")):
        if minutes % size == 0 and minutes >= size:
            count = minutes // size
            return f"{count} {name}{'' if count == 1 else 's'}"
    return f"{minutes} minutes"


def check(field: Field, value: Any, path: str) -> Problem | None:
    """Return what is wrong with the value of a field, or None."""
    if value is None or value == "" or value == []:
        if field.required:
            return Problem(path, field.key, f"{field.label} is missing.", f"Fill in {field.label.lower()}.")
        return None
    wrong = _KINDS[field.kind](field, value)
    return Problem(path, field.key, f"{field.label} {wrong[0]}.", wrong[1]) if wrong else None


def unknown_keys(raw: dict[Any, Any], known: Iterable[str], path: str) -> list[Problem]:
    """Return a problem for every key of `raw` that is not `known`: a misspelt setting must not be lost in silence."""
    names = sorted(known)
    found = []
    for key in raw:
        if key not in names:
            close = difflib.get_close_matches(str(key), names, n=1)
            remedy = f"Did you mean {close[0]}?" if close else f"Choose: {', '.join(names)}." if names else "Remove it."
            found.append(Problem(path, str(key), f"There is no setting {key!r} here.", remedy))
    return found


_Wrong = tuple[str, str] | None
"""What is wrong with a value, and the remedy."""


def _text(field: Field, value: Any) -> _Wrong:
    if not isinstance(value, str):
        return "is not text", "Give it as text."
    if field.most is not None and len(value) > field.most:
        return f"is longer than {field.most} characters", "Shorten it."
    if field.kind != "lines" and ("\n" in value or "\r" in value):
        return "has more than one line", "Keep it on one line."
    return None


def _number(field: Field, value: Any) -> _Wrong:
    if isinstance(value, bool) or not isinstance(value, int) or value < 0:
        return "is not a whole number", "Give a whole number from 0 on."
    if field.most is not None and value > field.most:
        return f"is above {field.most}", f"Give at most {field.most}."
    return None


def _choice(field: Field, value: Any) -> _Wrong:
    return None if value in field.choices else ("is none of the choices", f"Choose one of: {', '.join(field.choices)}.")


def _flag(_field: Field, value: Any) -> _Wrong:
    return None if isinstance(value, bool) else ("is neither true nor false", "Give true or false.")


def _period(_field: Field, value: Any) -> _Wrong:
    period = parse_period(value)
    if period is None:
        return "is not a period", "Write it like 30m, 1h, 2d or 1w."
    return ("is above a year", "Wait a year at most.") if period > timedelta(days=366) else None


def _time(_field: Field, value: Any) -> _Wrong:
    return None if parse_time(value) is not None else ("is not a time of day", "Write it like 09:00 or 17:30.")


def _date(_field: Field, value: Any) -> _Wrong:
    try:
        date.fromisoformat(value)
    except (TypeError, ValueError):
        return "is not a date", "Write it like 2026-12-24."
    return None


def _weekdays(_field: Field, value: Any) -> _Wrong:
    if not isinstance(value, list) or any(day not in WEEKDAYS for day in value):
        return "are not days of the week", f"Give a list of: {', '.join(WEEKDAYS)}."
    return None


def _names(field: Field, value: Any) -> _Wrong:
    if not isinstance(value, list) or len(value) > _MOST_NAMES or any(not _is_name(field, one) for one in value):
        return "is not a list of words", f"Give a list of at most {_MOST_NAMES} words of at most {field.most or 100}."
    return None


def _is_name(field: Field, value: Any) -> bool:
    return isinstance(value, str) and 0 < len(value.strip()) <= (field.most or 100) and "\n" not in value


def _address(field: Field, value: Any) -> _Wrong:
    wrong = _text(field, value)
    if wrong is None and _ADDRESS.fullmatch(value) is None:
        return "is not an address", "Write it like https://example.com/hook."
    return wrong


def _template(_field: Field, value: Any) -> _Wrong:
    numbers = value.values() if isinstance(value, dict) and set(value) == {"id", "version"} else ()
    good = [one for one in numbers if isinstance(one, int) and not isinstance(one, bool) and 0 < one < 10**18]
    return None if len(good) == 2 else ("is no template", "Give its id and the number of its version.")


def _unchecked(_field: Field, _value: Any) -> _Wrong:
    return None  # `definition` looks into blocks and conditions itself


_KINDS: Final[dict[str, Callable[[Field, Any], _Wrong]]] = {
    "text": _text,
    "lines": _text,
    "link": _text,  # where it leads: `blocks` knows which variables are links
    "number": _number,
    "choice": _choice,
    "flag": _flag,
    "period": _period,
    "time": _time,
    "date": _date,
    "weekdays": _weekdays,
    "names": _names,
    "address": _address,
    "blocks": _unchecked,
    "template": _template,
    "condition": _unchecked,
}
FIELD_KINDS: Final = tuple(_KINDS)
"""Every way in which a setting is entered; a builder must know them all."""
