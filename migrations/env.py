"""Alembic's entry: runs the chain on the engine that `referins_woo.migrate` hands over."""

from __future__ import annotations

from alembic import context
from sqlalchemy import JSON as PlainJSON

import referins_woo.accounts.models
import referins_woo.commerce.models
import referins_woo.events.models
import referins_woo.ingest.contact_files.models
import referins_woo.ingest.models
import referins_woo.lease
import referins_woo.lists.models
import referins_woo.mail.design.models
import referins_woo.mail.models
import referins_woo.outbound.models
import referins_woo.retention.models
import referins_woo.runs.models
import referins_woo.stores.models
import referins_woo.writeback.models  # noqa: F401
from referins_woo.db import Base, UtcDateTime


def _render(kind: str, value: object, _autogen: object) -> str | bool:
    """Write our column types as plain SQLAlchemy, so that old migrations do not depend on today's code."""
    if kind == "type" and isinstance(value, UtcDateTime):
        return "sa.DateTime(timezone=True)"
    if kind == "type" and isinstance(value, PlainJSON):
        return 'sa.JSON(none_as_null=True).with_variant(postgresql.JSONB(none_as_null=True), "postgresql")'
    return False


connection = context.config.attributes["connection"]
context.configure(
    connection=connection,
    target_metadata=Base.metadata,
    render_as_batch=True,
    compare_type=True,
    render_item=_render,
)
with context.begin_transaction():
    context.run_migrations()
