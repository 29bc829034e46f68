"""The settings of an account (N6)."""

from __future__ import annotations

import pytest
from sqlalchemy import select

from referins_woo.accounts import account
from referins_woo.accounts.models import Account, AuditEntry, User
from referins_woo.errors import InvalidInput
from tests.conftest import ClockHand
from tests.referins_woo.accounts.conftest import House

GOOD = {
    "name": " Ana  & Söhne ",
    "time_zone": "Asia/Tokyo",
    "base_currency": "JPY",
    "sender_name": "Ana",
    "postal_address": "Ana & Söhne\r\n  Hauptstraße 1 \r\n\r\n10115 Berlin",
}


def test_what_was_typed_is_kept_tidied_and_recorded(house: House) -> None:
    user_id, account_id = house.person("ana")
    with house.database.unit() as session:
        changed = account.change(session, account_id, user_id, GOOD)
        assert set(changed) == set(GOOD)
        assert account.change(session, account_id, user_id, GOOD) == [], "the same again is no change"
        kept = session.get_one(Account, account_id)
        assert (kept.name, kept.time_zone, kept.base_currency) == ("Ana & Söhne", "Asia/Tokyo", "JPY")
        assert kept.postal_address == "Ana & Söhne\nHauptstraße 1\n10115 Berlin"
        entry = session.scalars(select(AuditEntry)).one()
        assert entry.action == "account_changed"
        assert "postal address" in entry.subject
        assert "Berlin" not in repr(entry.detail)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("name", "  "),
        ("name", "x" * 201),
        ("sender_name", "Ana\x07"),
        ("time_zone", "Mars/Olympus"),
        ("time_zone", "../../etc/passwd"),
        ("base_currency", "XXX"),
        ("base_currency", "eur"),
        ("postal_address", "x" * 501),
        ("requires_second_factor", "1"),
    ],
)
def test_what_cannot_be_is_refused_by_its_field_and_nothing_is_kept(house: House, field: str, value: str) -> None:
    user_id, account_id = house.person("ana")
    with pytest.raises(InvalidInput) as refused, house.database.unit() as session:
        account.change(session, account_id, user_id, GOOD | {field: value})
    assert refused.value.field == field
    with house.database.reading() as session:
        assert session.get_one(Account, account_id).name == "Ana Ltd"


def test_an_account_without_a_store_may_stay_without_zone_and_currency(house: House) -> None:
    user_id, account_id = house.person("ana")
    with house.database.unit() as session:
        account.change(session, account_id, user_id, GOOD | {"time_zone": "", "base_currency": ""})
        kept = session.get_one(Account, account_id)
        assert (kept.time_zone, kept.base_currency) == (None, None)


def test_what_a_store_brought_can_stay_though_no_list_has_it(house: House) -> None:
    user_id, account_id = house.person("ana")
    with house.database.unit() as session:
        kept = session.get_one(Account, account_id)
        kept.time_zone, kept.base_currency = "+05:30", "HRK"
        session.flush()
        account.change(session, account_id, user_id, GOOD | {"time_zone": "+05:30", "base_currency": "HRK"})
        assert (kept.time_zone, kept.base_currency, kept.sender_name) == ("+05:30", "HRK", "Ana")


def test_an_owner_asks_of_others_what_they_have_themselves(house: House, clock: ClockHand) -> None:
    user_id, account_id = house.person("ana")
    with house.database.unit() as session:
        session.get_one(User, user_id).totp_since = clock.now()
        session.flush()
        account.change(session, account_id, user_id, GOOD | {"requires_second_factor": "1"})
        assert session.get_one(Account, account_id).requires_second_factor


def test_the_lists_hold_what_is_used_today() -> None:
    codes = dict(account.currencies())
    assert {"EUR", "USD", "JPY", "KWD", "INR"} <= set(codes)
    assert "DEM" not in codes
    assert {"UTC", "Europe/Berlin", "America/New_York"} <= set(account.time_zones())
    assert not any(name.startswith(("Etc/", "posix", "right")) for name in account.time_zones())
