"""The health of connections"""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

_TIME = sa.DateTime(timezone=True)
_ADDED = {
    "stores": (
        ("latency_ms", sa.BigInteger(), None),
        ("last_error", sa.Text(), ""),
        ("last_error_at", _TIME, None),
        ("mended_at", _TIME, None),
        ("catching_up_since", _TIME, None),
        ("facts_at", _TIME, None),
        ("other_site", sa.String(length=500), ""),
        ("other_site_at", _TIME, None),
        ("known_copy", sa.String(length=500), ""),
        ("refused_deliveries", sa.BigInteger(), "0"),
        ("refused_at", _TIME, None),
        ("last_ping_id", sa.BigInteger(), None),
        ("hooks_renewed_at", _TIME, None),
    ),
    "store_webhooks": (("made_at", _TIME, None),),
    "grants": (("url", sa.String(length=500), ""),),
    "watermarks": (
        ("here_count", sa.BigInteger(), "0"),
        ("skipped_count", sa.BigInteger(), "0"),
        ("failed_count", sa.BigInteger(), "0"),
        ("counted_at", _TIME, None),
        ("gap_count", sa.BigInteger(), "0"),
        ("gap_since", _TIME, None),
        ("gap_until", _TIME, None),
        ("gap_repaired_at", _TIME, None),
    ),
    "tombstones": (("gone_at", _TIME, None),),
}
"""Table → (column, type, what rows that exist get; None: nothing, and nothing is allowed)."""


def upgrade() -> None:
    for table, columns in _ADDED.items():
        with op.batch_alter_table(table, schema=None) as batch_op:
            for name, kind, given in columns:
                batch_op.add_column(sa.Column(name, kind, nullable=given is None, server_default=given))
        with op.batch_alter_table(table, schema=None) as batch_op:
            for name, kind, given in columns:
                if given is not None:  # the application gives every new row its value
                    batch_op.alter_column(name, existing_type=kind, server_default=None)
    with op.batch_alter_table("deliveries", schema=None) as batch_op:
        batch_op.create_index(
            "ix_deliveries_failed",
            ["store_id", "id"],
            unique=False,
            postgresql_where=sa.text("state = 'failed'"),
            sqlite_where=sa.text("state = 'failed'"),
        )


def downgrade() -> None:
    with op.batch_alter_table("deliveries", schema=None) as batch_op:
        batch_op.drop_index("ix_deliveries_failed")
    for table, columns in _ADDED.items():
        with op.batch_alter_table(table, schema=None) as batch_op:
            for name, _, _ in reversed(columns):
                batch_op.drop_column(name)
