"""Locations: places that orders are shipped from, and which one a store's orders go to (L1, L2)."""

from __future__ import annotations

from typing import Annotated

from flask import Response, abort
from pydantic import ConfigDict, Field, model_validator
from sqlalchemy import select
from sqlalchemy.orm import Session

from referins_woo import clock
from referins_woo.accounts import audit
from referins_woo.commerce import locations as room
from referins_woo.commerce.models import Location as LocationRow
from referins_woo.stores import mapping
from referins_woo.stores.models import Store as StoreRow
from referins_woo.web import scope
from referins_woo.web.api import answers, paging
from referins_woo.web.api.bearer import account_id, api
from referins_woo.web.api.contract import Nothing, operation
from referins_woo.web.api.documents import LARGEST_ID, Document, Id, Input, ListOf, Page, Shown, Time, Written, example
from referins_woo.web.api.problems import Rejected
from referins_woo.web.api.stores import Store, document_of
from referins_woo.web.api.writing import Work, writing

_NAME = "Warehouse Berlin"


class Location(Document):
    """A place that orders are shipped from."""

    id: Id
    name: Annotated[str, Field(examples=[_NAME])]
    is_default: Annotated[bool, Field(description="New stores are offered it first.", examples=[False])]
    store_ids: Annotated[list[int], Field(description="Stores whose orders go there.", examples=[[3]])]
    created_at: Time


class NewLocation(Input):
    """A location to add."""

    model_config = ConfigDict(json_schema_extra=example({"name": _NAME}))

    name: Annotated[Written, Field(min_length=1, max_length=room.LONGEST_NAME, examples=[_NAME])]


class LocationChange(Input):
    """What to change; what is not named stays."""

    model_config = ConfigDict(json_schema_extra=example({"name": "Warehouse Hamburg"}))

    name: Annotated[Written | None, Field(min_length=1, max_length=room.LONGEST_NAME, examples=[_NAME])] = None
    is_default: Annotated[bool | None, Field(description="true: instead of the one that is.", examples=[True])] = None

    @model_validator(mode="after")
    def _says_something(self) -> LocationChange:
        if self.name is None and self.is_default is None:
            raise ValueError("give name or is_default")
        if self.is_default is False:
            raise ValueError("one location is always the default: set is_default of another one to true")
        return self


class StoreLocation(Input):
    """Where a store's orders go."""

    model_config = ConfigDict(json_schema_extra=example({"location_id": 1}))

    location_id: Annotated[int, Field(ge=1, le=LARGEST_ID, examples=[1])]

    @model_validator(mode="before")
    @classmethod
    def _by_either_name(cls, body: object) -> object:
        """A location itself names its number `id`."""
        if isinstance(body, dict) and "id" in body and "location_id" not in body:
            return {"location_id" if key == "id" else key: value for key, value in body.items()}
        return body


@api.get("/locations")
@operation(Page[Location], tag="Stores")
def list_locations(query: ListOf) -> Response:
    """List locations

    The default comes first.
    """
    with scope.reading() as session:
        found = room.of_account(session, account_id())
        return paging.cut(found, query, lambda row: _document(session, row))


@api.get("/locations/<int:location_id>")
@operation(Location, tag="Stores")
def get_location(location_id: int) -> Response:
    """Read a location"""
    with scope.reading() as session:
        return answers.answer(_document(session, _own(session, account_id(), location_id)))


@api.post("/locations")
@operation(Location, tag="Stores", status=201)
def create_location(json: NewLocation) -> Response:
    """Add a location

    No store's orders go there until `PUT /stores/<id>/location` says so.
    """
    with writing() as work:
        made = room.add(work.session, work.account_id, json.name)
        audit.record(work.session, work.account_id, "location_added", made.name)
        return work.answer(_document(work.session, made), 201, location=f"/api/v1/locations/{made.id}")


@api.patch("/locations/<int:location_id>")
@operation(Location, tag="Stores")
def update_location(location_id: int, json: LocationChange) -> Response:
    """Rename a location, or make it the default"""
    with writing() as work:
        found = _own_here(work, location_id)
        answers.must_match(_document(work.session, found))
        before = found.name
        if json.name is not None and room.rename(work.session, found, json.name):
            audit.record(work.session, work.account_id, "location_changed", found.name, before=before)
        if json.is_default and room.make_default(work.session, found):
            audit.record(work.session, work.account_id, "location_changed", found.name, default="yes")
        return work.answer(_document(work.session, found))


@api.delete("/locations/<int:location_id>")
@operation(Nothing, tag="Stores", status=204, problems=(409,))
def delete_location(location_id: int) -> Response:
    """Delete a location

    Stores whose orders went there become `mapping_needed`: what they send is kept, no order is made of it and no
    automation starts (order e-mails stop too) until `PUT /stores/<id>/location`. Orders keep naming it. 409 for the
    last one.
    """
    with writing() as work:
        found = _own_here(work, location_id)
        if room.count(work.session, work.account_id) == 1:
            raise Rejected(409, "An account has one location at least: add another before you delete this one.")
        mapping.delete(work.session, found, clock.now())
    return Response(status=204)


@api.put("/stores/<int:store_id>/location")
@operation(Store, tag="Stores", problems=(409,))
def set_store_location(store_id: int, json: StoreLocation) -> Response:
    """Choose where a store's orders go

    For the orders that come later. A store that waited for a location is connected again, and what came meanwhile is
    picked up. 409 where it is disconnected.
    """
    with writing() as work:
        store = work.own(StoreRow, store_id)
        if store.state == "disconnected":
            raise Rejected(409, "The store is disconnected: its location is chosen when it is connected again.")
        mapping.choose(work.session, store, json.location_id, clock.now())
        work.session.flush()
        return work.answer(document_of(store))


def _document(session: Session, row: LocationRow) -> Location:
    mapped = select(StoreRow.id).where(
        StoreRow.account_id == row.account_id, StoreRow.location_id == row.id, StoreRow.state != "disconnected"
    )
    return Location.model_validate(Shown(row, store_ids=list(session.scalars(mapped.order_by(StoreRow.id)))))


def _own_here(work: Work, location_id: int) -> LocationRow:
    return _own(work.session, work.account_id, location_id)


def _own(session: Session, of_account: int, location_id: int) -> LocationRow:
    return room.own(session, of_account, location_id) or abort(404)
