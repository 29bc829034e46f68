"""Does what the engine decided besides e-mails to customers: tags, fields, notes to the team, calls of webhooks.

Within the unit that claims the step, so each is done once. Nobody outside is asked here: a call is a row that
`calls.py` sends after the commit, a note to the team is a message in the outbox.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any, Final

from sqlalchemy import Row, select, update
from sqlalchemy.orm import Session

from automations.effects import CallWebhook, ChangeTag, Effect, Notify, UpdateField
from automations.facts import Facts
from referins_woo import queues
from referins_woo.accounts.users import active_users, owners
from referins_woo.commerce import tags
from referins_woo.commerce.matching import name_key
from referins_woo.commerce.models import Contact
from referins_woo.db import insert
from referins_woo.mail import outbox
from referins_woo.mail.compose import compose_line
from referins_woo.outbound.contacts import tell_updated
from referins_woo.runs import exits
from referins_woo.runs.models import Automation, RunCall

_LONGEST: Final = 1_000
_TOLD: Final = ("event", "order", "contact", "transaction", "refund")
"""What a webhook is told."""


def do(session: Session, run: Row[Any], effect: Effect, facts: Facts, now: datetime) -> None:
    """Carry out one effect of a step that was claimed in this unit."""
    if isinstance(effect, Notify):
        _notify(session, run, effect, facts)
    elif isinstance(effect, ChangeTag):
        _change_tag(session, run, effect, now)
    elif isinstance(effect, UpdateField):
        _update_field(session, run, effect, facts, now)
    elif isinstance(effect, CallWebhook):
        _call(session, run, effect, facts, now)


def team(session: Session, account_id: int, *, owners_only: bool) -> list[Any]:
    """Return the users whom a note to the team goes to."""
    return owners(session, account_id) if owners_only else active_users(session, account_id)


def note_template(effect: Notify) -> dict[str, Any]:
    """Return the template of a note to the team."""
    return {"subject": effect.subject, "preheader": "", "body": [{"kind": "text", "text": effect.text}]}


def payload_of(run_id: int | None, automation_id: int, name: str, effect: CallWebhook, facts: Facts) -> dict[str, Any]:
    """Return what a webhook is sent."""
    store = facts.get("store") or {}
    data: dict[str, Any] = {
        "run_id": run_id,
        "automation_id": automation_id,
        "automation": name,
        "step": effect.step_id,
        "store": {key: store.get(key) for key in ("id", "name", "url", "currency", "time_zone")},
    }
    return {"type": "automation.step", "data": data | {key: facts[key] for key in _TOLD if facts.get(key)}}


def _notify(session: Session, run: Row[Any], effect: Notify, facts: Facts) -> None:
    for user in team(session, run.account_id, owners_only=effect.owners_only):
        outbox.put(
            session,
            outbox.Letter(
                account_id=run.account_id,
                once_key=f"run:{run.id}:{effect.step_id}:{user.id}",
                purpose="system",
                to_email=user.email,
                to_name=user.name,
                template=note_template(effect),
                facts=dict(facts),
                store_id=run.store_id,
                run_id=run.id,
            ),
        )


def _change_tag(session: Session, run: Row[Any], effect: ChangeTag, now: datetime) -> None:
    contact = session.scalar(
        select(Contact)
        .where(Contact.id == run.contact_id, Contact.account_id == run.account_id)
        .with_for_update()
        .execution_options(populate_existing=True)
    )
    if contact is None:
        return
    name = session.scalar(select(Automation.name).where(Automation.id == run.automation_id)) or ""
    change = tags.add if effect.add else tags.remove
    if change(session, [contact], effect.tag, now, f"Automation “{name}”"):
        session.flush()
        tell_updated(session, run.account_id, [contact.id], ["tags"])
        exits.contacts_changed(session, [contact.id], but=run.id)


def _update_field(session: Session, run: Row[Any], effect: UpdateField, facts: Facts, now: datetime) -> None:
    columns = (Contact.first_name, Contact.last_name, Contact.name, Contact.phone, Contact.comments)
    contact = session.execute(select(*columns).where(Contact.id == run.contact_id).with_for_update()).one_or_none()
    if contact is None:
        return
    there, value = getattr(contact, effect.field), compose_line(effect.value, dict(facts))
    if effect.how == "if_empty" and there:
        return
    if effect.how == "append" and there:
        value = there if value in there else f"{there}{chr(10) if effect.field == 'comments' else ' '}{value}"
    values = {effect.field: value[:_LONGEST]}
    if effect.field in ("first_name", "last_name"):
        names = {"first_name": contact.first_name, "last_name": contact.last_name, **values}
        values["name"] = f"{names['first_name']} {names['last_name']}".strip()
        values["name_key"] = name_key(values["name"])
    _write(session, run, values, now)


def _write(session: Session, run: Row[Any], values: dict[str, Any], now: datetime) -> None:
    session.execute(
        update(Contact)
        .where(Contact.id == run.contact_id, Contact.account_id == run.account_id)
        .values(**values, updated_at=now)
        .execution_options(synchronize_session=False)
    )
    tell_updated(session, run.account_id, [run.contact_id], sorted(set(values) - {"name_key"}))


def _call(session: Session, run: Row[Any], effect: CallWebhook, facts: Facts, now: datetime) -> None:
    name = session.scalar(select(Automation.name).where(Automation.id == run.automation_id)) or ""
    row = {
        "account_id": run.account_id,
        "run_id": run.id,
        "step_id": effect.step_id,
        "url": effect.url,
        "payload": payload_of(run.id, run.automation_id, name, effect, facts),
        "due_at": now,
        "created_at": now,
    }
    session.execute(insert(session, RunCall).values(row).on_conflict_do_nothing(index_elements=["run_id", "step_id"]))
    queues.ring_after_commit(session, "call_webhooks")
