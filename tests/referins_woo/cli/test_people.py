"""Users and tokens from the command line."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner
from sqlalchemy import select

from referins_woo import clock, process, queues
from referins_woo.accounts import audit, mail_links, passwords, second_factor, tokens, users
from referins_woo.accounts.models import Account, AuditEntry, Membership, User
from referins_woo.cli import cli
from referins_woo.crypto import Vault
from referins_woo.db import Database
from referins_woo.errors import InvalidInput
from tests.conftest import ENCRYPTION_KEY, SECRET_KEY

PASSWORD = "correct horse battery"
Run = Callable[..., str]


@pytest.fixture
def backend() -> str:
    """What the commands call is tried on both databases beside them."""
    return "sqlite"


@pytest.fixture
def run(database: Database, database_url: str, tmp_path: Path) -> Iterator[Run]:
    """Runs a command in this process and returns what it printed."""
    environ = {
        "DATABASE_URL": database_url,
        "REDIS_URL": f"unix://{tmp_path}/nobody.sock",
        "SECRET_KEY": SECRET_KEY,
        "ENCRYPTION_KEYS": ENCRYPTION_KEY,
        "REFERINS_DATA": str(tmp_path),
    }

    def command(*arguments: str, typed: str = "") -> str:
        done = CliRunner().invoke(cli, arguments, input=typed, env=environ)
        if done.exception is not None:
            raise done.exception
        return done.stdout.strip()

    yield command
    process.use(None)
    queues.connect(None)
    audit.act_as(None)


def _make(run: Run, email: str = "ana@example.com") -> int:
    made = run("user", "create", email, "--password-stdin", "--account", "Ana Ltd", "--json", typed=PASSWORD + "\n")
    return int(json.loads(made)["id"])


def test_a_user_is_made_with_the_postal_address_that_marketing_needs(run: Run, database: Database) -> None:
    address = " 1 Example Street\n Example Town "
    run("user", "create", "ana@example.com", "--password-stdin", "--postal-address", address, typed=PASSWORD + "\n")
    with database.reading() as session:
        assert session.scalars(select(Account.postal_address)).one() == "1 Example Street\nExample Town"


def test_users_are_made_and_listed_with_their_accounts(run: Run) -> None:
    assert run("user", "list") == "There is no user yet."
    user_id = _make(run)
    (listed,) = json.loads(run("user", "list", "--json"))
    assert (listed["id"], listed["email"], listed["second_factor"]) == (user_id, "ana@example.com", False)
    assert [(one["name"], one["role"]) for one in listed["accounts"]] == [("Ana Ltd", "owner")]
    assert "Ana Ltd (owner" in run("user", "list")


def test_a_token_may_all_unless_its_scopes_are_named(run: Run, database: Database) -> None:
    _make(run)
    everything, reading = (
        run("token", "create", "ana@example.com"),
        run("token", "create", "ana@example.com", "--scope", "read", "--scope", "contacts"),
    )
    with database.reading() as session:
        first, second = (tokens.find(session, one, clock.now()) for one in (everything, reading))
        assert first is not None and second is not None
        assert first.scopes == {"read", "write", "contacts", "erase"}
        assert second.scopes == {"read", "contacts"}
        entries = session.scalars(select(AuditEntry)).all()
    assert [(entry.action, entry.who, entry.via) for entry in entries] == [
        ("token_created", "Command line", "command")
    ] * 2
    with pytest.raises(SystemExit):
        run("token", "create", "ana@example.com", "--scope", "king")


def test_an_account_is_named_where_the_user_has_several(run: Run, database: Database) -> None:
    user_id = _make(run)
    _make(run, "bo@example.com")
    with database.unit() as session:
        bos = session.scalars(select(Membership.account_id).where(Membership.user_id != user_id)).one()
        session.add(Membership(account_id=bos, user_id=user_id, role="member"))
    with pytest.raises(InvalidInput, match="--account"):
        run("token", "create", "ana@example.com")
    made = json.loads(run("token", "create", "ana@example.com", "--account", str(bos), "--json"))
    assert made["account_id"] == bos
    with pytest.raises(InvalidInput, match="no user"):
        run("token", "create", "nobody@example.com")


def test_a_user_is_let_in_again(run: Run, database: Database) -> None:
    user_id = _make(run)
    token = run("user", "reset-password", "ana@example.com").rpartition("/reset-password/")[2]
    with database.unit() as session:
        assert mail_links.use(session, "password", token, clock.now()) == (user_id, "ana@example.com")
    run("user", "reset-password", "ana@example.com", "--password-stdin", typed="another horse battery\n")
    with database.reading() as session:
        assert passwords.matches(session.get_one(User, user_id).password_hash, "another horse battery")
    with pytest.raises(InvalidInput):
        run("user", "reset-password", "nobody@example.com")


def test_a_lost_second_factor_is_switched_off(run: Run, database: Database) -> None:
    user_id = _make(run)
    assert "had no second step" in run("user", "reset-second-factor", "ana@example.com")
    with database.unit() as session:
        second_factor.begin(session, Vault((ENCRYPTION_KEY,)), user_id)
        session.get_one(User, user_id).totp_since = clock.now()
    assert "password alone" in run("user", "reset-second-factor", "ana@example.com")
    with database.reading() as session:
        assert session.get_one(User, user_id).totp_locked is None
        assert [one.id for one in users.owners(session, users.accounts_of(session, user_id)[0].id)] == [user_id]
