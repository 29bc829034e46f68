"""Settings > Integrations, the hub of stores, and the first step of connecting one: its address (C1, C2)."""

from __future__ import annotations

from flask import Blueprint, flash, make_response, redirect, render_template, request, url_for
from werkzeug.wrappers import Response

from referins_woo import process
from referins_woo.commerce import locations
from referins_woo.errors import InvalidInput
from referins_woo.reports import imports as import_reports
from referins_woo.reports import stores as reports
from referins_woo.stores import choices, connect, disconnect, grants
from referins_woo.stores.address_help import HELP
from referins_woo.stores.connection import words_for
from referins_woo.stores.models import Store
from referins_woo.web import scope

pages = Blueprint("integrations", __name__, url_prefix="/settings/integrations")


@pages.get("")
def index() -> str:
    """The cards of all integrations: WooCommerce."""
    with scope.reading() as session:
        return render_template("pages/integrations.html", stores=reports.stores(session, scope.account_id()))


@pages.get("/woocommerce")
def hub() -> str:
    """The account's stores."""
    with scope.reading() as session:
        found = reports.stores(session, scope.account_id())
        newest = {store.id: import_reports.newest_import(session, store.id) for store in found}
        unfinished = [store.id for store in found if store.state == "connecting"]
        return render_template(
            "pages/woocommerce.html",
            stores=found,
            newest=newest,
            asked=grants.newest_of(session, unfinished),
            words=words_for,
            problem=None,
        )


@pages.get("/woocommerce/help")
def address_help() -> str:
    """What may be wrong with a store's address, and what mends it."""
    return render_template("pages/address_help.html", entries=HELP.values())


@pages.get("/woocommerce/<int:store_id>/deletion")
def deletion(store_id: int) -> Response:
    """How far the deletion of a disconnected store's data is, for the page that shows it."""
    with scope.reading() as session:
        store = scope.own(session, Store, store_id)
    if not request.headers.get("HX-Request"):
        return redirect(url_for("connection.page", store_id=store_id))
    return make_response(render_template("components/deletion.html", store=store))


@pages.post("/woocommerce/<int:store_id>/delete-data")
def delete_data(store_id: int) -> Response:
    """Delete the data of a store that was disconnected with its data kept."""
    try:
        with scope.unit() as session:
            disconnect.delete_data_later(session, scope.own(session, Store, store_id))
    except InvalidInput as error:
        flash(error.message, "error")
    else:
        flash("Its data is being deleted.", "success")
    return redirect(url_for("connection.page", store_id=store_id), 303)


@pages.get("/woocommerce/connect")
def connect_form() -> str:
    """The form of the modal as a page of its own, for browsers without script."""
    return render_template("pages/connect.html", url=request.args.get("url", ""), problem=None)


@pages.post("/woocommerce/connect")
def connect_store() -> Response:
    """Look at the address; where a store can be connected, go on to what to import."""
    typed = request.form.get("url", "")
    partial = bool(request.headers.get("HX-Request"))
    running = process.current()
    try:
        address = connect.normalise_url(typed, running.config)
        flight = connect.preflight(running, address.url, account_id=scope.account_id())
    except InvalidInput as error:
        return _wrong(typed, connect.Problem("url", error.message), partial)
    if flight.problem is not None:
        return _wrong(typed, flight.problem, partial)
    with scope.unit() as session:
        # Choices made before are kept: by whoever left before the end, or disconnected the store.
        store = connect.create_pending_store(session, running, scope.account_id(), flight.url)
        store.name = store.name or flight.name[:200]
        choices.take_time_zone(store, flight.time_zone or scope.who().time_zone or "UTC")
        first = "wizard.location" if locations.count(session, scope.account_id()) > 1 else "wizard.elements"
        target = url_for(first, store_id=store.id)
    for note in (*address.notes, *flight.notes):
        flash(note, "note")
    if partial:
        answer = make_response("", 204)
        answer.headers["HX-Redirect"] = target
        return answer
    return redirect(target, 303)


def _wrong(typed: str, problem: connect.Problem, partial: bool) -> Response:
    page = "components/connect_form.html" if partial else "pages/connect.html"
    return make_response(render_template(page, url=typed, problem=problem), 422)
