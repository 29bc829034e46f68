"""Drafts as the builder edits them: every change is saved at once, can be undone, and loses nobody's work.

A change names the revision that it was made from: when somebody else saved meanwhile, it is refused with what they
changed, and nothing is lost on either side. The newest MOST edits of a draft are kept.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any, Final

from sqlalchemy import delete, func, select
from sqlalchemy.orm import Session

from automations.editing import Document
from automations.words import differences
from referins_woo import clock
from referins_woo.errors import Final as FinalError
from referins_woo.runs import automations
from referins_woo.runs.models import Automation, AutomationEdit

MOST: Final = 200
_ONE_TYPING: Final = timedelta(seconds=60)
_LONGEST_LABEL: Final = 160


class Nothing(FinalError):
    """There is nothing to undo or to redo."""


def edit(
    session: Session,
    automation: Automation,
    user_id: int | None,
    revision: int,
    label: str,
    change: Callable[[Document], Document],
    *,
    typing: bool = False,
    editor: str = "",
) -> Automation:
    """Save `change` of the draft that was seen at `revision`. A change that changes nothing saves nothing.

    `typing`: part of one entry; undone together with what was typed just before under the same label. `editor` names
    the opened page: its requests may overtake one another, and its own changes are nobody else's.
    Raises automations.DraftConflict, and what `change` raises.
    """
    revision = _seen(session, automation, revision, editor)
    before = dict(automation.draft)
    after = change(before)
    if after == before:
        return automation
    newest = _begin_history(session, automation)
    now = clock.now()
    session.execute(
        delete(AutomationEdit).where(
            AutomationEdit.automation_id == automation.id, AutomationEdit.position > automation.edit_position
        )
    )
    saved = automations.save_draft(session, automation.id, automation.account_id, revision=revision, definition=after)
    label = label[:_LONGEST_LABEL]
    if typing and newest.label == label and newest.by_user == user_id and now - newest.at < _ONE_TYPING:
        newest.document, newest.revision, newest.at = after, saved.draft_revision, now
        newest.editor = editor[:32]
    else:
        saved.edit_position += 1
        session.add(
            AutomationEdit(
                automation_id=automation.id,
                position=saved.edit_position,
                revision=saved.draft_revision,
                document=after,
                label=label,
                by_user=user_id,
                editor=editor[:32],
                at=now,
            )
        )
    saved.updated_by = user_id
    session.execute(
        delete(AutomationEdit).where(
            AutomationEdit.automation_id == automation.id, AutomationEdit.position < saved.edit_position - MOST
        )
    )
    session.flush()
    return saved


def undo(
    session: Session, automation: Automation, user_id: int | None, revision: int, editor: str = ""
) -> tuple[Automation, str]:
    """Go back to the draft before the last change; returns it and the label of what was undone. Raises Nothing."""
    undone = _at(session, automation, automation.edit_position)
    target = _at(session, automation, automation.edit_position - 1)
    if undone is None or target is None or not undone.label:
        raise Nothing("There is nothing to undo.")
    return _go(session, automation, user_id, revision, target, editor), undone.label


def redo(
    session: Session, automation: Automation, user_id: int | None, revision: int, editor: str = ""
) -> tuple[Automation, str]:
    """Go forward to the draft after the next change; returns it and that change's label. Raises Nothing."""
    target = _at(session, automation, automation.edit_position + 1)
    if target is None:
        raise Nothing("There is nothing to redo.")
    return _go(session, automation, user_id, revision, target, editor), target.label


def neighbours(session: Session, automation: Automation) -> tuple[str, str]:
    """Return the labels of what undo and redo would do; empty where they would do nothing."""
    now = _at(session, automation, automation.edit_position)
    before = _at(session, automation, automation.edit_position - 1)
    after = _at(session, automation, automation.edit_position + 1)
    is_mine = now is not None and now.document == automation.draft
    return (now.label if now and before and is_mine else ""), (after.label if after and is_mine else "")


def changed_since(session: Session, automation: Automation, revision: int) -> list[str]:
    """Return what others changed since `revision`, in words; empty where that draft is not kept any more."""
    seen = session.scalars(
        select(AutomationEdit)
        .where(AutomationEdit.automation_id == automation.id, AutomationEdit.revision <= revision)
        .order_by(AutomationEdit.revision.desc())
        .limit(1)
    ).first()
    return differences(seen.document, automation.draft) if seen is not None else []


def _seen(session: Session, automation: Automation, revision: int, editor: str) -> int:
    """Return the revision to save on: the one seen, or what this very page made since. Raises DraftConflict."""
    if automation.draft_revision == revision:
        return revision
    since = session.execute(
        select(AutomationEdit.revision, AutomationEdit.editor).where(
            AutomationEdit.automation_id == automation.id, AutomationEdit.revision > revision
        )
    ).all()
    newest = max((one.revision for one in since), default=0)
    if not editor or newest != automation.draft_revision or any(one.editor != editor for one in since):
        raise automations.DraftConflict(automation.draft_revision)
    return automation.draft_revision


def _begin_history(session: Session, automation: Automation) -> AutomationEdit:
    """Return the edit that the draft is; drafts that were saved otherwise (API, recipe) become one first."""
    newest = _at(session, automation, automation.edit_position)
    if newest is not None and newest.document == automation.draft:
        return newest
    highest = session.scalar(
        select(func.max(AutomationEdit.position)).where(AutomationEdit.automation_id == automation.id)
    )
    automation.edit_position = (highest or 0) + 1
    started = AutomationEdit(
        automation_id=automation.id,
        position=automation.edit_position,
        revision=automation.draft_revision,
        document=automation.draft,
        label="",
        by_user=automation.updated_by,
        at=automation.updated_at,
    )
    session.add(started)
    session.flush()
    return started


def _go(
    session: Session,
    automation: Automation,
    user_id: int | None,
    revision: int,
    target: AutomationEdit,
    editor: str,
) -> Automation:
    revision = _seen(session, automation, revision, editor)
    document: dict[str, Any] = target.document
    saved = automations.save_draft(
        session, automation.id, automation.account_id, revision=revision, definition=document
    )
    saved.edit_position, saved.updated_by = target.position, user_id
    target.revision, target.editor = saved.draft_revision, editor[:32]
    session.flush()
    return saved


def _at(session: Session, automation: Automation, position: int) -> AutomationEdit | None:
    return session.scalars(
        select(AutomationEdit).where(AutomationEdit.automation_id == automation.id, AutomationEdit.position == position)
    ).first()
