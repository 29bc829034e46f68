"""Batches of goods, and entries that name one"""

import sqlalchemy as sa
from alembic import op

revision = "0027"
down_revision = "0026"
branch_labels = None
depends_on = None

_KEY = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
_WITHOUT, _WITH = sa.text("batch_id IS NULL"), sa.text("batch_id IS NOT NULL")
_OLD_KEY = "uq_stock_entries_adjustment_id_item_id"
_NEW_KEY = "uq_stock_entries_adjustment_id_item_id_batch_id"


def upgrade() -> None:
    op.create_table(
        "stock_batches",
        sa.Column("id", _KEY, nullable=False),
        sa.Column("account_id", sa.BigInteger(), nullable=False),
        sa.Column("item_id", _KEY, nullable=False),
        sa.Column("number", sa.String(length=100), nullable=False),
        sa.Column("received_on", sa.Date(), nullable=False),
        sa.Column("expires_on", sa.Date(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["item_id"], ["stock_items.id"], name=op.f("fk_stock_batches_item_id_stock_items")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_stock_batches")),
        sa.UniqueConstraint("item_id", "number", name=op.f("uq_stock_batches_item_id_number")),
    )
    op.create_index("ix_stock_batches_account", "stock_batches", ["account_id", "id"])
    with op.batch_alter_table("stock_items", schema=None) as batch_op:
        batch_op.add_column(sa.Column("batched_at", sa.DateTime(timezone=True), nullable=True))
    with op.batch_alter_table("stock_entries", schema=None) as batch_op:
        batch_op.add_column(sa.Column("batch_id", _KEY, nullable=True))
        batch_op.create_foreign_key(
            op.f("fk_stock_entries_batch_id_stock_batches"), "stock_batches", ["batch_id"], ["id"]
        )
        batch_op.drop_constraint(_OLD_KEY, type_="unique")
        batch_op.create_unique_constraint(_NEW_KEY, ["adjustment_id", "item_id", "batch_id"])
    op.create_index(
        "uq_stock_entries_without_batch",
        "stock_entries",
        ["adjustment_id", "item_id"],
        unique=True,
        postgresql_where=_WITHOUT,
        sqlite_where=_WITHOUT,
    )
    op.create_index(
        "ix_stock_entries_batch",
        "stock_entries",
        ["batch_id", "quantity"],
        postgresql_where=_WITH,
        sqlite_where=_WITH,
    )


def downgrade() -> None:
    op.drop_index("ix_stock_entries_batch", "stock_entries")
    op.drop_index("uq_stock_entries_without_batch", "stock_entries")
    # What an adjustment split over batches is one entry again: what is on hand stays.
    op.execute(
        "UPDATE stock_entries SET quantity = (SELECT sum(one.quantity) FROM stock_entries AS one WHERE "
        "one.adjustment_id = stock_entries.adjustment_id AND one.item_id = stock_entries.item_id) WHERE id IN "
        "(SELECT min(id) FROM stock_entries GROUP BY adjustment_id, item_id HAVING count(*) > 1)"
    )
    op.execute(
        "DELETE FROM stock_entries WHERE id NOT IN (SELECT min(id) FROM stock_entries GROUP BY adjustment_id, item_id)"
    )
    with op.batch_alter_table("stock_entries", schema=None) as batch_op:
        batch_op.drop_constraint(_NEW_KEY, type_="unique")
        batch_op.drop_constraint(op.f("fk_stock_entries_batch_id_stock_batches"), type_="foreignkey")
        batch_op.create_unique_constraint(_OLD_KEY, ["adjustment_id", "item_id"])
        batch_op.drop_column("batch_id")
    with op.batch_alter_table("stock_items", schema=None) as batch_op:
        batch_op.drop_column("batched_at")
    op.drop_index("ix_stock_batches_account", "stock_batches")
    op.drop_table("stock_batches")
