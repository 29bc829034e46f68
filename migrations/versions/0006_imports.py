"""Imports in full"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

_OPEN = sa.text("state IN ('waiting', 'running', 'paused')")


def upgrade() -> None:
    with op.batch_alter_table("stores", schema=None) as batch_op:
        batch_op.add_column(sa.Column("page_shrinks", sa.BigInteger(), server_default="0", nullable=False))
        batch_op.add_column(sa.Column("page_grows_at", sa.DateTime(timezone=True), nullable=True))
        batch_op.add_column(sa.Column("deleting_since", sa.DateTime(timezone=True), nullable=True))
        batch_op.add_column(sa.Column("rows_to_delete", sa.BigInteger(), server_default="0", nullable=False))
        batch_op.add_column(sa.Column("rows_deleted", sa.BigInteger(), server_default="0", nullable=False))
    with op.batch_alter_table("imports", schema=None) as batch_op:
        batch_op.add_column(sa.Column("kind", sa.String(length=8), server_default="import", nullable=False))
        batch_op.add_column(sa.Column("contacts_scope", sa.String(length=10), server_default="all", nullable=False))
        batch_op.add_column(sa.Column("since", sa.DateTime(timezone=True), nullable=True))
        batch_op.add_column(
            sa.Column(
                "statuses",
                sa.JSON(none_as_null=True).with_variant(postgresql.JSONB(none_as_null=True), "postgresql"),
                server_default="[]",
                nullable=False,
            )
        )
        batch_op.create_index("uq_imports_open", ["store_id"], unique=True, postgresql_where=_OPEN, sqlite_where=_OPEN)
    with op.batch_alter_table("import_elements", schema=None) as batch_op:
        batch_op.add_column(sa.Column("active_ms", sa.BigInteger(), server_default="0", nullable=False))
        batch_op.add_column(sa.Column("woo_count", sa.BigInteger(), nullable=True))
        batch_op.add_column(sa.Column("filled", sa.BigInteger(), server_default="0", nullable=False))
        batch_op.add_column(sa.Column("checked_at", sa.DateTime(timezone=True), nullable=True))
    with op.batch_alter_table("skipped_records", schema=None) as batch_op:
        batch_op.add_column(sa.Column("parent_woo_id", sa.BigInteger(), server_default="0", nullable=False))


def downgrade() -> None:
    with op.batch_alter_table("skipped_records", schema=None) as batch_op:
        batch_op.drop_column("parent_woo_id")
    with op.batch_alter_table("import_elements", schema=None) as batch_op:
        for name in ("checked_at", "filled", "woo_count", "active_ms"):
            batch_op.drop_column(name)
    with op.batch_alter_table("imports", schema=None) as batch_op:
        batch_op.drop_index("uq_imports_open", postgresql_where=_OPEN, sqlite_where=_OPEN)
        for name in ("statuses", "since", "contacts_scope", "kind"):
            batch_op.drop_column(name)
    with op.batch_alter_table("stores", schema=None) as batch_op:
        for name in ("rows_deleted", "rows_to_delete", "deleting_since", "page_grows_at", "page_shrinks"):
            batch_op.drop_column(name)
