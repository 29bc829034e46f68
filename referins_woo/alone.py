"""Changes that are a durable unit by themselves, for what is written down at each single delivery and e-mail.

They go to the driver's cursor: the way through a session costs more than the disk does. PostgreSQL takes them as one
statement without a transaction around it, in one round trip instead of four.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, suppress
from typing import Any
from weakref import WeakKeyDictionary

from sqlalchemy import Connection, Dialect, Update


class Unit:
    """Statements that are made together, once, at import; the rows that the last one changes are counted."""

    def __init__(self, *statements: Update) -> None:
        """They share their parameters. None may look at what another one changes: PostgreSQL makes them at once."""
        self._statements = statements
        self._prepared: WeakKeyDictionary[Dialect, list[_Prepared]] = WeakKeyDictionary()

    def prepared(self, dialect: Dialect) -> list[_Prepared]:
        """Return what the driver is told, one after the other."""
        found = self._prepared.get(dialect)
        if found is None:
            statements = [self._joined()] if dialect.name == "postgresql" else self._statements
            found = self._prepared[dialect] = [_Prepared(one, dialect) for one in statements]
        return found

    def _joined(self) -> Update:
        *before, last = self._statements
        for number, one in enumerate(before):
            last = last.add_cte(one.cte(f"before_{number}"))
        return last


class _Prepared:
    """One statement in the words of a driver."""

    def __init__(self, statement: Update, dialect: Dialect) -> None:
        compiled = statement.compile(dialect=dialect)
        self.text = str(compiled)
        self._by_number = compiled.positiontup is not None
        self._parts: list[tuple[str, str, Any]] = []
        """For each parameter the driver's name, ours and what makes the driver's value; or no name and the value."""
        for name in compiled.positiontup or list(compiled.binds):
            bind = compiled.binds[name]
            process = bind.type.dialect_impl(dialect).bind_processor(dialect) or _as_it_is
            self._parts.append((name, bind.key, process) if bind.required else (name, "", process(bind.value)))

    def values(self, given: Mapping[str, Any]) -> list[Any] | dict[str, Any]:
        """Return the parameters as the driver takes them."""
        if self._by_number:
            return [part(given[key]) if key else part for _, key, part in self._parts]
        return {name: part(given[key]) if key else part for name, key, part in self._parts}


def _as_it_is(value: Any) -> Any:
    return value


class Alone:
    """A kept connection on which units are made. Not for several threads at once."""

    def __init__(self, connection: Connection, writing: Callable[[], AbstractContextManager[None]]) -> None:
        """`writing` gives the right to write; a connection to PostgreSQL is in autocommit."""
        self._connection, self._writing = connection, writing
        self._is_sqlite = connection.dialect.name == "sqlite"
        self._error = connection.dialect.loaded_dbapi.Error

    def make(self, unit: Unit, given: Mapping[str, Any], waiting: Callable[[], None]) -> int:
        """Make a unit; it is durable on return. Returns how many rows its last statement changed. Raises DBAPIError.

        `waiting` is called when there is nothing left to do here but to wait for the disk: what another thread works on
        before would be in the way.
        """
        with self.changing() as cursor:
            if not self._is_sqlite:
                waiting()
            for one in unit.prepared(self._connection.dialect):
                cursor.execute(one.text, one.values(given))
            changed = int(cursor.rowcount)
            if self._is_sqlite:
                waiting()
        return changed

    @contextmanager
    def changing(self) -> Iterator[Any]:
        """Yield a cursor of the driver, on PostgreSQL for one statement. What it changes is durable after the block.

        Raises DBAPIError: then nothing was changed, or nobody knows (`connection_invalidated`).
        """
        with self._writing():
            cursor = self._connection.connection.cursor()
            whole = False
            try:
                if self._is_sqlite:
                    cursor.execute("BEGIN IMMEDIATE")
                yield cursor
                if self._is_sqlite:
                    cursor.execute("COMMIT")
                whole = True
            finally:
                if self._is_sqlite and not whole:
                    with suppress(self._error):  # what failed first is to be known, not that this does too
                        cursor.execute("ROLLBACK")
                cursor.close()
