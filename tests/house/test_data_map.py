"""The data map names every table, and says of each what becomes of a person in it."""

from __future__ import annotations

import importlib
from pathlib import Path

import referins_woo
from referins_woo.db import Base
from referins_woo.privacy import tables


def test_every_table_says_what_it_holds_of_people() -> None:
    root = Path(referins_woo.__file__).parent
    for path in root.rglob("models*"):
        if path.name == "models.py" or (path.is_dir() and path.name == "models"):
            importlib.import_module(".".join(path.relative_to(root.parent).with_suffix("").parts))
    named = set(Base.metadata.tables)
    assert named - set(tables.TABLES) == set(), "say in privacy/tables.py what it holds of a store's customers"
    assert set(tables.TABLES) - named == set(), "these tables are gone"
