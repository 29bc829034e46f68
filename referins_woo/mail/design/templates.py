"""Templates as records: made, edited on the revision that was seen, kept as versions, restored, archived.

Every function works on the caller's unit and one account's rows. A draft may be wrong; a version has no problems.
"""

from __future__ import annotations

import copy
from dataclasses import replace
from typing import Any, Final

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from automations.blocks import is_promotional
from automations.definition import Definition, parse
from automations.fields import Problem
from automations.triggers import TRIGGERS
from referins_woo import clock
from referins_woo.errors import Final as FinalError
from referins_woo.errors import InvalidInput
from referins_woo.mail.compose import problem_of
from referins_woo.mail.design.models import EmailTemplate, EmailTemplateVersion

PARTS: Final[tuple[str, ...]] = ("subject", "preheader", "body", "plain", "transactional")
"""What a document holds: settings of a step that sends an e-mail."""
MOST: Final = 1_000
_STEP: Final = "steps[0]"
_LONGEST_NOTE: Final = 500
_BLANK: Final[dict[str, Any]] = {"subject": "", "body": [{"kind": "heading"}, {"kind": "text"}]}


class NoSuchTemplate(FinalError):
    """This account has no such template."""


class TemplateConflict(FinalError):
    """Somebody else saved meanwhile; `revision` is the one that is stored now."""

    def __init__(self, revision: int) -> None:
        super().__init__("Somebody else has changed this template meanwhile. Load it again, then repeat your change.")
        self.revision = revision


class NotKeepable(FinalError):
    """The draft has problems; each says where, what, and what to do."""

    def __init__(self, problems: list[Problem]) -> None:
        super().__init__(" ".join(one.message for one in problems))
        self.problems = problems


def create(
    session: Session,
    account_id: int,
    user_id: int | None,
    name: str,
    trigger: str,
    document: dict[str, Any] | None = None,
    *,
    origin: str = "",
) -> EmailTemplate:
    """Make a template, of `document` or blank; what has no problems is its version 1 at once. Raises InvalidInput."""
    counted = session.scalars(select(EmailTemplate.id).where(EmailTemplate.account_id == account_id).limit(MOST)).all()
    if len(counted) >= MOST:
        raise InvalidInput("name", f"An account has {MOST} templates at most: use an archived one again.")
    made = EmailTemplate(
        account_id=account_id,
        name=_name(name),
        trigger=_trigger(trigger),
        document=_document(_BLANK if document is None else document),
        origin=origin[:100],
        updated_by=user_id,
    )
    session.add(made)
    session.flush()
    if not problems(made.document, made.trigger):
        keep(session, made, user_id)
    return made


def get(session: Session, account_id: int, template_id: int) -> EmailTemplate:
    """Return a template of the account. Raises NoSuchTemplate."""
    mine = (EmailTemplate.id == template_id, EmailTemplate.account_id == account_id)
    found = session.scalar(select(EmailTemplate).where(*mine))
    if found is None:
        raise NoSuchTemplate("There is no such template.")
    return found


def listed(session: Session, account_id: int, *, archived: bool = False) -> list[EmailTemplate]:
    """Return the templates by name, in use or archived."""
    there = EmailTemplate.archived_at.is_not(None) if archived else EmailTemplate.archived_at.is_(None)
    wanted = select(EmailTemplate).where(EmailTemplate.account_id == account_id, there)
    return list(session.scalars(wanted.order_by(EmailTemplate.name, EmailTemplate.id).limit(MOST)))


def save(
    session: Session,
    template: EmailTemplate,
    user_id: int | None,
    revision: int,
    *,
    document: dict[str, Any] | None = None,
    name: str | None = None,
    trigger: str | None = None,
) -> EmailTemplate:
    """Save the draft that was edited from `revision`. Raises TemplateConflict, InvalidInput."""
    values: dict[str, Any] = {}
    if document is not None and _document(document) != template.document:
        values["document"] = _document(document)
    if name is not None and _name(name) != template.name:
        values["name"] = _name(name)
    if trigger is not None and trigger != template.trigger:
        values["trigger"] = _trigger(trigger)
    if not values:
        return template
    values |= {"revision": revision + 1, "updated_at": clock.now(), "updated_by": user_id}
    saved = session.execute(
        update(EmailTemplate)
        .where(EmailTemplate.id == template.id, EmailTemplate.revision == revision)
        .values(values)
        .execution_options(synchronize_session=False)
    )
    session.refresh(template)
    if saved.rowcount != 1:  # type: ignore[attr-defined]
        raise TemplateConflict(template.revision)
    return template


def keep(session: Session, template: EmailTemplate, user_id: int | None, note: str = "") -> EmailTemplateVersion:
    """Make the draft a version, which automations may take; the newest where nothing changed. Raises NotKeepable."""
    found = problems(template.document, template.trigger)
    if found:
        raise NotKeepable(found)
    newest = version(session, template, template.version)
    if newest is not None and newest.document == template.document:
        return newest
    template.version += 1
    kept = EmailTemplateVersion(
        template_id=template.id,
        number=template.version,
        document=copy.deepcopy(template.document),
        note=note.strip()[:_LONGEST_NOTE],
        saved_by=user_id,
    )
    session.add(kept)
    session.flush()
    return kept


def versions(session: Session, template: EmailTemplate) -> list[EmailTemplateVersion]:
    """Return every version, newest first."""
    wanted = select(EmailTemplateVersion).where(EmailTemplateVersion.template_id == template.id)
    return list(session.scalars(wanted.order_by(EmailTemplateVersion.number.desc())))


def version(session: Session, template: EmailTemplate, number: int) -> EmailTemplateVersion | None:
    """Return one version, None where there is none of that number."""
    return session.scalar(
        select(EmailTemplateVersion).where(
            EmailTemplateVersion.template_id == template.id, EmailTemplateVersion.number == number
        )
    )


def restore(
    session: Session, template: EmailTemplate, user_id: int | None, number: int, revision: int
) -> EmailTemplate:
    """Make a version the draft again. Raises InvalidInput, TemplateConflict."""
    found = version(session, template, number)
    if found is None:
        raise InvalidInput("number", f"There is no version {number} of this template.")
    return save(session, template, user_id, revision, document=found.document)


def duplicate(session: Session, template: EmailTemplate, user_id: int | None) -> EmailTemplate:
    """Make another template of the same draft."""
    name = f"Copy of {template.name}"[:200]
    return create(
        session, template.account_id, user_id, name, template.trigger, template.document, origin=template.origin
    )


def archive(template: EmailTemplate, *, archived: bool = True) -> None:
    """Put a template away, or take it back. Automations that follow it go on: their e-mails stand in them whole."""
    template.archived_at = clock.now() if archived else None


def problems(document: dict[str, Any], trigger: str) -> list[Problem]:
    """Return what keeps a document from being sent after `trigger`; paths are like "body[1]"."""
    step = {"id": "mail", "kind": "send_email", **document}
    parsed = parse({"trigger": trigger, "steps": [step]})
    if not isinstance(parsed, Definition):
        return [replace(one, path=one.path.removeprefix(_STEP).removeprefix(".")) for one in parsed]
    fault = problem_of(document)
    return [Problem("body[0]" if document.get("body") else "", "body", fault)] if fault else []


def settings_of(template: EmailTemplate, kept: EmailTemplateVersion) -> dict[str, Any]:
    """Return the settings of a step that follows a version: its content whole, and where that came from."""
    content = {key: value for key, value in kept.document.items() if value not in (None, "", [], False)}
    return {**copy.deepcopy(content), "template": {"id": template.id, "version": kept.number}}


def is_marketing(document: dict[str, Any]) -> bool:
    """Whether the e-mail is marketing, by its structure (E3)."""
    return is_promotional(document.get("body"))


def _document(given: dict[str, Any]) -> dict[str, Any]:
    unknown = sorted(set(given) - set(PARTS))
    if unknown:
        raise InvalidInput("document", f"There is no part {unknown[0]!r}; there are {', '.join(PARTS)}.")
    body = given.get("body")
    if body is not None and not isinstance(body, list):
        raise InvalidInput("document", "The body is not a list of blocks.")
    return {key: copy.deepcopy(given[key]) for key in PARTS if given.get(key) not in (None, "", False)}


def _name(name: str) -> str:
    cleaned = " ".join(name.split())
    if not cleaned or len(cleaned) > 200:
        raise InvalidInput("name", "Give a name of at most 200 characters.")
    return cleaned


def _trigger(trigger: str) -> str:
    if trigger not in TRIGGERS:
        raise InvalidInput("trigger", f"Choose a trigger: {', '.join(TRIGGERS)}.")
    return trigger
