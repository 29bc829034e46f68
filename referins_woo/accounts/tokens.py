"""Tokens of the API: bound to one (account, user), shown once, kept as a hash (N6).

A token may what its scopes say, and never more than the role of its user in the account.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import or_, select, update
from sqlalchemy.orm import Session

from referins_woo import clock
from referins_woo.accounts.models import ApiToken, Membership, User
from referins_woo.accounts.roles import ALL_SCOPES, SCOPES
from referins_woo.crypto import hash_token, new_token
from referins_woo.errors import InvalidInput

_PREFIX = "ref_"
"""So that a leaked token is recognised as ours by secret scanners."""
_SEEN_EVERY = timedelta(minutes=5)


@dataclass(frozen=True, slots=True)
class Bearer:
    """Whose token a request carries, and what it may."""

    token_id: int
    account_id: int
    user_id: int
    email: str
    role: str
    scopes: frozenset[str]
    seen_is_stale: bool


def create(
    session: Session,
    account_id: int,
    user_id: int,
    name: str = "",
    *,
    scopes: Sequence[str] = ALL_SCOPES,
    expires_at: datetime | None = None,
) -> str:
    """Make a token and return it: the only time that it can be read.

    Raises InvalidInput where `scopes` is empty or names what is none.
    """
    unknown = sorted(set(scopes) - set(SCOPES))
    if unknown or not scopes:
        named = f"There is no scope {unknown[0]!r}" if unknown else "A key needs at least one scope"
        raise InvalidInput("scopes", f"{named}: choose among {', '.join(SCOPES)}.")
    token = _PREFIX + new_token()
    session.add(
        ApiToken(
            account_id=account_id,
            user_id=user_id,
            name=name.strip()[:100],
            token_hash=hash_token(token),
            last_four=token[-4:],
            scopes=[one for one in SCOPES if one in scopes],
            expires_at=expires_at,
            created_at=clock.now(),
        )
    )
    session.flush()
    return token


def find(session: Session, token: str, now: datetime) -> Bearer | None:
    """Return the holder of `token`; None when it is unknown, revoked or past its end, or its user left the account."""
    found = session.execute(
        select(ApiToken, User.email, Membership.role)
        .join(User, User.id == ApiToken.user_id)
        .join(Membership, (Membership.user_id == ApiToken.user_id) & (Membership.account_id == ApiToken.account_id))
        .where(
            ApiToken.token_hash == hash_token(token),
            ApiToken.revoked_at.is_(None),
            or_(ApiToken.expires_at.is_(None), ApiToken.expires_at > now),
            User.active.is_(True),
        )
    ).one_or_none()
    if found is None:
        return None
    row, email, role = found
    return Bearer(
        token_id=row.id,
        account_id=row.account_id,
        user_id=row.user_id,
        email=email,
        role=role,
        scopes=frozenset(row.scopes),
        seen_is_stale=row.last_used_at is None or now - row.last_used_at >= _SEEN_EVERY,
    )


def seen(session: Session, token_id: int, now: datetime) -> None:
    """Write down that the token was used."""
    session.execute(update(ApiToken).where(ApiToken.id == token_id).values(last_used_at=now))


def revoke(session: Session, token_id: int, account_id: int, now: datetime) -> str | None:
    """Revoke a token of the account and return its name; None when it has none with that id that is still good."""
    name: str | None = session.scalar(
        update(ApiToken)
        .where(ApiToken.id == token_id, ApiToken.account_id == account_id, ApiToken.revoked_at.is_(None))
        .values(revoked_at=now)
        .returning(ApiToken.name)
        .execution_options(synchronize_session=False)
    )
    return name


def revoke_of_user(session: Session, account_id: int, user_id: int, now: datetime) -> None:
    """Revoke all tokens that the user has for this account: the user left it."""
    session.execute(
        update(ApiToken)
        .where(ApiToken.account_id == account_id, ApiToken.user_id == user_id, ApiToken.revoked_at.is_(None))
        .values(revoked_at=now)
        .execution_options(synchronize_session=False)
    )


@dataclass(frozen=True, slots=True)
class Listed:
    """A token as the list of the account's shows it."""

    token: ApiToken
    email: str
    role: str


def tokens_of(session: Session, account_id: int) -> list[Listed]:
    """Return the account's tokens that are not revoked, newest first; some may have expired."""
    rows = session.execute(
        select(ApiToken, User.email, Membership.role)
        .join(User, User.id == ApiToken.user_id)
        .join(Membership, (Membership.user_id == ApiToken.user_id) & (Membership.account_id == ApiToken.account_id))
        .where(ApiToken.account_id == account_id, ApiToken.revoked_at.is_(None))
        .order_by(ApiToken.id.desc())
    )
    return [Listed(token, email, role) for token, email, role in rows]
