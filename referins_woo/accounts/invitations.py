"""Invitations to an account: mailed, good for a week and once, accepted by a new user or by one who is there already.

The link proves that its holder reads the invited mailbox, so it is the invited address that joins, no other.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from sqlalchemy import select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from referins_woo.accounts import audit, mail_links
from referins_woo.accounts.models import Account, Invitation, Membership, User
from referins_woo.accounts.roles import ROLES
from referins_woo.accounts.users import find_user, normalise_email
from referins_woo.crypto import hash_token, new_token
from referins_woo.errors import InvalidInput
from referins_woo.process import Process

LIFE: Final = timedelta(days=7)
MOST_OPEN: Final = 50


@dataclass(frozen=True, slots=True)
class Offer:
    """What the link of an invitation shows."""

    invitation_id: int
    account_id: int
    account_name: str
    email: str
    role: str
    invited_by: str
    user_id: int | None
    """The user who has the invited e-mail, if there is one."""


def invite(
    session: Session, running: Process, account_id: int, by_user_id: int, email: str, role: str, now: datetime
) -> Invitation:
    """Offer a place in the account and mail it. Raises InvalidInput."""
    address = normalise_email(email)
    if role not in ROLES:
        raise InvalidInput("role", f"Choose one of {', '.join(ROLES)}.")
    user = find_user(session, address)
    if user is not None and _belongs(session, account_id, user.id):
        raise InvalidInput("email", f"{address} belongs to this account already.")
    waiting = open_invitations(session, account_id)
    if any(one.email == address for one in waiting):
        raise InvalidInput("email", f"{address} is invited already: send the invitation again from the list.")
    if len(waiting) >= MOST_OPEN:
        raise InvalidInput("email", f"{MOST_OPEN} invitations are open: take some back first.")
    invitation = Invitation(
        account_id=account_id,
        email=address,
        role=role,
        invited_by_id=by_user_id,
        token_hash="",
        created_at=now,
    )
    try:
        _send(session, running, invitation, now)
        session.flush()
    except IntegrityError:
        raise InvalidInput("email", f"{address} is invited already.") from None
    audit.record(session, account_id, "user_invited", address, role=role)
    return invitation


def resend(session: Session, running: Process, account_id: int, invitation_id: int, now: datetime) -> str | None:
    """Mail an invitation again, with a new link that is good for a week; the one before is worthless.

    Returns the address; None where the account has no such open invitation.
    """
    invitation = _own(session, account_id, invitation_id)
    if invitation is None:
        return None
    _send(session, running, invitation, now)
    audit.record(session, account_id, "invitation_resent", invitation.email)
    return invitation.email


def revoke(session: Session, account_id: int, invitation_id: int, now: datetime) -> str | None:
    """Take an invitation back: its link opens nothing any more. Returns the address; None where there is none."""
    invitation = _own(session, account_id, invitation_id)
    if invitation is None:
        return None
    invitation.revoked_at = now
    audit.record(session, account_id, "invitation_revoked", invitation.email)
    return invitation.email


def open_invitations(session: Session, account_id: int) -> list[Invitation]:
    """Return what is neither accepted nor taken back, the newest first; some may have expired."""
    return list(
        session.scalars(
            select(Invitation)
            .where(
                Invitation.account_id == account_id,
                Invitation.accepted_at.is_(None),
                Invitation.revoked_at.is_(None),
            )
            .order_by(Invitation.id.desc())
        )
    )


def find(session: Session, token: str, now: datetime) -> Offer | None:
    """Return what a link offers; None where it was taken back, accepted, replaced, or is too old."""
    row = session.execute(
        select(Invitation, Account.name, User.email)
        .join(Account, Account.id == Invitation.account_id)
        .join(User, User.id == Invitation.invited_by_id)
        .where(
            Invitation.token_hash == hash_token(token),
            Invitation.accepted_at.is_(None),
            Invitation.revoked_at.is_(None),
            Invitation.expires_at > now,
        )
    ).one_or_none()
    if row is None:
        return None
    invitation, account_name, invited_by = row
    user = find_user(session, invitation.email)
    return Offer(
        invitation_id=invitation.id,
        account_id=invitation.account_id,
        account_name=account_name,
        email=invitation.email,
        role=invitation.role,
        invited_by=invited_by,
        user_id=user.id if user is not None else None,
    )


def accept(session: Session, offer: Offer, user_id: int, now: datetime) -> bool:
    """Let the user join; False where somebody was quicker. The caller has seen that the user has the invited e-mail."""
    taken = session.execute(
        update(Invitation)
        .where(
            Invitation.id == offer.invitation_id,
            Invitation.accepted_at.is_(None),
            Invitation.revoked_at.is_(None),
            Invitation.expires_at > now,
        )
        .values(accepted_at=now)
        .execution_options(synchronize_session=False)
    )
    if taken.rowcount != 1:  # type: ignore[attr-defined]
        return False
    if not _belongs(session, offer.account_id, user_id):
        session.add(Membership(account_id=offer.account_id, user_id=user_id, role=offer.role, created_at=now))
        session.flush()
    audit.record(session, offer.account_id, "invitation_accepted", offer.email, role=offer.role)
    return True


def _send(session: Session, running: Process, invitation: Invitation, now: datetime) -> None:
    token = new_token()
    invitation.token_hash = hash_token(token)
    invitation.sent_at, invitation.expires_at = now, now + LIFE
    session.add(invitation)
    account = session.get_one(Account, invitation.account_id)
    inviter = session.get_one(User, invitation.invited_by_id)
    mail_links.put_letter(
        session,
        running,
        "invitation",
        invitation.email,
        token,
        {
            "account_name": account.name,
            "invited_by": inviter.name or inviter.email,
            "inviter_email": inviter.email,
            "role": ROLES[invitation.role].lower(),
            "link": f"{running.config.public_url}/invitations/{token}",
            "days": LIFE.days,
        },
        invitation.expires_at,
    )


def _own(session: Session, account_id: int, invitation_id: int) -> Invitation | None:
    return session.scalar(
        select(Invitation).where(
            Invitation.id == invitation_id,
            Invitation.account_id == account_id,
            Invitation.accepted_at.is_(None),
            Invitation.revoked_at.is_(None),
        )
    )


def _belongs(session: Session, account_id: int, user_id: int) -> bool:
    found = session.scalar(
        select(Membership.id).where(Membership.account_id == account_id, Membership.user_id == user_id)
    )
    return found is not None
