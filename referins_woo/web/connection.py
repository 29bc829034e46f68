"""The page of one store: state and cause in words, sync settings, re-import, disconnect (C8, C9)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from urllib.parse import urlsplit

from flask import Blueprint, flash, redirect, render_template, request, url_for
from werkzeug.wrappers import Response

from referins_woo import clock, process, queues
from referins_woo.accounts import audit
from referins_woo.commerce import locations, sales
from referins_woo.errors import Final, InvalidInput, RetryLater, StoreMustReconnect
from referins_woo.ingest import importing
from referins_woo.reports import imports as import_reports
from referins_woo.reports import ledger
from referins_woo.reports import stores as reports
from referins_woo.reports.orders import woo_statuses
from referins_woo.stores import choices, connect, disconnect, grants, links, mapping
from referins_woo.stores.connection import words_for
from referins_woo.stores.models import Store
from referins_woo.web import rendering, scope, security
from referins_woo.web.imports import LABELS
from referins_woo.web.sign_in import local
from referins_woo.web.wizard import ELEMENTS, SWITCHES, since_text

pages = Blueprint("connection", __name__, url_prefix="/settings/integrations/woocommerce/<int:store_id>")

_LOG_SHOWN = 5


@pages.get("")
def page(store_id: int) -> Response | str | tuple[str, int]:
    """The page; a store that is not connected yet goes on in the wizard."""
    with scope.reading() as session:
        store = scope.own(session, Store, store_id)
    if store.state == "connecting":
        return redirect(url_for("wizard.elements", store_id=store_id))
    return _page(store_id)


def _page(store_id: int, status: int = 200, error: str = "", key: str = "", new_url: str = "") -> tuple[str, int]:
    with scope.reading() as session:
        store = scope.own(session, Store, store_id)
        newest = import_reports.newest_import(session, store_id)
        parts = urlsplit(new_url or store.url)
        security.allow("form-action", f"{parts.scheme}://{parts.netloc}")
        return render_template(
            "pages/connection.html",
            store=store,
            health=ledger.health(session, store, clock.now()),
            kept=reports.kept(session, store_id),
            log=ledger.log(session, store_id, "", 1, _LOG_SHOWN)[0],
            words=words_for(store.cause),
            newest=import_reports.progress(session, newest, clock.now()) if newest is not None else None,
            locations=locations.of_account(session, scope.account_id()),
            elements=ELEMENTS,
            labels=LABELS,
            since_text=since_text(store),
            reachable=links.reaches_us(process.current().config, new_url or store.url),
            actions=_actions(store),
            error=error,
            key=key,
            new_url=new_url,
        ), status


def _actions(store: Store) -> dict[str, str]:
    """Return where the forms that mend a store lead; the one for a new address only where it may have moved."""
    names = {"authorize": "ask_permission", "test": "test_again", "typed": "type_keys"}
    if store.cause in ("moved", "plugin_off", "rest_closed", "unreachable"):
        names["move"] = "look_there"
    return {name: url_for(f"connection.{endpoint}", store_id=store.id) for name, endpoint in names.items()}


@pages.get("/sync")
def sync_settings(store_id: int) -> str:
    """The switches of each kind of sync."""
    with scope.reading() as session:
        store = scope.own(session, Store, store_id)
        return render_template(
            "pages/store_sync.html",
            store=store,
            switches=SWITCHES,
            on=choices.choices_of(store).sync,
            statuses=list(dict.fromkeys([*woo_statuses(session, scope.account_id()), *store.sales_statuses])),
        )


@pages.post("/sales-orders")
def choose_sales_statuses(store_id: int) -> Response:
    """Choose which statuses make sales orders (O3); those that stand in one now become some."""
    with scope.unit() as session:
        store = scope.own(session, Store, store_id)
        try:
            chosen = sales.chosen_statuses(request.form.getlist("sales"))
        except InvalidInput as error:
            flash(error.message, "error")
        else:
            store.sales_statuses = chosen
            entered = sales.take_in(session, store_id, chosen, clock.now())
            audit.record(session, store.account_id, "store_settings_changed", store.url, sales_orders=", ".join(chosen))
            flash(f"Kept. Orders that became sales orders just now: {entered}; none stops being one.", "success")
    return redirect(url_for("connection.sync_settings", store_id=store_id), 303)


@pages.post("/sync")
def choose_sync(store_id: int) -> Response:
    """Switch each kind of sync."""
    with scope.unit() as session:
        store = scope.own(session, Store, store_id)
        now = choices.choices_of(store)
        connect.save_choices(session, store, replace(now, sync=frozenset(request.form.getlist("sync"))))
    flash("Sync settings are saved. They hold for what comes after; a re-import brings what was missed.", "success")
    return redirect(url_for("connection.sync_settings", store_id=store_id), 303)


@pages.post("/map-location")
def map_location(store_id: int) -> Response:
    """Map the store to a location; one that waited for it is connected now (C11, L2)."""
    try:
        with scope.unit() as session:
            store = scope.own(session, Store, store_id)
            if store.state == "disconnected":
                raise InvalidInput("location", "This store is disconnected: its location is chosen when it comes back.")
            waited = store.state == "mapping_needed"
            is_other = mapping.choose(session, store, request.form.get("location", 0, type=int), clock.now())
    except InvalidInput as error:
        flash(error.message, "error")
    else:
        words = "Later orders go there; those that are here stay where they are."
        if waited:
            words = "The store is connected again: what came meanwhile is picked up now."
        flash(words if is_other or waited else "Nothing was changed.", "success")
    return redirect(local(request.form.get("back") or url_for("connection.page", store_id=store_id)), 303)


@pages.post("/re-import")
def import_again(store_id: int) -> Response:
    """Import chosen elements again: it doubles nothing and starts no automation."""
    try:
        with scope.unit() as session:
            store = scope.own(session, Store, store_id)
            if store.state != "connected":
                raise InvalidInput("elements", "Only a connected store can be imported again.")
            run = importing.start(session, store, request.form.getlist("elements"))
            import_id = run.id
    except InvalidInput as error:
        flash(error.message, "error")
        return redirect(url_for("connection.page", store_id=store_id), 303)
    return redirect(url_for("imports.page", store_id=store_id, import_id=import_id), 303)


@pages.post("/sync-now")
def catch_up(store_id: int) -> Response:
    """Look for changes now instead of in a few minutes."""
    with scope.reading() as session:
        pause = scope.own(session, Store, store_id).retry_after
    queues.ring("catch_up", store_id)
    if pause is not None and pause > clock.now():
        soon = rendering.duration((pause - clock.now()).total_seconds())
        flash(f"The store does not answer just now. It is asked again in {soon}.", "error")
    else:
        flash("Looking for changes now.", "success")
    endpoint = "store_health.health" if request.form.get("back") == "health" else "connection.page"
    return redirect(url_for(endpoint, store_id=store_id), 303)


@pages.post("/test")
def test_again(store_id: int) -> Response | tuple[str, int]:
    """Try the keys that we have again: some causes mend without new ones."""
    return _mended(store_id, lambda: connect.try_stored_keys(process.current(), store_id))


@pages.post("/look-there")
def look_there(store_id: int) -> Response | tuple[str, int]:
    """The store has moved: try its keys at the address that was typed in."""
    typed = request.form.get("url", "")
    with scope.reading() as session:
        scope.own(session, Store, store_id)
    try:
        url = connect.find_again(process.current(), typed)
    except InvalidInput as error:
        return _page(store_id, 422, error.message, new_url=typed)
    return _mended(store_id, lambda: connect.try_stored_keys(process.current(), store_id, url), new_url=url)


@pages.post("/reconnect/authorize")
def ask_permission(store_id: int) -> Response | tuple[str, int]:
    """Ask WooCommerce's permission page for new keys; `url`: at the address to which the store has moved."""
    try:
        url = connect.find_again(process.current(), request.form["url"]) if request.form.get("url") else ""
        with scope.unit() as session:
            store = scope.own(session, Store, store_id)
            return redirect(grants.start(session, process.current(), store, purpose="reconnect", url=url), 303)
    except InvalidInput as error:
        return _page(store_id, 422, error.message)


@pages.post("/reconnect/keys")
def type_keys(store_id: int) -> Response | tuple[str, int]:
    """Reconnect with keys typed by hand."""
    key, secret = request.form.get("key", "").strip(), request.form.get("secret", "").strip()
    moved_to = request.form.get("url", "")

    def accept() -> connect.Accepted:
        url = connect.find_again(process.current(), moved_to) if moved_to else ""
        return connect.accept_keys(process.current(), store_id, key, secret, url)

    return _mended(store_id, accept, key=key, new_url=moved_to)


def _mended(
    store_id: int, mend: Callable[[], object], *, key: str = "", new_url: str = ""
) -> Response | tuple[str, int]:
    """Mend the store, or show again what is wrong, with what was typed in."""
    with scope.reading() as session:
        scope.own(session, Store, store_id)
    try:
        mend()
    except (Final, RetryLater, StoreMustReconnect) as error:
        return _page(store_id, 422, str(error), key, new_url)
    flash("The store is connected again. It catches up with what was missed.", "success")
    return redirect(url_for("connection.page", store_id=store_id), 303)


@pages.get("/disconnect")
def disconnect_form(store_id: int) -> str:
    """The dialog as a page of its own, for browsers without script."""
    with scope.reading() as session:
        store = scope.own(session, Store, store_id)
        return render_template("pages/disconnect.html", store=store, kept=reports.kept(session, store_id))


@pages.post("/disconnect")
def disconnect_store(store_id: int) -> Response:
    """Disconnect: webhooks removed, keys erased, data kept or deleted as chosen."""
    delete_data = request.form.get("data") == "delete"
    with scope.reading() as session:
        scope.own(session, Store, store_id)
    disconnect.disconnect(process.current(), store_id, delete_data)
    with scope.unit() as session:
        importing.leave(session, store_id)
    kept = "Its data is being deleted." if delete_data else "Its data stays."
    flash(f"The store is disconnected and its keys are erased. {kept}", "success")
    return redirect(url_for("integrations.hub"), 303)
