"""Settings: webhooks that we send, their secrets, and the log of calls."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, abort, flash, redirect, render_template, request, url_for
from sqlalchemy import func, select
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response

from referins_woo import clock, process
from referins_woo.accounts import audit
from referins_woo.errors import Final, InvalidInput
from referins_woo.outbound import endpoints as room
from referins_woo.outbound import outbox
from referins_woo.outbound.catalogue import EVENT_TYPES
from referins_woo.outbound.models import WebhookCall, WebhookEndpoint
from referins_woo.web import scope

pages = Blueprint("webhooks", __name__, url_prefix="/settings/webhooks")

_SHOWN = 50
"""Calls on the page of an endpoint."""


@pages.get("")
def index() -> str:
    """The account's endpoints."""
    with scope.reading() as session:
        return _index(session)


@pages.post("")
def create() -> Response | tuple[str, int]:
    """Make an endpoint."""
    current = process.current()
    try:
        with scope.unit() as session:
            made = room.create(
                session,
                current.config,
                current.vault,
                scope.account_id(),
                request.form.get("url", ""),
                request.form.getlist("event_types"),
                request.form.get("description", ""),
                clock.now(),
            )
            audit.record(session, scope.account_id(), "webhook_created", made.url)
            made_id = made.id
    except InvalidInput as error:
        with scope.reading() as session:
            return _index(session, error), 422
    flash("The webhook is made. Copy its secret into your program, then send a test.", "success")
    return redirect(url_for("webhooks.page", endpoint_id=made_id), 303)


@pages.get("/<int:endpoint_id>")
def page(endpoint_id: int) -> str:
    """One endpoint: its settings, its secret, its log."""
    with scope.reading() as session:
        return _page(session, scope.own(session, WebhookEndpoint, endpoint_id))


@pages.post("/<int:endpoint_id>")
def change(endpoint_id: int) -> Response | tuple[str, int]:
    """Change an endpoint."""
    try:
        with scope.unit() as session:
            found = scope.own(session, WebhookEndpoint, endpoint_id)
            room.change(
                found,
                process.current().config,
                clock.now(),
                url=request.form.get("url", ""),
                event_types=request.form.getlist("event_types"),
                description=request.form.get("description", ""),
            )
            audit.record(session, scope.account_id(), "webhook_changed", found.url)
    except InvalidInput as error:
        with scope.reading() as session:
            return _page(session, scope.own(session, WebhookEndpoint, endpoint_id), error), 422
    return _back(endpoint_id, "Saved.")


@pages.post("/<int:endpoint_id>/switch")
def switch(endpoint_id: int) -> Response:
    """Switch an endpoint off, or on again."""
    with scope.unit() as session:
        found = scope.own(session, WebhookEndpoint, endpoint_id)
        if found.state == "enabled":
            room.disable(found, clock.now())
            words = "Switched off: nothing is sent there. What waits goes out once it is on again."
        else:
            room.enable(session, found, clock.now())
            words = "Switched on. What failed meanwhile can be sent again from the log."
        audit.record(session, scope.account_id(), "webhook_changed", found.url)
    return _back(endpoint_id, words)


@pages.post("/<int:endpoint_id>/secret")
def rotate(endpoint_id: int) -> Response:
    """Change the secret."""
    with scope.unit() as session:
        found = scope.own(session, WebhookEndpoint, endpoint_id)
        room.rotate_secret(found, process.current().vault, clock.now())
        audit.record(session, scope.account_id(), "webhook_changed", found.url)
    return _back(endpoint_id, "There is a new secret. For 24 hours calls are signed by the old one too.")


@pages.post("/<int:endpoint_id>/test")
def test(endpoint_id: int) -> Response:
    """Send a test."""
    with scope.unit() as session:
        found = scope.own(session, WebhookEndpoint, endpoint_id)
        if found.state != "enabled":
            abort(409, "This webhook is switched off: switch it on first.")
        outbox.put_test(session, found)
    return _back(endpoint_id, "A test is on its way. Reload the page to see what it was answered.")


@pages.post("/<int:endpoint_id>/retry")
def retry_failed(endpoint_id: int) -> Response:
    """Send all failed calls of an endpoint again."""
    try:
        with scope.unit() as session:
            again = room.retry_failed(session, scope.own(session, WebhookEndpoint, endpoint_id), clock.now())
    except Final as error:
        abort(409, str(error))
    return _back(endpoint_id, f"{again} failed call{' is' if again == 1 else 's are'} sent again.")


@pages.post("/<int:endpoint_id>/delete")
def delete(endpoint_id: int) -> Response:
    """Delete an endpoint with its log."""
    with scope.unit() as session:
        found = scope.own(session, WebhookEndpoint, endpoint_id)
        audit.record(session, scope.account_id(), "webhook_deleted", found.url)
        session.delete(found)
    flash("The webhook is deleted.", "success")
    return redirect(url_for("webhooks.index"), 303)


@pages.get("/calls/<int:call_id>")
def call(call_id: int) -> str:
    """One call: what was sent, and each answer."""
    with scope.reading() as session:
        found = scope.own(session, WebhookCall, call_id)
        return render_template(
            "pages/webhook_call.html",
            call=found,
            endpoint=session.get_one(WebhookEndpoint, found.endpoint_id),
            attempts=room.attempts_of(session, call_id),
            labels=_labels(),
        )


@pages.post("/calls/<int:call_id>/retry")
def retry(call_id: int) -> Response:
    """Make a call again."""
    try:
        with scope.unit() as session:
            room.retry(session, scope.own(session, WebhookCall, call_id), clock.now())
    except Final as error:
        abort(409, str(error))
    flash("The call is made again. Reload the page to see what it was answered.", "success")
    return redirect(url_for("webhooks.call", call_id=call_id), 303)


def _index(session: Session, error: InvalidInput | None = None) -> str:
    found = session.scalars(
        select(WebhookEndpoint).where(WebhookEndpoint.account_id == scope.account_id()).order_by(WebhookEndpoint.id)
    ).all()
    typed = request.form if error is not None else None
    return render_template(
        "pages/webhooks.html",
        endpoints=found,
        error=error,
        url=typed.get("url", "") if typed else "",
        description=typed.get("description", "") if typed else "",
        chosen=typed.getlist("event_types") if typed else [],
        groups=_groups(),
        most=room.MOST,
    )


def _page(session: Session, found: WebhookEndpoint, error: InvalidInput | None = None) -> str:
    mine = WebhookCall.endpoint_id == found.id
    counts = dict(
        session.execute(select(WebhookCall.state, func.count()).where(mine).group_by(WebhookCall.state)).all()
    )
    typed = request.form if error is not None else None
    now = clock.now()
    return render_template(
        "pages/webhook.html",
        endpoint=found,
        error=error,
        url=typed.get("url", "") if typed else found.url,
        description=typed.get("description", "") if typed else found.description,
        chosen=typed.getlist("event_types") if typed else found.event_types,
        groups=_groups(),
        labels=_labels(),
        secret=process.current().vault.unlock(found.secret_locked),
        both_until=found.previous_secret_until if (found.previous_secret_until or now) > now else None,
        counts=counts,
        calls=session.scalars(select(WebhookCall).where(mine).order_by(WebhookCall.id.desc()).limit(_SHOWN)).all(),
    )


def _back(endpoint_id: int, words: str) -> Response:
    flash(words, "success")
    return redirect(url_for("webhooks.page", endpoint_id=endpoint_id), 303)


def _groups() -> dict[str, list[tuple[str, Any]]]:
    groups: dict[str, list[tuple[str, Any]]] = {}
    for name, told in EVENT_TYPES.items():
        groups.setdefault(told.group, []).append((name, told))
    return groups


def _labels() -> dict[str, str]:
    return {name: told.label for name, told in EVENT_TYPES.items()} | {"webhook.test": "Test"}
