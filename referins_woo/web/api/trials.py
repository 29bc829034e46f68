"""Trust before sending: preview and test of a draft; and afterwards why something was or was not sent."""

from __future__ import annotations

from typing import Annotated, Any

from flask import Response
from pydantic import BeforeValidator, ConfigDict, Field, RootModel, model_validator

from automations.definition import Definition, parse
from referins_woo import clock
from referins_woo.accounts.models import User
from referins_woo.commerce.models import Contact as ContactRow
from referins_woo.commerce.models import Order as OrderRow
from referins_woo.mail.samples import SAMPLES
from referins_woo.reports import why as reports
from referins_woo.runs import automations, past_orders, trial
from referins_woo.runs.models import Automation as AutomationRow
from referins_woo.web import scope
from referins_woo.web.api import answers
from referins_woo.web.api.automations import problem_of
from referins_woo.web.api.bearer import account_id, api, user_id
from referins_woo.web.api.contract import operation
from referins_woo.web.api.documents import Document, Id, Input, OneOf, Text, Time, example, moment
from referins_woo.web.api.problems import Rejected, field_error
from referins_woo.web.api.writing import writing


class Gate(Document):
    """One thing that was looked at, and the value that it saw."""

    gate: Annotated[str, Field(examples=["order.total"])]
    passed: bool
    value: Annotated[Any, Field(examples=["59.90"])]
    reason: Annotated[str, Field(description="In words.", examples=["Total is at least 50: it is 59.90."])]


class Why(Document):
    """What one automation made of one order."""

    automation_id: Id
    automation: Annotated[str, Field(examples=["Order confirmation"])]
    state: Annotated[str, Field(examples=["live"])]
    outcome: Annotated[
        str,
        Field(description=f"`{'`, `'.join(reports.OUTCOMES)}`.", examples=["filtered"]),
    ]
    reason: Annotated[str, Field(description="The first thing that kept it from sending; empty where it sent.")]
    gates: list[Gate]
    order_id: Id
    order_number: Text
    run_id: Annotated[int | None, Field(examples=[17])]
    event_id: Annotated[int | None, Field(examples=[17])]


class WhyList(RootModel[list[Why]]):
    """What every automation made of it."""


class TestInput(Input):
    """Which order: one of yours, or one that is made up."""

    model_config = ConfigDict(json_schema_extra=example({"sample": "usual"}))

    order_id: Annotated[Id | None, Field(examples=[None])] = None
    sample: Annotated[
        Annotated[str, OneOf(SAMPLES)] | None,
        Field(description="A made-up order, for accounts that have none yet.", examples=["usual"]),
    ] = None
    ignore_exits: Annotated[
        bool, Field(description="Go on where an exit condition holds, to see the whole path of a paid order.")
    ] = False

    @model_validator(mode="after")
    def _one_of_two(self) -> TestInput:
        if (self.order_id is None) == (self.sample is None):
            raise ValueError("send order_id or sample")
        return self


class Step(Document):
    """A step of the path."""

    step: Annotated[str, Field(examples=["remind"])]
    outcome: Annotated[str, Field(examples=["sent"])]
    text: Annotated[str, Field(examples=["E-mail: Your order is waiting"])]
    trace: list[dict[str, Any]]
    at: Annotated[Time, Field(description="When it would be, with all waits kept.")]


class Mail(Document):
    """An e-mail of the path, as it would be read."""

    step: Annotated[str, Field(examples=["remind"])]
    kind: Annotated[str, Field(description="`customer` or `team`.", examples=["customer"])]
    to: list[str]
    purpose: Annotated[str, Field(examples=["transactional"])]
    subject: str
    html: str
    text: str
    withheld: Annotated[str, Field(description="Why it would not go out; empty where it would.")]
    fault: Annotated[str, Field(description="Why it cannot be written; empty where it can.")]


class Trial(Document):
    """What the draft does with one order. Nothing was sent."""

    order_id: Annotated[int | None, Field(description="Null for a made-up order.", examples=[1])]
    order_number: Text
    occurred_at: Time
    happened: Annotated[bool, Field(description="The trigger has happened; else it is supposed to happen now.")]
    passed: Annotated[bool, Field(description="Whether the order would enter.")]
    gates: list[Gate]
    path: list[Step]
    mails: list[Mail]
    deeds: Annotated[list[dict[str, Any]], Field(description="What else it would do.")]
    state: Annotated[str, Field(examples=["done"])]
    ended_reason: Text


class Looked(Document):
    """One of the last orders of the trigger."""

    order_id: Id
    order_number: Text
    email: Text
    name: Text
    occurred_at: Time
    passed: bool
    gates: list[Gate]


class Preview(Document):
    """Whom the draft would let in."""

    orders: list[Looked]
    matching: Annotated[int, Field(description="Of the last 30 days' events (2,000 at most), re-entry apart.")]
    of: int


class PastOrdersInput(Input):
    """From when on."""

    model_config = ConfigDict(json_schema_extra=example({"since": "2026-11-01T00:00:00Z"}))

    since: Annotated[Time, BeforeValidator(moment), Field(description="A year back at most.")]
    dry_run: Annotated[bool, Field(description="Only look.")] = True


class PastOrder(Document):
    """A past order that enters."""

    order_id: Id
    order_number: Text
    email: Text
    occurred_at: Time


class PastOrders(Document):
    """Who enters."""

    count: Annotated[int, Field(examples=[12])]
    added: Annotated[int, Field(description="0 for a dry run.", examples=[0])]
    orders: list[PastOrder]


@api.post("/automations/<int:automation_id>/test")
@operation(Trial, tag="Automations")
def test_automation(automation_id: int, json: TestInput) -> Response:
    """Test the draft on an order

    Its path with the waits skipped, and every e-mail as it would be read. Nothing is sent, nothing is changed.
    """
    with scope.reading() as session:
        definition = draft_of(scope.own_of(session, AutomationRow, automation_id, account_id()))
        mine, now, ignore = account_id(), clock.now(), json.ignore_exits
        found: trial.Trial | None
        if json.sample is not None:
            found = trial.try_sample(session, mine, definition, now, json.sample, ignore_exits=ignore)
        else:
            found = trial.try_on(session, mine, definition, json.order_id or 0, now, ignore_exits=ignore)
        if found is None:
            errors = [field_error("order_id", "There is no such order.", "Give the id of an order.")]
            raise Rejected(422, "There is no such order: give the id of one of your orders.", errors)
        return answers.answer(
            Trial(
                order_id=found.order_id or None,
                order_number=found.order_number,
                occurred_at=found.occurred_at,
                happened=found.happened,
                passed=found.passed,
                gates=_gates(found.gates),
                path=[Step.model_validate(one) for one in found.path],
                mails=[Mail.model_validate(one) for one in found.mails],
                deeds=found.deeds,
                state=found.state,
                ended_reason=found.ended_reason,
            )
        )


@api.get("/automations/<int:automation_id>/preview")
@operation(Preview, tag="Automations")
def preview_automation(automation_id: int) -> Response:
    """See whom the draft would let in

    The last ten orders that the trigger happened to, each filter with the value that it saw.
    """
    with scope.reading() as session:
        definition = draft_of(scope.own_of(session, AutomationRow, automation_id, account_id()))
        looked = trial.preview(session, account_id(), definition, clock.now())
        passed, count = trial.matching(session, account_id(), definition, clock.now())
    return answers.answer(Preview(orders=[_looked(one) for one in looked], matching=passed, of=count))


@api.post("/automations/<int:automation_id>/past-orders")
@operation(PastOrders, tag="Automations", problems=(409,))
def add_past_orders(automation_id: int, json: PastOrdersInput) -> Response:
    """Add past orders

    What happened before an automation was published starts it only so. Look first (`dry_run`, unless you say
    otherwise): the answer lists the orders that enter, the newest 2,000. Each order goes through once.
    """
    since = max(json.since, clock.now() - past_orders.FARTHEST)
    try:
        if json.dry_run:
            with scope.reading() as session:
                automation = scope.own_of(session, AutomationRow, automation_id, account_id())
                return answers.answer(_past_orders(past_orders.preview(session, automation, since), 0))
        with writing() as work:
            automation = work.own(AutomationRow, automation_id)
            user = work.session.get_one(User, user_id())
            found = past_orders.preview(work.session, automation, since)
            added = past_orders.add(work.session, automation_id, work.account_id, since, user.name or user.email)
            return work.answer(_past_orders(found, added))
    except automations.NotNow as error:
        raise Rejected(409, str(error)) from None


@api.get("/orders/<int:order_id>/why")
@operation(WhyList, tag="Orders")
def get_why(order_id: int) -> Response:
    """Ask why automations did or did not send

    For every automation of the account, gate by gate; the first gate that did not pass is the answer.
    """
    with scope.reading() as session:
        order = scope.own_of(session, OrderRow, order_id, account_id())
        return _why(reports.why(session, order))


@api.get("/contacts/<int:contact_id>/why")
@operation(WhyList, tag="Contacts")
def get_why_of_contact(contact_id: int) -> Response:
    """Ask why automations did or did not send to a contact

    For every automation the one of the contact's ten newest orders that came furthest.
    """
    with scope.reading() as session:
        contact = scope.own_of(session, ContactRow, contact_id, account_id())
        return _why(reports.why_contact(session, contact))


def _why(found: list[reports.Answer]) -> Response:
    listed = WhyList([Why.model_validate(one) for one in found])
    return Response(listed.model_dump_json(), mimetype="application/json")


def _past_orders(found: list[past_orders.Addable], added: int) -> PastOrders:
    return PastOrders(count=len(found), added=added, orders=[PastOrder.model_validate(one) for one in found])


def draft_of(automation: AutomationRow) -> Definition:
    """Return an automation's draft, or reject what cannot run."""
    parsed = parse(automation.draft)
    if isinstance(parsed, Definition):
        return parsed
    raise Rejected(422, "The draft has problems: mend them first.", [problem_of(one) for one in parsed])


def _gates(gates: list[dict[str, Any]]) -> list[Gate]:
    return [Gate.model_validate(one) for one in reports.entering(gates)]


def _looked(one: trial.Looked) -> Looked:
    return Looked(
        order_id=one.order_id,
        order_number=one.order_number,
        email=one.email,
        name=one.name,
        occurred_at=one.occurred_at,
        passed=one.passed,
        gates=_gates(one.gates),
    )
