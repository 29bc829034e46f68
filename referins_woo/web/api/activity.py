"""What happened and what came of it: events, messages, webhook deliveries."""

from __future__ import annotations

from typing import Annotated, Literal

from flask import Response
from pydantic import Field

from referins_woo.events.models import Event as EventRow
from referins_woo.events.release import release
from referins_woo.ingest.models import Delivery as DeliveryRow
from referins_woo.mail.models import Message as MessageRow
from referins_woo.web import scope
from referins_woo.web.api import paging
from referins_woo.web.api.bearer import account_id, api
from referins_woo.web.api.contract import operation
from referins_woo.web.api.documents import (
    Document,
    EmptyIsNull,
    Id,
    ListOf,
    Page,
    Reason,
    Time,
    WantedId,
    WantedText,
    WooId,
    documents_of,
)
from referins_woo.web.api.problems import Rejected
from referins_woo.web.api.writing import writing

EventState = Literal["fired", "suppressed", "released"]
MessageState = Literal["created", "sending", "sent", "failed", "unknown", "skipped"]
Purpose = Literal["transactional", "marketing", "system"]
DeliveryState = Literal["received", "done", "ignored", "failed"]


class Event(Document):
    """Something that happened once in a store."""

    id: Id
    store_id: Id
    kind: Annotated[str, Field(examples=["order_submitted"])]
    woo_order_id: Annotated[WooId, Field(validation_alias="subject")]
    order_id: Id | None
    contact_id: Id | None
    occurred_at: Time
    recorded_at: Time
    state: Annotated[str, Field(description="`fired`, `suppressed` or `released`.", examples=["fired"])]
    reason: Reason


class EventFilters(ListOf):
    """Which events."""

    store_id: WantedId | None = None
    order_id: WantedId | None = None
    contact_id: WantedId | None = None
    kind: WantedText | None = None
    state: EventState | None = None


@api.get("/events")
@operation(Page[Event], tag="Automations")
def list_events(query: EventFilters) -> Response:
    """List events

    What happened in the stores: each once. A suppressed event started nothing; its reason says why.
    """
    with scope.reading() as session:
        conditions = [
            EventRow.account_id == account_id(),
            *paging.equals(
                query,
                store_id=EventRow.store_id,
                order_id=EventRow.order_id,
                contact_id=EventRow.contact_id,
                kind=EventRow.kind,
                state=EventRow.state,
            ),
        ]
        return paging.rows(session, EventRow, conditions, query, documents_of(Event))


@api.post("/events/<int:event_id>/release")
@operation(Event, tag="Automations")
def release_event(event_id: int) -> Response:
    """Release a late event

    Lets an event that was suppressed as too late start its automations after all. 409 for any other suppressed event.
    """
    with writing() as work:
        event = work.own(EventRow, event_id)
        released = release(work.session, work.account_id, event_id)
        work.session.refresh(event)
        if not released and event.state != "released":
            reason = f"Its state is {event.state}" + (f" ({event.reason})." if event.reason else ".")
            raise Rejected(409, f"Only a late event can be released. {reason}")
        return work.answer(Event.model_validate(event))


class Message(Document):
    """One e-mail to one address."""

    id: Id
    run_id: Id | None
    contact_id: Id | None
    purpose: Annotated[str, Field(examples=["transactional"])]
    to: Annotated[str, Field(validation_alias="to_email", examples=["ana@example.com"])]
    subject: Annotated[str, Field(description="As it was sent; empty before.", examples=["We have your order WC-4812"])]
    state: Annotated[str, Field(examples=["sent"])]
    reason: Reason
    due_at: Time | None
    sent_at: Time | None
    opened_at: Annotated[
        Time | None, Field(description="Opened by a person, as far as one can tell; null too where it is not measured.")
    ]
    clicked_at: Annotated[Time | None, Field(description="The same of a click.")]


class MessageFilters(ListOf):
    """Which messages."""

    run_id: WantedId | None = None
    contact_id: WantedId | None = None
    state: MessageState | None = None
    purpose: Purpose | None = None


@api.get("/messages")
@operation(Page[Message], tag="Messages")
def list_messages(query: MessageFilters) -> Response:
    """List e-mails

    What was mailed, to whom, and why not where it was not.
    """
    with scope.reading() as session:
        conditions = [
            MessageRow.account_id == account_id(),
            *paging.equals(
                query,
                run_id=MessageRow.run_id,
                contact_id=MessageRow.contact_id,
                state=MessageRow.state,
                purpose=MessageRow.purpose,
            ),
        ]
        return paging.rows(session, MessageRow, conditions, query, documents_of(Message))


class Delivery(Document):
    """One webhook that a store sent us, without its body."""

    id: Id
    store_id: Id
    topic: Annotated[str, Field(examples=["order.created"])]
    state: Annotated[str, Field(examples=["done"])]
    reason: Reason
    received_at: Time
    done_at: Time | None
    attempts: Annotated[int, Field(examples=[1])]
    error: Annotated[str | None, EmptyIsNull]


class DeliveryFilters(ListOf):
    """Which deliveries."""

    store_id: WantedId | None = None
    topic: WantedText | None = None
    state: DeliveryState | None = None


@api.get("/webhook-deliveries")
@operation(Page[Delivery], tag="Webhooks")
def list_webhook_deliveries(query: DeliveryFilters) -> Response:
    """List what stores sent

    Each webhook that a store sent us, and what became of it.
    """
    with scope.reading() as session:
        conditions = [
            DeliveryRow.account_id == account_id(),
            *paging.equals(query, store_id=DeliveryRow.store_id, topic=DeliveryRow.topic, state=DeliveryRow.state),
        ]
        return paging.rows(session, DeliveryRow, conditions, query, documents_of(Delivery))
