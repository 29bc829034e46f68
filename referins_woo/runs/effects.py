"""Does what the engine decided: puts e-mails into the outbox. Where one may not go out, the reason is noted instead."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from sqlalchemy import Row, bindparam, select
from sqlalchemy.orm import Session

from automations.effects import SendEmail
from automations.facts import Facts
from referins_woo.accounts.models import Account
from referins_woo.commerce.matching import usable_email
from referins_woo.mail import outbox
from referins_woo.mail.design import brands
from referins_woo.runs.facts import Occasion, address_of
from referins_woo.runs.gather import Gathered
from referins_woo.runs.models import Automation

_WORD: Final = re.compile(r"[^\W_]+")
_A: Final = Account.__table__.c
_SENDER: Final = select(_A.name, _A.sender_name, _A.postal_address).where(_A.id == bindparam("account_id"))
_NAME: Final = select(Automation.__table__.c.name).where(Automation.__table__.c.id == bindparam("automation_id"))
_REREAD_GOOD_FOR: Final = timedelta(hours=1)
"""A reminder that could not leave within this time is not sent: who it is for may have paid since it was read."""


@dataclass(frozen=True, slots=True)
class Mail:
    """An e-mail that may go out: to whom, and until when."""

    to_email: str
    to_name: str
    not_after: datetime | None


@dataclass(frozen=True, slots=True)
class Blocked:
    """An e-mail that may not go out, and why; its run goes on (triggers.md, Consent)."""

    reason: str
    text: str


def judge(
    effect: SendEmail,
    gathered: Gathered,
    order_id: int | None,
    facts: Facts,
    occasion: Occasion,
    now: datetime,
    limit: timedelta,
    *,
    reread: bool,
) -> Mail | Blocked:
    """Return to whom an e-mail goes, or why it does not. Suppressed addresses are looked up when it is sent.

    `limit` is the lateness that the automation bears.
    """
    to_email, to_name = address_of(gathered, order_id)
    if effect.purpose == "marketing":
        contact = facts.get("contact") or {}
        to_email, to_name = contact.get("email", ""), contact.get("name", "")
        if contact.get("consent") != "subscribed":
            return Blocked("no_consent", "Not sent: the contact has not subscribed.")
    if not usable_email(to_email):
        return Blocked("no_address", "Not sent: there is no usable e-mail address.")
    skew = _skew(gathered, order_id)
    return Mail(to_email, to_name, not_after(effect, occasion, now, skew, limit, reread=reread))


def not_after(
    effect: SendEmail, occasion: Occasion, now: datetime, skew: timedelta, limit: timedelta, *, reread: bool
) -> datetime | None:
    """Return when a message has become too late to be sent, on our clock; None: never.

    The limit bounds what follows the event at once, so it counts from the event, with
    the skew (the store's clock minus ours) taken off. What comes after a wait is meant to be later; for it the limit
    counts from the moment at which its step was reached, and after a live re-read it is an hour.
    """
    if reread:
        return now + _REREAD_GOOD_FOR
    if effect.reminder:
        return now + limit
    return None if occasion.released else occasion.occurred_at + limit - skew


class Sending:
    """The e-mails of one unit, on their way into the outbox: once per (run, step), whatever repeats."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._letters: list[outbox.Letter] = []
        self._senders: dict[int, Any] = {}
        self._names: dict[int, str] = {}
        self._templates: dict[tuple[int, str], dict[str, Any]] = {}
        """Made ready, by version and step."""

    def add(self, run: Row[Any], effect: SendEmail, mail: Mail, facts: Facts) -> None:
        """Write the e-mail of one step."""
        sender = self._sender(run.account_id)
        self._letters.append(
            outbox.Letter(
                account_id=run.account_id,
                once_key=f"run:{run.id}:{effect.step_id}",
                purpose=effect.purpose,
                to_email=mail.to_email,
                to_name=mail.to_name,
                from_name=sender.sender_name or str((facts.get("store") or {}).get("name") or ""),
                template=self._template(run, effect),
                facts=dict(facts),
                store_id=run.store_id,
                run_id=run.id,
                contact_id=run.contact_id,
                not_after=mail.not_after,
                footer=_footer(sender) if effect.purpose == "marketing" else None,
                automation_id=run.automation_id,
                step_id=effect.step_id,
                campaign=self._campaign(run.automation_id),
            )
        )

    def put(self) -> None:
        """Put what was written into the outbox."""
        outbox.put_all(self._session, self._letters)

    def _sender(self, account_id: int) -> Any:
        if account_id not in self._senders:
            self._senders[account_id] = self._session.execute(_SENDER, {"account_id": account_id}).one()
        return self._senders[account_id]

    def _template(self, run: Row[Any], effect: SendEmail) -> dict[str, Any]:
        key = (run.version_id, effect.step_id)
        if key not in self._templates:
            self._templates[key] = brands.ready(self._session, run.account_id, effect.template)
        return self._templates[key]

    def _campaign(self, automation_id: int) -> str:
        if automation_id not in self._names:
            name = self._session.execute(_NAME, {"automation_id": automation_id}).scalar_one()
            self._names[automation_id] = campaign(name)
        return self._names[automation_id]


def campaign(name: str) -> str:
    """Return the automation's name as one word, as shops' statistics show it."""
    return "-".join(_WORD.findall(name.lower()))[:60].strip("-") or "automation"


def _footer(account: Row[Any]) -> dict[str, str]:
    """Who writes: every marketing e-mail names the sender and the postal address."""
    return {"sender": account.sender_name or account.name, "address": " · ".join(account.postal_address.split("\n"))}


def _skew(gathered: Gathered, order_id: int | None) -> timedelta:
    order = gathered.orders.get(order_id) if order_id is not None else None
    store = gathered.stores.get(order["store_id"]) if order is not None else None
    return timedelta(seconds=store["clock_skew_seconds"] if store is not None else 0)
