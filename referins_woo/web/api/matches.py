"""The match desk: contacts that may be one person."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Literal, NoReturn

from flask import Response
from pydantic import ConfigDict, Field
from sqlalchemy import or_

from referins_woo import clock
from referins_woo.accounts import audit
from referins_woo.commerce.merging import Evidence as EvidenceRow
from referins_woo.commerce.models import Match as MatchRow
from referins_woo.match_desk import desk
from referins_woo.reports import matches as reports
from referins_woo.web import scope
from referins_woo.web.api import paging
from referins_woo.web.api.bearer import account_id, api
from referins_woo.web.api.contract import operation
from referins_woo.web.api.documents import (
    LARGEST_ID,
    Document,
    Filters,
    Id,
    Input,
    ListOf,
    Page,
    Shown,
    Time,
    WantedId,
    example,
)
from referins_woo.web.api.problems import Rejected
from referins_woo.web.api.writing import Work, writing

State = Literal["open", "accepted", "rejected", "undone"]


class Evidence(Document):
    """One thing that both contacts say, or only one of them."""

    field: Annotated[str, Field(examples=["E-mail"])]
    verdict: Annotated[str, Field(description="`same`, `different` or `one_sided`.", examples=["same"])]
    older: Annotated[str, Field(examples=["ana@example.com"])]
    newer: Annotated[str, Field(examples=["ana@example.com"])]


class Match(Document):
    """Two contacts that may be one person."""

    id: Id
    pair: Annotated[list[int], Field(description="The older contact, the newer one.", examples=[[17, 42]])]
    rule: Annotated[str, Field(description="`shared_email`, `same_name` or `by_hand`.", examples=["shared_email"])]
    store_id: Annotated[int | None, Field(description="The store that raised it.", examples=[3])]
    evidence: list[Evidence]
    state: Annotated[State, Field(description="`accepted` is merged.", examples=["open"])]
    decided_by: Annotated[str, Field(examples=["you@example.com"])]
    decided_at: Time | None
    created_at: Time


class MatchFilters(ListOf):
    """Which pairs."""

    state: Annotated[State | None, Field(examples=["open"])] = None
    contact_id: WantedId | None = None


class Keep(Filters):
    """Which of the two stays."""

    keep: Annotated[
        WantedId | None, Field(description="The contact that stays; the older one, unless said.", examples=[17])
    ] = None


class NewMatch(Input):
    """Two contacts to compare."""

    model_config = ConfigDict(json_schema_extra=example({"contact_id": 1, "other_id": 2}))

    contact_id: Annotated[int, Field(ge=1, le=LARGEST_ID, examples=[17])]
    other_id: Annotated[int, Field(ge=1, le=LARGEST_ID, examples=[42])]


@api.get("/matches")
@operation(Page[Match], tag="Contacts")
def list_matches(query: MatchFilters) -> Response:
    """List contacts that may be one person

    Nothing waits for these decisions: an order has its contact at once.
    """
    with scope.reading() as session:
        conditions = [MatchRow.account_id == account_id(), *paging.equals(query, state=MatchRow.state)]
        if query.contact_id is not None:
            conditions.append(or_(MatchRow.older_id == query.contact_id, MatchRow.newer_id == query.contact_id))
        return paging.rows(
            session, MatchRow, conditions, query, lambda rows: _documents(rows, reports.evidence_of(session, rows))
        )


@api.post("/matches")
@operation(Match, tag="Contacts", status=201)
def create_match(json: NewMatch) -> Response:
    """Compare two contacts

    Makes a pair to accept or reject; nothing is merged by it. Where there is one, that one is answered.
    """
    with writing() as work:
        found = desk.ask_by_hand(work.session, work.account_id, json.contact_id, json.other_id, clock.now())
        return _answer(work, found, 201)


@api.post("/matches/<int:match_id>/accept")
@operation(Match, tag="Contacts", problems=(409,))
def accept_match(match_id: int, query: Keep) -> Response:
    """Merge the two contacts

    The other one goes into the one that is kept, with orders, e-mails, runs, consent and tags; empty fields are filled.
    `undo` gives both back. 409 where the pair is decided already.
    """
    with writing() as work:
        found = work.own(MatchRow, match_id)
        try:
            desk.accept(work.session, found, clock.now(), audit.acting(), query.keep)
        except desk.NotNow as error:
            _conflict(error)
        return _answer(work, found)


@api.post("/matches/<int:match_id>/reject")
@operation(Match, tag="Contacts", problems=(409,))
def reject_match(match_id: int) -> Response:
    """Keep the two contacts apart

    They are not asked about again. 409 where the pair is decided already.
    """
    with writing() as work:
        found = work.own(MatchRow, match_id)
        try:
            desk.reject(work.session, found, clock.now(), audit.acting())
        except desk.NotNow as error:
            _conflict(error)
        return _answer(work, found)


@api.post("/matches/<int:match_id>/undo")
@operation(Match, tag="Contacts", problems=(409,))
def undo_match(match_id: int) -> Response:
    """Take a decision back

    A merge gives both contacts back as they were, but for what was changed since; a rejected pair is open again. 409
    where there is nothing to undo, or the contact that was kept was itself merged later.
    """
    with writing() as work:
        found = work.own(MatchRow, match_id)
        try:
            desk.undo(work.session, found, clock.now(), audit.acting())
        except desk.NotNow as error:
            _conflict(error)
        return _answer(work, found)


def _conflict(error: desk.NotNow) -> NoReturn:
    raise Rejected(409, str(error)) from None


def _answer(work: Work, found: MatchRow, status: int = 200) -> Response:
    work.session.flush()
    (document,) = _documents([found], reports.evidence_of(work.session, [found]))
    return work.answer(document, status)


def _documents(rows: Sequence[MatchRow], evidence: dict[int, list[EvidenceRow]]) -> list[Match]:
    return [
        Match.model_validate(Shown(row, pair=[row.older_id, row.newer_id], evidence=evidence[row.id])) for row in rows
    ]
