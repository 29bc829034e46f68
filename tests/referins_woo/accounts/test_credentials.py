"""Passwords and e-mails are changed by who owns the mailbox, once per link (row 91)."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import select

from referins_woo.accounts import credentials, mail_links, passwords, sessions
from referins_woo.accounts.models import AuditEntry, MailLink, User
from referins_woo.errors import InvalidInput
from referins_woo.mail.models import Message
from tests.conftest import ClockHand
from tests.referins_woo.accounts.conftest import HASH, House

NEW = passwords.hash_password("another horse battery")


def _ask(house: House, email: str, clock: ClockHand) -> None:
    with house.database.unit() as session:
        credentials.ask_for_reset(session, house.running, email, clock.now())


def _reset(house: House, token: str, clock: ClockHand) -> bool:
    with house.database.unit() as session:
        return credentials.reset_password(session, house.running, token, NEW, clock.now())


def test_row_91_a_mailed_link_sets_a_new_password_once_and_ends_every_session(house: House, clock: ClockHand) -> None:
    user_id, account_id = house.person("ana")
    with house.database.unit() as session:
        cookie = sessions.begin(session, user_id, account_id, clock.now())
    _ask(house, " Ana@Example.com ", clock)
    token = house.token("password_reset")
    assert _reset(house, token, clock)
    with house.database.reading() as session:
        user = session.get_one(User, user_id)
        assert user.password_hash == NEW
        assert user.password_changed_at is not None
        assert sessions.find(session, cookie, clock.now()) is None
        assert session.scalars(select(AuditEntry.action)).all() == ["password_reset"]
    assert [(to, name) for to, name, _ in house.letters()] == [
        ("ana@example.com", "password_reset"),
        ("ana@example.com", "security_notice"),
    ]
    assert not _reset(house, token, clock), "it is used up"


def test_a_link_lives_thirty_minutes_and_the_newest_alone_is_good(house: House, clock: ClockHand) -> None:
    house.person("ana")
    _ask(house, "ana@example.com", clock)
    first = house.token("password_reset")
    _ask(house, "ana@example.com", clock)
    second = house.token("password_reset")
    assert first != second
    assert not _reset(house, first, clock)
    clock.advance(minutes=30, seconds=1)
    assert not _reset(house, second, clock)
    with house.database.reading() as session:
        assert session.scalars(select(User.password_hash)).one() == HASH


def test_of_two_who_use_a_link_at_once_one_succeeds(house: House, clock: ClockHand) -> None:
    house.person("ana")
    _ask(house, "ana@example.com", clock)
    token = house.token("password_reset")
    with house.database.unit() as session:
        assert mail_links.use(session, "password", token, clock.now()) is not None
        assert mail_links.use(session, "password", token, clock.now()) is None


def test_the_database_holds_neither_the_token_nor_the_link(house: House, clock: ClockHand) -> None:
    house.person("ana")
    _ask(house, "ana@example.com", clock)
    token = house.token("password_reset")
    kept: list[Any] = []
    with house.database.reading() as session:
        for model in (MailLink, Message):
            for row in session.scalars(select(model)):
                kept += [getattr(row, column.key) for column in model.__table__.columns]
    assert token not in repr(kept)
    assert token[:16] not in repr(kept)


def test_an_unknown_address_leaves_as_much_in_the_database_and_gets_no_mail(house: House, clock: ClockHand) -> None:
    house.person("ana")
    _ask(house, "nobody@example.com", clock)
    assert house.letters() == []
    with house.database.reading() as session:
        link = session.scalars(select(MailLink)).one()
    assert (link.user_id, link.email) == (None, "nobody@example.com")


def test_who_may_not_sign_in_gets_no_link(house: House, clock: ClockHand) -> None:
    user_id, _ = house.person("ana")
    _ask(house, "ana@example.com", clock)
    token = house.token("password_reset")
    with house.database.unit() as session:
        session.get_one(User, user_id).active = False
    assert not _reset(house, token, clock), "made before"
    _ask(house, "ana@example.com", clock)
    assert len(house.letters()) == 1


def test_a_changed_e_mail_is_confirmed_at_the_new_address_and_told_to_the_old(house: House, clock: ClockHand) -> None:
    user_id, _ = house.person("ana")
    with house.database.unit() as session:
        user = session.get_one(User, user_id)
        assert credentials.ask_for_email(session, house.running, user, "Ana@New.example.com", clock.now())
    with house.database.reading() as session:
        assert session.get_one(User, user_id).email == "ana@example.com", "nothing changes before the link is opened"
    with house.database.unit() as session:
        token = house.token("email_change")
        assert credentials.confirm_email(session, house.running, token, clock.now()) == "ana@new.example.com"
        assert credentials.confirm_email(session, house.running, token, clock.now()) is None
        assert session.get_one(User, user_id).email == "ana@new.example.com"
        entry = session.scalars(select(AuditEntry)).one()
        assert (entry.action, entry.subject, entry.detail) == (
            "email_changed",
            "ana@new.example.com",
            {"before": "ana@example.com"},
        )
    assert [(to, name) for to, name, _ in house.letters()] == [
        ("ana@new.example.com", "email_change"),
        ("ana@example.com", "security_notice"),
    ]


def test_an_address_that_has_a_user_is_nobody_elses_new_one(house: House, clock: ClockHand) -> None:
    user_id, _ = house.person("ana")
    with house.database.unit() as session:
        user = session.get_one(User, user_id)
        credentials.ask_for_email(session, house.running, user, "bo@example.com", clock.now())
    house.person("bo")
    with pytest.raises(InvalidInput, match="by now"), house.database.unit() as session:
        credentials.confirm_email(session, house.running, house.token("email_change"), clock.now())
    for address in ("bo@example.com", "ana@example.com", "no address"):
        with pytest.raises(InvalidInput), house.database.unit() as session:
            user = session.get_one(User, user_id)
            credentials.ask_for_email(session, house.running, user, address, clock.now())


def test_a_link_is_good_for_its_purpose_only(house: House, clock: ClockHand) -> None:
    house.person("ana")
    _ask(house, "ana@example.com", clock)
    token = house.token("password_reset")
    with house.database.unit() as session:
        assert credentials.confirm_email(session, house.running, token, clock.now()) is None
    assert _reset(house, token, clock)


def test_links_name_public_url(house: House, clock: ClockHand) -> None:
    house.person("ana")
    _ask(house, "ana@example.com", clock)
    assert str(house.letters()[0][2]["link"]).startswith(house.running.config.public_url + "/reset-password/")


def test_changing_the_password_keeps_the_session_that_did_it(house: House, clock: ClockHand) -> None:
    user_id, account_id = house.person("ana")
    with house.database.unit() as session:
        mine = sessions.begin(session, user_id, account_id, clock.now() - timedelta(hours=1))
        other = sessions.begin(session, user_id, account_id, clock.now())
        found = sessions.find(session, mine, clock.now())
        assert found is not None
        user = session.get_one(User, user_id)
        credentials.set_password(session, house.running, user, NEW, clock.now(), but=found.session_id)
        assert sessions.find(session, mine, clock.now()) is not None
        assert sessions.find(session, other, clock.now()) is None
