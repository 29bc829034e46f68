"""Key rotation: finds every stored secret, says which key locks it, and locks it anew with the newest.

A column whose name ends in `_locked` holds a secret locked by `crypto.Vault`; that name is all a room has to give.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from cryptography.fernet import Fernet, InvalidToken
from sqlalchemy import Column, MetaData, Table, select, update
from sqlalchemy.orm import Session

from referins_woo.crypto import Vault
from referins_woo.db import Database

_BATCH = 200


@dataclass(frozen=True, slots=True)
class Census:
    """How many secrets each key locks, by its place in ENCRYPTION_KEYS, and how many none of them opens."""

    by_key: tuple[int, ...]
    unreadable: int

    @property
    def behind(self) -> int:
        """How many are not locked with the newest key."""
        return sum(self.by_key[1:])


def census(session: Session, keys: tuple[str, ...]) -> Census:
    """Try the keys on every stored secret."""
    locks = [Fernet(key) for key in keys]
    counts, unreadable = [0] * len(keys), 0
    for _table, column in _locked_columns(session):
        for locked in session.execute(select(column).where(column.is_not(None))).scalars():
            place = _place(locks, locked)
            if place is None:
                unreadable += 1
            else:
                counts[place] += 1
    return Census(tuple(counts), unreadable)


def relock(database: Database, keys: tuple[str, ...], vault: Vault) -> int:
    """Lock every secret with the newest key; returns how many were not. Safe while everything runs.

    A secret that changes meanwhile keeps its new value. What no key opens is left as it is (`census` counts it).
    """
    newest, older, changed = Fernet(keys[0]), [Fernet(key) for key in keys[1:]], 0
    with database.reading() as session:
        found = [
            (table, column, tuple(row))
            for table, column in _locked_columns(session)
            for row in session.execute(select(*table.primary_key.columns, column).where(column.is_not(None)))
        ]
    for start in range(0, len(found), _BATCH):
        with database.unit() as session:
            for table, column, (*key, locked) in found[start : start + _BATCH]:
                if _place([newest], locked) is None and _place(older, locked) is not None:
                    changed += _swap(session, table, column, key, locked, vault.relock(locked))
    return changed


def _swap(session: Session, table: Table, column: Column[Any], key: list[Any], old: str, new: str) -> int:
    here = [each == value for each, value in zip(table.primary_key.columns, key, strict=True)]
    done = session.execute(update(table).where(*here, column == old).values({column.name: new}))
    return int(done.rowcount)  # type: ignore[attr-defined]


def _place(locks: list[Fernet], locked: str) -> int | None:
    for place, lock in enumerate(locks):
        try:
            lock.decrypt(locked.encode())
        except InvalidToken:
            continue
        return place
    return None


def _locked_columns(session: Session) -> Iterator[tuple[Table, Column[Any]]]:
    metadata = MetaData()
    metadata.reflect(session.connection())
    for table in metadata.sorted_tables:
        for column in table.columns:
            if column.name.endswith("_locked"):
                yield table, column
