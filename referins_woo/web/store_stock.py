"""A store's tab Stock: its opening count, and goods that were counted before with another number (K1).

What it shows of the quantities that the store is told stands in `stock_push`.
"""

from __future__ import annotations

from typing import Final

from flask import Blueprint, flash, make_response, redirect, render_template, request, url_for
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response

from referins_woo import clock
from referins_woo.accounts import audit
from referins_woo.commerce import adjusting, locations, stock_opening
from referins_woo.commerce.upsert.bulk import lock_account
from referins_woo.errors import InvalidInput
from referins_woo.ingest import stock_count
from referins_woo.reports import stock_opening as openings
from referins_woo.reports import store_stock as reports
from referins_woo.stores.models import Store
from referins_woo.web import scope

pages = Blueprint("store_stock", __name__, url_prefix="/settings/integrations/woocommerce/<int:store_id>/stock")

_SIZE: Final = 50
_LAST_PAGE: Final = 100_000


@pages.get("")
def page(store_id: int) -> str:
    """The tab."""
    with scope.reading() as session:
        return show(session, scope.own(session, Store, store_id))


@pages.post("")
def count(store_id: int) -> Response:
    """Have the opening stock counted, and shown."""
    with scope.unit() as session:
        try:
            if stock_count.ask(session, scope.own(session, Store, store_id)):
                flash("It is shown here as soon as the store is caught up with.", "success")
        except InvalidInput as error:
            flash(error.message, "error")
    return redirect(url_for("store_stock.page", store_id=store_id), 303)


@pages.get("/opening")
def opening_progress(store_id: int) -> str | Response:
    """Whether the count is ready, for the part of the page that polls."""
    with scope.reading() as session:
        store = scope.own(session, Store, store_id)
        here = url_for("store_stock.page", store_id=store_id)
        if "HX-Request" not in request.headers:
            return redirect(here, 303)
        opening = openings.opening(session, store)
        if opening.state in ("asked", "confirmed"):
            return render_template("components/stock/opening_waits.html", store=store, opening=opening)
    ended = make_response("", 204)
    ended.headers["HX-Redirect"] = here
    return ended


@pages.post("/opening")
def decide_opening(store_id: int) -> Response | tuple[str, int]:
    """Confirm the opening stock as it is shown, but for what was typed; or leave it."""
    with scope.unit() as session:
        store = scope.own(session, Store, store_id)
        try:
            if request.form.get("act") == "leave":
                stock_count.leave(session, store)
                flash("Left. Nothing was written.", "success")
            else:
                stock_count.confirm(session, store, _typed(), audit.acting())
                flash("Confirmed. It is written as soon as the store is caught up with.", "success")
        except InvalidInput as error:
            return show(session, store, of_opening=error), 422
    return redirect(url_for("store_stock.page", store_id=store_id), 303)


def _typed() -> dict[str, tuple[int, int]]:
    """What was shown and typed of each line, by key."""
    typed = {}
    for name, text in request.form.items():
        if name.startswith("key-"):
            shown = request.form.get(f"shown-{name[4:]}", "")
            typed[name[4:]] = adjusting.quantity(shown, "lines"), adjusting.quantity(text, name)
    return typed


@pages.post("/counted")
def change(store_id: int) -> Response | tuple[str, int]:
    """Change what was counted before to what was typed: one adjustment."""
    with scope.unit() as session:
        lock_account(session, scope.account_id())
        store = scope.own(session, Store, store_id)
        location = locations.own(session, store.account_id, store.location_id or 0)
        made = None
        try:
            wanted = {key[4:]: adjusting.quantity(text) for key, text in request.form.items() if key.startswith("key-")}
            if location is not None:
                lines = stock_opening.proposal(session, store.id, location)
                made = stock_opening.count_again(
                    session, location, lines, wanted, store.name or store.url, audit.acting(), clock.now()
                )
        except InvalidInput as error:
            return show(session, store, of_counted=error), 422
        if made is not None:
            audit.record(session, store.account_id, "stock_adjusted", f"Adjustment {made.number}")
            flash(f"Adjustment {made.number} is entered.", "success")
        else:
            flash("Nothing was changed.", "success")
    return redirect(url_for("store_stock.page", store_id=store_id), 303)


def show(
    session: Session,
    store: Store,
    *,
    of_counted: InvalidInput | None = None,
    of_opening: InvalidInput | None = None,
    of_push: InvalidInput | None = None,
    of_terms: InvalidInput | None = None,
) -> str:
    """Return the tab, with what could not be done of one of its forms."""
    opening = openings.opening(session, store)
    return render_template(
        "pages/store_stock.html",
        store=store,
        opening=opening,
        location=opening.location,
        of_opening=of_opening,
        typed=request.form if of_counted is not None or of_opening is not None else {},
        error=of_counted,
        it=reports.told(session, store),
        of_push=of_push,
        of_terms=of_terms,
        typed_terms=request.form if of_terms is not None else None,
        number=min(max(request.args.get("page", 1, type=int), 1), _LAST_PAGE),
        size=_SIZE,
        arithmetic_words=reports.arithmetic_words,
        plain=reports.plain,
    )
