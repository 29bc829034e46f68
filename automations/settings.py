"""Settings of an automation as a whole, declared like those of steps, and what they mean when read."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import time, timedelta
from typing import Any, Final

from automations.fields import Field, Problem, check, parse_period, to_period, unknown_keys
from automations.moments import parse_time
from automations.triggers import TRIGGERS

SETTINGS: Final = (
    Field("lateness_limit", "Not for events older than", "period", help="At most, and unless given, the trigger's."),
    Field(
        "reentry",
        "The same contact may enter",
        "choice",
        choices=("always", "once", "once_in"),
        labels=("With every order", "Once ever", "Once in a period"),
        help="One order goes through once, whatever is chosen.",
        default="always",
    ),
    Field("reentry_period", "Once in", "period", help="Like 30d; only with “once in a period”."),
    Field(
        "quiet_hours",
        "Quiet hours",
        "choice",
        choices=("account", "own", "off"),
        labels=("As set for the account", "Its own", "None"),
        help="Marketing e-mails wait until they are over; e-mails about an order never wait.",
        default="account",
    ),
    Field("quiet_from", "Quiet from", "time", help="Like 21:00; only with its own quiet hours."),
    Field("quiet_to", "Quiet to", "time", help="Like 08:00, in the time zone of the contact's country."),
    Field(
        "on_cap",
        "Where a contact has had enough marketing e-mails",
        "choice",
        choices=("account", "skip", "delay", "ignore"),
        labels=("As set for the account", "Leave the e-mail out", "Send it later", "Send it all the same"),
        help="How many are enough is set for the account, across all automations.",
        default="account",
    ),
)


@dataclass(frozen=True, slots=True)
class Settings:
    """What the settings of one automation mean."""

    lateness_limit: timedelta = timedelta(hours=24)
    """An older event starts nothing and sends nothing by itself."""
    reentry: timedelta | None = timedelta(0)
    """How long a contact that entered may not enter again: zero is always, None is once ever."""
    quiet_hours: str = "account"
    quiet_from: time | None = None
    quiet_to: time | None = None
    on_cap: str = "account"


def read(raw: Any, trigger: str, found: list[Problem]) -> Settings:
    """Return the settings of a document; what is wrong with them is added to `found`."""
    limit = TRIGGERS[trigger].lateness_limit
    if not isinstance(raw, dict):
        found.append(Problem("settings", "settings", "The settings are not an object.", "Give names and values."))
        return Settings(limit)
    wrong = unknown_keys(raw, [one.key for one in SETTINGS], "settings")
    unreadable = [problem for one in SETTINGS if (problem := check(one, raw.get(one.key), "settings")) is not None]
    wrong += unreadable or _unfitting(raw, limit)
    found.extend(wrong)
    if wrong:
        return Settings(limit)
    period = parse_period(raw.get("reentry_period"))
    return Settings(
        lateness_limit=parse_period(raw.get("lateness_limit")) or limit,
        reentry={"once": None, "once_in": period}.get(raw.get("reentry") or "always", timedelta(0)),
        quiet_hours=raw.get("quiet_hours") or "account",
        quiet_from=parse_time(raw.get("quiet_from")),
        quiet_to=parse_time(raw.get("quiet_to")),
        on_cap=raw.get("on_cap") or "account",
    )


def to_json(settings: Settings) -> dict[str, Any]:
    """Return the document of settings: `read` of it gives the same."""
    document = {"lateness_limit": to_period(settings.lateness_limit), "reentry": "always"}
    if settings.reentry is None:
        document["reentry"] = "once"
    elif settings.reentry:
        document |= {"reentry": "once_in", "reentry_period": to_period(settings.reentry)}
    document |= {"quiet_hours": settings.quiet_hours, "on_cap": settings.on_cap}
    if settings.quiet_from is not None and settings.quiet_to is not None:
        document |= {"quiet_from": f"{settings.quiet_from:%H:%M}", "quiet_to": f"{settings.quiet_to:%H:%M}"}
    return document


def _unfitting(raw: dict[str, Any], limit: timedelta) -> list[Problem]:
    return [*_pairs(raw), *_lateness(raw, limit)]


def _pairs(raw: dict[str, Any]) -> Iterable[Problem]:
    if (raw.get("reentry") == "once_in") != bool(raw.get("reentry_period")):
        yield Problem("settings", "reentry_period", "once_in and a period belong together.", "Give both.")
    own = raw.get("quiet_hours") == "own"
    for key in ("quiet_from", "quiet_to"):
        if own != bool(raw.get(key)):
            yield Problem("settings", key, "Its own quiet hours need from and to, and nothing else does.", "Give both.")
    if own and raw.get("quiet_from") and raw.get("quiet_from") == raw.get("quiet_to"):
        yield Problem("settings", "quiet_to", "The quiet hours end when they begin.", "Give another time.")


def _lateness(raw: dict[str, Any], limit: timedelta) -> Iterable[Problem]:
    own = parse_period(raw.get("lateness_limit"))
    if own is not None and own > limit:
        remedy = f"Give at most {to_period(limit)}."
        yield Problem("settings", "lateness_limit", "The trigger itself lets no older event through.", remedy)
