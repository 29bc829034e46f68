"""Contacts: read, make, change."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from datetime import datetime
from typing import Annotated, Any, Literal, NoReturn

from flask import Response
from pydantic import BeforeValidator, ConfigDict, Field, model_validator
from sqlalchemy import select
from sqlalchemy.orm import Session

from referins_woo import clock
from referins_woo.commerce import contacts as people
from referins_woo.commerce import matching
from referins_woo.commerce import models as tables
from referins_woo.commerce.tags import LONGEST, MOST
from referins_woo.mail import consent as consents
from referins_woo.outbound.contacts import tell_created, tell_updated
from referins_woo.web import scope
from referins_woo.web.api import answers, paging
from referins_woo.web.api.bearer import account_id, api
from referins_woo.web.api.contract import operation
from referins_woo.web.api.documents import (
    Address,
    Document,
    Id,
    Input,
    ListOf,
    Page,
    Shown,
    Time,
    WantedFlag,
    WantedId,
    WantedText,
    WantedTime,
    WooId,
    Written,
    example,
    moment,
)
from referins_woo.web.api.problems import Rejected, field_error
from referins_woo.web.api.writing import Work, writing

Consent = Literal["unknown", "subscribed", "unsubscribed", "bounced", "complained"]
_PHONE = "+49 30 901820"


class WooCustomer(Document):
    """Which customer of which store this contact is."""

    store_id: Id
    woo_id: WooId


class Contact(Document):
    """A person."""

    id: Id
    name: Annotated[str, Field(examples=["Ana Petrova"])]
    first_name: Annotated[str, Field(examples=["Ana"])]
    last_name: Annotated[str, Field(examples=["Petrova"])]
    email: Annotated[str, Field(examples=["ana@example.com"])]
    phone: Annotated[str, Field(examples=[_PHONE])]
    billing: Address
    shipping: Address
    is_guest: Annotated[bool, Field(description="Known from guest orders only.", examples=[False])]
    consent: Annotated[
        str,
        Field(
            description="To marketing: `unknown`, `subscribed`, `unsubscribed`, `bounced` or `complained`.",
            examples=["subscribed"],
        ),
    ]
    consent_at: Time | None
    consent_source: Annotated[str, Field(examples=["newsletter form"])]
    tags: Annotated[list[str], Field(examples=[["wholesale"]])]
    woo: list[WooCustomer]
    created_at: Time
    updated_at: Time


class ContactFilters(ListOf):
    """Which contacts."""

    id: WantedId | None = None
    email: Annotated[WantedText | None, Field(description="Only those with this e-mail, in any case.")] = None
    store_id: Annotated[WantedId | None, Field(description="Only customers of this store.")] = None
    consent: Consent | None = None
    is_guest: WantedFlag | None = None
    updated_since: Annotated[WantedTime | None, Field(description="Only those changed here since this time.")] = None


class _ContactFields(Input):
    """What can be written."""

    name: Annotated[Written | None, Field(max_length=200, examples=["Ana Petrova"])] = None
    first_name: Annotated[Written | None, Field(max_length=100, examples=["Ana"])] = None
    last_name: Annotated[Written | None, Field(max_length=100, examples=["Petrova"])] = None
    email: Annotated[Written | None, Field(max_length=254, examples=["ana@example.com"])] = None
    phone: Annotated[Written | None, Field(max_length=60, examples=[_PHONE])] = None
    tags: Annotated[
        list[Annotated[Written, Field(min_length=1, max_length=LONGEST)]] | None,
        Field(max_length=MOST, description="All of them: what is not named goes.", examples=[["wholesale"]]),
    ] = None
    consent: Annotated[
        Literal["subscribed", "unsubscribed"] | None,
        Field(description="Only with its source and time.", examples=["subscribed"]),
    ] = None
    consent_source: Annotated[
        Written | None,
        Field(
            min_length=1,
            max_length=100,
            description="Where the person said so.",
            examples=["newsletter form"],
        ),
    ] = None
    consent_at: Annotated[
        datetime | None,
        BeforeValidator(moment),
        Field(description="When the person said so; RFC 3339 with an offset.", examples=["2026-11-20T14:03:11Z"]),
    ] = None

    consent_wording: Annotated[
        Written | None,
        Field(
            max_length=2_000,
            description="What the person was asked.",
            examples=["Yes, send me news by e-mail."],
        ),
    ] = None

    @model_validator(mode="after")
    def _is_proven(self) -> _ContactFields:
        given = [self.consent, self.consent_source, self.consent_at]
        if any(one is not None for one in given) and None in given:
            raise ValueError("consent needs consent_source and consent_at beside it, all three or none")
        if self.name is not None and (self.first_name is not None or self.last_name is not None):
            raise ValueError("give name, or first_name and last_name")
        return self

    def fields(self) -> people.Fields:
        """Return what the room takes."""
        return people.Fields(self.name, self.first_name, self.last_name, self.email, self.phone, self.tags)


class NewContact(_ContactFields):
    """A contact to make: at least an e-mail, a name or a phone number."""

    model_config = ConfigDict(
        json_schema_extra=example({"name": "Ana Petrova", "email": "ana@example.com", "tags": ["wholesale"]})
    )


class ContactChange(_ContactFields):
    """What to change; what is not named stays."""

    model_config = ConfigDict(
        json_schema_extra=example(
            {
                "phone": _PHONE,
                "consent": "subscribed",
                "consent_source": "newsletter form",
                "consent_at": "2026-11-20T14:03:11Z",
            }
        )
    )


@api.get("/contacts")
@operation(Page[Contact], tag="Contacts")
def list_contacts(query: ContactFilters) -> Response:
    """List contacts"""
    table = tables.Contact
    with scope.reading() as session:
        conditions = [
            table.account_id == account_id(),
            *paging.equals(query, id=table.id, consent=table.consent, is_guest=table.is_guest),
            *paging.since(query, table.updated_at),
        ]
        if query.email is not None:
            conditions.append(table.email_key == matching.email_key(query.email))
        if query.store_id is not None:
            link = tables.ContactLink
            conditions.append(
                table.id.in_(
                    select(link.contact_id).where(
                        link.account_id == account_id(), link.store_id == query.store_id, link.gone_at.is_(None)
                    )
                )
            )
        return paging.rows(session, table, conditions, query, lambda rows: _documents(session, rows))


@api.get("/contacts/<int:contact_id>")
@operation(Contact, tag="Contacts")
def get_contact(contact_id: int) -> Response:
    """Read a contact"""
    with scope.reading() as session:
        found = scope.own_of(session, tables.Contact, contact_id, account_id())
        return answers.answer(_documents(session, [found])[0])


@api.post("/contacts")
@operation(Contact, tag="Contacts", status=201)
def create_contact(json: NewContact) -> Response:
    """Make a contact

    409 where the account has one with this e-mail: the problem names it as `contact_id`. Nobody is mailed and nothing
    starts by it. Consent is `unknown` unless you say where and when the person subscribed.
    """
    with writing() as work:
        try:
            made = people.create(work.session, work.account_id, json.fields(), clock.now())
        except people.EmailTaken as error:
            _taken(error)
        _consent(work, made, json)
        tell_created(work.session, work.account_id, [made.id], made.created_at)
        work.session.flush()
        return work.answer(_documents(work.session, [made])[0], 201, location=f"/api/v1/contacts/{made.id}")


@api.patch("/contacts/<int:contact_id>")
@operation(Contact, tag="Contacts", problems=(409,), matches=True)
def update_contact(contact_id: int, json: ContactChange) -> Response:
    """Change a contact

    What is not named stays as it is. Each word about consent is kept with its source and time; the newest holds, an
    older one is evidence alone. A store that knows this contact may overwrite name, e-mail and phone
    at its next change.
    """
    with writing() as work:
        found = work.own(tables.Contact, contact_id)
        answers.must_match(_documents(work.session, [found])[0])
        try:
            changed = people.change(work.session, found, json.fields(), clock.now())
        except people.EmailTaken as error:
            _taken(error)
        _consent(work, found, json)
        if changed:
            tell_updated(work.session, work.account_id, [found.id], changed)
        work.session.flush()
        return work.answer(_documents(work.session, [found])[0])


def _consent(work: Work, contact: tables.Contact, json: _ContactFields) -> None:
    if json.consent is None or json.consent_at is None:
        return
    word = consents.Word(json.consent, json.consent_at, json.consent_source or "", json.consent_wording or "")
    consents.note(work.session, contact, word, clock.now())


def _taken(error: people.EmailTaken) -> NoReturn:
    raise Rejected(
        409,
        str(error),
        [field_error("email", "Another contact has this e-mail.", f"Change contact {error.contact_id} instead.")],
        more={"contact_id": error.contact_id},
    ) from None


def _documents(session: Session, rows: Sequence[tables.Contact]) -> list[Contact]:
    woo: dict[int, list[Any]] = defaultdict(list)
    table = tables.ContactLink
    for link in session.scalars(select(table).where(table.contact_id.in_([row.id for row in rows])).order_by(table.id)):
        woo[link.contact_id].append(link)
    return [Contact.model_validate(Shown(row, woo=woo[row.id])) for row in rows]
