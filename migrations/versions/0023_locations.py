"""Locations: one of them is the default, and a deleted one is still named by its orders"""

import sqlalchemy as sa
from alembic import op

revision = "0023"
down_revision = "0022"
branch_labels = None
depends_on = None

_THERE = sa.text("deleted_at IS NULL")
_DEFAULT = sa.text("is_default")


def upgrade() -> None:
    with op.batch_alter_table("locations", schema=None) as batch_op:
        batch_op.add_column(sa.Column("is_default", sa.Boolean(), server_default="0", nullable=False))
        batch_op.add_column(sa.Column("deleted_at", sa.DateTime(timezone=True), nullable=True))
    # An account's oldest location is the one that it was made with; names must tell them apart from now on.
    op.execute(
        "UPDATE locations SET name = substr(name, 1, 170) || ' (' || id || ')' WHERE EXISTS "
        "(SELECT 1 FROM locations AS older WHERE older.account_id = locations.account_id "
        "AND older.name = locations.name AND older.id < locations.id)"
    )
    op.execute(
        "UPDATE locations SET is_default = (1 = 1) WHERE id IN (SELECT min(id) FROM locations GROUP BY account_id)"
    )
    op.create_index(
        "uq_locations_name",
        "locations",
        ["account_id", "name"],
        unique=True,
        postgresql_where=_THERE,
        sqlite_where=_THERE,
    )
    op.create_index(
        "uq_locations_default",
        "locations",
        ["account_id"],
        unique=True,
        postgresql_where=_DEFAULT,
        sqlite_where=_DEFAULT,
    )


def downgrade() -> None:
    op.drop_index("uq_locations_default", "locations")
    op.drop_index("uq_locations_name", "locations")
    # What was deleted has no place in the older form; orders only hold its number.
    op.execute("DELETE FROM locations WHERE deleted_at IS NOT NULL")
    with op.batch_alter_table("locations", schema=None) as batch_op:
        batch_op.drop_column("deleted_at")
        batch_op.drop_column("is_default")
