"""What keeps a marketing e-mail back: quiet hours, and how many a contact got from all automations (E4). Pure."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, time, timedelta, tzinfo
from typing import Any

from automations.fields import period_words
from automations.moments import parse_time, quiet_until, words, zone
from automations.settings import Settings


@dataclass(frozen=True, slots=True)
class Restraint:
    """Why an e-mail does not go out now."""

    reason: str
    """`quiet_hours` or `cap`."""
    until: datetime | None
    """When it may go; None: it is left out."""
    text: str
    trace: dict[str, Any]


def restraint(settings: Settings, facts: Any, now: datetime) -> Restraint | None:
    """Return what keeps a marketing e-mail of an automation with these settings from going out now; None: nothing."""
    rules = facts.get("rules") or {}
    return _quiet(settings, rules, facts, now) or _cap(settings, rules, facts, now)


def zone_of(facts: Any) -> tuple[tzinfo, str]:
    """Return the time zone of the contact (by its billing country), else the store's, and its name."""
    name = (facts.get("contact") or {}).get("time_zone") or (facts.get("store") or {}).get("time_zone") or "UTC"
    return zone(str(name)), str(name)


def _quiet(settings: Settings, rules: Any, facts: Any, now: datetime) -> Restraint | None:
    start, end = _quiet_hours(settings, rules)
    if start is None or end is None:
        return None
    where, name = zone_of(facts)
    until = quiet_until(now, start, end, where)
    if until is None:
        return None
    text = f"Quiet hours from {start:%H:%M} to {end:%H:%M} ({name}): it goes on {words(until, where)}."
    trace = {"gate": "quiet_hours", "passed": False, "value": now.astimezone(where).isoformat(), "zone": name}
    return Restraint("quiet_hours", until, text, trace)


def _quiet_hours(settings: Settings, rules: Any) -> tuple[time | None, time | None]:
    if settings.quiet_hours == "own":
        return settings.quiet_from, settings.quiet_to
    if settings.quiet_hours == "off":
        return None, None
    return parse_time(rules.get("quiet_from")), parse_time(rules.get("quiet_to"))


def _cap(settings: Settings, rules: Any, facts: Any, now: datetime) -> Restraint | None:
    most, hours = rules.get("cap_messages"), rules.get("cap_hours")
    action = rules.get("cap_action") if settings.on_cap == "account" else settings.on_cap
    if not most or not hours or action == "ignore":
        return None
    period = timedelta(hours=hours)
    sent = [datetime.fromisoformat(one) for one in (facts.get("sent") or {}).get("marketing_at") or ()]
    recent = sorted(one for one in sent if one > now - period)
    if len(recent) < most:
        return None
    had = f"{len(recent)} marketing {'e-mail' if len(recent) == 1 else 'e-mails'} in the last {period_words(period)}"
    trace = {"gate": "cap", "passed": False, "value": len(recent), "wanted": most, "hours": hours}
    if action != "delay":
        return Restraint("cap", None, f"Left out: the contact got {had}, and {most} are enough.", trace)
    until = recent[len(recent) - most] + period
    where, _ = zone_of(facts)
    return Restraint("cap", until, f"Put off until {words(until, where)}: the contact got {had}.", trace)
