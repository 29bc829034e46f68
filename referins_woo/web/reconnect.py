"""The page behind the link of a reconnect mail: it shows and repairs one store and signs nobody in (X1, X3)."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from urllib.parse import urlsplit

from flask import Blueprint, redirect, render_template, request, url_for
from werkzeug.wrappers import Response

from referins_woo import clock, process
from referins_woo.errors import Final, InvalidInput, RetryLater, StoreMustReconnect
from referins_woo.reports import ledger
from referins_woo.stores import connect, grants, links, reconnect
from referins_woo.stores.connection import words_for
from referins_woo.stores.models import Store
from referins_woo.web import limits, scope, security

_WHEN_IT_WAS_GOOD = datetime.fromtimestamp(0, UTC)
"""Read at this time an old link still says which store it was for."""

pages = Blueprint("reconnect", __name__, url_prefix="/reconnect/<token>")


def _store(token: str) -> Store:
    with scope.reading() as session:
        return reconnect.open_link(session, process.current().config, token, clock.now())


def _page(token: str, status: int = 200, error: str = "", key: str = "") -> tuple[str, int]:
    try:
        store = _store(token)
    except links.LinkInvalid as invalid:
        return render_template("pages/reconnect_old.html", words=str(invalid), token=token, old=invalid.expired), 410
    parts = urlsplit(store.url)
    security.allow("form-action", f"{parts.scheme}://{parts.netloc}")
    return render_template(
        "pages/reconnect.html",
        store=store,
        words=words_for(store.cause),
        token=token,
        actions={
            "authorize": url_for("reconnect.ask_permission", token=token),
            "test": url_for("reconnect.test_again", token=token),
            "typed": url_for("reconnect.type_keys", token=token),
        },
        reachable=links.reaches_us(process.current().config, store.url),
        error=error,
        key=key,
    ), status


@pages.get("")
def page(token: str) -> tuple[str, int]:
    """Which store, since when, the probable cause, what to do."""
    return _page(token)


@pages.post("/authorize")
@limits.limiter.limit(limits.PER_BROWSER)
def ask_permission(token: str) -> Response | tuple[str, int]:
    """Ask WooCommerce's permission page for new keys."""
    running = process.current()
    try:
        with scope.unit() as session:
            store = reconnect.open_link(session, running.config, token, clock.now())
            return redirect(grants.start(session, running, store, purpose="reconnect"), 303)
    except links.LinkInvalid:
        return _page(token)
    except InvalidInput as error:
        return _page(token, 422, error.message)


@pages.post("/keys")
@limits.limiter.limit(limits.PER_BROWSER, deduct_when=limits.failed)
def type_keys(token: str) -> str | tuple[str, int]:
    """Reconnect with keys typed by hand."""
    key, secret = request.form.get("key", "").strip(), request.form.get("secret", "").strip()
    return _mended(token, lambda store: connect.accept_keys(process.current(), store.id, key, secret), key)


@pages.post("/test")
@limits.limiter.limit(limits.PER_BROWSER)
def test_again(token: str) -> str | tuple[str, int]:
    """Try the keys that we have again: what was wrong may be mended."""
    return _mended(token, lambda store: connect.try_stored_keys(process.current(), store.id))


def _mended(token: str, mend: Callable[[Store], object], key: str = "") -> str | tuple[str, int]:
    """Mend the store that the link is for, or show again what is wrong with it."""
    try:
        store = _store(token)
        mend(store)
    except links.LinkInvalid:
        return _page(token)
    except (Final, RetryLater, StoreMustReconnect) as error:
        return _page(token, 422, str(error), key)
    return _progress(token, store.id, "pages/reconnected.html")


@pages.get("/progress")
def progress(token: str) -> str | Response | tuple[str, int]:
    """How far the repair has caught up; asked by the page that shows it."""
    if "HX-Request" not in request.headers:
        return redirect(url_for("reconnect.page", token=token), 303)
    try:
        link = links.read_reconnect_link(process.current().config, token, clock.now())
    except links.LinkInvalid as invalid:
        return str(invalid), 410
    return _progress(token, link.store_id, "components/catching_up.html")


def _progress(token: str, store_id: int, template: str) -> str:
    with scope.reading() as session:
        store = session.get_one(Store, store_id)
        found = ledger.health(session, store, clock.now()).catching_up
    address = url_for("reconnect.progress", token=token)
    return render_template(template, store=store, catching_up=found, address=address, ended=found is None)


@pages.post("/new-link")
@limits.limiter.limit("5 per hour")
def new_link(token: str) -> str:
    """Send a new link to those who may mend the store; the answer is the same whether or not there is one."""
    config = process.current().config
    try:
        link = links.read_reconnect_link(config, token, _WHEN_IT_WAS_GOOD)
    except links.LinkInvalid:
        pass  # made by nobody here: there is nobody to write to
    else:
        with scope.unit() as session:
            reconnect.renew_link(session, config, link.store_id, clock.now())
    return render_template("pages/link_sent.html")
