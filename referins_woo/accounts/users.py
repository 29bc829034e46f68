"""Users and the accounts that they belong to."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from email_validator import EmailNotValidError, validate_email
from sqlalchemy import select
from sqlalchemy.orm import Session

from referins_woo.accounts import passwords
from referins_woo.accounts.models import Account, Membership, User
from referins_woo.accounts.roles import OWNER
from referins_woo.commerce.models import Location
from referins_woo.errors import InvalidInput


def normalise_email(text: str) -> str:
    """Return the e-mail as the name to sign in with: trimmed, lower-cased. Raises InvalidInput where it is none.

    Addresses inside a private network are taken: who runs this on their own machine may have no other.
    """
    try:
        found = validate_email(text.strip(), check_deliverability=False, globally_deliverable=False)
    except EmailNotValidError as error:
        raise InvalidInput("email", f"This is not an e-mail address: {error}") from None
    return found.normalized.lower()


def create_user(session: Session, email: str, password: str, *, name: str = "", account_name: str = "") -> User:
    """Make a user with an account of their own, as its owner, and the account's location "Main" (N6).

    Raises InvalidInput where the e-mail is none or has a user already, or the password is too short.
    """
    return create_user_with_hash(
        session, email, passwords.hash_password(password), name=name, account_name=account_name
    )


def create_user_with_hash(
    session: Session, email: str, password_hash: str, *, name: str = "", account_name: str = ""
) -> User:
    """As `create_user`, for callers that hashed the password before they opened the transaction."""
    user = add_user(session, email, password_hash, name)
    create_account(session, user, account_name)
    return user


def add_user(session: Session, email: str, password_hash: str, name: str = "") -> User:
    """Make a user who belongs to no account yet. Raises InvalidInput where the e-mail is none or has a user."""
    address = normalise_email(email)
    if find_user(session, address) is not None:
        raise InvalidInput("email", "There is a user with this e-mail already. Sign in instead.")
    user = User(email=address, name=" ".join(name.split())[:200], password_hash=password_hash)
    session.add(user)
    session.flush()
    return user


def create_account(session: Session, user: User, name: str = "") -> Account:
    """Make an account with its location "Main", owned by the user (N6). A name is made up where none is given."""
    given = " ".join(name.split()) or user.name or user.email.split("@")[0]
    account = Account(name=given[:200])
    session.add(account)
    session.flush()
    session.add_all(
        [
            Membership(account_id=account.id, user_id=user.id, role=OWNER),
            Location(account_id=account.id, name="Main", is_default=True),
        ]
    )
    session.flush()
    return account


def find_user(session: Session, email: str) -> User | None:
    """Return the user with this e-mail (compared trimmed and lower-cased), active or not."""
    return session.scalar(select(User).where(User.email == email.strip().lower()))


def user_in_account(session: Session, email: str, account_id: int | None) -> tuple[User, int]:
    """Return a user and the one account meant, which must be named where the user has several.

    Raises InvalidInput: for operators, who name people by their e-mail.
    """
    user = find_user(session, email)
    if user is None:
        raise InvalidInput("email", f"There is no user {email}: make one with `referins user create`.")
    ids = [account.id for account in accounts_of(session, user.id)]
    if account_id is None and len(ids) == 1:
        return user, ids[0]
    if account_id not in ids:
        known = ", ".join(map(str, ids)) or "none, the user belongs to no account"
        raise InvalidInput("account", f"Name one of the user's accounts with --account: {known}.")
    return user, account_id


def accounts_of(session: Session, user_id: int) -> list[Account]:
    """Return the accounts of a user, the oldest membership first."""
    return list(
        session.scalars(
            select(Account)
            .join(Membership, Membership.account_id == Account.id)
            .where(Membership.user_id == user_id)
            .order_by(Membership.id)
        )
    )


@dataclass(frozen=True, slots=True)
class Place:
    """A user's place in an account."""

    account_id: int
    name: str
    role: str
    joined_at: datetime
    requires_second_factor: bool


def places_of(session: Session, user_id: int) -> list[Place]:
    """Return the user's place in each account, the oldest first."""
    rows = session.execute(
        select(Account, Membership)
        .join(Membership, Membership.account_id == Account.id)
        .where(Membership.user_id == user_id)
        .order_by(Membership.id)
    )
    return [
        Place(account.id, account.name, place.role, place.created_at, account.requires_second_factor)
        for account, place in rows
    ]


def owners(session: Session, account_id: int) -> list[User]:
    """Return the account's owners who may sign in, the oldest first."""
    return list(
        session.scalars(
            select(User)
            .join(Membership, Membership.user_id == User.id)
            .where(Membership.account_id == account_id, Membership.role == OWNER, User.active.is_(True))
            .order_by(Membership.id)
        )
    )


def active_users(session: Session, account_id: int) -> list[User]:
    """Return everybody who may sign in to the account: those who get its system mails (X1)."""
    return list(
        session.scalars(
            select(User)
            .join(Membership, Membership.user_id == User.id)
            .where(Membership.account_id == account_id, User.active.is_(True))
            .order_by(User.id)
        )
    )
