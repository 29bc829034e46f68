"""What stores answered where rows of a list were fetched again"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None

_JSON = sa.JSON(none_as_null=True).with_variant(postgresql.JSONB(none_as_null=True), "postgresql")


def upgrade() -> None:
    with op.batch_alter_table("list_tasks", schema=None) as batch_op:
        batch_op.add_column(sa.Column("found", _JSON, server_default="{}", nullable=False))
    with op.batch_alter_table("list_tasks", schema=None) as batch_op:
        batch_op.alter_column("found", server_default=None)


def downgrade() -> None:
    with op.batch_alter_table("list_tasks", schema=None) as batch_op:
        batch_op.drop_column("found")
