"""Settings > General: name, time zone, currency, address, sender, and what is asked of everybody (N6)."""

from __future__ import annotations

from flask import Blueprint, flash, redirect, render_template, request, url_for
from werkzeug.wrappers import Response

from referins_woo.accounts import account
from referins_woo.accounts.models import Account
from referins_woo.errors import InvalidInput
from referins_woo.runs import publishable
from referins_woo.web import scope

pages = Blueprint("settings", __name__, url_prefix="/settings")


@pages.get("")
def index() -> Response:
    """Lead to the first page of settings that the person may open."""
    return redirect(url_for("settings.general" if scope.may("account") else "security.page"), 303)


@pages.get("/general")
def general() -> tuple[str, int]:
    """The account's settings."""
    return _page()


@pages.post("/general")
def change() -> Response | tuple[str, int]:
    """Keep what was typed; nothing of it where one field is wrong."""
    try:
        with scope.unit() as session:
            changed = publishable.change_account(session, scope.account_id(), scope.who().user_id, request.form)
    except InvalidInput as error:
        return _page(error)
    flash("The settings are saved." if changed else "Nothing was changed.", "success")
    return redirect(url_for("settings.general"), 303)


def _page(error: InvalidInput | None = None) -> tuple[str, int]:
    with scope.reading() as session:
        kept = session.get_one(Account, scope.account_id())
        values = {
            "name": kept.name,
            "time_zone": kept.time_zone or "",
            "base_currency": kept.base_currency or "",
            "sender_name": kept.sender_name,
            "postal_address": kept.postal_address,
            "requires_second_factor": "1" if kept.requires_second_factor else "",
        }
    if error is not None:
        values = {name: request.form.get(name, "") for name in values}
    page = render_template(
        "pages/settings_general.html",
        values=values,
        error=error,
        zones=_with_own(account.time_zones(), kept.time_zone),
        currencies=_currencies(kept.base_currency),
    )
    return page, 422 if error is not None else 200


def _with_own(zones: tuple[str, ...], own: str | None) -> tuple[str, ...]:
    """A store's zone may be an offset, which is in no list."""
    return zones if own is None or own in zones else (own, *zones)


def _currencies(own: str | None) -> tuple[tuple[str, str], ...]:
    known = account.currencies()
    return known if own is None or own in dict(known) else ((own, own), *known)
