"""SQLite's plans of statements that ask for several values: each looks them up, none goes through all of an account."""

from __future__ import annotations

import importlib
import pkgutil
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from sqlalchemy.dialects import sqlite
from sqlalchemy.sql import ClauseElement, visitors

import referins_woo
from referins_woo import migrate
from referins_woo.conditions import _OneOf
from referins_woo.db import Database

_ELSEWHERE = re.compile(r"\.(__main__|practice_store|_migrations|_templates)\b")

_LISTED_LATER = re.compile(r"\(__\[POSTCOMPILE_\w+\]\)")


def _statements(value: Any, depth: int = 0) -> Iterator[Any]:
    if isinstance(value, ClauseElement):
        if getattr(value, "is_select", False) or getattr(value, "is_dml", False):
            yield value
    elif isinstance(value, (tuple, list, dict)) and depth < 3:
        for each in value.values() if isinstance(value, dict) else value:
            yield from _statements(each, depth + 1)


def _made_once() -> dict[str, Any]:
    """Every statement that a module of ours holds, and that asks for one of several values."""
    found: dict[int, tuple[str, Any]] = {}
    for module in pkgutil.walk_packages(referins_woo.__path__, "referins_woo."):
        if _ELSEWHERE.search(module.name):
            continue
        for name, value in vars(importlib.import_module(module.name)).items():
            for place, statement in enumerate(_statements(value)):
                if any(isinstance(one, _OneOf) for one in visitors.iterate(statement)):
                    found.setdefault(id(statement), (f"{module.name}.{name}[{place}]", statement))
    return dict(found.values())


def test_statements_that_ask_for_several_values_look_each_of_them_up(tmp_path: Path) -> None:
    database = Database(f"sqlite:///{tmp_path}/plans.sqlite3")
    migrate.upgrade(database)
    wrong = {}
    made = _made_once()
    with database.engine.connect() as connection:
        cursor = connection.connection.cursor()
        for name, statement in made.items():
            asked = {one.column.name for one in visitors.iterate(statement) if isinstance(one, _OneOf)}
            text = _LISTED_LATER.sub("(NULL)", str(statement.compile(dialect=sqlite.dialect())))
            cursor.execute(f"EXPLAIN QUERY PLAN {text}", ["[1]"] * text.count("?"))
            plan = [row[3] for row in cursor.fetchall()]
            all_of_it = [line for line in plan if line.startswith("SCAN") and "json_each" not in line]
            looked_up = any(re.search(rf"\b({'|'.join(asked)}|rowid)=\?", line) for line in plan)
            if all_of_it or not looked_up:
                wrong[name] = plan
    database.dispose()
    assert wrong == {}
    assert len(made) > 25
