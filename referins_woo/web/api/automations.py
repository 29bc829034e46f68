"""Automations: list, make, change, publish, pause, resume; in and out as JSON and TOML; the catalogue and the rules."""

from __future__ import annotations

from typing import Annotated, Any, Literal

import orjson
import tomli_w
from flask import Response, abort
from pydantic import ConfigDict, Field, model_validator

from automations import portable
from automations.catalogue import as_json
from automations.fields import Problem
from referins_woo.errors import InvalidInput
from referins_woo.runs import automations as room
from referins_woo.runs import publishable
from referins_woo.runs import rules as rules_room
from referins_woo.runs.models import Automation as AutomationRow
from referins_woo.runs.models import AutomationVersion as VersionRow
from referins_woo.web import scope
from referins_woo.web.api import answers, paging
from referins_woo.web.api.bearer import account_id, api, user_id
from referins_woo.web.api.contract import Nothing, operation
from referins_woo.web.api.documents import (
    LARGEST_ID,
    Document,
    EmptyIsNull,
    Filters,
    Id,
    Input,
    ListOf,
    Page,
    Time,
    WantedFlag,
    WantedText,
    Written,
    documents_of,
    example,
)
from referins_woo.web.api.problems import Rejected
from referins_woo.web.api.writing import Work, writing

State = Literal["draft", "live", "paused", "finishing"]
Inside = Literal["finish", "move", "stop"]

_DEFINITION = {
    "trigger": "order_submitted",
    "steps": [
        {
            "id": "thanks",
            "kind": "send_email",
            "subject": "We have your order {{ order.number }}",
            "body": [{"kind": "text", "text": "Thank you!"}],
        }
    ],
}
_Revision = Annotated[
    int, Field(ge=1, description="Counts the changes of the draft: send the one that you changed.", examples=[3])
]


class Automation(Document):
    """An automation; `definition` is its draft."""

    id: Id
    name: Annotated[str, Field(examples=["Order confirmation"])]
    recipe: Annotated[str | None, EmptyIsNull, Field(examples=["order_confirmation"])]
    state: Annotated[str, Field(description="`draft`, `live`, `paused` or `finishing`.", examples=["live"])]
    trigger: Annotated[str, Field(examples=["order_submitted"])]
    live_since: Time | None
    live_version_id: Annotated[int | None, Field(description="The published version; null for a draft.")]
    revision: Annotated[_Revision, Field(validation_alias="draft_revision")]
    updated_at: Time
    definition: Annotated[dict[str, Any], Field(validation_alias="draft", examples=[_DEFINITION])]


class AutomationFilters(ListOf):
    """Which automations."""

    state: State | None = None
    trigger: WantedText | None = None
    recipe: WantedText | None = None


class NewAutomation(Input):
    """A recipe's key, or a name with a definition."""

    model_config = ConfigDict(json_schema_extra=example({"recipe": "order_confirmation"}))

    recipe: Annotated[
        str | None, Field(description="Key of a ready-made automation.", examples=["order_confirmation"])
    ] = None
    name: Annotated[Written | None, Field(min_length=1, max_length=200, examples=["Mine"])] = None
    definition: Annotated[
        dict[str, Any] | None, Field(description="See docs/automations.md.", examples=[_DEFINITION])
    ] = None

    @model_validator(mode="after")
    def _one_of_two(self) -> NewAutomation:
        if (self.recipe is None) == (self.definition is None):
            raise ValueError("send recipe, or name and definition")
        if self.definition is not None and self.name is None:
            raise ValueError("a definition needs a name beside it")
        return self


class ChangedAutomation(Input):
    """What to change of the draft; what is live does not change before it is published."""

    model_config = ConfigDict(json_schema_extra=example({"revision": 1, "name": "Mine"}))

    revision: _Revision
    name: Annotated[Written | None, Field(min_length=1, max_length=200, examples=["Mine"])] = None
    definition: Annotated[dict[str, Any] | None, Field(examples=[_DEFINITION])] = None


class Publishing(Filters):
    """How to publish."""

    inside: Annotated[
        Inside,
        Field(
            description="What becomes of people inside: they `finish` on the version that they entered, `move` to this "
            "one where it still has their step, or `stop`."
        ),
    ] = "finish"
    reschedule: Annotated[
        WantedFlag,
        Field(
            description="With `move`: who waits at a wait that was changed waits as it says now, counted from when "
            "they came to it. Who would be mailed later than the automation allows keeps the time that they have. It "
            "is done in the minutes after the answer; each run's log says so."
        ),
    ] = False
    note: Annotated[str, Field(max_length=500, description="What is new, for your colleagues.")] = ""


class Version(Document):
    """A published definition."""

    id: Id
    automation_id: Id
    number: Annotated[int, Field(examples=[2])]
    published_at: Time
    published_by: Annotated[int | None, Field(description="Id of the user.")]
    note: str
    definition: Annotated[dict[str, Any], Field(examples=[_DEFINITION])]


class Restored(Input):
    """Which version becomes the draft again."""

    model_config = ConfigDict(json_schema_extra=example({"number": 1}))

    number: Annotated[int, Field(ge=1, le=LARGEST_ID)]
    revision: Annotated[
        int | None, Field(ge=1, description="The draft that it replaces; without it, whichever there is.")
    ] = None


class Exporting(Filters):
    """In which form."""

    format: Literal["json", "toml"] = "json"


class Imported(Input):
    """An exported automation: as an object, or as the text of a file."""

    model_config = ConfigDict(
        json_schema_extra=example({"format": portable.FORMAT, "name": "Order confirmation", "definition": _DEFINITION})
    )

    format: Annotated[str | None, Field(examples=[portable.FORMAT])] = None
    name: Annotated[str | None, Field(max_length=200)] = None
    definition: Annotated[dict[str, Any] | None, Field(examples=[_DEFINITION])] = None
    toml: Annotated[str | None, Field(max_length=portable.MOST, description="The text of a TOML file.")] = None


class Catalogue(Document):
    """All that automations are made of: forms and checks are drawn from it."""

    triggers: list[dict[str, Any]]
    conditions: list[dict[str, Any]]
    operators: list[dict[str, Any]]
    steps: list[dict[str, Any]]
    step_settings: list[dict[str, Any]]
    blocks: list[dict[str, Any]]
    exit_conditions: list[dict[str, Any]]
    settings: list[dict[str, Any]]
    recipes: list[dict[str, Any]]


class Rules(Document):
    """Quiet hours and caps of the account, over all its automations; they keep back marketing e-mails only."""

    quiet_from: Annotated[str, Field(description="Time of day; empty: no quiet hours.", examples=["21:00"])]
    quiet_to: Annotated[str, Field(examples=["08:00"])]
    cap_messages: Annotated[
        int | None, Field(description="E-mails that a contact gets in `cap_hours` at most.", examples=[1])
    ]
    cap_hours: Annotated[int, Field(examples=[16])]
    cap_action: Annotated[str, Field(description="`skip` or `delay`.", examples=["skip"])]


class ChangedRules(Input):
    """What to change of them."""

    model_config = ConfigDict(json_schema_extra=example({"cap_messages": 1, "cap_hours": 16}))

    quiet_from: Annotated[str | None, Field(max_length=5)] = None
    quiet_to: Annotated[str | None, Field(max_length=5)] = None
    cap_messages: Annotated[int | None, Field(ge=1, le=100)] = None
    cap_hours: Annotated[int | None, Field(ge=1, le=rules_room.MOST_HOURS)] = None
    cap_action: Literal["skip", "delay"] | None = None


@api.get("/automations")
@operation(Page[Automation], tag="Automations")
def list_automations(query: AutomationFilters) -> Response:
    """List automations"""
    with scope.reading() as session:
        conditions = [
            AutomationRow.account_id == account_id(),
            *paging.equals(
                query, state=AutomationRow.state, trigger=AutomationRow.trigger, recipe=AutomationRow.recipe
            ),
        ]
        return paging.rows(session, AutomationRow, conditions, query, documents_of(Automation))


@api.get("/automations/<int:automation_id>")
@operation(Automation, tag="Automations")
def get_automation(automation_id: int) -> Response:
    """Read an automation"""
    with scope.reading() as session:
        found = scope.own_of(session, AutomationRow, automation_id, account_id())
        return answers.answer(Automation.model_validate(found))


@api.post("/automations")
@operation(Automation, tag="Automations", status=201)
def create_automation(json: NewAutomation) -> Response:
    """Make a draft

    From a recipe, or from a definition of your own. Nothing starts before it is published.
    """
    with writing() as work:
        if json.recipe is not None:
            made = room.create_from_recipe(work.session, work.account_id, json.recipe)
        else:
            made = room.create(work.session, work.account_id, json.name or "", json.definition or {})
        return _made(work, made)


@api.patch("/automations/<int:automation_id>")
@operation(Automation, tag="Automations", problems=(409,))
def change_automation(automation_id: int, json: ChangedAutomation) -> Response:
    """Change the draft

    `revision` is the one that you read; where somebody changed the draft since, the answer is 409 and nothing is lost.
    """
    try:
        with writing() as work:
            work.own(AutomationRow, automation_id)
            changed = room.save_draft(
                work.session,
                automation_id,
                work.account_id,
                revision=json.revision,
                definition=json.definition,
                name=json.name,
                by_user=user_id(),
            )
            return work.answer(Automation.model_validate(changed))
    except room.DraftConflict as conflict:
        raise Rejected(409, str(conflict), more={"revision": conflict.revision}) from None


@api.post("/automations/<int:automation_id>/publish")
@operation(Automation, tag="Automations")
def publish_automation(automation_id: int, query: Publishing) -> Response:
    """Publish the draft

    Events from now on start it. What is wrong with the draft comes back as `errors`.
    """
    try:
        with writing() as work:
            found = work.own(AutomationRow, automation_id)
            room.publish(
                work.session,
                automation_id,
                work.account_id,
                user_id(),
                inside=query.inside,
                reschedule=query.reschedule,
                note=query.note,
            )
            work.session.refresh(found)
            return work.answer(Automation.model_validate(found))
    except publishable.NotPublishable as error:
        raise Rejected(422, str(error), [problem_of(one) for one in error.problems]) from None


@api.post("/automations/<int:automation_id>/pause")
@operation(Automation, tag="Automations", problems=(409,))
def pause_automation(automation_id: int) -> Response:
    """Pause an automation

    Runs are held where they are, new ones from the start; nothing is dropped.
    """
    return _steered(automation_id, room.pause)


@api.post("/automations/<int:automation_id>/resume")
@operation(Automation, tag="Automations", problems=(409,))
def resume_automation(automation_id: int) -> Response:
    """Resume an automation

    What was held goes on; its e-mails obey the lateness rule like any other.
    """
    return _steered(automation_id, room.resume)


@api.post("/automations/<int:automation_id>/finish")
@operation(Automation, tag="Automations", problems=(409,))
def finish_automation(automation_id: int) -> Response:
    """Let an automation come to its end

    Nobody enters any more; those inside go on, then it is a draft again.
    """
    return _steered(automation_id, room.finish)


@api.post("/automations/<int:automation_id>/duplicate")
@operation(Automation, tag="Automations", status=201)
def duplicate_automation(automation_id: int) -> Response:
    """Make a draft of the same definition"""
    with writing() as work:
        work.own(AutomationRow, automation_id)
        return _made(work, room.duplicate(work.session, automation_id, work.account_id))


@api.get("/automations/<int:automation_id>/versions")
@operation(Page[Version], tag="Automations")
def list_versions(automation_id: int, query: ListOf) -> Response:
    """List the published versions"""
    with scope.reading() as session:
        found = scope.own_of(session, AutomationRow, automation_id, account_id())
        conditions = [VersionRow.automation_id == found.id]
        return paging.rows(session, VersionRow, conditions, query, documents_of(Version))


@api.post("/automations/<int:automation_id>/restore")
@operation(Automation, tag="Automations", problems=(409,))
def restore_automation(automation_id: int, json: Restored) -> Response:
    """Make a version the draft again

    What is live does not change.
    """
    try:
        with writing() as work:
            revision = json.revision or work.own(AutomationRow, automation_id).draft_revision
            changed = room.restore(work.session, automation_id, work.account_id, json.number, revision=revision)
            return work.answer(Automation.model_validate(changed))
    except room.NoSuchAutomation:
        abort(404)
    except room.DraftConflict as conflict:
        raise Rejected(409, str(conflict), more={"revision": conflict.revision}) from None


@api.get("/automations/<int:automation_id>/export")
@operation(Nothing, tag="Automations")
def export_automation(automation_id: int, query: Exporting) -> Response:
    """Write an automation out

    Its name and draft as a file, JSON or TOML: another account can take it in. Ids in filters (products, stores) are
    those of this account.
    """
    with scope.reading() as session:
        found = scope.own_of(session, AutomationRow, automation_id, account_id())
        document = portable.to_document(found.name, found.draft)
    if query.format == "toml":
        body, kind = tomli_w.dumps(_without_nulls(document), multiline_strings=False).encode(), "application/toml"
    else:
        body, kind = orjson.dumps(document, option=orjson.OPT_INDENT_2), "application/json"
    response = Response(body, mimetype=kind)
    response.headers["Content-Disposition"] = f'attachment; filename="automation-{automation_id}.{query.format}"'
    return response


@api.post("/automations/import")
@operation(Automation, tag="Automations", status=201)
def import_automation(json: Imported) -> Response:
    """Take an automation in

    What `export` wrote, as it is, or `{"toml": "…"}` with the text of a TOML file. It becomes a draft.
    """
    try:
        if json.toml is not None:
            name, definition = portable.read(json.toml, "toml")
        else:
            document = {"format": json.format, "name": json.name, "definition": json.definition}
            name, definition = portable.taken(document)
    except portable.Unportable as error:
        raise InvalidInput("toml" if json.toml is not None else "format", str(error)) from None
    with writing() as work:
        return _made(work, room.create(work.session, work.account_id, name, definition))


@api.get("/automations/catalogue")
@operation(Catalogue, tag="Automations")
def get_catalogue() -> Response:
    """Read what automations are made of

    Triggers, conditions, steps, blocks and settings with their labels and schemas, and the ready-made automations.
    """
    return answers.answer(Catalogue.model_validate(as_json()))


@api.get("/automations/rules")
@operation(Rules, tag="Automations")
def get_rules() -> Response:
    """Read quiet hours and caps"""
    with scope.reading() as session:
        return answers.answer(Rules.model_validate(rules_room.read(session, account_id())))


@api.patch("/automations/rules")
@operation(Rules, tag="Automations")
def change_rules(json: ChangedRules) -> Response:
    """Change quiet hours and caps

    They hold for all automations of the account that do not say otherwise; what is not sent stays as it is, null takes
    a cap away.
    """
    with writing() as work:
        wanted = {name: getattr(json, name) for name in json.model_fields_set}
        return work.answer(Rules.model_validate(rules_room.write(work.session, work.account_id, wanted)))


def problem_of(one: Problem) -> dict[str, str]:
    """Return a problem of a definition as the API writes it."""
    return {"path": one.path, "field": one.field, "message": one.message, "remedy": one.remedy}


def _made(work: Work, made: AutomationRow) -> Response:
    work.session.flush()
    return work.answer(Automation.model_validate(made), 201, location=f"/api/v1/automations/{made.id}")


def _steered(automation_id: int, deed: Any) -> Response:
    try:
        with writing() as work:
            work.own(AutomationRow, automation_id)
            changed = deed(work.session, automation_id, work.account_id)
            work.session.flush()
            return work.answer(Automation.model_validate(changed))
    except room.NotNow as error:
        raise Rejected(409, str(error)) from None


def _without_nulls(value: Any) -> Any:
    """TOML has no null: what is null is left out, as it would be anyway."""
    if isinstance(value, dict):
        return {str(key): _without_nulls(one) for key, one in value.items() if one is not None}
    return [_without_nulls(one) for one in value if one is not None] if isinstance(value, list) else value
