"""Contacts from CSV files, consent and erasure"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


_JSON = sa.JSON(none_as_null=True).with_variant(postgresql.JSONB(none_as_null=True), "postgresql")
_KEY = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.create_table(
        "consent_events",
        sa.Column("id", _KEY, nullable=False),
        sa.Column("account_id", sa.BigInteger(), nullable=False),
        sa.Column("contact_id", _KEY, nullable=True),
        sa.Column("email_key", sa.Text(), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("source", sa.String(length=100), nullable=False),
        sa.Column("wording", sa.Text(), nullable=False),
        sa.Column("occurred_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("recorded_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("applied", sa.Boolean(), nullable=False),
        sa.ForeignKeyConstraint(
            ["contact_id"],
            ["contacts.id"],
            name=op.f("fk_consent_events_contact_id_contacts"),
            ondelete="SET NULL",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_consent_events")),
    )
    with op.batch_alter_table("consent_events", schema=None) as batch_op:
        batch_op.create_index("ix_consent_events_contact", ["contact_id", "id"], unique=False)

    op.create_table(
        "erased_addresses",
        sa.Column("id", _KEY, nullable=False),
        sa.Column("account_id", sa.BigInteger(), nullable=False),
        sa.Column("email_hash", sa.Text(), nullable=False),
        sa.Column("erased_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_erased_addresses")),
        sa.UniqueConstraint("account_id", "email_hash", name=op.f("uq_erased_addresses_account_id_email_hash")),
    )
    op.create_table(
        "erased_customers",
        sa.Column("id", _KEY, nullable=False),
        sa.Column("account_id", sa.BigInteger(), nullable=False),
        sa.Column("store_id", _KEY, nullable=False),
        sa.Column("woo_id", sa.BigInteger(), nullable=False),
        sa.Column("erased_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["store_id"], ["stores.id"], name=op.f("fk_erased_customers_store_id_stores")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_erased_customers")),
        sa.UniqueConstraint("store_id", "woo_id", name=op.f("uq_erased_customers_store_id_woo_id")),
    )
    op.create_table(
        "contact_files",
        sa.Column("id", _KEY, nullable=False),
        sa.Column("account_id", sa.BigInteger(), nullable=False),
        sa.Column("user_id", sa.BigInteger(), nullable=True),
        sa.Column("name", sa.String(length=200), nullable=False),
        sa.Column("size", sa.BigInteger(), nullable=False),
        sa.Column("state", sa.String(length=12), nullable=False),
        sa.Column("note", sa.Text(), nullable=False),
        sa.Column("shape", sa.String(length=12), nullable=False),
        sa.Column("header", _JSON, nullable=False),
        sa.Column("mapping", _JSON, nullable=False),
        sa.Column("choices", _JSON, nullable=False),
        sa.Column("sample", _JSON, nullable=False),
        sa.Column("forecast", _JSON, nullable=False),
        sa.Column("counts", _JSON, nullable=False),
        sa.Column("total", sa.BigInteger(), nullable=True),
        sa.Column("cursor", sa.BigInteger(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("heartbeat_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("finished_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_contact_files")),
    )
    with op.batch_alter_table("contact_files", schema=None) as batch_op:
        batch_op.create_index("ix_contact_files_account", ["account_id", "id"], unique=False)
        batch_op.create_index(op.f("ix_contact_files_state"), ["state"], unique=False)
    op.create_table(
        "contact_file_parts",
        sa.Column("id", _KEY, nullable=False),
        sa.Column("file_id", _KEY, nullable=False),
        sa.Column("position", sa.BigInteger(), nullable=False),
        sa.Column("content", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(
            ["file_id"],
            ["contact_files.id"],
            name=op.f("fk_contact_file_parts_file_id_contact_files"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_contact_file_parts")),
        sa.UniqueConstraint("file_id", "position", name=op.f("uq_contact_file_parts_file_id_position")),
    )
    op.create_table(
        "contact_file_problems",
        sa.Column("id", _KEY, nullable=False),
        sa.Column("file_id", _KEY, nullable=False),
        sa.Column("account_id", sa.BigInteger(), nullable=False),
        sa.Column("row", sa.BigInteger(), nullable=False),
        sa.Column("email", sa.Text(), nullable=False),
        sa.Column("reason_code", sa.String(length=40), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(
            ["file_id"],
            ["contact_files.id"],
            name=op.f("fk_contact_file_problems_file_id_contact_files"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_contact_file_problems")),
    )
    with op.batch_alter_table("contact_file_problems", schema=None) as batch_op:
        batch_op.create_index("ix_contact_file_problems_file", ["file_id", "row"], unique=False)
    with op.batch_alter_table("contacts", schema=None) as batch_op:
        batch_op.add_column(sa.Column("erased_in_store_at", sa.DateTime(timezone=True), nullable=True))


def downgrade() -> None:
    with op.batch_alter_table("contacts", schema=None) as batch_op:
        batch_op.drop_column("erased_in_store_at")
    op.drop_table("contact_file_problems")
    op.drop_table("contact_file_parts")
    op.drop_table("contact_files")
    op.drop_table("erased_customers")
    op.drop_table("erased_addresses")
    op.drop_table("consent_events")
