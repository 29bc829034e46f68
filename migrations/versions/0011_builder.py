"""What undo goes back to"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None

_JSON = sa.JSON(none_as_null=True).with_variant(postgresql.JSONB(none_as_null=True), "postgresql")
_KEY = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.create_table(
        "automation_edits",
        sa.Column("id", _KEY, nullable=False),
        sa.Column("automation_id", _KEY, nullable=False),
        sa.Column("position", sa.BigInteger(), nullable=False),
        sa.Column("revision", sa.BigInteger(), nullable=False),
        sa.Column("document", _JSON, nullable=False),
        sa.Column("label", sa.String(length=160), nullable=False),
        sa.Column("by_user", sa.BigInteger(), nullable=True),
        sa.Column("editor", sa.String(length=32), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["automation_id"],
            ["automations.id"],
            name=op.f("fk_automation_edits_automation_id_automations"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_automation_edits")),
        sa.UniqueConstraint("automation_id", "position", name=op.f("uq_automation_edits_automation_id_position")),
    )
    with op.batch_alter_table("automations", schema=None) as batch_op:
        batch_op.add_column(sa.Column("edit_position", sa.BigInteger(), server_default="0", nullable=False))
    with op.batch_alter_table("automations", schema=None) as batch_op:
        batch_op.alter_column("edit_position", server_default=None)


def downgrade() -> None:
    with op.batch_alter_table("automations", schema=None) as batch_op:
        batch_op.drop_column("edit_position")
    op.drop_table("automation_edits")
