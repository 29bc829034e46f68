"""Codes of the authenticator app, taken once, and recovery codes."""

from __future__ import annotations

import pyotp
import pytest
from sqlalchemy import select

from referins_woo import relock
from referins_woo.accounts import second_factor
from referins_woo.accounts.models import RecoveryCode, User
from tests.conftest import ClockHand
from tests.referins_woo.accounts.conftest import House


class Phone:
    """A person with an authenticator app."""

    def __init__(self, house: House, clock: ClockHand) -> None:
        self.house, self.clock = house, clock
        self.user_id, self.account_id = house.person("ana")
        with house.database.unit() as session:
            self.secret = second_factor.begin(session, house.running.vault, self.user_id)

    def code(self, steps: int = 0) -> str:
        """What the app shows, `steps` half-minutes from now."""
        return pyotp.TOTP(self.secret).at(int(self.clock.now().timestamp()) + 30 * steps)

    def confirm(self, code: str) -> list[str] | None:
        with self.house.database.unit() as session:
            return second_factor.confirm(session, self.house.running.vault, self.user_id, code, self.clock.now())

    def take(self, code: str) -> str:
        with self.house.database.unit() as session:
            return second_factor.take(session, self.house.running.vault, self.user_id, code, self.clock.now())


@pytest.fixture
def phone(house: House, clock: ClockHand) -> Phone:
    return Phone(house, clock)


def test_it_is_on_once_the_app_has_shown_a_code(phone: Phone) -> None:
    assert phone.take(phone.code()) == "", "it is not on yet"
    assert phone.confirm("000000") is None
    codes = phone.confirm(phone.code())
    assert codes is not None
    assert len(set(codes)) == second_factor.RECOVERY_CODES
    assert phone.confirm(phone.code(1)) is None, "it is on already"
    with pytest.raises(ValueError, match="has a second factor"), phone.house.database.unit() as session:
        second_factor.begin(session, phone.house.running.vault, phone.user_id)


def test_setting_it_up_can_be_broken_off_and_goes_on_with_the_same_secret(phone: Phone) -> None:
    with phone.house.database.unit() as session:
        assert second_factor.begin(session, phone.house.running.vault, phone.user_id) == phone.secret


def test_no_code_is_taken_twice_nor_one_that_is_older(phone: Phone) -> None:
    assert phone.confirm(phone.code()) is not None
    assert phone.take(phone.code()) == "", "the code that confirmed it"
    phone.clock.advance(seconds=60)
    assert phone.take(phone.code()) == "app"
    assert phone.take(phone.code()) == ""
    assert phone.take(phone.code(-1)) == "", "older than the one that was taken"
    phone.clock.advance(seconds=30)
    assert phone.take(phone.code()) == "app"


def test_a_clock_may_be_off_by_half_a_minute_and_no_more(phone: Phone) -> None:
    assert phone.confirm(phone.code()) is not None
    phone.clock.advance(minutes=5)
    assert phone.take(phone.code(2)) == ""
    assert phone.take(phone.code(-2)) == ""
    assert phone.take(phone.code(-1)) == "app"
    assert phone.take(phone.code(1)) == "app"


@pytest.mark.parametrize("code", ["", "12345", "1234567", "abcdef", "١٢٣٤٥٦", "\x00", "0" * 100])
def test_what_is_no_code_is_refused(phone: Phone, code: str) -> None:
    assert phone.confirm(phone.code()) is not None
    assert phone.take(code) == ""


def test_a_recovery_code_is_good_once_however_it_is_typed(phone: Phone) -> None:
    codes = phone.confirm(phone.code())
    assert codes is not None
    assert phone.take(codes[0].upper().replace("-", " ")) == "recovery"
    assert phone.take(codes[0]) == ""
    with phone.house.database.reading() as session:
        assert second_factor.codes_left(session, phone.user_id) == second_factor.RECOVERY_CODES - 1


def test_new_recovery_codes_make_the_old_worthless(phone: Phone) -> None:
    old = phone.confirm(phone.code())
    assert old is not None
    with phone.house.database.unit() as session:
        fresh = second_factor.new_recovery_codes(session, phone.user_id)
    assert phone.take(old[0]) == ""
    assert phone.take(fresh[0]) == "recovery"


def test_the_database_holds_neither_secret_nor_codes(phone: Phone) -> None:
    codes = phone.confirm(phone.code())
    assert codes is not None
    with phone.house.database.reading() as session:
        user = session.get_one(User, phone.user_id)
        assert phone.secret not in (user.totp_locked or "")
        kept = set(session.scalars(select(RecoveryCode.code_hash)))
    assert not kept & (set(codes) | {code.replace("-", "") for code in codes})


def test_switched_off_nothing_is_left_of_it(phone: Phone) -> None:
    codes = phone.confirm(phone.code())
    assert codes is not None
    with phone.house.database.unit() as session:
        second_factor.switch_off(session, phone.user_id)
        user = session.get_one(User, phone.user_id)
        assert (user.totp_locked, user.totp_since, user.totp_last_step) == (None, None, None)
        assert session.scalars(select(RecoveryCode)).all() == []
    assert phone.take(codes[0]) == ""


def test_the_address_in_the_picture_names_us_and_the_person(phone: Phone) -> None:
    address = second_factor.address(phone.secret, "ana@example.com")
    assert address.startswith("otpauth://totp/Referins:ana%40example.com?")
    assert phone.secret in address


def test_the_secret_is_found_when_keys_are_changed(phone: Phone) -> None:
    keys = phone.house.running.config.encryption_keys
    with phone.house.database.reading() as session:
        assert relock.census(session, keys).by_key == (1,)
