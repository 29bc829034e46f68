"""Trying keys and keeping them: what is refused, what is written, what comes back (C6-C11, C15, N6, T0)."""

from __future__ import annotations

import threading
from collections.abc import Callable
from datetime import UTC, datetime

import pytest
from sqlalchemy import select

from referins_woo import clock, queues
from referins_woo.accounts.models import Account, AuditEntry
from referins_woo.bells import BULK
from referins_woo.commerce.models import Location
from referins_woo.errors import InvalidInput, RetryLater
from referins_woo.process import Process
from referins_woo.safe_http import Reply
from referins_woo.stores import connect, mapping
from referins_woo.stores import jobs as _jobs  # registers what the bells call
from referins_woo.stores.connect import Choices, KeysRefused, accept_keys, try_keys
from referins_woo.stores.disconnect import disconnect
from referins_woo.stores.models import Store, StoreLog
from referins_woo.stores.settings import same_identity, time_zone
from tests.conftest import ClockHand
from tests.referins_woo.stores.conftest import KEY, SECRET, SHOP, Call, RecordedShop, raising, reply

Read = Callable[[int], Store]
T0 = datetime(2026, 11, 22, 11, 36, 21, tzinfo=UTC)

assert _jobs


def pending(process: Process, account_id: int, *, url: str = SHOP, choices: Choices | None = None) -> int:
    with process.database.unit() as session:
        return connect.create_pending_store(session, process, account_id, url, choices or Choices()).id


def test_keys_that_may_read_and_write_are_kept_encrypted_with_the_store_s_facts(
    shop: RecordedShop, ready: Process, account_id: int, read_store: Read
) -> None:
    accepted = accept_keys(ready, pending(ready, account_id), f" {KEY} ", f"{SECRET}\n")
    store = read_store(accepted.store_id)
    assert (accepted.state, accepted.is_repair) == ("connected", False)
    assert (store.name, store.currency, store.time_zone) == ("Larkspur Outfitters", "USD", "America/New_York")
    assert (store.woo_version, store.price_decimals) == ("11.0.1", 2)
    assert (store.manage_stock, store.hold_stock_minutes) == (True, 60)
    assert store.identity == "52544b03-dd16-4801-b030-82c1d0bf4188"
    assert (store.auth_mode, store.key_tail) == ("basic", "1111")
    assert store.live_since == T0
    assert KEY not in str(store.key_locked)
    assert ready.vault.unlock(store.key_locked or "") == KEY
    assert ready.vault.unlock(store.secret_locked or "") == SECRET, "a space behind the secret is not forgiven"
    with ready.database.reading() as session:
        account = session.get_one(Account, account_id)
        assert (account.base_currency, account.time_zone) == ("USD", "America/New_York")


def test_trying_keys_changes_nothing_in_the_store(shop: RecordedShop, ready: Process) -> None:
    try_keys(ready, SHOP, KEY, SECRET)
    changing = [call for call in shop.calls if call.method != "GET"]
    assert [(call.method, call.path, call.body) for call in changing] == [("PUT", "orders/2147483647", {})]


@pytest.mark.parametrize(
    ("path", "recording", "cause", "words"),
    [
        ("orders", "auth/https-basic-unknown-key", "key_revoked", "does not accept these keys"),
        ("orders", "auth/https-basic-wrong-secret", "key_revoked", "does not accept these keys"),
        ("orders", "auth/key-of-customer-lists-orders", "key_rights", "Administrator or Shop manager"),
        ("orders", "auth/key-of-editor-lists-orders", "key_rights", "Administrator or Shop manager"),
        ("orders", "auth/write-key-used-for-get", "write_only_key", "may only write"),
        ("system_status", "system_status/get-customer-key", "key_rights", "Administrator or Shop manager"),
        ("orders", "site-states/plain-permalinks-get-orders", "plain_permalinks", "Settings > Permalinks"),
        ("orders", "site-states/woocommerce-deactivated-get-orders", "plugin_off", "activate WooCommerce"),
    ],
)
def test_keys_that_do_not_serve_are_refused_each_with_its_sentence(
    shop: RecordedShop,
    ready: Process,
    account_id: int,
    read_store: Read,
    path: str,
    recording: str,
    cause: str,
    words: str,
) -> None:
    shop.plays("GET", path, recording)
    if path == "orders":
        shop.plays("PUT", "orders/2147483647", "auth/https-no-auth-put-unknown-order")
    if cause == "plain_permalinks":
        shop.plays("GET", "/wp-json/", "site-states/plain-permalinks-wp-json-index")
        shop.plays("GET", "/?rest_route=/", "site-states/plain-permalinks-rest-route-index")
    if cause == "plugin_off":
        shop.plays("GET", "/wp-json/", "site-states/woocommerce-deactivated-wp-json-index")
    store_id = pending(ready, account_id)
    with pytest.raises(KeysRefused) as caught:
        accept_keys(ready, store_id, KEY, SECRET)
    assert (caught.value.cause, caught.value.field) == (cause, "key")
    assert words in caught.value.message
    store = read_store(store_id)
    assert (store.state, store.key_locked, store.secret_locked) == ("connecting", None, None)


def test_a_read_only_key_is_refused_at_connect(shop: RecordedShop, ready: Process) -> None:
    shop.plays("PUT", "orders/2147483647", "auth/read-key-post-to-unknown-order")
    with pytest.raises(KeysRefused, match="may only read") as caught:
        try_keys(ready, SHOP, KEY, SECRET)
    assert caught.value.cause == "read_only_key"


@pytest.mark.parametrize(
    ("key", "secret", "words"),
    [
        ("", SECRET, "consumer key"),
        (KEY, "  ", "consumer secret"),
        (SECRET, KEY, "swapped"),
        ("ck_ä", SECRET, "copy them again"),
    ],
)
def test_keys_that_cannot_be_any_are_not_even_sent(
    shop: RecordedShop, ready: Process, key: str, secret: str, words: str
) -> None:
    with pytest.raises(InvalidInput, match=words):
        try_keys(ready, SHOP, key, secret)
    assert shop.calls == []


def test_a_store_in_trouble_says_nothing_about_the_keys(shop: RecordedShop, ready: Process) -> None:
    shop.plays("GET", "orders", "site-states/maintenance-mode-get-orders")
    with pytest.raises(RetryLater):
        try_keys(ready, SHOP, KEY, SECRET)
    shop.does("GET", "orders", raising("timeout"))
    with pytest.raises(RetryLater):
        try_keys(ready, SHOP, KEY, SECRET)


def test_a_host_that_strips_the_header_is_connected_with_keys_in_the_query(shop: RecordedShop, ready: Process) -> None:
    good, bad = shop.recorded("auth/https-query-string-ok"), shop.recorded("auth/https-no-auth")
    shop.does("GET", "orders", lambda call: good if "consumer_key" in call.query else bad)
    assert try_keys(ready, SHOP, KEY, SECRET).auth_mode == "query"


def test_a_plain_http_store_is_connected_by_oauth(shop: RecordedShop, ready: Process) -> None:
    good, bad = shop.recorded("auth/http-oauth1-sha256-ok"), shop.recorded("auth/http-basic")
    shop.does("GET", "orders", lambda call: good if "oauth_signature" in call.query else bad)
    assert try_keys(ready, "http://127.0.0.1:8090", KEY, SECRET).auth_mode == "oauth1"
    assert not any(SECRET in call.url or "Authorization" in call.headers for call in shop.calls)


def test_t0_is_the_store_s_clock_and_the_skew_is_ours_against_it(
    shop: RecordedShop, ready: Process, account_id: int, read_store: Read, clock: ClockHand
) -> None:
    clock.set(datetime(2026, 11, 22, 12, 36, 21, tzinfo=UTC))
    store = read_store(accept_keys(ready, pending(ready, account_id), KEY, SECRET).store_id)
    assert store.live_since == T0
    assert store.clock_skew_seconds == pytest.approx(-3600, abs=2)


def test_orders_dated_in_the_store_s_future_are_history_but_one_placed_this_moment_is_not(
    shop: RecordedShop, ready: Process, account_id: int, read_store: Read
) -> None:
    first = {"Date": "Sun, 22 Nov 2026 11:36:21 GMT"}
    then = {"Date": "Sun, 22 Nov 2026 11:36:24 GMT"}
    later = [
        {"id": 250, "date_created_gmt": "2027-01-05T15:00:00"},
        {"id": 260, "date_created_gmt": "2026-11-22T11:36:23"},
    ]
    shop.does("GET", "orders", lambda call: reply(200, [{"id": 250}], first), lambda call: reply(200, later, then))
    store = read_store(accept_keys(ready, pending(ready, account_id), KEY, SECRET).store_id)
    assert store.history_order_ids == [250]
    asked = shop.asked("GET", "orders")[1].query
    assert (asked["after"], asked["dates_are_gmt"]) == ("2026-11-22T11:36:21", "true")


def test_the_same_store_cannot_be_connected_twice(
    shop: RecordedShop, ready: Process, account_id: int, store_id: int, read_store: Read
) -> None:
    second = pending(ready, account_id, url="https://www.store.localhost:8443")
    with pytest.raises(InvalidInput, match="connected already") as caught:
        accept_keys(ready, second, KEY, SECRET)
    assert caught.value.field == "url"
    assert read_store(store_id).state == "connected"


def test_a_copy_of_a_connected_store_is_called_a_copy(
    shop: RecordedShop, ready: Process, account_id: int, store_id: int
) -> None:
    with ready.database.unit() as session:
        session.get_one(Store, store_id).home_url = "https://live.example.com"
    second = pending(ready, account_id, url="https://staging.example.com")
    with pytest.raises(InvalidInput, match=r"copy of https://live\.example\.com"):
        accept_keys(ready, second, KEY, SECRET)


@pytest.mark.parametrize("backend", ["sqlite", "postgresql"], indirect=True)
def test_two_browsers_that_connect_one_store_at_the_same_moment_get_one(
    shop: RecordedShop, ready: Process, account_id: int
) -> None:
    both_tried = threading.Barrier(2, timeout=20)
    stock = shop.recorded("settings/group-products")

    def together(call: Call) -> Reply:
        both_tried.wait()
        return stock

    shop.says("GET", "orders", [])
    shop.does("GET", "settings/products", together)
    waiting = [pending(ready, account_id), pending(ready, account_id, url="https://www.store.localhost:8443")]
    outcomes: list[str] = []

    def connect_it(store_id: int) -> None:
        try:
            outcomes.append(accept_keys(ready, store_id, KEY, SECRET).state)
        except InvalidInput as error:
            outcomes.append(error.message)

    threads = [threading.Thread(target=connect_it, args=(store_id,)) for store_id in waiting]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(outcomes)[1] == "connected"
    assert "connected already" in sorted(outcomes)[0]


@pytest.mark.parametrize("backend", ["sqlite", "postgresql"], indirect=True)
def test_disconnect_and_connect_gives_the_row_back_with_a_new_t0_and_the_new_choices(
    shop: RecordedShop, ready: Process, account_id: int, store_id: int, read_store: Read
) -> None:
    shop.says("GET", "webhooks", [])
    disconnect(ready, store_id)
    lost = read_store(store_id)
    assert (lost.state, lost.key_locked, lost.secret_locked, lost.key_tail) == ("disconnected", None, None, "")
    again = pending(ready, account_id, url="https://new.example.com", choices=Choices(sync=frozenset({"orders"})))
    shop.plays("GET", "orders", "auth/https-basic-ok", "orders/list-page-beyond-end", "auth/https-basic-ok")
    accepted = accept_keys(ready, again, KEY, SECRET)
    assert (accepted.store_id, accepted.is_repair) == (store_id, False)
    store = read_store(store_id)
    assert (store.state, store.url, store.live_since) == ("connected", "https://new.example.com", T0)
    assert (store.sync_orders, store.sync_contacts) == (True, False)
    with ready.database.reading() as session:
        assert session.scalars(select(Store.id)).all() == [store_id]


def test_the_audit_log_tells_of_connecting_changing_and_disconnecting(
    shop: RecordedShop, ready: Process, account_id: int
) -> None:
    store_id = accept_keys(ready, pending(ready, account_id), KEY, SECRET).store_id
    with ready.database.unit() as session:
        connect.save_choices(session, session.get_one(Store, store_id), Choices(sync=frozenset({"orders"})))
    accept_keys(ready, store_id, KEY, SECRET)
    with ready.database.unit() as session:
        session.get_one(Store, store_id).state = "needs_reconnect"
    accept_keys(ready, store_id, KEY, SECRET)
    shop.says("GET", "webhooks", [])
    disconnect(ready, store_id, delete_data=True)
    with ready.database.reading() as session:
        entries = session.scalars(select(AuditEntry).where(AuditEntry.account_id == account_id)).all()
    assert [(entry.action, entry.detail) for entry in sorted(entries, key=lambda entry: entry.id)] == [
        ("store_connected", {"key": "…1111"}),
        ("store_settings_changed", {"sync": ["orders"]}),
        ("store_keys_changed", {"key": "…1111"}),
        ("store_reconnected", {"key": "…1111"}),
        ("store_disconnected", {"data": "deleted"}),
    ]
    assert {entry.subject for entry in entries} == {SHOP}


def test_a_repair_keeps_t0_and_rings_for_the_gap(
    shop: RecordedShop, ready: Process, store_id: int, read_store: Read, bells: queues.MemoryBells
) -> None:
    before = datetime(2026, 1, 1, tzinfo=UTC)
    with ready.database.unit() as session:
        store = session.get_one(Store, store_id)
        store.state, store.cause, store.live_since = "needs_reconnect", "key_revoked", before
    accepted = accept_keys(ready, store_id, KEY, SECRET)
    assert accepted.is_repair
    store = read_store(store_id)
    assert (store.state, store.cause, store.live_since) == ("connected", "ok", before)
    assert [(name, args) for _, name, args in bells.pending] == [
        ("heal_webhooks", (store_id,)),
        ("catch_up", (store_id,)),
    ]


def test_keys_of_another_shop_do_not_repair_this_one(
    shop: RecordedShop, ready: Process, store_id: int, read_store: Read
) -> None:
    with ready.database.unit() as session:
        store = session.get_one(Store, store_id)
        store.state, store.cause, store.identity = "needs_reconnect", "key_revoked", "another-shop"
    with pytest.raises(InvalidInput, match="another store"):
        accept_keys(ready, store_id, KEY, SECRET)
    assert read_store(store_id).state == "needs_reconnect"


def test_a_disconnected_row_never_takes_another_shop_in(
    shop: RecordedShop, ready: Process, store_id: int, read_store: Read
) -> None:
    with ready.database.unit() as session:
        store = session.get_one(Store, store_id)
        store.state, store.identity = "disconnected", "another-shop"
    with pytest.raises(InvalidInput, match="another store"):
        accept_keys(ready, store_id, KEY, SECRET)
    assert read_store(store_id).identity == "another-shop"


def test_with_several_locations_the_store_waits_for_one(
    shop: RecordedShop, ready: Process, account_id: int, read_store: Read, bells: queues.MemoryBells
) -> None:
    with ready.database.unit() as session:
        second = Location(account_id=account_id, name="Warehouse")
        foreign = Location(account_id=account_id + 1, name="Theirs")
        session.add_all([second, foreign])
        session.flush()
        second_id, foreign_id = second.id, foreign.id
    accepted = accept_keys(ready, pending(ready, account_id), KEY, SECRET)
    assert accepted.state == "mapping_needed"
    with ready.database.unit() as session, pytest.raises(InvalidInput, match="no such location"):
        mapping.choose(session, session.get_one(Store, accepted.store_id), foreign_id, clock.now())
    with ready.database.unit() as session:
        mapping.choose(session, session.get_one(Store, accepted.store_id), second_id, clock.now())
    assert (read_store(accepted.store_id).state, read_store(accepted.store_id).location_id) == ("connected", second_id)


def test_choices_imply_what_they_need_and_are_kept(ready: Process, account_id: int, read_store: Read) -> None:
    choices = Choices(
        elements=frozenset({"transactions", "collections"}),
        contacts_scope="on_orders",
        sync=frozenset({"orders", "order-submitted"}),
        import_statuses=("wc-processing", "completed"),
    )
    store = read_store(pending(ready, account_id, choices=choices))
    assert store.import_elements == ["orders", "transactions", "products", "collections"]
    assert (store.contacts_scope, store.import_statuses) == ("on_orders", ["processing", "completed"])
    assert (store.sync_orders, store.sync_order_submitted, store.sync_payment_received) == (True, True, False)
    with pytest.raises(InvalidInput, match="coupons"):
        Choices(elements=frozenset({"coupons"})).settled()


def test_a_trigger_switched_on_again_begins_on_the_store_s_clock(
    ready: Process, store_id: int, read_store: Read, clock: ClockHand
) -> None:
    with ready.database.unit() as session:
        store = session.get_one(Store, store_id)
        store.clock_skew_seconds = 3600
        store.sync_payment_received = False
        connect.save_choices(session, store, Choices())
    store = read_store(store_id)
    assert store.sync_payment_received
    assert store.submitted_on_since is None
    assert store.payment_on_since is not None
    assert (store.payment_on_since - clock.now()).total_seconds() == pytest.approx(3600, abs=5)


def test_an_unfinished_store_is_used_again(ready: Process, account_id: int) -> None:
    assert pending(ready, account_id) == pending(ready, account_id, choices=Choices(sync=frozenset()))


def test_an_old_shop_without_an_id_is_known_by_home_and_lowest_order() -> None:
    assert same_identity("https://a.example#12", "https://a.example#12")
    assert same_identity("https://a.example#0", "https://a.example#7"), "it had no order yet"
    assert not same_identity("https://a.example#12", "https://a.example#13")
    assert not same_identity("https://a.example#0", "https://b.example#7")


@pytest.mark.parametrize(
    ("name", "offset", "zone"),
    [
        ("America/New_York", -5, "America/New_York"),
        ("", "5.5", "+05:30"),
        ("", -9.75, "-09:45"),
        ("", 0, "+00:00"),
        ("Nowhere/City", 2, "+02:00"),
        (None, None, ""),
        ("", 99, ""),
    ],
)
def test_the_zone_is_a_city_or_an_offset(name: object, offset: object, zone: str) -> None:
    assert time_zone(name, offset) == zone


def test_a_closed_index_leaves_the_zone_to_an_order_s_two_dates(
    shop: RecordedShop, ready: Process, account_id: int, read_store: Read
) -> None:
    shop.plays("GET", "/wp-json/", "site-states/rest-closed-by-plugin-wp-json-index")
    dates = [{"id": 250, "date_created": "2026-11-22T17:06:21", "date_created_gmt": "2026-11-22T11:36:21"}]
    shop.says("GET", "orders", [{"id": 250}], [], dates)
    store = read_store(accept_keys(ready, pending(ready, account_id), KEY, SECRET).store_id)
    assert store.time_zone == "+05:30"


def test_what_happened_stands_in_the_store_s_log(shop: RecordedShop, ready: Process, account_id: int) -> None:
    accept_keys(ready, pending(ready, account_id), KEY, SECRET)
    with ready.database.reading() as session:
        assert [row.kind for row in session.scalars(select(StoreLog))] == ["connected"]


def test_a_store_that_cannot_reach_us_runs_sweep_only(
    shop: RecordedShop, ready: Process, account_id: int, read_store: Read, bells: queues.MemoryBells
) -> None:
    store_id = pending(ready, account_id, url="https://yourstore.com")  # PUBLIC_URL is http on the loopback
    accept_keys(ready, store_id, KEY, SECRET)
    assert read_store(store_id).sweep_only
    shop.says("GET", "webhooks", [])
    bells.drain(BULK)
    assert not [call for call in shop.calls if call.method == "POST"]


def test_a_later_store_does_not_change_the_account_s_currency_and_zone(
    shop: RecordedShop, ready: Process, account_id: int
) -> None:
    with ready.database.unit() as session:
        account = session.get_one(Account, account_id)
        account.base_currency, account.time_zone = "EUR", "Europe/Berlin"
    accept_keys(ready, pending(ready, account_id), KEY, SECRET)
    with ready.database.reading() as session:
        account = session.get_one(Account, account_id)
        assert (account.base_currency, account.time_zone) == ("EUR", "Europe/Berlin")
