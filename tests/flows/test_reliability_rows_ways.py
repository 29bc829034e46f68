"""Rows of the matrix about lists, importers and the way to a store, with all seven invariants after each.

What happens at the socket, with recorded pages or at the form is tested in its own room, under the same rows' names.
"""

from __future__ import annotations

import threading
import time
from dataclasses import replace
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from sqlalchemy import update

from referins_woo import process, safe_http
from referins_woo.commerce.models import Order
from referins_woo.config import Config
from referins_woo.errors import InvalidInput
from referins_woo.ingest import import_run, importing
from referins_woo.ingest import jobs as ingest_jobs
from referins_woo.ingest.models import Import
from referins_woo.stores import connect, disconnect, grants
from referins_woo.stores.choices import Choices
from referins_woo.stores.door import reaching
from referins_woo.stores.models import Store
from tests.flows.invariants import Watch
from tests.flows.rows import Watching, is_well, over, through, unnoticed, work
from tests.flows.test_store_faults import catch_up

pytestmark = pytest.mark.storm


@pytest.fixture
def backend() -> str:
    """What follows from an answer is the same on both databases."""
    return "sqlite"


def _small_pages(it: Watch) -> None:
    with it.merchant.process.database.unit() as session:
        session.execute(update(Store).where(Store.id == it.merchant.store_id).values(page_size=3))


def _begin(it: Watch) -> int:
    with it.merchant.process.database.unit() as session:
        begun = importing.start(session, session.get_one(Store, it.merchant.store_id), ["orders"])
        session.flush()
        return begun.id


@pytest.mark.parametrize("off", [-3, 5])
def test_row_24_a_wrong_total_neither_ends_a_list_nor_invents_a_hole(it: Watch, off: int) -> None:
    through(it, "wrong_total", number=off)
    unnoticed(it)
    over(it)


def test_row_25_the_same_page_for_ever_loses_nothing(it: Watch) -> None:
    _small_pages(it)
    it.merchant.practice.forget_requests()
    through(it, "repeat_page", path="orders")
    assert len(it.merchant.practice.requests) < 300, "no loop"
    is_well(it)
    over(it)


def test_row_26_orders_that_come_and_go_during_the_walk_lose_no_other(
    it: Watch, monkeypatch: pytest.MonkeyPatch
) -> None:
    _small_pages(it)
    history = sorted(row.woo_id for row in it.merchant.rows(Order, Order.store_id == it.merchant.store_id))
    begun, commit, pages = _begin(it), import_run._commit, 0

    def drifting(*given: Any) -> None:
        nonlocal pages
        commit(*given)
        pages += 1
        if pages <= 2:
            it.merchant.practice.trash_order(history[pages - 1])
            it.merchant.practice.deliver_webhooks()
            it.sell(told=False)

    with monkeypatch.context() as drift:
        drift.setattr(import_run, "_commit", drifting)
        it.merchant.bells.drain("bulk")
    assert pages >= 2
    assert it.merchant.rows(Import, Import.id == begun)[0].state == "done"
    is_well(it)
    over(it)


def test_row_46_of_several_importers_of_one_store_one_works(it: Watch) -> None:
    begun = _begin(it)
    it.merchant.practice.fault("latency", path="orders", seconds=0.05)
    found: list[bool] = []
    workers = [
        threading.Thread(target=lambda: found.append(import_run.run(it.merchant.process, begun))) for _ in range(3)
    ]
    for worker in workers:
        worker.start()
    it.sell()
    for worker in workers:
        worker.join()
    assert len(found) == 3
    over(it)


def test_row_47_who_leaves_during_an_import_and_comes_back_has_all_and_nothing_twice(it: Watch) -> None:
    begun = _begin(it)
    before_leaving = it.sell()
    disconnect.disconnect(it.merchant.process, it.merchant.store_id)
    ingest_jobs.ring_for_imports()
    assert it.merchant.rows(Import, Import.id == begun)[0].state == "cancelled"
    it.merchant.bells.drain()
    before = it.merchant.store_id
    time.sleep(1.1)  # the store's clock counts whole seconds
    it.merchant.connect()
    assert it.merchant.store_id == before, "the same shop is the same store"
    del it.sold[before_leaving]  # history: coming back sets a new T0
    it.sell(paid=True)
    over(it)


def test_row_33_a_store_that_says_nothing_is_waited_for_no_longer_than_that(
    it: Watch, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as short:
        short.setattr(safe_http, "READ_SECONDS", 0.2)
        store = through(it, "latency", seconds=1.0, rounds=4)
        assert store.failures >= 1
        assert "in time" in store.last_error or "timed out" in store.last_error or "answer" in store.last_error
    is_well(it)
    over(it)


def test_row_34_a_redirect_is_not_followed_and_loses_nothing(it: Watch) -> None:
    it.merchant.practice.forget_requests()
    store = through(it, "status", status=301)
    assert "redirect" in store.last_error
    is_well(it)
    over(it)


def test_row_35_a_certificate_that_no_longer_holds_is_waited_out_and_never_passed_over(watching: Watching) -> None:
    with watching(tls=True) as it:
        trusting = it.merchant.process
        it.merchant.process = replace(trusting, config=replace(trusting.config, store_ca=None))
        process.use(it.merchant.process)
        it.merchant.practice.forget_requests()
        store = work(it, rounds=4)
        assert store.failures >= 1
        assert "certificate" in store.last_error.lower()
        assert it.merchant.practice.requests == [], "nothing was asked over a line that does not hold"
        is_well(it)
        it.merchant.process = trusting
        process.use(trusting)
        over(it)


def test_row_36_a_store_whose_name_leads_into_a_private_network_is_not_asked(
    it: Watch, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as guarded:
        guarded.setattr(Config, "allows_private_store", lambda self, origin: False)
        reaching.http_of.cache_clear()
        it.merchant.practice.forget_requests()
        store = work(it, rounds=4)
        assert store.failures >= 1
        assert it.merchant.practice.requests == []
        is_well(it)
    reaching.http_of.cache_clear()
    over(it)


def test_row_37_an_address_that_cannot_be_one_is_refused_and_changes_nothing(it: Watch) -> None:
    for url in ("https://user:word@shop.example", "https://shop.example:22", "file:///etc/passwd", "https://a\\b"):
        with pytest.raises(InvalidInput):
            connect.normalise_url(url, it.merchant.process.config)
    it.sell()
    catch_up(it.merchant)
    over(it)


def test_row_94_permissions_that_come_forged_twice_or_late_change_nothing(it: Watch) -> None:
    merchant = it.merchant
    account_id = merchant.store.account_id
    with merchant.process.database.unit() as session:
        pending = connect.create_pending_store(session, merchant.process, account_id, merchant.practice.url, Choices())
        state = parse_qs(urlsplit(grants.start(session, merchant.process, pending)).query)["user_id"][0]
        pending_id = pending.id
    key, secret = merchant.practice.new_key()

    def posted(said: str) -> dict[str, Any]:
        keys = {"consumer_key": key, "consumer_secret": secret, "key_permissions": "read_write"}
        return {"key_id": 1, "user_id": said, **keys}

    assert grants.receive(merchant.process, "no-such-state-at-all-1234", posted("no-such-state-at-all-1234")) == 404
    assert grants.receive(merchant.process, state, posted("another-state-another-state")) == 400
    assert merchant.rows(Store, Store.id == pending_id)[0].state == "connecting"
    it.sell()
    assert grants.receive(merchant.process, state, posted(state)) == 200
    assert grants.receive(merchant.process, state, posted(state)) == 200
    merchant.bells.drain()
    with merchant.process.database.reading() as session:
        told = grants.status(session, state)
    assert told is not None
    assert (told.result, told.account_id) == ("failed", account_id), "that shop is connected already"
    connected = [row.id for row in merchant.rows(Store, Store.account_id == account_id) if row.state == "connected"]
    assert connected == [merchant.store_id], "the same shop is the same store"
    merchant.clock.advance(hours=3)
    assert grants.receive(merchant.process, "another-late-state-12345", posted("another-late-state-12345")) == 404
    over(it)
