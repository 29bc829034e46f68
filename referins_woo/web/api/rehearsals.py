"""What a draft would have done: answered at once, or worked on in the background where it looks at very many events."""

from __future__ import annotations

from datetime import timedelta
from typing import Annotated

from flask import Response
from pydantic import ConfigDict, Field

from referins_woo import clock
from referins_woo.runs import rehearsals, rehearse
from referins_woo.runs.models import AskedRehearsal
from referins_woo.runs.models import Automation as AutomationRow
from referins_woo.web import scope
from referins_woo.web.api import answers
from referins_woo.web.api.bearer import account_id, api
from referins_woo.web.api.contract import operation
from referins_woo.web.api.documents import Document, Id, Input, Text, Time, example
from referins_woo.web.api.trials import draft_of
from referins_woo.web.api.writing import writing

_MOST_PEOPLE = 500


class RehearsalInput(Input):
    """How far back."""

    model_config = ConfigDict(json_schema_extra=example({"days": 30}))

    days: Annotated[int, Field(ge=1, le=90)] = rehearse.DAYS
    most: Annotated[
        int,
        Field(
            ge=1,
            le=rehearse.MOST,
            description=f"Events that it looks at, the newest. More than {rehearse.QUICK:,}: in the background.",
        ),
    ] = rehearse.QUICK


class RehearsedMail(Document):
    """An e-mail that would have gone out."""

    step: Annotated[str, Field(examples=["remind"])]
    subject: Annotated[str, Field(description="As written, with its variables.")]
    at: Time
    to: Annotated[str, Field(examples=["ana@example.com"])]


class RehearsedRun(Document):
    """Who would have entered, when, and what came of it."""

    order_id: Id
    order_number: Text
    contact_id: Annotated[int | None, Field(examples=[17])]
    email: Text
    entered_at: Time
    mails: list[RehearsedMail]
    state: Annotated[str, Field(examples=["done"])]
    ended_reason: Text
    ended_at: Time | None
    due_at: Time | None


class Rehearsal(Document):
    """What the draft would have done. Nothing was sent."""

    id: Annotated[int | None, Field(description="Null where it was answered at once.", examples=[17])]
    automation_id: Id
    state: Annotated[
        str, Field(description="`waiting` or `running` (nothing is counted yet), `done`, `failed`.", examples=["done"])
    ]
    since: Time
    until: Time
    looked_at: Annotated[int, Field(description="Events of the trigger.", examples=[312])]
    truncated: Annotated[bool, Field(description="There were more, older ones: `most` was too few for all `days`.")]
    entered: Annotated[int, Field(examples=[120])]
    mails: Annotated[int, Field(examples=[180])]
    stopped_by_payment: Annotated[int, Field(examples=[41])]
    waiting: Annotated[int, Field(description="Who would still be inside.", examples=[3])]
    ended: Annotated[dict[str, int], Field(description="By reason.", examples=[{"finished": 76, "paid": 41}])]
    filtered: Annotated[dict[str, int], Field(description="By the gate that did not let them in.")]
    withheld: Annotated[dict[str, int], Field(description="E-mails that would not have gone out, by reason.")]
    runs: Annotated[list[RehearsedRun], Field(description=f"The newest {_MOST_PEOPLE}.")]


@api.post("/automations/<int:automation_id>/rehearse")
@operation(Rehearsal, tag="Automations", accepts=True)
def rehearse_automation(automation_id: int, json: RehearsalInput) -> Response:
    """Rehearse the draft

    What it would have done with the orders of the last days: who, when, how many e-mails, how many were stopped by
    payment. Nothing is sent, nothing is changed. It looks at the newest `most` events, and `since` says how far back
    these reach. Up to 5,000 are answered at once; with more the answer is 202, and `Location` names the rehearsal to
    ask for until it is `done`. Asking again for what is under way answers the same one.
    """
    if json.most > rehearse.QUICK:
        with writing() as work:
            automation = work.own(AutomationRow, automation_id)
            draft_of(automation)
            asked = rehearsals.ask(work.session, automation, json.days, json.most, clock.now())
            document = _of_asked(asked, None)
            return work.answer(document, 202, location=f"/api/v1/rehearsals/{asked.id}")
    with scope.reading() as session:
        definition = draft_of(scope.own_of(session, AutomationRow, automation_id, account_id()))
        now, mine = clock.now(), automation_id
        found = rehearse.rehearse(session, account_id(), definition, now, json.days, instead_of=mine, most=json.most)
    return answers.answer(_document(found, automation_id, None, "done"))


@api.get("/rehearsals/<int:rehearsal_id>")
@operation(Rehearsal, tag="Automations")
def get_rehearsal(rehearsal_id: int) -> Response:
    """Read a rehearsal that goes on in the background

    It is kept for a day, or until a person is erased.
    """
    with scope.reading() as session:
        asked = scope.own_of(session, AskedRehearsal, rehearsal_id, account_id())
        return answers.answer(_of_asked(asked, rehearsals.result(session, asked)))


def _of_asked(asked: AskedRehearsal, found: rehearse.Rehearsal | None) -> Rehearsal:
    if found is None:
        since = asked.asked_at - timedelta(days=asked.days)
        found = rehearse.nothing_yet(since, asked.asked_at)
    return _document(found, asked.automation_id, asked.id, asked.state)


def _document(found: rehearse.Rehearsal, automation_id: int, rehearsal_id: int | None, state: str) -> Rehearsal:
    newest = sorted(found.runs, key=lambda run: run.entered_at, reverse=True)[:_MOST_PEOPLE]
    return Rehearsal(
        id=rehearsal_id,
        automation_id=automation_id,
        state=state,
        since=found.since,
        until=found.until,
        looked_at=found.looked_at,
        truncated=found.truncated,
        entered=len(found.runs),
        mails=found.mails,
        stopped_by_payment=found.stopped_by_payment,
        waiting=found.waiting,
        ended=dict(found.ended),
        filtered=dict(found.filtered),
        withheld=dict(found.withheld),
        runs=[RehearsedRun.model_validate(run) for run in newest],
    )
