"""Sales orders are listed, searched and counted from one index; orders without a base total are found by another"""

import sqlalchemy as sa
from alembic import op

revision = "0020"
down_revision = "0019"
branch_labels = None
depends_on = None

_SALES = (
    *("account_id", "sales_at", "id", "delivery_status", "status", "payment_state", "store_id", "placed_at"),
    *("delivery_date", "number", "total", "currency", "email_key", "contact_id", "base_total"),
)
_ARE_SALES = sa.text("sales_at IS NOT NULL")


def upgrade() -> None:
    _replace_sales(_SALES)
    op.create_index("ix_orders_base", "orders", ["account_id", "base_currency", "currency", "placed_at"])


def downgrade() -> None:
    op.drop_index("ix_orders_base", table_name="orders")
    _replace_sales(("account_id", "sales_at", "id"))


def _replace_sales(columns: tuple[str, ...]) -> None:
    op.drop_index("ix_orders_sales", table_name="orders")
    op.create_index("ix_orders_sales", "orders", list(columns), postgresql_where=_ARE_SALES, sqlite_where=_ARE_SALES)
