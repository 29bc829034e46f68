"""WooCommerce's permission page answers here: it posts the keys, then sends the merchant back.

The POST is answered 200 at once (anything else makes WooCommerce delete the key, and a shop with one worker waits for
our answer before it can serve us): the keys are kept locked, untried, and a job tries them. The return page polls.
"""

from __future__ import annotations

from flask import Blueprint, Response, abort, flash, make_response, redirect, render_template, request, url_for
from flask_login import current_user
from werkzeug.wrappers import Response as AnyResponse

from referins_woo import clock, process
from referins_woo.reports import ledger
from referins_woo.stores import grants
from referins_woo.stores.models import Store
from referins_woo.web import scope, wizard

pages = Blueprint("callbacks", __name__, url_prefix="/callbacks/woocommerce/<state>")

LARGEST = 16 * 1024


@pages.post("")
def take_keys(state: str) -> Response:
    """Keep the keys that WooCommerce posts, locked and untried."""
    if (request.content_length or 0) > LARGEST:
        return Response("too large\n", 413, mimetype="text/plain")
    status = grants.receive(process.current(), state, request.get_json(force=True, silent=True))
    return Response("ok\n" if status == 200 else "not taken\n", status, mimetype="text/plain")


@pages.get("/return")
def come_back(state: str) -> AnyResponse:
    """The merchant is back: with success it waits for the keys' trial, else nothing is lost."""
    if request.args.get("success") == "0":
        with scope.unit() as session:
            grants.refuse(session, state)
    return _show(state, partial=False)


@pages.get("/progress")
def progress(state: str) -> AnyResponse:
    """Where the trial of the keys stands, for the polling page."""
    return _show(state, partial=True)


@pages.get("/caught-up")
def caught_up(state: str) -> str:
    """How far a repair has caught up, for who is back from the permission page."""
    with scope.reading() as session:
        grant = grants.status(session, state)
        if grant is None or grant.result != "accepted" or grant.purpose != "reconnect":
            abort(404)
        store = session.get_one(Store, grant.store_id)
        found = ledger.health(session, store, clock.now()).catching_up
    address = url_for("callbacks.caught_up", state=state)
    return render_template(
        "components/catching_up.html", store=store, catching_up=found, address=address, ended=found is None
    )


def _show(state: str, *, partial: bool) -> AnyResponse:
    with scope.reading() as session:
        grant = grants.status(session, state)
        if grant is None:
            abort(404)
        store = session.get_one(Store, grant.store_id)
        catching_up = ledger.health(session, store, clock.now()).catching_up if grant.result == "accepted" else None
    target = _target(grant, store)
    if target is not None and partial:
        answer = make_response("", 204)
        answer.headers["HX-Redirect"] = target
        return answer
    if target is not None:
        return redirect(target, 303)
    waiting = grant.result in ("waiting", "received")
    slow = waiting and (clock.now() - grant.since).total_seconds() > 600
    template = "components/grant_progress.html" if partial else "pages/come_back.html"
    signed_in = _may_steer(store)
    return make_response(
        render_template(
            template,
            grant=grant,
            store=store,
            state=state,
            waiting=waiting,
            slow=slow,
            signed_in=signed_in,
            catching_up=catching_up,
        )
    )


def _may_steer(store: Store) -> bool:
    return bool(current_user.is_authenticated and scope.account_id() == store.account_id)


def _target(grant: grants.GrantStatus, store: Store) -> str | None:
    """Where a signed-in merchant goes on; nobody is signed in by coming back (X1)."""
    if not _may_steer(store):
        return None
    if grant.result == "refused":
        flash("Approval was cancelled. Your choices are kept.", "error")
        if store.state == "connecting":
            return url_for("integrations.hub")
        return url_for("connection.page", store_id=store.id)
    if grant.result == "accepted":
        if grant.purpose == "connect":
            return wizard.begin_import(store.id)
        return url_for("connection.page", store_id=store.id)
    return None
