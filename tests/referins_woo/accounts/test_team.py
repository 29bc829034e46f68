"""Roles, the last owner, and invitations, on both databases (N1)."""

from __future__ import annotations

import threading

import pytest
from sqlalchemy import func, select

from referins_woo.accounts import invitations, sessions, team, tokens, users
from referins_woo.accounts.models import AuditEntry, Invitation, Membership
from referins_woo.accounts.roles import RIGHTS, ROLES, may
from referins_woo.errors import InvalidInput
from tests.conftest import ClockHand
from tests.referins_woo.accounts.conftest import HASH, House


def _invite(house: House, account_id: int, by: int, email: str, clock: ClockHand, role: str = "member") -> None:
    with house.database.unit() as session:
        invitations.invite(session, house.running, account_id, by, email, role, clock.now())


def test_every_right_says_whose_it_is_and_owners_have_all() -> None:
    for right in RIGHTS.values():
        assert right.words
        assert right.roles <= set(ROLES)
        assert "owner" in right.roles
    assert may("member", "work")
    assert not may("member", "team")


@pytest.mark.parametrize("act", ["member", "remove", "leave"])
def test_the_last_owner_stays_one(house: House, clock: ClockHand, act: str) -> None:
    ana, account_id = house.person("ana")
    house.person("bo", account_id, "member")
    with pytest.raises(InvalidInput, match="last owner"), house.database.unit() as session:
        if act == "member":
            team.change_role(session, account_id, ana, "member")
        else:
            team.remove(session, account_id, ana, clock.now(), by_themselves=act == "leave")
    with house.database.reading() as session:
        assert [one.id for one in users.owners(session, account_id)] == [ana]


def test_two_owners_who_remove_each_other_at_once_leave_one(house: House, clock: ClockHand) -> None:
    ana, account_id = house.person("ana")
    bo, _ = house.person("bo", account_id)
    together = threading.Barrier(2)
    refused: list[str] = []

    def remove(user_id: int) -> None:
        together.wait(20)
        try:
            with house.database.unit() as session:
                team.remove(session, account_id, user_id, clock.now())
        except InvalidInput as error:
            refused.append(error.message)

    threads = [threading.Thread(target=remove, args=(one,)) for one in (ana, bo)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    with house.database.reading() as session:
        assert len(users.owners(session, account_id)) == 1
    assert len(refused) == 1


def test_who_is_removed_is_signed_out_and_has_no_key_any_more(house: House, clock: ClockHand) -> None:
    ana, account_id = house.person("ana")
    bo, own_account = house.person("bo")
    with house.database.unit() as session:
        session.add(Membership(account_id=account_id, user_id=bo, role="member"))
        here = sessions.begin(session, bo, account_id, clock.now())
        there = sessions.begin(session, bo, own_account, clock.now())
        key = tokens.create(session, account_id, bo)
        own_key = tokens.create(session, own_account, bo)
    with house.database.unit() as session:
        assert team.remove(session, account_id, bo, clock.now())
        assert not team.remove(session, account_id, bo, clock.now())
        assert sessions.find(session, here, clock.now()) is None
        assert tokens.find(session, key, clock.now()) is None
        assert sessions.find(session, there, clock.now()) is not None, "the other account is none of ours"
        assert tokens.find(session, own_key, clock.now()) is not None
        session.add(Membership(account_id=account_id, user_id=bo, role="member"))
        session.flush()
        assert sessions.find(session, here, clock.now()) is None, "nor once they come back"
    assert ana


def test_the_team_is_listed_with_role_and_last_visit(house: House, clock: ClockHand) -> None:
    ana, account_id = house.person("ana")
    bo, _ = house.person("bo", account_id, "member")
    with house.database.unit() as session:
        sessions.begin(session, bo, account_id, clock.now())
        people = team.people(session, account_id)
    assert [(one.user_id, one.role, one.is_last_owner) for one in people] == [
        (ana, "owner", True),
        (bo, "member", False),
    ]
    assert people[0].last_seen_at is None
    assert people[1].last_seen_at is not None


def test_an_invitation_is_accepted_once_by_whom_it_names(house: House, clock: ClockHand) -> None:
    ana, account_id = house.person("ana")
    _invite(house, account_id, ana, " Bo@Example.com", clock)
    ((to, letter, facts),) = house.letters()
    assert (to, letter, facts["account_name"], facts["role"]) == ("bo@example.com", "invitation", "Ana Ltd", "member")
    token = house.token("invitation")
    with house.database.unit() as session:
        offer = invitations.find(session, token, clock.now())
        assert offer is not None
        assert (offer.email, offer.role, offer.user_id) == ("bo@example.com", "member", None)
        bo = users.add_user(session, offer.email, HASH)
        assert invitations.accept(session, offer, bo.id, clock.now())
        assert not invitations.accept(session, offer, bo.id, clock.now())
        assert invitations.find(session, token, clock.now()) is None
        assert [(one.account_id, one.role) for one in users.places_of(session, bo.id)] == [(account_id, "member")]
        assert session.scalars(select(AuditEntry.action).order_by(AuditEntry.id)).all() == [
            "user_invited",
            "invitation_accepted",
        ]


def test_who_has_a_user_joins_with_it_and_keeps_the_other_account(house: House, clock: ClockHand) -> None:
    ana, account_id = house.person("ana")
    bo, own_account = house.person("bo")
    _invite(house, account_id, ana, "bo@example.com", clock, "owner")
    with house.database.unit() as session:
        offer = invitations.find(session, house.token("invitation"), clock.now())
        assert offer is not None
        assert offer.user_id == bo
        assert invitations.accept(session, offer, bo, clock.now())
        assert [one.account_id for one in users.places_of(session, bo)] == [own_account, account_id]


def test_sending_again_replaces_the_link_and_taking_back_ends_it(house: House, clock: ClockHand) -> None:
    ana, account_id = house.person("ana")
    _, foreign = house.person("cy")
    _invite(house, account_id, ana, "bo@example.com", clock)
    first = house.token("invitation")
    clock.advance(days=8)
    with house.database.unit() as session:
        assert invitations.find(session, first, clock.now()) is None, "a week is over"
        invitation_id = session.scalars(select(Invitation.id)).one()
        assert invitations.resend(session, house.running, foreign, invitation_id, clock.now()) is None
        assert invitations.revoke(session, foreign, invitation_id, clock.now()) is None
        assert invitations.resend(session, house.running, account_id, invitation_id, clock.now()) == "bo@example.com"
    second = house.token("invitation")
    with house.database.unit() as session:
        assert invitations.find(session, first, clock.now()) is None
        offer = invitations.find(session, second, clock.now())
        assert offer is not None
        assert invitations.revoke(session, account_id, invitation_id, clock.now()) == "bo@example.com"
        assert invitations.find(session, second, clock.now()) is None
        assert not invitations.accept(session, offer, ana, clock.now()), "seen before it was taken back"
        assert invitations.revoke(session, account_id, invitation_id, clock.now()) is None


def test_who_is_here_or_invited_is_not_invited_again(house: House, clock: ClockHand) -> None:
    ana, account_id = house.person("ana")
    _invite(house, account_id, ana, "bo@example.com", clock)
    for email, role, words in (
        ("ana@example.com", "member", "belongs to this account already"),
        ("bo@example.com", "member", "is invited already"),
        ("no address", "member", "not an e-mail address"),
        ("cy@example.com", "king", "Choose one of"),
    ):
        with pytest.raises(InvalidInput, match=words):
            _invite(house, account_id, ana, email, clock, role)
    with house.database.reading() as session:
        assert session.scalar(select(func.count()).select_from(Invitation)) == 1


def test_the_database_holds_no_token_of_an_invitation(house: House, clock: ClockHand) -> None:
    ana, account_id = house.person("ana")
    _invite(house, account_id, ana, "bo@example.com", clock)
    token = house.token("invitation")
    with house.database.reading() as session:
        row = session.scalars(select(Invitation)).one()
    assert token not in repr(vars(row))


def test_a_browser_comes_back_to_the_account_it_worked_in_last(house: House, clock: ClockHand) -> None:
    bo, own_account = house.person("bo")
    _, account_id = house.person("ana")
    with house.database.unit() as session:
        assert sessions.last_account(session, bo) == own_account
        session.add(Membership(account_id=account_id, user_id=bo, role="member"))
        session.flush()
        assert sessions.last_account(session, bo) == own_account
        sessions.begin(session, bo, account_id, clock.now())
        assert sessions.last_account(session, bo) == account_id
        assert team.remove(session, account_id, bo, clock.now())
        assert sessions.last_account(session, bo) == own_account
        assert sessions.last_account(session, 10**6) is None
