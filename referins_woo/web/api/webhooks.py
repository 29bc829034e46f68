"""Webhooks that we send: endpoints, their secrets, and the calls that were made."""

from __future__ import annotations

from typing import Annotated, Literal

from flask import Response
from pydantic import ConfigDict, Field

from referins_woo import clock, process
from referins_woo.accounts import audit
from referins_woo.errors import Final
from referins_woo.outbound import endpoints as room
from referins_woo.outbound import outbox
from referins_woo.outbound.models import WebhookCall as CallRow
from referins_woo.outbound.models import WebhookEndpoint as EndpointRow
from referins_woo.web import scope
from referins_woo.web.api import answers, paging
from referins_woo.web.api.bearer import account_id, api
from referins_woo.web.api.contract import Nothing, operation
from referins_woo.web.api.documents import (
    Document,
    EmptyIsNull,
    Id,
    Input,
    ListOf,
    Page,
    Shown,
    Time,
    WantedId,
    WantedText,
    Written,
    documents_of,
    example,
)
from referins_woo.web.api.problems import Rejected
from referins_woo.web.api.writing import Work, writing

_URL = "https://example.com/webhooks"
_SECRET = "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD"  # noqa: S105 - an example
_TYPES = ["order.submitted", "payment.received"]
EndpointState = Literal["enabled", "disabled"]


class WebhookEndpoint(Document):
    """An address of yours that is told what happens."""

    id: Id
    url: Annotated[str, Field(examples=[_URL])]
    description: Annotated[str, Field(examples=["Order desk"])]
    event_types: Annotated[list[str], Field(examples=[_TYPES])]
    state: Annotated[EndpointState, Field(examples=["enabled"])]
    disabled_reason: Annotated[
        str | None,
        Field(description="`by_hand`, `gone` (it answered 410) or `failing` (for three days).", examples=[None]),
        EmptyIsNull,
    ]
    failing_since: Time | None
    last_success_at: Time | None
    created_at: Time
    updated_at: Time


class WebhookEndpointWithSecret(WebhookEndpoint):
    """An endpoint and the secret that its calls are signed with."""

    secret: Annotated[str, Field(description="Keep it where your program reads it.", examples=[_SECRET])]


class WebhookEndpointFilters(ListOf):
    """Which endpoints."""

    state: EndpointState | None = None


class NewWebhookEndpoint(Input):
    """An endpoint to make."""

    model_config = ConfigDict(json_schema_extra=example({"url": _URL, "event_types": _TYPES}))

    url: Annotated[Written, Field(min_length=1, max_length=500, description="https.", examples=[_URL])]
    event_types: Annotated[list[str], Field(min_length=1, max_length=50, examples=[_TYPES])]
    description: Annotated[Written, Field(max_length=room.LONGEST_DESCRIPTION, examples=["Order desk"])] = ""


class WebhookEndpointChange(Input):
    """What to change; what is not named stays."""

    model_config = ConfigDict(json_schema_extra=example({"event_types": _TYPES, "state": "enabled"}))

    url: Annotated[Written | None, Field(min_length=1, max_length=500, examples=[_URL])] = None
    event_types: Annotated[list[str] | None, Field(min_length=1, max_length=50, examples=[_TYPES])] = None
    description: Annotated[Written | None, Field(max_length=room.LONGEST_DESCRIPTION, examples=["Order desk"])] = None
    state: Annotated[EndpointState | None, Field(examples=["enabled"])] = None


@api.get("/webhook-endpoints")
@operation(Page[WebhookEndpoint], tag="Webhooks")
def list_webhook_endpoints(query: WebhookEndpointFilters) -> Response:
    """List endpoints

    Addresses of yours that we call when something happens.
    """
    with scope.reading() as session:
        conditions = [EndpointRow.account_id == account_id(), *paging.equals(query, state=EndpointRow.state)]
        return paging.rows(session, EndpointRow, conditions, query, documents_of(WebhookEndpoint))


@api.get("/webhook-endpoints/<int:endpoint_id>")
@operation(WebhookEndpoint, tag="Webhooks")
def get_webhook_endpoint(endpoint_id: int) -> Response:
    """Read an endpoint"""
    with scope.reading() as session:
        found = scope.own_of(session, EndpointRow, endpoint_id, account_id())
        return answers.answer(WebhookEndpoint.model_validate(found))


@api.post("/webhook-endpoints")
@operation(WebhookEndpointWithSecret, tag="Webhooks", status=201)
def create_webhook_endpoint(json: NewWebhookEndpoint) -> Response:
    """Make an endpoint

    The answer holds its secret; the page of the endpoint shows it too.
    """
    current = process.current()
    with writing() as work:
        made = room.create(
            work.session,
            current.config,
            current.vault,
            work.account_id,
            json.url,
            json.event_types,
            json.description,
            clock.now(),
        )
        audit.record(work.session, work.account_id, "webhook_created", made.url)
        return work.answer(_with_secret(made), 201, location=f"/api/v1/webhook-endpoints/{made.id}")


@api.patch("/webhook-endpoints/<int:endpoint_id>")
@operation(WebhookEndpoint, tag="Webhooks")
def update_webhook_endpoint(endpoint_id: int, json: WebhookEndpointChange) -> Response:
    """Change an endpoint

    `state` switches it off and on. While it is off nothing new is kept for it; what waits goes out once it is on.
    """
    with writing() as work:
        found = work.own(EndpointRow, endpoint_id)
        room.change(
            found,
            process.current().config,
            clock.now(),
            url=json.url,
            event_types=json.event_types,
            description=json.description,
        )
        if json.state == "disabled":
            room.disable(found, clock.now())
        elif json.state == "enabled":
            room.enable(work.session, found, clock.now())
        return _changed(work, found)


@api.delete("/webhook-endpoints/<int:endpoint_id>")
@operation(Nothing, tag="Webhooks", status=204)
def delete_webhook_endpoint(endpoint_id: int) -> Response:
    """Delete an endpoint

    With its log; what waits for it is not sent.
    """
    with writing() as work:
        found = work.own(EndpointRow, endpoint_id)
        audit.record(work.session, work.account_id, "webhook_deleted", found.url)
        work.session.delete(found)
    return Response(status=204)


@api.post("/webhook-endpoints/<int:endpoint_id>/rotate-secret")
@operation(WebhookEndpointWithSecret, tag="Webhooks")
def rotate_webhook_secret(endpoint_id: int) -> Response:
    """Change the secret

    For 24 hours calls carry two signatures, by the new secret and by the old one.
    """
    with writing() as work:
        found = work.own(EndpointRow, endpoint_id)
        room.rotate_secret(found, process.current().vault, clock.now())
        audit.record(work.session, work.account_id, "webhook_changed", found.url)
        return work.answer(_with_secret(found))


@api.post("/webhook-endpoints/<int:endpoint_id>/test")
@operation(WebhookEndpoint, tag="Webhooks", status=202)
def send_webhook_test(endpoint_id: int) -> Response:
    """Send a test

    A call of type `webhook.test`; the list of calls says what came of it. 409 while the endpoint is switched off.
    """
    with writing() as work:
        found = work.own(EndpointRow, endpoint_id)
        if found.state != "enabled":
            raise Rejected(409, "This endpoint is switched off: switch it on first.")
        outbox.put_test(work.session, found)
        return work.answer(WebhookEndpoint.model_validate(found), 202)


class WebhookCall(Document):
    """One event on its way to one endpoint."""

    id: Id
    endpoint_id: Id
    webhook_id: Annotated[str, Field(examples=["msg_5f0c2f9a1be04d775f0c2f9a1be04d77"])]
    event_type: Annotated[str, Field(examples=["order.submitted"])]
    contact_id: Id | None
    state: Annotated[str, Field(description="`waiting`, `delivered` or `failed`.", examples=["delivered"])]
    attempts: Annotated[int, Field(examples=[1])]
    due_at: Annotated[Time, Field(description="When it is tried next, while it waits.")]
    status: Annotated[int | None, Field(description="Of the last answer.", examples=[200])]
    error: Annotated[str | None, EmptyIsNull, Field(examples=[None])]
    created_at: Time
    done_at: Time | None


class WebhookCallFilters(ListOf):
    """Which calls."""

    endpoint_id: WantedId | None = None
    event_type: Annotated[WantedText | None, Field(examples=["order.submitted"])] = None
    state: Literal["waiting", "delivered", "failed"] | None = None


@api.get("/webhook-calls")
@operation(Page[WebhookCall], tag="Webhooks")
def list_webhook_calls(query: WebhookCallFilters) -> Response:
    """List calls

    What was sent to your endpoints, or is to be sent, and what came of it.
    """
    with scope.reading() as session:
        conditions = [
            CallRow.account_id == account_id(),
            *paging.equals(query, endpoint_id=CallRow.endpoint_id, event_type=CallRow.event_type, state=CallRow.state),
        ]
        return paging.rows(session, CallRow, conditions, query, documents_of(WebhookCall))


@api.post("/webhook-calls/<int:call_id>/retry")
@operation(WebhookCall, tag="Webhooks", status=202)
def retry_webhook_call(call_id: int) -> Response:
    """Make a call again

    Now, whatever became of it, with the same `webhook-id`. 409 while its endpoint is switched off.
    """
    with writing() as work:
        found = work.own(CallRow, call_id)
        try:
            room.retry(work.session, found, clock.now())
        except Final as error:
            raise Rejected(409, str(error)) from None
        work.session.refresh(found)
        return work.answer(WebhookCall.model_validate(found), 202)


def _changed(work: Work, found: EndpointRow) -> Response:
    audit.record(work.session, work.account_id, "webhook_changed", found.url)
    work.session.flush()
    return work.answer(WebhookEndpoint.model_validate(found))


def _with_secret(row: EndpointRow) -> WebhookEndpointWithSecret:
    secret = process.current().vault.unlock(row.secret_locked)
    return WebhookEndpointWithSecret.model_validate(Shown(row, secret=secret))
