"""Runs: who goes through which automation, each decision with the values it saw; try again, go on earlier, stop."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Any, Literal

from flask import Response
from pydantic import Field
from sqlalchemy.orm import Session

from referins_woo.accounts.models import User
from referins_woo.reports import runs as reports
from referins_woo.runs import steer
from referins_woo.runs.models import Run as RunRow
from referins_woo.web import scope
from referins_woo.web.api import answers, paging
from referins_woo.web.api.bearer import account_id, api, user_id
from referins_woo.web.api.contract import operation
from referins_woo.web.api.documents import (
    Document,
    Id,
    ListOf,
    Page,
    Reason,
    Shown,
    Text,
    Time,
    WantedId,
    WantedText,
    WantedTime,
    documents_of,
)
from referins_woo.web.api.problems import Rejected
from referins_woo.web.api.writing import writing

RunState = Literal["active", "waiting", "rereading", "held", "done", "exited", "stopped", "failed"]


class Run(Document):
    """One order or contact that goes through an automation."""

    id: Id
    automation_id: Id
    version_id: Id
    order_id: Id | None
    contact_id: Id | None
    event_id: Id | None
    state: Annotated[str, Field(examples=["waiting"])]
    position: Annotated[
        Any, Field(description="Where it is among the steps.", examples=[{"step": "remind", "phase": "reread"}])
    ]
    step: Annotated[str, Field(description="Id of the step that it stands at; empty at the start.", examples=["wait"])]
    attempts: Annotated[int, Field(description="Failures in a row.", examples=[0])]
    due_at: Time | None
    started_at: Time
    ended_at: Time | None
    ended_reason: Reason


class Decision(Document):
    """A line of a run's log."""

    step_key: Annotated[str, Field(examples=["remind"])]
    at: Time
    outcome: Annotated[str, Field(examples=["sent"])]
    text: Annotated[str, Field(description="In words.", examples=["E-mail: Your order is waiting"])]
    trace: Annotated[Any, Field(description="The values that the decision saw.", examples=[[]])]


class Call(Document):
    """A call of a webhook that a step asked for."""

    step_id: Annotated[str, Field(examples=["tell"])]
    url: Annotated[str, Field(examples=["https://example.com/hook"])]
    state: Annotated[str, Field(description="`waiting`, `done` or `failed`.", examples=["done"])]
    attempts: Annotated[int, Field(examples=[1])]
    status: Annotated[int | None, Field(description="HTTP status of the last answer.", examples=[200])]
    error: Text
    due_at: Time


class RunDetail(Run):
    """A run with its log."""

    log: list[Decision]
    message_ids: list[Id]
    calls: list[Call]


class RunFilters(ListOf):
    """Which runs."""

    automation_id: WantedId | None = None
    order_id: WantedId | None = None
    contact_id: WantedId | None = None
    state: RunState | None = None
    step: Annotated[WantedText | None, Field(description="Id of the step that it stands at.")] = None
    started_after: WantedTime | None = None
    started_before: WantedTime | None = None


@api.get("/runs")
@operation(Page[Run], tag="Automations")
def list_runs(query: RunFilters) -> Response:
    """List runs

    Who is going through which automation, and what became of them.
    """
    with scope.reading() as session:
        conditions = [
            RunRow.account_id == account_id(),
            *paging.equals(
                query,
                automation_id=RunRow.automation_id,
                order_id=RunRow.order_id,
                contact_id=RunRow.contact_id,
                state=RunRow.state,
                step=RunRow.step,
            ),
        ]
        if query.started_after is not None:
            conditions.append(RunRow.started_at >= query.started_after)
        if query.started_before is not None:
            conditions.append(RunRow.started_at < query.started_before)
        return paging.rows(session, RunRow, conditions, query, documents_of(Run))


@api.get("/runs/<int:run_id>")
@operation(RunDetail, tag="Automations")
def get_run(run_id: int) -> Response:
    """Read a run

    With every decision and the values that it saw, its e-mails and its calls of webhooks.
    """
    with scope.reading() as session:
        it = reports.run_page(session, scope.own_of(session, RunRow, run_id, account_id()))
        shown = Shown(it.run, log=it.log, message_ids=[one.id for one in it.messages], calls=it.calls)
        return answers.answer(RunDetail.model_validate(shown))


@api.post("/runs/<int:run_id>/retry")
@operation(Run, tag="Automations", problems=(409,))
def retry_run(run_id: int) -> Response:
    """Try a failed run again

    From the step that failed; what it did before is not done again.
    """
    return _steered(run_id, steer.retry)


@api.post("/runs/<int:run_id>/skip-wait")
@operation(Run, tag="Automations", problems=(409,))
def skip_wait_of_run(run_id: int) -> Response:
    """Let a waiting run go on now

    Exit conditions are looked at first, as always.
    """
    return _steered(run_id, steer.skip_wait)


@api.post("/runs/<int:run_id>/stop")
@operation(Run, tag="Automations", problems=(409,))
def stop_run(run_id: int) -> Response:
    """Stop a run

    It ends where it stands; e-mails of it that have not left are not sent.
    """
    return _steered(run_id, steer.stop)


def _steered(run_id: int, deed: Callable[[Session, int, int, str], RunRow]) -> Response:
    try:
        with writing() as work:
            work.own(RunRow, run_id)
            user = work.session.get_one(User, user_id())
            changed = deed(work.session, run_id, work.account_id, user.name or user.email)
            work.session.flush()
            return work.answer(Run.model_validate(changed))
    except steer.CannotSteer as error:
        raise Rejected(409, str(error)) from None
