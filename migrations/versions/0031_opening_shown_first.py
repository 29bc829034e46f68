"""Opening stock that waits to be confirmed, and adjustments that correct others"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0031"
down_revision = "0030"
branch_labels = None
depends_on = None

_TIME = sa.DateTime(timezone=True)
_JSON = sa.JSON(none_as_null=True).with_variant(postgresql.JSONB(none_as_null=True), "postgresql")


def upgrade() -> None:
    with op.batch_alter_table("stores", schema=None) as batch_op:
        batch_op.add_column(sa.Column("stock_shown_first", sa.Boolean(), server_default="0", nullable=False))
        batch_op.add_column(sa.Column("stock_proposed_at", _TIME, nullable=True))
        batch_op.add_column(sa.Column("stock_choices", _JSON, nullable=True))
    with op.batch_alter_table("stock_adjustments", schema=None) as batch_op:
        batch_op.add_column(sa.Column("corrects_id", sa.BigInteger(), nullable=True))
    op.create_index("ix_stock_adjustments_corrects", "stock_adjustments", ["corrects_id"])
    with op.batch_alter_table("stock_items", schema=None) as batch_op:
        batch_op.add_column(sa.Column("opened_store_id", sa.BigInteger(), nullable=True))
    op.execute(
        "UPDATE stock_items SET opened_store_id = (SELECT min(stores.id) FROM stores, stock_entries, stock_adjustments "
        "WHERE stock_entries.item_id = stock_items.id AND stock_adjustments.id = stock_entries.adjustment_id "
        "AND stock_adjustments.kind = 'opening' AND stores.account_id = stock_items.account_id AND "
        "stock_adjustments.reason = 'Opening stock of ' || CASE stores.name WHEN '' THEN stores.url ELSE stores.name END)"
    )


def downgrade() -> None:
    with op.batch_alter_table("stock_items", schema=None) as batch_op:
        batch_op.drop_column("opened_store_id")
    op.drop_index("ix_stock_adjustments_corrects", "stock_adjustments")
    # A correction is an adjustment like any other: what is on hand stays.
    op.execute("UPDATE stock_adjustments SET kind = 'by_hand' WHERE kind = 'correction'")
    with op.batch_alter_table("stock_adjustments", schema=None) as batch_op:
        batch_op.drop_column("corrects_id")
    with op.batch_alter_table("stores", schema=None) as batch_op:
        batch_op.drop_column("stock_choices")
        batch_op.drop_column("stock_proposed_at")
        batch_op.drop_column("stock_shown_first")
