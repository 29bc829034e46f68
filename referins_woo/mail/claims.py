"""The outbox's states in the database: claimed, sending, and what became of it. Each change is one conditional UPDATE.

A claim is a lease on rows that stay `created`: when its holder dies, the next one takes them. `begin` is the point of
no return: it succeeds once per message, only for the holder of a lease that has not run out, and whatever crashes
after it leaves `sending`, which nobody sends again (E2).
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from itertools import groupby
from typing import Any, Final

from sqlalchemy import (
    ColumnElement,
    Integer,
    Row,
    Text,
    bindparam,
    case,
    func,
    literal,
    literal_column,
    or_,
    select,
    update,
)
from sqlalchemy.orm import Session

from referins_woo import clock
from referins_woo.alone import Alone, Unit
from referins_woo.commerce.upsert.bulk import table_of
from referins_woo.conditions import one_of
from referins_woo.db import is_postgresql
from referins_woo.mail import consent, suppression
from referins_woo.mail.bodies import NOTHING, Body
from referins_woo.mail.models import BULK, URGENT, Message

BATCH: Final = 50
LEASE: Final = timedelta(seconds=30)
SENDING_LEASE: Final = timedelta(minutes=5)
"""Longer than the slowest sending: only then is what is still `sending` given up as `unknown`."""
UNKNOWN_REASON: Final = "May have been sent before a crash; it is not repeated."

Claimed = Row[Any]
_T: Final = table_of(Message).c
_IS_CREATED = _T.state == literal_column("'created'")
"""Literal, so that both databases see that the partial indexes apply."""
_IS_FREE = or_(_T.lease_until.is_(None), _T.lease_until <= bindparam("now"))
_COLUMNS = (
    *(_T.id, _T.account_id, _T.store_id, _T.once_key, _T.purpose, _T.to_email, _T.to_name, _T.from_name, _T.reply_to),
    *(_T.template, _T.facts, _T.attempts, _T.not_after, _T.rfc_message_id, _T.link_token, _T.footer, _T.lane),
    *(_T.campaign, _T.step_id),
)
# Made once: they are asked for every message or two.
_OLDEST: Final = (
    select(_T.id)
    .where(_IS_CREATED, _T.lane == bindparam("lane"), _T.due_at <= bindparam("now"), _IS_FREE)
    .order_by(_T.due_at, _T.id)
    .limit(bindparam("most", type_=Integer()))
)
_OLDEST_OF_ACCOUNT: Final = _OLDEST.where(_T.account_id == bindparam("account_id"))
_LOCKED, _LOCKED_OF_ACCOUNT = (one.with_for_update(skip_locked=True) for one in (_OLDEST, _OLDEST_OF_ACCOUNT))
_CLAIM: Final = (
    update(table_of(Message))
    .where(one_of(_T.id, "b_ids"), _IS_CREATED, _IS_FREE)
    .values(lease_token=bindparam("b_token"), lease_until=bindparam("b_until"))
    .returning(*_COLUMNS)
)


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of a message; recorded together with the next one's beginning."""

    message_id: int
    state: str
    reason: str = ""
    reply: str = ""
    attempts: int = 0
    wait: timedelta | None = None
    bounced: tuple[int, str] | None = None
    """Account and address, where the address turned out not to exist."""
    body: Body = NOTHING
    """What is kept of an e-mail that was handed over."""


def new_token() -> str:
    """Return a name for one drain's claims."""
    return secrets.token_hex(12)


def claim(session: Session, token: str, now: datetime, last_account: int = 0) -> list[Claimed]:
    """Lease up to BATCH due messages and return them, accounts taking turns, beginning after `last_account`.

    What an order brought about goes first: it never waits behind a newsletter.
    """
    ids = _due(session, URGENT, BATCH, now, last_account)
    if len(ids) < BATCH:
        ids += _due(session, BULK, BATCH - len(ids), now, last_account)
    if not ids:
        return []
    claimed = session.execute(_CLAIM, {"b_ids": ids, "b_token": token, "b_until": now + LEASE, "now": now})
    return _interleaved(list(claimed), last_account)


def begin(session: Session, token: str, message: Claimed, rendered: dict[str, Any]) -> bool:
    """Mark a claimed message as `sending`; False: do not send it (the lease is gone, or somebody unsubscribed)."""
    changed = session.execute(_BEGIN[message.purpose], _of_begin(token, message, rendered))
    return bool(changed.rowcount == 1)  # type: ignore[attr-defined]


def begin_alone(
    alone: Alone,
    token: str,
    message: Claimed,
    rendered: dict[str, Any],
    before: Outcome | None,
    waiting: Callable[[], None],
) -> bool:
    """`record` that the message before was sent, if there was one, and `begin`, as a unit without a session.

    `waiting` is called when the disk is waited for.
    """
    given = _of_begin(token, message, rendered)
    if before is None:
        return alone.make(_BEGIN_FIRST[message.purpose], given, waiting) == 1
    given |= _of_sent(before)
    return alone.make(_BEGIN_AFTER[message.purpose], given, waiting) == 1


def _of_begin(token: str, message: Claimed, rendered: dict[str, Any]) -> dict[str, Any]:
    now = clock.now()
    return {
        "b_id": message.id,
        "b_token": token,
        "b_now": now,
        "b_until": now + SENDING_LEASE,
        **suppression.address(message.account_id, message.to_email),
        **{f"b_{name}": value for name, value in rendered.items()},
    }


def _of_sent(outcome: Outcome) -> dict[str, Any]:
    return {
        "b_before": outcome.message_id,
        "b_reply": outcome.reply,
        "b_html": outcome.body.html,
        "b_text": outcome.body.text,
    }


def record(session: Session, token: str, outcome: Outcome) -> None:
    """Write what became of a message. Nothing is written where another worker has it by now."""
    now = clock.now()
    if outcome.state == "sent":
        session.execute(_SENT, {"b_token": token, "b_now": now, **_of_sent(outcome)})
        return
    values: dict[str, Any] = {
        "state": outcome.state,
        "reason": outcome.reason,
        "provider_reply": outcome.reply,
        "lease_until": None,
        "attempts": Message.attempts + outcome.attempts,
    }
    if outcome.wait is not None:
        values["due_at"] = now + outcome.wait
    if outcome.body != NOTHING:
        values |= {name: _unless_erased(literal(value, Text())) for name, value in asdict(outcome.body).items()}
    session.execute(
        update(Message)
        .where(
            Message.id == outcome.message_id, Message.lease_token == token, Message.state.in_(("created", "sending"))
        )
        .values(values)
        .execution_options(synchronize_session=False)
    )
    if outcome.bounced is not None:
        word = consent.Word(consent.BOUNCED, now, "refused by the mail server", outcome.reply)
        consent.note_address(session, *outcome.bounced, word, now)


def skip(session: Session, token: str, message: Claimed, reason: str) -> None:
    """Mark a claimed message as not wanted."""
    record(session, token, Outcome(message.id, "skipped", reason))


def release(session: Session, token: str) -> None:
    """Give back what was claimed and not begun."""
    session.execute(
        update(Message)
        .where(Message.lease_token == token, _IS_CREATED)
        .values(lease_until=None)
        .execution_options(synchronize_session=False)
    )


def give_up_expired(session: Session, now: datetime) -> int:
    """Mark messages whose sender died in the act as `unknown`; returns how many."""
    changed = session.execute(
        update(Message)
        .where(Message.state == "sending", or_(Message.lease_until.is_(None), Message.lease_until <= now))
        .values(state="unknown", reason=UNKNOWN_REASON)
        .execution_options(synchronize_session=False)
    )
    return int(changed.rowcount)  # type: ignore[attr-defined]


def any_due(session: Session, now: datetime) -> bool:
    """Whether a message waits to be claimed."""
    due = (_IS_CREATED, Message.lane.in_((URGENT, BULK)), Message.due_at <= now, _IS_FREE)
    return session.execute(select(Message.id).where(*due).limit(1), {"now": now}).first() is not None


def any_expired(session: Session, now: datetime) -> bool:
    """Whether a message is `sending` although its sender's time is over."""
    found = select(Message.id).where(
        Message.state == literal_column("'sending'"),
        or_(Message.lease_until.is_(None), Message.lease_until <= now),
    )
    return session.execute(found.limit(1)).first() is not None


def _unless_erased(words: ColumnElement[str]) -> ColumnElement[str]:
    """Return `words`; nothing of a person who was erased meanwhile is kept."""
    return case((_T.to_email != literal_column("''"), words))


# The two that run for every message.
_BEGIN: Final = {
    purpose: update(_T.id.table)
    .where(
        _T.id == bindparam("b_id"),
        _T.state == "created",
        _T.lease_token == bindparam("b_token"),
        _T.lease_until > bindparam("b_now"),
        *suppression.allowed(purpose),
    )
    .values(
        state="sending",
        lease_until=bindparam("b_until"),
        subject=bindparam("b_subject"),
        links=bindparam("b_links"),
        measured=bindparam("b_measured"),
        rfc_message_id=bindparam("b_rfc_message_id"),
    )
    for purpose in ("transactional", "marketing", "system")
}

_SENT: Final = (
    # Also from `unknown`: a sender that everybody gave up for dead knows better once it wakes.
    update(_T.id.table)
    .where(
        _T.id == bindparam("b_before"),
        _T.lease_token == bindparam("b_token"),
        _T.state.in_([literal_column("'sending'"), literal_column("'unknown'")]),
    )
    .values(
        state="sent",
        reason="",
        sent_at=bindparam("b_now"),
        provider_reply=bindparam("b_reply"),
        lease_until=None,
        html=_unless_erased(bindparam("b_html", type_=Text())),
        text=_unless_erased(bindparam("b_text", type_=Text())),
    )
)

_BEGIN_FIRST: Final = {purpose: Unit(begin) for purpose, begin in _BEGIN.items()}
_BEGIN_AFTER: Final = {purpose: Unit(_SENT, begin) for purpose, begin in _BEGIN.items()}


def _due(session: Session, lane: int, most: int, now: datetime, last_account: int) -> list[int]:
    """Return ids of up to `most` messages of a lane that are due, the oldest first."""
    asked = {"lane": lane, "now": now, "most": most + 1}
    ids = list(session.scalars(_LOCKED if is_postgresql(session) else _OLDEST, asked))
    return ids if len(ids) <= most else _in_turns(session, lane, most, now, last_account)


def _in_turns(session: Session, lane: int, most: int, now: datetime, last_account: int) -> list[int]:
    """Return the oldest messages of every account in turn: who has a million waiting delays nobody else."""
    accounts = _accounts(session, lane)
    accounts = [one for one in accounts if one > last_account] + [one for one in accounts if one <= last_account]
    found: list[int] = []
    share = max(1, most // max(1, len(accounts)))
    for account_id in accounts:
        asked = {"lane": lane, "now": now, "most": min(share, most - len(found)), "account_id": account_id}
        found.extend(session.scalars(_LOCKED_OF_ACCOUNT if is_postgresql(session) else _OLDEST_OF_ACCOUNT, asked))
        if len(found) >= most:
            break
    return found


def _accounts(session: Session, lane: int) -> Sequence[int]:
    """Return the accounts that have messages waiting, by hopping over the index from one to the next."""
    in_lane = (_IS_CREATED, Message.lane == lane)
    first = select(func.min(Message.account_id).label("account_id")).where(*in_lane)
    hop = first.cte("hop", recursive=True)
    after = (
        select(func.min(Message.account_id))
        .where(*in_lane, Message.account_id > hop.c.account_id)
        .correlate(hop)
        .scalar_subquery()
    )
    hop = hop.union_all(select(after).where(hop.c.account_id.is_not(None)))
    return session.scalars(select(hop.c.account_id).where(hop.c.account_id.is_not(None))).all()


def _interleaved(claimed: list[Claimed], last_account: int) -> list[Claimed]:
    by_account = sorted(claimed, key=lambda row: (row.lane, row.account_id <= last_account, row.account_id, row.id))
    ranked = [
        (row.lane, place, row.account_id <= last_account, row.account_id, row)
        for _, rows in groupby(by_account, key=lambda row: (row.lane, row.account_id))
        for place, row in enumerate(rows)
    ]
    return [each[4] for each in sorted(ranked, key=lambda each: each[:4])]
