"""Proven sending domains are looked up again: a proof that is gone twice ends their use, and owners are told once."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from referins_woo import clock as clock_
from referins_woo.accounts import domain_checks, jobs
from referins_woo.mail import sending
from referins_woo.mail.dns import NoAnswer
from referins_woo.mail.models import MailSettings
from tests.conftest import ClockHand
from tests.referins_woo.accounts.conftest import House

PROOF = "referins-verification=abc"


class Dns:
    """Answers with the proof, with nothing, or not at all."""

    def __init__(self) -> None:
        self.says: list[str] | None = [PROOF]
        self.asked = 0

    def texts(self, name: str) -> list[str]:
        """Return the texts of a name; all but the proof have none."""
        if self.says is None:
            raise NoAnswer("away")
        self.asked += name.startswith("_referins.")
        return self.says if name.startswith("_referins.") else []


@pytest.fixture
def dns(monkeypatch: pytest.MonkeyPatch) -> Dns:
    made = Dns()
    monkeypatch.setattr(domain_checks, "resolver", made)
    return made


@pytest.fixture
def account_id(house: House, clock: ClockHand) -> int:
    """An account with a proven domain, an owner and a member."""
    _, account_id = house.person("ana")
    house.person("bo", account_id, role="member")
    with house.database.unit() as session:
        row = sending.of_account(session, account_id)
        row.domain, row.proof, row.from_email = "nordlicht.example", "abc", "shop@nordlicht.example"
        row.proven_at = row.checked_at = clock_.now()
        session.add(row)
    return account_id


def settings(house: House, account_id: int) -> MailSettings:
    with house.database.reading() as session:
        return session.get_one(MailSettings, account_id)


def sweep(bells: Any) -> list[Any]:
    bells.pending.clear()
    jobs.ring_for_domains()
    rung = list(bells.pending)
    for name, rung_for in [(bell[1], bell[2]) for bell in rung]:
        assert name == "look_up_domain"
        jobs.look_up_domain(*rung_for)
    return rung


def test_it_is_looked_up_every_day_and_stays_while_the_proof_is_there(
    house: House, account_id: int, dns: Dns, bells: Any, clock: ClockHand
) -> None:
    before = clock_.now()
    assert sweep(bells) == []
    clock.advance(days=1)
    assert len(sweep(bells)) == 1
    assert sweep(bells) == []
    row = settings(house, account_id)
    assert (dns.asked, row.proven_at is not None) == (1, True)
    assert row.checked_at is not None and row.checked_at > before + timedelta(hours=23)


def test_a_proof_that_is_gone_twice_ends_its_use_and_owners_are_told_once(
    house: House, account_id: int, dns: Dns, bells: Any, clock: ClockHand
) -> None:
    dns.says = []
    clock.advance(days=1)
    sweep(bells)
    assert settings(house, account_id).proven_at is not None, "one look may be a slip"
    assert sweep(bells) == []
    clock.advance(hours=1)
    sweep(bells)
    assert settings(house, account_id).proven_at is None
    (letter,) = house.letters()
    assert letter[:2] == ("ana@example.com", "domain_lost")
    assert letter[2]["record_value"] == PROOF
    clock.advance(days=3)
    assert sweep(bells) == [], "what is not proven is not looked up by itself"


def test_a_proof_that_came_back_within_the_hour_changes_nothing(
    house: House, account_id: int, dns: Dns, bells: Any, clock: ClockHand
) -> None:
    dns.says = []
    clock.advance(days=1)
    sweep(bells)
    dns.says = [PROOF]
    clock.advance(hours=1)
    sweep(bells)
    dns.says = []
    clock.advance(days=1)
    sweep(bells)
    assert settings(house, account_id).proven_at is not None
    assert house.letters() == []


def test_a_dns_that_does_not_answer_changes_nothing_and_is_asked_again(
    house: House, account_id: int, dns: Dns, bells: Any, clock: ClockHand
) -> None:
    dns.says = None
    clock.advance(days=1)
    before = settings(house, account_id).checked_at
    for _ in range(3):
        assert len(sweep(bells)) == 1
        clock.advance(hours=2)
    row = settings(house, account_id)
    assert (row.proven_at is not None, row.checked_at) == (True, before)
    assert house.letters() == []


def test_another_domain_that_was_typed_meanwhile_is_not_judged_by_the_old_one(
    house: House, account_id: int, dns: Dns, bells: Any, clock: ClockHand
) -> None:
    clock.advance(days=1)

    def change(name: str) -> list[str]:
        with house.database.unit() as session:
            session.get_one(MailSettings, account_id).domain = "other.example"
        return []

    dns.texts = change  # type: ignore[method-assign]
    sweep(bells)
    row = settings(house, account_id)
    assert (row.domain, row.findings) == ("other.example", None)
    assert house.letters() == []
