"""Where a step of the builder follows a template for its e-mail: choosing one, a newer version, or none."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy.orm import Session

from automations import editing, words
from automations.editing import Document
from referins_woo.errors import InvalidInput
from referins_woo.mail.design import templates as room
from referins_woo.mail.design.models import EmailTemplate, EmailTemplateVersion
from referins_woo.web import scope
from referins_woo.web.builder_acts import Act, Form, Look, UnknownAct, with_drawer


@dataclass(frozen=True, slots=True)
class Following:
    """What the drawer shows of templates."""

    template: EmailTemplate | None
    """The one that the step follows; None where it follows none, or where that is gone."""
    offered: list[EmailTemplate]
    """Those that it may follow: kept at least once, not archived."""


def following(session: Session, step: Document | None) -> Following | None:
    """Return what the drawer of a step shows; None where the step sends no e-mail."""
    if step is None or step.get("kind") != "send_email":
        return None
    found = _followed(session, step)
    offered = [] if step.get("template") else room.listed(session, scope.account_id())
    return Following(found, [one for one in offered if one.version])


def act(session: Session, automation: str, draft: Document, form: Form, rest: str) -> Act:
    """Return the change that one act on the open step's template asks for. Raises UnknownAct, InvalidInput.

    `automation`: its name, which a template takes over from a step that has none.
    """
    step_id = form.get("step", "")
    step = editing.find(draft, step_id)
    name, look = words.title(step), Look(step_id)
    if rest == "use":
        chosen = form.get("t.template", "")
        template = _get(session, int(chosen) if chosen.isascii() and chosen.isdigit() else 0)
        label = f"“{name}” follows “{template.name}”"
        return Act(label, lambda document: _with(document, step_id, _settings(session, template)), look)
    if rest == "newest":
        followed = _followed(session, step)
        if followed is None:
            raise InvalidInput("template", "The template is gone. Write the e-mail here instead.")
        label = f"“{name}” has version {followed.version} of “{followed.name}”"
        return Act(label, lambda document: _with(document, step_id, _settings(session, followed)), look)
    if rest == "free":
        return Act(f"“{name}” follows no template", lambda document: _with(document, step_id, {}), look)
    if rest == "make":
        written = editing.find(with_drawer(draft, step_id, form), step_id)
        document = {key: written[key] for key in room.PARTS if key in written}
        called = str(written.get("name") or automation)
        trigger = str(draft.get("trigger"))
        made = room.create(session, scope.account_id(), scope.who().user_id, called, trigger, document)
        if not made.version:
            raise InvalidInput("template", "Mend what is said above first: a template of it could not be followed.")
        label = f"“{name}” became a template"
        return Act(label, lambda document: _with(document, step_id, _settings(session, made)), look)
    raise UnknownAct(rest)


def _with(document: Document, step_id: str, settings: Document) -> Document:
    """Return the document with the step following a template (its content is that of `settings`), or none."""
    step = editing.find(document, step_id)
    gone = {"id", "kind", "template", *(room.PARTS if settings else ())}
    return editing.change(document, step_id, {key: step[key] for key in step if key not in gone} | settings)


def _settings(session: Session, template: EmailTemplate) -> Document:
    kept: EmailTemplateVersion | None = room.version(session, template, template.version)
    if kept is None:
        raise InvalidInput("template", f"“{template.name}” has no version yet: keep one in its editor first.")
    return room.settings_of(template, kept)


def _get(session: Session, template_id: int) -> EmailTemplate:
    try:
        return room.get(session, scope.account_id(), template_id)
    except room.NoSuchTemplate:
        raise InvalidInput("template", "Choose a template from the list.") from None


def _followed(session: Session, step: Document) -> EmailTemplate | None:
    kept = step.get("template")
    if not isinstance(kept, dict) or not isinstance(kept.get("id"), int):
        return None
    try:
        return room.get(session, scope.account_id(), kept["id"])
    except room.NoSuchTemplate:
        return None
