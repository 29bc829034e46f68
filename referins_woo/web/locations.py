"""Settings > Locations: places that take orders and hold stock, and which stores' orders go there (L1, L2)."""

from __future__ import annotations

from flask import Blueprint, abort, flash, redirect, render_template, request, url_for
from sqlalchemy import func, select
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response

from referins_woo import clock
from referins_woo.accounts import audit
from referins_woo.commerce import locations as room
from referins_woo.commerce.models import Location, Order, StockItem
from referins_woo.errors import InvalidInput
from referins_woo.stores import mapping
from referins_woo.stores.models import Store
from referins_woo.web import scope

pages = Blueprint("locations", __name__, url_prefix="/settings/locations")


@pages.get("")
def index() -> str:
    """The locations, and where each store's orders go."""
    with scope.reading() as session:
        return _page(session)


@pages.post("")
def add() -> Response | tuple[str, int]:
    """Add a location."""
    typed = request.form.get("name", "")
    with scope.unit() as session:
        try:
            made = room.add(session, scope.account_id(), typed)
        except InvalidInput as error:
            return _page(session, typed, error), 422
        audit.record(session, scope.account_id(), "location_added", made.name)
        words = f"{made.name} is added. No store's orders go there until you say so."
    return _back(words)


@pages.post("/<int:location_id>")
def rename(location_id: int) -> Response | tuple[str, int]:
    """Give a location another name."""
    with scope.unit() as session:
        location = own(session, location_id)
        before = location.name
        try:
            changed = room.rename(session, location, request.form.get("name", ""))
        except InvalidInput as error:
            return _page(session, "", InvalidInput(f"name-{location_id}", error.message)), 422
        if changed:
            audit.record(session, scope.account_id(), "location_changed", location.name, before=before)
    return _back("The location has its new name." if changed else "Nothing was changed.")


@pages.post("/<int:location_id>/default")
def make_default(location_id: int) -> Response:
    """Make it the location that new stores are offered first."""
    with scope.unit() as session:
        location = own(session, location_id)
        if room.make_default(session, location):
            audit.record(session, scope.account_id(), "location_changed", location.name, default="yes")
        words = f"New stores are offered {location.name} first. Those that are connected stay where they are."
    return _back(words)


@pages.get("/<int:location_id>/delete")
def delete_form(location_id: int) -> str:
    """Say what deleting means."""
    with scope.reading() as session:
        location = own(session, location_id)
        return render_template(
            "pages/location_delete.html",
            location=location,
            stores=mapping.stores_of(session, location),
            orders=session.scalar(select(func.count()).where(Order.location_id == location_id)) or 0,
            goods=session.scalar(select(func.count()).where(StockItem.location_id == location_id)) or 0,
            is_last=room.count(session, scope.account_id()) == 1,
        )


@pages.post("/<int:location_id>/delete")
def delete(location_id: int) -> Response:
    """Delete a location; its stores wait for another one."""
    try:
        with scope.unit() as session:
            waiting = mapping.delete(session, own(session, location_id), clock.now())
    except InvalidInput as error:
        flash(error.message, "error")
        return redirect(url_for("locations.index"), 303)
    if waiting:
        flash("The location is deleted. Its stores make no orders until you choose another location for them.", "note")
    return _back("The location is deleted.")


def own(session: Session, location_id: int) -> Location:
    """Return the account's location with that id, or answer 404: also for one that was deleted."""
    return room.own(session, scope.account_id(), location_id) or abort(404)


def _page(session: Session, typed: str = "", error: InvalidInput | None = None) -> str:
    found = room.of_account(session, scope.account_id())
    stores = session.scalars(
        select(Store)
        .where(Store.account_id == scope.account_id(), Store.state.not_in(("connecting", "disconnected")))
        .order_by(Store.id)
    ).all()
    return render_template("pages/locations.html", locations=found, stores=stores, typed=typed, error=error)


def _back(words: str) -> Response:
    flash(words, "success")
    return redirect(url_for("locations.index"), 303)
