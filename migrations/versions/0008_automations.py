"""The builder and the engine in full"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "automation_rules",
        sa.Column(
            "account_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=False, nullable=False
        ),
        sa.Column("quiet_from", sa.String(length=5), nullable=False),
        sa.Column("quiet_to", sa.String(length=5), nullable=False),
        sa.Column("cap_messages", sa.BigInteger(), nullable=True),
        sa.Column("cap_hours", sa.BigInteger(), nullable=False),
        sa.Column("cap_action", sa.String(length=8), nullable=False),
        sa.Column("call_secret_locked", sa.Text(), nullable=True),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["account_id"], ["accounts.id"], name=op.f("fk_automation_rules_account_id_accounts")),
        sa.PrimaryKeyConstraint("account_id", name=op.f("pk_automation_rules")),
    )
    op.create_table(
        "run_calls",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("account_id", sa.BigInteger(), nullable=False),
        sa.Column("run_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("step_id", sa.String(length=40), nullable=False),
        sa.Column("url", sa.Text(), nullable=False),
        sa.Column(
            "payload",
            sa.JSON(none_as_null=True).with_variant(postgresql.JSONB(none_as_null=True), "postgresql"),
            nullable=False,
        ),
        sa.Column("state", sa.String(length=10), nullable=False),
        sa.Column("attempts", sa.BigInteger(), nullable=False),
        sa.Column("due_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("lease_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("lease_token", sa.String(length=40), nullable=False),
        sa.Column("status", sa.BigInteger(), nullable=True),
        sa.Column("error", sa.Text(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("done_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(["run_id"], ["runs.id"], name=op.f("fk_run_calls_run_id_runs"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_run_calls")),
        sa.UniqueConstraint("run_id", "step_id", name=op.f("uq_run_calls_run_id_step_id")),
    )
    with op.batch_alter_table("run_calls", schema=None) as batch_op:
        batch_op.create_index(
            "ix_run_calls_due",
            ["due_at", "id"],
            unique=False,
            postgresql_where=sa.text("state = 'waiting'"),
            sqlite_where=sa.text("state = 'waiting'"),
        )
    with op.batch_alter_table("automations", schema=None) as batch_op:
        batch_op.add_column(sa.Column("updated_by", sa.BigInteger(), nullable=True))
    with op.batch_alter_table("automation_versions", schema=None) as batch_op:
        batch_op.add_column(sa.Column("note", sa.Text(), nullable=False, server_default=""))
    with op.batch_alter_table("automation_versions", schema=None) as batch_op:
        batch_op.alter_column("note", server_default=None, existing_type=sa.Text(), existing_nullable=False)
    with op.batch_alter_table("runs", schema=None) as batch_op:
        batch_op.add_column(sa.Column("step", sa.String(length=40), nullable=False, server_default=""))
    with op.batch_alter_table("runs", schema=None) as batch_op:
        batch_op.alter_column("step", server_default=None, existing_type=sa.String(40), existing_nullable=False)
        batch_op.create_index("ix_runs_automation", ["automation_id", "state", "started_at"], unique=False)
    with op.batch_alter_table("messages", schema=None) as batch_op:
        batch_op.create_index(
            "ix_messages_marketing",
            ["contact_id", "created_at"],
            unique=False,
            postgresql_where=sa.text("purpose = 'marketing'"),
            sqlite_where=sa.text("purpose = 'marketing'"),
        )


def downgrade() -> None:
    with op.batch_alter_table("messages", schema=None) as batch_op:
        batch_op.drop_index(
            "ix_messages_marketing",
            postgresql_where=sa.text("purpose = 'marketing'"),
            sqlite_where=sa.text("purpose = 'marketing'"),
        )
    with op.batch_alter_table("runs", schema=None) as batch_op:
        batch_op.drop_index("ix_runs_automation")
        batch_op.drop_column("step")
    with op.batch_alter_table("automation_versions", schema=None) as batch_op:
        batch_op.drop_column("note")
    with op.batch_alter_table("automations", schema=None) as batch_op:
        batch_op.drop_column("updated_by")
    with op.batch_alter_table("run_calls", schema=None) as batch_op:
        batch_op.drop_index(
            "ix_run_calls_due",
            postgresql_where=sa.text("state = 'waiting'"),
            sqlite_where=sa.text("state = 'waiting'"),
        )
    op.drop_table("run_calls")
    op.drop_table("automation_rules")
