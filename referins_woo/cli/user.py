"""`referins user`."""

from __future__ import annotations

import sys
from typing import Any

import click
from sqlalchemy import select
from sqlalchemy.orm import Session

from referins_woo import clock, config, process
from referins_woo.accounts import account, audit, credentials, mail_links, passwords, second_factor
from referins_woo.accounts.models import User
from referins_woo.accounts.users import accounts_of, create_user, find_user, places_of
from referins_woo.cli.opened import open_process
from referins_woo.cli.output import json_option, show
from referins_woo.errors import InvalidInput


@click.group("user")
def command() -> None:
    """Make users, list them, and let them in again."""
    audit.act_as(audit.COMMAND_LINE)


@command.command()
@click.argument("email")
@click.option("--password-stdin", is_flag=True, help="Read the password from standard input.")
@click.option("--name", default="", help="Shown name.")
@click.option("--account", "account_name", default="", help="Name of the account.")
@click.option("--postal-address", default="", help="Stands below its marketing e-mails, which need it.")
@json_option
def create(email: str, password_stdin: bool, name: str, account_name: str, postal_address: str, as_json: bool) -> None:
    """Make a user with an account and its location "Main"."""
    password = _typed(password_stdin)
    opened = process.start(config.load())
    with opened.database.unit() as session:
        user = create_user(session, email, password, name=name, account_name=account_name)
        accounts_of(session, user.id)[0].postal_address = account.address(postal_address)
        session.flush()
        value = {"id": user.id, "email": user.email}
    show(value, f"{value['email']} can sign in.", as_json=as_json)


@command.command("list")
@json_option
def list_users(as_json: bool) -> None:
    """List all users with their accounts."""
    opened = process.start(config.load())
    with opened.database.reading() as session:
        found = session.scalars(select(User).order_by(User.id)).all()
        users = [
            {
                "id": user.id,
                "email": user.email,
                "name": user.name,
                "second_factor": user.totp_since is not None,
                "accounts": [
                    {"id": place.account_id, "name": place.name, "role": place.role}
                    for place in places_of(session, user.id)
                ],
            }
            for user in found
        ]
    show(users, "\n".join(map(_line, users)) or "There is no user yet.", as_json=as_json)


@command.command("reset-password")
@click.argument("email")
@click.option("--password-stdin", is_flag=True, help="Set the password read from standard input.")
@json_option
def reset_password(email: str, password_stdin: bool, as_json: bool) -> None:
    """Print a link with which a user chooses a new password, good once and for 30 minutes.

    With --password-stdin the password is set at once. Either way all devices of the user are signed out by it.
    """
    opened = open_process()
    now = clock.now()
    password_hash = passwords.hash_password(_typed(password_stdin=True)) if password_stdin else ""
    link = ""
    with opened.database.unit() as session:
        user = _user(session, email)
        if password_hash:
            credentials.set_password(session, opened, user, password_hash, now)
            audit.record_for_user(session, user.id, "password_reset", user.email)
        else:
            link = credentials.reset_address(opened, mail_links.make(session, "password", user.id, user.email, now))
    show({"email": email, "link": link or None}, link or f"{email} has a new password.", as_json=as_json)


@command.command("reset-second-factor")
@click.argument("email")
@json_option
def reset_second_factor(email: str, as_json: bool) -> None:
    """Switch two-step sign-in off for a user who has lost both the phone and the recovery codes."""
    opened = open_process()
    with opened.database.unit() as session:
        user = _user(session, email)
        had_one = user.totp_since is not None
        second_factor.switch_off(session, user.id)
        if had_one:
            audit.record_for_user(session, user.id, "second_factor_off", user.email)
            credentials.tell(session, opened, user.email, "second_factor_off", clock.now())
    text = f"{email} signs in with the password alone." if had_one else f"{email} had no second step."
    show({"email": email, "had_one": had_one}, text, as_json=as_json)


def _typed(password_stdin: bool) -> str:
    if password_stdin:
        return sys.stdin.readline().rstrip("\r\n")
    return str(click.prompt("Password", hide_input=True, confirmation_prompt=True, err=True))


def _user(session: Session, email: str) -> User:
    user = find_user(session, email)
    if user is None:
        raise InvalidInput("email", f"There is no user {email}.")
    return user


def _line(user: dict[str, Any]) -> str:
    places = ", ".join(f"{one['name']} ({one['role']}, account {one['id']})" for one in user["accounts"])
    return f"{user['id']:>5}  {user['email']}  {places or 'no account'}"
