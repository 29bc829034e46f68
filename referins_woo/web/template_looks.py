"""What the editor of a template shows beside it: an order or a sample, in one of several ways to look at an e-mail."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

from flask import abort, request
from sqlalchemy.orm import Session

from automations.triggers import TRIGGERS
from automations.variables import Variable
from referins_woo import clock, process
from referins_woo.accounts.models import Account
from referins_woo.mail import samples
from referins_woo.mail.compose import Composed, Footer, compose, compose_line
from referins_woo.mail.design import brands
from referins_woo.mail.design import templates as room
from referins_woo.mail.design.models import EmailTemplate
from referins_woo.runs import previewed
from referins_woo.web import scope

MODES: Final = {"desktop": "Desktop", "phone": "Phone", "dark": "Dark", "text": "Plain text"}


@dataclass(slots=True)
class Look:
    """What the page shows beside the template."""

    mode: str = "desktop"
    order: int | None = None
    sample: str = "usual"
    focus: str = ""

    @classmethod
    def asked(cls) -> Look:
        """Read it from the query string, where the state of every page lives."""
        mode, sample = request.args.get("mode", ""), request.args.get("sample", "")
        return cls(
            mode if mode in MODES else "desktop",
            request.args.get("order", type=int),
            sample if sample in samples.SAMPLES else "usual",
        )

    def query(self, **change: Any) -> dict[str, Any]:
        """Return its query string, with one thing changed."""
        said = {"mode": self.mode, "order": self.order, "sample": None if self.order else self.sample, **change}
        return {key: value for key, value in said.items() if value not in (None, "", "desktop", "usual")}


def asked(session: Session) -> Look:
    """Return what is asked to be shown; a contact is shown by its newest order."""
    look = Look.asked()
    contact = request.args.get("contact", type=int)
    if contact is not None and look.order is None:
        look.order = previewed.newest_order(session, scope.account_id(), contact)
    return look


def facts_of(session: Session, template: EmailTemplate, look: Look) -> dict[str, Any]:
    """Return the facts of the order or sample that is looked at."""
    if look.order is not None:
        body = template.document.get("body")
        found = previewed.facts_for(session, scope.account_id(), template.trigger, body, look.order, clock.now())
        if found is None:
            abort(404)
        return found
    return samples.facts_of(look.sample, TRIGGERS[template.trigger].facts)


def template_of(template: EmailTemplate) -> dict[str, Any]:
    """Return what the outbox takes of a template."""
    return {key: value for key, value in template.document.items() if key != "transactional"}


def composed(session: Session, template: EmailTemplate, look: Look) -> Composed:
    """Return the e-mail as it would be. Raises TemplateFault."""
    account_id = scope.account_id()
    below = footer(session, account_id) if room.is_marketing(template.document) else None
    made = brands.ready(session, account_id, {"body": [], **template_of(template)})
    return compose(made, facts_of(session, template, look), below)


def footer(session: Session, account_id: int) -> Footer:
    """Return what stands below a marketing e-mail of the account, with links that lead nowhere."""
    account = session.get_one(Account, account_id)
    url = process.current().config.public_url
    address = " · ".join(account.postal_address.split("\n"))
    ways = (f"{url}/{path}/preview" for path in ("u", "preferences", "view"))
    return Footer(account.sender_name or account.name, address, *ways)


def values_of(facts: dict[str, Any], variables: list[Variable]) -> list[tuple[Variable, str]]:
    """Return each variable with what it is for the order or sample that is looked at."""
    return [(one, compose_line(f"{{{{ {one.key} }}}}", facts)[:80]) for one in variables]
