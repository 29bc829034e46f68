"""The link in the reconnect mail, and the data that disconnecting deletes (X1, X3, O2)."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from sqlalchemy import func, select

from referins_woo import clock as application_clock
from referins_woo.commerce.models import Collection, Contact
from referins_woo.mail.models import Message
from referins_woo.process import Process
from referins_woo.stores import jobs, links, reconnect
from referins_woo.stores.disconnect import disconnect
from referins_woo.stores.models import Store, StoreLog
from tests.conftest import ClockHand
from tests.referins_woo.stores.conftest import RecordedShop


def lose(process: Process, store_id: int) -> str:
    """Lose the store and return its link's token."""
    with process.database.unit() as session:
        now = application_clock.now()
        assert reconnect.lose(session, process.config, store_id, "key_revoked", "401", now)
        episode = session.get_one(Store, store_id, populate_existing=True).reconnect_episode
    return links.make_reconnect_link(process.config, store_id, episode, now).rpartition("/")[2]


def opened(process: Process, token: str) -> int:
    with process.database.reading() as session:
        return reconnect.open_link(session, process.config, token, application_clock.now()).id


def test_a_link_opens_its_store_for_seven_days(ready: Process, store_id: int, clock: ClockHand) -> None:
    token = lose(ready, store_id)
    assert opened(ready, token) == store_id
    clock.advance(days=6, hours=23)
    assert opened(ready, token) == store_id
    clock.advance(hours=2)
    with pytest.raises(links.LinkInvalid) as caught:
        opened(ready, token)
    assert caught.value.expired


def test_a_link_ends_with_its_episode(ready: Process, store_id: int) -> None:
    token = lose(ready, store_id)
    with ready.database.unit() as session:
        session.get_one(Store, store_id).state = "connected"
    with pytest.raises(links.LinkInvalid, match="connected again"):
        opened(ready, token)
    second = lose(ready, store_id)
    with pytest.raises(links.LinkInvalid):
        opened(ready, token)
    assert opened(ready, second) == store_id


def test_a_new_link_is_sent_to_the_users_at_most_once_an_hour(ready: Process, store_id: int, clock: ClockHand) -> None:
    clock.set(datetime(2026, 11, 22, 12, 5, tzinfo=UTC))
    lose(ready, store_id)
    for _ in range(3):
        with ready.database.unit() as session:
            assert reconnect.renew_link(session, ready.config, store_id, application_clock.now())
    with ready.database.unit() as session:
        assert session.scalar(select(func.count(Message.id))) == 2
        session.get_one(Store, store_id).state = "connected"
        assert not reconnect.renew_link(session, ready.config, store_id, application_clock.now())


def test_a_forged_link_opens_nothing(ready: Process, store_id: int) -> None:
    token = lose(ready, store_id)
    for forged in ("", "x", token[:-2], token + "x", token.swapcase()):
        with pytest.raises(links.LinkInvalid) as caught:
            opened(ready, forged)
        assert not caught.value.expired


def test_two_links_of_one_store_are_never_alike(ready: Process, store_id: int) -> None:
    now = datetime(2026, 11, 22, tzinfo=UTC)
    made = {links.make_reconnect_link(ready.config, store_id, 1, now) for _ in range(3)}
    assert len(made) == 3


@pytest.mark.parametrize("backend", ["sqlite", "postgresql"], indirect=True)
def test_whoever_comes_second_loses_nothing_and_writes_nobody(ready: Process, store_id: int) -> None:
    lose(ready, store_id)
    with ready.database.unit() as session:
        now = application_clock.now()
        assert not reconnect.lose(session, ready.config, store_id, "key_revoked", "401", now)
        assert session.scalar(select(func.count(StoreLog.id))) == 1


@pytest.mark.parametrize("backend", ["sqlite", "postgresql"], indirect=True)
def test_deleting_the_data_of_a_store_takes_its_records_and_keeps_contacts_and_other_stores(
    shop: RecordedShop, ready: Process, store_id: int, account_id: int
) -> None:
    shop.says("GET", "webhooks", [])
    with ready.database.unit() as session:
        theirs = Store(
            account_id=account_id,
            url="https://other.example.com",
            hook_token="t" * 43,
            hook_secret_locked="x",
            state="connected",
        )
        session.add(theirs)
        session.flush()
        for owner in (store_id, theirs.id):
            session.add(Collection(account_id=account_id, store_id=owner, woo_id=1, name="Mugs", slug="mugs"))
        contacts = session.scalar(select(func.count(Contact.id)))
    jobs.disconnect_store(store_id)
    with ready.database.reading() as session:
        assert session.scalar(select(func.count(Collection.id))) == 2, "a connected store keeps its data"
    disconnect(ready, store_id, delete_data=True)
    jobs.disconnect_store(store_id)
    with ready.database.reading() as session:
        assert session.scalars(select(Collection.store_id)).all() == [theirs.id]
        assert session.scalar(select(func.count(Contact.id))) == contacts
        assert session.get_one(Store, store_id).state == "disconnected"
