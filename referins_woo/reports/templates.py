"""Which automations follow a template, and in which of its versions. Reads only."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from automations.editing import walk
from automations.words import title
from referins_woo.runs.models import Automation, AutomationVersion


@dataclass(frozen=True, slots=True)
class Use:
    """One step of one automation that follows a template."""

    automation: Automation
    step_id: str
    step: str
    """Its name."""
    draft: int | None
    """The version that the draft has; None where only what is live follows it."""
    live: int | None


def uses(session: Session, account_id: int) -> dict[int, list[Use]]:
    """Return template id → the steps that follow it, in drafts and in what is live."""
    rows = session.execute(
        select(Automation, AutomationVersion.definition)
        .join(AutomationVersion, AutomationVersion.id == Automation.live_version_id, isouter=True)
        .where(Automation.account_id == account_id)
        .order_by(Automation.name, Automation.id)
    )
    found: dict[int, list[Use]] = {}
    for automation, live in rows:
        drafted, published = _followed(automation.draft), _followed(live)
        for key in dict.fromkeys((*drafted, *published)):
            template_id, step_id = key
            name, draft = drafted.get(key, ("", None))
            live_name, live_version = published.get(key, ("", None))
            use = Use(automation, step_id, name or live_name, draft, live_version)
            found.setdefault(template_id, []).append(use)
    return found


def _followed(definition: Any) -> dict[tuple[int, str], tuple[str, int]]:
    """Return (template, step) → (name of the step, version)."""
    found = {}
    for step, _ in walk(definition) if isinstance(definition, dict) else ():
        kept = step.get("template")
        if isinstance(kept, dict) and isinstance(kept.get("id"), int) and isinstance(kept.get("version"), int):
            found[kept["id"], str(step.get("id"))] = (title(step), kept["version"])
    return found
