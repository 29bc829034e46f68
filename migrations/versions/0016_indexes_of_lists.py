"""What lists filter and search by lies in their indexes"""

from alembic import op

revision = "0016"
down_revision = "0015"
branch_labels = None
depends_on = None

_ORDERS = (
    *("account_id", "placed_at", "id", "status", "payment_state", "woo_status", "subtype", "store_id"),
    *("number", "total", "currency", "refunded_total"),
)
_PRODUCTS = (
    *("account_id", "name", "id", "sku", "store_id", "type", "woo_status", "include_in_online_store"),
    *("stock_status", "gone_at", "modified_at"),
)
_TRANSACTIONS = (
    *("account_id", "occurred_at", "id", "kind", "reversed_at", "store_id", "order_id", "amount"),
    "reference",
)


def upgrade() -> None:
    op.drop_index("ix_orders_account_placed", table_name="orders")
    op.create_index("ix_orders_account_placed", "orders", [*_ORDERS, "email_key", "contact_id", "gone_at", "in_trash"])
    op.create_index("ix_variants_account_sku", "variants", ["account_id", "sku", "product_id"])
    if op.get_bind().dialect.name == "sqlite":
        op.create_index("ix_contacts_account_tags", "contacts", ["account_id", "tags"])
        op.drop_index("ix_products_account_name", table_name="products")
        op.create_index("ix_products_account_listed", "products", list(_PRODUCTS))
        op.drop_index("ix_transactions_account_occurred", table_name="transactions")
        op.create_index("ix_transactions_account_listed", "transactions", list(_TRANSACTIONS))


def downgrade() -> None:
    if op.get_bind().dialect.name == "sqlite":
        op.drop_index("ix_transactions_account_listed", table_name="transactions")
        op.create_index("ix_transactions_account_occurred", "transactions", ["account_id", "occurred_at", "id"])
        op.drop_index("ix_products_account_listed", table_name="products")
        op.create_index("ix_products_account_name", "products", ["account_id", "name"])
        op.drop_index("ix_contacts_account_tags", table_name="contacts")
    op.drop_index("ix_variants_account_sku", table_name="variants")
    op.drop_index("ix_orders_account_placed", table_name="orders")
    op.create_index("ix_orders_account_placed", "orders", list(_ORDERS))
