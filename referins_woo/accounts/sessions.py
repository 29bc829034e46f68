"""Signed-in browsers: one row each, bound to one account; the cookie holds a token, the row its hash (N6)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import func, select, update
from sqlalchemy.orm import Session

from referins_woo.accounts.models import Account, Membership, User, UserSession
from referins_woo.crypto import hash_token, new_token

LIFETIME = timedelta(days=30)
_SEEN_EVERY = timedelta(minutes=5)


@dataclass(frozen=True, slots=True)
class SignedIn:
    """Who is signed in, and the one account that this browser works in."""

    session_id: int
    user_id: int
    email: str
    name: str
    account_id: int
    account_name: str
    role: str
    time_zone: str
    """IANA name or offset; UTC until the account has one."""
    base_currency: str
    last_seen_at: datetime
    owes_second_factor: bool
    """The account asks everybody for a second factor, and this person has none yet."""


def begin(session: Session, user_id: int, account_id: int, now: datetime, *, ip: str = "", user_agent: str = "") -> str:
    """Sign a browser in; returns the token for its cookie, which is kept nowhere else."""
    token = new_token()
    session.add(
        UserSession(
            user_id=user_id,
            account_id=account_id,
            token_hash=hash_token(token),
            ip=ip[:64],
            user_agent=user_agent[:300],
            created_at=now,
            last_seen_at=now,
            expires_at=now + LIFETIME,
        )
    )
    session.flush()
    return token


def find(session: Session, token: str, now: datetime) -> SignedIn | None:
    """Return who holds `token`: None when the session ended or expired, or the user left the account."""
    row = session.execute(
        select(UserSession, User, Account, Membership.role)
        .join(User, User.id == UserSession.user_id)
        .join(Account, Account.id == UserSession.account_id)
        .join(
            Membership,
            (Membership.user_id == UserSession.user_id) & (Membership.account_id == UserSession.account_id),
        )
        .where(
            UserSession.token_hash == hash_token(token),
            UserSession.ended_at.is_(None),
            UserSession.expires_at > now,
            User.active.is_(True),
        )
    ).one_or_none()
    if row is None:
        return None
    browser, user, account, role = row
    return SignedIn(
        session_id=browser.id,
        user_id=user.id,
        email=user.email,
        name=user.name,
        account_id=account.id,
        account_name=account.name,
        role=role,
        time_zone=account.time_zone or "UTC",
        base_currency=account.base_currency or "",
        last_seen_at=browser.last_seen_at,
        owes_second_factor=account.requires_second_factor and user.totp_since is None,
    )


def is_seen_stale(who: SignedIn, now: datetime) -> bool:
    """Whether it is time to write down that the browser was seen: not at every request."""
    return now - who.last_seen_at >= _SEEN_EVERY


def seen(session: Session, session_id: int, now: datetime, ip: str = "") -> None:
    """Write down that the browser was seen, and where; a session that is used does not expire."""
    session.execute(
        update(UserSession)
        .where(UserSession.id == session_id)
        .values(last_seen_at=now, expires_at=now + LIFETIME, ip=ip[:64])
    )


def renew(session: Session, session_id: int, account_id: int) -> str:
    """Give an open session a new token, which is returned, and the account that it works in."""
    token = new_token()
    session.execute(
        update(UserSession)
        .where(UserSession.id == session_id, UserSession.ended_at.is_(None))
        .values(token_hash=hash_token(token), account_id=account_id)
        .execution_options(synchronize_session=False)
    )
    return token


def end(session: Session, session_id: int, user_id: int, now: datetime) -> bool:
    """Sign a browser of `user_id` out; False when there is no such open session."""
    ended = session.execute(
        update(UserSession)
        .where(UserSession.id == session_id, UserSession.user_id == user_id, UserSession.ended_at.is_(None))
        .values(ended_at=now)
        .returning(UserSession.id)
    )
    return ended.first() is not None


def end_all(session: Session, user_id: int, now: datetime, *, but: int | None = None) -> int:
    """Sign all browsers of the user out, `but` the session with this id; returns how many."""
    ended = session.execute(
        update(UserSession)
        .where(UserSession.user_id == user_id, UserSession.ended_at.is_(None), UserSession.id != (but or 0))
        .values(ended_at=now)
        .execution_options(synchronize_session=False)
    )
    return int(ended.rowcount)  # type: ignore[attr-defined]


def end_in_account(session: Session, user_id: int, account_id: int, now: datetime) -> None:
    """Sign out the user's browsers that work in this account: the user belongs to it no more."""
    session.execute(
        update(UserSession)
        .where(UserSession.user_id == user_id, UserSession.account_id == account_id, UserSession.ended_at.is_(None))
        .values(ended_at=now)
        .execution_options(synchronize_session=False)
    )


def last_account(session: Session, user_id: int) -> int | None:
    """Return the account in which the user worked last, else the one joined first; None where there is none."""
    used = (
        select(func.max(UserSession.last_seen_at))
        .where(UserSession.user_id == user_id, UserSession.account_id == Membership.account_id)
        .scalar_subquery()
    )
    found: int | None = session.scalar(
        select(Membership.account_id)
        .where(Membership.user_id == user_id)
        .order_by(used.desc().nulls_last(), Membership.id)
        .limit(1)
    )
    return found


def open_sessions(session: Session, user_id: int, now: datetime) -> list[UserSession]:
    """Return the user's open sessions, the last used first."""
    return list(
        session.scalars(
            select(UserSession)
            .where(UserSession.user_id == user_id, UserSession.ended_at.is_(None), UserSession.expires_at > now)
            .order_by(UserSession.last_seen_at.desc())
        )
    )
