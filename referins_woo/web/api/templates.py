"""Templates of e-mails, rendered with real orders or samples."""

from __future__ import annotations

from typing import Annotated, Any

from flask import Response, abort
from pydantic import ConfigDict, Field

from automations.triggers import TRIGGERS
from referins_woo import clock
from referins_woo.mail import samples
from referins_woo.mail.compose import compose
from referins_woo.mail.design import brands
from referins_woo.mail.design import templates as room
from referins_woo.mail.design.models import EmailTemplate as TemplateRow
from referins_woo.mail.design.models import EmailTemplateVersion as VersionRow
from referins_woo.mail.sandbox import TemplateFault
from referins_woo.runs import previewed
from referins_woo.web import scope
from referins_woo.web.api import answers, paging
from referins_woo.web.api.automations import problem_of
from referins_woo.web.api.bearer import account_id, api, user_id
from referins_woo.web.api.contract import operation
from referins_woo.web.api.documents import (
    Document,
    EmptyIsNull,
    Filters,
    Id,
    Input,
    ListOf,
    OneOf,
    Page,
    Time,
    WantedFlag,
    WantedId,
    Written,
    documents_of,
    example,
)
from referins_woo.web.api.problems import Rejected
from referins_woo.web.api.writing import Work, writing

_DOCUMENT = {
    "subject": "We have your order {{ order.number }}",
    "body": [{"kind": "text", "text": "Thank you!"}, {"kind": "order_items"}],
    "transactional": True,
}
_Trigger = Annotated[str, OneOf(TRIGGERS)]
_Revision = Annotated[
    int, Field(ge=1, description="Counts the changes of the draft: send the one that you changed.", examples=[1])
]


class EmailTemplate(Document):
    """An e-mail that automations may follow; `document` is its draft."""

    id: Id
    name: Annotated[str, Field(examples=["Thanks"])]
    trigger: Annotated[str, Field(description="Whose merge variables it may use.", examples=["order_submitted"])]
    document: Annotated[dict[str, Any], Field(description="See docs/email.md.", examples=[_DOCUMENT])]
    revision: _Revision
    version: Annotated[int, Field(description="The newest version; 0 while there is none.", examples=[1])]
    origin: Annotated[str | None, EmptyIsNull, Field(description="Key in the gallery.", examples=[None])]
    archived_at: Time | None
    created_at: Time
    updated_at: Time


class TemplateFilters(ListOf):
    """Which templates."""

    archived: Annotated[WantedFlag, Field(description="Those that were put away.")] = False


class NewTemplate(Input):
    """A template to make."""

    model_config = ConfigDict(
        json_schema_extra=example({"name": "Thanks", "trigger": "order_submitted", "document": _DOCUMENT})
    )

    name: Annotated[Written, Field(min_length=1, max_length=200, examples=["Thanks"])]
    trigger: Annotated[_Trigger, Field(examples=["order_submitted"])]
    document: Annotated[dict[str, Any] | None, Field(examples=[_DOCUMENT])] = None


class ChangedTemplate(Input):
    """What to change of the draft; automations get it when a version is kept and they take it."""

    model_config = ConfigDict(json_schema_extra=example({"revision": 1, "name": "Thanks"}))

    revision: _Revision
    name: Annotated[Written | None, Field(min_length=1, max_length=200, examples=["Thanks"])] = None
    trigger: Annotated[_Trigger | None, Field(examples=["order_submitted"])] = None
    document: Annotated[dict[str, Any] | None, Field(examples=[_DOCUMENT])] = None


class TemplateVersion(Document):
    """A template as it was kept."""

    id: Id
    template_id: Id
    number: Annotated[int, Field(examples=[1])]
    document: Annotated[dict[str, Any], Field(examples=[_DOCUMENT])]
    note: str
    saved_by: Annotated[int | None, Field(description="Id of the user.")]
    saved_at: Time


class KeptVersion(Input):
    """What is new in it."""

    model_config = ConfigDict(json_schema_extra=example({"note": "A kinder greeting"}))

    note: Annotated[Written, Field(max_length=500, examples=["A kinder greeting"])] = ""


class RestoredTemplate(Input):
    """Which version becomes the draft again."""

    model_config = ConfigDict(json_schema_extra=example({"number": 1, "revision": 1}))

    number: Annotated[int, Field(ge=1, examples=[1])]
    revision: _Revision


class Rendering(Filters):
    """With which facts: an order's, or a sample's."""

    order_id: WantedId | None = None
    sample: Annotated[str, OneOf(samples.SAMPLES)] = "usual"


class Rendered(Document):
    """The draft as it would be read."""

    subject: Annotated[str, Field(examples=["We have your order 1042"])]
    preheader: str
    html: str
    text: str
    purpose: Annotated[str, Field(description="`transactional` or `marketing`, by its structure.")]


@api.get("/templates")
@operation(Page[EmailTemplate], tag="Templates")
def list_templates(query: TemplateFilters) -> Response:
    """List templates"""
    with scope.reading() as session:
        put_away = TemplateRow.archived_at.is_not(None) if query.archived else TemplateRow.archived_at.is_(None)
        conditions = [TemplateRow.account_id == account_id(), put_away]
        return paging.rows(session, TemplateRow, conditions, query, documents_of(EmailTemplate))


@api.get("/templates/<int:template_id>")
@operation(EmailTemplate, tag="Templates")
def get_template(template_id: int) -> Response:
    """Read a template"""
    with scope.reading() as session:
        found = scope.own_of(session, TemplateRow, template_id, account_id())
        return answers.answer(EmailTemplate.model_validate(found))


@api.post("/templates")
@operation(EmailTemplate, tag="Templates", status=201)
def create_template(json: NewTemplate) -> Response:
    """Make a template

    What has no problems is its version 1 at once; without `document` it begins blank.
    """
    with writing() as work:
        made = room.create(work.session, work.account_id, user_id(), json.name, json.trigger, json.document)
        return _made(work, made)


@api.patch("/templates/<int:template_id>")
@operation(EmailTemplate, tag="Templates", problems=(409,))
def change_template(template_id: int, json: ChangedTemplate) -> Response:
    """Change the draft

    `revision` is the one that you read; where somebody changed the draft since, the answer is 409 and nothing is lost.
    """
    try:
        with writing() as work:
            found = work.own(TemplateRow, template_id)
            room.save(
                work.session,
                found,
                user_id(),
                json.revision,
                document=json.document,
                name=json.name,
                trigger=json.trigger,
            )
            return work.answer(EmailTemplate.model_validate(found))
    except room.TemplateConflict as conflict:
        raise Rejected(409, str(conflict), more={"revision": conflict.revision}) from None


@api.get("/templates/<int:template_id>/versions")
@operation(Page[TemplateVersion], tag="Templates")
def list_template_versions(template_id: int, query: ListOf) -> Response:
    """List the versions of a template"""
    with scope.reading() as session:
        found = scope.own_of(session, TemplateRow, template_id, account_id())
        conditions = [VersionRow.template_id == found.id]
        return paging.rows(session, VersionRow, conditions, query, documents_of(TemplateVersion))


@api.post("/templates/<int:template_id>/versions")
@operation(TemplateVersion, tag="Templates", status=201)
def keep_template(template_id: int, json: KeptVersion) -> Response:
    """Keep the draft as a version

    Steps may follow it from now on. What is wrong with the draft comes back as `errors`; where nothing changed, the
    newest version does.
    """
    try:
        with writing() as work:
            kept = room.keep(work.session, work.own(TemplateRow, template_id), user_id(), json.note)
            return work.answer(TemplateVersion.model_validate(kept), 201)
    except room.NotKeepable as error:
        raise Rejected(422, str(error), [problem_of(one) for one in error.problems]) from None


@api.post("/templates/<int:template_id>/restore")
@operation(EmailTemplate, tag="Templates", problems=(409,))
def restore_template(template_id: int, json: RestoredTemplate) -> Response:
    """Make a version the draft again"""
    try:
        with writing() as work:
            found = work.own(TemplateRow, template_id)
            room.restore(work.session, found, user_id(), json.number, json.revision)
            return work.answer(EmailTemplate.model_validate(found))
    except room.TemplateConflict as conflict:
        raise Rejected(409, str(conflict), more={"revision": conflict.revision}) from None


@api.post("/templates/<int:template_id>/duplicate")
@operation(EmailTemplate, tag="Templates", status=201)
def duplicate_template(template_id: int) -> Response:
    """Make another template of the same draft"""
    with writing() as work:
        return _made(work, room.duplicate(work.session, work.own(TemplateRow, template_id), user_id()))


@api.post("/templates/<int:template_id>/archive")
@operation(EmailTemplate, tag="Templates")
def archive_template(template_id: int) -> Response:
    """Put a template away

    Automations that follow it go on: their e-mails stand in them whole.
    """
    return _archived(template_id, archived=True)


@api.post("/templates/<int:template_id>/unarchive")
@operation(EmailTemplate, tag="Templates")
def unarchive_template(template_id: int) -> Response:
    """Take a template back"""
    return _archived(template_id, archived=False)


@api.get("/templates/<int:template_id>/render")
@operation(Rendered, tag="Templates")
def render_template_of(template_id: int, query: Rendering) -> Response:
    """Render the draft

    With the facts of an order, or of a sample at which e-mails break. Nothing is sent.
    """
    with scope.reading() as session:
        found = scope.own_of(session, TemplateRow, template_id, account_id())
        facts: dict[str, Any] | None = samples.facts_of(query.sample, TRIGGERS[found.trigger].facts)
        if query.order_id is not None:
            body = found.document.get("body")
            facts = previewed.facts_for(session, account_id(), found.trigger, body, query.order_id, clock.now())
        if facts is None:
            abort(404)
        template = brands.ready(session, account_id(), {"body": [], **found.document})
        purpose = "marketing" if room.is_marketing(found.document) else "transactional"
    try:
        made = compose(template, facts)
    except TemplateFault as fault:
        raise Rejected(422, f"It cannot be written yet: {fault}") from None
    parts = {"subject": made.subject, "preheader": made.preheader, "html": made.html, "text": made.text}
    return answers.answer(Rendered.model_validate({**parts, "purpose": purpose}))


def _archived(template_id: int, *, archived: bool) -> Response:
    with writing() as work:
        found = work.own(TemplateRow, template_id)
        room.archive(found, archived=archived)
        work.session.flush()
        return work.answer(EmailTemplate.model_validate(found))


def _made(work: Work, made: TemplateRow) -> Response:
    work.session.flush()
    return work.answer(EmailTemplate.model_validate(made), 201, location=f"/api/v1/templates/{made.id}")
