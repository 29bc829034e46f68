"""Stock is told to stores: their switch and terms, and what each shows of which goods"""

import sqlalchemy as sa
from alembic import op

revision = "0025"
down_revision = "0024"
branch_labels = None
depends_on = None

_KEY = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.create_table(
        "store_stock",
        sa.Column("id", _KEY, nullable=False),
        sa.Column("account_id", sa.BigInteger(), nullable=False),
        sa.Column("store_id", _KEY, nullable=False),
        sa.Column("stock_key", sa.Text(), nullable=False),
        sa.Column("woo_product_id", sa.BigInteger(), nullable=False),
        sa.Column("woo_variation_id", sa.BigInteger(), nullable=False),
        sa.Column("label", sa.Text(), nullable=False),
        sa.Column("expected", sa.BigInteger(), nullable=False),
        sa.Column("agreed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("looked_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("drift", sa.BigInteger(), nullable=False),
        sa.Column("sent", sa.BigInteger(), nullable=True),
        sa.Column("sent_from", sa.DateTime(timezone=True), nullable=True),
        sa.Column("sent_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("backorders", sa.Boolean(), nullable=False),
        sa.Column("state", sa.String(length=10), nullable=False),
        sa.Column("error", sa.Text(), nullable=False),
        sa.Column("revision", sa.BigInteger(), nullable=False),
        sa.Column("pushes", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["store_id"], ["stores.id"], name=op.f("fk_store_stock_store_id_stores")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_store_stock")),
        sa.UniqueConstraint(
            "store_id",
            "woo_product_id",
            "woo_variation_id",
            name=op.f("uq_store_stock_store_id_woo_product_id_woo_variation_id"),
        ),
    )
    op.create_index("ix_store_stock_key", "store_stock", ["store_id", "stock_key"])
    op.create_index("ix_store_stock_state", "store_stock", ["store_id", "state", "id"])
    with op.batch_alter_table("stock_items", schema=None) as batch_op:
        batch_op.add_column(sa.Column("revision", sa.BigInteger(), server_default="0", nullable=False))
    with op.batch_alter_table("stores", schema=None) as batch_op:
        batch_op.add_column(sa.Column("push_stock", sa.Boolean(), server_default="0", nullable=False))
        batch_op.add_column(sa.Column("stock_buffer", sa.BigInteger(), server_default="0", nullable=False))
        batch_op.add_column(sa.Column("stock_all_commitments", sa.Boolean(), server_default="1", nullable=False))
        batch_op.add_column(sa.Column("stock_matched_at", sa.DateTime(timezone=True), nullable=True))
        batch_op.add_column(sa.Column("stock_asked_at", sa.DateTime(timezone=True), nullable=True))
        batch_op.add_column(sa.Column("stock_checked_at", sa.DateTime(timezone=True), nullable=True))


def downgrade() -> None:
    with op.batch_alter_table("stores", schema=None) as batch_op:
        batch_op.drop_column("stock_checked_at")
        batch_op.drop_column("stock_asked_at")
        batch_op.drop_column("stock_matched_at")
        batch_op.drop_column("stock_all_commitments")
        batch_op.drop_column("stock_buffer")
        batch_op.drop_column("push_stock")
    with op.batch_alter_table("stock_items", schema=None) as batch_op:
        batch_op.drop_column("revision")
    op.drop_table("store_stock")
