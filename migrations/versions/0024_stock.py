"""Stock: goods at locations, adjustments, and what rows of orders hold"""

import sqlalchemy as sa
from alembic import op

revision = "0024"
down_revision = "0023"
branch_labels = None
depends_on = None

_KEY = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
_HELD = sa.text("reduced_stock > stock_taken")


def upgrade() -> None:
    op.create_table(
        "stock_items",
        sa.Column("id", _KEY, nullable=False),
        sa.Column("account_id", sa.BigInteger(), nullable=False),
        sa.Column("location_id", _KEY, nullable=False),
        sa.Column("stock_key", sa.Text(), nullable=False),
        sa.Column("sku", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("opened_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["location_id"], ["locations.id"], name=op.f("fk_stock_items_location_id_locations")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_stock_items")),
        sa.UniqueConstraint("location_id", "stock_key", name=op.f("uq_stock_items_location_id_stock_key")),
    )
    op.create_index("ix_stock_items_account", "stock_items", ["account_id", "sku", "id"])
    op.create_table(
        "stock_adjustments",
        sa.Column("id", _KEY, nullable=False),
        sa.Column("account_id", sa.BigInteger(), nullable=False),
        sa.Column("number", sa.BigInteger(), nullable=False),
        sa.Column("location_id", _KEY, nullable=False),
        sa.Column("kind", sa.String(length=12), nullable=False),
        sa.Column("order_id", sa.BigInteger(), nullable=True),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("by", sa.String(length=320), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("edited_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("edited_by", sa.String(length=320), nullable=False),
        sa.ForeignKeyConstraint(
            ["location_id"], ["locations.id"], name=op.f("fk_stock_adjustments_location_id_locations")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_stock_adjustments")),
        sa.UniqueConstraint("account_id", "number", name=op.f("uq_stock_adjustments_account_id_number")),
    )
    op.create_index("ix_stock_adjustments_order", "stock_adjustments", ["order_id"])
    op.create_table(
        "stock_entries",
        sa.Column("id", _KEY, nullable=False),
        sa.Column("account_id", sa.BigInteger(), nullable=False),
        sa.Column("adjustment_id", _KEY, nullable=False),
        sa.Column("item_id", _KEY, nullable=False),
        sa.Column("quantity", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["adjustment_id"],
            ["stock_adjustments.id"],
            name=op.f("fk_stock_entries_adjustment_id_stock_adjustments"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(["item_id"], ["stock_items.id"], name=op.f("fk_stock_entries_item_id_stock_items")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_stock_entries")),
        sa.UniqueConstraint("adjustment_id", "item_id", name=op.f("uq_stock_entries_adjustment_id_item_id")),
    )
    op.create_index("ix_stock_entries_item", "stock_entries", ["item_id", "quantity"])
    with op.batch_alter_table("stores", schema=None) as batch_op:
        batch_op.add_column(sa.Column("import_stock", sa.Boolean(), server_default="0", nullable=False))
        batch_op.add_column(sa.Column("stock_counted_at", sa.DateTime(timezone=True), nullable=True))
    with op.batch_alter_table("order_lines", schema=None) as batch_op:
        batch_op.add_column(sa.Column("stock_key", sa.Text(), server_default="", nullable=False))
        batch_op.add_column(sa.Column("stock_taken", sa.BigInteger(), server_default="0", nullable=False))
    # What orders took from stock before anything was counted: of those that are delivered or closed all has left.
    op.execute(
        "UPDATE order_lines SET stock_key = CASE WHEN sku <> '' THEN 'sku:' || sku ELSE 'woo:' || "
        "(SELECT store_id FROM orders WHERE orders.id = order_lines.order_id) || ':' || woo_product_id || ':' || "
        "woo_variation_id END WHERE kind = 'product'"
    )
    op.execute(
        "UPDATE order_lines SET stock_taken = reduced_stock WHERE reduced_stock > 0 AND ((quantity > 0 AND "
        "quantity_delivered >= quantity) OR order_id IN "
        "(SELECT id FROM orders WHERE in_trash OR woo_status IN ('cancelled', 'failed', 'refunded')))"
    )
    op.create_index(
        "ix_order_lines_held",
        "order_lines",
        ["account_id", "stock_key"],
        postgresql_where=_HELD,
        sqlite_where=_HELD,
    )


def downgrade() -> None:
    op.drop_index("ix_order_lines_held", "order_lines")
    with op.batch_alter_table("order_lines", schema=None) as batch_op:
        batch_op.drop_column("stock_taken")
        batch_op.drop_column("stock_key")
    with op.batch_alter_table("stores", schema=None) as batch_op:
        batch_op.drop_column("stock_counted_at")
        batch_op.drop_column("import_stock")
    op.drop_table("stock_entries")
    op.drop_table("stock_adjustments")
    op.drop_table("stock_items")
