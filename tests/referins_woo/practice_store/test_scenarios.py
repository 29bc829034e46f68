"""Scenarios: each does what it says, from Python, from the command line and from the page."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Iterator
from typing import Any

import pytest
import requests
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page

from referins_woo.practice_store import PracticeStore, StoreOptions, main
from referins_woo.practice_store.scenarios import GROUPS, SCENARIOS

BUYING: dict[str, tuple[str, bool]] = {
    "guest-checkout": ("processing", True),
    "registered-customer": ("processing", True),
    "failed-card": ("processing", True),
    "cash-on-delivery": ("processing", False),
    "bank-transfer": ("on-hold", False),
    "partial-refund": ("processing", True),
    "full-refund": ("refunded", True),
    "cancel": ("cancelled", False),
    "trash-and-restore": ("processing", True),
}
"""Scenario to the status of the order that it leaves, and whether that was paid."""


@pytest.fixture
def plain() -> Iterator[PracticeStore]:
    with PracticeStore(StoreOptions(webhook_delay=None)) as running:
        yield running


def play(store: PracticeStore, name: str, **options: float) -> dict[str, Any]:
    """Play over HTTP, and wait until it is over."""
    told: dict[str, Any] = requests.post(f"{store.url}/practice/scenarios/{name}", json=options).json()
    deadline = time.monotonic() + 30
    while told.get("running") and time.monotonic() < deadline:
        time.sleep(0.02)
        told = requests.get(f"{store.url}/practice/scenarios/played/{told['number']}").json()
    return told


@pytest.mark.parametrize("name", BUYING)
def test_an_order_ends_in_its_status(name: str, plain: PracticeStore) -> None:
    told = play(plain, name)
    number = re.search(r"order (\d+) of", told["did"][0])
    assert number
    doc = plain.order(int(number[1])) or {}
    assert (doc["status"], doc["paid"] is not None) == BUYING[name]
    assert (doc["customer_id"] > 0) is (name == "registered-customer")
    refunded = -sum(float(row["total"]) for row in doc["refunds"])
    shares = {"partial-refund": 0.5, "full-refund": 1.0}
    assert refunded == pytest.approx(float(doc["total"]) * shares.get(name, 0), abs=0.01)


def test_goods_change(plain: PracticeStore) -> None:
    first = plain.shop.world.product_ids.start
    before = plain.shop.get("product", first) or {}
    play(plain, "product-change")
    play(plain, "stock-change")
    after = plain.shop.get("product", first) or {}
    assert float(after["regular_price"]) == float(before["regular_price"]) + 1
    assert after["stock_quantity"] == before["stock_quantity"] - 1


def test_a_storm_makes_every_order_and_says_how_far_it_is(plain: PracticeStore) -> None:
    told = play(plain, "webhook-storm", per_second=200, seconds=0.2)
    first, last = re.search(r"Orders (\d+) to (\d+)", told["did"][-1]).groups()  # type: ignore[union-attr]
    assert int(last) - int(first) == 39
    assert told["did"][0] == "4 of 40 orders made."
    assert all((plain.order(i) or {})["status"] == "processing" for i in range(int(first), int(last) + 1))


def test_trouble_comes_and_goes(plain: PracticeStore) -> None:
    orders = f"{plain.url}/wp-json/wc/v3/orders"
    play(plain, "maintenance", lasts=60)
    assert requests.get(orders).status_code == 503
    assert requests.get(f"{plain.url}/practice").status_code == 200
    play(plain, "mend")
    play(plain, "moved-site")
    assert requests.get(orders).status_code == 404
    play(plain, "mend")
    play(plain, "slow-store", lasts=0.05)
    time.sleep(0.06)
    assert requests.get(orders).elapsed.total_seconds() < 3  # it has ended by itself
    play(plain, "key-read-only")
    assert {key["permissions"] for key in plain.keys} == {"read"}
    play(plain, "mend")
    assert {key["permissions"] for key in plain.keys} == {"read_write"}


def test_a_revoked_key_is_gone_for_good_and_another_one_is_ready(tmp_path: Any) -> None:
    options = StoreOptions(data=tmp_path, webhook_delay=None)
    with PracticeStore(options) as shop:
        gone = shop.consumer_key
        told = play(shop, "key-revoked")
        (left,) = shop.keys
        assert left["key"] != gone
        assert left["secret"] in told["did"][-1]
    with PracticeStore(options) as again:
        assert [key["key"] for key in again.keys] == [left["key"]] == [again.consumer_key]


def test_webhooks_go_off_without_a_word(plain: PracticeStore) -> None:
    assert "connect the shop first" in play(plain, "hooks-disabled")["did"][0]
    hook = {"id": 1, "topic": "order.created", "status": "active", "failures": 0, "created": 0, "name": "x"}
    plain.shop.save("webhook", {**hook, "hooks": [], "delivery_url": "http://127.0.0.1:9/", "secret": "x", "owner": 1})
    play(plain, "hooks-disabled")
    assert plain.webhooks()[0]["status"] == "disabled"
    assert plain.deliver_webhooks() == 0


def test_what_cannot_be_played_is_said(plain: PracticeStore) -> None:
    url = f"{plain.url}/practice/scenarios"
    assert "choose one of guest-checkout" in requests.post(f"{url}/nonsense", json={}).json()["error"]
    assert "takes no lasts" in requests.post(f"{url}/cancel", json={"lasts": 3}).json()["error"]
    assert "1 to 10,000" in requests.post(f"{url}/webhook-storm", json={"per_second": 9e9}).json()["error"]
    assert requests.post(f"{url}/webhook-storm", json={"per_second": "many"}).status_code == 400
    assert requests.get(f"{url}/played/99").status_code == 404
    page = requests.post(f"{url}/webhook-storm", data={"per_second": "0", "seconds": "1", "from_page": "1"})
    assert "choose other numbers" in page.text
    with PracticeStore(StoreOptions(size=0, webhook_delay=None)) as empty:
        answer = requests.post(f"{empty.url}/practice/scenarios/guest-checkout", json={})
        assert "no goods that can be bought" in answer.json()["error"]


def test_the_command_plays_and_lists(plain: PracticeStore, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["scenario", "full-refund", "--url", plain.url]) == 0
    said = capsys.readouterr().out
    assert "Refunded all of it." in said
    assert f"You will see: {SCENARIOS['full-refund'].sees}" in said
    assert main(["scenario", "webhook-storm", "--per-second", "100", "--seconds", "0.1", "--url", plain.url]) == 0
    assert "10 of 10 orders made." in capsys.readouterr().out
    assert main(["scenario", "cancel", "--json", "--url", plain.url]) == 0
    assert json.loads(capsys.readouterr().out)["name"] == "cancel"
    assert main(["scenario"]) == 0
    listed = capsys.readouterr().out
    assert [name for name in SCENARIOS if f"  {name} " not in listed] == []
    assert main(["scenario", "--json"]) == 0
    assert [row["name"] for row in json.loads(capsys.readouterr().out)] == list(SCENARIOS)
    assert main(["scenario", "cancel", "--url", "http://127.0.0.1:9"]) == 1
    assert "No practice store answers at http://127.0.0.1:9" in capsys.readouterr().err
    assert main(["scenario", "cancel", "--lasts", "3", "--url", plain.url]) == 1
    assert "takes no lasts" in capsys.readouterr().err
    with pytest.raises(SystemExit, match="2"):
        main(["scenario", "nonsense"])


def test_the_site_moves_to_another_zone(plain: PracticeStore) -> None:
    url = f"{plain.url}/practice/site"
    assert requests.post(url, json={"timezone": "+05:30", "decimals": "0"}).json()["decimals"] == 0
    index = requests.get(f"{plain.url}/wp-json/").json()
    assert (index["gmt_offset"], index["timezone_string"]) == ("5.5", "")
    assert "no time zone" in requests.post(url, json={"timezone": "Nowhere/Land"}).json()["error"]
    assert requests.post(url, json={"decimals": "99"}).status_code == 400


@pytest.mark.parametrize("width", [1440, 375])
def test_one_plays_from_the_page_and_reads_what_comes(width: int, plain: PracticeStore, page: Page) -> None:
    page.set_viewport_size({"width": width, "height": 900})
    page.goto(f"{plain.url}/practice")
    assert page.locator(".scene-group").count() == len(GROUPS)
    for scenario in SCENARIOS.values():
        assert page.get_by_text(scenario.sees).count() == 1
    page.locator('form[action="/practice/scenarios/partial-refund"] button').click()
    assert page.locator(".played h3").first.inner_text() == "Half of an order is refunded"
    assert "Refunded $" in page.locator(".played li").nth(1).inner_text()
    plain.fault("latency", seconds=0.1)
    page.reload()
    found = Axe().run(page)
    assert found.violations_count == 0, found.generate_report()
    assert page.evaluate("document.documentElement.scrollWidth") <= width
