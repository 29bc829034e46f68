"""Letting past orders into a live automation, on purpose: since when, whom, how many, and only then (triggers.md)."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta

from flask import Blueprint, flash, redirect, render_template, request, url_for
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response

from automations.triggers import TRIGGERS
from referins_woo import clock
from referins_woo.accounts.models import User
from referins_woo.clock import zone
from referins_woo.runs import automations as room
from referins_woo.runs import past_orders
from referins_woo.runs.models import Automation
from referins_woo.web import scope

pages = Blueprint("past_orders", __name__, url_prefix="/automations/<int:automation_id>/past-orders")

_SHOWN = 100
_DAYS_BACK = 7


@pages.get("")
def page(automation_id: int) -> tuple[str, int]:
    """Whom it would let in; nothing happens by looking."""
    with scope.reading() as session:
        return _page(session, scope.own(session, Automation, automation_id), "")


@pages.post("")
def add(automation_id: int) -> Response | tuple[str, int]:
    """Let them in: as many as were shown, or none."""
    who = scope.who()
    with scope.unit() as session:
        automation = scope.own(session, Automation, automation_id)
        since, wrong = _since(request.form.get("since", ""))
        if wrong:
            return _page(session, automation, "")
        try:
            found = len(past_orders.preview(session, automation, since))
            if found != request.form.get("count", -1, type=int):
                return _page(session, automation, "There are others by now: look at them again, then add them.")
            user = session.get_one(User, who.user_id)
            added = past_orders.add(session, automation_id, who.account_id, since, user.name or user.email)
        except room.NotNow as error:
            return _page(session, automation, str(error))
    flash(f"{added:,} past {'order' if added == 1 else 'orders'} entered. Each goes through once.", "success")
    return redirect(url_for("runs.index", automation=automation_id), 303)


def _page(session: Session, automation: Automation, error: str) -> tuple[str, int]:
    since, wrong = _since(request.values.get("since", ""))
    found: list[past_orders.Addable] = []
    is_live = automation.state in ("live", "paused") and automation.live_version_id is not None
    if is_live and not wrong:
        found = past_orders.preview(session, automation, since)
    told = render_template(
        "pages/past_orders.html",
        automation=automation,
        trigger=TRIGGERS.get(automation.trigger),
        since=since.astimezone(zone(scope.who().time_zone)).date(),
        first=_first_day(),
        today=_today(),
        wrong=wrong,
        error=error,
        is_live=is_live,
        found=found,
        newest=found[::-1][:_SHOWN],
        most=past_orders.MOST,
    )
    return told, 422 if error or wrong else 200


def _since(text: str) -> tuple[datetime, str]:
    """Return the midnight at which the day begins in the account's zone, and what is wrong with what was typed."""
    try:
        day, wrong = date.fromisoformat(text) if text else _today() - timedelta(days=_DAYS_BACK), ""
    except ValueError:
        day, wrong = _today() - timedelta(days=_DAYS_BACK), "Write a day like 2026-11-20."
    if not wrong and day < _first_day():
        day, wrong = _first_day(), "At most a year back."
    elif not wrong and day > _today():
        day, wrong = _today(), "That day is still to come."
    return datetime.combine(day, time(), zone(scope.who().time_zone)).astimezone(UTC), wrong


def _today() -> date:
    return clock.now().astimezone(zone(scope.who().time_zone)).date()


def _first_day() -> date:
    return _today() - past_orders.FARTHEST
