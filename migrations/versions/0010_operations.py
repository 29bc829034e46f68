"""Retention and what operators need"""

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "retention_marks",
        sa.Column("rule", sa.String(length=40), nullable=False),
        sa.Column("last_id", sa.BigInteger(), nullable=False),
        sa.Column("pass_began_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("pass_ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("removed", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("rule", name=op.f("pk_retention_marks")),
    )
    op.create_index("ix_deliveries_state", "deliveries", ["state"], unique=False)
    op.create_index("ix_messages_state", "messages", ["state"], unique=False)
    op.add_column("stores", sa.Column("restored_at", sa.DateTime(timezone=True), nullable=True))


def downgrade() -> None:
    with op.batch_alter_table("stores", schema=None) as batch_op:
        batch_op.drop_column("restored_at")
    op.drop_index("ix_messages_state", table_name="messages")
    op.drop_index("ix_deliveries_state", table_name="deliveries")
    op.drop_table("retention_marks")
