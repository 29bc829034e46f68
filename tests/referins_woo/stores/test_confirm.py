"""Which answers of a shop take its connection away, after how long, and which never do (X1, X2, C12)."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from sqlalchemy import select

from referins_woo import queues
from referins_woo.accounts.models import Membership, User
from referins_woo.accounts.users import create_user
from referins_woo.bells import LIVE
from referins_woo.errors import Final, RetryLater, StoreMustReconnect
from referins_woo.mail.models import Message
from referins_woo.process import Process
from referins_woo.safe_http import Reply
from referins_woo.stores import jobs
from referins_woo.stores.door import Faltered, NotSupported, open_store
from referins_woo.stores.models import Store
from tests.conftest import ClockHand
from tests.referins_woo.stores.conftest import Call, RecordedShop, raising, reply

Read = Callable[[int], Store]

PAGES = "text/html; charset=UTF-8"
CHALLENGE = "<!DOCTYPE html><html><head><title>Just a moment...</title></head><body></body></html>"


def messages(process: Process) -> list[Message]:
    with process.database.reading() as session:
        return list(session.scalars(select(Message).order_by(Message.id)))


def ask(process: Process, store_id: int) -> Exception | None:
    try:
        open_store(process, store_id).orders(per_page=1)
    except (RetryLater, StoreMustReconnect, Final) as error:
        return error
    return None


@pytest.mark.parametrize(
    ("recording", "cause"),
    [
        ("auth/key-after-revocation", "key_revoked"),
        ("auth/https-basic-wrong-secret", "key_revoked"),
        ("auth/key-of-customer-lists-orders", "key_rights"),
        ("auth/write-key-used-for-get", "write_only_key"),
    ],
)
def test_a_refusal_that_lasts_over_two_pairs_of_probes_loses_the_store(
    shop: RecordedShop, ready: Process, store_id: int, read_store: Read, clock: ClockHand, recording: str, cause: str
) -> None:
    shop.plays("GET", "orders", recording)
    shop.plays("PUT", "orders/2147483647", "auth/https-no-auth-put-unknown-order")

    first = ask(ready, store_id)
    assert isinstance(first, RetryLater)
    assert first.after_seconds == 20
    assert read_store(store_id).state == "connected"
    assert {call.query.keys() & {"consumer_key"} != set() for call in shop.asked("GET", "orders")} == {True, False}

    asked = len(shop.calls)
    clock.advance(seconds=10)
    assert isinstance(ask(ready, store_id), RetryLater)
    assert len(shop.calls) == asked, "while the refusal is being confirmed nobody asks"

    clock.advance(seconds=10)
    lost = ask(ready, store_id)
    assert isinstance(lost, StoreMustReconnect)
    assert lost.cause == cause
    store = read_store(store_id)
    assert (store.state, store.cause, store.reconnect_episode) == ("needs_reconnect", cause, 1)
    assert recording.startswith("auth/") and store.cause_detail


def test_a_wrong_secret_and_a_write_key_are_told_apart_without_reading_the_message(
    shop: RecordedShop, ready: Process, store_id: int, read_store: Read, clock: ClockHand
) -> None:
    translated = {"code": "woocommerce_rest_authentication_error", "message": "Nein.", "data": {"status": 401}}
    shop.says("GET", "orders", translated, status=401)
    ask(ready, store_id)
    clock.advance(seconds=21)
    ask(ready, store_id)
    assert read_store(store_id).cause == "write_only_key"


def test_half_a_pair_of_probes_confirms_nothing(
    shop: RecordedShop, ready: Process, store_id: int, read_store: Read
) -> None:
    down, refused = shop.recorded("site-states/php-down-502-get-orders"), shop.recorded("auth/key-after-revocation")
    shop.does("GET", "orders", lambda call: down if "consumer_key" in call.query else refused)
    assert isinstance(ask(ready, store_id), Faltered)
    assert read_store(store_id).suspect_cause == ""


def test_one_refusal_among_good_answers_changes_nothing(
    shop: RecordedShop, ready: Process, store_id: int, read_store: Read
) -> None:
    shop.plays("GET", "orders", "auth/key-after-revocation", "auth/https-basic-ok")
    assert open_store(ready, store_id).ids("orders", per_page=1).ids == [250]
    store = read_store(store_id)
    assert (store.state, store.suspect_cause, store.retry_after) == ("connected", "", None)


def test_a_good_answer_ends_the_suspicion(
    shop: RecordedShop, ready: Process, store_id: int, read_store: Read, clock: ClockHand
) -> None:
    shop.plays("GET", "orders", "auth/key-after-revocation")
    ask(ready, store_id)
    assert read_store(store_id).suspect_cause == "key_revoked"
    clock.advance(seconds=21)
    shop.plays("GET", "orders", "auth/https-basic-ok")
    assert ask(ready, store_id) is None
    assert read_store(store_id).suspect_cause == ""
    shop.plays("GET", "orders", "auth/key-after-revocation")
    assert isinstance(ask(ready, store_id), RetryLater), "counting starts anew"


def test_a_host_that_strips_the_header_gets_the_keys_in_the_query_from_then_on(
    shop: RecordedShop, ready: Process, store_id: int, read_store: Read
) -> None:
    shop.does(
        "GET",
        "orders",
        lambda call: shop.recorded(
            "auth/https-query-string-ok" if "consumer_key" in call.query else "auth/https-no-auth"
        ),
    )
    assert open_store(ready, store_id).ids("orders", per_page=1).ids
    assert read_store(store_id).auth_mode == "query"
    before = len(shop.calls)
    open_store(ready, store_id).ids("orders", per_page=1)
    assert len(shop.calls) == before + 1, "the mode is remembered"


def test_a_firewall_page_is_given_fifteen_minutes(
    shop: RecordedShop, ready: Process, store_id: int, read_store: Read, clock: ClockHand
) -> None:
    shop.says("GET", "orders", CHALLENGE, status=403, **{"Content-Type": PAGES, "cf-mitigated": "challenge"})
    asked = 0
    for _ in range(400):
        if isinstance(ask(ready, store_id), StoreMustReconnect):
            break
        assert read_store(store_id).suspect_cause == "blocked"
        asked += 1
        clock.set(read_store(store_id).retry_after)  # type: ignore[arg-type]
    store = read_store(store_id)
    assert (store.state, store.cause) == ("needs_reconnect", "blocked")
    assert 4 <= asked <= 12, "probes back off"


def test_a_plugin_that_is_off_needs_three_findings_within_a_minute(
    shop: RecordedShop, ready: Process, store_id: int, read_store: Read, clock: ClockHand
) -> None:
    shop.plays("GET", "orders", "site-states/woocommerce-deactivated-get-orders")
    shop.plays("GET", "/wp-json/", "site-states/woocommerce-deactivated-wp-json-index")
    assert isinstance(ask(ready, store_id), RetryLater)
    clock.advance(seconds=20)
    assert isinstance(ask(ready, store_id), RetryLater)
    clock.advance(seconds=20)
    assert isinstance(ask(ready, store_id), StoreMustReconnect)
    assert read_store(store_id).cause == "plugin_off"


@pytest.mark.parametrize("answer", ["site-states/plain-permalinks-get-orders", "errors/home-page-html-not-api"])
def test_plain_permalinks_are_recognised_by_their_other_index(
    shop: RecordedShop, ready: Process, store_id: int, read_store: Read, clock: ClockHand, answer: str
) -> None:
    shop.plays("GET", "orders", answer)
    shop.plays("GET", "/wp-json/", "site-states/plain-permalinks-wp-json-index")
    shop.plays("GET", "/?rest_route=/", "site-states/plain-permalinks-rest-route-index")
    ask(ready, store_id)
    clock.advance(seconds=20)
    assert isinstance(ask(ready, store_id), StoreMustReconnect)
    assert read_store(store_id).cause == "plain_permalinks"


def test_a_closed_rest_api_is_named_when_keys_are_refused_too(
    shop: RecordedShop, ready: Process, store_id: int, read_store: Read, clock: ClockHand
) -> None:
    shop.plays("GET", "orders", "site-states/rest-closed-by-plugin-without-auth")
    shop.plays("GET", "/wp-json/", "site-states/rest-closed-by-plugin-wp-json-index")
    for _ in range(3):
        ask(ready, store_id)
        clock.advance(seconds=20)
    assert read_store(store_id).cause == "rest_closed"


@pytest.mark.parametrize(
    "recording",
    [
        "site-states/maintenance-mode-get-orders",
        "site-states/database-down-get-orders",
        "site-states/php-fatal-in-rest-get-orders",
        "site-states/php-down-502-get-orders",
    ],
)
def test_a_store_in_trouble_is_never_lost(
    shop: RecordedShop, ready: Process, store_id: int, read_store: Read, clock: ClockHand, recording: str
) -> None:
    shop.plays("GET", "orders", recording)
    for _ in range(6):
        error = ask(ready, store_id)
        assert isinstance(error, RetryLater)
        clock.set(read_store(store_id).retry_after)  # type: ignore[arg-type]
    store = read_store(store_id)
    assert (store.state, store.cause, store.failures) == ("connected", "ok", 6)
    assert messages(ready) == []


def test_the_store_s_own_pause_is_obeyed(
    shop: RecordedShop, ready: Process, store_id: int, read_store: Read, clock: ClockHand
) -> None:
    shop.plays("GET", "orders", "site-states/maintenance-mode-get-orders")
    with pytest.raises(Faltered) as caught:
        open_store(ready, store_id).orders(per_page=1)
    assert caught.value.status == 503
    assert caught.value.after_seconds == pytest.approx(600, abs=2)
    with pytest.raises(RetryLater):
        open_store(ready, store_id)
    assert open_store(ready, store_id, force=True).store.id == store_id


@pytest.mark.parametrize("kind", ["dns", "tls", "timeout", "refused", "reset"])
def test_a_store_that_cannot_be_reached_for_a_day_is_told_once_and_stays_connected(
    shop: RecordedShop, ready: Process, store_id: int, read_store: Read, clock: ClockHand, kind: str
) -> None:
    shop.does("GET", "orders", raising(kind))
    ask(ready, store_id)
    clock.advance(hours=25)
    ask(ready, store_id)
    clock.advance(hours=1)
    ask(ready, store_id)
    store = read_store(store_id)
    assert (store.state, store.cause) == ("connected", "unreachable")
    assert len(messages(ready)) == 1
    clock.advance(hours=1)
    shop.plays("GET", "orders", "auth/https-basic-ok")
    assert ask(ready, store_id) is None
    assert (read_store(store_id).cause, read_store(store_id).failures) == ("ok", 0)


@pytest.mark.parametrize("body", ["", "<html><body>Back soon</body></html>", '[{"id": 250, "status": "pro'])
def test_an_answer_that_is_no_answer_is_the_store_s_trouble(
    shop: RecordedShop, ready: Process, store_id: int, read_store: Read, body: str
) -> None:
    shop.says("GET", "orders", body)
    shop.plays("GET", "/?rest_route=/", "site-states/plain-permalinks-rest-route-index")
    assert isinstance(ask(ready, store_id), RetryLater)
    assert read_store(store_id).suspect_cause == ""


def test_row_17_too_many_requests_leave_one_connection(
    shop: RecordedShop, ready: Process, store_id: int, read_store: Read
) -> None:
    shop.says("GET", "orders", {"code": "too_many", "message": "slow down"}, status=429)
    ask(ready, store_id)
    assert read_store(store_id).connections == 1


def test_an_answer_asked_for_before_the_trouble_does_not_end_its_pause(
    shop: RecordedShop, ready: Process, store_id: int, read_store: Read
) -> None:
    door = open_store(ready, store_id)

    def slow_success(call: Call) -> Reply:
        shop.plays("GET", "orders", "site-states/maintenance-mode-get-orders")
        with pytest.raises(Faltered):
            door.ids("orders", per_page=1)  # what another thread meets meanwhile
        return shop.recorded("auth/https-basic-ok")

    shop.does("GET", "orders", slow_success)
    assert door.ids("orders", per_page=1).ids == [250]
    store = read_store(store_id)
    assert store.failures == 1
    assert store.retry_after is not None


def test_one_record_that_is_gone_is_no_fault_of_the_connection(
    shop: RecordedShop, ready: Process, store_id: int, read_store: Read
) -> None:
    shop.plays("GET", "orders/999999", "orders/single-404")
    shop.plays("GET", "customers/999999", "customers/single-404")
    shop.plays("GET", "products/999999", "products/single-404")
    door = open_store(ready, store_id)
    assert (door.order(999999), door.customer(999999), door.product(999999)) == (None, None, None)
    assert read_store(store_id).suspect_cause == ""


def test_a_resource_that_stays_refused_while_orders_are_read_ends_in_reconnect_by_its_name(
    shop: RecordedShop, ready: Process, store_id: int, read_store: Read, clock: ClockHand
) -> None:
    shop.plays("GET", "orders", "auth/https-basic-ok")
    shop.plays("GET", "customers", "auth/key-of-editor-lists-customers")
    with pytest.raises(RetryLater):
        open_store(ready, store_id).customers("all")
    clock.advance(seconds=21)
    door = open_store(ready, store_id)
    door.ids("orders", per_page=1)  # another resource that passes is no acquittal
    with pytest.raises(StoreMustReconnect):
        door.customers("all")
    store = read_store(store_id)
    assert store.cause == "key_rights"
    assert "customers" in store.cause_detail


def test_a_route_that_the_store_never_had_is_not_supported(
    shop: RecordedShop, ready: Process, store_id: int, read_store: Read
) -> None:
    shop.plays("GET", "orders", "auth/https-basic-ok")
    shop.plays("GET", "refunds", "errors/no-route-wc")
    with pytest.raises(NotSupported):
        open_store(ready, store_id).refunds()
    assert read_store(store_id).suspect_cause == ""


def test_a_refused_write_loses_the_store_at_once_but_reading_goes_on(
    shop: RecordedShop, ready: Process, store_id: int, read_store: Read
) -> None:
    shop.plays("GET", "orders", "auth/https-basic-ok")
    shop.plays("POST", "webhooks", "auth/read-key-used-for-webhook-create")
    door = open_store(ready, store_id)
    with pytest.raises(StoreMustReconnect):
        door.create_webhook(name="x", topic="order.created", delivery_url="https://app.example.com/x", secret="s")
    assert (read_store(store_id).state, read_store(store_id).cause) == ("needs_reconnect", "read_only_key")
    reading = open_store(ready, store_id)
    assert reading.ids("orders", per_page=1).ids
    with pytest.raises(StoreMustReconnect):
        reading.delete_webhook(1)


def test_every_active_user_gets_one_mail_for_each_episode(
    shop: RecordedShop, ready: Process, store_id: int, account_id: int, clock: ClockHand
) -> None:
    with ready.database.unit() as session:
        second = create_user(session, "second@shop.example", "correct horse battery")
        session.add(Membership(account_id=account_id, user_id=second.id, role="member"))
        gone = create_user(session, "gone@shop.example", "correct horse battery")
        session.add(Membership(account_id=account_id, user_id=gone.id, role="member"))
        session.get_one(User, gone.id).active = False
    shop.plays("GET", "orders", "auth/key-after-revocation")
    for _ in range(5):
        ask(ready, store_id)
        clock.advance(seconds=21)
    sent = messages(ready)
    assert sorted(one.to_email for one in sent) == ["owner@shop.example", "second@shop.example"]
    assert {one.purpose for one in sent} == {"system"}
    assert sent[0].facts["link"].startswith(f"{ready.config.public_url}/reconnect/")


def test_reminders_come_after_one_three_and_seven_days_and_never_twice(
    shop: RecordedShop, ready: Process, store_id: int, clock: ClockHand
) -> None:
    shop.plays("GET", "orders", "auth/key-after-revocation")
    ask(ready, store_id)
    clock.advance(seconds=21)
    ask(ready, store_id)
    counts = []
    for _ in range(20):
        jobs.remind()
        counts.append(len(messages(ready)))
        clock.advance(hours=12)
    assert counts == [1, 1, 2, 2, 2, 2, 3, 3, 3, 3, 3, 3, 3, 3, 4, 4, 4, 4, 4, 4]


def test_the_sweep_confirms_what_no_job_asks_about(
    shop: RecordedShop, ready: Process, store_id: int, read_store: Read, clock: ClockHand, bells: queues.MemoryBells
) -> None:
    shop.plays("GET", "orders", "auth/key-after-revocation")
    ask(ready, store_id)
    jobs.ring_for_suspects()
    assert bells.pending == []
    clock.advance(seconds=20)
    jobs.ring_for_suspects()
    assert [name for _, name, _ in bells.pending] == ["probe_store"]
    bells.drain(LIVE)
    assert read_store(store_id).state == "needs_reconnect"


def test_a_lost_store_comes_back_by_itself_once_its_plugin_is_on_again(
    shop: RecordedShop, ready: Process, store_id: int, read_store: Read, clock: ClockHand, bells: queues.MemoryBells
) -> None:
    healthy = dict(shop.answers)
    shop.plays("GET", "orders", "site-states/woocommerce-deactivated-get-orders")
    shop.plays("GET", "/wp-json/", "site-states/woocommerce-deactivated-wp-json-index")
    for _ in range(3):
        ask(ready, store_id)
        clock.advance(seconds=20)
    assert read_store(store_id).state == "needs_reconnect"
    shop.answers = healthy
    jobs.ring_for_mended()
    assert bells.drain(LIVE) == 1
    store = read_store(store_id)
    assert (store.state, store.cause, store.reconnect_episode) == ("connected", "ok", 1)


def test_no_two_threads_count_one_trouble_twice(
    shop: RecordedShop, ready: Process, store_id: int, read_store: Read
) -> None:
    shop.does("GET", "orders", lambda call: reply(500, {"code": "wp_die", "message": "x"}))
    door = open_store(ready, store_id)
    for _ in range(4):
        with pytest.raises(Faltered):
            door.orders()
    assert read_store(store_id).failures == 1
