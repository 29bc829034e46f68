"""Saved views, and the tasks that work through many rows of a list: changes and exports."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import ForeignKey, Index, LargeBinary, String, Text, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

import referins_woo.accounts.models  # noqa: F401  (foreign keys name their tables)
from referins_woo import clock
from referins_woo.db import Base, Json, Key

_OPEN = text("state IN ('waiting', 'running')")


class SavedView(Base):
    """A list as somebody wants to see it again: its search, filters, order and columns, under a name."""

    __tablename__ = "saved_views"
    __table_args__ = (Index("ix_saved_views_list", "account_id", "list"),)

    id: Mapped[int] = mapped_column(Key, primary_key=True)
    account_id: Mapped[int] = mapped_column(ForeignKey("accounts.id"))
    user_id: Mapped[int] = mapped_column(ForeignKey("users.id"))
    """Who made it, and may change it."""
    list: Mapped[str] = mapped_column(String(20))
    """`contacts`, `orders`, …"""
    name: Mapped[str] = mapped_column(String(60))
    query: Mapped[str] = mapped_column(Text)
    """The query string of the list's address."""
    shared: Mapped[bool] = mapped_column(default=False)
    """Everybody in the account has it."""
    created_at: Mapped[datetime] = mapped_column(default=clock.now)


class DefaultView(Base):
    """The view with which a list opens, for one person."""

    __tablename__ = "default_views"
    __table_args__ = (UniqueConstraint("account_id", "user_id", "list"),)

    id: Mapped[int] = mapped_column(Key, primary_key=True)
    account_id: Mapped[int] = mapped_column(ForeignKey("accounts.id"))
    user_id: Mapped[int] = mapped_column(ForeignKey("users.id"))
    list: Mapped[str] = mapped_column(String(20))
    view_id: Mapped[int] = mapped_column(ForeignKey("saved_views.id", ondelete="CASCADE"), index=True)


class Task(Base):
    """One change to many rows, or one export: a few rows at once, more of them in the background.

    `waiting` → `running` → `done` or `failed`. Which rows it is about is settled when it is made (changes: TaskRow;
    exports go through the list in its order and remember the place).
    """

    __tablename__ = "list_tasks"
    __table_args__ = (
        Index("ix_list_tasks_open", "id", postgresql_where=_OPEN, sqlite_where=_OPEN),
        Index("ix_list_tasks_account", "account_id", "id"),
    )

    id: Mapped[int] = mapped_column(Key, primary_key=True)
    account_id: Mapped[int] = mapped_column(ForeignKey("accounts.id"))
    user_id: Mapped[int] = mapped_column(ForeignKey("users.id"))
    list: Mapped[str] = mapped_column(String(20))
    act: Mapped[str] = mapped_column(String(20))
    """`export`, or a key of `changes.CHANGES`."""
    value: Mapped[str] = mapped_column(Text, default="")
    """What the change is given, such as the tag."""
    asked: Mapped[dict[str, Any]] = mapped_column(Json, default=dict)
    """Exports: the search words, filters, order and columns."""
    state: Mapped[str] = mapped_column(String(12), default="waiting")
    total: Mapped[int] = mapped_column(default=0)
    done: Mapped[int] = mapped_column(default=0)
    changed: Mapped[int] = mapped_column(default=0)
    """Of those done, how many were not so before."""
    found: Mapped[dict[str, Any]] = mapped_column(Json, default=dict)
    """What a store answered, where it was asked (`lists.fetching`)."""
    place: Mapped[str] = mapped_column(Text, default="")
    """Where to go on: the last row's id, or its mark in the list."""
    undoes_id: Mapped[int | None]
    """The task that this one takes back."""
    undone_at: Mapped[datetime | None]
    attempts: Mapped[int] = mapped_column(default=0)
    """Begun since the last piece of work that was kept."""
    stirred_at: Mapped[datetime] = mapped_column(default=clock.now)
    created_at: Mapped[datetime] = mapped_column(default=clock.now)
    ended_at: Mapped[datetime | None]


class TaskRow(Base):
    """A row that a change is about."""

    __tablename__ = "list_task_rows"

    task_id: Mapped[int] = mapped_column(ForeignKey("list_tasks.id", ondelete="CASCADE"), primary_key=True)
    row_id: Mapped[int] = mapped_column(primary_key=True)
    changed: Mapped[bool] = mapped_column(default=False)
    """It was changed by the task: undoing changes these back, and no others."""


class TaskPart(Base):
    """A piece of an export's file, packed (gzip); in the database, because every web host must have it."""

    __tablename__ = "list_task_parts"

    task_id: Mapped[int] = mapped_column(ForeignKey("list_tasks.id", ondelete="CASCADE"), primary_key=True)
    number: Mapped[int] = mapped_column(primary_key=True)
    data: Mapped[bytes] = mapped_column(LargeBinary)
