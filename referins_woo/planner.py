"""Lets PostgreSQL's planner know of tables that have outgrown what it knows of them.

Autovacuum looks once a minute. The first import of a store fills empty tables within seconds, and until then looking up
ten rows went through all of the store, by plans that the workers keep until the table is looked at.
"""

from __future__ import annotations

from typing import Final

import structlog
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from referins_woo import process

log = structlog.get_logger(__name__)

_OUTGROWN: Final = text(
    "SELECT quote_ident(stat.relname) FROM pg_stat_user_tables AS stat JOIN pg_class ON pg_class.oid = stat.relid"
    " WHERE stat.schemaname = current_schema() AND pg_has_role(pg_class.relowner, 'USAGE')"
    " AND stat.n_mod_since_analyze > 300 + 4 * greatest(pg_class.reltuples, 0)"
)
_HELD: Final = "55P03"
"""PostgreSQL's code for a lock that was not to be had: autovacuum is at it, or somebody changes the table."""
_PATIENCE: Final = text("SET LOCAL lock_timeout = '1s'")


def look_again() -> None:
    """Analyze the tables that hold several times as many rows as when they were last looked at."""
    database = process.current().database
    if database.is_sqlite:
        return  # told how rows are shared out by the statements themselves (conditions.py)
    with database.reading() as session:
        names = session.scalars(_OUTGROWN).all()
    for name in names:
        try:
            with database.unit() as session:
                session.execute(_PATIENCE)
                session.execute(text(f"ANALYZE {name}"))
        except DBAPIError as error:
            if getattr(error.orig, "sqlstate", None) != _HELD:
                raise
            log.info("table not analyzed", table=name)
