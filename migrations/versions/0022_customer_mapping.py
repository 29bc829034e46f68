"""Contacts as customers of a store: what was decided about each, and how a store's mapping works"""

import sqlalchemy as sa
from alembic import op

revision = "0022"
down_revision = "0021"
branch_labels = None
depends_on = None

_KEY = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.create_table(
        "customer_mappings",
        sa.Column("id", _KEY, nullable=False),
        sa.Column("account_id", sa.BigInteger(), nullable=False),
        sa.Column("store_id", _KEY, nullable=False),
        sa.Column("contact_id", _KEY, nullable=False),
        sa.Column("is_ticked", sa.Boolean(), nullable=False),
        sa.Column("username", sa.String(length=60), nullable=False),
        sa.Column("with_email", sa.Boolean(), nullable=False),
        sa.Column("overwrite", sa.Boolean(), nullable=False),
        sa.Column("state", sa.String(length=10), nullable=False),
        sa.Column("reason", sa.String(length=24), nullable=False),
        sa.Column("evidence", sa.Text(), nullable=False),
        sa.Column("offered_woo_id", sa.BigInteger(), nullable=True),
        sa.Column("batch", sa.BigInteger(), nullable=True),
        sa.Column("mapped_by", sa.String(length=10), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["contact_id"], ["contacts.id"], name=op.f("fk_customer_mappings_contact_id_contacts"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(["store_id"], ["stores.id"], name=op.f("fk_customer_mappings_store_id_stores")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_customer_mappings")),
        sa.UniqueConstraint("store_id", "contact_id", name=op.f("uq_customer_mappings_store_id_contact_id")),
    )
    with op.batch_alter_table("customer_mappings", schema=None) as batch_op:
        batch_op.create_index(
            batch_op.f("ix_customer_mappings_contact_id"),
            ["contact_id"],
            unique=False,
        )
        batch_op.create_index("ix_customer_mappings_state", ["store_id", "state", "contact_id"], unique=False)
        batch_op.create_index("ix_customer_mappings_ticked", ["store_id", "is_ticked", "id"], unique=False)
    op.create_table(
        "store_mappings",
        sa.Column("id", _KEY, nullable=False),
        sa.Column("account_id", sa.BigInteger(), nullable=False),
        sa.Column("store_id", _KEY, nullable=False),
        sa.Column("pushes", sa.Boolean(), nullable=False),
        sa.Column("push_minutes", sa.BigInteger(), nullable=True),
        sa.Column("next_push_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("push_cursor", sa.BigInteger(), nullable=True),
        sa.Column("push_by", sa.String(length=320), nullable=False),
        sa.Column("guest_contact_id", sa.BigInteger(), nullable=True),
        sa.Column("invites", sa.Boolean(), nullable=True),
        sa.Column("suggesting", sa.String(length=10), nullable=False),
        sa.Column("suggest_role", sa.String(length=12), nullable=False),
        sa.Column("suggest_offset", sa.BigInteger(), nullable=False),
        sa.Column("suggest_last_id", sa.BigInteger(), nullable=False),
        sa.Column("suggest_error", sa.Text(), nullable=False),
        sa.Column("suggested_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("batch", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["store_id"], ["stores.id"], name=op.f("fk_store_mappings_store_id_stores")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_store_mappings")),
        sa.UniqueConstraint("store_id", name=op.f("uq_store_mappings_store_id")),
    )
    op.create_table(
        "store_customer_names",
        sa.Column("id", _KEY, nullable=False),
        sa.Column("store_id", _KEY, nullable=False),
        sa.Column("woo_id", sa.BigInteger(), nullable=False),
        sa.Column("name_hash", sa.String(length=32), nullable=False),
        sa.ForeignKeyConstraint(["store_id"], ["stores.id"], name=op.f("fk_store_customer_names_store_id_stores")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_store_customer_names")),
        sa.UniqueConstraint("store_id", "woo_id", name=op.f("uq_store_customer_names_store_id_woo_id")),
    )
    with op.batch_alter_table("stores", schema=None) as batch_op:
        batch_op.add_column(sa.Column("pull_mapped_only", sa.Boolean(), nullable=False, server_default="0"))
    with op.batch_alter_table("contact_links", schema=None) as batch_op:
        batch_op.add_column(sa.Column("pulled", sa.String(length=200), nullable=False, server_default=""))
        batch_op.create_index("ix_contact_links_mapping", ["store_id", "contact_id", "gone_at"], unique=False)


def downgrade() -> None:
    with op.batch_alter_table("contact_links", schema=None) as batch_op:
        batch_op.drop_index("ix_contact_links_mapping")
        batch_op.drop_column("pulled")
    with op.batch_alter_table("stores", schema=None) as batch_op:
        batch_op.drop_column("pull_mapped_only")
    op.drop_table("store_customer_names")
    op.drop_table("store_mappings")
    op.drop_table("customer_mappings")
