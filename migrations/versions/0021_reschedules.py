"""Which versions still move people who wait at a wait that they changed"""

import sqlalchemy as sa
from alembic import op

revision = "0021"
down_revision = "0020"
branch_labels = None
depends_on = None


def upgrade() -> None:
    with op.batch_alter_table("automation_versions", schema=None) as batch_op:
        batch_op.add_column(sa.Column("reschedules", sa.Boolean(), nullable=False, server_default=sa.false()))
    with op.batch_alter_table("automation_versions", schema=None) as batch_op:
        batch_op.alter_column("reschedules", server_default=None)


def downgrade() -> None:
    with op.batch_alter_table("automation_versions", schema=None) as batch_op:
        batch_op.drop_column("reschedules")
