"""Which schema a database has, and which ones this version knows: by the names of the migrations, without running one.

Apart from `migrate`, because Alembic costs a process 8 MB, and every web process answers whether it is ready.
"""

from __future__ import annotations

from sqlalchemy import inspect, text

from referins_woo.db import Database
from referins_woo.paths import migrations_dir


def known() -> list[str]:
    """Return the revisions, oldest first: a migration's file is called `<revision>_<what it does>.py`."""
    return sorted(path.name.partition("_")[0] for path in (migrations_dir() / "versions").glob("[0-9]*_*.py"))


def is_current(database: Database) -> bool:
    """Whether the database has the newest schema."""
    with database.reading() as session:
        if not inspect(session.connection()).has_table("alembic_version"):
            return False
        return session.execute(text("SELECT version_num FROM alembic_version")).scalars().all() == known()[-1:]
