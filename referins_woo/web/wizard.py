"""Connecting a store, step by step: location → what to import → what to keep in sync → approval (C3-C6, C11).

Every choice lies in the store's row as soon as it is made: Back, a refusal or a closed tab loses nothing.
"""

from __future__ import annotations

from dataclasses import replace
from urllib.parse import urlsplit

from flask import Blueprint, abort, flash, redirect, render_template, request, url_for
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response

from referins_woo import clock, process
from referins_woo.commerce import locations
from referins_woo.errors import Final, InvalidInput, RetryLater, StoreMustReconnect
from referins_woo.ingest import importing
from referins_woo.reports import imports as import_reports
from referins_woo.stores import choices, connect, grants, links, mapping
from referins_woo.stores.models import Store
from referins_woo.web import import_form, scope, security

pages = Blueprint("wizard", __name__, url_prefix="/settings/integrations/woocommerce/<int:store_id>")

ELEMENTS = import_form.ELEMENTS
SWITCHES = (
    ("contacts", "Contacts", "Edits of registered customers follow. Guests come with their orders, never updated."),
    ("orders", "Orders", "New orders come in; status, payment and refunds follow. Deletions are not synced."),
    ("transactions", "Transactions", "Payments and refunds are recorded as they happen."),
    (
        "order-submitted",
        "Order Submitted triggers",
        "A new order starts your automations, once. Works with Orders off, too: that order is then kept.",
    ),
    (
        "payment-received",
        "Payment Received triggers",
        "A payment starts your automations, once per order. Works with Orders and Transactions off, too.",
    ),
    ("products", "Products", "Edits in WooCommerce overwrite what is here. Deletions are not synced."),
    ("collections", "Collections", "New and renamed categories follow, as far as products name them."),
)


def _pending(session: Session, store_id: int) -> Store:
    """The store, while it is not connected; what is connected has a page of its own."""
    store = scope.own(session, Store, store_id)
    if store.state != "connecting":
        abort(redirect(url_for("connection.page", store_id=store_id)))
    return store


def _page(template: str, step: str, store: Store, status: int = 200, **more: object) -> tuple[str, int]:
    with scope.reading() as session:
        several = step == "location" or locations.count(session, scope.account_id()) > 1
    return render_template(template, store=store, step=step, has_locations=several, **more), status


@pages.get("/location")
def location(store_id: int) -> tuple[str, int]:
    """Which location the store's orders go to."""
    return _location(store_id)


def _location(store_id: int, error: str = "") -> tuple[str, int]:
    with scope.reading() as session:
        store = _pending(session, store_id)
        found = locations.of_account(session, scope.account_id())
    status = 422 if error else 200
    return _page("pages/wizard_location.html", "location", store, status, locations=found, error=error)


@pages.post("/location")
def choose_location(store_id: int) -> Response | tuple[str, int]:
    """Keep the location."""
    try:
        with scope.unit() as session:
            store = _pending(session, store_id)
            mapping.choose(session, store, request.form.get("location", 0, type=int), clock.now())
    except InvalidInput:
        return _location(store_id, "Choose one of the locations.")
    return redirect(url_for("wizard.elements", store_id=store_id), 303)


@pages.get("/import-elements")
def elements(store_id: int) -> tuple[str, int]:
    """What to import."""
    with scope.reading() as session:
        store = _pending(session, store_id)
    return _elements(store, import_form.of_store(store))


def _elements(store: Store, form: import_form.Form, error: InvalidInput | None = None) -> tuple[str, int]:
    status = 422 if error else 200
    return _page("pages/wizard_elements.html", "elements", store, status, form=form, error=error)


def since_text(store: Store) -> str:
    """Return the day from which orders are imported, as YYYY-MM-DD by the store's calendar; empty: all are."""
    return import_form.of_store(store).since


@pages.post("/import-elements")
def choose_elements(store_id: int) -> Response | tuple[str, int]:
    """Keep what to import."""
    with scope.reading() as session:
        before = _pending(session, store_id)
        form = import_form.typed(before)
    try:
        with scope.unit() as session:
            store = _pending(session, store_id)
            if not form.chosen and request.form.get("to") != "back":
                raise InvalidInput("elements", "Choose at least one element to import.")
            connect.save_choices(session, store, form.choices(store))
    except InvalidInput as error:
        return _elements(before, form, error)
    return redirect(_next("wizard.sync", "wizard.location", store_id), 303)


def _next(forward: str, back: str, store_id: int) -> str:
    """Where the pressed button leads: Back keeps what was chosen as well as Continue."""
    if request.form.get("to") != "back":
        return url_for(forward, store_id=store_id)
    if back == "wizard.location":
        with scope.reading() as session:
            if locations.count(session, scope.account_id()) < 2:
                return url_for("integrations.hub")
    return url_for(back, store_id=store_id)


@pages.get("/sync-settings")
def sync(store_id: int) -> tuple[str, int]:
    """What to keep in sync."""
    with scope.reading() as session:
        store = _pending(session, store_id)
    return _page("pages/wizard_sync.html", "sync", store, switches=SWITCHES, on=choices.choices_of(store).sync)


@pages.post("/sync-settings")
def choose_sync(store_id: int) -> Response:
    """Keep the switches; the seed's Save: approval comes next."""
    with scope.unit() as session:
        store = _pending(session, store_id)
        now = choices.choices_of(store)
        connect.save_choices(session, store, replace(now, sync=frozenset(request.form.getlist("sync"))))
    return redirect(_next("wizard.approve", "wizard.elements", store_id), 303)


@pages.get("/authorize")
def approve(store_id: int) -> tuple[str, int]:
    """What WooCommerce will ask, and the keys typed by hand as the other way."""
    with scope.reading() as session:
        store = _pending(session, store_id)
    return _approval(store)


def _approval(store: Store, status: int = 200, error: str = "", key: str = "") -> tuple[str, int]:
    parts = urlsplit(store.url)
    security.allow("form-action", f"{parts.scheme}://{parts.netloc}")
    config = process.current().config
    return _page(
        "pages/wizard_authorize.html",
        "approve",
        store,
        status,
        reachable=links.reaches_us(config, store.url),
        why_unreached=links.why_unreached(config),
        error=error,
        key=key,
    )


@pages.post("/authorize")
def ask_permission(store_id: int) -> Response | tuple[str, int]:
    """Send the merchant to WooCommerce's permission page."""
    try:
        with scope.unit() as session:
            store = _pending(session, store_id)
            target = grants.start(session, process.current(), store)
    except InvalidInput as error:
        return _approval(store, 422, error.message)
    return redirect(target, 303)


@pages.post("/keys")
def type_keys(store_id: int) -> Response | tuple[str, int]:
    """Connect with keys typed by hand; they are tried before they are kept (C6)."""
    with scope.reading() as session:
        store = _pending(session, store_id)
    key, secret = request.form.get("key", "").strip(), request.form.get("secret", "").strip()
    try:
        accepted = connect.accept_keys(process.current(), store_id, key, secret)
    except (Final, RetryLater, StoreMustReconnect) as error:
        return _approval(store, 422, str(error), key)
    flash("The store is connected.", "success")
    return redirect(begin_import(accepted.store_id), 303)


@pages.post("/remove")
def remove(store_id: int) -> Response:
    """Forget a store that was never connected, with the choices made for it."""
    with scope.unit() as session:
        connect.forget_pending(session, _pending(session, store_id))
    flash("The unfinished store is removed. Nothing had been imported.", "success")
    return redirect(url_for("integrations.hub"), 303)


def begin_import(store_id: int) -> str:
    """Start the first import of a store that was just connected, unless it has begun; return where to watch it."""
    with scope.unit() as session:
        importing.start_first(session, scope.own(session, Store, store_id))
    with scope.reading() as session:
        newest = import_reports.newest_import(session, store_id)
    if newest is None:
        return url_for("connection.page", store_id=store_id)
    return url_for("imports.page", store_id=store_id, import_id=newest.id)
