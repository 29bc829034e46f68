"""The stores room against a shop that really listens: connected, read, lost for each cause, repaired, left."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace

import pytest

from referins_woo import queues
from referins_woo.bells import BULK
from referins_woo.commerce.records import CustomerRecord, OrderRecord
from referins_woo.errors import Final, InvalidInput, RetryLater, StoreMustReconnect
from referins_woo.practice_store import PracticeStore, StoreOptions
from referins_woo.process import Process
from referins_woo.stores import connect, jobs, links, webhooks
from referins_woo.stores.disconnect import disconnect
from referins_woo.stores.door import open_store
from referins_woo.stores.models import Store
from tests.conftest import ClockHand

Read = Callable[[int], Store]


@pytest.fixture
def practice() -> Iterator[PracticeStore]:
    """A practice store over plain http on the loopback."""
    with PracticeStore(StoreOptions(size=30, webhook_delay=None)) as store:
        yield store


@pytest.fixture
def connected(practice: PracticeStore, ready: Process, account_id: int) -> int:
    """The practice store, connected with its ready-made keys as the wizard does it."""
    url = connect.normalise_url(practice.url + "/", ready.config).url
    seen = connect.preflight(ready, url, account_id=account_id)
    assert seen.ok, seen.problem
    with ready.database.unit() as session:
        store_id = connect.create_pending_store(session, ready, account_id, seen.url, connect.Choices()).id
    return connect.accept_keys(ready, store_id, practice.consumer_key, practice.consumer_secret).store_id


def ask(process: Process, store_id: int) -> Exception | None:
    try:
        open_store(process, store_id).orders(per_page=1)
    except (RetryLater, StoreMustReconnect, Final) as error:
        return error
    return None


def test_it_is_connected_over_plain_http_and_read(
    practice: PracticeStore, ready: Process, connected: int, read_store: Read
) -> None:
    store = read_store(connected)
    assert (store.state, store.auth_mode, store.sweep_only) == ("connected", "oauth1", False)
    assert (store.currency, store.time_zone, store.name) == ("USD", "America/New_York", "Marlow & Finch")
    assert not [one for one in practice.requests if practice.consumer_secret in str(one)]
    door = open_store(ready, connected)
    orders = door.orders(per_page=100)
    assert len(orders.rows) == orders.total
    assert all(isinstance(order, OrderRecord) for order in orders.rows)
    assert orders.ids == sorted(orders.ids)
    assert door.ids("orders").ids == orders.ids
    order = door.order(orders.ids[0])
    assert isinstance(order, OrderRecord)
    people = door.customers("customer", per_page=5)
    assert door.customers_by_ids(people.ids).keys() == set(people.ids)
    assert isinstance(door.customer(people.ids[0]), CustomerRecord)
    products = door.products(per_page=100)
    assert products.total == len(products.rows)
    assert door.categories().rows
    door.refunds()
    assert door.order(999_999_999) is None
    assert door.facts().identity == store.identity


def test_our_webhooks_are_made_in_it_and_taken_out_again(
    practice: PracticeStore, ready: Process, connected: int, read_store: Read, bells: queues.MemoryBells
) -> None:
    bells.drain(BULK)
    address = links.hook_url(ready.config, read_store(connected).hook_token)
    topics = {*webhooks.ORDER_TOPICS, *webhooks.PRODUCT_TOPICS, *webhooks.CUSTOMER_TOPICS}
    assert {hook.topic for hook in open_store(ready, connected).webhooks() if hook.delivery_url == address} == topics
    assert len(practice.webhooks()) == len(topics)
    jobs.heal_webhooks(connected)
    assert len(practice.webhooks()) == len(topics)
    disconnect(ready, connected)
    assert practice.webhooks() == []


@pytest.mark.parametrize(("permissions", "cause"), [("read", "read_only_key"), ("write", "write_only_key")])
def test_half_a_key_is_refused(practice: PracticeStore, ready: Process, permissions: str, cause: str) -> None:
    key, secret = practice.new_key(permissions)
    with pytest.raises(connect.KeysRefused) as caught:
        connect.try_keys(ready, practice.url, key, secret)
    assert caught.value.cause == cause


def test_a_key_of_a_user_without_rights_and_wrong_keys_are_refused(practice: PracticeStore, ready: Process) -> None:
    key, secret = practice.new_key("read_write", user_id=4)
    with pytest.raises(connect.KeysRefused) as caught:
        connect.try_keys(ready, practice.url, key, secret)
    assert caught.value.cause == "key_rights"
    for wrong in (("ck_" + "0" * 40, practice.consumer_secret), (practice.consumer_key, "cs_" + "0" * 40)):
        with pytest.raises(connect.KeysRefused) as caught:
            connect.try_keys(ready, practice.url, *wrong)
        assert caught.value.cause == "key_revoked"
    assert connect.try_keys(ready, practice.url, *practice.new_key("read_write", user_id=2)).facts.identity


def test_a_revoked_key_is_noticed_and_a_new_one_repairs_with_the_old_t0(
    practice: PracticeStore, ready: Process, connected: int, read_store: Read, clock: ClockHand
) -> None:
    t0 = read_store(connected).live_since
    practice.revoke_key()
    assert isinstance(ask(ready, connected), RetryLater)
    clock.advance(seconds=20)
    assert isinstance(ask(ready, connected), StoreMustReconnect)
    assert read_store(connected).cause == "key_revoked"
    with pytest.raises(InvalidInput):
        connect.try_stored_keys(ready, connected)
    accepted = connect.accept_keys(ready, connected, *practice.new_key())
    assert (accepted.is_repair, accepted.store_id) == (True, connected)
    assert (read_store(connected).state, read_store(connected).live_since) == ("connected", t0)


@pytest.mark.parametrize(("fault", "cause"), [("plain_permalinks", "plain_permalinks"), ("plugin_off", "plugin_off")])
def test_a_store_that_is_mended_comes_back_with_its_keys(
    practice: PracticeStore, ready: Process, connected: int, read_store: Read, clock: ClockHand, fault: str, cause: str
) -> None:
    practice.fault(fault)
    for _ in range(4):
        ask(ready, connected)
        clock.advance(seconds=20)
    assert (read_store(connected).state, read_store(connected).cause) == ("needs_reconnect", cause)
    preflight = connect.preflight(ready, practice.url)
    assert preflight.problem is not None
    assert preflight.problem.key == cause
    practice.clear_faults()
    jobs.probe_store(connected)
    assert read_store(connected).state == "connected"


@pytest.mark.parametrize("fault", ["server_error", "maintenance", "bad_gateway", "rate_limit", "reset", "truncated"])
def test_its_own_troubles_never_lose_it(
    practice: PracticeStore, ready: Process, connected: int, read_store: Read, clock: ClockHand, fault: str
) -> None:
    practice.fault(fault)
    for _ in range(3):
        assert isinstance(ask(ready, connected), RetryLater)
        clock.set(read_store(connected).retry_after)  # type: ignore[arg-type]
    practice.clear_faults()
    assert ask(ready, connected) is None
    assert (read_store(connected).state, read_store(connected).failures) == ("connected", 0)


def test_row_03_over_tls_a_host_that_strips_the_header_works_with_keys_in_the_query(ready: Process) -> None:
    with PracticeStore(StoreOptions(size=5, tls=True, webhook_delay=None)) as store:
        trusting = Process(replace(ready.config, store_ca=store.ca_file), ready.database, ready.vault)
        assert connect.try_keys(trusting, store.url, store.consumer_key, store.consumer_secret).auth_mode == "basic"
        store.fault("strip_authorization")
        assert connect.try_keys(trusting, store.url, store.consumer_key, store.consumer_secret).auth_mode == "query"
        untrusted = connect.preflight(ready, store.url)
        assert untrusted.problem is not None
        assert untrusted.problem.key == "tls"
