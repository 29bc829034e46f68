"""Our webhooks in a store: made for what is switched on, healed, taken out again (S3, C14, facts 74-77, 89)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import select

from referins_woo import clock, queues
from referins_woo.bells import BULK
from referins_woo.process import Process
from referins_woo.safe_http import Reply
from referins_woo.stores import jobs, links, webhooks
from referins_woo.stores.connect import Choices, save_choices
from referins_woo.stores.disconnect import disconnect
from referins_woo.stores.models import Store, StoreLog, Webhook
from tests.referins_woo.stores.conftest import Call, RecordedShop, raising, reply

Read = Callable[[int], Store]
ALL = {*webhooks.ORDER_TOPICS, *webhooks.PRODUCT_TOPICS, *webhooks.CUSTOMER_TOPICS}


@dataclass
class Hooks:
    """The webhooks of a shop, behind its REST routes."""

    rows: dict[int, dict[str, Any]] = field(default_factory=dict)
    secrets: dict[int, str] = field(default_factory=dict)

    def add(self, topic: str, url: str, status: str = "active") -> int:
        woo_id = max(self.rows, default=0) + 1
        self.rows[woo_id] = {"id": woo_id, "topic": topic, "delivery_url": url, "status": status}
        return woo_id

    def listed(self, call: Call) -> Reply:
        start = int(call.query.get("offset", 0))
        rows = sorted(self.rows.values(), key=lambda row: row["id"])[start : start + int(call.query["per_page"])]
        return reply(200, rows, {"X-WP-Total": str(len(self.rows))})

    def created(self, call: Call) -> Reply:
        woo_id = self.add(call.body["topic"], call.body["delivery_url"])
        self.secrets[woo_id] = call.body["secret"]
        return reply(201, self.rows[woo_id])

    def deleted(self, call: Call) -> Reply:
        assert call.query == {"force": "true"}
        row = self.rows.pop(int(call.path.rpartition("/")[2]), None)
        missing = {"code": "woocommerce_rest_shop_webhook_invalid_id", "message": "Invalid ID."}
        return reply(200, row) if row else reply(404, missing)

    @property
    def topics(self) -> list[str]:
        return sorted(row["topic"] for row in self.rows.values())


@pytest.fixture
def hooks(shop: RecordedShop) -> Hooks:
    made = Hooks()
    shop.does("GET", "webhooks", made.listed)
    shop.does("POST", "webhooks", made.created)
    shop.does("DELETE", "webhooks/*", made.deleted)
    return made


@pytest.fixture
def address(ready: Process, store_id: int, read_store: Read) -> str:
    return links.hook_url(ready.config, read_store(store_id).hook_token)


def rows(process: Process) -> list[Webhook]:
    with process.database.reading() as session:
        return list(session.scalars(select(Webhook).order_by(Webhook.woo_id)))


def test_one_webhook_is_made_for_each_topic_with_the_store_s_secret(
    hooks: Hooks, ready: Process, store_id: int, read_store: Read, address: str
) -> None:
    jobs.heal_webhooks(store_id)
    assert hooks.topics == sorted(ALL)
    assert {row["delivery_url"] for row in hooks.rows.values()} == {address}
    (secret,) = set(hooks.secrets.values())
    assert secret.isalnum() and len(secret) == 48
    assert webhooks.accepted_secrets(ready.vault, read_store(store_id), clock.now()) == [secret]
    assert {row.topic for row in rows(ready)} == ALL


def test_healing_again_changes_nothing(hooks: Hooks, shop: RecordedShop, ready: Process, store_id: int) -> None:
    jobs.heal_webhooks(store_id)
    before = dict(hooks.rows)
    shop.calls.clear()
    jobs.heal_webhooks(store_id)
    assert hooks.rows == before
    assert [call.method for call in shop.calls] == ["GET"]


@pytest.mark.parametrize("status", ["disabled", "paused"])
def test_what_is_not_active_is_made_anew_because_its_failures_stay_counted(
    hooks: Hooks, ready: Process, store_id: int, status: str
) -> None:
    jobs.heal_webhooks(store_id)
    broken = next(woo_id for woo_id, row in hooks.rows.items() if row["topic"] == "order.updated")
    hooks.rows[broken]["status"] = status
    jobs.heal_webhooks(store_id)
    assert broken not in hooks.rows
    assert hooks.topics == sorted(ALL)
    with ready.database.reading() as session:
        logged = [row.text for row in session.scalars(select(StoreLog))]
    assert logged == [f"Webhooks made anew: order.updated was {status}."]


def test_missing_doubled_and_moved_webhooks_are_put_right(
    hooks: Hooks, ready: Process, store_id: int, address: str
) -> None:
    jobs.heal_webhooks(store_id)
    by_topic = {row["topic"]: woo_id for woo_id, row in hooks.rows.items()}
    del hooks.rows[by_topic["order.created"]]
    hooks.rows[by_topic["product.updated"]]["delivery_url"] = "https://old.example.com/hook"
    hooks.rows[by_topic["customer.created"]]["topic"] = ""
    hooks.add("order.updated", address)
    jobs.heal_webhooks(store_id)
    assert hooks.topics == sorted(ALL)
    assert {row["delivery_url"] for row in hooks.rows.values()} == {address}
    assert len(rows(ready)) == len(ALL)


def test_webhooks_of_others_are_left_alone(hooks: Hooks, ready: Process, store_id: int) -> None:
    foreign = hooks.add("order.created", "https://somebody.example.com/hook")
    jobs.heal_webhooks(store_id)
    with ready.database.unit() as session:
        save_choices(session, session.get_one(Store, store_id), Choices(sync=frozenset()))
    jobs.heal_webhooks(store_id)
    assert list(hooks.rows) == [foreign]


def test_one_made_just_before_a_crash_does_not_stay_twice(
    hooks: Hooks, shop: RecordedShop, ready: Process, store_id: int
) -> None:
    def made_but_unanswered(call: Call) -> Reply:
        hooks.created(call)
        return raising("timeout")(call)

    shop.does("POST", "webhooks", made_but_unanswered, hooks.created)
    jobs.heal_webhooks(store_id)
    with ready.database.unit() as session:
        session.get_one(Store, store_id).retry_after = None
    jobs.heal_webhooks(store_id)
    assert hooks.topics == sorted(ALL)


@pytest.mark.parametrize(
    ("sync", "topics"),
    [
        ({"orders"}, set(webhooks.ORDER_TOPICS)),
        ({"payment-received"}, set(webhooks.ORDER_TOPICS)),
        ({"transactions"}, set(webhooks.ORDER_TOPICS)),
        ({"collections"}, set(webhooks.PRODUCT_TOPICS)),
        ({"contacts"}, set(webhooks.CUSTOMER_TOPICS)),
        (set(), set()),
    ],
)
def test_switches_decide_which_topics_there_are(
    hooks: Hooks, ready: Process, store_id: int, bells: queues.MemoryBells, sync: set[str], topics: set[str]
) -> None:
    jobs.heal_webhooks(store_id)
    with ready.database.unit() as session:
        save_choices(session, session.get_one(Store, store_id), Choices(sync=frozenset(sync)))
    bells.drain(BULK)
    assert set(hooks.topics) == topics


def test_a_store_that_cannot_reach_us_has_none(hooks: Hooks, ready: Process, store_id: int) -> None:
    with ready.database.unit() as session:
        session.get_one(Store, store_id).sweep_only = True
    jobs.heal_webhooks(store_id)
    assert hooks.rows == {}


def test_disconnecting_takes_ours_out_and_leaves_the_others(hooks: Hooks, ready: Process, store_id: int) -> None:
    foreign = hooks.add("order.created", "https://somebody.example.com/hook")
    jobs.heal_webhooks(store_id)
    disconnect(ready, store_id)
    assert list(hooks.rows) == [foreign]
    assert rows(ready) == []


def test_a_shop_that_does_not_answer_is_disconnected_all_the_same(
    hooks: Hooks, shop: RecordedShop, ready: Process, store_id: int, read_store: Read
) -> None:
    shop.does("GET", "webhooks", raising("refused"))
    disconnect(ready, store_id)
    store = read_store(store_id)
    assert (store.state, store.key_locked, store.secret_locked) == ("disconnected", None, None)


def test_the_previous_secret_is_accepted_for_a_day(ready: Process, store_id: int) -> None:
    now = clock.now()
    with ready.database.unit() as session:
        store = session.get_one(Store, store_id)
        store.previous_hook_secret_locked = ready.vault.lock("old")
        store.previous_hook_secret_until = now + timedelta(hours=24)
        assert webhooks.accepted_secrets(ready.vault, store, now)[1:] == ["old"]
        assert webhooks.accepted_secrets(ready.vault, store, now + timedelta(hours=24))[1:] == []
