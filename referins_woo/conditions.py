"""Conditions of statements that are made once, at import, for both databases."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

import orjson
from sqlalchemy import BindParameter, Boolean, ColumnElement, Dialect, String, bindparam
from sqlalchemy.dialects import postgresql
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.visitors import InternalTraversal
from sqlalchemy.types import TypeDecorator, TypeEngine


class _Listed(TypeDecorator[Any]):
    """Several values as one parameter: an array on PostgreSQL, a JSON list on SQLite."""

    impl = String
    cache_ok = True

    def __init__(self, kind: TypeEngine[Any]) -> None:
        super().__init__()
        self.kind = kind

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        """Return what the driver is given."""
        if dialect.name == "postgresql":
            return dialect.type_descriptor(postgresql.ARRAY(self.kind))
        return dialect.type_descriptor(String())

    def process_bind_param(self, value: Collection[Any] | None, dialect: Dialect) -> Any:
        """Give the driver the values."""
        listed = list(value or ())
        return listed if dialect.name == "postgresql" else orjson.dumps(listed).decode()


class _OneOf(ColumnElement[bool]):
    """See `one_of`."""

    inherit_cache = True
    type = Boolean()
    _traverse_internals = [  # noqa: RUF012  (SQLAlchemy's own way to say what a cache key is made of)
        ("column", InternalTraversal.dp_clauseelement),
        ("values", InternalTraversal.dp_clauseelement),
    ]

    def __init__(self, column: ColumnElement[Any], values: BindParameter[Any]) -> None:
        self.column = column
        self.values = values

    def self_group(self, against: Any = None) -> Any:
        """Stay as it is: SQLAlchemy would write `= 1` behind it for SQLite, which no index answers."""
        return self


@compiles(_OneOf)
def _in_json(element: _OneOf, compiler: Any, **given: Any) -> str:
    column, values = compiler.process(element.column, **given), compiler.process(element.values, **given)
    return f"unlikely({column} IN (SELECT value FROM json_each({values})))"  # noqa: S608  (both are the compiler's)


@compiles(_OneOf, "postgresql")
def _any_of(element: _OneOf, compiler: Any, **given: Any) -> str:
    return f"{compiler.process(element.column, **given)} = ANY ({compiler.process(element.values, **given)})"


def one_of(column: Any, name: str) -> ColumnElement[bool]:
    """Return the condition that `column` is one of the values given as parameter `name`: one, whatever their number.

    For numbers and text, in statements that are made once: a parameter for each value, as IN has them, makes another
    statement for each number of them.
    """
    return _OneOf(column, bindparam(name, type_=_Listed(column.type)))


class _Owned(ColumnElement[bool]):
    """See `owned`."""

    inherit_cache = True
    type = Boolean()
    _traverse_internals = [  # noqa: RUF012  (as above)
        ("condition", InternalTraversal.dp_clauseelement),
    ]

    def __init__(self, condition: ColumnElement[bool]) -> None:
        self.condition = condition

    def self_group(self, against: Any = None) -> Any:
        """Stay as it is (as above)."""
        return self


@compiles(_Owned)
def _plain(element: _Owned, compiler: Any, **given: Any) -> str:
    return str(compiler.process(element.condition, **given))


@compiles(_Owned, "sqlite")
def _likelihood(element: _Owned, compiler: Any, **given: Any) -> str:
    return f"likelihood({compiler.process(element.condition, **given)}, 0.1)"


def owned(column: Any, name: str) -> ColumnElement[bool]:
    """Return the condition that `column` (an account, a store) is what is given as parameter `name`.

    Without statistics SQLite believes that an account has ten rows: rather than look for each of `one_of` it went
    through all that the account had. It is told how rows are shared out (sqlite.org/lang_corefunc.html, likelihood).
    """
    return _Owned(column == bindparam(name, type_=column.type))
