"""Changes on their way to stores; what WooCommerce has completed is delivered"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0018"
down_revision = "0017"
branch_labels = None
depends_on = None

_JSON = sa.JSON(none_as_null=True).with_variant(postgresql.JSONB(none_as_null=True), "postgresql")
_KEY = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
_OPEN = sa.text("state IN ('waiting', 'sending', 'unknown')")


def upgrade() -> None:
    op.create_table(
        "store_writes",
        sa.Column("id", _KEY, nullable=False),
        sa.Column("account_id", sa.BigInteger(), nullable=False),
        sa.Column("store_id", _KEY, nullable=False),
        sa.Column("kind", sa.String(length=24), nullable=False),
        sa.Column("subject", sa.BigInteger(), nullable=False),
        sa.Column("revision", sa.BigInteger(), nullable=False),
        sa.Column("order_id", sa.BigInteger(), nullable=True),
        sa.Column("label", sa.Text(), nullable=False),
        sa.Column("body", _JSON, nullable=False),
        sa.Column("expected", _JSON, nullable=False),
        sa.Column("answer", _JSON, nullable=False),
        sa.Column("state", sa.String(length=10), nullable=False),
        sa.Column("error", sa.Text(), nullable=False),
        sa.Column("attempts", sa.BigInteger(), nullable=False),
        sa.Column("due_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("by", sa.String(length=320), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("asked_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("done_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("echoed_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(["store_id"], ["stores.id"], name=op.f("fk_store_writes_store_id_stores")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_store_writes")),
        sa.UniqueConstraint(
            "store_id", "kind", "subject", "revision", name=op.f("uq_store_writes_store_id_kind_subject_revision")
        ),
    )
    with op.batch_alter_table("store_writes", schema=None) as batch_op:
        batch_op.create_index(
            "ix_store_writes_open",
            ["store_id", "due_at", "id"],
            unique=False,
            postgresql_where=_OPEN,
            sqlite_where=_OPEN,
        )
        batch_op.create_index("ix_store_writes_account", ["account_id", "id"], unique=False)
        batch_op.create_index("ix_store_writes_order", ["order_id"], unique=False)
    op.execute("UPDATE orders SET delivery_status = 'delivered' WHERE woo_status = 'completed'")
    op.execute(
        "UPDATE order_lines SET quantity_delivered = quantity WHERE kind = 'product' AND order_id IN "
        "(SELECT id FROM orders WHERE woo_status = 'completed')"
    )


def downgrade() -> None:
    op.drop_table("store_writes")
