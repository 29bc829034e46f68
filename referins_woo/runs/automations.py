"""What merchants do with automations: make, edit, publish, pause, resume, finish.

A draft may be wrong; only what has no problems is published. People inside finish on the version they entered.
Every function works on the caller's unit and on one account's rows only.
"""

from __future__ import annotations

import copy
from collections.abc import Sequence
from typing import Any

from sqlalchemy import func, select, update
from sqlalchemy.orm import Session

from automations.recipes import recipe
from automations.triggers import TRIGGERS
from referins_woo import clock, queues
from referins_woo.errors import Final, InvalidInput
from referins_woo.runs import inside as people
from referins_woo.runs.models import OPEN_STATES, RESTORED, Automation, AutomationVersion, Run
from referins_woo.runs.publishable import NotPublishable, lacking, problems_of

_LONGEST_NOTE = 500


class NoSuchAutomation(Final):
    """This account has no automation with that id."""


class NotNow(Final):
    """The automation is not in a state in which this can be done."""


class DraftConflict(Final):
    """Somebody else saved the draft meanwhile; `revision` is the one that is stored now."""

    def __init__(self, revision: int) -> None:
        super().__init__("Somebody else has changed this automation meanwhile. Load it again, then repeat your change.")
        self.revision = revision


def get(session: Session, automation_id: int, account_id: int) -> Automation:
    """Return an automation of the account. Raises NoSuchAutomation."""
    return _one(session, automation_id, account_id)


def create_from_recipe(session: Session, account_id: int, recipe_key: str) -> Automation:
    """Make a draft from a ready-made automation, with its e-mails. Raises InvalidInput for an unknown recipe."""
    found = recipe(recipe_key)
    if found is None:
        raise InvalidInput("recipe", f"There is no recipe {recipe_key!r}.")
    return _add(session, account_id, found.name, found.definition, found.key)


def create(session: Session, account_id: int, name: str, definition: dict[str, Any]) -> Automation:
    """Make a draft; it may be incomplete, but its trigger must be known. Raises InvalidInput."""
    return _add(session, account_id, name, definition, "")


def save_draft(
    session: Session,
    automation_id: int,
    account_id: int,
    *,
    revision: int,
    definition: dict[str, Any] | None = None,
    name: str | None = None,
    by_user: int | None = None,
) -> Automation:
    """Save the draft (and name) that was edited from `revision`; what is live does not change.

    Raises DraftConflict when another save came first, InvalidInput, NoSuchAutomation.
    """
    values: dict[str, Any] = {"draft_revision": revision + 1, "updated_at": clock.now()}
    if by_user is not None:
        values["updated_by"] = by_user
    if definition is not None:
        values["draft"] = definition
        _trigger_of(definition)
    if name is not None:
        values["name"] = _name(name)
    saved = session.execute(
        update(Automation)
        .where(
            Automation.id == automation_id, Automation.account_id == account_id, Automation.draft_revision == revision
        )
        .values(values)
        .execution_options(synchronize_session=False)
    )
    automation = _one(session, automation_id, account_id)
    session.refresh(automation)
    if saved.rowcount != 1:  # type: ignore[attr-defined]
        raise DraftConflict(automation.draft_revision)
    if automation.live_version_id is None and definition is not None:
        automation.trigger = _trigger_of(definition)
    return automation


def publish(
    session: Session,
    automation_id: int,
    account_id: int,
    by_user: int | None,
    *,
    inside: str = "finish",
    reschedule: bool = False,
    note: str = "",
) -> AutomationVersion:
    """Make the draft the live version: it starts for events from now on; held runs go on.

    An automation that was live (or paused) stays live without a gap: an event of before this moment still enters the
    version that was live when it occurred. `inside`: what becomes of people inside; they `finish` on the version that
    they entered, `move` to this one where it still has their step, or `stop`. `reschedule`: who moves and waits at a
    wait that changed waits as it says now, counted from when they came to it. Raises NotPublishable, InvalidInput,
    NoSuchAutomation.
    """
    if inside not in people.INSIDE:
        raise InvalidInput("inside", f"Choose what becomes of people inside: {', '.join(people.INSIDE)}.")
    if reschedule and inside != "move":
        raise InvalidInput("reschedule", "Only who moves to the new version can be rescheduled: inside must be move.")
    automation = _one(session, automation_id, account_id, lock=True)
    found = [*problems_of(automation.draft), *lacking(session, account_id, automation.draft)]
    if found:
        raise NotPublishable(found)
    now = clock.now()
    newest = select(func.max(AutomationVersion.number)).where(AutomationVersion.automation_id == automation.id)
    version = AutomationVersion(
        automation_id=automation.id,
        number=(session.scalar(newest) or 0) + 1,
        definition=automation.draft,
        published_by=by_user,
        published_at=now,
        note=note.strip()[:_LONGEST_NOTE],
    )
    session.add(version)
    session.flush()
    if automation.state not in ("live", "paused") or automation.live_since is None:
        automation.live_since = now
    automation.live_version_id = version.id
    automation.trigger = _trigger_of(automation.draft)
    automation.state = "live"
    automation.updated_at, automation.updated_by = now, by_user
    _let_go(session, automation)
    if inside == "move":
        people.move(session, version, now, reschedule=reschedule)
    elif inside == "stop":
        people.stop(session, automation.id, now)
    return version


def versions(session: Session, automation: Automation) -> list[AutomationVersion]:
    """Return the published versions, newest first."""
    wanted = select(AutomationVersion).where(AutomationVersion.automation_id == automation.id)
    return list(session.scalars(wanted.order_by(AutomationVersion.number.desc())))


def restore(session: Session, automation_id: int, account_id: int, number: int, *, revision: int) -> Automation:
    """Make a published version the draft again; what is live does not change.

    Raises DraftConflict, InvalidInput, NoSuchAutomation.
    """
    _one(session, automation_id, account_id)
    definition = session.scalar(
        select(AutomationVersion.definition).where(
            AutomationVersion.automation_id == automation_id, AutomationVersion.number == number
        )
    )
    if definition is None:
        raise InvalidInput("version", f"There is no version {number} of this automation.")
    return save_draft(session, automation_id, account_id, revision=revision, definition=definition)


def duplicate(session: Session, automation_id: int, account_id: int) -> Automation:
    """Make a draft of the same definition under another name. Raises NoSuchAutomation."""
    automation = _one(session, automation_id, account_id)
    name = f"Copy of {automation.name}"[:200]
    return _add(session, account_id, name, copy.deepcopy(automation.draft), automation.recipe)


def inside_count(session: Session, automation_id: int) -> int:
    """Return how many people are inside."""
    counted = select(func.count()).where(Run.automation_id == automation_id, Run.state.in_(OPEN_STATES))
    return session.scalar(counted) or 0


def pause(session: Session, automation_id: int, account_id: int) -> Automation:
    """Hold it: runs stop where they are when they are due, new ones are held from the start; nothing is dropped."""
    automation = _one(session, automation_id, account_id, lock=True)
    if automation.state != "live":
        raise NotNow("Only a live automation can be paused.")
    return _set_state(automation, "paused")


def resume(session: Session, automation_id: int, account_id: int) -> Automation:
    """Go on after a pause: held runs are due at once; their e-mails obey the lateness rule like any other."""
    automation = _one(session, automation_id, account_id, lock=True)
    if automation.state != "paused":
        raise NotNow("Only a paused automation can be resumed.")
    _let_go(session, automation)
    return _set_state(automation, "live")


def finish(session: Session, automation_id: int, account_id: int) -> Automation:
    """Take nobody in any more; those inside go on to their end, then it is a draft again."""
    automation = _one(session, automation_id, account_id, lock=True)
    if automation.state not in ("live", "paused"):
        raise NotNow("Only a live or paused automation can be finished.")
    _let_go(session, automation)
    _set_state(automation, "finishing")
    session.flush()
    settle_finishing(session, [automation.id])
    session.refresh(automation)
    return automation


def settle_finishing(session: Session, automation_ids: Sequence[int]) -> None:
    """Make those of the finishing automations that nobody is in any more drafts again."""
    inside = select(Run.id).where(Run.automation_id == Automation.id, Run.state.in_(OPEN_STATES)).exists()
    session.execute(
        update(Automation)
        .where(Automation.id.in_(automation_ids), Automation.state == "finishing", ~inside)
        .values(state="draft", live_version_id=None, live_since=None, updated_at=clock.now())
        .execution_options(synchronize_session=False)
    )


def _let_go(session: Session, automation: Automation) -> None:
    """Make held runs due: they go on where they were held. Those that a restore holds wait for a word of their own."""
    released = session.execute(
        update(Run)
        .where(Run.automation_id == automation.id, Run.state == "held", Run.ended_reason != RESTORED)
        .values(state="active", due_at=clock.now())
        .execution_options(synchronize_session=False)
    )
    if released.rowcount:  # type: ignore[attr-defined]
        queues.ring_after_commit(session, "advance_runs")


def _set_state(automation: Automation, state: str) -> Automation:
    automation.state = state
    automation.updated_at = clock.now()
    return automation


def _one(session: Session, automation_id: int, account_id: int, *, lock: bool = False) -> Automation:
    wanted = select(Automation).where(Automation.id == automation_id, Automation.account_id == account_id)
    found = session.scalar(wanted.with_for_update() if lock else wanted)
    if found is None:
        raise NoSuchAutomation("There is no such automation.")
    return found


def _add(session: Session, account_id: int, name: str, definition: dict[str, Any], recipe_key: str) -> Automation:
    automation = Automation(
        account_id=account_id,
        name=_name(name),
        recipe=recipe_key,
        trigger=_trigger_of(definition),
        draft=definition,
    )
    session.add(automation)
    session.flush()
    return automation


def _trigger_of(definition: Any) -> str:
    trigger = definition.get("trigger") if isinstance(definition, dict) else None
    if not isinstance(trigger, str) or trigger not in TRIGGERS:
        raise InvalidInput("definition", f"Choose a trigger: {', '.join(TRIGGERS)}.")
    return trigger


def _name(name: str) -> str:
    cleaned = " ".join(name.split())
    if not cleaned or len(cleaned) > 200:
        raise InvalidInput("name", "Give a name of at most 200 characters.")
    return cleaned
