"""What the builder shows beside a draft: who is inside and where, and what its forms offer to choose from."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from automations import conditions
from automations.editing import walk
from automations.steps import STEPS
from automations.words import title
from referins_woo.commerce.models import Collection, Contact, Order, Product
from referins_woo.mail import domain as domains
from referins_woo.mail import sending, settings
from referins_woo.runs.models import OPEN_STATES, Run
from referins_woo.runs.publishable import marketing_of
from referins_woo.stores.models import Store

_MOST_OFFERED: Final = 200
_MOST_COUNTED: Final = 20_000
SENDING_DOMAIN: Final = "sending_domain"


@dataclass(frozen=True, slots=True)
class Check:
    """One thing that was looked at before publishing, and stops nobody."""

    good: bool
    text: str
    page: str = ""
    """The page of settings that mends it: SENDING_DOMAIN, or empty."""


def inside(session: Session, automation_id: int) -> int:
    """Return how many runs have not ended."""
    return (
        session.scalar(select(func.count()).where(Run.automation_id == automation_id, Run.state.in_(OPEN_STATES))) or 0
    )


def checks(session: Session, account_id: int, draft: dict[str, Any]) -> list[Check]:
    """Return what is worth a look before publishing but stops nobody."""
    mails = [step for step, _ in walk(draft) if step.get("kind") == "send_email" and not step.get("disabled")]
    marketing = marketing_of(draft)
    count = f"{len(mails)} {'e-mail' if len(mails) == 1 else 'e-mails'}" if mails else "It sends no e-mail"
    found = [
        Check(bool(mails), count),
        Check(all(step.get("preheader") for step in mails), "Every e-mail has a preview text"),
    ]
    if marketing:
        text = f"{len(marketing)} of them marketing: to subscribed contacts, with a link to unsubscribe"
        found.append(Check(True, text))
    if mails:
        found += _senders(session, account_id, about_orders=len(mails) > len(marketing), marketing=bool(marketing))
    empty = [
        f"The branch “{kind.branch_labels[kind.branches.index(way)]}” of “{title(step)}” is empty: it goes on below"
        for step, _ in walk(draft)
        if (kind := STEPS.get(str(step.get("kind")))) is not None
        for way in kind.branches
        if not step.get(way)
    ]
    unreachable = [f"“{title(step)}” is never reached: the step before it ends the run" for step in _unreachable(draft)]
    known = {tag.casefold() for tag in tags(session, account_id)}
    given = {str(step.get("tag", "")).strip().casefold() for step, _ in walk(draft) if step.get("kind") == "add_tag"}
    asked = sorted({tag for tag in _tags_asked(draft) if tag.strip().casefold() not in known | given})
    nobody = [f"Nobody has the tag “{tag}” yet" for tag in asked]
    return [*found, *(Check(False, line) for line in (*empty, *unreachable, *nobody))]


def _senders(session: Session, account_id: int, *, about_orders: bool, marketing: bool) -> list[Check]:
    """Return whom its e-mails come from, and what the sending domain lacks (E6)."""
    row = sending.of_account(session, account_id)
    if not row.domain:
        text = "E-mails come from our own address: no sending domain is set up"
        return [Check(False, text, SENDING_DOMAIN)]
    if row.proven_at is None:
        text = f"E-mails come from our own address until {row.domain} is shown to be yours"
        return [Check(False, text, SENDING_DOMAIN)]
    wishes = settings.wishes(row)
    purposes = [name for name, wanted in (("transactional", about_orders), ("marketing", marketing)) if wanted]
    senders = list(dict.fromkeys(wishes.sender_of(purpose) for purpose in purposes))
    if not all(senders):
        text = f"E-mails come from our own address: no sender at {row.domain} is set"
        return [Check(False, text, SENDING_DOMAIN)]
    found = [Check(True, f"E-mails come from {' and '.join(senders)}")]
    bad = [
        one.key.upper()
        for one in sending.findings(row)
        if one.key != "proof" and one.state in (domains.MISSING, domains.WRONG)
    ]
    if bad:
        text = f"{' and '.join(bad)} of {row.domain} {'is' if len(bad) == 1 else 'are'} missing or wrong: "
        found.append(Check(False, f"{text}mailboxes may take e-mails for spam", SENDING_DOMAIN))
    return found


def _unreachable(draft: dict[str, Any]) -> list[dict[str, Any]]:
    """Return the steps that stand behind an exit."""
    found = []
    lists = [draft.get("steps"), *(step.get(way) for step, _ in walk(draft) for way in ("yes", "no"))]
    for steps in lists:
        kinds = [str(one.get("kind")) for one in steps or () if not one.get("disabled")]
        live = [one for one in steps or () if not one.get("disabled")]
        if "exit" in kinds[:-1]:
            found.append(live[kinds.index("exit") + 1])
    return found


def _tags_asked(draft: dict[str, Any]) -> list[str]:
    """Return the tags that filters, splits, waits and exit conditions ask for."""
    asked = [*(draft.get("exit_tags") or ())]
    trees = [draft.get("filters"), *(step.get("condition") for step, _ in walk(draft))]
    for one in (condition for tree in trees for condition in conditions.walk(tree)):
        if one.get("field") == "contact.tags":
            value = one.get("value") or ()
            asked += value.split(",") if isinstance(value, str) else value
    asked += [tag for step, _ in walk(draft) if step.get("kind") == "wait_for" for tag in step.get("tags") or ()]
    return [str(tag).strip() for tag in asked if str(tag).strip()]


def waiting_by_step(session: Session, automation_id: int) -> Counter[str]:
    """Return step id → how many runs wait there, of the newest MOST_COUNTED in each state."""
    found: Counter[str] = Counter()
    for state in OPEN_STATES:  # one by one: each is read in the order of its index, and not beyond the limit
        newest = (
            select(Run.step)
            .where(Run.automation_id == automation_id, Run.state == state)
            .order_by(Run.started_at.desc())
            .limit(_MOST_COUNTED)
            .subquery()
        )
        rows = session.execute(select(newest.c.step, func.count()).group_by(newest.c.step))
        found.update({step: count for step, count in rows if step})
    return found


def offers(session: Session, account_id: int) -> dict[str, list[tuple[str, str]]]:
    """Return what forms offer, by the name that catalogues give it: (value, words)."""
    stores = session.execute(select(Store.id, Store.name, Store.url).where(Store.account_id == account_id))
    return {
        "stores": [(str(row.id), row.name or row.url) for row in stores],
        "tags": [(tag, tag) for tag in tags(session, account_id)],
        "statuses": _distinct(session, Order.woo_status, account_id),
        "currencies": _distinct(session, Order.currency, account_id),
        "payment_methods": _distinct(session, Order.payment_method, account_id),
        "sources": _distinct(session, Order.created_via, account_id),
        "products": _named(session, Product, account_id),
        "collections": _named(session, Collection, account_id),
        "countries": [],
    }


def tags(session: Session, account_id: int) -> list[str]:
    """Return the account's tags, of the newest contacts that have any."""
    found: dict[str, None] = {}
    rows = session.scalars(
        select(Contact.tags).where(Contact.account_id == account_id).order_by(Contact.id.desc()).limit(2_000)
    )
    for each in rows:
        found.update(dict.fromkeys(str(tag) for tag in each or ()))
    return sorted(found, key=str.casefold)[:_MOST_OFFERED]


def _distinct(session: Session, column: Any, account_id: int) -> list[tuple[str, str]]:
    newest = select(Order.id).where(Order.account_id == account_id).order_by(Order.placed_at.desc()).limit(2_000)
    rows = session.scalars(select(column).where(Order.id.in_(newest)).distinct().order_by(column).limit(_MOST_OFFERED))
    return [(value, value) for value in rows if value]


def _named(session: Session, table: Any, account_id: int) -> list[tuple[str, str]]:
    rows = session.execute(
        select(table.id, table.name).where(table.account_id == account_id).order_by(table.name).limit(_MOST_OFFERED)
    )
    return [(str(row.id), row.name) for row in rows]
