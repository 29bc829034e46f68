"""WooCommerce's permission page: keys that come, come twice, come late, or never (C5, facts 92-100)."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from sqlalchemy import select

from referins_woo import queues
from referins_woo.bells import LIVE
from referins_woo.errors import InvalidInput
from referins_woo.process import Process
from referins_woo.stores import grants, jobs
from referins_woo.stores.connect import Choices, create_pending_store
from referins_woo.stores.models import Grant, Store
from tests.conftest import ClockHand
from tests.referins_woo.stores.conftest import SHOP, RecordedShop, raising

Read = Callable[[int], Store]
CHOICES = Choices(elements=frozenset({"orders"}), sync=frozenset({"orders", "order-submitted"}))


@pytest.fixture
def asked(shop: RecordedShop, ready: Process, account_id: int) -> tuple[int, str]:
    """A pending store, and the state of the grant for which its merchant left."""
    with ready.database.unit() as session:
        store = create_pending_store(session, ready, account_id, SHOP, CHOICES)
        url = grants.start(session, ready, store)
        return store.id, parse_qs(urlsplit(url).query)["user_id"][0]


def posted(shop: RecordedShop, state: str, **other: Any) -> Any:
    recorded = json.loads((shop.folder / "wc-auth/flow-6-callback-post-received.json").read_text())
    return {**json.loads(recorded["request"]["body_text"]), "user_id": state, **other}


def grant_of(process: Process) -> Grant:
    with process.database.reading() as session:
        return session.scalars(select(Grant).order_by(Grant.id.desc())).first()  # type: ignore[return-value]


def test_the_merchant_is_sent_to_woocommerce_s_own_page(ready: Process, asked: tuple[int, str]) -> None:
    with ready.database.unit() as session:
        url = grants.start(session, ready, session.get_one(Store, asked[0]))
    parts, query = urlsplit(url), parse_qs(urlsplit(url).query)
    assert (parts.netloc, parts.path) == ("store.localhost:8443", "/wc-auth/v1/authorize")
    assert query["scope"] == ["read_write"]
    state = query["user_id"][0]
    assert len(state) >= 22, "at least 128 random bits"
    assert query["callback_url"] == [f"{ready.config.public_url}/callbacks/woocommerce/{state}"]
    assert query["return_url"] == [f"{ready.config.public_url}/callbacks/woocommerce/{state}/return"]


def test_keys_are_answered_at_once_and_tried_by_a_job(
    shop: RecordedShop, ready: Process, asked: tuple[int, str], read_store: Read, bells: queues.MemoryBells
) -> None:
    store_id, state = asked
    assert grants.receive(ready, state, posted(shop, state)) == 200
    assert shop.calls == [], "a shop with one worker waits for our answer before it can answer us"
    grant = grant_of(ready)
    assert grant.result == "received"
    assert "ck_" not in f"{grant.key_locked}{grant.secret_locked}"
    assert read_store(store_id).state == "connecting"
    assert bells.pending == [(LIVE, "try_grant", (grant.id,))]

    jobs.try_grant(grant.id)
    store = read_store(store_id)
    assert (store.state, store.key_tail) == ("connected", "26ea")
    assert (store.import_elements, store.sync_contacts) == (["orders"], False)
    grant = grant_of(ready)
    assert (grant.result, grant.key_locked, grant.secret_locked) == ("accepted", None, None)


def test_a_second_click_on_the_same_link_is_taken_and_ignored(
    shop: RecordedShop, ready: Process, asked: tuple[int, str], read_store: Read
) -> None:
    store_id, state = asked
    grants.receive(ready, state, posted(shop, state))
    other = posted(shop, state, consumer_key="ck_" + "9" * 40)
    assert grants.receive(ready, state, other) == 200
    jobs.try_grant(grant_of(ready).id)
    assert grants.receive(ready, state, other) == 200
    jobs.try_grant(grant_of(ready).id)
    assert read_store(store_id).key_tail == "26ea", "the first accepted pair counts"


@pytest.mark.parametrize(
    ("document", "answer"),
    [
        ({"consumer_key": "ck_" + "1" * 40, "consumer_secret": "cs_" + "1" * 40, "key_permissions": "read_write"}, 400),
        ({"consumer_key": "", "consumer_secret": ""}, 400),
        ([], 400),
        (None, 400),
        ("ck_", 400),
    ],
)
def test_what_is_no_pair_of_keys_is_not_answered_200(
    shop: RecordedShop, ready: Process, asked: tuple[int, str], document: Any, answer: int
) -> None:
    assert grants.receive(ready, asked[1], document) == answer
    assert grant_of(ready).result == "waiting"


def test_keys_that_nobody_waits_for_are_handed_back(
    shop: RecordedShop, ready: Process, asked: tuple[int, str], clock: ClockHand
) -> None:
    assert grants.receive(ready, "no-such-state-at-all-1234", posted(shop, "no-such-state-at-all-1234")) == 404
    clock.advance(hours=3)
    assert grants.receive(ready, asked[1], posted(shop, asked[1])) == 404


def test_row_94_keys_granted_for_another_link_are_refused(
    shop: RecordedShop, ready: Process, asked: tuple[int, str]
) -> None:
    assert grants.receive(ready, asked[1], posted(shop, "another-state-another-state")) == 400


def test_refusal_keeps_every_choice_and_leaves_another_try_open(
    shop: RecordedShop, ready: Process, asked: tuple[int, str], read_store: Read
) -> None:
    store_id, state = asked
    with ready.database.unit() as session:
        grants.refuse(session, state)
        status = grants.status(session, state)
    assert status is not None
    assert status.result == "refused"
    assert "Your choices are kept" in status.error
    assert read_store(store_id).import_elements == ["orders"]
    assert grants.receive(ready, state, posted(shop, state)) == 200, "the merchant thought better of it"


def test_a_callback_that_never_comes_is_said(ready: Process, asked: tuple[int, str], clock: ClockHand) -> None:
    clock.advance(hours=2)
    with ready.database.reading() as session:
        status = grants.status(session, asked[1])
        assert grants.status(session, "unknown") is None
    assert status is not None
    assert status.result == "expired"
    assert "never sent the keys" in status.error


def test_granted_keys_that_do_not_serve_fail_with_their_sentence(
    shop: RecordedShop, ready: Process, asked: tuple[int, str], read_store: Read
) -> None:
    store_id, state = asked
    shop.plays("PUT", "orders/2147483647", "auth/read-key-post-to-unknown-order")
    grants.receive(ready, state, posted(shop, state, key_permissions="read"))
    jobs.try_grant(grant_of(ready).id)
    grant = grant_of(ready)
    assert (grant.result, grant.key_locked) == ("failed", None)
    assert "may only read" in grant.error
    assert read_store(store_id).state == "connecting"
    assert grants.receive(ready, state, posted(shop, state)) == 200, "another click brings another pair"


def test_keys_wait_for_a_shop_that_does_not_answer_and_the_sweep_tries_again(
    shop: RecordedShop, ready: Process, asked: tuple[int, str], read_store: Read, bells: queues.MemoryBells
) -> None:
    store_id, state = asked
    healthy = shop.answers["GET", "orders"]
    shop.does("GET", "orders", raising("timeout"))
    grants.receive(ready, state, posted(shop, state))
    bells.drain(LIVE)
    assert (grant_of(ready).result, read_store(store_id).state) == ("received", "connecting")
    shop.answers["GET", "orders"] = healthy
    jobs.ring_for_grants()
    bells.drain(LIVE)
    assert (grant_of(ready).result, read_store(store_id).state) == ("accepted", "connected")


def test_where_woocommerce_cannot_reach_us_no_permission_page_is_offered(ready: Process, account_id: int) -> None:
    with ready.database.unit() as session:
        store = create_pending_store(session, ready, account_id, "https://yourstore.com", CHOICES)
        with pytest.raises(InvalidInput, match="Type the keys in"):
            grants.start(session, ready, store)
        public = Process(replace(ready.config, public_url="https://app.example.com"), ready.database, ready.vault)
        assert grants.start(session, public, store).startswith("https://yourstore.com/wc-auth/v1/authorize?")
