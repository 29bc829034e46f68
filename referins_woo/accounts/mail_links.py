"""Links in e-mails that let a person do one thing: choose a new password, confirm a changed address.

Each is good once and for a short time. The e-mail carries the token, the row its hash; using one is a conditional
UPDATE, so that of two who click at once one succeeds.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any, Final, Literal

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from referins_woo.accounts.models import MailLink
from referins_woo.crypto import hash_token, new_token
from referins_woo.mail import outbox, sealed
from referins_woo.process import Process

Purpose = Literal["password", "email"]

LIFE: Final = timedelta(minutes=30)


def make(session: Session, purpose: Purpose, user_id: int | None, email: str, now: datetime) -> str:
    """Make a link and return its token; the links of that purpose that the user had are worthless from now on.

    Without a user the row is written all the same, so that the caller takes as long: it opens nothing.
    """
    token = new_token()
    if user_id is not None:
        void(session, user_id, purpose, now)
    session.add(
        MailLink(
            user_id=user_id,
            purpose=purpose,
            token_hash=hash_token(token),
            email=email[:320],
            created_at=now,
            expires_at=now + LIFE,
        )
    )
    session.flush()
    return token


def is_good(session: Session, purpose: Purpose, token: str, now: datetime) -> bool:
    """Whether the link could be used now."""
    return session.scalar(select(MailLink.id).where(*_good(purpose, token, now))) is not None


def use(session: Session, purpose: Purpose, token: str, now: datetime) -> tuple[int, str] | None:
    """Use the link up and return (user, e-mail) that it was made for; None where it is not good (any more)."""
    used = session.execute(
        update(MailLink)
        .where(*_good(purpose, token, now))
        .values(used_at=now)
        .returning(MailLink.user_id, MailLink.email)
        .execution_options(synchronize_session=False)
    ).one_or_none()
    return (used.user_id, used.email) if used is not None else None


def void(session: Session, user_id: int, purpose: Purpose, now: datetime) -> None:
    """Make the user's open links of this purpose worthless."""
    session.execute(
        update(MailLink)
        .where(MailLink.user_id == user_id, MailLink.purpose == purpose, MailLink.used_at.is_(None))
        .values(used_at=now)
        .execution_options(synchronize_session=False)
    )


def put_letter(
    session: Session, running: Process, letter: str, to_email: str, token: str, facts: dict[str, Any], until: datetime
) -> None:
    """Put the e-mail that carries `token` into the outbox: sealed there, and not sent once the link has ended."""
    outbox.put(
        session,
        outbox.Letter(
            account_id=outbox.PERSONAL,
            once_key=f"{letter}:{hash_token(token)}",
            purpose="system",
            to_email=to_email,
            template={"email": letter},
            facts=sealed.seal(running.vault, facts),
            not_after=until,
        ),
    )


def _good(purpose: Purpose, token: str, now: datetime) -> tuple[Any, ...]:
    return (
        MailLink.token_hash == hash_token(token),
        MailLink.purpose == purpose,
        MailLink.user_id.is_not(None),
        MailLink.used_at.is_(None),
        MailLink.expires_at > now,
    )
