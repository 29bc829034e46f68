"""Saved views and exports of lists"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

_KEY = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
_JSON = sa.JSON(none_as_null=True).with_variant(postgresql.JSONB(none_as_null=True), "postgresql")
_OPEN = sa.text("state IN ('waiting', 'running')")
_SENT = sa.text("state = 'sent'")
_LOST = sa.text("state IN ('failed', 'unknown')")
_CONTACTS = ["account_id", "created_at", "id"]
_CONTACTS_MORE = ["is_guest", "consent", "name_key", "email_key", "phone"]
_ORDERS = [
    "account_id",
    "placed_at",
    "id",
    "status",
    "payment_state",
    "woo_status",
    "subtype",
    "store_id",
    "number",
    "total",
]


def upgrade() -> None:
    op.create_table(
        "contact_log",
        sa.Column("id", _KEY, nullable=False),
        sa.Column("account_id", sa.BigInteger(), nullable=False),
        sa.Column("contact_id", _KEY, nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("kind", sa.String(length=24), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("source", sa.String(length=200), nullable=False),
        sa.ForeignKeyConstraint(
            ["contact_id"], ["contacts.id"], name=op.f("fk_contact_log_contact_id_contacts"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_contact_log")),
    )
    op.create_index("ix_contact_log_contact", "contact_log", ["contact_id", "at"])
    op.create_table(
        "saved_views",
        sa.Column("id", _KEY, nullable=False),
        sa.Column("account_id", _KEY, nullable=False),
        sa.Column("user_id", _KEY, nullable=False),
        sa.Column("list", sa.String(length=20), nullable=False),
        sa.Column("name", sa.String(length=60), nullable=False),
        sa.Column("query", sa.Text(), nullable=False),
        sa.Column("shared", sa.Boolean(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["account_id"], ["accounts.id"], name=op.f("fk_saved_views_account_id_accounts")),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name=op.f("fk_saved_views_user_id_users")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_saved_views")),
    )
    op.create_index("ix_saved_views_list", "saved_views", ["account_id", "list"])
    op.create_table(
        "default_views",
        sa.Column("id", _KEY, nullable=False),
        sa.Column("account_id", _KEY, nullable=False),
        sa.Column("user_id", _KEY, nullable=False),
        sa.Column("list", sa.String(length=20), nullable=False),
        sa.Column("view_id", _KEY, nullable=False),
        sa.ForeignKeyConstraint(["account_id"], ["accounts.id"], name=op.f("fk_default_views_account_id_accounts")),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name=op.f("fk_default_views_user_id_users")),
        sa.ForeignKeyConstraint(
            ["view_id"], ["saved_views.id"], name=op.f("fk_default_views_view_id_saved_views"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_default_views")),
        sa.UniqueConstraint("account_id", "user_id", "list", name=op.f("uq_default_views_account_id_user_id_list")),
    )
    op.create_index(op.f("ix_default_views_view_id"), "default_views", ["view_id"])
    op.create_table(
        "list_tasks",
        sa.Column("id", _KEY, nullable=False),
        sa.Column("account_id", _KEY, nullable=False),
        sa.Column("user_id", _KEY, nullable=False),
        sa.Column("list", sa.String(length=20), nullable=False),
        sa.Column("act", sa.String(length=20), nullable=False),
        sa.Column("value", sa.Text(), nullable=False),
        sa.Column("asked", _JSON, nullable=False),
        sa.Column("state", sa.String(length=12), nullable=False),
        sa.Column("total", sa.BigInteger(), nullable=False),
        sa.Column("done", sa.BigInteger(), nullable=False),
        sa.Column("changed", sa.BigInteger(), nullable=False),
        sa.Column("place", sa.Text(), nullable=False),
        sa.Column("undoes_id", sa.BigInteger(), nullable=True),
        sa.Column("undone_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("attempts", sa.BigInteger(), nullable=False),
        sa.Column("stirred_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(["account_id"], ["accounts.id"], name=op.f("fk_list_tasks_account_id_accounts")),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name=op.f("fk_list_tasks_user_id_users")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_list_tasks")),
    )
    op.create_index("ix_list_tasks_account", "list_tasks", ["account_id", "id"])
    op.create_index("ix_list_tasks_open", "list_tasks", ["id"], postgresql_where=_OPEN, sqlite_where=_OPEN)
    op.create_table(
        "list_task_parts",
        sa.Column("task_id", _KEY, nullable=False),
        sa.Column("number", sa.BigInteger(), nullable=False),
        sa.Column("data", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(
            ["task_id"], ["list_tasks.id"], name=op.f("fk_list_task_parts_task_id_list_tasks"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("task_id", "number", name=op.f("pk_list_task_parts")),
    )
    op.create_table(
        "list_task_rows",
        sa.Column("task_id", _KEY, nullable=False),
        sa.Column("row_id", sa.BigInteger(), nullable=False),
        sa.Column("changed", sa.Boolean(), nullable=False),
        sa.ForeignKeyConstraint(
            ["task_id"], ["list_tasks.id"], name=op.f("fk_list_task_rows_task_id_list_tasks"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("task_id", "row_id", name=op.f("pk_list_task_rows")),
    )
    op.create_index("ix_messages_contact", "messages", ["contact_id", "id"])
    op.create_index(
        "ix_messages_sent", "messages", ["account_id", "sent_at", "run_id"], postgresql_where=_SENT, sqlite_where=_SENT
    )
    op.create_index(
        "ix_messages_lost", "messages", ["account_id", "created_at"], postgresql_where=_LOST, sqlite_where=_LOST
    )
    op.create_index("ix_products_account_price", "products", ["account_id", "price", "id"])
    op.drop_index("ix_contacts_account_created", table_name="contacts")
    op.create_index("ix_contacts_account_created", "contacts", [*_CONTACTS, *_CONTACTS_MORE])
    op.drop_index("ix_orders_account_placed", table_name="orders")
    op.create_index("ix_orders_account_placed", "orders", [*_ORDERS, "currency", "refunded_total"])


def downgrade() -> None:
    op.drop_index("ix_orders_account_placed", table_name="orders")
    op.create_index("ix_orders_account_placed", "orders", _ORDERS)
    op.drop_index("ix_contacts_account_created", table_name="contacts")
    op.create_index("ix_contacts_account_created", "contacts", _CONTACTS)
    for name, table in (
        ("ix_products_account_price", "products"),
        ("ix_messages_lost", "messages"),
        ("ix_messages_sent", "messages"),
        ("ix_messages_contact", "messages"),
    ):
        op.drop_index(name, table_name=table)
    op.drop_table("list_task_rows")
    op.drop_table("list_task_parts")
    op.drop_table("list_tasks")
    op.drop_table("default_views")
    op.drop_table("saved_views")
    op.drop_table("contact_log")
