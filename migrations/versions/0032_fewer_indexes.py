"""What changes with every delivery and e-mail is in fewer indexes, and has room on its page"""

import sqlalchemy as sa
from alembic import op

revision = "0032"
down_revision = "0031"
branch_labels = None
depends_on = None

_SENDING = sa.text("state = 'sending'")
_OF_ACCOUNT = {"messages": "ix_messages_account", "deliveries": "ix_deliveries_account_received"}


def upgrade() -> None:
    _index_sending_by("id")
    for table, of_account in _OF_ACCOUNT.items():
        op.drop_index(of_account, table)
        op.create_index(of_account, table, ["account_id", "id", "state"])
        op.drop_index(f"ix_{table}_state", table)
        if op.get_bind().dialect.name == "postgresql":
            op.execute(f"ALTER TABLE {table} SET (fillfactor = 60)")


def downgrade() -> None:
    for table, of_account in _OF_ACCOUNT.items():
        if op.get_bind().dialect.name == "postgresql":
            op.execute(f"ALTER TABLE {table} RESET (fillfactor)")
        op.create_index(f"ix_{table}_state", table, ["state"])
        op.drop_index(of_account, table)
        op.create_index(of_account, table, ["account_id", "id"])
    _index_sending_by("lease_until")


def _index_sending_by(column: str) -> None:
    op.drop_index("ix_messages_sending", "messages")
    op.create_index("ix_messages_sending", "messages", [column], postgresql_where=_SENDING, sqlite_where=_SENDING)
