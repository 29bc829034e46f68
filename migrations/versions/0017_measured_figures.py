"""Figures of e-mails from an index alone: no body is passed"""

import sqlalchemy as sa
from alembic import op

revision = "0017"
down_revision = "0016"
branch_labels = None
depends_on = None

_MEASURED = sa.text("state = 'sent' AND automation_id IS NOT NULL")
_COLUMNS = ["account_id", "sent_at", "automation_id", "step_id", "opened_at", "clicked_at"]


def upgrade() -> None:
    op.drop_index("ix_messages_measured", table_name="messages")
    with op.batch_alter_table("messages", schema=None) as batch_op:
        batch_op.add_column(sa.Column("measured", sa.Boolean(), server_default=sa.false(), nullable=False))
    with op.batch_alter_table("messages", schema=None) as batch_op:
        batch_op.alter_column("measured", server_default=None)
    op.execute("UPDATE messages SET measured = (links IS NOT NULL)")
    op.create_index(
        "ix_messages_measured",
        "messages",
        [*_COLUMNS, "measured", "state"],
        postgresql_where=_MEASURED,
        sqlite_where=_MEASURED,
    )


def downgrade() -> None:
    op.drop_index("ix_messages_measured", table_name="messages")
    with op.batch_alter_table("messages", schema=None) as batch_op:
        batch_op.drop_column("measured")
    op.create_index("ix_messages_measured", "messages", _COLUMNS, postgresql_where=_MEASURED, sqlite_where=_MEASURED)
