"""Who belongs to an account, and their roles. The last owner can neither leave nor be removed nor become a member.

Changes hold the account's row first: two owners who remove each other at once must not leave none.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from referins_woo.accounts import audit, sessions, tokens
from referins_woo.accounts.models import Account, Membership, User, UserSession
from referins_woo.accounts.roles import OWNER, ROLES
from referins_woo.accounts.users import owners
from referins_woo.errors import InvalidInput


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody who belongs to the account."""

    user_id: int
    email: str
    name: str
    role: str
    joined_at: datetime
    last_seen_at: datetime | None
    has_second_factor: bool
    is_last_owner: bool


def people(session: Session, account_id: int) -> list[Person]:
    """Return everybody of the account, owners first."""
    seen = (
        select(func.max(UserSession.last_seen_at))
        .where(UserSession.user_id == User.id, UserSession.account_id == account_id)
        .scalar_subquery()
    )
    rows = session.execute(
        select(User, Membership, seen)
        .join(Membership, Membership.user_id == User.id)
        .where(Membership.account_id == account_id)
        .order_by(Membership.role.desc(), Membership.id)
    ).all()
    alone = len(owners(session, account_id)) == 1
    return [
        Person(
            user_id=user.id,
            email=user.email,
            name=user.name,
            role=membership.role,
            joined_at=membership.created_at,
            last_seen_at=last_seen,
            has_second_factor=user.totp_since is not None,
            is_last_owner=alone and membership.role == OWNER and user.active,
        )
        for user, membership, last_seen in rows
    ]


def change_role(session: Session, account_id: int, user_id: int, role: str) -> bool:
    """Give somebody another role; False where they do not belong to the account. Raises InvalidInput."""
    found = _membership(session, account_id, user_id)
    if found is None:
        return False
    if role not in ROLES:
        raise InvalidInput("role", f"Choose one of {', '.join(ROLES)}.")
    user, membership = found
    if membership.role == role:
        return True
    _keep_an_owner(session, account_id, user, membership, "become a member")
    before, membership.role = membership.role, role
    audit.record(session, account_id, "role_changed", user.email, before=before, after=role)
    return True


def remove(session: Session, account_id: int, user_id: int, now: datetime, *, by_themselves: bool = False) -> bool:
    """Take somebody out of the account: signed out of it at once, their API keys revoked.

    False where they do not belong to it. Raises InvalidInput for the last owner.
    """
    found = _membership(session, account_id, user_id)
    if found is None:
        return False
    user, membership = found
    _keep_an_owner(session, account_id, user, membership, "leave" if by_themselves else "be removed")
    session.delete(membership)
    sessions.end_in_account(session, user_id, account_id, now)
    tokens.revoke_of_user(session, account_id, user_id, now)
    audit.record(session, account_id, "member_left" if by_themselves else "member_removed", user.email)
    session.flush()
    return True


def _membership(session: Session, account_id: int, user_id: int) -> tuple[User, Membership] | None:
    session.get(Account, account_id, with_for_update=True)
    row = session.execute(
        select(User, Membership)
        .join(Membership, Membership.user_id == User.id)
        .where(Membership.account_id == account_id, Membership.user_id == user_id)
    ).one_or_none()
    return (row[0], row[1]) if row is not None else None


def _keep_an_owner(session: Session, account_id: int, user: User, membership: Membership, act: str) -> None:
    others = [one for one in owners(session, account_id) if one.id != user.id]
    if membership.role == OWNER and not others:
        raise InvalidInput(
            "role", f"{user.email} is the last owner and cannot {act}: make somebody else an owner first."
        )
