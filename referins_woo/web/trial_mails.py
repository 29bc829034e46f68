"""E-mails that are sent to look at them: "[Test]" before the subject, links that lead nowhere, nothing that counts.

They go to whoever asks, or to whom they name; never to a customer because of an order. No run, no step, no statistics
know of them, and no consent is asked, but an address that bounced or complained gets none.
"""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from dataclasses import asdict
from datetime import timedelta
from typing import Any, Final

from sqlalchemy.orm import Session

from automations.triggers import TRIGGERS
from referins_woo import clock
from referins_woo.accounts.models import Account
from referins_woo.errors import InvalidInput
from referins_woo.mail import outbox, samples, suppression
from referins_woo.mail.compose import compose
from referins_woo.mail.design import brands
from referins_woo.mail.design import templates as room
from referins_woo.mail.headers import BadAddress, bare_address
from referins_woo.mail.sandbox import TemplateFault
from referins_woo.runs import previewed
from referins_woo.runs.occasions import happenings
from referins_woo.web import limits, scope
from referins_woo.web import template_looks as looks

MOST: Final = 5
"""Addresses of one test."""
_AN_HOUR: Final = "30 per hour"
_LONG_AGO: Final = timedelta(days=3_650)


def put(
    session: Session,
    document: dict[str, Any],
    facts: dict[str, Any],
    addresses: list[str],
    *,
    of: str,
    contact_id: int | None = None,
) -> None:
    """Put a test of an e-mail to each address. Raises InvalidInput, TemplateFault.

    `of`: what it is a test of, for its key. `contact_id`: whose facts it tells, so that whoever is erased goes out of
    tests too.
    """
    account_id = scope.account_id()
    if not all(limits.has_room(_AN_HOUR, "test mails", f"account:{account_id}") for _ in addresses):
        raise InvalidInput("to", "Too many tests within the hour: wait a little.")
    stops = suppression.reasons(session, [(account_id, one, "transactional") for one in addresses])
    if stops:
        raise InvalidInput("to", f"{next(iter(stops))[1]} gets no e-mails: it bounced or complained.")
    content = {key: value for key, value in document.items() if key in room.PARTS and key != "transactional"}
    made = brands.ready(session, account_id, {"subject": "", "body": [], **content})
    if room.is_marketing(document):
        made["test_footer"] = asdict(looks.footer(session, account_id))
    compose(made, facts)
    for address in addresses:
        outbox.put(
            session,
            outbox.Letter(
                account_id=account_id,
                once_key=f"test:{of}:{secrets.token_hex(16)}",
                purpose="system",
                to_email=address,
                template={**made, "test": True},
                facts=facts,
                contact_id=contact_id,
                from_name=session.get_one(Account, account_id).sender_name,
            ),
        )


def needed(draft: Mapping[str, Any], facts: Mapping[str, Any]) -> dict[str, Any]:
    """Return what an e-mail of an automation may name of the facts of a run: those that its trigger supplies."""
    supplied = TRIGGERS[str(draft.get("trigger"))].facts
    return {name: value for name, value in facts.items() if name in supplied}


def newest(session: Session, draft: Mapping[str, Any], body: Any) -> tuple[dict[str, Any], bool]:
    """Return the facts of the newest order that a draft's trigger happened to, and True; else made-up ones and False.

    `body`: blocks whose product cards and coupons are looked up too; None: none.
    """
    account_id, trigger, now = scope.account_id(), str(draft.get("trigger")), clock.now()
    found = happenings(session, account_id, trigger, now - _LONG_AGO, 1)
    facts = previewed.facts_for(session, account_id, trigger, body, found[0].order_id, now) if found else None
    is_real = facts is not None
    return needed(draft, facts or samples.after("usual", trigger, TRIGGERS[trigger].facts)), is_real


def of_step(session: Session, draft: Mapping[str, Any], step: Mapping[str, Any]) -> str:
    """Put a test of a step's e-mail, with the newest order that its trigger happened to, to whoever is signed in.

    Without such an order it is about one that is made up. Returns what became of it, in words.
    """
    to = scope.who().email
    document = {key: step[key] for key in room.PARTS if key in step}
    trigger = str(draft.get("trigger"))
    wrong = room.problems(document, trigger)
    if wrong:
        return f"No test was sent, because the e-mail cannot be written yet: {wrong[0].message} {wrong[0].remedy}"
    facts, is_real = newest(session, draft, document.get("body"))
    contact = (facts.get("contact") or {}).get("id") if is_real else None
    try:
        put(session, document, facts, [to], of=str(step.get("id")), contact_id=contact)
    except (InvalidInput, TemplateFault) as error:
        return f"No test was sent: {error}"
    about = f"order {(facts.get('order') or {}).get('number')}" if is_real else "an order that is made up"
    return f"A test about {about} is on its way to {to}. Its links lead nowhere."


def addresses(typed: str) -> list[str]:
    """Return the addresses that were typed. Raises InvalidInput."""
    found = list(dict.fromkeys(one for one in typed.replace(",", " ").replace(";", " ").split() if one))
    if not 0 < len(found) <= MOST:
        raise InvalidInput("to", f"Give one to {MOST} addresses, with commas between them.")
    for one in found:
        try:
            bare_address(one)
        except BadAddress:
            raise InvalidInput("to", f"{one} is no e-mail address.") from None
    return found
