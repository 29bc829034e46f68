"""Every fault of the practice store × every kind of request: what state follows, which mails, which words; and that
nothing is lost or doubled once the fault is over (the table "401/403/404 and transients", rows 1-33 of matrix C)."""

from __future__ import annotations

import html
import re
from collections import Counter
from collections.abc import Callable, Iterable
from typing import Any

import pytest
import requests

import referins_woo.stores.jobs as store_jobs
from referins_woo import queues
from referins_woo.bells import BULK, LIVE
from referins_woo.commerce.models import Order
from referins_woo.errors import Final, RetryLater, StoreMustReconnect
from referins_woo.events.models import Event
from referins_woo.ingest import importing
from referins_woo.ingest import jobs as ingest_jobs
from referins_woo.ingest.models import Delivery, Import
from referins_woo.practice_store.faults import KINDS
from referins_woo.process import Process
from referins_woo.stores import connect, webhooks
from referins_woo.stores.connection import words_for
from referins_woo.stores.door import open_store
from referins_woo.stores.models import Store
from tests.conftest import ClockHand, LiveServer
from tests.flows.merchants import EMAIL, Merchant, merchant_of, off

_API = "^/wp-json/wc/"

LOST: dict[str, tuple[dict[str, Any], str]] = {
    "unauthorized": ({}, "key_revoked"),
    "keys_revoked": ({}, "key_revoked"),
    "forbidden": ({}, "key_rights"),
    "firewall": ({}, "blocked"),
    "plain_permalinks": ({}, "plain_permalinks"),
    "plugin_off": ({}, "plugin_off"),
    "no_route": ({"path": _API}, "rest_closed"),
    "moved": ({}, "moved"),
}
"""Fault → how it is switched on, and the cause with which the store is lost."""

TRANSIENT: dict[str, dict[str, Any]] = {
    "status": {"status": 503},
    "rate_limit": {"seconds": 5},
    "server_error": {},
    "maintenance": {"seconds": 60},
    "bad_gateway": {},
    "html_ok": {"path": "^/(wp-json/|$)"},
    "reset": {},
    "empty_body": {},
    "truncated": {},
    "truncated_json": {},
    "database_down": {},
}
"""Faults of the store's own: they never lose it."""

HARMLESS: dict[str, dict[str, Any]] = {
    "latency": {"seconds": 0.01},
    "empty_list": {"count": 1},
    "short_page": {"count": 1},
    "php_warning": {},
    "php_warning_rows": {},
    "coming_soon": {},
    "object_rows": {},
    "false_gzip": {},
    "packed_unsaid": {},
    "nameless": {},
    "no_filter": {},
    "bom": {},
    "invalid_utf8": {},
    "wrong_total": {},
    "clock_skew": {"seconds": 30},
    "page_limit": {"number": 5},
    "strip_authorization": {},
    "rest_closed": {},
    "webhooks_dropped": {},
    "webhooks_duplicated": {},
    "webhooks_delayed": {},
}
"""What must not even be noticed, but for the work that it costs."""

ELSEWHERE = {"keys_read_only", "repeat_page", "order_breaks", "order_poison", "drip", "gzip_bomb"}
"""Faults with a test of their own: rows 4, 19, 25, 30 and 32. Changes for a store: test_store_faults_writes.py."""


def marked(faults: Iterable[str], *always: str) -> list[Any]:
    """All of them are many: but for a few they are for the long run."""
    return [name if name in always else pytest.param(name, marks=pytest.mark.storm) for name in faults]


@pytest.fixture
def backend() -> str:
    """What follows from an answer is the same on both databases."""
    return "sqlite"


def test_every_fault_of_the_practice_store_has_its_place() -> None:
    assert LOST.keys() | TRANSIENT.keys() | HARMLESS.keys() | ELSEWHERE == KINDS.keys()


def page_of(server: LiveServer, path: str) -> str:
    """Open a page as the merchant, over HTTP; returns its text, without the marks of HTML."""
    return html.unescape(signed_in(server.url).get(f"{server.url}{path}", timeout=20).text)


def signed_in(url: str, email: str = EMAIL) -> requests.Session:
    """Return a browser without script that has signed in through the form."""
    browser = requests.Session()
    browser.trust_env = False
    token = re.search(r'name="csrf_token" value="([^"]+)"', browser.get(f"{url}/sign-in", timeout=20).text)
    assert token
    form = {"csrf_token": token[1], "email": email, "password": "correct horse battery"}
    assert browser.post(f"{url}/sign-in", data=form, headers={"Origin": url}, timeout=20).url == f"{url}/"
    return browser


def import_page(merchant: Merchant) -> None:
    with merchant.process.database.unit() as session:
        store = session.get_one(Store, merchant.store_id)
        if not merchant.count(Import, Import.state.in_(importing.OPEN_STATES)) and store.state == "connected":
            importing.start(session, store, ["orders"])
    ingest_jobs.ring_for_imports()
    merchant.bells.drain(BULK)


def catch_up(merchant: Merchant) -> None:
    queues.ring("catch_up", merchant.store_id)
    merchant.bells.drain(BULK)


def registration(merchant: Merchant) -> None:
    for hook in merchant.practice.webhooks()[:1]:
        merchant.practice.shop.remove("webhook", hook["id"])
    store_jobs.heal_webhooks(merchant.store_id)


def write(merchant: Merchant) -> None:
    try:
        door = open_store(merchant.process, merchant.store_id)
        door.delete_webhook(999_999)
    except (RetryLater, StoreMustReconnect, Final):
        pass


REQUESTS: dict[str, Callable[[Merchant], None]] = {
    "import page": import_page,
    "catch-up": catch_up,
    "webhook registration": registration,
    "write": write,
}


def let_time_pass(merchant: Merchant) -> None:
    """The clock process: suspects are probed when their time has come, imports and stores asked after their pause."""
    pauses = [row.retry_at for row in merchant.rows(Import, Import.state == "waiting")]
    until = max((one for one in (merchant.store.retry_after, *pauses) if one is not None), default=None)
    if until is not None and until > merchant.clock.now():
        merchant.clock.set(until)
    merchant.clock.advance(seconds=1)
    store_jobs.ring_for_suspects()
    merchant.bells.drain(LIVE)


def at_rest(merchant: Merchant) -> None:
    """INV1-INV5 once the fault is over."""
    for _ in range(3):
        merchant.clock.advance(minutes=6)
        ingest_jobs.ring_for_imports()
        ingest_jobs.ring_for_deliveries()
        queues.ring("heal_webhooks", merchant.store_id)
        queues.ring("catch_up", merchant.store_id)
        merchant.bells.drain()
    assert (merchant.store.state, merchant.store.cause) == ("connected", "ok")
    assert merchant.store.catching_up_since is None
    assert merchant.count(Delivery, Delivery.state == "received") == 0
    assert merchant.count(Import, Import.state.in_(importing.OPEN_STATES)) == 0
    orders = Counter(row.woo_id for row in merchant.rows(Order))
    assert set(orders.values()) == {1}
    happened = Counter((row.subject, row.kind) for row in merchant.rows(Event))
    assert set(happened.values()) <= {1}
    topics = sorted(hook["topic"] for hook in merchant.practice.webhooks())
    assert topics == sorted([*webhooks.ORDER_TOPICS, *webhooks.PRODUCT_TOPICS, *webhooks.CUSTOMER_TOPICS]), "each once"
    assert off(merchant.ledger()["orders"]) == 0


@pytest.mark.parametrize("request_kind", REQUESTS)
@pytest.mark.parametrize(
    "fault",
    [name if name in ("keys_revoked", "plugin_off") else pytest.param(name, marks=pytest.mark.storm) for name in LOST],
)
def test_a_lasting_refusal_loses_the_store_once_and_all_is_here_after_the_repair(
    running: Process,
    bells: queues.MemoryBells,
    clock: ClockHand,
    live_server: LiveServer,
    fault: str,
    request_kind: str,
) -> None:
    options, cause = LOST[fault]
    with merchant_of(running, bells, clock, size=8) as merchant:
        merchant.connect()
        before = merchant.practice.create_order(email="before@example.com")
        merchant.practice.fault(fault, **options)
        began = clock.now()
        for _ in range(40):
            REQUESTS[request_kind](merchant)
            if merchant.store.state == "needs_reconnect":
                break
            let_time_pass(merchant)
        store = merchant.store
        assert (store.state, store.cause) == ("needs_reconnect", cause)
        lasted = (clock.now() - began).total_seconds()
        assert lasted <= (1_500 if cause == "blocked" else 120), "noticed within a cycle, blocked after 15 minutes"
        for _ in range(3):  # whatever asks now: no second mail
            REQUESTS[request_kind](merchant)
            let_time_pass(merchant)
        assert [mail.to_email for mail in merchant.mails()] == ["olga@shop.example"]
        assert merchant.mails()[0].facts["title"] == words_for(cause).title
        assert merchant.mails()[0].facts["steps"] == list(words_for(cause).steps)
        shown = page_of(live_server, f"/settings/integrations/woocommerce/{merchant.store_id}")
        for words in (words_for(cause).title, *words_for(cause).steps):
            assert words in shown, "the page says what the e-mail says"
        during = merchant.practice.create_order(email="during@example.com")
        merchant.practice.clear_faults()
        accepted = connect.try_stored_keys(running, merchant.store_id)
        assert accepted.is_repair
        at_rest(merchant)
        for woo_id in (before, during):
            assert merchant.events()[woo_id, "order_submitted"] == ("fired", "")


@pytest.mark.parametrize("request_kind", REQUESTS)
@pytest.mark.parametrize(
    "fault",
    [name if name in ("server_error", "reset") else pytest.param(name, marks=pytest.mark.storm) for name in TRANSIENT],
)
def test_a_store_in_trouble_of_its_own_is_never_lost_and_loses_nothing(
    running: Process,
    bells: queues.MemoryBells,
    clock: ClockHand,
    live_server: LiveServer,
    fault: str,
    request_kind: str,
) -> None:
    with merchant_of(running, bells, clock, size=8) as merchant:
        merchant.connect()
        woo_id = merchant.practice.create_order(email="ann@example.com")
        merchant.practice.fault(fault, **TRANSIENT[fault])
        pauses = []
        for _ in range(4):
            REQUESTS[request_kind](merchant)
            until = merchant.store.retry_after
            assert until is not None, "it is given a pause"
            pauses.append((until - clock.now()).total_seconds())
            merchant.practice.forget_requests()
            REQUESTS[request_kind](merchant)
            assert merchant.asked() == [], "and not asked in it"
            let_time_pass(merchant)
        assert pauses[-1] > pauses[0] or fault in ("maintenance", "rate_limit"), "longer and longer, or as it says"
        assert (merchant.store.state, merchant.store.failures) == ("connected", 4)
        assert merchant.mails() == []
        for page, words in (("", "has not answered well since"), ("/health", "Not answering")):
            shown = page_of(live_server, f"/settings/integrations/woocommerce/{merchant.store_id}{page}")
            assert words in shown
            assert merchant.store.last_error in shown
        merchant.practice.clear_faults()
        at_rest(merchant)
        assert merchant.events()[woo_id, "order_submitted"] == ("fired", "")


@pytest.mark.storm
@pytest.mark.parametrize("request_kind", REQUESTS)
@pytest.mark.parametrize("fault", HARMLESS)
def test_what_stores_do_to_their_answers_is_overlooked(
    running: Process, bells: queues.MemoryBells, clock: ClockHand, fault: str, request_kind: str
) -> None:
    with merchant_of(running, bells, clock, size=8) as merchant:
        merchant.connect()
        woo_id = merchant.practice.create_order(email="ann@example.com")
        merchant.practice.fault(fault, **HARMLESS[fault])
        for _ in range(2):
            REQUESTS[request_kind](merchant)
            let_time_pass(merchant)
        merchant.practice.clear_faults()
        assert (merchant.store.state, merchant.mails()) == ("connected", [])
        at_rest(merchant)
        assert merchant.events()[woo_id, "order_submitted"] == ("fired", "")
