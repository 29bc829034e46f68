"""Contacts as customers of a store: list, tick, map, suggest, push (W1-W7)."""

from __future__ import annotations

from typing import Annotated, Literal

from flask import Response
from pydantic import ConfigDict, Field
from sqlalchemy.orm import Session

from referins_woo import clock, process
from referins_woo.accounts import audit
from referins_woo.commerce import mapping as rules
from referins_woo.commerce import models as tables
from referins_woo.customer_mapping import applying, desk, push, settings, suggesting
from referins_woo.errors import InvalidInput, ReferinsError
from referins_woo.reports import customer_mapping as reports
from referins_woo.stores.models import Store
from referins_woo.web import customer_acts, scope
from referins_woo.web.api import answers, paging
from referins_woo.web.api.bearer import account_id, api
from referins_woo.web.api.contract import operation
from referins_woo.web.api.documents import LARGEST_ID, Document, Id, Input, ListOf, Page, Text, example
from referins_woo.web.api.problems import Rejected
from referins_woo.web.api.writing import writing

_Contact = Annotated[int, Field(ge=1, le=LARGEST_ID, examples=[17])]


class Mapping(Document):
    """One contact in one store."""

    contact_id: Id
    name: Annotated[str, Field(examples=["Ana Petrova"])]
    email: Annotated[str, Field(examples=["ana@example.com"])]
    username: Annotated[str, Field(description="The store's; before, the one wished for.", examples=["ana.petrova"])]
    webstore_customer: Annotated[bool, Field(description="Ticked: a push writes it to the store.", examples=[True])]
    send_email: Annotated[bool, Field(description="The next push sends a changed e-mail too.", examples=[False])]
    webstore_id: Annotated[int | None, Field(description="The customer's id in WooCommerce.", examples=[63])]
    state: Annotated[rules.State, Field(examples=["mapped"])]
    reason: Annotated[
        str,
        Field(
            description="`one_to_one`, `shared_name`, `email_taken`, `username`, `changed_there`, `gone`, `no_email`, "
            "`failed`, `ignored` or empty.",
            examples=[""],
        ),
    ]
    evidence: Text
    offered_id: Annotated[
        int | None, Field(description="The customer that is suggested, or that has the e-mail.", examples=[63])
    ]
    on_the_way: Annotated[bool, Field(description="`GET /writes` tells what becomes of it.", examples=[False])]


class MappingFilters(ListOf):
    """Which contacts."""

    state: rules.State | None = None


class MappingChange(Input):
    """What is said of a contact in a store; what is not named stays."""

    model_config = ConfigDict(json_schema_extra=example({"webstore_customer": True}))

    webstore_customer: Annotated[bool | None, Field(examples=[True])] = None
    username: Annotated[str | None, Field(max_length=rules.LONGEST_USERNAME, examples=["ana.petrova"])] = None
    send_email: Annotated[bool | None, Field(examples=[False])] = None
    webstore_id: Annotated[
        int | None,
        Field(
            ge=1,
            lt=desk.LARGEST_ID,
            description="Maps to that customer, once the store has shown it; null takes back a mapping made here.",
            examples=[63],
        ),
    ] = None


class MappingDecision(Input):
    """What to do."""

    model_config = ConfigDict(json_schema_extra=example({"act": "ignore"}))

    act: Annotated[Literal["accept", "take", "ignore", "unmap", "overwrite", "pull"], Field(examples=["ignore"])]


class Suggesting(Document):
    """How a store's suggestions stand."""

    state: Annotated[str, Field(description="`reading`, `done`, `failed`, or empty: never asked.", examples=["done"])]
    error: Text
    suggested: Annotated[int, Field(description="That wait for a confirmation.", examples=[12])]
    conflicts: Annotated[int, Field(examples=[4])]
    changed: Annotated[int, Field(description="Mapped or taken back by this call.", examples=[0])]


class PushOf(Input):
    """Whom to push."""

    model_config = ConfigDict(json_schema_extra=example({"contact_ids": [1]}))

    contact_ids: Annotated[
        list[_Contact] | None, Field(max_length=500, description="None: everybody who is ticked.")
    ] = None


class Push(Document):
    """What came of asking for a push. Of everybody the counts come later, in the store's log."""

    asked: Annotated[int, Field(description="Contacts that were asked for.", examples=[3])]
    queued: Annotated[int | None, Field(description="On the way: see `GET /writes`.", examples=[1])]
    unchanged: Annotated[int | None, Field(description="Not changed here since the last pull.", examples=[1])]
    in_conflict: Annotated[int | None, Field(examples=[0])]
    without_email: Annotated[int | None, Field(examples=[0])]
    not_ticked: Annotated[int | None, Field(examples=[1])]


class MappingSettings(Document):
    """How the mapping of a store works."""

    push: Annotated[str, Field(description="`off`, `by_hand` or `timed`.", examples=["by_hand"])]
    minutes: Annotated[int | None, Field(description="Between two timed pushes.", examples=[60])]
    pull: Annotated[str, Field(description="`all` or `mapped`: whom contact sync follows.", examples=["all"])]
    guest_contact_id: Annotated[int | None, Field(description="Takes all new guest orders.", examples=[17])]
    invites: Annotated[
        bool | None, Field(description="Whether WooCommerce mails new customers; null: not asked yet.", examples=[True])
    ]


class NewMappingSettings(Input):
    """The same, as chosen."""

    model_config = ConfigDict(json_schema_extra=example({"push": "by_hand"}))

    push: Annotated[Literal["off", "by_hand", "timed"], Field(examples=["by_hand"])]
    minutes: Annotated[int | None, Field(ge=settings.SHORTEST_MINUTES, le=settings.LONGEST_MINUTES)] = None
    pull: Annotated[Literal["all", "mapped"], Field(examples=["all"])] = "all"
    guest_contact_id: _Contact | None = None


@api.get("/stores/<int:store_id>/mapping")
@operation(Page[Mapping], tag="Stores")
def list_mapping(store_id: int, query: MappingFilters) -> Response:
    """List contacts as customers of a store"""
    with scope.reading() as session:
        store = scope.own_of(session, Store, store_id, account_id())
        conditions = reports.conditions(store.id, store.account_id, query.state or "")
        return paging.rows(
            session,
            tables.Contact,
            conditions,
            query,
            lambda rows: [_document(row) for row in reports.page_of(session, store, [one.id for one in rows])],
        )


@api.put("/stores/<int:store_id>/mapping/<int:contact_id>")
@operation(Mapping, tag="Stores", problems=(409,))
def change_mapping(store_id: int, contact_id: int, json: MappingChange) -> Response:
    """Tick or map a contact

    Nothing goes to the store before a push. `webstore_id` asks the store for that customer: it must be there, with the
    role customer or subscriber, and mapped to nobody else. 409 where the store does not answer.
    """
    with scope.reading() as session:
        scope.own_of(session, Store, store_id, account_id())
        scope.own_of(session, tables.Contact, contact_id, account_id())
    if json.webstore_id is not None:
        try:
            desk.map_to(process.current(), store_id, contact_id, json.webstore_id, clock.now())
        except InvalidInput:
            raise
        except ReferinsError as error:
            raise Rejected(409, f"The store could not be asked: {error}") from None
    with writing() as work:
        store, contact = work.own(Store, store_id), work.own(tables.Contact, contact_id)
        if json.webstore_id is None and "webstore_id" in json.model_fields_set:
            desk.unmap(work.session, store, contact, clock.now())
        desk.change(
            work.session,
            store,
            contact,
            clock.now(),
            ticked=json.webstore_customer,
            username=json.username,
            with_email=json.send_email,
        )
        work.session.flush()
        (row,) = reports.page_of(work.session, store, [contact_id])
        return work.answer(_document(row))


@api.post("/stores/<int:store_id>/mapping/<int:contact_id>/decide")
@operation(Mapping, tag="Stores", problems=(409,))
def decide_mapping(store_id: int, contact_id: int, json: MappingDecision) -> Response:
    """Decide about a contact

    `accept` a suggestion; `take` the customer that is offered; `ignore`: suggest it no more; `unmap` what was mapped
    here. Of what was changed on both sides: `overwrite` it in WooCommerce with the next push, or `pull` WooCommerce's.
    409 where the store does not answer.
    """
    with scope.reading() as session:
        scope.own_of(session, Store, store_id, account_id())
        scope.own_of(session, tables.Contact, contact_id, account_id())
    try:
        customer_acts.done(store_id, json.act, contact_id, account_id())
    except InvalidInput:
        raise
    except ReferinsError as error:
        raise Rejected(409, str(error)) from None
    with writing() as work:
        (row,) = reports.page_of(work.session, work.own(Store, store_id), [contact_id])
        return work.answer(_document(row))


@api.post("/stores/<int:store_id>/mapping/suggest")
@operation(Suggesting, tag="Stores", status=202, problems=(409,))
def suggest_mapping(store_id: int) -> Response:
    """Suggest mappings by identical names

    Reads the store's customers and compares names, in the background; `GET …/mapping?state=suggested` lists what came
    of it. Nothing is mapped before `suggest/apply`.
    """
    with writing() as work:
        store = work.own(Store, store_id)
        if store.state in ("disconnected", "connecting"):
            raise Rejected(409, "This store is not connected: connect it first.")
        suggesting.ask(work.session, store, clock.now())
        return work.answer(_suggesting(work.session, store, 0), 202)


@api.get("/stores/<int:store_id>/mapping/suggest")
@operation(Suggesting, tag="Stores")
def show_suggestions(store_id: int) -> Response:
    """Show how suggestions stand"""
    with scope.reading() as session:
        store = scope.own_of(session, Store, store_id, account_id())
        return answers.answer(_suggesting(session, store, 0))


@api.post("/stores/<int:store_id>/mapping/suggest/apply")
@operation(Suggesting, tag="Stores")
def apply_suggestions(store_id: int) -> Response:
    """Map what is suggested"""
    with writing() as work:
        store = work.own(Store, store_id)
        changed = applying.apply(work.session, store, clock.now())
        return work.answer(_suggesting(work.session, store, changed))


@api.post("/stores/<int:store_id>/mapping/suggest/undo")
@operation(Suggesting, tag="Stores")
def undo_suggestions(store_id: int) -> Response:
    """Take the last confirmation of suggestions back

    Rows, ticks and contacts are what they were before it, but for what somebody typed since.
    """
    with writing() as work:
        store = work.own(Store, store_id)
        changed = applying.undo(work.session, store, clock.now())
        return work.answer(_suggesting(work.session, store, changed))


@api.post("/stores/<int:store_id>/mapping/push")
@operation(Push, tag="Stores", status=202, problems=(409,))
def push_mapping(store_id: int, json: PushOf) -> Response:
    """Push ticked contacts to the store

    Makes those that are not mapped (WooCommerce invites them itself; there is no password), and changes those that are,
    where they were changed here. 409 where push is off, the store is not connected, or its keys may not write.
    """
    with writing() as work:
        store, now = work.own(Store, store_id), clock.now()
        try:
            if json.contact_ids is None:
                asked = push.ask_all(work.session, store, now, audit.acting())
                none = dict.fromkeys(("queued", "unchanged", "in_conflict", "without_email", "not_ticked"))
                return work.answer(Push.model_validate({"asked": asked, **none}), 202)
            for contact_id in json.contact_ids:
                work.own(tables.Contact, contact_id)
            done = push.ask(work.session, store, now, audit.acting(), json.contact_ids)
        except push.NotNow as error:
            raise Rejected(409, str(error)) from None
        return work.answer(
            Push(
                asked=len(set(json.contact_ids)),
                queued=done.queued,
                unchanged=done.unchanged,
                in_conflict=done.in_conflict,
                without_email=done.without_email,
                not_ticked=done.not_ticked,
            ),
            202,
        )


@api.get("/stores/<int:store_id>/mapping/settings")
@operation(MappingSettings, tag="Stores")
def show_mapping_settings(store_id: int) -> Response:
    """Show how the mapping works"""
    with scope.reading() as session:
        store = scope.own_of(session, Store, store_id, account_id())
        return answers.answer(_settings(store, reports.standing(session, store).settled))


@api.put("/stores/<int:store_id>/mapping/settings")
@operation(MappingSettings, tag="Stores")
def choose_mapping_settings(store_id: int, json: NewMappingSettings) -> Response:
    """Choose how the mapping works"""
    with writing() as work:
        store = work.own(Store, store_id)
        chosen = settings.Choices(json.push, json.minutes, json.pull == "mapped", json.guest_contact_id)
        settings.choose(work.session, store, chosen, clock.now())
        work.session.flush()
        return work.answer(_settings(store, settings.of_store(work.session, store)))


def _document(row: reports.Row) -> Mapping:
    said = row.said
    return Mapping(
        contact_id=row.contact.id,
        name=row.contact.name,
        email=row.contact.email,
        username=row.username,
        webstore_customer=row.is_ticked,
        send_email=said is not None and said.with_email,
        webstore_id=row.link.woo_id if row.link is not None else None,
        state=row.state,
        reason=row.reason,
        evidence=row.evidence,
        offered_id=row.offered,
        on_the_way=row.is_on_the_way,
    )


def _suggesting(session: Session, store: Store, changed: int) -> Suggesting:
    session.flush()
    counts, settled = reports.counts(session, store), reports.standing(session, store).settled
    return Suggesting(
        state=settled.suggesting if settled is not None else "",
        error=settled.suggest_error if settled is not None else "",
        suggested=counts[rules.SUGGESTED],
        conflicts=counts[rules.CONFLICT],
        changed=changed,
    )


def _settings(store: Store, settled: tables.StoreMapping | None) -> MappingSettings:
    pushes = settled is None or settled.pushes
    minutes = settled.push_minutes if settled is not None else None
    return MappingSettings(
        push="timed" if minutes else "by_hand" if pushes else "off",
        minutes=minutes,
        pull="mapped" if store.pull_mapped_only else "all",
        guest_contact_id=settled.guest_contact_id if settled is not None else None,
        invites=settled.invites if settled is not None else None,
    )
