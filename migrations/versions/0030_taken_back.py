"""What is kept of merges and mappings so that they can be taken back, and of what a store was told"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0030"
down_revision = "0028"
branch_labels = None
depends_on = None

_TIME = sa.DateTime(timezone=True)
_JSON = sa.JSON(none_as_null=True).with_variant(postgresql.JSONB(none_as_null=True), "postgresql")


def upgrade() -> None:
    with op.batch_alter_table("contact_merges", schema=None) as batch_op:
        batch_op.add_column(sa.Column("aside", _JSON, server_default="{}", nullable=False))
    with op.batch_alter_table("customer_mappings", schema=None) as batch_op:
        batch_op.add_column(sa.Column("before", _JSON, server_default="{}", nullable=False))
        batch_op.add_column(sa.Column("told_at", _TIME, nullable=True))
        batch_op.add_column(sa.Column("told_over", sa.String(length=200), server_default="", nullable=False))
    with op.batch_alter_table("stores", schema=None) as batch_op:
        batch_op.add_column(sa.Column("push_stock_since", _TIME, nullable=True))
    # Since when a store's quantities are kept from here stood in its log alone, which is kept for 90 days.
    op.execute(
        "UPDATE stores SET push_stock_since = (SELECT max(at) FROM store_log WHERE store_log.store_id = stores.id "
        "AND store_log.kind = 'stock' AND store_log.text = 'Its quantities are kept from here.') WHERE push_stock"
    )


def downgrade() -> None:
    with op.batch_alter_table("stores", schema=None) as batch_op:
        batch_op.drop_column("push_stock_since")
    with op.batch_alter_table("customer_mappings", schema=None) as batch_op:
        batch_op.drop_column("told_over")
        batch_op.drop_column("told_at")
        batch_op.drop_column("before")
    with op.batch_alter_table("contact_merges", schema=None) as batch_op:
        batch_op.drop_column("aside")
