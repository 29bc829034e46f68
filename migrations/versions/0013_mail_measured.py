"""E-mails of two lanes, what is measured of them, and how an account wants them"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None

_JSON = sa.JSON(none_as_null=True).with_variant(postgresql.JSONB(none_as_null=True), "postgresql")
_KEY = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
_CREATED = sa.text("state = 'created'")
_MEASURED = sa.text("state = 'sent' AND automation_id IS NOT NULL")
_CREDITED = sa.text("credit_until IS NOT NULL")


def upgrade() -> None:
    op.create_table(
        "mail_settings",
        sa.Column("account_id", _KEY, autoincrement=False, nullable=False),
        sa.Column("reply_to", sa.Text(), nullable=False),
        sa.Column("domain", sa.String(length=253), nullable=False),
        sa.Column("proof", sa.String(length=64), nullable=False),
        sa.Column("proven_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("from_email", sa.Text(), nullable=False),
        sa.Column("marketing_from_email", sa.Text(), nullable=False),
        sa.Column("dkim_selector", sa.String(length=63), nullable=False),
        sa.Column("findings", _JSON, nullable=True),
        sa.Column("checked_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("measures_opens", sa.Boolean(), nullable=False),
        sa.Column("measures_clicks", sa.Boolean(), nullable=False),
        sa.Column("measures_orders", sa.Boolean(), nullable=False),
        sa.Column("adds_utm", sa.Boolean(), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["account_id"], ["accounts.id"], name=op.f("fk_mail_settings_account_id_accounts")),
        sa.PrimaryKeyConstraint("account_id", name=op.f("pk_mail_settings")),
    )
    op.drop_index("ix_messages_due", table_name="messages")
    op.drop_index("ix_messages_turns", table_name="messages")
    with op.batch_alter_table("messages", schema=None) as batch_op:
        batch_op.add_column(sa.Column("automation_id", sa.BigInteger(), nullable=True))
        batch_op.add_column(sa.Column("step_id", sa.String(length=40), server_default="", nullable=False))
        batch_op.add_column(sa.Column("lane", sa.SmallInteger(), server_default="0", nullable=False))
        batch_op.add_column(sa.Column("campaign", sa.String(length=60), server_default="", nullable=False))
        batch_op.add_column(sa.Column("links", _JSON, nullable=True))
        batch_op.add_column(sa.Column("opened_at", sa.DateTime(timezone=True), nullable=True))
        batch_op.add_column(sa.Column("clicked_at", sa.DateTime(timezone=True), nullable=True))
    with op.batch_alter_table("messages", schema=None) as batch_op:
        for name in ("step_id", "lane", "campaign"):
            batch_op.alter_column(name, server_default=None)
    with op.batch_alter_table("message_events", schema=None) as batch_op:
        batch_op.add_column(sa.Column("link", sa.BigInteger(), nullable=True))
        batch_op.add_column(sa.Column("machine", sa.String(length=12), server_default="", nullable=False))
        batch_op.add_column(sa.Column("credit_until", sa.DateTime(timezone=True), nullable=True))
        batch_op.add_column(sa.Column("event_key", sa.String(length=120), nullable=True))
        batch_op.create_unique_constraint(
            batch_op.f("uq_message_events_message_id_event_key"), ["message_id", "event_key"]
        )
    with op.batch_alter_table("message_events", schema=None) as batch_op:
        batch_op.alter_column("machine", server_default=None)
    with op.batch_alter_table("suppressions", schema=None) as batch_op:
        batch_op.add_column(sa.Column("note", sa.Text(), server_default="", nullable=False))
    with op.batch_alter_table("suppressions", schema=None) as batch_op:
        batch_op.alter_column("note", server_default=None)
    op.execute("UPDATE messages SET lane = 1 WHERE purpose = 'marketing' AND state = 'created'")
    op.execute(
        "UPDATE messages SET automation_id = (SELECT automation_id FROM runs WHERE runs.id = messages.run_id) "
        "WHERE run_id IS NOT NULL AND purpose <> 'system'"
    )
    op.execute(
        "UPDATE messages SET step_id = substr(once_key, length('run:' || run_id || ':') + 1, 40) "
        "WHERE run_id IS NOT NULL AND purpose <> 'system' AND once_key LIKE 'run:%'"
    )
    for name, columns in (
        ("ix_messages_due", ["lane", "due_at", "id"]),
        ("ix_messages_turns", ["lane", "account_id", "due_at", "id"]),
    ):
        op.create_index(name, "messages", columns, postgresql_where=_CREATED, sqlite_where=_CREATED)
    op.create_index(
        "ix_messages_measured",
        "messages",
        ["account_id", "sent_at", "automation_id", "step_id", "opened_at", "clicked_at"],
        postgresql_where=_MEASURED,
        sqlite_where=_MEASURED,
    )
    op.create_index("ix_message_events_kind", "message_events", ["account_id", "kind", "at"])
    op.create_index(
        "ix_message_events_credit",
        "message_events",
        ["account_id", "at"],
        postgresql_where=_CREDITED,
        sqlite_where=_CREDITED,
    )


def downgrade() -> None:
    for name in ("ix_message_events_credit", "ix_message_events_kind"):
        op.drop_index(name, table_name="message_events")
    for name in ("ix_messages_measured", "ix_messages_turns", "ix_messages_due"):
        op.drop_index(name, table_name="messages")
    with op.batch_alter_table("suppressions", schema=None) as batch_op:
        batch_op.drop_column("note")
    with op.batch_alter_table("message_events", schema=None) as batch_op:
        batch_op.drop_constraint(batch_op.f("uq_message_events_message_id_event_key"), type_="unique")
        for name in ("event_key", "credit_until", "machine", "link"):
            batch_op.drop_column(name)
    with op.batch_alter_table("messages", schema=None) as batch_op:
        for name in ("clicked_at", "opened_at", "links", "campaign", "lane", "step_id", "automation_id"):
            batch_op.drop_column(name)
    for name, columns in (
        ("ix_messages_due", ["due_at", "id"]),
        ("ix_messages_turns", ["account_id", "due_at", "id"]),
    ):
        op.create_index(name, "messages", columns, postgresql_where=_CREATED, sqlite_where=_CREATED)
    op.drop_table("mail_settings")
