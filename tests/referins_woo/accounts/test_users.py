"""Users, their accounts and tokens, on both databases (N1, N6)."""

from __future__ import annotations

import pytest
from sqlalchemy import select

from referins_woo import clock
from referins_woo.accounts import passwords, tokens, users
from referins_woo.accounts.models import ApiToken, Membership
from referins_woo.commerce.models import Location
from referins_woo.db import Database
from referins_woo.errors import InvalidInput

PASSWORD = "correct horse battery"


def test_a_new_user_owns_an_account_with_the_location_main(database: Database) -> None:
    with database.unit() as session:
        user = users.create_user(session, " Ana@Example.com ", PASSWORD, account_name="Ana Ltd")
        account = users.accounts_of(session, user.id)[0]
        assert (user.email, account.name) == ("ana@example.com", "Ana Ltd")
        assert session.scalars(select(Membership.role)).all() == ["owner"]
        assert session.scalars(select(Location.name).where(Location.account_id == account.id)).all() == ["Main"]
        assert [one.id for one in users.active_users(session, account.id)] == [user.id]
        user.active = False
        session.flush()
        assert users.active_users(session, account.id) == []


@pytest.mark.parametrize(
    ("email", "password"), [("ana@example.com", PASSWORD), ("none", PASSWORD), ("b@x.org", "short")]
)
def test_what_makes_no_user_is_refused(database: Database, email: str, password: str) -> None:
    with database.unit() as session:
        users.create_user(session, "ana@example.com", PASSWORD)
    with pytest.raises(InvalidInput), database.unit() as session:
        users.create_user(session, email, password)


def test_a_password_is_kept_as_its_hash_only() -> None:
    kept = passwords.hash_password(PASSWORD)
    assert PASSWORD not in kept
    assert kept.startswith("$argon2id$")
    assert passwords.matches(kept, PASSWORD)
    assert not passwords.matches(kept, PASSWORD + "x")
    assert not passwords.matches(None, PASSWORD)
    assert not passwords.matches("no hash at all", PASSWORD)


def test_a_token_opens_one_account_until_it_is_revoked_or_its_user_leaves(database: Database) -> None:
    with database.unit() as session:
        user = users.create_user(session, "ana@example.com", PASSWORD)
        account_id = users.accounts_of(session, user.id)[0].id
        first, second = (tokens.create(session, account_id, user.id, name) for name in ("one", "two"))
        row = session.scalars(select(ApiToken).where(ApiToken.name == "one")).one()
        assert first not in (row.token_hash, row.name)
        found = tokens.find(session, first, clock.now())
        assert found is not None
        assert (found.account_id, found.user_id) == (account_id, user.id)
        assert not tokens.revoke(session, row.id, account_id + 1, clock.now()), "another account's"
        assert tokens.revoke(session, row.id, account_id, clock.now())
        assert tokens.find(session, first, clock.now()) is None
        user.active = False
        session.flush()
        assert tokens.find(session, second, clock.now()) is None
