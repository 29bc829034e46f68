"""Deliveries: what an action tells, when the body is built, the ping, counting failures."""

from __future__ import annotations

import base64
import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import requests

from referins_woo.practice_store import PracticeStore, StoreOptions
from referins_woo.practice_store.delivery import sign
from referins_woo.practice_store.webhooks import HOOKS
from tests.referins_woo.practice_store.receiver import Received, Receiver
from tests.referins_woo.practice_store.replay import unlike

V3 = "/wp-json/wc/v3/"
ACTIONS = (
    *("action.woocommerce_order_status_completed", "action.woocommerce_payment_complete"),
    "action.woocommerce_new_customer_note",
)


class Told:
    """One webhook for every topic, and a second one for order.updated, as when deliveries were recorded."""

    def __init__(self, shop: PracticeStore, api: requests.Session, receiver: Receiver) -> None:
        self.shop, self.api, self.receiver = shop, api, receiver
        for topic in ("order.updated", *HOOKS, *ACTIONS):
            body = {"topic": topic, "delivery_url": f"{receiver.url}/ok/{topic}", "secret": "abc"}
            assert self.ask("POST", "webhooks", body).status_code == 201

    def ask(self, method: str, path: str, body: Any = None) -> requests.Response:
        answer = self.api.request(method, f"{self.shop.url}{V3}{path}", json=body)
        assert answer.ok, answer.text
        return answer

    def made(self, path: str, body: Any) -> int:
        return int(self.ask("POST", path, body).json()["id"])

    def deliver(self) -> list[Received]:
        """Deliver what waits, and return it."""
        self.receiver.got.clear()
        self.shop.deliver_webhooks()
        return self.receiver.deliveries()


@pytest.fixture
def told(shop: PracticeStore, api: requests.Session, receiver: Receiver) -> Told:
    return Told(shop, api, receiver)


def topics(rows: list[Received]) -> list[str]:
    return [one.header("X-WC-Webhook-Topic") for one in rows]


def deliveries(shared: Path, scene: str) -> list[dict[str, Any]]:
    """Return the recorded deliveries of a scene."""
    folder = shared / "woocommerce/recordings/webhook-deliveries"
    return [json.loads(path.read_text())["request"] for path in sorted(folder.glob(f"{scene}-[0-9][0-9]-*.json"))]


def scenes(told: Told) -> Iterator[str]:
    """Do what was recorded, one scene after the other; the name of each comes when it is done."""
    shop, ask, made = told.shop, told.ask, told.made
    stocked, varied, throw = shop.shop.world.product_ids.start, 18, shop.shop.world.variation_ids.start
    lines = [{"product_id": stocked, "quantity": 1}, {"product_id": varied, "variation_id": throw}]
    paid = made("orders", {"set_paid": True, "payment_method": "cod", "line_items": lines})
    yield "order-created-by-rest-paid"
    ask("PUT", f"orders/{paid}", {"status": "completed"})
    yield "order-status-completed-by-rest"
    ask("PUT", f"orders/{paid}", {"status": "completed"})
    yield "order-status-completed-again"
    ask("POST", f"orders/{paid}/notes", {"note": "On its way", "customer_note": True})
    yield "order-note-customer"
    ask("POST", f"orders/{paid}/refunds", {"amount": "1.00", "api_refund": False})
    yield "order-refund-partial"
    pending = made("orders", {})
    yield "order-created-pending"
    for status in ("processing", "on-hold", "completed"):
        ask("PUT", f"orders/{pending}", {"status": status})
    yield "order-three-status-changes-before-the-queue-runs"
    ask("DELETE", f"orders/{pending}")
    yield "order-trashed"
    shop.restore_order(pending)
    yield "order-restored"
    ask("PUT", f"orders/{paid}", {})
    ask("DELETE", f"orders/{paid}?force=true")
    yield "order-updated-then-force-deleted-before-delivery"
    ask("DELETE", f"orders/{pending}?force=true")
    yield "order-force-deleted"
    user = made("customers", {"email": "ines@example.com"})
    yield "customer-created-by-rest"
    ask("PUT", f"customers/{user}", {"first_name": "Inès"})
    yield "customer-updated-by-rest"
    ask("DELETE", f"customers/{user}?force=true")
    yield "customer-deleted-by-rest"
    shop.create_customer("reader@example.org", roles=["subscriber"])
    yield "customer-topic-for-a-new-subscriber"
    shop.update_customer(1, first_name="Ada")
    yield "customer-topic-for-an-admin-profile-save"
    product = made("products", {"name": "Slate Board", "regular_price": "9.00"})
    yield "product-created-by-rest"
    ask("PUT", f"products/{product}", {"manage_stock": True, "stock_quantity": 3})
    yield "product-stock-updated-by-rest"
    ask("PUT", f"products/{product}", {"stock_quantity": 3})
    yield "product-stock-same-value"
    ask("POST", "products/batch", {"update": [{"id": i, "stock_quantity": 8} for i in (stocked, product)]})
    yield "product-batch-stock"
    ask("PUT", f"products/{varied}/variations/{throw}", {"stock_quantity": 5})
    yield "product-variation-stock"
    made(f"products/{varied}/variations", {"regular_price": "1.00"})
    yield "product-variation-created"
    made("products", {"name": "Draft", "status": "draft"})
    yield "product-draft-created"
    ask("DELETE", f"products/{product}")
    yield "product-trashed"
    shop.restore_product(product)
    yield "product-restored"
    ask("DELETE", f"products/{product}?force=true")
    yield "product-force-deleted"
    coupon = made("coupons", {"code": "spring", "amount": "5"})
    yield "coupon-created-by-rest"
    ask("PUT", f"coupons/{coupon}", {"amount": "6"})
    yield "coupon-updated-by-rest"
    ask("DELETE", f"coupons/{coupon}")
    yield "coupon-trashed"
    shop.restore_coupon(coupon)
    yield "coupon-restored"
    buyer = {"first_name": "Mina", "last_name": "Cole", "email": "mina@example.com", "quantity": "1", "buyer": "guest"}
    unstocked = str(shop.create_product("Paper Star", "3.00"))
    told.deliver()
    for scene, more in (
        ("checkout-block-store-api-bacs", {"payment": "bacs", "product": str(stocked)}),
        ("checkout-classic-cod", {"payment": "cod", "product": unstocked}),
        ("checkout-classic-with-new-account", {"payment": "cod", "product": unstocked, "buyer": "new"}),
    ):
        told.api.post(f"{shop.url}/checkout", data={**buyer, **more}, auth=("", ""))
        yield scene


def test_every_action_tells_what_was_recorded_in_its_order_and_its_form(told: Told, shared: Path) -> None:
    """Topics of every recorded scene, in the order in which they came, and the keys of every body."""
    path = shared / "woocommerce/recordings/webhook-deliveries/observed-deliveries-per-action.json"
    recorded = {name: [row["topic"] for row in rows] for name, rows in json.loads(path.read_text())["scenes"].items()}
    seen: dict[str, list[str]] = {}
    problems: list[str] = []
    compared = 0
    for scene in scenes(told):
        came = told.deliver()
        seen[scene] = topics(came)
        for one, theirs in zip(came, deliveries(shared, scene), strict=False):
            told_of = dict(theirs["headers"])["X-WC-Webhook-Topic"]
            compared += 1
            if one.header("X-WC-Webhook-Topic") == told_of:
                rows = unlike(json.loads(theirs["body_text"]), json.loads(one.body), "")
                problems += [
                    f"{scene} {told_of} {path}: {b}, recorded {a}" for path, a, b in rows if path.endswith(".*")
                ]
            assert [name for name, _ in one.headers] == [name for name, _ in theirs["headers"]]
    assert seen == recorded
    assert compared >= 55
    assert not problems, "\n" + "\n".join(problems)


def test_the_body_is_built_when_it_is_sent(shop: PracticeStore, told: Told, receiver: Receiver) -> None:
    order = shop.create_order(email="late@example.com")
    shop.pay(order)
    told.deliver()
    created = next(one for one in receiver.deliveries() if one.header("X-WC-Webhook-Topic") == "order.created")
    assert json.loads(created.body)["status"] == "processing"


def test_a_thing_deleted_meanwhile_is_told_as_an_error(shop: PracticeStore, told: Told, receiver: Receiver) -> None:
    order = shop.create_order()
    shop.delete_order(order)
    told.deliver()
    assert json.loads(receiver.deliveries()[0].body) == {
        "code": "woocommerce_rest_shop_order_invalid_id",
        "message": "Invalid ID.",
        "data": {"status": 404},
    }


def test_headers_and_signature_are_those_recorded(
    shop: PracticeStore, told: Told, receiver: Receiver, shared: Path
) -> None:
    folder = shared / "woocommerce/recordings/webhook-deliveries"
    recorded = json.loads((folder / "order-created-pending-01-order-created.json").read_text())
    shop.create_order(first_name="Jörg/é")
    told.deliver()
    came = receiver.deliveries()[0]
    assert [name for name, _ in came.headers] == [name for name, _ in recorded["request"]["headers"]]
    assert came.header("X-WC-Webhook-Signature") == sign(came.body, "abc")
    assert came.header("X-WC-Webhook-Source") == f"{shop.url}/"
    assert len(came.header("X-WC-Webhook-Delivery-ID")) == 32
    assert b"J\\u00f6rg\\/\\u00e9" in came.body
    assert json.loads(came.body).keys() == json.loads(recorded["request"]["body_text"]).keys()


def test_signatures_of_recorded_deliveries_come_out_the_same(shared: Path) -> None:
    checked = 0
    for path in sorted((shared / "woocommerce/recordings/webhook-deliveries").glob("*.json")):
        one = json.loads(path.read_text())
        headers = dict(one["request"]["headers"]) if "webhook" in one else {}
        if "X-WC-Webhook-Signature" in headers:
            body = base64.b64decode(one["request"]["body_base64"])
            assert sign(body, one["webhook"]["secret"]) == headers["X-WC-Webhook-Signature"], path.stem
            checked += 1
    assert checked > 50


def test_the_ping_comes_before_the_answer_and_is_unsigned(
    shop: PracticeStore, api: requests.Session, receiver: Receiver, shared: Path
) -> None:
    folder = shared / "woocommerce/recordings/webhook-deliveries"
    recorded = json.loads((folder / "ping-on-create-order-created.json").read_text())
    answer = api.post(f"{shop.url}{V3}webhooks", json={"topic": "order.created", "delivery_url": f"{receiver.url}/ok/"})
    (ping,) = receiver.got
    assert ping.body == f"webhook_id={answer.json()['id']}".encode()
    assert {name for name, _ in ping.headers} == {name for name, _ in recorded["request"]["headers"]}


@pytest.mark.parametrize("status", [500, 204, 201, 302, 400, 401, 303])
def test_failures_count_as_recorded(
    status: int, shop: PracticeStore, api: requests.Session, receiver: Receiver, shared: Path
) -> None:
    file = shared / "woocommerce/recordings/webhooks/observed-answers-and-failure-counting.json"
    observed = json.loads(file.read_text())["observed"]
    events = observed["500 to every request" if status == 500 else str(status)]
    order = shop.create_order()
    path = "/redirect/" if status == 302 else f"/status/{status}/"
    body = {"topic": "order.updated", "delivery_url": receiver.url + path}
    hook = api.post(f"{shop.url}{V3}webhooks", json=body).json()["id"]
    for event in events:
        receiver.got.clear()
        shop.update_order(order)
        shop.deliver_webhooks()
        came = ["ping" if one in receiver.pings() else "delivery" for one in receiver.got]
        doc = next(doc for doc in shop.webhooks() if doc["id"] == hook)
        assert (came, doc["status"], doc["failures"]) == (
            event["requests_received"],
            event["webhook_status_after"],
            event["failure_count_after"],
        )
    if status == 500:
        api.put(f"{shop.url}{V3}webhooks/{hook}", json={"status": "active"})
        shop.update_order(order)
        shop.deliver_webhooks()
        assert api.get(f"{shop.url}{V3}webhooks/{hook}").json()["status"] == "disabled"


def test_the_owner_who_lost_his_rights_sends_errors(
    shop: PracticeStore, api: requests.Session, receiver: Receiver
) -> None:
    api.auth = shop.new_key("read_write", user_id=2)
    body = {"topic": "order.updated", "delivery_url": f"{receiver.url}/ok/"}
    api.post(f"{shop.url}{V3}webhooks", json=body)
    shop.update_customer(2, roles=["subscriber"])
    shop.create_order()
    shop.deliver_webhooks()
    assert json.loads(receiver.deliveries()[0].body)["code"] == "woocommerce_rest_cannot_view"


def test_it_delivers_by_itself_after_a_while(receiver: Receiver) -> None:
    with PracticeStore(StoreOptions(tls=True, webhook_delay=0.05)) as shop:
        session = requests.Session()
        session.trust_env = False
        body = {"topic": "order.created", "delivery_url": f"{receiver.url}/ok/"}
        auth = (shop.consumer_key, shop.consumer_secret)
        session.post(f"{shop.url}{V3}webhooks", json=body, auth=auth, verify=str(shop.ca_file))
        shop.create_order()
        for _ in range(100):
            if receiver.deliveries():
                break
            time.sleep(0.02)
        assert len(receiver.deliveries()) == 1


@pytest.mark.parametrize(("fault", "copies"), [("webhooks_dropped", 0), ("webhooks_duplicated", 2)])
def test_deliveries_can_be_lost_and_doubled(
    fault: str, copies: int, shop: PracticeStore, told: Told, receiver: Receiver
) -> None:
    shop.fault(fault, count=1)
    shop.create_order()
    rows = topics(told.deliver())
    assert rows.count("order.created") == copies
    assert rows.count("order.updated") == 2  # two webhooks listen to it


def test_a_strict_store_sends_nothing_to_private_addresses(receiver: Receiver) -> None:
    with PracticeStore(StoreOptions(tls=True, strict=True, webhook_delay=None)) as shop:
        session = requests.Session()
        session.trust_env = False
        body = {"topic": "order.created", "delivery_url": f"{receiver.url}/ok/"}
        auth = (shop.consumer_key, shop.consumer_secret)
        answer = session.post(f"{shop.url}{V3}webhooks", json=body, auth=auth, verify=str(shop.ca_file))
        shop.create_order()
        shop.deliver_webhooks()
        assert answer.status_code == 201
        assert receiver.got == []


def test_an_older_store_tells_a_trashed_order_as_coupon_and_product_too(receiver: Receiver, shared: Path) -> None:
    with PracticeStore(StoreOptions(tls=True, woocommerce="9.9", webhook_delay=None)) as older:
        session = requests.Session()
        session.trust_env, session.verify = False, str(older.ca_file)
        session.auth = (older.consumer_key, older.consumer_secret)
        told = Told(older, session, receiver)
        order = told.made("orders", {})
        told.deliver()
        told.ask("DELETE", f"orders/{order}")
        came = told.deliver()
    folder = shared / "woocommerce/recordings/older-version"
    recorded = [
        json.loads(path.read_text())["request"]
        for path in sorted(folder.glob("delivery-order-trashed-seen-by-all-deleted-topics-*.json"))
    ]
    assert topics(came) == [dict(one["headers"])["X-WC-Webhook-Topic"] for one in recorded]
    assert came[0].header("User-Agent") == dict(recorded[0]["headers"])["User-Agent"]
    assert {one.body for one in came} == {b'{"id":%d}' % order}
