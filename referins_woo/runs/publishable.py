"""What keeps a draft from being published: faults of its own, and what its account lacks for it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from sqlalchemy import select
from sqlalchemy.orm import Session

from automations import editing
from automations.blocks import is_promotional
from automations.definition import Definition, parse
from automations.fields import Problem
from automations.triggers import TRIGGERS
from referins_woo.accounts import account as accounts
from referins_woo.accounts.models import Account
from referins_woo.errors import Final as FinalError
from referins_woo.errors import InvalidInput
from referins_woo.mail.compose import problem_of
from referins_woo.runs import versions
from referins_woo.runs.models import Automation

POSTAL_ADDRESS: Final = "postal_address"
"""The field of a problem that is mended in the settings of the account, not in the draft."""


class NotPublishable(FinalError):
    """The draft has problems; each says where, what, and what to do."""

    def __init__(self, problems: Sequence[Problem]) -> None:
        super().__init__(" ".join(problem.message for problem in problems))
        self.problems = list(problems)


def problems_of(draft: dict[str, Any]) -> list[Problem]:
    """Return what is wrong with a draft itself: what its language does not know, and e-mails with a fault."""
    parsed = parse(draft)
    if not isinstance(parsed, Definition):
        return parsed
    return [
        Problem(f"{path}.body[0]", "body", fault, "Mend it in the e-mail.")
        for step, path in editing.walk(draft)
        if step.get("kind") == "send_email" and not step.get("disabled") and (fault := problem_of(step))
    ]


def marketing_of(draft: dict[str, Any]) -> list[dict[str, Any]]:
    """Return the steps of a draft that send marketing e-mails (`definition.purpose_of`); it may be half done."""
    trigger = TRIGGERS.get(str(draft.get("trigger")))
    about_order = trigger is not None and "order" in trigger.facts
    return [
        step
        for step, _ in editing.walk(draft)
        if step.get("kind") == "send_email"
        and not step.get("disabled")
        and (not about_order or is_promotional(step.get("body")))
    ]


def lacking(session: Session, account_id: int, draft: dict[str, Any]) -> list[Problem]:
    """Return what the account must be given first: marketing e-mails name whom they come from, and where that is."""
    if not marketing_of(draft) or session.get_one(Account, account_id).postal_address:
        return []
    message = "It sends marketing e-mails, which must name your postal address, and the account has none."
    return [Problem("", POSTAL_ADDRESS, message, "Write it under Settings > General.")]


def change_account(session: Session, account_id: int, user_id: int, given: Mapping[str, str]) -> list[str]:
    """Set the account's settings (`accounts.account.change`), but keep what live automations need.

    Raises InvalidInput.
    """
    needed = bool(session.get_one(Account, account_id).postal_address) and _live_marketing(session, account_id)
    changed = accounts.change(session, account_id, user_id, given)
    if needed and not session.get_one(Account, account_id).postal_address:
        message = f"“{needed}” sends marketing e-mails, which must name it. Pause or change that automation first."
        raise InvalidInput(POSTAL_ADDRESS, message)
    return changed


def _live_marketing(session: Session, account_id: int) -> str:
    """Return the name of an automation that takes people in and sends marketing e-mails; empty: there is none."""
    for one in versions.startable(session, [account_id]).get(account_id, []):
        if not one.paused and one.versions[0].definition.markets:
            return session.scalars(select(Automation.name).where(Automation.id == one.id)).one()
    return ""
