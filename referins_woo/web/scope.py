"""Who asks, and what of the database is theirs: every page reads and writes through the account of its session (N1).

Pages get rows by id with `own` (or `own_of` for rows that belong to an account through their parent): a row of another
account is as absent as one that never was, both are 404.
"""

from __future__ import annotations

from contextlib import AbstractContextManager
from typing import Any, TypeVar

from flask import abort
from flask_login import current_user
from sqlalchemy import select
from sqlalchemy.orm import Session

from referins_woo import process
from referins_woo.accounts import roles, users
from referins_woo.accounts.sessions import SignedIn

_Row = TypeVar("_Row")


def who() -> SignedIn:
    """Return who is signed in; only for routes that need sign-in."""
    signed_in: SignedIn = current_user.who
    return signed_in


def account_id() -> int:
    """Return the account that this browser works in."""
    return who().account_id


def may(right: str) -> bool:
    """Whether who is signed in has the right: templates leave out what would answer "not allowed"."""
    return bool(current_user.is_authenticated) and roles.may(who().role, right)


def not_allowed(right: str) -> str:
    """Return the sentence for what only owners may do, with the owners to ask."""
    with reading() as session:
        owners = [user.email for user in users.owners(session, account_id())]
    return f"Only an owner of this account may do this: {', '.join(owners)}. ({roles.RIGHTS[right].words}.)"


def reading() -> AbstractContextManager[Session]:
    """A reading session."""
    return process.current().database.reading()


def unit() -> AbstractContextManager[Session]:
    """A writing transaction, committed at the end of its block."""
    return process.current().database.unit()


def own(session: Session, table: type[_Row], row_id: int) -> _Row:
    """Return the row of this account with that id, or answer 404."""
    return own_of(session, table, row_id, account_id())


def own_of(session: Session, table: type[_Row], row_id: int, of_account: int) -> _Row:
    """Return the row of account `of_account` with that id, or answer 404."""
    model: Any = table
    row: _Row | None = session.scalar(select(model).where(model.id == row_id, model.account_id == of_account))
    if row is None:
        abort(404)
    return row
