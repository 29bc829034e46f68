"""People and accounts of the tests."""

from __future__ import annotations

import pytest
from sqlalchemy import select

from referins_woo.accounts import passwords, users
from referins_woo.accounts.models import Membership
from referins_woo.db import Database
from referins_woo.mail import sealed
from referins_woo.mail.models import Message
from referins_woo.process import Process

PASSWORD = "correct horse battery"
HASH = passwords.hash_password(PASSWORD)
"""Made once: hashing is slow on purpose."""


class House:
    """A few people in accounts, by their first names."""

    def __init__(self, running: Process) -> None:
        self.running = running
        self.database: Database = running.database

    def person(self, name: str, account_id: int | None = None, role: str = "owner") -> tuple[int, int]:
        """Make a user, in an account of their own or in `account_id`; returns (user, account)."""
        with self.database.unit() as session:
            user = users.add_user(session, f"{name}@example.com", HASH, name.title())
            if account_id is None:
                account_id = users.create_account(session, user, f"{name.title()} Ltd").id
            else:
                session.add(Membership(account_id=account_id, user_id=user.id, role=role))
            return user.id, account_id

    def letters(self) -> list[tuple[str, str, dict[str, object]]]:
        """Return (e-mail, folder, facts) of what lies in the outbox."""
        with self.database.reading() as session:
            rows = session.scalars(select(Message).order_by(Message.id)).all()
        return [
            (row.to_email, str(row.template["email"]), sealed.opened(self.running.vault, row.facts)) for row in rows
        ]

    def token(self, letter: str) -> str:
        """Return the token in the link of the newest letter of this kind."""
        links = [str(facts["link"]) for _, name, facts in self.letters() if name == letter]
        return links[-1].rpartition("/")[2]


@pytest.fixture
def house(running: Process, bells: object) -> House:
    """Nobody yet."""
    return House(running)
