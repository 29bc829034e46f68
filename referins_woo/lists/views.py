"""Saved views: kept by one person, for themselves or for everybody in the account."""

from __future__ import annotations

from typing import Final

from sqlalchemy import ColumnElement, delete, func, or_, select
from sqlalchemy.orm import Session

from referins_woo.db import insert
from referins_woo.errors import InvalidInput
from referins_woo.lists.models import DefaultView, SavedView

LONGEST_NAME: Final = 60
MOST: Final = 30
"""Views that one person keeps of one list."""


def of_list(session: Session, account_id: int, user_id: int, key: str) -> list[SavedView]:
    """Return the views that a person sees above a list: their own and those that others share."""
    found = session.scalars(
        select(SavedView)
        .where(SavedView.account_id == account_id, SavedView.list == key, _visible(user_id))
        .order_by(SavedView.name, SavedView.id)
    )
    return list(found)


def default_of(session: Session, account_id: int, user_id: int, key: str) -> SavedView | None:
    """Return the view with which the list opens for this person, if they chose one that they still see."""
    found: SavedView | None = session.scalar(
        select(SavedView)
        .join(DefaultView, DefaultView.view_id == SavedView.id)
        .where(
            DefaultView.account_id == account_id,
            DefaultView.user_id == user_id,
            DefaultView.list == key,
            SavedView.account_id == account_id,
            _visible(user_id),
        )
    )
    return found


def find(session: Session, account_id: int, user_id: int, view_id: int) -> SavedView | None:
    """Return a view that this person sees."""
    found: SavedView | None = session.scalar(
        select(SavedView).where(SavedView.id == view_id, SavedView.account_id == account_id, _visible(user_id))
    )
    return found


def save(
    session: Session, account_id: int, user_id: int, key: str, name: str, query: str, *, shared: bool
) -> SavedView:
    """Keep a view. Raises InvalidInput for a name that cannot be used."""
    mine = session.scalar(
        select(func.count()).select_from(SavedView).where(SavedView.user_id == user_id, SavedView.list == key)
    )
    if (mine or 0) >= MOST:
        raise InvalidInput("name", f"You have {MOST} views of this list. Delete one that you no longer use.")
    view = SavedView(
        account_id=account_id,
        user_id=user_id,
        list=key,
        name=_name(session, account_id, user_id, key, name),
        query=query,
        shared=shared,
    )
    session.add(view)
    session.flush()
    return view


def change(session: Session, view: SavedView, *, name: str, shared: bool) -> None:
    """Rename a view, share it or take it back. Raises InvalidInput for a name that cannot be used."""
    view.name = _name(session, view.account_id, view.user_id, view.list, name, besides=view.id)
    view.shared = shared


def open_with(session: Session, account_id: int, user_id: int, key: str, view_id: int | None) -> None:
    """Make a view the one with which the list opens for this person; None: no view."""
    if view_id is None:
        session.execute(
            delete(DefaultView).where(
                DefaultView.account_id == account_id, DefaultView.user_id == user_id, DefaultView.list == key
            )
        )
        return
    statement = insert(session, DefaultView).values(account_id=account_id, user_id=user_id, list=key, view_id=view_id)
    session.execute(
        statement.on_conflict_do_update(
            index_elements=["account_id", "user_id", "list"], set_={"view_id": statement.excluded.view_id}
        )
    )


def _visible(user_id: int) -> ColumnElement[bool]:
    return or_(SavedView.user_id == user_id, SavedView.shared.is_(True))


def _name(session: Session, account_id: int, user_id: int, key: str, text: str, besides: int = 0) -> str:
    name = " ".join(text.replace("\x00", "").split())
    if not name:
        raise InvalidInput("name", "Give the view a name, for example “Unpaid this week”.")
    if len(name) > LONGEST_NAME:
        raise InvalidInput("name", f"A name has at most {LONGEST_NAME} characters; this one has {len(name)}.")
    taken = [one for one in of_list(session, account_id, user_id, key) if one.id != besides]
    if any(one.name.casefold() == name.casefold() for one in taken):
        raise InvalidInput("name", f"There is a view “{name}” already. Choose another name.")
    return name
