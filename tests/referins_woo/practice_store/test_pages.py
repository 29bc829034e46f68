"""The shop's pages: buying, and the buttons of an order; the endpoints for programs; the command."""

from __future__ import annotations

import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests

from referins_woo.practice_store import PracticeStore, StoreOptions
from referins_woo.practice_store.drawings import SHAPES
from referins_woo.practice_store.seed.catalogue import PRODUCTS


@pytest.fixture
def plain() -> Iterator[PracticeStore]:
    with PracticeStore(StoreOptions(webhook_delay=None)) as running:
        yield running


def buy(store: PracticeStore, **form: str) -> requests.Response:
    given = {"product": str(store.shop.world.product_ids.start), "slug": "stoneware-mug-oat", "quantity": "2"}
    given |= {"first_name": "Ann", "last_name": "Lee", "email": "ann@example.com", "buyer": "guest"}
    return requests.post(f"{store.url}/checkout", data={**given, **form})


def bought(store: PracticeStore, **form: str) -> dict:
    answer = buy(store, **form)
    number = re.search(r"/order/(\d+)/", answer.url)
    assert number, answer.text
    doc = store.order(int(number[1]))
    assert doc is not None
    return doc


@pytest.mark.parametrize(
    ("payment", "status", "paid"),
    [
        ("card", "processing", True),
        ("card-pending", "pending", False),
        ("card-failed", "failed", False),
        ("bacs", "on-hold", False),
        ("cod", "processing", False),
    ],
)
def test_each_way_to_pay_ends_in_its_status(payment: str, status: str, paid: bool, plain: PracticeStore) -> None:
    doc = bought(plain, payment=payment)
    assert (doc["status"], doc["paid"] is not None) == (status, paid)
    assert (doc["customer_id"], doc["billing"]["email"]) == (0, "ann@example.com")
    assert doc["line_items"][0]["quantity"] == 2


def test_one_buys_with_a_new_account_and_as_a_known_customer(plain: PracticeStore) -> None:
    new = bought(plain, buyer="new")
    user = plain.shop.get("customer", new["customer_id"])
    assert user is not None
    assert (user["email"], user["is_paying_customer"]) == ("ann@example.com", True)
    known = bought(plain, buyer=str(user["id"]), email="", first_name="", last_name="")
    assert (known["customer_id"], known["billing"]["email"]) == (user["id"], "ann@example.com")


def test_what_is_missing_is_said(plain: PracticeStore) -> None:
    assert "Please enter an e-mail address." in buy(plain, email="").text
    assert buy(plain, product="11", slug="nothing", email="").status_code == 404
    bought(plain, buyer="new")
    assert "already registered" in buy(plain, buyer="new").text


@pytest.mark.parametrize(
    ("payment", "presses", "status"),
    [
        ("card-pending", ["pay"], "processing"),
        ("card-pending", ["cancel"], "cancelled"),
        ("card", ["complete"], "completed"),
        ("card", ["refund"], "refunded"),
        ("card", ["trash"], "trash"),
        ("card", ["trash", "restore"], "processing"),
    ],
)
def test_buttons_move_an_order(payment: str, presses: list[str], status: str, plain: PracticeStore) -> None:
    order = bought(plain, payment=payment)["id"]
    for press in presses:
        page = requests.get(f"{plain.url}/order/{order}/").text
        assert f"/order/{order}/{press}" in page
        requests.post(f"{plain.url}/order/{order}/{press}", data={"back": "/"})
    doc = plain.order(order)
    assert doc is not None
    assert doc["status"] == status


def test_the_payment_link_of_an_order_leads_to_its_page(plain: PracticeStore) -> None:
    order = bought(plain, payment="card-pending")["id"]
    page = requests.get(f"{plain.url}/checkout/order-pay/{order}/?pay_for_order=true&key=x")
    assert "waits for its payment" in page.text
    assert requests.get(f"{plain.url}/order/9999999/").status_code == 404


def test_forms_of_other_sites_are_refused(plain: PracticeStore) -> None:
    answer = requests.post(f"{plain.url}/practice/faults/clear", headers={"Origin": "https://evil.example.com"})
    assert answer.status_code == 403


def test_every_page_and_picture_is_there(plain: PracticeStore) -> None:
    home = requests.get(plain.url).text
    sources = re.findall(r'(?:src|href)="(/[^"#]*)"', home)
    assert len(sources) > 40
    assert {requests.get(plain.url + source).status_code for source in sources} == {200}
    assert {row.get("shape", "box") for row in PRODUCTS} <= set(SHAPES)


def test_programs_move_the_shop(plain: PracticeStore) -> None:
    control = f"{plain.url}/practice"
    order = requests.post(f"{control}/orders", json={"billing": {"email": "x@example.com"}}).json()["id"]
    assert requests.post(f"{control}/orders/{order}/status", json={"status": "on-hold"}).json() == {"id": order}
    assert requests.post(f"{control}/orders/{order}/nonsense", json={}).status_code == 404
    assert requests.post(f"{control}/orders/999999/trash", json={}).status_code == 404
    product = requests.post(f"{control}/products", json={"name": "X", "regular_price": "1.00"}).json()["id"]
    requests.post(f"{control}/products/{product}", json={"regular_price": "2.00"})
    assert plain.shop.get("product", product)["regular_price"] == "2.00"  # type: ignore[index]
    assert requests.post(f"{control}/products/9999999", json={}).status_code == 404
    assert requests.post(f"{control}/customers", json={"email": "c@example.com"}).status_code == 201
    assert requests.post(f"{control}/customers", json={"email": "c@example.com"}).status_code == 400
    key = requests.post(f"{control}/keys", json={"permissions": "read"}).json()
    requests.post(f"{control}/keys/{key['id']}/permissions", json={"permissions": "write"})
    assert plain.keys[-1]["permissions"] == "write"
    requests.post(f"{control}/keys/{key['id']}/revoke", json={})
    assert len(plain.keys) == 1
    assert requests.post(f"{control}/keys", json={"permissions": "all"}).status_code == 400
    state = requests.get(f"{control}/state").json()
    assert (state["consumer_key"], state["password"]) == (plain.consumer_key, plain.admin_password)
    assert requests.get(f"{control}/webhooks").json() == []
    assert requests.post(f"{control}/webhooks/deliver", json={}).json() == {"delivered": 0}
    assert requests.get(f"{control}/requests").json()[-1]["path"] == "/practice/webhooks/deliver"
    assert requests.delete(f"{control}/requests").status_code == 200


def test_secrets_do_not_get_into_the_request_log(plain: PracticeStore) -> None:
    requests.get(f"{plain.url}/wp-json/wc/v3/orders?consumer_key=ck_1&consumer_secret=cs_secret&page=2")
    line = plain.requests[-1]
    assert "cs_secret" not in line.query
    assert "page=2" in line.query
    plain.forget_requests()
    assert plain.requests == []


def test_the_command_says_where_it_is_and_stops_when_told(tmp_path: Path) -> None:
    arguments = ["--port", "0", "--data", str(tmp_path), "--tls", "--size", "10", "--no-webhook-delay"]
    process = subprocess.Popen(
        [sys.executable, "-m", "referins_woo.practice_store", *arguments], stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    lines = [process.stdout.readline() for _ in range(6)]
    address = re.search(r"https://127\.0\.0\.1:\d+", lines[0])
    assert address
    authority = lines[5].split()[-1]
    session = requests.Session()
    session.trust_env = False
    assert session.get(f"{address[0]}/wp-json/", verify=authority).json()["name"] == "Marlow & Finch"
    process.send_signal(signal.SIGTERM)
    assert process.wait(10) == 0


def test_a_taken_port_is_said_in_one_line(plain: PracticeStore) -> None:
    port = plain.url.rsplit(":", 1)[1]
    command = [sys.executable, "-m", "referins_woo.practice_store", "--port", port]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert f"cannot listen on 127.0.0.1:{port}" in done.stderr
