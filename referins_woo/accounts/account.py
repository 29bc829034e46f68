"""The settings of an account: name, time zone, base currency, postal address, sender, second factors."""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import lru_cache
from typing import Any, Final
from zoneinfo import available_timezones

from babel.core import get_global
from babel.numbers import get_currency_name
from sqlalchemy import select
from sqlalchemy.orm import Session

from referins_woo import queues
from referins_woo.accounts import audit
from referins_woo.accounts.models import Account, User
from referins_woo.commerce import base_totals
from referins_woo.errors import InvalidInput

LONGEST_ADDRESS: Final = 500
_FIELDS: Final = ("name", "time_zone", "base_currency", "sender_name", "postal_address", "requires_second_factor")
_NO_HEADER: Final = re.compile(r"[\x00-\x08\x0b-\x1f\x7f]")


@lru_cache(maxsize=1)
def time_zones() -> tuple[str, ...]:
    """Return the zones to choose among: one a place, without the old and technical names."""
    areas = ("Africa/", "America/", "Antarctica/", "Asia/", "Atlantic/", "Australia/", "Europe/", "Indian/", "Pacific/")
    return ("UTC", *sorted(name for name in available_timezones() if name.startswith(areas)))


@lru_cache(maxsize=1)
def currencies() -> tuple[tuple[str, str], ...]:
    """Return (code, name) of the currencies that some country uses today, by code."""
    codes = {
        code
        for uses in get_global("territory_currencies").values()
        for code, _start, end, is_tender in uses
        if end is None and is_tender
    }
    return tuple((code, str(get_currency_name(code, locale="en_GB"))) for code in sorted(codes))


def change(session: Session, account_id: int, user_id: int, given: Mapping[str, str]) -> list[str]:
    """Set what was typed into the form; returns the names of what changed. Raises InvalidInput.

    From now on the connected stores no longer decide about time zone and currency (N6).
    """
    account = session.get_one(Account, account_id)
    wanted = {
        "name": _line(given, "name", 200),
        "time_zone": given.get("time_zone") or None,
        "base_currency": given.get("base_currency") or None,
        "sender_name": _line(given, "sender_name", 200),
        "postal_address": address(given.get("postal_address", "")),
        "requires_second_factor": given.get("requires_second_factor") == "1",
    }
    _check(account, wanted)
    if wanted["requires_second_factor"] and not account.requires_second_factor:
        has_one = session.scalar(select(User.totp_since).where(User.id == user_id)) is not None
        if not has_one:
            raise InvalidInput(
                "requires_second_factor", "Set up two-step sign-in for yourself first, under Settings > Security."
            )
    changed = [name for name in _FIELDS if (getattr(account, name) or "") != (wanted[name] or "")]
    for name in changed:
        setattr(account, name, wanted[name])
    if {"base_currency", "time_zone"} & set(changed):
        base_totals.look_again(session, account_id)
        queues.ring_after_commit(session, "give_rates", account_id)
    if changed:
        audit.record(session, account_id, "account_changed", ", ".join(changed).replace("_", " "))
    return changed


def _check(account: Account, wanted: dict[str, Any]) -> None:
    if not wanted["name"]:
        raise InvalidInput("name", "The account needs a name.")
    if wanted["time_zone"] not in (account.time_zone, *time_zones()):
        raise InvalidInput("time_zone", "Choose a time zone from the list.")
    if wanted["base_currency"] not in (account.base_currency, *(code for code, _ in currencies())):
        raise InvalidInput("base_currency", "Choose a currency from the list.")


def _line(given: Mapping[str, str], name: str, longest: int) -> str:
    text = " ".join(given.get(name, "").split())
    if len(text) > longest:
        raise InvalidInput(name, f"At most {longest} characters.")
    if _NO_HEADER.search(text):
        raise InvalidInput(name, "This holds characters that cannot be shown. Type it anew.")
    return text


def address(typed: str) -> str:
    """Return a postal address as it is kept: its lines, without what is blank. Raises InvalidInput."""
    name = "postal_address"
    lines = [" ".join(line.split()) for line in typed.splitlines()]
    text = "\n".join(line for line in lines if line)
    if len(text) > LONGEST_ADDRESS:
        raise InvalidInput(name, f"At most {LONGEST_ADDRESS} characters.")
    if _NO_HEADER.search(text):
        raise InvalidInput(name, "This holds characters that cannot be shown. Type it anew.")
    return text
