"""The store page's tabs about its connection: health, deliveries, log; and what can be done there by hand."""

from __future__ import annotations

from collections.abc import Container
from typing import Any, Final

from flask import Blueprint, abort, flash, redirect, render_template, request, url_for
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response

from referins_woo import clock, process, queues
from referins_woo.errors import Final as FinalError
from referins_woo.errors import InvalidInput, RetryLater, StoreMustReconnect
from referins_woo.ingest import again
from referins_woo.ingest.models import Delivery
from referins_woo.reports import deliveries as delivery_reports
from referins_woo.reports import ledger
from referins_woo.stores import facts, webhooks
from referins_woo.stores.connection import words_for
from referins_woo.stores.models import Store, StoreLog
from referins_woo.web import scope

pages = Blueprint("store_health", __name__, url_prefix="/settings/integrations/woocommerce/<int:store_id>")

_LOG_SIZE: Final = 50
_STATES: Final = (("received", "Waiting"), ("done", "Done"), ("ignored", "Ignored"), ("failed", "Failed"))
_TOPICS: Final = (*webhooks.ORDER_TOPICS, *webhooks.PRODUCT_TOPICS, *webhooks.CUSTOMER_TOPICS)


def _store(session: Session, store_id: int) -> Store:
    store = scope.own(session, Store, store_id)
    if store.state == "connecting":
        abort(404)
    return store


@pages.get("/health")
def health(store_id: int) -> str:
    """The ledger, the store's answers, its webhooks."""
    with scope.reading() as session:
        store = _store(session, store_id)
        return render_template(
            "pages/store_health.html",
            store=store,
            health=ledger.health(session, store, clock.now()),
            words=words_for(store.cause),
        )


@pages.get("/progress")
def progress(store_id: int) -> Response | str:
    """How far a repair has caught up, for the part of a page that polls; alone it leads to its page."""
    with scope.reading() as session:
        store = _store(session, store_id)
        if "HX-Request" not in request.headers:
            return redirect(url_for("store_health.health", store_id=store_id), 303)
        found = ledger.health(session, store, clock.now()).catching_up
        return render_template(
            "components/catching_up.html", store=store, catching_up=found, address=request.path, ended=found is None
        )


@pages.get("/deliveries")
def deliveries(store_id: int) -> str:
    """Every delivery of the store's webhooks; `?open=` shows what one of them held."""
    state, topic = _one_of("state", dict(_STATES)), _one_of("topic", _TOPICS)
    page = max(request.args.get("page", 1, type=int), 1)
    with scope.reading() as session:
        store = _store(session, store_id)
        rows, more = delivery_reports.deliveries(session, store.id, state=state, topic=topic, page=page)
        opened = _opened(session, store)
        return render_template(
            "pages/store_deliveries.html",
            store=store,
            rows=rows,
            more=more,
            page=page,
            state=state,
            topic=topic,
            states=_STATES,
            topics=_TOPICS,
            opened=opened,
            payload=delivery_reports.payload(opened.delivery) if opened is not None else "",
            health=ledger.health(session, store, clock.now()),
        )


def _one_of(name: str, known: Container[str]) -> str:
    value = request.args.get(name, "")
    return value if value in known else ""


def _opened(session: Session, store: Store) -> delivery_reports.DeliveryRow | None:
    wanted = request.args.get("open", type=int)
    if wanted is None:
        return None
    delivery = scope.own(session, Delivery, wanted)
    if delivery.store_id != store.id:
        abort(404)
    return delivery_reports.one(session, delivery)


@pages.post("/deliveries/retry")
def retry(store_id: int) -> Response:
    """Try one delivery again, or all that failed."""
    with scope.unit() as session:
        store = _store(session, store_id)
        wanted = request.form.get("delivery", type=int)
        if wanted is not None and scope.own(session, Delivery, wanted).store_id != store.id:
            abort(404)
        count = again.retry(session, store.id, wanted)
    if count:
        flash("It is tried again." if count == 1 else f"{count} deliveries are tried again.", "success")
    else:
        flash("There is nothing to try again: it waits already.", "note")
    return redirect(url_for("store_health.deliveries", store_id=store_id), 303)


@pages.post("/webhooks/test")
def send_test(store_id: int) -> Response:
    """Have the store call us now, and say whether it did."""

    def test(store: Store) -> str:
        if store.sweep_only:
            raise InvalidInput("store", "This store cannot reach us: it has no webhooks, changes are fetched.")
        seconds = webhooks.send_test(process.current(), store.id)
        if seconds is None:
            raise InvalidInput(
                "store",
                "The store took the webhook, but its call never reached us. Does a firewall, "
                "or a proxy in front of us, hold back its requests?",
            )
        return f"The store reached us: it answered and called within {seconds:.1f} s."

    return _do(store_id, test)


@pages.post("/webhooks/heal")
def heal(store_id: int) -> Response:
    """Look at the webhooks now, and make anew what is not as it should be."""

    def look(store: Store) -> str:
        webhooks.heal(process.current(), store.id)
        return "The webhooks were looked at: what was missing or switched off is made anew."

    return _do(store_id, look)


@pages.post("/webhooks/rotate")
def rotate(store_id: int) -> Response:
    """Give the webhooks a new secret; what the old one signed is accepted for a day."""

    def renew(store: Store) -> str:
        running = process.current()
        with scope.unit() as session:
            mine = scope.own(session, Store, store.id)
            webhooks.renew_secret(mine, running.vault, clock.now())
            session.add(_entry(mine, "The webhooks' secret was changed."))
        webhooks.heal(running, store.id)
        return "The webhooks have a new secret. What the old one signed is accepted for 24 hours."

    return _do(store_id, renew)


def _entry(store: Store, text: str) -> StoreLog:
    return StoreLog(account_id=store.account_id, store_id=store.id, at=clock.now(), kind="webhooks_healed", text=text)


def _do(store_id: int, act: Any) -> Response:
    """Do something that asks the store, and say how it went."""
    with scope.reading() as session:
        store = _store(session, store_id)
    try:
        flash(act(store), "success")
    except (FinalError, RetryLater, StoreMustReconnect) as error:
        flash(str(error), "error")
    return redirect(url_for("store_health.health", store_id=store_id), 303)


@pages.post("/other-site")
def settle_other_site(store_id: int) -> Response:
    """Say what the other site is: the store itself, which has moved, or a copy."""
    try:
        with scope.unit() as session:
            store = _store(session, store_id)
            site, choice = store.other_site.rstrip("/"), request.form.get("choice", "")
            text = facts.settle_other_site(store, choice)
            session.add(facts.log_of(store, text))
            if choice == facts.MOVED:
                again.take_in_ignored(session, store.id, site)
                queues.ring_after_commit(session, "catch_up", store.id)
    except InvalidInput as error:
        flash(error.message, "error")
    else:
        flash(text, "success")
    return redirect(url_for("store_health.health", store_id=store_id), 303)


@pages.get("/log")
def log(store_id: int) -> str:
    """What happened between us and the store, newest first."""
    kind, page = request.args.get("kind", ""), max(request.args.get("page", 1, type=int), 1)
    if kind not in dict(ledger.LOG_KINDS):
        kind = ""
    with scope.reading() as session:
        store = _store(session, store_id)
        entries, total = ledger.log(session, store.id, kind, page, _LOG_SIZE)
        return render_template(
            "pages/store_log.html",
            store=store,
            entries=entries,
            total=total,
            kinds=ledger.LOG_KINDS,
            kind=kind,
            page=page,
            pages=max(1, -(-total // _LOG_SIZE)),
        )
