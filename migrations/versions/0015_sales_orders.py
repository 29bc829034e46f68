"""Sales orders, totals in the base currency, and the rates behind them"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0015"
down_revision = "0014"
branch_labels = None
depends_on = None

_JSON = sa.JSON(none_as_null=True).with_variant(postgresql.JSONB(none_as_null=True), "postgresql")
_KEY = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
_SALES = sa.text("sales_at IS NOT NULL")
_NEW = sa.text("applied_at IS NULL")
_JSON_LIST = '["processing"]'


def upgrade() -> None:
    op.create_table(
        "currency_rates",
        sa.Column("id", _KEY, nullable=False),
        sa.Column("account_id", sa.BigInteger(), nullable=False),
        sa.Column("base", sa.String(length=3), nullable=False),
        sa.Column("currency", sa.String(length=3), nullable=False),
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("rate", sa.String(length=30), nullable=False),
        sa.Column("source", sa.String(length=200), nullable=False),
        sa.Column("applied_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_currency_rates")),
        sa.UniqueConstraint(
            "account_id", "base", "currency", "day", name=op.f("uq_currency_rates_account_id_base_currency_day")
        ),
    )
    with op.batch_alter_table("currency_rates", schema=None) as batch_op:
        batch_op.create_index(
            "ix_currency_rates_new", ["account_id", "id"], unique=False, postgresql_where=_NEW, sqlite_where=_NEW
        )
    with op.batch_alter_table("orders", schema=None) as batch_op:
        batch_op.add_column(sa.Column("sales_at", sa.DateTime(timezone=True), nullable=True))
        batch_op.add_column(sa.Column("base_currency", sa.String(length=3), server_default="", nullable=False))
        batch_op.add_column(sa.Column("base_rate", sa.String(length=30), server_default="", nullable=False))
        batch_op.add_column(sa.Column("base_total", sa.BigInteger(), nullable=True))
        batch_op.create_index(
            "ix_orders_sales",
            ["account_id", "sales_at", "id"],
            unique=False,
            postgresql_where=_SALES,
            sqlite_where=_SALES,
        )
    # Defaults stay in the tables, and are plain text: else SQLite would have to write orders and stores anew, and it cannot
    # drop a table to which rows of others refer.
    # Orders that are here become what an import would make of them today.
    op.execute("UPDATE orders SET sales_at = created_at WHERE woo_status = 'processing'")
    op.execute(
        "UPDATE orders SET base_currency = currency, base_rate = '1', base_total = total WHERE currency = "
        "(SELECT base_currency FROM accounts WHERE accounts.id = orders.account_id)"
    )
    with op.batch_alter_table("stores", schema=None) as batch_op:
        batch_op.add_column(sa.Column("sales_statuses", _JSON, server_default=_JSON_LIST, nullable=False))


def downgrade() -> None:
    with op.batch_alter_table("stores", schema=None) as batch_op:
        batch_op.drop_column("sales_statuses")
    with op.batch_alter_table("orders", schema=None) as batch_op:
        batch_op.drop_index("ix_orders_sales", postgresql_where=_SALES, sqlite_where=_SALES)
        batch_op.drop_column("base_total")
        batch_op.drop_column("base_rate")
        batch_op.drop_column("base_currency")
        batch_op.drop_column("sales_at")
    op.drop_table("currency_rates")
